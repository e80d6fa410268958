"""The list in an SQLite file: what reopening it, a second list, a full disk and an interrupted thread do to it."""

import contextlib
import errno
import gc
import os
import signal
import sqlite3
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

import todomvc_sqlite
from todomvc import KeyReused, ListFull, ListUnavailable, Unconfirmed
from todomvc_sqlite import SQLiteTodoList, TodoFile, UnusableFile

BIG = {"title": "x" * 200_000}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "todos.db"


@pytest.fixture
def todos(path):
    return SQLiteTodoList(path)


def opened(path):
    file = SQLiteTodoList(path).file
    file.ensure_open()
    return file


def pragma(todos, name):
    todos.file.ensure_open()
    return todos.file.writer.execute(f"PRAGMA {name}").fetchone()[0]


# The file


def test_making_a_list_touches_no_disk(tmp_path):
    SQLiteTodoList(tmp_path / "nowhere" / "todos.db")
    assert list(tmp_path.iterdir()) == []


def test_every_change_is_there_when_the_file_is_opened_again(todos, path):
    for title in "abc":
        todos.create({"title": title})
    todos.update(0, {"title": "z"})
    todos.delete(1)
    assert list(SQLiteTodoList(path)) == [b'{"title":"z","id":0}', b'{"title":"c","id":2}']


@pytest.mark.parametrize("delete", [lambda todos: todos.delete(0), SQLiteTodoList.delete_all], ids=["one", "all"])
def test_a_deleted_id_is_never_given_again_even_by_a_list_opened_later(todos, path, delete):
    todos.create({})
    delete(todos)
    assert SQLiteTodoList(path).create({})[0] == 1


def test_the_version_goes_on_where_it_was(todos, path):
    todos.create({})
    before = todos.version
    assert SQLiteTodoList(path).version == before
    todos.delete(0)
    assert SQLiteTodoList(path).version > before


def test_a_commit_is_flushed_to_the_log(todos):
    assert (pragma(todos, "journal_mode"), pragma(todos, "synchronous"), pragma(todos, "fullfsync")) == (b"wal", 2, 1)


def test_the_log_does_not_grow_for_ever(todos, path):
    for _ in range(100):
        todos.create(BIG)
    assert os.path.getsize(f"{path}-wal") < 40 * len(BIG["title"])


def test_nothing_of_a_file_that_could_not_be_read_is_served_later(todos, path):
    for _ in range(200):
        todos.create({"title": "x" * 100})
    spoilt = SQLiteTodoList(path)
    todos.file.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8192] + b"\xff" * 8192)
    with pytest.raises(UnusableFile):
        list(spoilt)
    path.unlink()
    SQLiteTodoList(path).create({"title": "of a backup"})
    assert list(spoilt) == [b'{"title":"of a backup","id":0}']


@pytest.mark.parametrize("name", ["a b.db", "a?b=c&d.db", "100%20.db", "#.db", "é世.db", "file:x.db", ":memory:", "-"])
def test_any_name_names_a_file(tmp_path, name):
    SQLiteTodoList(tmp_path / name).create({"title": "a"})
    assert (tmp_path / name).stat().st_size > 0
    assert len(list(SQLiteTodoList(tmp_path / name))) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
