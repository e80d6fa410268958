"""A file of an earlier version, opened by several processes at once, by one that is killed, and by the command."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from command import JSON, request
from conftest import ROOT, call, python, serve
from earlier import ROWS, select, write_version_1

from todomvc import TodoMVC
from todomvc_sqlite import SQLiteTodoList

KILLED = """
import os, signal, sys, todomvc_sqlite, todomvc_sqlite_file
prepare = todomvc_sqlite_file.prepare
def prepare_until_killed(database):
    database.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
    prepare(database)
todomvc_sqlite_file.prepare = prepare_until_killed
todomvc_sqlite.SQLiteTodoList(sys.argv[1]).version
"""


@pytest.fixture
def path(tmp_path):
    return write_version_1(tmp_path / "todos.db")


def test_processes_that_open_it_at_one_moment_all_can(path):
    program = "from todomvc_sqlite import SQLiteTodoList; import sys; print(SQLiteTodoList(sys.argv[1]).create({})[0])"
    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(lambda _: int(python(program, path)), range(6)))
    assert sorted(ids) == list(range(3, 9))


def test_killed_at_any_step_it_is_of_one_version_or_the_other(path):
    codes = set()
    for steps in range(20, 1500, 60):
        command = [sys.executable, "-c", KILLED, str(path), str(steps)]
        codes.add(subprocess.run(command, cwd=ROOT, timeout=60).returncode)
        assert select(path, "PRAGMA user_version") in ([(1,)], [(3,)])
    assert -9 in codes
    assert [json.loads(todo)["id"] for todo in SQLiteTodoList(path)] == [0, 2]


def test_the_command_takes_it_over(path, tmp_path):
    with serve("--db", str(path), cwd=tmp_path) as server:
        assert request(server, "/todos/0")[1] == ROWS[0][1].encode()
        assert request(server, "/todos/0", "PATCH", '{"completed":true}', JSON)[0] == 200
    assert b'"completed":true' in call(TodoMVC(SQLiteTodoList(path)), "GET", "/todos/0")[2]
