"""The list of todos in an SQLite file: ``python3 todomvc.py --db todos.db``. The only module that knows SQLite.

SQLiteTodoList is the list, as the application sees it. TodoFile is the file, as one process has it open. LockFile makes
the processes that share the file write one after the other.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import json
import os
import re
import sqlite3
import stat
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from todomvc import (
    MAX_BODY,
    MAX_DEPTH,
    Check,
    KeyReused,
    ListFull,
    ListUnavailable,
    Replaced,
    StoredRow,
    Unconfirmed,
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

__all__ = ["SQLiteTodoList", "UnusableFile"]

T = TypeVar("T")
MAX_WAIT = 5  # seconds for other writers
MAX_MADE_WITHIN = 65536  # bytes of a todo, before and after, that take no noticeable time to merge


class UnusableFile(ListUnavailable):
    """The file cannot be used as a list of todos. The text names it and the reason."""


class FullUnconfirmed(ListFull, Unconfirmed):
    """There is no room, and nobody can tell whether the change was made."""


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
        with self.file.moment() as database, contextlib.closing(sqlite3.connect(path)) as copy:
            database.backup(copy, pages=1000, progress=lambda _, left, total: progress(total - left, total), sleep=0)
            copy.execute("PRAGMA journal_mode = DELETE")  # so that it is one file
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
RENEW = "UPDATE store SET id = ?"
MARK = "SELECT id || printf(' %019d', (SELECT coalesce(max(version), 0) FROM todo)) FROM store"
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


class TodoFile:
    """An SQLite file of todos as one process has it open: a connection to write, one to read, and the lists in memory.

    Writes take turns by a lock file, and so do the checkpoints that some of them start. That makes WAL safe in every
    SQLite: up to 3.51.2, two connections that write and checkpoint at one instant can corrupt the file
    (wal.html#walresetbug). A rollback journal would be safe without it, but a commit takes four times as long.

    The lock file also holds a mark: the id of the file, and the highest version that was committed. A file that is
    behind its mark when it is opened has been put back from a backup. It gives out ids anew that clients may know, so
    it gets another id, and is another list. The mark is written after the commit and not flushed, so it is never ahead.
    A process that is killed between the two leaves it behind by a commit that its clients were not told of. The next
    process that opens the file puts it right.

    name: the absolute path as it was given. Symbolic links in it are resolved when the file is opened, so that all
    processes use one lock file.
    """

    def __init__(self, name: str) -> None:
        self.name = self.path = name
        self.process = 0  # the id of the process that has opened the file
        self.lists: dict[bytes, UserList] = {}
        self.id = ""
        self.version = self.data_version = 0
        self.connections: list[sqlite3.Connection] = []
        self.queue: deque[Write] = deque()
        self.mutex, self.reading = threading.Lock(), threading.RLock()

    @property
    def store_id(self) -> str:
        self.ensure_open()
        with self.reading:
            self.refresh()
        return self.id

    def ensure_open(self) -> None:
        """Open the file at its first use.

        In a child of the process that opened it, SQLite would take the parent's locks for its own, and others could
        delete the log under it. Not even a new connection is safe there (howtocorrupt.html).
        """
        if not self.process:
            with self.reading:
                if not self.process:
                    self.open()
        if self.process != os.getpid():
            raise UnusableFile(f"{self.path}: it was opened before this process was forked: use it only afterwards")

    def open(self) -> None:
        try:
            self.lists, self.version, self.data_version = {}, 0, 0  # nothing of an attempt that failed
            self.path = os.path.realpath(self.name)
            refuse_second_name(self.path)
            self.refuse_foreign_file()
            self.lock = LockFile(self.path + "-lock", lock_mode(self.path))
            with self.lock.held(time.monotonic() + MAX_WAIT):
                create_private(self.path)
                self.writer, self.reader = self.connect(), self.connect()
                self.renew_if_behind()
                self.files = self.identify_files()
            self.refresh()
            self.process = os.getpid()
        except OSError as error:
            raise self.os_error(error) from error
        except (sqlite3.Error, ListUnavailable) as error:
            is_full = isinstance(error, ListFull) or self.kind_of_error(error, True) is ListFull
            raise (ListFull if is_full else UnusableFile)(f"{self.path}: {error}") from error
        finally:
            if not self.process:
                self.close()  # at once: a transaction that is left open would keep all others out
                OPENED.discard(self)

    def refuse_foreign_file(self) -> None:
        """Raise UnusableFile for the file of another program, without a chance of changing it.

        SQLite would make files beside it, and undo what a crash has left. But if this process has the file open, it is
        the right one, and to open and close it here would drop SQLite's locks (howtocorrupt.html).
        """
        with OPENING:
            if self.path not in [file.path for file in OPENED]:
                check_header(self.path)
            OPENED.add(self)

    def renew_if_behind(self) -> None:
        mark, last = self.mark(), self.lock.mark
        if is_mark(last) and (mark[:32] != last[:32] or mark < last):  # another id, or a lower version
            self.writer.execute(RENEW, (new_identity(),))
        self.leave_mark()

    def leave_mark(self) -> None:
        with contextlib.suppress(OSError, sqlite3.Error):  # the commit stands
            self.lock.mark = self.mark()

    def mark(self) -> bytes:
        mark: bytes = self.writer.execute(MARK).fetchone()[0]
        return mark

    def connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=MAX_WAIT, isolation_level=None, check_same_thread=False)
        self.connections.append(database)
        prepare(database)
        return database

    def close(self) -> None:
        while self.connections:
            self.connections.pop().close()

    def __del__(self) -> None:
        self.close()  # else sqlite3 warns of each connection that is left open

    def read(self, user: bytes) -> UserList:
        """Return the list of a user, with all that is committed."""
        self.ensure_open()
        with self.reading:
            self.refresh()
        return self.lists.get(user) or UserList()

    def snapshot(self, user: bytes) -> list[bytes | None]:
        with self.reading:
            return self.read(user).todos.copy()

    @contextlib.contextmanager
    def moment(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that shows the file as it is now, whatever others write meanwhile."""
        self.ensure_open()
        options: dict[str, Any] = {"timeout": MAX_WAIT, "isolation_level": None, "check_same_thread": False}
        try:
            with contextlib.closing(sqlite3.connect(self.path, **options)) as database:
                database.text_factory = bytes
                database.execute("BEGIN")
                database.execute("SELECT 1 FROM store").fetchone()
                yield database
        except sqlite3.Error as error:
            raise self.list_error(error) from error

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

    def refuse_replaced_files(self) -> None:
        """Raise UnusableFile or OSError if a file is gone: what is written to it then is lost when it is closed."""
        now = self.identify_files()
        if now != self.files:
            file, log, index, _ = now
            if file == self.files[0] and log is None and index in (None, self.files[2]):
                with contextlib.suppress(sqlite3.Error):  # it ends with this process
                    self.writer.execute("PRAGMA wal_checkpoint")
            what = f"{self.path}: the file, or its -wal, -shm or -lock, was deleted or replaced"
            raise UnusableFile(f"{what}: put it back, or restart the server")

    def identify_files(self) -> list[tuple[int, int] | None]:
        return [identity(path) for path in (self.name, f"{self.path}-wal", f"{self.path}-shm", f"{self.path}-lock")]

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

    def list_error(self, error: BaseException) -> ListUnavailable:
        """Return what a list raises in place of an error before which nothing was changed."""
        return self.kind_of_error(error, True)(str(error))

    def kind_of_error(self, error: BaseException, is_known: bool) -> type[ListUnavailable]:
        """Return what a list raises in place of an error. is_known: whether it is certain that nothing was changed."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what extends it (rescode.html)
        is_full = code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and not has_room(self.path))
        if is_known or code == sqlite3.SQLITE_FULL:  # then the page that ends a transaction is not in the log
            return ListFull if is_full else ListUnavailable
        return FullUnconfirmed if is_full else Unconfirmed

    def os_error(self, error: OSError) -> ListUnavailable:
        text = f"{error.filename or self.path}: {error.strerror}"
        return ListFull(text) if error.errno in NO_ROOM else UnusableFile(text)


OPENED: weakref.WeakSet[TodoFile] = weakref.WeakSet()  # in this process
OPENING = threading.Lock()  # held to look into a file that is not among them


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


class LockFile:
    """A lock that processes hold in turn, by way of a file. The system releases it when its holder dies.

    mode: the permissions of the file. Who may read it can hold the lock.
    mark: what the holder has written into the file, of at most 100 bytes.
    """

    def __init__(self, path: str, mode: int) -> None:
        try:
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), mode)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise UnusableFile("its lock file is a symbolic link: remove it") from None
        status = os.fstat(self.descriptor)
        if status.st_nlink > 1 or not stat.S_ISREG(status.st_mode):
            raise UnusableFile("its lock file has another name, or is no file: remove it")
        set_mode(self.descriptor, mode)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # os.open has failed
            os.close(self.descriptor)

    @property
    def mark(self) -> bytes:
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return os.read(self.descriptor, 100)

    @mark.setter
    def mark(self, mark: bytes) -> None:
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        os.write(self.descriptor, mark)

    @contextlib.contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold the lock. Raise ListUnavailable if others hold it until the deadline (time.monotonic)."""
        pause = 0.0001  # a commit takes about as long
        while not try_lock(self.descriptor):
            if time.monotonic() > deadline:
                raise ListUnavailable("another process has been writing for too long")
            time.sleep(pause)
            pause = max(0.9 * pause, 0.00002)  # whoever has waited longer asks more often, which makes it fair
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # what was committed under the lock stands
                unlock(self.descriptor)


if sys.platform == "win32":
    import msvcrt

    def try_lock(file: int) -> bool:
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

    def set_mode(file: int, mode: int) -> None:
        """Do nothing: who may use a file is inherited from its folder."""

else:
    import fcntl

    def try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

    def set_mode(file: int, mode: int) -> None:
        """Set the permissions of a file, if it belongs to this account."""
        if stat.S_IMODE(os.fstat(file).st_mode) != mode:
            with contextlib.suppress(OSError):
                os.fchmod(file, mode)


def lock_mode(path: str) -> int:
    """Return the permissions of the lock file: who may write the file may read and write it, and nobody else."""
    may_write = os.stat(path).st_mode & 0o222 if os.path.exists(path) else 0
    return 0o600 | may_write | may_write << 1


def create_private(path: str) -> None:
    """Create a file that only this account can read, whatever its umask, unless the file exists."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        os.chmod(path, 0o600)


def refuse_second_name(path: str) -> None:
    """Raise UnusableFile for a file with two names: SQLite would keep a log for each (howtocorrupt.html)."""
    if os.path.isfile(path) and os.stat(path).st_nlink > 1:
        raise UnusableFile("it has another name, a hard link: remove that, or use a copy")
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", "rb") as mounts:  # there is one on Linux
        if os.fsencode(path) in [unescaped(line.split()[4]) for line in mounts]:
            raise UnusableFile("it is mounted by itself, and its log would not be: mount its folder")


def unescaped(path: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), path)


def check_header(path: str) -> None:
    """Raise UnusableFile if a file is not empty and its first bytes are not those of todomvc's (fileformat.html)."""
    with contextlib.suppress(FileNotFoundError, PermissionError), open(path, "rb") as file:  # SQLite will see
        header = file.read(100)
        if (header and not header.startswith(b"SQLite format 3\0")) or 0 < len(header) < 100:
            raise UnusableFile("file is not a database")
        if header:
            check_owner(int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big"))


def prepare(database: sqlite3.Connection) -> None:
    """Set a connection up. Make the tables if the file is new, or migrate it if it is of an earlier version."""
    database.text_factory = bytes
    database.execute("PRAGMA trusted_schema = OFF")  # what a file defines can call no function that does harm
    database.execute("PRAGMA synchronous = EXTRA")
    database.execute("PRAGMA fullfsync = 1")  # macOS needs it for a real flush
    if pragma(database, "page_count") == 0:
        database.executescript(f"BEGIN IMMEDIATE; {TABLE} {INDEXES} {STORE} COMMIT;")
    version = pragma(database, "user_version")
    check_owner(pragma(database, "application_id"), version)
    refuse_triggers(database)
    if version == 1:  # it had one list
        database.executescript(f"BEGIN IMMEDIATE; {TABLE} {MIGRATION} {INDEXES} {STORE} COMMIT;")
    elif version == 2:  # it had no id
        database.executescript(f"BEGIN IMMEDIATE; {STORE} COMMIT;")
    if pragma(database, "journal_mode = WAL") == b"wal":  # not on a file system without shared memory
        database.execute("PRAGMA synchronous = FULL")
    database.execute(PROBE)


def check_owner(application_id: int, user_version: int) -> None:
    if application_id != APPLICATION_ID:
        raise UnusableFile("it is the database of another program")
    if user_version > SCHEMA_VERSION:
        raise UnusableFile("a newer version of todomvc has written it: use that one")


def refuse_triggers(database: sqlite3.Connection) -> None:
    if database.execute("SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone():
        raise UnusableFile("it has a trigger or a view, which another program has made: drop it")


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
is_mark = re.compile(b"[0-9a-f]{32} [0-9]{19}").fullmatch  # not what a power failure left of one


def pragma(database: sqlite3.Connection, words: str) -> Any:
    return database.execute(f"PRAGMA {words}").fetchone()[0]


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells a file from all others, or None if there is no file."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def has_room(path: str) -> bool:
    """Tell whether a large todo could be written beside a file, at the place of its end.

    SQLite knows only a full disk (ENOSPC), and calls other limits an I/O error.
    """
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(path)) as file:
            file.seek(max(os.path.getsize(name) for name in (path, f"{path}-wal") if os.path.exists(name)))
            file.write(bytes(MAX_BODY))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno not in NO_ROOM
    return True


MAX_VERSION = 2**62  # SQLite counts on from there, until a number is not an integer any more
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no block is free; the user's quota; the longest file

APPLICATION_ID = int.from_bytes(b"ToDo", "big")
SCHEMA_VERSION = 3
TABLE = """
    CREATE TABLE todo (
        user BLOB,                 -- the user's name, or nothing for the list without a user
        id INTEGER,                -- the index in the list
        json TEXT,                 -- the todo, or NULL if it is deleted
        version INTEGER NOT NULL,  -- the number of the change that made this row, counted over the whole file
        key TEXT,                  -- the Idempotency-Key that made the todo,
        digest TEXT,               -- and the digest of its fields then
        PRIMARY KEY (user, id)
    ) WITHOUT ROWID;
"""
INDEXES = """
    CREATE INDEX todo_by_version ON todo (version);
    CREATE UNIQUE INDEX todo_by_key ON todo (user, key) WHERE key IS NOT NULL;
"""
NEW_ID = "lower(hex(randomblob(16)))"
STORE = f"""
    CREATE TABLE store (id TEXT NOT NULL);  -- one row: the random id from which those of the lists are made
    INSERT INTO store VALUES ({NEW_ID});
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {SCHEMA_VERSION};
"""
MIGRATION = """
    INSERT INTO todo SELECT x'', id, todo, version, key, digest FROM todos;
    DROP TABLE todos;
"""
PROBE = f"INSERT INTO store SELECT {NEW_ID} WHERE NOT EXISTS (SELECT 1 FROM store)"  # fails if it cannot be written
