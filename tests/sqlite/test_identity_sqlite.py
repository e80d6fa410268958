"""An SQLite file has an identity, and another one once it was put back from a backup."""

import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest
from conftest import ROOT, python

from todomvc_sqlite import SQLiteTodoList


@pytest.fixture
def path(tmp_path):
    return tmp_path / "todos.db"


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "todos.db-lock"


def write(path, *titles):
    """Create todos and close the file; return the identity of the list."""
    with contextlib.closing(SQLiteTodoList(path)) as todos:
        for title in titles:
            todos.create({"title": title})
        return todos.identity


def back_up(path, name):
    copy = path.with_name(name)
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def test_a_file_keeps_its_identity_and_two_files_have_two(path, tmp_path):
    before = write(path, "a")
    assert write(path, "b") == before
    assert write(path) == before
    assert write(tmp_path / "other.db") != before


def test_every_process_finds_the_same_one(path):
    write(path, "a")
    program = "import sys, todomvc_sqlite; print(todomvc_sqlite.SQLiteTodoList(sys.argv[1]).of('alice').identity)"
    assert python(program, path).strip() == SQLiteTodoList(path).of("alice").identity


def test_a_get_writes_nothing(path, lock):
    write(path, "a")
    before = path.read_bytes(), lock.read_bytes()
    todos = SQLiteTodoList(path)
    assert [todos.identity, todos.of("alice").identity, list(todos)]
    del todos
    assert (path.read_bytes(), lock.read_bytes()) == before


def test_a_file_that_went_back_in_time_has_another_identity_that_stays(path):
    before = write(path, "a", "b")
    backup = back_up(path, "backup.db")
    assert write(path, "c") == before
    shutil.copy(backup, path)
    after = write(path)
    assert after != before
    assert write(path, "d") == after
    assert write(path) == after
    assert len(list(SQLiteTodoList(path))) == 3


def test_a_backup_of_this_moment_is_the_same_list(path):
    before = write(path, "a")
    shutil.copy(back_up(path, "backup.db"), path)
    assert write(path, "b") == before


def test_a_backup_is_put_in_place_as_the_docs_say_after_a_crash(path):
    """A crash leaves a log, which SQLite would apply to the backup."""
    before = write(path, "a")
    backup = back_up(path, "backup.db")
    python(
        "import os, sys; from todomvc_sqlite import *; a = SQLiteTodoList(sys.argv[1]); a.create({}); os._exit(0)", path
    )
    told = re.search(r"delete (`[^,]+, [^,]+), and copy the backup\nto", (ROOT / "docs" / "deploy.md").read_text())
    for name in re.findall("`(.+?)`", told[1]):
        path.with_name(name).unlink()
    shutil.copy(backup, path)
    todos = SQLiteTodoList(path)
    assert [*todos] == [b'{"title":"a","id":0}']
    assert todos.identity != before


def test_each_return_to_a_backup_is_another_list(path):
    """Also to one that is ahead of where the list is now: it was behind before."""
    identities = [write(path, "a")]
    first = back_up(path, "first.db")
    write(path, "b")
    second = back_up(path, "second.db")
    write(path, "c")
    for backup in (first, second, first):
        shutil.copy(backup, path)
        identities.append(write(path))
    assert len(set(identities)) == 4


def test_a_deleted_file_is_another_list(path):
    before = write(path, "a")
    path.unlink()
    assert write(path, "b") != before


@pytest.mark.parametrize("left", [b"", b"\0" * 52, b"3", b"x" * 52])
def test_a_mark_that_is_no_mark_says_nothing(path, lock, left):
    before = write(path, "a")
    lock.write_bytes(left)
    assert write(path) == before
    assert lock.read_bytes().endswith(b" %019d" % 1)


def test_a_mark_that_is_behind_says_nothing(path, lock):
    before = write(path, "a")
    mark = lock.read_bytes()
    write(path, "b")
    lock.write_bytes(mark)
    assert write(path) == before


def test_the_mark_is_the_last_commit_of_any_user(path, lock):
    todos = SQLiteTodoList(path)
    for number, change in enumerate([todos.create, todos.of("alice").create], 1):
        change({})
        assert int(lock.read_bytes().split()[1]) == number
    todos.delete_all()
    assert int(lock.read_bytes().split()[1]) == 3


def test_a_commit_whose_mark_cannot_be_written_stands(path, monkeypatch):
    todos = SQLiteTodoList(path)
    before = todos.identity

    def refuse(*arguments):
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr("todomvc_sqlite.os.write", refuse)
        assert todos.create({}) == (0, b'{"id":0}')
    assert SQLiteTodoList(path).identity == before


KILLED = """if True:
    import os, sys, todomvc_sqlite
    todos = todomvc_sqlite.SQLiteTodoList(sys.argv[1])
    todos.version
    todomvc_sqlite.TodoFile.leave_mark = lambda file: os._exit(9)
    todos.create({})
"""


def test_a_process_that_is_killed_before_it_leaves_its_mark_makes_no_other_list(path, lock):
    before = write(path, "a")
    backup = back_up(path, "backup.db")
    subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, timeout=60, check=False)
    assert int(lock.read_bytes().split()[1]) == 1
    assert write(path) == before  # and the mark is put right
    assert int(lock.read_bytes().split()[1]) == 2
    shutil.copy(backup, path)
    assert write(path) != before


def test_a_renewal_is_seen_by_a_process_that_goes_on(path):
    todos = SQLiteTodoList(path)
    before = todos.identity, todos.of("alice").identity
    SQLiteTodoList(path).renew()
    assert {todos.identity, todos.of("alice").identity}.isdisjoint(before)
    assert todos.identity == SQLiteTodoList(path).identity


def test_the_command_renews_a_file_and_says_so(path, tmp_path):
    before = write(path, "a")
    command = [sys.executable, str(ROOT / "todomvc.py"), "--renew"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "new identities" in done.stderr
    todos = SQLiteTodoList(path)
    assert (todos.identity != before, list(todos)) == (True, [b'{"title":"a","id":0}'])