def test_a_name_need_not_be_text(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.db")
    SQLiteTodoList(path).create({"title": "a"})
    assert len(list(SQLiteTodoList(path))) == 1


def test_a_relative_path_is_of_the_folder_in_which_the_list_was_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    todos = SQLiteTodoList("todos.db")
    monkeypatch.chdir("/")
    todos.create({})
    assert (tmp_path / "todos.db").exists()


@pytest.mark.parametrize("suffix", ["", "-lock", "-wal"])
def test_the_umask_says_who_may_read_the_files(path, suffix):
    before = os.umask(0o077)
    try:
        todos = SQLiteTodoList(path)
        todos.create({})
    finally:
        os.umask(before)
    assert os.stat(f"{path}{suffix}").st_mode & 0o777 == 0o600


@pytest.mark.parametrize("id", [10**18, 10**30, -(10**30)])
def test_an_id_beyond_all_integers_of_sqlite_names_no_todo(todos, id):
    assert todos.read(id) is todos.update(id, {}) is todos.delete(id) is None


# Several lists on one file


def test_another_list_sees_a_change_at_once(todos, path):
    other = SQLiteTodoList(path)
    assert list(other) == []
    todos.create({})
    assert list(other) == list(todos)
    other.delete(0)
    assert todos.read(0) is None


@pytest.mark.parametrize("change", [lambda todos: todos.update(3, {"x": 1}), lambda todos: todos.delete(3)])
def test_the_cost_of_seeing_a_change_does_not_grow_with_the_list(tmp_path, change):
    assert steps_to_see(change, tmp_path / "a", 10) == steps_to_see(change, tmp_path / "b", 3000) > 0


def steps_to_see(change, path, count):
    """Return how many instructions of SQLite's machine it takes to see a change that another list made."""
    todos, other, steps = SQLiteTodoList(path), SQLiteTodoList(path), []
    insert = "INSERT INTO todo (user, id, json, version) VALUES (x'', ?, '{}', ?)"
    other.file.write(lambda database: database.executemany(insert, ((n, n + 1) for n in range(count))))
    before = todos.version
    change(other)
    todos.file.reader.set_progress_handler(lambda: steps.append(1), 1)
    assert todos.version > before
    return len(steps)


def test_lists_that_create_at_once_give_gapless_ids(path):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: [SQLiteTodoList(path).create({})[0] for _ in range(25)], range(4)))
    assert sorted(id for ids in made for id in ids) == list(range(100))


def test_lists_that_merge_different_fields_at_once_lose_none(todos, path):
    todos.create({})
    lists = [todos, SQLiteTodoList(path)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: [lists[n].update(0, {f"{n} {m}": m}) for m in range(100)], range(2)))
    assert todos.read(0).count(b":") == 201


def test_a_todo_that_changes_while_it_is_merged_is_merged_again(todos, path):
    todos.create({"title": "a"})
    other, seen = SQLiteTodoList(path), []

    def check(todo):
        seen.append(todo)
        if len(seen) == 1:
            other.update(0, {"title": "b"})

    assert todos.update(0, {"done": True}, check) == b'{"title":"b","id":0,"done":true}' == other.read(0)
    assert seen == [b'{"title":"a","id":0}', b'{"title":"b","id":0}']


def test_a_todo_that_is_deleted_while_it_is_merged_stays_deleted(todos, path):
    todos.create({"title": "a"})
    other = SQLiteTodoList(path)
    assert todos.update(0, {"done": True}, lambda todo: other.delete(0)) is None
    assert list(todos) == list(other) == []


def test_others_that_keep_changing_a_large_todo_make_it_unavailable(todos, path, monkeypatch):
    monkeypatch.setattr(todomvc_sqlite, "MAX_WAIT", 1)
    todos.create({"text": "x" * todomvc_sqlite.MAX_MADE_WITHIN})
    other = SQLiteTodoList(path)
    with pytest.raises(ListUnavailable, match="others kept changing"):
        todos.update(0, {"done": True}, lambda todo: other.update(0, {"title": "b"}))


# Writes that fail


@pytest.fixture
def full(todos):
    """A list whose file has room for a few small todos, and no more for a big one."""
    todos.create({"title": "first"})
    pragma(todos, f"max_page_count = {pragma(todos, 'page_count') + 4}")
    return todos


def test_a_todo_for_which_there_is_no_room_is_refused_and_never_served(full, path):
    with pytest.raises(ListFull):
        full.create(BIG)
    assert [list(full), list(SQLiteTodoList(path))] == [[b'{"title":"first","id":0}']] * 2


def test_an_update_for_which_there_is_no_room_leaves_the_todo_as_it_was(full):
    with pytest.raises(ListFull):
        full.update(0, BIG)
    assert full.read(0) == b'{"title":"first","id":0}'


def test_a_write_works_again_once_there_is_room_and_its_id_is_the_next(full):
    with pytest.raises(ListFull):
        full.create(BIG, "key")
    pragma(full, "max_page_count = 1000000")
    assert full.create(BIG, "key")[0] == 1


