"""One file is one file: its other names, whose it is, and what another program has put into it."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest
from conftest import ROOT, call
from earlier import write_version_1, write_version_2

from todomvc import ListUnavailable, TodoMVC
from todomvc_sqlite import SQLiteTodoList, UnusableFile

no_windows = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other links and permissions")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "todos.db"


@pytest.fixture
def todos(path):
    return SQLiteTodoList(path)


# Two names


@no_windows
def test_a_file_with_a_hard_link_is_refused_by_each_name(todos, path, tmp_path):
    todos.create({})
    os.link(path, tmp_path / "other.db")
    for name in (path, tmp_path / "other.db"):
        with pytest.raises(UnusableFile, match=f"{name}: .*hard link"):
            SQLiteTodoList(name).create({})
    assert sorted(os.listdir(tmp_path)) == ["other.db", "todos.db", "todos.db-lock", "todos.db-shm", "todos.db-wal"]
    os.remove(tmp_path / "other.db")
    assert SQLiteTodoList(path).create({})[0] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux mounts a file by itself")
@pytest.mark.parametrize("name", ["todos.db", "my todos.db"])
def test_a_file_that_is_mounted_by_itself_is_refused(tmp_path, name):
    outside, inside = tmp_path / "outside.db", tmp_path / "folder" / name
    SQLiteTodoList(outside).create({})
    inside.parent.mkdir()
    inside.touch()
    if (
        not shutil.which("mount")
        or subprocess.run(["mount", "--bind", outside, inside], stderr=subprocess.DEVNULL).returncode
    ):
        pytest.skip("only root may mount a file, and not everywhere")
    try:
        with pytest.raises(UnusableFile, match="mount its folder"):
            SQLiteTodoList(inside).create({})
        assert os.listdir(inside.parent) == [name]
    finally:
        subprocess.run(["umount", "--lazy", inside], check=True)


@no_windows
def test_a_symbolic_link_names_the_file_with_its_lock(todos, path, tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "link.db"
    link.symlink_to(path)
    through = SQLiteTodoList(link)
    assert [todos.create({})[0], through.create({})[0], todos.create({})[0]] == [0, 1, 2]
    assert os.listdir(link.parent) == ["link.db"]
    assert through.file.lock.descriptor != todos.file.lock.descriptor
    assert os.path.samestat(*(os.fstat(todos.file.lock.descriptor) for todos in (through, todos)))


@no_windows
def test_a_symbolic_link_to_nothing_makes_the_file_that_it_names(path, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.db").symlink_to(path)
    assert SQLiteTodoList(tmp_path / "folder" / "link.db").create({})[0] == 0
    assert path.stat().st_size > 0


@no_windows
def test_a_symbolic_link_that_leads_elsewhere_now_stops_the_writes(todos, path, tmp_path):
    todos.create({})
    SQLiteTodoList(tmp_path / "other.db").create({})
    link = tmp_path / "link.db"
    link.symlink_to(path)
    through = SQLiteTodoList(link)
    through.create({})
    link.unlink()
    link.symlink_to(tmp_path / "other.db")
    with pytest.raises(UnusableFile, match="replaced"):
        through.create({})


# Whose it is


@no_windows
@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o277])
def test_a_new_file_is_for_its_owner_whatever_the_umask(todos, path, umask):
    before = os.umask(umask)
    try:
        todos.create({})
    finally:
        os.umask(before)
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == {
        "todos.db": "0o600", "todos.db-lock": "0o600", "todos.db-shm": "0o600", "todos.db-wal": "0o600",
    }  # fmt: skip


@no_windows
@pytest.mark.parametrize(
    ("mode", "lock"), [(0o644, 0o600), (0o664, 0o660), (0o660, 0o660), (0o666, 0o666), (0o600, 0o600)]
)
def test_who_may_write_the_file_may_hold_its_lock_and_nobody_else(path, mode, lock):
    path.touch()
    path.chmod(mode)
    left = path.with_name("todos.db-lock")
    left.touch()
    left.chmod(0o644)  # as earlier versions made it
    SQLiteTodoList(path).create({})
    assert path.stat().st_mode & 0o777 == mode
    assert left.stat().st_mode & 0o777 == lock


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can become another account")
def test_an_account_that_may_only_read_it_cannot_hold_the_lock(todos, path):
    todos.create({})
    path.chmod(0o644)
    lock = os.open(f"{path}-lock", os.O_PATH)  # so that it need not be able to reach the folder
    program = "import os; os.setuid(65534); open('/proc/self/fd/' + sys.argv[1])"
    command = [sys.executable, "-c", f"import sys; {program}", str(lock)]
    done = subprocess.run(command, pass_fds=[lock], capture_output=True, text=True, timeout=60, check=False)
    os.close(lock)
    assert "PermissionError" in done.stderr


@no_windows
@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_a_lock_file_is_not_followed_to_another_file(todos, path, tmp_path, make):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    make(victim, f"{path}-lock")
    with pytest.raises(UnusableFile, match="lock file"):
        todos.create({})
    assert victim.read_text() == "precious"
    assert not path.exists()


@no_windows
def test_a_lock_file_makes_no_file_through_a_link(todos, path, tmp_path):
    os.symlink(tmp_path / "victim", f"{path}-lock")
    with pytest.raises(UnusableFile, match=f"{path}: .*lock file"):
        todos.create({})
    assert os.listdir(tmp_path) == ["todos.db-lock"]


# Another program's


FOREIGN = """if True:
    import os, sqlite3, sys
    database = sqlite3.connect(sys.argv[1], isolation_level=None)
    database.execute(f"PRAGMA journal_mode = {sys.argv[2]}")
    database.execute("PRAGMA cache_size = 1")
    database.execute("CREATE TABLE todos (id INTEGER PRIMARY KEY, title TEXT)")
    database.execute("BEGIN IMMEDIATE")
    database.executemany("INSERT INTO todos VALUES (?, ?)", ((id, "x" * 1000) for id in range(100)))
    if sys.argv[3] == "killed with the transaction":
        os._exit(9)
    database.execute("COMMIT")
    if sys.argv[3] == "killed":
        os._exit(9)
    database.close()
