"""A file that an earlier version has written is taken over in place, with all that is in it."""

import contextlib
import shutil
import sqlite3

import pytest
from earlier import ROWS, select, write_version_1, write_version_2

import todomvc_sqlite_file
from todomvc import KeyReused, ListFull
from todomvc_sqlite import SQLiteTodoList, UnusableFile


@pytest.fixture(params=[write_version_1, write_version_2], ids=["1", "2"])
def path(tmp_path, request):
    return request.param(tmp_path / "todos.db")


@pytest.fixture
def path_of_version_1(tmp_path):
    return write_version_1(tmp_path / "todos.db")


def test_the_todos_are_as_they_were(path):
    todos = SQLiteTodoList(path)
    assert [todos.read(id) for id in range(4)] == [row[1] and row[1].encode() for row in ROWS] + [None]


def test_the_list_goes_on_where_it_was(path):
    todos = SQLiteTodoList(path)
    before = todos.version
    assert todos.create({}) == (3, b'{"id":3}')
    assert todos.version > before


def test_the_keys_are_known(path):
    todos = SQLiteTodoList(path)
    assert todos.create({"title": "a"}, "k") == (0, ROWS[0][1].encode())
    with pytest.raises(KeyReused):
        todos.create({"title": "b"}, "k")


def test_users_have_lists_of_their_own_in_it(path):
    todos = SQLiteTodoList(path)
    assert todos.of("alice").create({}) == (0, b'{"id":0}')
    assert len(list(todos)) == 2


def test_it_is_of_this_version_and_sound_afterwards(path):
    SQLiteTodoList(path).create({})
    assert select(path, "PRAGMA user_version") == [(3,)]
    assert select(path, "PRAGMA integrity_check") == [("ok",)]
    assert select(path, "SELECT name FROM sqlite_master WHERE name LIKE 'todos%'") == []


def test_it_has_an_id_that_stays_afterwards(path):
    todos = SQLiteTodoList(path)
    before = todos.identity, todos.of("alice").identity
    assert todos.create({}) == (3, b'{"id":3}')
    again = SQLiteTodoList(path)
    assert (again.identity, again.of("alice").identity) == before


def test_two_files_that_were_the_same_have_two_ids(path, tmp_path):
    copy = shutil.copy(path, tmp_path / "copy.db")
    assert SQLiteTodoList(path).identity != SQLiteTodoList(copy).identity


def test_a_process_of_version_1_can_do_no_harm_to_it(path_of_version_1):
    path = path_of_version_1
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        earlier.execute("SELECT * FROM todos").fetchall()
        SQLiteTodoList(path).create({})
        with pytest.raises(sqlite3.OperationalError):
            earlier.execute("UPDATE todos SET todo = NULL WHERE id = 0")


@pytest.mark.parametrize(
    ("write", "blocked", "todos", "version"),
    [(write_version_1, "todo", "todos", 1), (write_version_2, "store", "todo", 2)],
)
def test_where_it_cannot_be_it_is_refused_and_left_alone(tmp_path, write, blocked, todos, version):
    path = write(tmp_path / "todos.db")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"CREATE TABLE {blocked} (x)")
    with pytest.raises(UnusableFile):
        SQLiteTodoList(path).create({})
    assert select(path, f"SELECT count(*) FROM {todos}") == [(3,)]
    assert select(path, "PRAGMA user_version") == [(version,)]


def prepare_without_room(database, prepare=todomvc_sqlite_file.prepare):
    """Prepare a connection that finds no room for more."""
    database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
    prepare(database)


def test_where_there_is_no_room_for_it_it_waits_until_there_is(path, monkeypatch):
    todos = SQLiteTodoList(path)
    with monkeypatch.context() as patch:
        patch.setattr(todomvc_sqlite_file, "prepare", prepare_without_room)
        with pytest.raises(ListFull):
            todos.create({})
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as another_program:
        another_program.execute("BEGIN IMMEDIATE")
    assert todos.create({}) == (3, b'{"id":3}')
