"""What a request costs as the list grows, and what a todo takes of memory."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys

from tests.bench.figures import COST, Row, row_of_rounds
from tests.bench.in_process import CHANGE, PAGE, TODO, Request, change, seconds_each
from tests.bench.peers.ours import make_app
from tests.bench.processes import ROOT

REQUESTS = {"read": Request("GET", "/todos/5"), "update": CHANGE, "create": Request("POST", "/todos/", TODO)}
NUMBERS = itertools.count(2)
SHARES = {"": 0, ", 90 % deleted": 90}
MEMORY = """
import sys
from tests.bench.growth import todos
from tests.bench.peers.ours import list_of
from tests.bench.processes import memory
before = memory("self", "VmRSS")
made = list_of(todos(int(sys.argv[1]), int(sys.argv[2])))
print(memory("self", "VmRSS") - before)
"""


def rows(short):
    """Yield the cost of each request at each size, and the memory of the largest."""
    sizes = [1000, 10_000] if short else [1000, 10_000, 100_000, 1_000_000]
    for words, deleted in SHARES.items():
        apps = {size: make_app(todos(size, deleted)) for size in sizes}
        rounds = [{size: time_changed_page(apps[size]) for size in sizes} for _ in range(3 if short else 9)]
        yield from rows_by_size("page, changed", words, rounds)
        for name, request in REQUESTS.items():
            rounds = [{size: time_request(apps[size], request) for size in sizes} for _ in range(3 if short else 51)]
            yield from rows_by_size(name, words, rounds)
        yield memory(sizes[-1], deleted, words)


def todos(size, deleted):
    """Yield that many todos, of which so many in a hundred are deleted, the sixth of a hundred last."""
    for id in range(size):
        yield None if (id - 6) % 100 < deleted else {**TODO, "order": id}


def time_request(app, request):
    """Return the microseconds of a request, of a hundred: 51 rounds of creating make a list of 1,000 one of 6,100."""
    return seconds_each(app, [request.fresh() for _ in range(100)]) * 1e6


def time_changed_page(app):
    change(next(NUMBERS)).answer(app)
    return seconds_each(app, [PAGE.fresh()]) * 1e6


def rows_by_size(name, words, rounds):
    smallest, *larger = rounds[0]
    for size in larger:
        pairs = [{"todomvc": figures[size], f"{smallest:,} todos": figures[smallest]} for figures in rounds]
        yield row_of_rounds("growth", f"{name}, {size:,} todos{words}", "us", pairs, {f"{smallest:,} todos": COST})


def memory(size, deleted, words):
    """Return the row of what a list takes in a process of its own."""
    command = [sys.executable, "-c", MEMORY, str(size), str(deleted)]
    taken = [int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout) for _ in range(3)]
    row = Row("growth", f"memory, {size:,} todos{words}", "MiB", {"todomvc": statistics.median(taken) / 2**20})
    row.compare("in all", row.values["todomvc"], "MiB")
    row.compare("a todo", statistics.median(taken) / size, "bytes")
    return row
