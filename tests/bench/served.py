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
WRK = f"""
wrk.method = "POST"
wrk.body = [[{BODY}]]
wrk.headers["Content-Type"] = "application/json"
"""


def rows(short):
    """Yield a row for each server and request. If a server is not there, or no loader is, say so and leave it out."""
    if not shutil.which("wrk") and not shutil.which("npx"):
        print("neither wrk nor npx is installed: nothing is measured over a socket", file=sys.stderr)
        return
    for server in ["gunicorn", "granian"] if short else SERVERS:
        if importlib.util.find_spec(server):
            yield from rows_of_server(server, ["todomvc", "floor"] if short else list(APPS), 1 if short else 5)
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
    """Return the requests a second that wrk, or else autocannon, gets answered over 16 connections."""
    loader = with_wrk if shutil.which("wrk") else with_autocannon
    if request == "read":
        return loader(f"http://127.0.0.1:{port}/todos/0")
    return loader(f"http://127.0.0.1:{port}/todos/", creating=True)


def with_wrk(url, creating=False):
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK if creating else "")
        script.flush()
        said = output(["wrk", "-t1", "-c16", "-d1s", "-s", script.name, url])
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return float(re.search(r"Requests/sec: +([0-9.]+)", said)[1])


def with_autocannon(url, creating=False):
    post = ["-m", "POST", "-b", BODY, "-H", "Content-Type: application/json"] if creating else []
    said = json.loads(output(["npx", "--yes", "autocannon@8", "-j", "-c16", "-d1", *post, url]))
    if said["non2xx"] or said["errors"]:
        raise RuntimeError(said)
    return said["requests"]["average"]


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
