"""Processes to measure: started, answering, ended."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
for name in ("PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONWARNINGS"):
    ENVIRONMENT.pop(name, None)


@contextlib.contextmanager
def running(*arguments):
    """Start a Python process with these arguments, and end it."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=ENVIRONMENT, **quiet)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def connect(port, process):
    """Connect to the port as soon as the process listens at it."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.0005)
    raise RuntimeError(f"{process.args} does not listen")


def ask(port, process, method="GET", path="/todos/", body=b""):
    """Make a request of HTTP/1.0, whose answer ends with the connection; return the answer, all of it."""
    head = f"{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with connect(port, process) as connection, connection.makefile("rb") as answer:
        connection.sendall(head.encode() + b"\r\n" + body)
        said = answer.read()
    if b" 200 " not in said[:20]:
        raise RuntimeError(f"{process.args} answers {said[:200]!r}")
    return said


def memory(pid, name):
    """Return what Linux says of a process's memory, in bytes: VmHWM is its peak, VmRSS what it is now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024