"""


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("end", ["closed", "killed", "killed with the transaction"])
@pytest.mark.parametrize("prefix", ["", "/"], ids=["path", "//path"])
def test_the_file_of_another_program_is_refused_and_nothing_is_changed(path, mode, end, prefix):
    subprocess.run([sys.executable, "-c", FOREIGN, str(path), mode, end], timeout=60, check=False)
    before = contents(path.parent)
    with pytest.raises(UnusableFile, match="another program"):
        SQLiteTodoList(f"{prefix}{path}").create({})
    assert contents(path.parent) == before


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@no_windows
def test_what_is_not_a_regular_file_is_refused_at_once(todos, path):
    def use():
        with pytest.raises(UnusableFile, match="a pipe"):
            todos.create({})

    os.mkfifo(path)
    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    with pytest.raises(UnusableFile, match="a pipe"):
        SQLiteTodoList("/dev/null").create({})


def test_a_list_that_is_opened_beside_another_leaves_it_its_locks(path):
    """To look into a file and close it drops all locks that the process has on it."""
    todos = SQLiteTodoList(path)
    todos.create({})
    SQLiteTodoList(path).create({})
    other = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('SELECT * FROM todo').fetchall(); d.close()"
    )
    subprocess.run([sys.executable, "-c", other, str(path)], timeout=60, check=True)
    assert os.path.exists(f"{path}-wal")
    assert todos.create({})[0] == 2


def sql(path, *statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def change(path, *statements):
    """Make a list of two todos, and let another program change it."""
    todos = SQLiteTodoList(path)
    todos.create({"title": "a"}, "key")
    todos.of("alice").create({"title": "b"})
    del todos
    sql(path, *statements)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON todo BEGIN DELETE FROM todo; END",
        "CREATE TRIGGER t AFTER UPDATE ON store BEGIN INSERT INTO todo VALUES (x'626f62', 0, '{}', 9, NULL, NULL); END",
        "CREATE VIEW v AS SELECT * FROM todo",
    ],
)
def test_a_file_with_a_trigger_or_a_view_is_refused(path, statement):
    change(path, statement)
    with pytest.raises(UnusableFile, match="trigger or a view"):
        SQLiteTodoList(path).create({})


def test_what_a_file_defines_can_call_no_function_that_does_harm(todos):
    todos.create({})
    for connection in (todos.file.writer, todos.file.reader):
        assert connection.execute("PRAGMA trusted_schema").fetchone()[0] == 0


ROW = "INSERT INTO todo (user, id, json, version) VALUES"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE todo SET json = '5' WHERE id = 0",
        "UPDATE todo SET json = '[1]'",
        "UPDATE todo SET json = '{'",
        "UPDATE todo SET json = ''",
        "UPDATE todo SET json = '{\"a\":NaN,\"id\":0}'",
        "UPDATE todo SET json = '{\"a\":1e999,\"id\":0}'",
        "UPDATE todo SET json = x'ff'",
        f"UPDATE todo SET json = '{{\"id\":0,\"a\":{'[' * 101}{']' * 101}}}'",
        "UPDATE todo SET json = printf('{\"a\":%s', replace(hex(zeroblob(100000)), '0', '['))",
        "UPDATE todo SET version = 'text'",
        "UPDATE todo SET version = 9223372036854775807",
        "UPDATE todo SET version = -1",
        f"{ROW} (x'', 100000000, '{{}}', 9)",
        f"{ROW} (x'', 9223372036854775807, '{{}}', 9)",
        f"{ROW} (x'', -5, '{{}}', 9)",
        f"{ROW} (x'626f62', -5, '{{}}', 9)",
        f"{ROW} (x'626f62', 'text', '{{}}', 9)",
        f"{ROW} (x'626f62', 0.5, '{{}}', 9)",
        f"{ROW} ('bob', 0, '{{}}', 9)",
        f"{ROW} (5, 0, '{{}}', 9)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_running", [False, True], ids=["before it is opened", "while it is open"])
def test_a_row_that_is_not_a_todo_is_refused_in_a_sentence(path, statement, is_running):
    if is_running:
        todos = SQLiteTodoList(path)
        assert todos.create({"title": "a"})
        sql(path, statement, "UPDATE todo SET version = 8 WHERE version = 1")
    else:
        change(path, statement)
        todos = SQLiteTodoList(path)
    with pytest.raises(ListUnavailable, match="another program has written to it"):
        list(todos)


@pytest.mark.parametrize(
    ("json", "harmless"),
    [
        ('{"title":"</script>","id":0}', b'{"title":"\\u003c/script\\u003e","id":0}'),
        ('{"title":"&","id":0}', b'{"title":"\\u0026","id":0}'),
        ('{"title":"\u2028é","id":0}', b'{"title":"\\u2028\\u00e9","id":0}'),
        ('{"title":"a","id":7}', b'{"title":"a","id":0}'),
        ('{"title":"a","id":false}', b'{"title":"a","id":0}'),
        ('{"title":"a"}', b'{"title":"a","id":0}'),
        ('{"title":"a","id":0} ', b'{"title":"a","id":0}'),
    ],
)  # fmt: skip
def test_a_todo_that_another_program_wrote_is_made_harmless_wherever_it_comes_from(path, json, harmless):
    change(path, f"UPDATE todo SET json = '{json}' WHERE user = x''")
    todos = SQLiteTodoList(path)
    checked = []
    assert [*todos] == [harmless]
    assert todos.read(0) == harmless
    assert todos.create({"title": "a"}, "key") == (0, harmless)
    assert harmless.decode()[1:-7] in call(TodoMVC(todos), "GET", "/")[2].decode()
    todos.update(0, {"n": 1}, checked.append)
    assert checked == [harmless]
    sql(path, f"UPDATE todo SET json = '{json}' WHERE user = x''")
    assert todos.delete_all() == [harmless]


def test_what_the_encoder_wrote_stays_as_it_is(todos, path):
    fields = {
        "a": [1.5, 1e300, -0.0, None, True, {"b": "\x7f\\\"'"}],
        "é<&>": "\ud800\u2028",
        "": [[[]]],
        "big": 10**40,
    }
    made = todos.create(fields)[1]
    deep = {}
    for _ in range(98):
        deep = {"a": deep}
    made_deep = todos.create(deep)[1]
    assert list(SQLiteTodoList(path)) == [made, made_deep]


def test_a_row_with_a_high_id_takes_no_gigabytes(path):
    change(path, f"{ROW} (x'', 100000000, '{{}}', 9)")
    program = """if True:
        import resource, sys, todomvc_sqlite
        resource.setrlimit(resource.RLIMIT_AS, (500 * 2**20, 500 * 2**20))
        try:
            todomvc_sqlite.SQLiteTodoList(sys.argv[1]).version
        except todomvc_sqlite.UnusableFile as error:
            print(error)
    """
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "row 100000000" in done.stdout


@pytest.mark.parametrize("write", [write_version_1, write_version_2])
def test_a_file_of_an_earlier_version_keeps_its_permissions(tmp_path, write):
    path = write(tmp_path / "todos.db")
    path.chmod(0o644)
    assert SQLiteTodoList(path).create({})[0] == 3
    assert path.stat().st_mode & 0o777 in {0o644, 0o666}


def test_a_file_whose_id_is_gone_gets_one(path):
    change(path, "DELETE FROM store")
    assert len(SQLiteTodoList(path).identity) == 32
