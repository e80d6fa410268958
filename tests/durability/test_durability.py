"""Nothing acknowledged is ever lost: real servers on real files, killed, crowded out, and given bad files."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest
from conftest import ROOT, serve
from stress import KINDS, at_work, parsed, small_file_system
from workers import ask, connection_to, gunicorn, request_of, workers_of

from todomvc_sqlite import SQLiteTodoList

ROUNDS = 5


def check_integrity(path, ids):
    """See that the file is sound, and that its ids are these and have no gaps."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = [id for (id,) in database.execute("SELECT id FROM todo ORDER BY id")]
    assert kept == sorted(ids) == list(range(len(kept)))


# Killed


@pytest.mark.parametrize("program", ["todomvc.py", "tests/newer_sqlite.py"])
def test_a_server_killed_at_any_moment_loses_no_answer(tmp_path, chance, program):
    users = []
    for number in range(ROUNDS):
        with serve(cwd=tmp_path, program=available(program), stderr=subprocess.DEVNULL) as server:
            users += at_work(server.url, chance, number)
            time.sleep(chance.uniform(0.05, 0.8))
            server.kill()
        for user in users:
            user.join()
            user.check(SQLiteTodoList(tmp_path / "todos.db"))
        check_integrity(tmp_path / "todos.db", [id for user in users for id in user.todos])


def available(program):
    """Return the path of the command; skip the test if it needs a package that is not to be had here."""
    if program == "tests/newer_sqlite.py":
        apsw = pytest.importorskip("apsw")
        assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= (3, 51, 3)
    return ROOT / program


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_killed_at_any_moment_loses_no_answer(tmp_path, chance, kind):
    with gunicorn(*KINDS[kind], cwd=tmp_path) as server, ThreadPoolExecutor(8) as pool:
        results = [pool.submit(create_for_certain, server.url, n % 8, n) for n in range(300)]
        for _ in range(3):
            time.sleep(chance.uniform(0.02, 0.2))
            os.kill(chance.choice(workers_of(server)), signal.SIGKILL)
        made = [result.result() for result in results]
    todos = SQLiteTodoList(tmp_path / "todos.db")
    assert [parsed(todos.read(todo["id"])) for todo in made] == made
    check_integrity(tmp_path / "todos.db", [todo["id"] for todo in made])


def create_for_certain(url, name, number):
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError, HTTPException):
            status, todo = ask(url, "POST", "/todos/", {"by": name, "n": number}, f"{name}-{number}")
            assert status == 200
            return todo
        assert time.monotonic() < end, "no worker answers"


CREATE = """if True:
    import sys, todomvc_sqlite
    print(flush=True)
    todos = todomvc_sqlite.SQLiteTodoList(sys.argv[1])
    while True:
        print(todos.create({})[0], flush=True)
"""


def test_a_process_killed_while_it_makes_the_file_leaves_one_that_can_be_used(tmp_path, chance):
    for number in range(8):
        path = tmp_path / f"{number}.db"
        process = python(CREATE, path, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        made = process.communicate()[0].count(b"\n")
        ids = [json.loads(todo)["id"] for todo in SQLiteTodoList(path)]
        assert len(ids) >= made
        check_integrity(path, ids)


def python(program, *arguments, **options):
    """Start a program in an interpreter of its own."""
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], cwd=ROOT, **options)


def test_a_transaction_that_a_killed_process_left_in_a_journal_is_undone(tmp_path):
    path = tmp_path / "todos.db"
    ours(path)
    program = """if True:
        import os, sqlite3, sys
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN IMMEDIATE")
        for id in range(200, 1200):
            database.execute("INSERT INTO todo VALUES (x'', ?, '{}', ?, NULL, NULL)", (id, id + 1))
        os.kill(os.getpid(), 9)
    """
    assert python(program, path).wait(20) == -signal.SIGKILL
    assert os.path.getsize(f"{path}-journal") > 0
    assert SQLiteTodoList(path).create({})[0] == 200


def test_a_log_that_a_killed_process_left_is_read(tmp_path):
    path = tmp_path / "todos.db"
    create = "from todomvc_sqlite import SQLiteTodoList; todos = SQLiteTodoList(sys.argv[1]); todos.create({})"
    program = f"import os, sys; {create}; os.kill(os.getpid(), 9)"
    assert python(program, path).wait(20) == -signal.SIGKILL
    assert os.path.getsize(f"{path}-wal") > 0
    assert list(SQLiteTodoList(path)) == [b'{"id":0}']


# Several processes


