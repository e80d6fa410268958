"""A disk and a folder that fail under a running server: what a response says of a write is what is known of it."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import python, serve
from workers import ask

from todomvc_sqlite import SQLiteTodoList

UNKNOWN = "Nobody can tell whether it was changed: read it before you try again."
UNCHANGED = "Nothing was changed: try again soon."
FULL = "The disk is full and nothing was changed: make room first."
FULL_UNKNOWN = "The disk is full and nobody can tell whether it was changed: make room first."


@pytest.fixture
def path(tmp_path):
    return tmp_path / "todos.db"


@pytest.fixture
def server(path):
    """A server that has answered a POST, and whose log is in `log`."""
    with open(path.with_name("log"), "wb") as log, serve(cwd=path.parent, stderr=log) as process:
        process.log = path.with_name("log")
        assert post(process) == (200, {"id": 0})
        yield process


def post(server, todo=None):
    """Create a todo; return the status and the todo, or the error's detail."""
    status, answer = ask(server.url, "POST", "/todos/", todo or {})
    return status, answer if status == 200 else answer["detail"]


@contextlib.contextmanager
def failing(server, *rules):
    """Let calls that a process makes to the system fail, such as `fdatasync:error=EIO` (strace, "Tampering")."""
    if not shutil.which("strace"):
        pytest.skip("there is no strace")
    calls = ",".join(rule.partition(":")[0] for rule in rules)
    command = ["strace", "-f", "-p", str(server.pid), "-o", os.devnull, f"--trace={calls}"]
    command += [f"--inject={rule}" for rule in rules]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        try:
            said = strace.stderr.readline()
            if "attached" not in said:
                pytest.skip(f"strace cannot be used here: {said}")
            yield
        finally:
            strace.terminate()
            strace.stderr.read()


# The disk fails


def test_a_flush_that_fails_at_a_commit_leaves_the_write_unknown(server, path):
    """It is not there now, and it is after a crash: SQLite finds it in the log."""
    with failing(server, "fdatasync:error=EIO"):
        assert post(server, {"title": "flushed?"}) == (503, UNKNOWN)
    assert ask(server.url, "GET", "/todos/") == (200, [{"id": 0}])
    server.kill()
    server.wait()
    assert list(SQLiteTodoList(path)) == [b'{"id":0}', b'{"title":"flushed?","id":1}']


def test_a_flush_that_fails_once_is_followed_by_a_write_that_holds(server, path):
    with failing(server, "fdatasync:error=EIO"):
        assert post(server, {"title": "flushed?"}) == (503, UNKNOWN)
    assert post(server, {"title": "later"}) == (200, {"title": "later", "id": 1})
    server.kill()
    server.wait()
    assert list(SQLiteTodoList(path)) == [b'{"id":0}', b'{"title":"later","id":1}']


def test_every_kind_of_write_is_unknown(server):
    with failing(server, "fdatasync:error=EIO"):
        answers = [ask(server.url, method, "/todos/0", {"n": 1}) for method in ("PUT", "PATCH", "DELETE")]
    assert {(status, answer["detail"]) for status, answer in answers} == {(503, UNKNOWN)}


def test_all_writes_of_a_commit_are_unknown(server):
    with failing(server, "fdatasync:error=EIO"), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(server), range(24)))
    assert set(answers) == {(503, UNKNOWN)}
    assert post(server) == (200, {"id": 1})


def test_a_write_to_the_log_that_fails_at_a_commit_is_unknown(server):
    with failing(server, "pwrite64:error=EIO"):
        assert post(server) == (503, UNKNOWN)
    assert post(server) == (200, {"id": 1})


def test_a_read_that_fails_before_the_commit_has_changed_nothing(path):
    todos = SQLiteTodoList(path)
    for _ in range(300):
        todos.create({"title": "x" * 100})
    del todos
    with serve(cwd=path.parent, stderr=subprocess.DEVNULL) as server:
        with failing(server, "pread64:error=EIO"):
            assert ask(server.url, "PATCH", "/todos/150", {"n": 1})[1]["detail"] == UNCHANGED
        assert ask(server.url, "PATCH", "/todos/150", {"n": 1})[0] == 200


def test_an_unlock_that_fails_does_not_take_back_what_was_committed(server):
    with failing(server, "flock:error=EIO:when=2"):
        assert post(server) == (200, {"id": 1})
    assert post(server) == (200, {"id": 2})


@pytest.mark.parametrize("error", ["EIO", "ESTALE", "ENOLCK"])
def test_a_lock_that_cannot_be_taken_is_503(server, error):
    with failing(server, f"flock:error={error}"):
        assert post(server) == (503, UNCHANGED)
    assert lines_of_log(server) == 1
    assert post(server) == (200, {"id": 1})