def test_rows_for_which_there_is_no_room_leave_the_file_empty(path):
    todos = SQLiteTodoList(path)
    pragma(todos, "max_page_count = 20")
    with pytest.raises(ListFull):
        todos.load(("", id, b'{"title":"%s","id":%d}' % (b"x" * 1000, id), None, None) for id in range(1000))
    assert list(todos.rows()) == list(SQLiteTodoList(path).rows()) == []
    assert todos.create({}) == (0, b'{"id":0}')


def test_a_key_that_stands_twice_in_the_rows_leaves_the_file_empty(todos):
    with pytest.raises(ListUnavailable, match="UNIQUE"):
        todos.load(("", id, b'{"id":%d}' % id, "k", "d") for id in range(2))
    assert list(todos.rows()) == []


def test_a_full_disk_fails_no_write_that_is_small_enough(full):
    outcomes = together(full, [lambda: full.create(BIG), lambda: full.create({"n": 1}), lambda: full.delete(0)])
    assert isinstance(outcomes[0], ListFull)
    assert outcomes[1:] == [(1, b'{"n":1,"id":1}'), b'{"title":"first","id":0}']


def together(todos, works):
    """Let writes wait until all are in the queue, for one transaction; return what each returned or raised."""
    with ThreadPoolExecutor(len(works)) as pool, busy(todos):
        results = []
        for work in works:
            results.append(pool.submit(work))
            wait_for_queue(todos, 1 + len(results))
    return [result.exception() or result.result() for result in results]


@contextlib.contextmanager
def busy(todos):
    """Keep a list in the middle of a write."""
    began, go = threading.Event(), threading.Event()

    def wait(database):
        began.set()
        go.wait(10)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(todos.file.write, wait)
        assert began.wait(10)
        yield
        go.set()


def wait_for_queue(todos, length):
    end = time.monotonic() + 10
    while len(todos.file.queue) < length:
        assert time.monotonic() < end, "the writes did not come to wait"
        time.sleep(0.001)


def test_writes_that_wait_are_committed_in_one_transaction(todos):
    todos.create({})
    statements = []
    todos.file.writer.set_trace_callback(statements.append)
    together(todos, [lambda: todos.create({})] * 8)
    assert statements.count("COMMIT") == 2


def test_a_check_that_refuses_fails_its_own_write_only(todos):
    def refuse(todo):
        raise LookupError

    todos.create({})
    works = [lambda: todos.create({}), lambda: todos.delete_all(refuse), lambda: todos.create({})]
    outcomes = together(todos, works)
    assert isinstance(outcomes[1], LookupError)
    assert [outcomes[0][0], outcomes[2][0], todos.read(0)] == [1, 2, b'{"id":0}']


def test_a_reused_key_fails_its_own_write_only(todos):
    todos.create({}, "a")
    outcomes = together(todos, [lambda: todos.create({"x": 1}, "a"), lambda: todos.create({}, "b")])
    assert isinstance(outcomes[0], KeyReused)
    assert outcomes[1] == (1, b'{"id":1}')


def test_one_key_in_one_transaction_makes_one_todo(todos):
    todos.create({})
    outcomes = together(todos, [lambda: todos.create({"x": 1}, "a")] * 4)
    assert outcomes == [(1, b'{"x":1,"id":1}')] * 4


def test_an_exit_in_a_check_undoes_the_transaction_and_tells_all_who_took_part(todos):
    todos.create({})
    outcomes = together(todos, [lambda: todos.create({}), lambda: todos.delete_all(lambda all_todos: sys.exit())])
    assert [type(outcome) for outcome in outcomes] == [SystemExit, ListUnavailable]  # the first commits for both
    assert len(list(todos)) == 1
    assert todos.create({})[0] == 1


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="it is CPython's profiler that interrupts")
def test_an_interruption_right_after_the_commit_leaves_its_writes_unknown(todos):
    outcomes = together(todos, [lambda: interrupted_at_commit(todos.create), lambda: todos.create({"n": 2})])
    assert [type(outcome) for outcome in outcomes] == [Interrupted, Unconfirmed]
    assert list(todos) == [b'{"id":0}', b'{"n":2,"id":1}']


