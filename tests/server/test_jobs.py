"""What the command does instead of serving: backup, check, export and import."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from conftest import ROOT, serve
from stores import contents, fill
from workers import ask

from todomvc_jobs import Progress
from todomvc_sqlite import SQLiteTodoList


def command(folder, *arguments, **options):
    """Run the command to its end; return it."""
    command = [sys.executable, str(ROOT / "todomvc.py"), *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, cwd=folder, timeout=120, check=False, **options)


def done(folder, *arguments, **options):
    """Run the command, which must succeed; return what it wrote to stdout."""
    process = command(folder, *arguments, **options)
    assert process.returncode == 0, process.stderr
    return process.stdout


def refusal(folder, *arguments, **options):
    """Run the command, which must fail; return the one line that it says."""
    process = command(folder, *arguments, **options)
    said = process.stderr.decode()
    assert (process.returncode, process.stdout, said.count("\n")) == (1, b"", 1), said
    assert said.startswith("todomvc: ")
    return said


@pytest.fixture
def path(tmp_path):
    """The path of a filled file."""
    with contextlib.closing(SQLiteTodoList(tmp_path / "todos.db")) as todos:
        fill(todos)
    return tmp_path / "todos.db"


# Backup


def test_a_backup_has_all_and_other_identities(path, tmp_path):
    done(tmp_path, "--backup", "backup.db")
    original, copy = SQLiteTodoList(path), SQLiteTodoList(tmp_path / "backup.db")
    assert contents(copy) == contents(original)
    assert {copy.identity, copy.of("alice").identity}.isdisjoint([original.identity, original.of("alice").identity])


def test_a_backup_is_one_file_that_only_its_owner_can_read(path, tmp_path):
    (tmp_path / "folder").mkdir()
    done(tmp_path, "--backup", tmp_path / "folder" / "backup.db")
    assert os.listdir(tmp_path / "folder") == ["backup.db"]
    if sys.platform != "win32":
        assert (tmp_path / "folder" / "backup.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_of_a_list_in_use_is_of_one_moment(tmp_path):
    with serve(cwd=tmp_path, stderr=subprocess.DEVNULL) as server:
        ask(server.url, "POST", "/todos/", {})
        done(tmp_path, "--backup", "backup.db")
        assert ask(server.url, "POST", "/todos/", {}) == (200, {"id": 1})
    assert list(SQLiteTodoList(tmp_path / "backup.db")) == [b'{"id":0}']


def test_a_backup_that_is_put_back_is_another_list(path, tmp_path):
    identities = {identity_of(path)}
    done(tmp_path, "--backup", "backup.db")
    shutil.copy(tmp_path / "backup.db", path)
    identities.add(identity_of(path))
    shutil.copy(tmp_path / "backup.db", path)
    identities.add(identity_of(path))
    assert len(identities) >= 2
    assert SQLiteTodoList(path).create({})[0] == 4


def identity_of(path):
    with contextlib.closing(SQLiteTodoList(path)) as todos:
        return todos.identity


def test_a_backup_writes_over_nothing_and_leaves_nothing_half_done(path, tmp_path):
    (tmp_path / "backup.db").write_text("precious")
    before = sorted(os.listdir(tmp_path))
    assert "there is one already" in refusal(tmp_path, "--backup", "backup.db")
    assert (tmp_path / "backup.db").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == before
    assert "nowhere" in refusal(tmp_path, "--backup", "nowhere/backup.db")


@pytest.mark.parametrize("job", ["--backup", "--export"])
@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_nothing_is_written_to_a_name_that_sqlite_uses(path, tmp_path, job, end):
    assert "another" in refusal(tmp_path, job, f"todos.db{end}")
    assert contents(SQLiteTodoList(path))


def test_a_backup_is_not_written_to_standard_output(path, tmp_path):
    assert "--export -" in refusal(tmp_path, "--backup", "-")
    assert not (tmp_path / "-").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_what_was_done_is_done_though_it_cannot_be_told(path, tmp_path):
    with open("/dev/full", "wb") as full:
        done(tmp_path, "--backup", "backup.db", stderr=full)
        done(tmp_path, "--check", stderr=full)
    assert contents(SQLiteTodoList(tmp_path / "backup.db")) == contents(SQLiteTodoList(path))


def test_a_backup_for_which_there_is_no_room_leaves_no_file(path, tmp_path):
    resource = pytest.importorskip("resource")
    with contextlib.closing(SQLiteTodoList(path)) as big:
        for _ in range(5):
            big.create({"title": "x" * 100_000})
    before = sorted(os.listdir(tmp_path))
    said = refusal(
        tmp_path, "--backup", "backup.db",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )  # fmt: skip
    assert "backup.db" not in os.listdir(tmp_path)
    assert sorted(os.listdir(tmp_path)) == before, said


# Check


def test_a_sound_file_is_called_sound(path, tmp_path):
    process = command(tmp_path, "--check")
    assert (process.returncode, process.stdout) == (0, b"")
    assert "sound: 8 todos and 8 deleted ones in 4 lists" in process.stderr.decode()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM todo WHERE user = x'616c696365' AND id = 0",
        "PRAGMA writable_schema = 1; UPDATE sqlite_master SET rootpage = 4 WHERE name = 'todo_by_version'",
        "UPDATE todo SET json = '{' WHERE id = 2",
        "DELETE FROM todo WHERE id = 2",
        "CREATE VIEW v AS SELECT 1",
    ],
)
def test_damage_is_told_in_a_line(path, tmp_path, damage):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(damage)
    assert "todos.db" in refusal(tmp_path, "--check")


def test_a_damaged_page_is_told_in_a_line(path, tmp_path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) - 4096)
        file.write(b"\xff" * 4096)
    assert "todos.db" in refusal(tmp_path, "--check")


@pytest.mark.parametrize("job", [["--check"], ["--backup", "b"], ["--export", "e"], ["--renew"]])
def test_a_file_that_is_not_there_is_not_made(tmp_path, job):
    assert "todos.db: there is no such file" in refusal(tmp_path, *job)
    assert os.listdir(tmp_path) == []


# Export and import


def test_an_export_is_lines_of_json(path, tmp_path):
    lines = [json.loads(line) for line in done(tmp_path, "--export", "-").splitlines()]
    header, *rows, end = lines
    assert header == {"todomvc": 1, "store": SQLiteTodoList(path).store_id}
    assert end == {"rows": 16}
    assert {tuple(row) for row in rows} == {("user", "id", "todo", "key", "digest")}
    assert [row["id"] for row in rows if row["user"] == "alice"] == [0, 1, 2, 3]
    assert [row["todo"] is None for row in rows if row["user"] == "alice"] == [False, True, False, True]


def test_what_is_exported_can_be_imported(path, tmp_path):
    done(tmp_path, "--export", "todos.jsonl")
    done(tmp_path, "--db", "other.db", "--import", "todos.jsonl")
    original, copy = SQLiteTodoList(path), SQLiteTodoList(tmp_path / "other.db")
    assert contents(copy) == contents(original)
    assert copy.identity != original.identity


def test_a_move_keeps_the_identities(path, tmp_path):
    exported = done(tmp_path, "--export", "-")
    done(tmp_path, "--db", "other.db", "--import", "-", "--keep-identity", input=exported)
    original, copy = SQLiteTodoList(path), SQLiteTodoList(tmp_path / "other.db")
    assert copy.identity == original.identity
    assert copy.of("alice").identity == original.of("alice").identity
    assert SQLiteTodoList(tmp_path / "other.db").identity == original.identity  # the mark agrees


@pytest.mark.parametrize("user", ["", "alice"])
@pytest.mark.parametrize("when", ["--export", "--import"])
def test_the_list_of_one_user_can_be_moved(path, tmp_path, user, when):
    one = ["--user", user]
    exported = done(tmp_path, "--export", "-", *(one if when == "--export" else []))
    done(tmp_path, "--db", "other.db", "--import", "-", *(one if when == "--import" else []), input=exported)
    assert contents(SQLiteTodoList(tmp_path / "other.db")) == list(SQLiteTodoList(path).rows(user))


def test_a_store_that_is_served_goes_on_with_what_is_imported(path, tmp_path):
    exported = done(tmp_path, "--export", "-")
    (tmp_path / "other").mkdir()
    with serve(cwd=tmp_path / "other", stderr=subprocess.DEVNULL) as server:
        assert ask(server.url, "GET", "/todos/") == (200, [])
        done(tmp_path / "other", "--import", "-", input=exported)
        assert [todo["id"] for todo in ask(server.url, "GET", "/todos/")[1]] == [0, 2]
        assert ask(server.url, "POST", "/todos/", {}) == (200, {"id": 4})


@pytest.mark.skipif(sys.platform == "win32", reason="a descriptor is closed before the start")
@pytest.mark.parametrize(("job", "descriptor"), [("--import", 0), ("--export", 1)])
def test_standard_input_or_output_that_is_closed_is_told_in_a_line(path, tmp_path, job, descriptor):
    assert "closed" in refusal(tmp_path, job, "-", "--db", "todos.db", preexec_fn=lambda: os.close(descriptor))


HEADER = b'{"todomvc":1,"store":"0123456789abcdef0123456789abcdef"}\n'
ROW = b'{"user":"","id":%d,"todo":{"id":%d},"key":null,"digest":null}\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "line 1"),
        (b"[]\n", "line 1"),
        (b'{"todomvc":2,"store":"a"}\n', "newer"),
        (HEADER, "not whole"),
        (HEADER + ROW % (0, 0), "not whole"),
        (HEADER + ROW % (0, 0) + b'{"rows":2}\n', "not whole"),
        (HEADER + ROW % (0, 0) + b'{"rows":1}\n' + ROW % (1, 1), "not whole"),
        (HEADER + ROW % (1, 1) + b'{"rows":1}\n', "0 should"),
        (HEADER + ROW % (0, 0) + ROW % (0, 0) + b'{"rows":2}\n', "1 should"),
        (HEADER + (ROW % (0, 0))[:-20] + b"\n", "line 2"),
        (HEADER + ROW.replace(b'""', b"5") % (0, 0) + b'{"rows":1}\n', "line 2"),
        (HEADER + ROW.replace(b'{"id":%d}', b"[%d]") % (0, 0) + b'{"rows":1}\n', "line 2"),
        (HEADER + ROW.replace(b'"key":null', b'"key":"\\u0000"') % (0, 0) + b'{"rows":1}\n', "line 2"),
        (HEADER + ROW.replace(b'{"id":%d}', b'{"id":%d,"n":NaN}') % (0, 0) + b'{"rows":1}\n', "line 2"),
        (HEADER + ROW.replace(b'""', b'"' + b"x" * 501 + b'"') % (0, 0) + b'{"rows":1}\n', "line 2"),
    ],
)
def test_what_is_not_a_whole_export_is_refused_and_nothing_is_imported(tmp_path, text, reason):
    (tmp_path / "export").write_bytes(text)
    assert reason in refusal(tmp_path, "--import", "export")
    assert contents(SQLiteTodoList(tmp_path / "todos.db")) == []


def test_what_is_imported_is_harmless_whatever_wrote_it(tmp_path):
    row = b'{"user":"","id":0,"todo":{"id":7,"title":"</script>"},"key":null,"digest":null}\n'
    done(tmp_path, "--import", "-", input=HEADER + row + b'{"rows":1}\n')
    assert list(SQLiteTodoList(tmp_path / "todos.db")) == [b'{"id":0,"title":"\\u003c/script\\u003e"}']


def test_an_import_into_a_file_with_todos_is_refused(path, tmp_path):
    before = contents(SQLiteTodoList(path))
    assert "there are todos already" in refusal(
        tmp_path, "--import", "-", input=HEADER + ROW % (0, 0) + b'{"rows":1}\n'
    )
    assert contents(SQLiteTodoList(path)) == before


def test_long_work_says_how_far_it_is_once_in_a_second(capsys):
    progress = Progress("Copied", "pages")
    progress(1, 9)
    for done, total in [(2, 9), (3, None)]:
        progress.next = 0
        progress(done, total)
        progress(done, total)
    assert capsys.readouterr().err == "Copied 2 of 9 pages.\nCopied 3 pages.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user", "alice"],
        ["--keep-identity"],
        ["--check", "--user", "alice"],
        ["--export", "a", "--keep-identity"],
        ["--export", "a", "--import", "b"],
        ["--backup", "a", "--check"],
        ["--db", ":memory:", "--check"],
        ["--db", ":memory:", "--import", "a"],
        ["--db", "postgresql://nowhere.invalid/todos", "--backup", "a"],
        ["--db", ":memory:", "--renew"],
        ["--renew", "--user", "alice"],
        ["--import", "nowhere.jsonl"],
        ["--import", ""],
        ["--export", ""],
        ["--backup", ""],
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_line(tmp_path, arguments):
    refusal(tmp_path, *arguments)
    assert not (tmp_path / "a").exists()
