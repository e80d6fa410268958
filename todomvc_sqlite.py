"""The list of todos in an SQLite file: ``python3 todomvc.py --db todos.db``.

SQLiteTodoList is the list, as the application sees it. TodoFile has the lists in memory, and commits what is written.
The file itself, and what makes it safe to share, is in todomvc_sqlite_file.py. No other module knows SQLite.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from todomvc import (
    MAX_DEPTH,
    Check,
    KeyReused,
    ListFull,
    ListUnavailable,
    Replaced,
    StoredRow,
    around_id,
    decode_json,
    digest_of,
    encode_safely,
    finite_float,
    json_array,
    list_identity,
    merge,
    new_identity,
    refuse_depth,
)
from todomvc_sqlite_file import MAX_WAIT, RENEW, SQLiteFile, UnusableFile, pragma

__all__ = ["SQLiteTodoList", "UnusableFile"]

T = TypeVar("T")
MAX_MADE_WITHIN = 65536  # bytes of a todo, before and after, that take no noticeable time to merge


class SQLiteTodoList:
    """The list of todos in an SQLite file, for any number of threads and processes of one machine.

    path: the file. It is opened at the first use, and created if it does not exist.

    What a write returns is committed and flushed to the disk. Reads come from a copy in memory, which is first brought
    up to date with what other processes have committed. Every method raises ListUnavailable if the file cannot be used,
    and ListFull if there is no room. Then nothing has changed, unless the error is Unconfirmed: the disk failed while
    the change was committed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file, self.user = TodoFile(os.path.abspath(path)), b""

    def of(self, user: str) -> SQLiteTodoList:
        """Return the list of a user, as TodoList.of does. It is in the same file."""
        todos = copy.copy(self)
        todos.user = encoded(user)
        return todos

    @property
    def files(self) -> list[str]:
        """The paths of the file and of those that stand beside it, as TodoList has them."""
        paths = {self.file.name, os.path.realpath(self.file.name)}
        return [path + end for path in paths for end in ("", "-wal", "-shm", "-journal", "-lock")]

    @property
    def identity(self) -> str:
        """The identity of the list, as TodoList has one. A file that was put back from a backup has another."""
        return list_identity(self.file.store_id, self.user)

    def renew(self) -> None:
        """Give all lists in the file other identities, as TodoList.renew does."""
        self.file.write(lambda database: database.execute(RENEW, (new_identity(),)))

    def close(self) -> None:
        """Close the file, as TodoList.close does. SQLite then leaves no log beside it."""
        self.file.close()

    @property
    def store_id(self) -> str:
        """The id of the file, from which the identities of the lists are made."""
        return self.file.store_id

    def rows(self, user: str | None = None) -> Iterator[StoredRow]:
        """Iterate over all that the file holds, as TodoList.rows does, or over the list of a user."""
        select, values = (SELECT_ROWS, ()) if user is None else (SELECT_ROWS_OF_USER, (encoded(user),))
        with self.file.moment() as database:
            for name, id, todo, key, digest in database.execute(select, values):
                yield decoded(name), id, harmless(todo, id), key and key.decode(), digest and digest.decode()

    def load(self, rows: Iterable[StoredRow], store_id: str | None = None) -> None:
        """Take over the rows of another store, as TodoList.load does, in one transaction.

        store_id: the id of that store, if this file takes its place.
        """

        def insert(database: sqlite3.Connection) -> None:
            if database.execute("SELECT 1 FROM todo LIMIT 1").fetchone():
                raise ValueError(f"{self.file.path}: there are todos already: rows are loaded into an empty store")
            with savepoint(database):
                for version, (user, id, todo, key, digest) in enumerate(rows, 1):
                    database.execute(LOAD, (encoded(user), id, todo and todo.decode(), key, digest, version))
                if store_id:
                    database.execute(RENEW, (store_id,))

        self.file.write(insert)

    def backup(self, path: str, progress: Callable[[int, int], None]) -> None:
        """Write a copy to an empty file. The copy has an id of its own, so the lists in it are other lists.

        progress: called with the number of pages that are copied, and of all.
        """

        def tell(status: int, left: int, total: int) -> None:
            progress(total - left, total)

        with self.file.moment() as database, contextlib.closing(sqlite3.connect(path)) as copy:
            try:
                database.backup(copy, pages=1000, progress=tell, sleep=0)
            except AttributeError as error:  # PyPy fails to make an exception of SQLite's error
                raise sqlite3.OperationalError("the copy failed") from error
            pragma(copy, "journal_mode = DELETE")  # so that it is one file
            copy.execute(RENEW, (new_identity(),))
            copy.commit()

    def check(self) -> None:
        """Raise UnusableFile if SQLite finds the file damaged."""
        with self.file.moment() as database:
            found = database.execute("PRAGMA integrity_check(1)").fetchone()[0].decode()
        if found != "ok":
            raise UnusableFile(f"{self.file.path}: {found}")

    @property
    def version(self) -> int:
        """A number that is different after each change."""
        return self.file.read(self.user).version

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the live todos of this moment, in the order of their ids."""
        return filter(None, self.file.snapshot(self.user))

    def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]:
        """Add a todo, as TodoList.create does. The key is stored with it."""
        before, after = around_id(fields)
        digest = None if key is None else digest_of(fields)

        def insert(database: sqlite3.Connection) -> tuple[int, bytes | None]:
            made = database.execute(SELECT_BY_KEY, (self.user, key)).fetchone()  # NULL is equal to no key
            if made:
                id, todo, its_digest = made
                if its_digest != str(digest).encode():
                    raise KeyReused
                return id, harmless(todo, id)
            (id,) = database.execute(SELECT_NEXT_ID, (self.user,)).fetchone()
            todo = b"%s%d%s" % (before, id, after)
            database.execute(INSERT, (self.user, id, todo.decode(), key, digest))
            return id, todo

        return self.file.write(insert)

    def read(self, id: int) -> bytes | None:
        """Return a todo."""
        todos = self.file.read(self.user).todos
        return todos[id] if 0 <= id < len(todos) else None

    def update(
        self, id: int, fields: dict[str, Any], check: Check | None = None, is_patch: bool = False
    ) -> bytes | None:
        """Merge fields into a todo, as TodoList.update does."""
        return self.replace(id, check, lambda todo: merge(todo, fields, id, is_patch))[1]

    def delete(self, id: int, check: Check | None = None) -> bytes | None:
        """Delete a todo, as TodoList.delete does."""
        return self.replace(id, check, lambda todo: None)[0]

    def replace(self, id: int, check: Check | None, make: Callable[[bytes], bytes | None]) -> Replaced:
        """Put what `make` makes of a todo in its place. Return both.

        It is made before the write, as the writes of all lists wait for each other. If others were faster, it is made
        again: within the write if the todo is small, so that one commit can have many changes of it.
        """
        deadline = time.monotonic() + MAX_WAIT
        while time.monotonic() < deadline:
            version, old = self.version, self.read(id)  # in this order, so that the todo is of this version or newer
            if old is None:
                return None, None
            if check:
                check(old)
            replaced = self.file.write(self.put(id, version, (old, make(old)), check, make))
            if replaced:
                return replaced
        raise ListUnavailable("others kept changing the todo")

    def put(
        self, id: int, version: int, made: Replaced, check: Check | None, make: Callable[[bytes], bytes | None]
    ) -> Callable[[sqlite3.Connection], Replaced | None]:
        """Return a write of what was made of a todo of this version. It returns None if it has to be made again."""

        def change(database: sqlite3.Connection) -> Replaced | None:
            row = database.execute(SELECT_ONE, (self.user, id)).fetchone()
            if row is None:
                return None, None
            (old, new), now, its_version = made, harmless(row[0], id), row[1]
            if its_version > version:
                if len(now) + len(new or b"") > MAX_MADE_WITHIN:
                    return None
                if check:
                    check(now)
                old, new = now, make(now)
            database.execute(UPDATE, (new and new.decode(), self.user, id))
            return old, new

        return change

    def delete_all(self, check: Check | None = None) -> list[bytes]:
        """Delete all todos, as TodoList.delete_all does."""

        def change(database: sqlite3.Connection) -> list[bytes]:
            deleted = [harmless(todo, id) for id, todo in database.execute(SELECT_LIVE, (self.user,))]
            if check:
                check(json_array(deleted))
            database.execute(DELETE_ALL, (self.user,))
            return deleted

        return self.file.write(change)


@contextlib.contextmanager
def savepoint(database: sqlite3.Connection) -> Iterator[None]:
    """Undo what was done in the transaction since, if there is an exception."""
    database.execute("SAVEPOINT point")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # a full disk may have ended it
            database.execute("ROLLBACK TO point")
        raise


def encoded(user: str) -> bytes:
    return user.encode("utf-8", "surrogatepass")  # SQLite's text cannot hold every str


def decoded(user: bytes) -> str:
    return user.decode("utf-8", "surrogatepass")


SELECT_ROWS = "SELECT user, id, json, key, digest FROM todo ORDER BY user, id"
SELECT_ROWS_OF_USER = "SELECT user, id, json, key, digest FROM todo WHERE user = ? ORDER BY id"
LOAD = "INSERT INTO todo (user, id, json, key, digest, version) VALUES (?, ?, ?, ?, ?, ?)"
NEXT_VERSION = "(SELECT coalesce(max(version), 0) + 1 FROM todo)"
SELECT_ONE = "SELECT json, version FROM todo WHERE user = ? AND id = ? AND json IS NOT NULL"
SELECT_LIVE = "SELECT id, json FROM todo WHERE user = ? AND json IS NOT NULL ORDER BY id"
SELECT_BY_KEY = "SELECT id, json, digest FROM todo WHERE user = ? AND key = ?"
SELECT_NEXT_ID = "SELECT coalesce(max(id) + 1, 0) FROM todo WHERE user = ?"
INSERT = f"INSERT INTO todo (user, id, json, key, digest, version) VALUES (?, ?, ?, ?, ?, {NEXT_VERSION})"
UPDATE = f"UPDATE todo SET json = ?, version = {NEXT_VERSION} WHERE user = ? AND id = ?"
DELETE_ALL = f"UPDATE todo SET json = NULL, version = {NEXT_VERSION} WHERE user = ? AND json IS NOT NULL"


class UserList:
    """A user's list as it was last read from the file. Its version is the newest of its todos'."""

    def __init__(self) -> None:
        self.todos: list[bytes | None] = []
        self.version = 0


class TodoFile(SQLiteFile):
    """The file, with the lists in memory as they were last read from it, and the queue of the writes to it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lists: dict[bytes, UserList] = {}
        self.id = ""
        self.version = self.data_version = 0
        self.queue: deque[Write] = deque()
        self.mutex = threading.Lock()

    @property
    def store_id(self) -> str:
        self.ensure_open()
        with self.reading:
            self.refresh()
        return self.id

    def open(self) -> None:
        self.lists, self.version, self.data_version = {}, 0, 0  # nothing of an attempt that failed
        super().open()

    def read(self, user: bytes) -> UserList:
        """Return the list of a user, with all that is committed."""
        self.ensure_open()
        with self.reading:
            self.refresh()
        return self.lists.get(user) or UserList()

    def snapshot(self, user: bytes) -> list[bytes | None]:
        with self.reading:
            return self.read(user).todos.copy()

    def refresh(self) -> None:
        """Read what has been committed since the last time, if data_version says that there is something."""
        try:
            data_version = pragma(self.reader, "data_version")
            if data_version != self.data_version:
                self.read_changes()
                self.data_version = data_version
        except sqlite3.Error as error:
            raise self.list_error(error) from error

    def read_changes(self) -> None:
        changes = "SELECT CASE typeof(user) WHEN 'blob' THEN user END, id, json, version FROM todo"
        if self.version:  # else all rows, in the order in which they are stored, which is faster than by version
            changes += f" WHERE version > {self.version} ORDER BY +user, +id"  # the signs forbid to walk all rows
        self.id = self.reader.execute("SELECT CAST(id AS TEXT) FROM store").fetchone()[0].decode()
        newest, owner, mine = self.version, None, UserList()
        for user, id, todo, version in self.reader.execute(changes):
            if user != owner:
                owner, mine = user, self.lists.get(user) or self.lists.setdefault(user, UserList())
            refuse_foreign_row(user, id, version, len(mine.todos))
            if id == len(mine.todos):
                mine.todos.append(None)
            mine.todos[id] = harmless(todo, id)
            mine.version = max(mine.version, version)
            newest = max(newest, version)
        self.version = newest

    def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out an operation in a transaction. Return what it returns, once that is flushed to the disk.

        The writer at the head of the queue commits the whole queue in one transaction (group commit).
        """
        self.ensure_open()
        write, deadline = Write(operation), time.monotonic() + MAX_WAIT
        with self.mutex:
            self.queue.append(write)
            is_first = self.queue[0] is write
        if is_first or self.wait_for(write):
            self.commit_queue(write, deadline)
        result: T = write.outcome()
        return result

    def wait_for(self, write: Write) -> bool:
        """Wait until a write is at the head of the queue, or committed by another. Return whether it is at the head."""
        try:
            in_time = write.ready.acquire(timeout=MAX_WAIT)
        except BaseException:  # Ctrl-C, or gevent ends a greenlet
            self.withdraw(write)
            raise
        if not in_time:
            if self.withdraw(write):
                raise ListUnavailable("too many writes are waiting")
            write.ready.acquire()
        return not write.claimed

    def withdraw(self, write: Write) -> bool:
        """Take a write out of the queue, unless another thread is committing it. Return whether that was possible."""
        with self.mutex:
            if write.claimed:
                return False
            was_first = self.queue[0] is write
            self.queue.remove(write)
            if was_first:
                self.wake_first()
            return True

    def wake_first(self) -> None:
        if self.queue:
            self.queue[0].ready.release()

    def commit_queue(self, first: Write, deadline: float) -> None:
        writes = [first]
        try:
            with self.lock.held(deadline):
                self.refuse_replaced_files()
                with self.mutex:
                    writes = list(self.queue)
                    for write in writes:
                        write.claimed = True
                self.commit(writes)
                if len(writes) > 1 and type(first.error) is ListFull:
                    for write in writes:  # there may be room for some of them
                        self.commit([write])
                self.leave_mark()
        except OSError as error:
            raise self.os_error(error) from error
        finally:
            with self.mutex:
                for _ in writes:
                    self.queue.popleft()
                self.wake_first()
            for write in writes[1:]:
                write.ready.release()

    def commit(self, writes: list[Write]) -> None:
        """Carry out the writes in one transaction. One that raises changes nothing; an error of SQLite undoes all.

        A COMMIT that fails undoes all in this process. But its pages may be in the log, and be read after a crash.
        """
        is_known = True
        try:
            self.writer.execute("BEGIN IMMEDIATE")
            for write in writes:
                write.run(self.writer)
            is_known = False
            self.writer.execute("COMMIT")
        except BaseException as error:
            if self.writer.in_transaction:  # SQLite has not ended it already (lang_transaction.html)
                is_known = self.roll_back()
            kind = self.kind_of_error(error, is_known)
            for write in writes:
                write.error = kind(str(error) or repr(error))
            if not isinstance(error, (sqlite3.Error, MemoryError)):
                raise

    def roll_back(self) -> bool:
        """Undo the transaction. Return whether that was possible."""
        try:
            self.writer.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return True


class Write:
    """A write that waits in the queue to be committed with others, and then its outcome."""

    def __init__(self, operation: Callable[[sqlite3.Connection], object]) -> None:
        self.operation = operation
        self.ready = threading.Lock()  # held until the write is at the head of the queue, or done
        self.ready.acquire()
        self.claimed = False  # by the thread that commits it
        self.error: Exception | None = None

    def run(self, database: sqlite3.Connection) -> None:
        self.error = None
        try:
            self.result = self.operation(database)
        except (sqlite3.Error, MemoryError):  # SQLite may have ended the transaction
            raise
        except Exception as error:
            self.error = error

    def outcome(self) -> Any:
        error, self.error = self.error, None
        try:
            if error is not None:
                raise error
            return self.result
        finally:
            del error  # its traceback leads back here: that cycle would keep the file open


def refuse_foreign_row(user: Any, id: Any, version: Any, length: int) -> None:
    """Raise UnusableFile for a row that todomvc cannot have written: the ids of a list have no gaps."""
    is_row = type(user) is bytes and type(id) is type(version) is int
    if not (is_row and 0 <= id <= length and 0 <= version <= MAX_VERSION):
        raise UnusableFile(f"another program has written to it: row {id!r} of the list of {user!r} is not a todo")


def harmless(todo: Any, id: int) -> Any:
    """Return a todo of the file, or None. One that is not as `encode_todo` makes it is encoded anew.

    Raises UnusableFile if it is not a JSON object.
    """
    if todo is None:
        return None
    try:
        text = todo.decode()
        if text.count("[") + text.count("{") > MAX_DEPTH:
            refuse_depth(text)
        fields, end = decoder.raw_decode(text)
        its_id, has_markup = fields.get("id"), "<" in text or ">" in text or "&" in text
        is_encoded = type(its_id) is int and its_id == id and end == len(text) == len(todo) and not has_markup
        return todo if is_encoded else encode_safely({**decode_json(text), "id": id})
    except (AttributeError, RecursionError, ValueError) as error:
        raise UnusableFile(f"another program has written to it: row {id} is not a todo: {error}") from error


decoder = json.JSONDecoder(parse_float=finite_float, parse_constant=finite_float)  # for each todo, so it must be fast


MAX_VERSION = 2**62  # SQLite counts on from there, until a number is not an integer any more