def interrupted_at_commit(create):
    """Create a todo, and raise Interrupted once SQLite has carried out COMMIT, as the handler of a signal may."""

    def interrupt(frame, event, function):
        if event == "c_return" and frame.f_code is TodoFile.commit.__code__ and not frame.f_locals["is_known"]:
            sys.setprofile(None)
            raise Interrupted

    sys.setprofile(interrupt)
    return create({})


@pytest.mark.parametrize("hold", ["lock", "transaction"])
def test_a_write_that_waits_too_long_for_another_program_changes_nothing(todos, path, monkeypatch, hold):
    for module in ("todomvc_sqlite", "todomvc_sqlite_file"):
        monkeypatch.setattr(f"{module}.MAX_WAIT", 0.2)
    todos.create({})
    with opened(path).lock.held(0) if hold == "lock" else transaction(path):
        with pytest.raises(ListUnavailable):
            todos.create({})
        assert list(todos) == [b'{"id":0}']
    assert todos.create({})[0] == 1


@contextlib.contextmanager
def transaction(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


# Interrupted threads


class Interrupted(BaseException):
    """What a signal's handler raises here, as Ctrl-C and gevent's timeouts do."""


@contextlib.contextmanager
def interruption(seconds):
    """Raise Interrupted in the main thread, once, after so many seconds."""

    def interrupt(number, frame):
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer signals")
def test_a_write_that_is_interrupted_while_it_waits_holds_no_other_up(todos, monkeypatch):
    monkeypatch.setattr(todomvc_sqlite, "MAX_WAIT", 2)
    todos.create({})
    with busy(todos), pytest.raises(Interrupted), interruption(0.05):
        todos.create({"title": "interrupted"})
    assert todos.create({}) == (1, b'{"id":1}')


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer signals")
def test_a_write_that_is_interrupted_while_another_process_writes_holds_no_other_up(todos, path):
    todos.create({})
    with opened(path).lock.held(0), pytest.raises(Interrupted), interruption(0.05):
        todos.create({"title": "interrupted"})
    assert todos.create({}) == (1, b'{"id":1}')


def test_a_file_system_without_locks_is_told_of_with_the_name_of_the_file(path, monkeypatch):
    def refuse(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("todomvc_sqlite_file.try_lock", refuse)
    with pytest.raises(UnusableFile, match=f"{path}: No locks available"):
        SQLiteTodoList(path).create({})


# The file taken away


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file where it is")
@pytest.mark.parametrize("take", [os.remove, lambda path: os.replace(path, f"{path}2")], ids=["deleted", "moved"])
def test_a_write_to_a_file_that_is_gone_is_refused(todos, path, take):
    todos.create({})
    take(path)
    with pytest.raises(UnusableFile, match=f"{path}: .*deleted or replaced"):
        todos.create({})
    assert list(todos) == [b'{"id":0}']


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file where it is")
def test_a_write_to_a_file_that_another_has_taken_the_place_of_is_refused(todos, path, tmp_path):
    todos.create({})
    SQLiteTodoList(tmp_path / "other.db").create({})
    os.replace(tmp_path / "other.db", path)
    with pytest.raises(UnusableFile, match="deleted or replaced"):
        todos.create({})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file where it is")
def test_a_file_that_is_put_back_is_written_again(todos, path):
    todos.create({})
    os.replace(path, f"{path}2")
    with pytest.raises(UnusableFile):
        todos.create({})
    os.replace(f"{path}2", path)
    assert todos.create({})[0] == 1


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy counts no references")
def test_a_refused_write_leaves_no_reference_cycle_that_keeps_the_file_open(path):
    todos = SQLiteTodoList(path)
    todos.create({"title": "a"}, "key")
    with contextlib.suppress(KeyReused):
        todos.create({"title": "b"}, "key")
    file = weakref.ref(todos.file)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(KeyReused):
            todos.create({"title": "c"}, "key")
        del todos
        assert file() is None
    finally:
        gc.enable()
