"""Servers of several processes, and what asks them."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def gunicorn(*arguments, cwd, application="todomvc:app", db="todos.db"):
    """Run gunicorn on a free port; give the process, with its URL in `url` and its log's path in `log`.

    db: what TODOMVC_DB is set to, or None to leave it unset.
    """
    pytest.importorskip("gunicorn")
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        "127.0.0.1:0",
        "--graceful-timeout",
        "5",
        *arguments,
        application,
    ]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{cwd}", "PYTHONWARNINGS": "", "PYTHONDEVMODE": ""}
    if db:
        environ["TODOMVC_DB"] = db
    with open(cwd / "gunicorn.log", "wb") as log:
        process = subprocess.Popen(command, cwd=cwd, env=environ, stdout=log, stderr=log)
    process.log = cwd / "gunicorn.log"
    try:
        process.url = wait_for(process, r"Listening at: (\S+)") + "/"
        wait_for(process, r"Booting worker")
        yield process
    finally:
        process.terminate()
        process.wait(20)


def wait_for(process, pattern):
    """Return what the log says, once it says it."""
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        found = re.search(pattern, process.log.read_text())
        if found:
            return found[found.re.groups]
        time.sleep(0.01)
    raise AssertionError(process.log.read_text())


def workers_of(process):
    """Return the ids of the worker processes, as many as were started and not ended since."""
    return [int(id) for id in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def connection_to(url):
    """Connect to a server; 20 seconds without an answer are an error."""
    return contextlib.closing(HTTPConnection(urlsplit(url).netloc, timeout=20))


def request_of(method, path, todo=None, key=None):
    """Return what to call HTTPConnection.request with, for a JSON body and an Idempotency-Key."""
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    return method, path, None if todo is None else json.dumps(todo), headers


def ask(url, method, path, todo=None, key=None):
    """Send a request by a connection of its own; return the status and the JSON of the answer.

    Raises OSError or HTTPException if there is no answer, or not all of it.
    """
    with connection_to(url) as connection:
        connection.request(*request_of(method, path, todo, key))
        response = connection.getresponse()
        if response.length is None:
            raise ConnectionError("the headers break off")
        return response.status, json.loads(response.read())
