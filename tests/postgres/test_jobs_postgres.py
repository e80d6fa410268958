"""Moves between a file and PostgreSQL by the command, and the check of a database."""

import subprocess
import sys

import psycopg
import pytest
from conftest import ROOT
from stores import USERS, contents, fill

from todomvc_postgres import PostgresTodoList
from todomvc_sqlite import SQLiteTodoList


def command(folder, *arguments, **options):
    command = [sys.executable, str(ROOT / "todomvc.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False, **options)


@pytest.fixture
def path(tmp_path):
    fill(SQLiteTodoList(tmp_path / "todos.db"))
    return tmp_path / "todos.db"


@pytest.mark.parametrize("keep", [["--keep-identity"], []], ids=["moved", "copied"])
def test_a_file_goes_into_postgresql_and_back(path, database, tmp_path, keep):
    exported = command(tmp_path, "--export", "-")
    imported = command(tmp_path, "--db", database, "--import", "-", *keep, input=exported.stdout)
    assert (imported.returncode, imported.stdout) == (0, b""), imported.stderr
    original, there = SQLiteTodoList(path), PostgresTodoList(database)
    assert contents(there) == contents(original)
    assert [there.of(user).identity == original.of(user).identity for user in USERS] == [bool(keep)] * 4
    assert there.of("alice").create({})[0] == 4
    assert b"sound" in command(tmp_path, "--db", database, "--check").stderr
    assert command(tmp_path, "--db", database, "--export", "back").returncode == 0
    assert command(tmp_path, "--db", "back.db", "--import", "back").returncode == 0
    assert contents(SQLiteTodoList(tmp_path / "back.db")) == contents(there)


def test_a_server_sees_at_once_what_is_imported(path, database, tmp_path):
    there = PostgresTodoList(database)
    assert (there.version, list(there)) == (0, [])
    there.load(SQLiteTodoList(path).rows())
    assert there.version != 0
    assert len(list(there)) == 2


def test_an_export_is_of_one_moment(database):
    there = PostgresTodoList(database)
    fill(there)
    rows = there.rows()
    first = next(rows)
    there.of("alice").create({})
    assert len([first, *rows]) == 16
    assert len(contents(there)) == 17


def test_a_database_with_a_wrong_length_is_not_sound(database, tmp_path):
    fill(PostgresTodoList(database))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE todomvc_lists SET length = 9 WHERE owner = 'alice'")
    checked = command(tmp_path, "--db", database, "--check")
    assert (checked.returncode, checked.stderr.count(b"\n")) == (1, 1)
    assert b"alice" in checked.stderr


def test_a_key_that_stands_twice_is_refused_and_nothing_is_loaded(database):
    there = PostgresTodoList(database)
    with pytest.raises(Exception, match="todomvc_todos_by_key"):
        there.load([("", 0, b'{"id":0}', "k", "d"), ("", 1, b'{"id":1}', "k", "d")])
    assert contents(there) == []
