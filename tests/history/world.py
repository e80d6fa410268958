"""Servers on one store, clients that use them, and what may happen to them meanwhile."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from urllib.parse import quote

import pytest
from clients import TEXT, Client, History
from conftest import ROOT, serve
from search import Operation, explain, first_unexplained
from specification import EMPTY, TodoList, about, all_shown, answer_to, id_of
from stress import small_file_system

resource = pytest.importorskip("resource", reason="Windows cannot pause a process")

CLIENTS = 6
LENGTH = 30  # requests of each: few, as what there is to search doubles with each unknown outcome


@contextlib.contextmanager
def world_over(kind, folder, planted=None):
    """Give a world over a new store of this kind; skip the test if there is none here.

    planted: the name of the fault in its servers, of those in planted.py.
    """
    with contextlib.ExitStack() as stack:
        database, disk, db = None, None, ":memory:"
        if kind == "sqlite":
            disk = small_disk(stack, folder / "disk")
            db = (disk or folder) / "todos.db"
        elif kind == "postgres":
            database, disk, db = own_database(stack)
        servers = []
        for _ in range(SERVERS[kind]):
            servers.append(Server(str(db), folder, planted))
            stack.callback(servers[-1].stop)
        yield World(servers, db, disk, database)


def small_disk(stack, folder):
    """Return a folder with a file system of its own, or None where that is not possible."""
    try:
        return stack.enter_context(small_file_system(folder, "16m"))
    except pytest.skip.Exception:
        return None


def own_database(stack):
    """Return a PostgreSQL, the folder of its tables if they have a small file system of their own, and its URL."""
    from databases import own_server, psycopg  # which skips the test without psycopg

    database = stack.enter_context(own_server())
    disk = small_disk(stack, database.folder / "small")
    if disk is None:
        return database, None, database.url
    shutil.chown(disk, database.folder.owner(), database.folder.group())
    with psycopg.connect(database.url, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
    return database, disk, f"{database.url}&options={quote('-cdefault_tablespace=small')}"


class World:
    """Servers on one store, clients of a list in it, and the history that these write down.

    db: what the servers call the store; disk: the folder of its small file system, or None; database: its PostgreSQL.
    """

    def __init__(self, servers, db, disk, database):
        self.servers, self.db, self.disk, self.database = servers, db, disk, database

    def play(self, user, chance, disturb=None):
        """Let clients work on a new list, and disturb them when they are a part of the way. Return the history.

        disturb: is called with this world and `chance`.
        """
        self.history = History()
        self.clients = [self.client(f"client {number}", user, chance) for number in range(CLIENTS)]
        for client in self.clients:
            client.start()
        if disturb:
            self.wait_for_answers(chance.randrange(CLIENTS * LENGTH // 2))
            disturb(self, chance)
        for client in self.clients:
            client.join()
        self.client("the last one", user, chance).read_everything()
        return self.history

    def client(self, name, user, chance):
        return Client(name, self.servers, user, self.history, chance.random(), LENGTH)

    def wait_for_answers(self, count):
        while len(self.history.operations) < count and self.is_busy():
            time.sleep(0.001)

    def wait_for_refusals(self, count):
        end = len(self.history.refused) + count
        while len(self.history.refused) < end and self.is_busy():
            time.sleep(0.001)

    def is_busy(self):
        return any(client.is_alive() for client in self.clients)


class Server:
    """The command, as a process that can be killed and started again."""

    def __init__(self, db, folder, planted):
        self.arguments = "--user-header", "X-User", "--db", db
        program = ROOT / ("tests/history/planted.py" if planted else "todomvc.py")
        environ = {**os.environ, "PLANTED": planted or ""}
        self.options = {"cwd": folder, "program": program, "env": environ, "stderr": subprocess.DEVNULL}
        self.start()

    def start(self):
        self.running = contextlib.ExitStack()
        self.process = self.running.enter_context(serve(*self.arguments, **self.options))
        self.url, self.pid = self.process.url, self.process.pid

    def kill(self):
        self.process.kill()
        self.stop()

    def stop(self):
        self.running.close()


def find_fault(history: History) -> str:
    """Return why no order explains a history, or nothing if one does: for each todo, and for the list as a whole."""
    if len(history.identities) > 1:
        return f"the list has several identities: {history.identities}"
    ids = sorted(set(map(id_of, all_shown(history.operations))))
    parts = {f"todo {id}": (about(id, history.operations), TodoList(id)) for id in ids}
    parts["the list"] = history.operations, EMPTY
    for what, (part, state) in parts.items():
        if explain(part, answer_to, state) is None:
            return report(what, *first_unexplained(part, answer_to, state))
    return ""


def report(what: str, answer: Operation, before: list[Operation]) -> str:
    first = f"No order explains what was told of {what} when this was answered:"
    return "\n".join([first, line(answer), "It began so:", *map(line, before)]).replace(TEXT, "...")


def line(operation: Operation) -> str:
    request = {name: value for name, value in operation.request._asdict().items() if value not in (None, ())}
    return f"{operation.called:.4f} to {operation.returned:.4f} s, {operation.by}: {request} -> {operation.answer}"


# What may happen to servers, connections and stores: each returns when it is over.


def kill(world, chance):
    killed = chance.sample(world.servers, chance.randint(1, len(world.servers)))
    for server in killed:
        server.kill()
    for server in killed:
        server.start()


def pause(world, chance):
    pause_process(chance.choice(world.servers).pid, chance)


def pause_process(pid, chance):
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(chance.uniform(0.1, 0.5))
    finally:
        os.kill(pid, signal.SIGCONT)


def cut(world, chance):
    for _ in range(20):
        chance.choice(world.clients).cut()
        time.sleep(chance.uniform(0, 0.01))


def fill(world, chance):
    """Fill the disk of the store, if it is a small one, until writes are refused or the clients are done."""
    if world.disk:
        filler = world.disk / "filler"
        with suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        world.wait_for_refusals(CLIENTS)
        filler.unlink()


def limit(world, chance):
    """Let one server write no further into a file than to a part of the log, as a quota does."""
    pid, size = chance.choice(world.servers).pid, os.path.getsize(f"{world.db}-wal")
    with limited_files(pid, chance.randint(4096, 4096 + size)):
        world.wait_for_refusals(CLIENTS // 2)


@contextlib.contextmanager
def limited_files(pid, size):
    if sys.platform == "linux":
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
        yield
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    else:
        yield


def crash_database(world, chance):
    world.database.crash()
    time.sleep(chance.uniform(0, 0.2))
    world.database.start()


def cut_from_database(world, chance):
    for _ in range(3):
        ask_database(world, f"SELECT pg_terminate_backend(pid) {CONNECTIONS}")
        time.sleep(chance.uniform(0, 0.05))


def pause_connection(world, chance):
    pids = [pid for (pid,) in ask_database(world, f"SELECT pid {CONNECTIONS}")]
    if pids:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            pause_process(chance.choice(pids), chance)


def ask_database(world, query):
    from databases import psycopg

    with psycopg.connect(world.database.url) as admin:
        return admin.execute(query).fetchall()


CONNECTIONS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


SERVERS = {"memory": 1, "sqlite": 3, "postgres": 3}
DISTURBANCES = {
    "memory": [pause, cut],
    "sqlite": [fill, limit, kill, pause, cut],
    "postgres": [fill, kill, pause, cut, crash_database, cut_from_database, pause_connection],
}