def lines_of_log(server):
    """Return how many lines the log has that are not those of requests."""
    said = server.log.read_text().splitlines()
    return len([line for line in said if not re.match(r'[0-9.]+ - - \[.*\] "', line)])


# No room


@pytest.mark.parametrize("error", ["EDQUOT", "EFBIG"])
def test_no_room_is_507_whatever_the_system_calls_it(server, error):
    """Also where a small write beside the file meets the same error."""
    with failing(server, f"pwrite64:error={error}", f"write:error={error}:when=1"):
        assert post(server) == (507, FULL_UNKNOWN)
    assert post(server) == (200, {"id": 1})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of a file")
def test_a_file_that_may_not_grow_is_507_and_is_written_again_once_it_may(path):
    import resource

    def limit(process, size):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    if not hasattr(resource, "prlimit"):
        pytest.skip("this system cannot change the limits of a process")
    with serve(cwd=path.parent, stderr=subprocess.DEVNULL) as server:
        limit(server.pid, 64 * 1024)
        todo, statuses = {"title": "x" * 10_000}, [200]
        while statuses[-1] == 200:
            statuses.append(post(server, todo)[0])
        assert statuses[-1] == 507
        assert ask(server.url, "GET", "/todos/")[0] == 200
        limit(server.pid, resource.RLIM_INFINITY)
        assert post(server, todo) == (200, {**todo, "id": len(statuses) - 2})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of a file")
@pytest.mark.parametrize("limit", [0, 5000, 20_000])
def test_a_file_that_cannot_be_made_for_want_of_room_is_507(path, limit):
    program = """if True:
        import resource, sys, todomvc, todomvc_sqlite
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        todos = todomvc_sqlite.SQLiteTodoList(sys.argv[1])
        try:
            todos.create({"title": "x" * 10_000})
        except todomvc.ListFull:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(todos.create({}))
    """
    assert python(program, path, limit) == "(0, b'{\"id\":0}')\n"


# The folder fails


def rename(folder):
    folder.rename(folder.with_name("elsewhere"))


def rename_and_put_a_file_there(folder):
    rename(folder)
    folder.write_text("a file")


def rename_and_put_a_loop_there(folder):
    rename(folder)
    folder.symlink_to(folder)


def put_back(folder):
    if os.path.lexists(folder):
        folder.unlink()
    folder.with_name("elsewhere").rename(folder)


@pytest.mark.parametrize("take", [rename, rename_and_put_a_file_there, rename_and_put_a_loop_there])
def test_a_folder_that_is_gone_is_503_until_it_is_back(tmp_path, take):
    folder = tmp_path / "folder"
    folder.mkdir()
    with (
        open(tmp_path / "log", "wb") as log,
        serve("--db", str(folder / "todos.db"), cwd=tmp_path, stderr=log) as server,
    ):
        server.log = tmp_path / "log"
        assert post(server) == (200, {"id": 0})
        take(folder)
        assert post(server) == (503, UNCHANGED)
        assert ask(server.url, "GET", "/todos/") == (200, [{"id": 0}])
        assert lines_of_log(server) == 1
        put_back(folder)
        assert post(server) == (200, {"id": 1})


@pytest.mark.parametrize("error", ["EACCES", "ESTALE", "EIO", "ENOTCONN"])
def test_a_file_that_cannot_be_looked_at_is_503(server, error):
    with failing(server, f"/^(newfstat|stat|statx|fstat)(at)?$:error={error}"):
        assert post(server) == (503, UNCHANGED)
    assert lines_of_log(server) == 1
    assert post(server) == (200, {"id": 1})


# A file beside it is gone


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-lock"])
def test_a_file_beside_it_that_is_gone_stops_the_writes_and_loses_nothing(server, path, suffix):
    os.remove(f"{path}{suffix}")
    assert post(server) == (503, UNCHANGED)
    assert lines_of_log(server) == 1
    assert ask(server.url, "GET", "/todos/") == (200, [{"id": 0}])
    server.kill()
    server.wait()
    assert list(SQLiteTodoList(path)) == [b'{"id":0}']


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-lock"])
def test_a_file_beside_it_that_is_put_back_lets_the_writes_go_on(server, path, suffix):
    os.rename(f"{path}{suffix}", path.with_name("aside"))
    assert post(server) == (503, UNCHANGED)
    os.rename(path.with_name("aside"), f"{path}{suffix}")
    assert post(server) == (200, {"id": 1})


def test_a_server_that_lost_its_index_does_not_write_over_what_another_has_written(server, path):
    os.remove(f"{path}-shm")
    with serve(cwd=path.parent, stderr=subprocess.DEVNULL) as other:
        assert [post(other) for _ in range(2)] == [(200, {"id": 1}), (200, {"id": 2})]
        assert post(server) == (503, UNCHANGED)
    assert len(list(SQLiteTodoList(path))) == 3
