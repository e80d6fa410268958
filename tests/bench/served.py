"""The same applications behind servers, over loopback: requests a second, as a share of what the floor gets there."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from tests.bench.figures import RATE, SHARE, row_of_rounds
from tests.bench.in_process import TODO
from tests.bench.processes import ask, free_port, running

BJOERN = "import bjoern, sys, importlib; bjoern.run(importlib.import_module(sys.argv[1]).app, '127.0.0.1', {port})"
SERVERS = {  # one process each
    "gunicorn": ["-m", "gunicorn", "-k", "gthread", "--threads", "4", "-b", "127.0.0.1:{port}", "{module}:app"],
    "waitress": ["-m", "waitress", "--listen", "127.0.0.1:{port}", "{module}:app"],
    "granian": ["-m", "granian", "--interface", "wsgi", "--port", "{port}", "{module}:app"],
    "bjoern": ["-c", BJOERN, "{module}"],
}
APPS = {
    "todomvc": "ours",
    "floor": "floor",
    "Falcon": "with_falcon",
    "Bottle": "with_bottle",
    "Werkzeug": "with_werkzeug",
    "Flask": "with_flask",
}
KINDS = {name: SHARE if name == "floor" else RATE for name in APPS if name != "todomvc"}
BODY = json.dumps(TODO)
CREATE = f"""
wrk.method = "POST"
wrk.body = [[{BODY}]]
wrk.headers["Content-Type"] = "application/json"
"""


def rows(short):
    """Yield a row for each server and request. Without wrk, or a server, say so and leave out what needs it."""
    if not shutil.which("wrk"):
        print("wrk is not installed: nothing is measured over a socket", file=sys.stderr)
        return
    for server in SERVERS:
        if importlib.util.find_spec(server):
            yield from rows_of_server(server, ["todomvc", "floor"] if short else list(APPS), 1 if short else 7)
        else:
            print(f"{server} is not installed: left out", file=sys.stderr)


def rows_of_server(server, names, count):
    """Run every application behind the server at once, and load one after the other."""
    with ExitStack() as stack:
        ports = {name: start(stack, SERVERS[server], APPS[name]) for name in names}
        for request in ("read", "create"):
            rounds = [{name: load(ports[name], request) for name in names} for _ in range(count)]
            kinds = {name: KINDS[name] for name in names[1:]}
            yield row_of_rounds("served", f"{server}: {request}", "/s", rounds, kinds)


def start(stack, command, app):
    """Start a server, give its application a todo to read, and return its port."""
    port = free_port()
    words = [word.format(port=port, module=f"tests.bench.peers.{app}") for word in command]
    process = stack.enter_context(running(*words))
    ask(port, process, "POST", body=BODY.encode())
    ask(port, process, path="/todos/0")
    return port


def load(port, request):
    """Return the requests a second that wrk gets answered."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(CREATE if request == "create" else "")
        script.flush()
        url = f"http://127.0.0.1:{port}/todos/" + ("0" if request == "read" else "")
        command = ["wrk", "-t1", "-c16", "-d1s", "-s", script.name, url]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return float(re.search(r"Requests/sec: +([0-9.]+)", said)[1])
