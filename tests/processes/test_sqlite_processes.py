"""The list in an SQLite file that other processes have open, and in a process that forks."""

import os

import pytest
from conftest import python

from todomvc_sqlite import SQLiteTodoList


@pytest.fixture
def path(tmp_path):
    return tmp_path / "todos.db"


@pytest.fixture
def todos(path):
    return SQLiteTodoList(path)


def sql(path, *statements):
    """Execute statements in the sqlite3 of another process; return the last one's rows as Python prints them."""
    program = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    program += "for s in sys.argv[2:]: rows = d.execute(s).fetchall()\nprint(rows, end='')\nd.close()"
    return python(program, path, *statements)


def test_the_file_says_whose_it_is(todos, path):
    todos.create({})
    assert sql(path, "PRAGMA application_id") == f"[({int.from_bytes(b'ToDo', 'big')},)]"
    assert sql(path, "PRAGMA user_version") == "[(3,)]"


def test_a_list_that_is_dropped_leaves_the_others_their_locks(todos, path):
    todos.create({})
    SQLiteTodoList(path).create({})
    sql(path, "SELECT * FROM todo")  # would take the log away when it closes, if it could lock the file for itself
    assert os.path.exists(f"{path}-wal")


def test_a_backup_of_the_file_in_use_is_whole(todos, path, tmp_path):
    todos.create({"title": "a"})
    sql(path, f"VACUUM INTO '{tmp_path}/backup.db'")
    assert list(SQLiteTodoList(tmp_path / "backup.db")) == list(todos)


FORK = """
import os, sys, todomvc_sqlite
todos = todomvc_sqlite.SQLiteTodoList(sys.argv[1])
exec(sys.argv[2])
if os.fork() == 0:
    try:
        todos.create({"title": "child"})
    except todomvc_sqlite.UnusableFile as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
todos.create({"title": "parent"})
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_list_that_is_first_used_after_a_fork_works_in_both_processes(path):
    assert python(FORK, path, "") == ""
    assert list(SQLiteTodoList(path)) == [b'{"title":"child","id":0}', b'{"title":"parent","id":1}']


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_list_that_was_used_before_a_fork_is_refused_in_the_child(path):
    assert (
        python(FORK, path, "todos.version")
        == f"{path}: it was opened before this process was forked: use it only afterwards\n"
    )
    assert list(SQLiteTodoList(path)) == [b'{"title":"parent","id":0}']
