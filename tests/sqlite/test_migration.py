"""A file that an earlier version has written is taken over in place, with all that is in it."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, call, serve
from test_command import JSON, request
from test_sqlite import python

import todomvc
from todomvc import KeyReused, ListFull, SQLiteTodoList, TodoMVC, UnusableFile, digest_of

VERSION_1 = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE todos (id INTEGER PRIMARY KEY, todo TEXT, version INTEGER NOT NULL, key TEXT, digest TEXT);
    CREATE INDEX todos_by_version ON todos (version);
    CREATE UNIQUE INDEX todos_by_key ON todos (key) WHERE key IS NOT NULL;
    PRAGMA application_id = 1416578159;
    PRAGMA user_version = 1;
"""
ROWS = [
    (0, '{"title":"a","id":0}', 1, "k", digest_of({"title": "a"})),
    (1, None, 4, None, None),
    (2, '{"title":"\\u00e9","id":2,"order":3}', 3, None, None),
]
KILLED = """
import os, signal, sys, todomvc
prepare = todomvc.prepare
def prepare_until_killed(database):
    database.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
    prepare(database)
todomvc.prepare = prepare_until_killed
todomvc.SQLiteTodoList(sys.argv[1]).version
"""


@pytest.fixture
def path(tmp_path):
    """A file of version 1: a todo that was made by a key, a tombstone, and another todo."""
    path = tmp_path / "todos.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_1)
        database.executemany("INSERT INTO todos VALUES (?, ?, ?, ?, ?)", ROWS)
        database.commit()
    return path


def select(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


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
    assert select(path, "PRAGMA user_version") == [(2,)]
    assert select(path, "PRAGMA integrity_check") == [("ok",)]
    assert select(path, "SELECT name FROM sqlite_master WHERE name LIKE 'todos%'") == []


def test_processes_that_open_it_at_one_moment_all_can(path):
    program = "from todomvc import SQLiteTodoList; import sys; print(SQLiteTodoList(sys.argv[1]).create({})[0])"
    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(lambda _: int(python(program, path)), range(6)))
    assert sorted(ids) == list(range(3, 9))


def test_a_process_of_the_earlier_version_can_do_no_harm_to_it(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        earlier.execute("SELECT * FROM todos").fetchall()
        SQLiteTodoList(path).create({})
        with pytest.raises(sqlite3.OperationalError):
            earlier.execute("UPDATE todos SET todo = NULL WHERE id = 0")


def test_killed_at_any_step_it_is_of_one_version_or_the_other(path):
    codes = set()
    for steps in range(20, 1500, 60):
        command = [sys.executable, "-c", KILLED, str(path), str(steps)]
        codes.add(subprocess.run(command, cwd=ROOT, timeout=60).returncode)
        assert select(path, "PRAGMA user_version") in ([(1,)], [(2,)])
    assert -9 in codes
    assert [json.loads(todo)["id"] for todo in SQLiteTodoList(path)] == [0, 2]


def test_where_it_cannot_be_it_is_refused_and_left_alone(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE todo (x)")
    with pytest.raises(UnusableFile):
        SQLiteTodoList(path).create({})
    assert select(path, "SELECT count(*) FROM todos") == [(3,)]
    assert select(path, "PRAGMA user_version") == [(1,)]


def test_the_command_takes_it_over(path, tmp_path):
    with serve("--db", str(path), cwd=tmp_path) as server:
        assert request(server, "/todos/0")[1] == ROWS[0][1].encode()
        assert request(server, "/todos/0", "PATCH", '{"completed":true}', JSON)[0] == 200
    assert b'"completed":true' in call(TodoMVC(SQLiteTodoList(path)), "GET", "/todos/0")[2]


def prepare_without_room(database, prepare=todomvc.prepare):
    """Prepare a connection that finds no room for more."""
    database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
    prepare(database)


def test_where_there_is_no_room_for_it_it_waits_until_there_is(path, monkeypatch):
    todos = SQLiteTodoList(path)
    with monkeypatch.context() as patch:
        patch.setattr(todomvc, "prepare", prepare_without_room)
        with pytest.raises(ListFull):
            todos.create({})
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as another_program:
        another_program.execute("BEGIN IMMEDIATE")
    assert todos.create({}) == (3, b'{"id":3}')
