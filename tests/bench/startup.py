"""From the start of a process to its first answer, what it takes of memory by then, and what an import takes.

Each application is run by the server that its documentation begins with; todomvc.py both as the file, which Python
compiles at each start, and as pip's script runs it, compiled beforehand, as what the others are made of is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

from tests.bench.figures import FASTER, LESS, MORE_MIB, MORE_MS, row_of_rounds
from tests.bench.in_process import TODO
from tests.bench.processes import ENVIRONMENT, ROOT, ask, free_port, memory, running

PASS = "python3 -c pass"
WAYS = {"python3 todomvc.py": ["todomvc.py"], "compiled": ["-c", "from todomvc_server import main; main()"]}
COMMANDS = {
    **{name: [*command, "--db", ":memory:", "--port"] for name, command in WAYS.items()},
    "Falcon": ["tests/bench/peers/with_falcon.py"],
    "Bottle": ["tests/bench/peers/with_bottle.py"],
    "Werkzeug": ["tests/bench/peers/with_werkzeug.py"],
    "Flask": ["tests/bench/peers/with_flask.py"],
}
MODULES = {"todomvc": "todomvc", "Falcon": "falcon", "Bottle": "bottle", "Werkzeug": "werkzeug", "Flask": "flask"}
PEERS = [name for name in MODULES if name != "todomvc"]
FASTER_THAN_PEERS = {**dict.fromkeys(PEERS, FASTER), PASS: MORE_MS}
LESS_THAN_PEERS = {**dict.fromkeys(PEERS, LESS), PASS: MORE_MIB}


def rows(short):
    """Yield the rows: the time to the first answer, the peak of memory, the import."""
    count = 2 if short else 15
    rounds = [{PASS: run("pass"), **{name: first_answer(COMMANDS[name]) for name in COMMANDS}} for _ in range(count)]
    for way in WAYS:
        times, peaks = ([in_this_way(way, figures, i) for figures in rounds] for i in (0, 1))
        yield row_of_rounds("start-up", f"first answer, {way}", "ms", times, FASTER_THAN_PEERS)
        yield row_of_rounds("start-up", f"peak memory, 10 todos, {way}", "MiB", peaks, LESS_THAN_PEERS)
    statements = {PASS: "pass", **{name: f"import {module}" for name, module in MODULES.items()}}
    imports = [{name: run(statement)[0] for name, statement in statements.items()} for _ in range(count)]
    yield row_of_rounds("start-up", "import", "ms", imports, FASTER_THAN_PEERS)


def in_this_way(way, figures, i):
    """Return one of the figures of each subject, that of todomvc started in this way."""
    return {"todomvc": figures[way][i], **{name: taken[i] for name, taken in figures.items() if name not in WAYS}}


def first_answer(command):
    """Return the milliseconds to the first answer, and the MiB at the most, once there are 10 todos and a page."""
    port = free_port()
    start = time.perf_counter()
    with running(*command, str(port)) as process:
        ask(port, process)
        end = time.perf_counter()
        for _ in range(10):
            ask(port, process, "POST", body=json.dumps(TODO).encode())
        ask(port, process, path="/")
        return (end - start) * 1e3, memory(process.pid, "VmHWM") / 2**20


def run(statement):
    """Return the milliseconds that Python takes to run a statement and end, and the MiB that it takes at the most."""
    start = time.perf_counter()
    python(statement)
    end = time.perf_counter()
    status = python(f"{statement}\nprint(open('/proc/self/status').read())")
    return (end - start) * 1e3, int(re.search("VmHWM:\\s+([0-9]+)", status)[1]) / 2**10


def python(program):
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
