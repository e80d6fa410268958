"""What it costs that nothing is lost: the list in a file against bare fsyncs and against the list in memory.

``python -m tests.bench.durable [--folder FOLDER] [--json FILE]``, with a folder on the disk to be measured. What stands
in a row was taken in turns, in the same seconds, on the same disk; the figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.processes import ROOT
from todomvc import TodoList
from todomvc_sqlite import SQLiteTodoList

TODO = {"title": "Buy a carton of milk", "completed": False, "order": 12345}
ROUNDS = 15
THREADS = 16
LARGE = 1_000_000
OPENING = """
import sys, time
from tests.bench.processes import memory
from todomvc_sqlite import SQLiteTodoList
before, start = memory("self", "VmRSS"), time.perf_counter()
todos = SQLiteTodoList(sys.argv[1])
todos.version
print(time.perf_counter() - start, (memory("self", "VmRSS") - before) / 2**20)
"""
CHANGING = """
import sys
from todomvc_sqlite import SQLiteTodoList
todos = SQLiteTodoList(sys.argv[1])
for line in sys.stdin:
    print(todos.update(int(line), {"changed": line}), flush=True)
"""


@dataclasses.dataclass
class Row:
    """A figure, what it is held against, and how it compares: their ratio, or what else the target is about."""

    name: str
    figure: float
    unit: str
    other: float | None
    comparison: float
    target: str

    @property
    def met(self):
        sign, number = self.target.split()[:2]
        return self.comparison <= float(number) if sign == "<=" else self.comparison >= float(number)


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.durable")
    parser.add_argument("--folder", help="where the files are made; by default among the temporary files")
    parser.add_argument("--json", metavar="FILE", help="where to write the table as JSON, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = [row for section in SECTIONS for row in section(Path(folder))]
    print(f"SQLite {sqlite3.sqlite_version}, Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    print(f"{'':58}{'figure':>14}{'against':>12}{'compared':>10}   target")
    for row in rows:
        print(line(row))
    if options.json:
        document = [{**dataclasses.asdict(row), "met": row.met} for row in rows]
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n")


def line(row):
    other = "" if row.other is None else f"{row.other:,.3g}" if row.other < 100 else f"{row.other:,.0f}"
    figure = f"{row.figure:,.3g}" if row.figure < 100 else f"{row.figure:,.0f}"
    met = "met" if row.met else "NOT MET"
    return f"{row.name:58}{figure + ' ' + row.unit:>14}{other:>12}{row.comparison:>10.3g}   {row.target}: {met}"


# Creating


def creating(folder):
    """Yield what a create costs, and how many a second several threads make, against write and fsync of one thread."""
    todos = SQLiteTodoList(folder / "creating.db")
    size = bytes_logged_by_create(todos)
    with bare_file(folder / "bare", size) as write:
        one = one_by_one(lambda: create(todos, 1), write)
        many = in_turns(lambda: create_at_once(todos, 4800), lambda: repeat(write, 300))
    medians, means = ([tuple(map(average, times)) for times in one] for average in (statistics.median, statistics.mean))
    yield row(f"a durable create, against write + fsync of its {size:,} bytes", medians, "us", "<= 1.3")
    yield row("the same on average, with the checkpoints", means, "us", "<= 1.3")
    name = f"creates of {THREADS} threads, against fsyncs of one"
    yield row(name, [(4800 / ours, 300 / bare) for ours, bare in many], "/s", ">= 2")


def bytes_logged_by_create(todos):
    """Return how long the log grows by a create: that is what it writes before its fsync."""
    log = Path(f"{todos.file.path}-wal")
    create(todos, 100)
    todos.file.writer.execute("PRAGMA wal_checkpoint(RESTART)")
    create(todos, 1)
    todos.file.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    create(todos, 1)
    before = log.stat().st_size
    create(todos, 50)
    return (log.stat().st_size - before) // 50


@contextlib.contextmanager
def bare_file(path, size):
    """Give a function that writes so many bytes and waits until they are on the disk, round and round as a log does."""
    data, length = os.urandom(size), 4 * 1024 * 1024 // size * size
    path.write_bytes(bytes(length))
    descriptor = os.open(path, os.O_RDWR)
    position = 0

    def write():
        nonlocal position
        os.pwrite(descriptor, data, position)
        os.fsync(descriptor)
        position = (position + size) % length

    yield write
    os.close(descriptor)


def create(todos, count):
    for _ in range(count):
        todos.create(TODO)


def create_at_once(todos, count):
    threads = [threading.Thread(target=create, args=(todos, count // THREADS)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def repeat(work, count):
    for _ in range(count):
        work()


# Reading


def reading(folder):
    """Yield what a read costs, against one from the list in memory."""
    lists = [SQLiteTodoList(folder / "reading.db"), TodoList()]
    for todos in lists:
        create(todos, 1000)
    times = in_turns(*(lambda todos=todos: read(todos, 10_000) for todos in lists))
    times = [(1e6 * file / 10_000, 1e6 * memory / 10_000) for file, memory in times]
    more = statistics.median(file - memory for file, memory in times)
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    yield Row(
        "a read, against one from memory (compared: the difference)", medians[0], "us", medians[1], more, "<= 8 us"
    )


def read(todos, count):
    for _ in range(count):
        todos.read(500)


# A large file


def large(folder):
    """Yield what opening a large file takes, and what seeing another process's change in it does."""
    sizes = {size: folder / f"{size}.db" for size in (1000, LARGE)}
    for size, path in sizes.items():
        fill(path, size)
    opened = [run(OPENING, sizes[LARGE]) for _ in range(3)]
    seconds, mib = (statistics.median(column) for column in zip(*opened, strict=True))
    yield Row(f"opening {LARGE:,} todos: time", seconds, "s", None, seconds, "<= 3 s")
    yield Row(f"opening {LARGE:,} todos: memory", mib, "MiB", None, mib, "<= 150 MiB")
    with contextlib.ExitStack() as stack:
        lists = [stack.enter_context(changed_by_another(path)) for path in sizes.values()]
        times = in_turns(*(lambda see=see: see(200) for see in reversed(lists)), timed=False)
    name = f"seeing another process's change: {LARGE:,} against 1,000"
    yield row(name, times, "us", "<= 1.5")


