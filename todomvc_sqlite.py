"""The list of todos in an SQLite file: ``python3 todomvc.py --db todos.db``. The only module that knows SQLite.

SQLiteTodoList is the list, as the application sees it. TodoFile is the file, as one process has it open. LockFile makes
the processes that share the file write one after the other.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import os
import re
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

from todomvc import (
    Check,
    KeyReused,
    ListFull,
    ListUnavailable,
    Replaced,
    around_id,
    digest_of,
    json_array,
    list_identity,
    merge,
    new_identity,
)

__all__ = ["SQLiteTodoList", "UnusableFile"]

T = TypeVar("T")
MAX_WAIT = 5  # seconds for other writers
MAX_MADE_WITHIN = 65536  # bytes of a todo, before and after, that take no noticeable time to merge


class UnusableFile(ListUnavailable):
    """The file cannot be used as a list of todos. The text names it and the reason."""


class SQLiteTodoList:
    """The list of todos in an SQLite file, for any number of threads and processes of one machine.

    path: the file. It is opened at the first use, and created if it does not exist.

    What a write returns is committed and flushed to the disk. Reads come from a copy in memory, which is first brought
    up to date with what other processes have committed. Every method raises ListUnavailable if the file cannot be used,
    and ListFull if there is no room; then nothing has changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file, self.user = TodoFile(os.path.abspath(path)), b""

    def of(self, user: str) -> SQLiteTodoList:
        """Return the list of a user, as TodoList.of does. It is in the same file."""
        todos = copy.copy(self)
        todos.user = user.encode("utf-8", "surrogatepass")  # SQLite's text cannot hold every str
        return todos

    @property
    def files(self) -> list[str]:
        """The paths of the file and of those that stand beside it, as TodoList has them."""
        paths = {self.file.path, os.path.realpath(self.file.path)}
        return [path + end for path in paths for end in ("", "-wal", "-shm", "-journal", "-lock")]

    @property
    def identity(self) -> str:
        """The identity of the list, as TodoList has one. A file that was put back from a backup has another."""
        return list_identity(self.file.store_id, self.user)

    def renew(self) -> None:
        """Give all lists in the file other identities, as TodoList.renew does."""
        self.file.write(lambda database: database.execute(RENEW, (new_identity(),)))
        self.file.read(self.user)  # and with it, the new id

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
                if its_digest.decode() != digest:
                    raise KeyReused
                return id, todo
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
            (old, new), (now, its_version) = made, row
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
            deleted = [todo for (todo,) in database.execute(SELECT_LIVE, (self.user,))]
            if check:
                check(json_array(deleted))
            database.execute(DELETE_ALL, (self.user,))
            return deleted

        return self.file.write(change)