@pytest.mark.parametrize("kind", KINDS)
def test_the_workers_of_gunicorn_keep_one_gapless_list(tmp_path, kind):
    with gunicorn(*KINDS[kind], cwd=tmp_path) as server, ThreadPoolExecutor(8) as pool:

        def make(count):
            return list(pool.map(lambda n: ask(server.url, "POST", "/todos/", {"n": n})[1]["id"], range(count)))

        made = make(100)
        with stopped(next(worker for worker in workers_of(server) if has_open(worker, tmp_path / "todos.db"))):
            made += make(100)  # another one answers now, if none has yet
        made += make(100)
        assert len([worker for worker in workers_of(server) if has_open(worker, tmp_path / "todos.db")]) > 1
    check_integrity(tmp_path / "todos.db", made)


@contextlib.contextmanager
def stopped(process):
    os.kill(int(process), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(int(process), signal.SIGCONT)


def has_open(process, path):
    folder = f"/proc/{process}/fd"
    return str(path) in [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_worker_was_told_the_others_tell_at_the_next_request(tmp_path, kind):
    with gunicorn(*KINDS[kind], cwd=tmp_path) as server:
        ask(server.url, "POST", "/todos/", {})
        for n in range(50):
            ask(server.url, "PATCH", "/todos/0", {"n": n})
            assert ask(server.url, "GET", "/todos/0")[1]["n"] == n
            assert ask(server.url, "GET", "/todos/")[1] == [{"id": 0, "n": n}]


@pytest.mark.parametrize("kind", KINDS)
def test_fields_merged_at_once_by_several_workers_all_hold(tmp_path, kind):
    with gunicorn(*KINDS[kind], cwd=tmp_path) as server, ThreadPoolExecutor(8) as pool:
        ask(server.url, "POST", "/todos/", {})
        list(pool.map(lambda n: ask(server.url, "PATCH", "/todos/0", {f"field {n}": n}), range(100)))
        assert ask(server.url, "GET", "/todos/0")[1] == {"id": 0, **{f"field {n}": n for n in range(100)}}


def test_two_servers_on_one_file_keep_one_list(tmp_path):
    with serve(cwd=tmp_path) as one, serve(cwd=tmp_path) as two, ThreadPoolExecutor(8) as pool:
        urls = [one.url, two.url]
        made = list(pool.map(lambda n: ask(urls[n % 2], "POST", "/todos/", {"n": n})[1], range(200)))
        lists = [ask(url, "GET", "/todos/")[1] for url in urls]
    assert lists[0] == lists[1] == sorted(made, key=lambda todo: todo["id"])
    check_integrity(tmp_path / "todos.db", [todo["id"] for todo in made])


CREATE_TIMED = """if True:
    import sys, time, todomvc_sqlite
    todos = todomvc_sqlite.SQLiteTodoList(sys.argv[1])
    print(todos.version, flush=True)
    sys.stdin.readline()
    longest = 0
    for _ in range(int(sys.argv[2])):
        before = time.monotonic()
        todos.create({"title": "a"})
        longest = max(longest, time.monotonic() - before)
    print(longest)
"""


def test_of_eight_writers_none_waits_a_second(tmp_path):
    path, each = tmp_path / "todos.db", 500
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [python(CREATE_TIMED, path, each, **pipes) for _ in range(8)]
    for writer in writers:
        writer.stdout.readline()
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    longest = [float(writer.communicate(timeout=60)[0]) for writer in writers]
    check_integrity(path, range(8 * each))
    assert max(longest) < 1


def test_servers_with_different_versions_of_sqlite_keep_one_list(tmp_path):
    newer = available("tests/newer_sqlite.py")
    with serve(cwd=tmp_path) as one, serve(cwd=tmp_path, program=newer) as two, ThreadPoolExecutor(8) as pool:
        urls = [one.url, two.url]
        made = list(pool.map(lambda n: ask(urls[n % 2], "POST", "/todos/", {"n": n})[1]["id"], range(400)))
    check_integrity(tmp_path / "todos.db", made)


# Waiting, and no room


@pytest.mark.skipif(sys.platform == "win32", reason="there is no flock")
def test_a_write_that_waits_for_more_than_five_seconds_is_503_and_says_when_to_try_again(tmp_path):
    with serve(cwd=tmp_path, stderr=subprocess.DEVNULL) as server, ThreadPoolExecutor(4) as pool:
        ask(server.url, "POST", "/todos/", {})
        with locked_by_another(tmp_path / "todos.db-lock"):
            began = time.monotonic()
            answers = list(pool.map(lambda _: post(server.url), range(4)))
            assert 5 <= time.monotonic() - began < 8
            assert answers == [(503, "1")] * 4
            assert ask(server.url, "GET", "/todos/") == (200, [{"id": 0}])
        assert ask(server.url, "POST", "/todos/", {}) == (200, {"id": 1})


@contextlib.contextmanager
def locked_by_another(path):
    program = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    with python(program, path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        yield
        holder.stdin.write(b"\n")


def post(url, todo=None):
    """Create a todo; return the status and the Retry-After of the answer."""
    with connection_to(url) as connection:
        connection.request(*request_of("POST", "/todos/", todo or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers["Retry-After"]


@pytest.fixture
def small_disk(tmp_path):
    """A folder with a file system of its own, of 2 MiB."""
    with small_file_system(tmp_path / "disk") as folder:
        yield folder


def test_a_full_disk_is_507_reads_go_on_and_writes_work_again_once_there_is_room(small_disk):
    (small_disk / "filler").write_bytes(bytes(1024 * 1024))
    todo = {"title": "x" * 30_000}
    with serve(cwd=small_disk, stderr=subprocess.DEVNULL) as server:
        statuses = fill(server.url, todo)
        assert statuses[-1] == 507
        kept = [{**todo, "id": id} for id in range(len(statuses) - 1)]
        assert ask(server.url, "GET", "/todos/") == (200, kept)
        (small_disk / "filler").unlink()
        assert ask(server.url, "POST", "/todos/", todo) == (200, {**todo, "id": len(kept)})
        server.kill()
    assert len(list(SQLiteTodoList(small_disk / "todos.db"))) == len(kept) + 1


def fill(url, todo):
    """Create todos until that fails; return the statuses."""
    statuses = [200]
    while statuses[-1] == 200:
        statuses.append(post(url, todo)[0])
    return statuses[1:]


# Files that cannot be used


def text(path):
    path.write_text("Not a database.\n" * 100)


def a_few_bytes(path):
    path.write_bytes(b"SQLite format 3\0" + bytes(30))


def foreign(path, mode="DELETE"):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE todos (id INTEGER PRIMARY KEY, title TEXT)")


def foreign_with_a_log(path):
    foreign(path, "WAL")


def ours(path):
    todos = SQLiteTodoList(path)
    for _ in range(200):
        todos.create({"title": "x" * 200})
    for connection in [todos.file.reader, todos.file.writer]:
        connection.close()  # at once, and the log goes with it


def newer(path):
    ours(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 4")


def truncated(path):
    ours(path)
    os.truncate(path, path.stat().st_size // 2)


def corrupt(path):
    ours(path)
    with open(path, "r+b") as file:
        file.seek(16384)
        file.write(b"\xff" * 8192)


AS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
POWERLESS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if AS_ROOT else []
if AS_ROOT and not (shutil.which("setpriv") and subprocess.run([*POWERLESS, "true"]).returncode == 0):
    POWERLESS = None
needs_permissions = pytest.mark.skipif(
    sys.platform == "win32" or POWERLESS is None,
    reason="Windows has other permissions, and root has all of them where setpriv cannot take them away",
)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (text, "file is not a database"),
        (a_few_bytes, "file is not a database"),
        (foreign, "another program"),
        (foreign_with_a_log, "another program"),
        (newer, "a newer version"),
        (truncated, "malformed"),
        (corrupt, "malformed"),
        (Path.mkdir, "Is a directory"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_was(tmp_path, make, reason):
    path = tmp_path / "todos.db"
    make(path)
    check_refusal(path, reason)


def check_refusal(path, reason):
    """See that the command says in one line which file it cannot use and why, and leaves it as it is."""
    before = path.read_bytes() if path.is_file() else os.path.exists(path)
    status, said = run_as_a_plain_user(path)
    assert status not in {0, None}
    assert re.fullmatch(f"todomvc: {re.escape(str(path))}[^\n]*{reason}[^\n]*\n", said), said
    assert (path.read_bytes() if path.is_file() else os.path.exists(path)) == before


def run_as_a_plain_user(path):
    """Run the command on a file, without root's power to read and write everything; return its status and errors."""
    command = [*(POWERLESS or []), sys.executable, str(ROOT / "todomvc.py"), "--port", "0", "--db", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            return process.wait(10), process.stderr.read()
        finally:
            process.kill()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    check_refusal(tmp_path / "nowhere" / "todos.db", "No such file or directory")


@needs_permissions
@pytest.mark.parametrize(("mode", "reason"), [(0o444, "readonly"), (0, "open database")], ids=["read only", "closed"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path, mode, reason):
    ours(tmp_path / "todos.db")
    os.chmod(tmp_path / "todos.db", mode)
    check_refusal(tmp_path / "todos.db", reason)


@needs_permissions
@pytest.mark.parametrize("make", [ours, lambda path: None], ids=["with a file", "empty"])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path, make):
    make(tmp_path / "todos.db")
    os.chmod(tmp_path, 0o555)
    check_refusal(tmp_path / "todos.db", "")
    assert make is ours or list(tmp_path.iterdir()) == []
