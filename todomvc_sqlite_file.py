"""An SQLite file of todos: whose it is, its one name, its lock and its mark, its tables, and what its errors mean.

todomvc_sqlite.py reads and writes the todos in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sqlite3
import stat
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

from todomvc import MAX_BODY, ListFull, ListUnavailable, Unconfirmed, new_identity

__all__ = ["MAX_WAIT", "RENEW", "LockFile", "SQLiteFile", "UnusableFile", "pragma"]

MAX_WAIT = 5  # seconds for other writers


class UnusableFile(ListUnavailable):
    """The file cannot be used as a list of todos. The text names it and the reason."""


class FullUnconfirmed(ListFull, Unconfirmed):
    """There is no room, and nobody can tell whether the change was made."""


class SQLiteFile:
    """An SQLite file of todos as one process has it open: a connection to write, and one to read.

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
        self.connections: list[sqlite3.Connection] = []
        self.reading = threading.RLock()  # held to use the connection that reads

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
        database = connect(self.path)
        self.connections.append(database)
        prepare(database)
        return database

    def close(self) -> None:
        while self.connections:
            self.connections.pop().close()

    def __del__(self) -> None:
        self.close()  # else sqlite3 warns of each connection that is left open

    def refresh(self) -> None:
        """Read what has been committed since the last time. TodoFile does."""
        raise NotImplementedError

    @contextlib.contextmanager
    def moment(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that shows the file as it is now, whatever others write meanwhile."""
        self.ensure_open()
        try:
            with contextlib.closing(connect(self.path)) as database:
                database.execute("BEGIN")
                database.execute("SELECT 1 FROM store").fetchone()
                yield database
        except sqlite3.Error as error:
            raise self.list_error(error) from error

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


OPENED: weakref.WeakSet[SQLiteFile] = weakref.WeakSet()  # in this process
OPENING = threading.Lock()  # held to look into a file that is not among them


RENEW = "UPDATE store SET id = ?"
MARK = "SELECT id || printf(' %019d', (SELECT coalesce(max(version), 0) FROM todo)) FROM store"


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
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise UnusableFile("it is a pipe, a socket or a device")  # to open a pipe would last for ever
    with contextlib.suppress(FileNotFoundError, PermissionError), open(path, "rb") as file:  # SQLite will see
        header = file.read(100)
        if (header and not header.startswith(b"SQLite format 3\0")) or 0 < len(header) < 100:
            raise UnusableFile("file is not a database")
        if header:
            check_owner(int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big"))


def connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=MAX_WAIT, isolation_level=None, check_same_thread=False)
    database.text_factory = bytes
    return database


def prepare(database: sqlite3.Connection) -> None:
    """Set a connection up. Make the tables if the file is new, or migrate it if it is of an earlier version."""
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
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(path)) as file:
            file.seek(max(os.path.getsize(name) for name in (path, f"{path}-wal") if os.path.exists(name)))
            file.write(bytes(MAX_BODY))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno not in NO_ROOM
    return True


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