RENEW = "UPDATE store SET id = ?"
MARK = "SELECT id || printf(' %019d', (SELECT coalesce(max(version), 0) FROM todo)) FROM store"
NEXT_VERSION = "(SELECT coalesce(max(version), 0) + 1 FROM todo)"
SELECT_ONE = "SELECT json, version FROM todo WHERE user = ? AND id = ? AND json IS NOT NULL"
SELECT_LIVE = "SELECT json FROM todo WHERE user = ? AND json IS NOT NULL ORDER BY id"
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
    """

    def __init__(self, path: str) -> None:
        self.path = path
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
            refuse_foreign_file(self.path)
            self.lock = LockFile(self.path + "-lock")
            with self.lock.held(time.monotonic() + MAX_WAIT):
                self.writer, self.reader = self.connect(), self.connect()
                self.renew_if_behind()
            self.identity = identity(self.path)
            self.refresh()
            self.process = os.getpid()
        except OSError as error:
            raise UnusableFile(f"{error.filename or self.path}: {error.strerror}") from error
        except (sqlite3.Error, ListUnavailable) as error:
            if isinstance(list_error(error), ListFull):
                raise ListFull(f"{self.path}: {error}") from error
            raise UnusableFile(f"{self.path}: {error}") from error
        finally:
            if not self.process:
                self.close()  # at once: a transaction that is left open would keep all others out

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

    def refresh(self) -> None:
        """Read what has been committed since the last time, if data_version says that there is something."""
        try:
            data_version = pragma(self.reader, "data_version")
            if data_version != self.data_version:
                self.read_changes()
                self.data_version = data_version
        except sqlite3.Error as error:
            raise list_error(error) from error

    def read_changes(self) -> None:
        changes = "SELECT user, id, json, version FROM todo"
        if self.version:  # else all rows, in the order in which they are stored, which is faster than by version
            changes += f" WHERE version > {self.version}"
        self.id = self.reader.execute("SELECT id FROM store").fetchone()[0].decode()
        newest, owner = self.version, None
        for user, id, todo, version in self.reader.execute(changes):
            if user != owner:
                owner, mine = user, self.lists.get(user) or self.lists.setdefault(user, UserList())
            if id >= len(mine.todos):
                mine.todos.extend([None] * (id + 1 - len(mine.todos)))
            mine.todos[id] = todo
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
                if identity(self.path) != self.identity:  # what is written to a deleted file is lost when it is closed
                    raise UnusableFile(
                        f"{self.path}: the file was deleted or replaced: put it back, or restart the server"
                    )
                with self.mutex:
                    writes = list(self.queue)
                    for write in writes:
                        write.claimed = True
                self.commit(writes)
                if len(writes) > 1 and isinstance(first.error, ListFull):
                    for write in writes:  # there may be room for some of them
                        self.commit([write])
                self.leave_mark()
        finally:
            with self.mutex:
                for _ in writes:
                    self.queue.popleft()
                self.wake_first()
            for write in writes[1:]:
                write.ready.release()

    def commit(self, writes: list[Write]) -> None:
        """Carry out the writes in one transaction. One that raises changes nothing; an error of SQLite undoes all."""
        try:
            self.writer.execute("BEGIN IMMEDIATE")
            for write in writes:
                write.run(self.writer)
            self.writer.execute("COMMIT")
        except BaseException as error:
            for write in writes:
                write.error = list_error(error)
            if self.writer.in_transaction:  # a full disk may have ended it already (lang_transaction.html)
                self.writer.execute("ROLLBACK")
            if not isinstance(error, sqlite3.Error):
                raise


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
        except sqlite3.Error:
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

    mark: what the holder has written into the file, of at most 100 bytes.
    """

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)

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
        pause = 0.002
        while not try_lock(self.descriptor):
            if time.monotonic() > deadline:
                raise ListUnavailable("another process has been writing for too long")
            time.sleep(pause)
            pause = max(0.9 * pause, 0.0001)  # whoever has waited longer asks more often, which makes it fair
        try:
            yield
        finally:
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


def refuse_foreign_file(path: str) -> None:
    """Raise UnusableFile for the file of another program, without a chance of changing it.

    The connection is read-only, as closing a writable one writes to a file in WAL mode.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(path) and os.path.getsize(path):
        with contextlib.suppress(sqlite3.OperationalError):  # there is a transaction to roll back: `prepare` will see
            with contextlib.closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)) as database:
                check_owner(database)


def prepare(database: sqlite3.Connection) -> None:
    """Set a connection up. Make the tables if the file is new, or migrate it if it is of an earlier version."""
    database.text_factory = bytes
    database.execute("PRAGMA synchronous = EXTRA")
    database.execute("PRAGMA fullfsync = 1")  # macOS needs it for a real flush
    if pragma(database, "page_count") == 0:
        database.executescript(f"BEGIN IMMEDIATE; {TABLE} {INDEXES} {STORE} COMMIT;")
    check_owner(database)
    version = pragma(database, "user_version")
    if version == 1:  # it had one list
        database.executescript(f"BEGIN IMMEDIATE; {TABLE} {MIGRATION} {INDEXES} {STORE} COMMIT;")
    elif version == 2:  # it had no id
        database.executescript(f"BEGIN IMMEDIATE; {STORE} COMMIT;")
    if pragma(database, "journal_mode = WAL") == b"wal":  # not on a file system without shared memory
        database.execute("PRAGMA synchronous = FULL")
    database.execute(PROBE)


def check_owner(database: sqlite3.Connection) -> None:
    if pragma(database, "application_id") != APPLICATION_ID:
        raise UnusableFile("it is the database of another program")
    if pragma(database, "user_version") > SCHEMA_VERSION:
        raise UnusableFile("a newer version of todomvc has written it: use that one")


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


def list_error(error: BaseException) -> ListUnavailable:
    is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return ListFull(str(error)) if is_full else ListUnavailable(str(error) or repr(error))


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
STORE = f"""
    CREATE TABLE store (id TEXT NOT NULL);  -- one row: the random id from which those of the lists are made
    INSERT INTO store VALUES (lower(hex(randomblob(16))));
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {SCHEMA_VERSION};
"""
MIGRATION = """
    INSERT INTO todo SELECT x'', id, todo, version, key, digest FROM todos;
    DROP TABLE todos;
"""
PROBE = "DELETE FROM todo WHERE user = x'' AND id < 0"  # deletes nothing, but fails where the file cannot be written
