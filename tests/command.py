"""The command, run to its end, and what talks to it while it serves."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from conftest import ROOT

from todomvc import TodoMVC
from todomvc_http import Server

JSON = {"Content-Type": "application/json"}

IN_MEMORY = ["--db", ":memory:"]


def run(folder, *arguments, program=ROOT / "todomvc.py", database=IN_MEMORY):
    """Run the command to its end."""
    command = [sys.executable, str(program), *database, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)


def refusal(process):
    """Return the one line that a refused command must say."""
    assert process.returncode not in {0, None}
    assert process.stdout == ""
    assert re.fullmatch(r"todomvc: [^\n]+\n", process.stderr), process.stderr
    return process.stderr


def address_of(process):
    url = urlsplit(process.url)
    return url.hostname, url.port


def request(process, path="/", method="GET", body=None, headers=JSON):
    """Send a request; return the status and the body. Ten seconds without an answer are an error."""
    with contextlib.closing(HTTPConnection(*address_of(process), timeout=10)) as connection:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()


@contextlib.contextmanager
def running(application=None):
    """Run the command's server in a thread; its application is in `todos`, and the one of todos by default."""
    server = Server("127.0.0.1", 0)
    server.todos = TodoMVC() if application is None else application
    server.url = f"http://{server.name}:{server.port}/"
    server.socket.settimeout(0.02)
    thread = threading.Thread(target=server.serve, args=(server.todos,))
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


def connect(process):
    return contextlib.closing(socket.create_connection(address_of(process), timeout=10))


def answer_to(process, *pieces, then=lambda connection: None):
    """Send bytes as they are, then do what `then` does to the connection; return all that comes back."""
    with connect(process) as connection:
        for piece in pieces:
            connection.sendall(piece)
        then(connection)
        return connection.makefile("rb").read()


def end_of_sending(connection):
    connection.shutdown(socket.SHUT_WR)


def heed_ctrl_c():
    """Undo what a shell does to a job that it runs in the background: there, Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until(condition):
    """Wait until it holds, half a minute at most."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
