"""Conditional requests of several processes over one file: of those with the same If-Match, one writes."""

import json
import subprocess
import sys

import pytest
from command import request
from conftest import ROOT, serve, tag_of
from stress import race

from todomvc import TodoMVC
from todomvc_sqlite import SQLiteTodoList

WRITER = """
import sys
from conftest import put
from todomvc import TodoMVC
from todomvc_sqlite import SQLiteTodoList
application = TodoMVC(SQLiteTodoList(sys.argv[1]))
application.todos.read(0)
print("ready", flush=True)
for line in sys.stdin:
    path, tag = line.split()
    print(put(application, tag, b'{"by": "%s"}' % sys.argv[2].encode(), path), flush=True)
"""


@pytest.fixture
def writers(tmp_path):
    """Four processes, each with an application over one file: they PUT what they are told to at once."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "todos.db")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    processes = [subprocess.Popen([*command, f"w{n}"], env=environ, **pipes) for n in range(4)]
    try:
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
        yield processes
    finally:
        for process in processes:
            process.communicate(timeout=10)


def test_of_processes_with_the_same_if_match_one_writes(tmp_path, writers):
    todos = SQLiteTodoList(tmp_path / "todos.db")
    application = TodoMVC(todos)
    for id in range(25):
        todos.create({"title": "a"})
        line = f"/todos/{id} {tag_of(application, f'/todos/{id}')}\n"
        for writer in writers:
            writer.stdin.write(line)
        answers = [writer.stdout.readline() for writer in writers]
        assert sorted(answers) == ["200 OK\n", *["412 Precondition Failed\n"] * 3]
        assert json.loads(todos.read(id))["by"] == f"w{answers.index('200 OK' + chr(10))}"


def test_of_two_commands_over_one_file_one_writes(tmp_path):
    with serve("--db", "shared.db", cwd=tmp_path) as one, serve("--db", "shared.db", cwd=tmp_path) as other:
        json_type = {"Content-Type": "application/json"}
        for id in range(10):
            request(one, "/todos/", "POST", b'{"title": "a"}', json_type)
            tag = tag_of(TodoMVC(SQLiteTodoList(tmp_path / "shared.db")), f"/todos/{id}")
            condition = {**json_type, "If-Match": tag}
            servers = [one, other, one, other]
            statuses = race(4, lambda n: request(servers[n], f"/todos/{id}", "PATCH", b'{"a": %d}' % n, condition)[0])  # noqa: B023
            assert statuses == [200, 412, 412, 412]