def fill(path, size):
    todos = SQLiteTodoList(path)
    encoded = json.dumps({**TODO, "id": LARGE}, separators=(",", ":"))
    insert = "INSERT INTO todo (user, id, json, version) VALUES (x'', ?, ?, ?)"
    rows = ((id, encoded.replace(str(LARGE), str(id)), id + 1) for id in range(size))
    todos.file.write(lambda database: database.executemany(insert, rows))
    todos.file.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def run(program, path):
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


@contextlib.contextmanager
def changed_by_another(path):
    """Give a function that lets another process change todos, one by one, and returns what a read then takes, in us."""
    todos = SQLiteTodoList(path)
    count, pipes = len(list(todos)), {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", CHANGING, str(path)], cwd=ROOT, **pipes) as process:

        def see(changes):
            return 1e6 * statistics.median(see_one(todos, process, n * 7919 % count) for n in range(changes))

        yield see
        process.stdin.close()


def see_one(todos, process, id):
    process.stdin.write(b"%d\n" % id)
    process.stdin.flush()
    changed = process.stdout.readline()
    start = time.perf_counter()
    todo = todos.read(id)
    seconds = time.perf_counter() - start
    assert repr(todo).encode() + b"\n" == changed
    return seconds


# Figures


def in_turns(*works, timed=True):
    """Do the works in turns; return what each took, or returned, in each round."""
    return [tuple(seconds(work) if timed else work() for work in works) for _ in range(ROUNDS)]


def one_by_one(*works):
    """Do the works in turns, 500 times a round; return, by round and work, how many microseconds each time took."""
    rounds = [[[1e6 * seconds(work) for work in works] for _ in range(500)] for _ in range(ROUNDS)]
    return [list(zip(*times, strict=True)) for times in rounds]


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def row(name, pairs, unit, target):
    """Return the row of a figure and another one, taken in turns; they are compared round by round."""
    figure, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(name, figure, unit, other, statistics.median(a / b for a, b in pairs), target)


SECTIONS = [creating, reading, large]

if __name__ == "__main__":
    main()
