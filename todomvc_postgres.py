"""The list of todos in PostgreSQL, for any number of servers: ``python3 todomvc.py --db postgresql://...``

It needs psycopg 3 (``pip install todomvc.py[postgres]``), and is imported only when it is asked for.

Every write is one statement, so that its locks last no longer than its commit. It begins by locking the row of the
list. So the writes of one list take turns and cannot deadlock, and the writes of other lists do not wait.

A statement is all that this module relies on, and no state of a connection: a pooler may send the next one to another
server. So each brings its settings, none is prepared, and each finds out for itself whether the database is still the
one that the request was meant for.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import secrets
import select
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import (
    DeadlockDetected,
    DiskFull,
    DuplicateObject,
    DuplicateTable,
    ReadOnlySqlTransaction,
    SerializationFailure,
    UndefinedTable,
    UniqueViolation,
)

from todomvc import (
    Check,
    KeyReused,
    ListFull,
    ListUnavailable,
    Replaced,
    StoredRow,
    Unconfirmed,
    around_id,
    digest_of,
    json_array,
    list_identity,
    merge,
    new_identity,
)

__all__ = ["PostgresTodoList"]

Row = tuple[Any, ...]
T = TypeVar("T")
Connection = psycopg.Connection[Row]


class PostgresTodoList:
    """The lists of todos in a PostgreSQL database, for any number of threads, processes and machines.

    url: postgresql://user@host/database, or another connection string of libpq (PostgreSQL, "Connection Strings"). The
        tables are made at the first use if they are not there.

    The object is the shared list, and `of` returns that of a user. What a write returns is committed.

    An object stays the list of one identity: that which the database had at its first use. When the database gets
    another one, as after a restore, every method raises ListUnavailable, and `of` returns the list that is there now.

    Every method raises ListUnavailable if the database cannot be used, and ListFull if there is no room. Then a write
    has changed nothing, unless the error is Unconfirmed: it may have been carried out.

    Raises ValueError if the URL is not one.
    """

    def __init__(self, url: str) -> None:
        try:
            self.options: dict[str, Any] = {**OPTIONS, **conninfo_to_dict(url), **ENCODING}
        except psycopg.Error:  # whose words may hold a part of the password
            raise ValueError(what_is_wrong(url)) from None
        if "@" in self.options.get("host", ""):  # it is the rest of a password, and errors would name the host
            raise ValueError(NO_URI)
        self.databases: dict[int, Database] = {}  # by process: what was opened before a fork is not the child's to use
        self.owner, self.known_store_id = b"", ""

    def of(self, user: str) -> PostgresTodoList:
        """Return the list of a user, as TodoList.of does, with the identity that it has now."""
        todos = copy.copy(self)
        todos.owner, todos.known_store_id = encoded(user), ""
        return todos

    files = ()  # none on this machine

    @property
    def database(self) -> Database:
        process = os.getpid()
        return self.databases.get(process) or self.databases.setdefault(process, Database(self.options))

    @property
    def identity(self) -> str:
        """The identity of the list, as TodoList has one."""
        return list_identity(self.store_id, self.owner)

    @property
    def store_id(self) -> str:
        if not self.known_store_id:
            self.known_store_id = self.database.store_id()
        return self.known_store_id

    def renew(self) -> None:
        """Give all lists in the database other identities, as TodoList.renew does. Every server sees them at once."""
        self.known_store_id = self.database.renew()

    def close(self) -> None:
        """Close the connections, as TodoList.close does."""
        self.database.close()

    def rows(self, user: str | None = None) -> Iterator[StoredRow]:
        """Iterate over all that the database holds, as TodoList.rows does, or over the list of a user."""
        with self.database.transaction() as connection:
            owners = connection.execute(OWNERS).fetchall() if user is None else [(encoded(user),)]
            for (owner,) in owners:
                name = owner.decode("utf-8", "surrogatepass")
                for id, todo, key, digest in connection.execute(ROWS, {"owner": owner}):
                    yield name, id, todo and todo.encode(), key, digest

    def load(self, rows: Iterable[StoredRow], store_id: str | None = None) -> None:
        """Take over the rows of another store, as TodoList.load does, in one transaction.

        store_id: the id of that store, if this database takes its place.
        """
        with self.database.transaction() as connection:
            connection.execute(LOCK)
            if connection.execute("SELECT 1 FROM todomvc_lists LIMIT 1").fetchone():
                raise ValueError("PostgreSQL: there are todos already: rows are loaded into an empty store")
            with connection.cursor().copy(COPY) as copy:
                for user, id, todo, key, digest in rows:
                    copy.write_row((encoded(user), id, todo and todo.decode(), key, digest))
            connection.execute(COUNT, {"next_version": secrets.randbits(62)})
            if store_id:
                connection.execute(RENEW.format(store_id))

    def check(self) -> None:
        """Raise ListUnavailable if the length of a list is not the number of its rows."""
        with self.database.transaction() as connection:
            wrong = connection.execute(WRONG_LENGTHS).fetchone()
        if wrong:
            raise ListUnavailable(f"PostgreSQL: todomvc_lists has a wrong length for the owner {wrong[0]!r}")

    @property
    def version(self) -> int:
        """A number that is different after each change, whatever history the database is restored to.

        So it is no count: the process that writes draws it at random.
        """
        (version,) = self.select(VERSION)
        return version or 0

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the live todos of this moment, in the order of their ids."""
        (todos,) = self.select(LIVE)
        return iter([todo.encode() for todo in todos])

    def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]:
        """Add a todo, as TodoList.create does; its key is stored with it."""
        before, after = (part.decode() for part in around_id(fields))
        digest = None if key is None else digest_of(fields)
        deadline = self.database.deadline()

        def insert() -> int:
            ((id,),) = self.write(CREATE, deadline, before=before, after=after, key=key, digest=digest) or other_store()
            return int(id)

        try:
            with self.database.turn(self.owner, deadline):
                id = insert() if key is None else repeated(insert)
        except UniqueViolation:  # the key's
            with in_doubt():
                id, todo, digest = self.select(BY_KEY, deadline, key=key)
            if digest != digest_of(fields):
                raise KeyReused from None
            return id, todo and todo.encode()
        return id, f"{before}{id}{after}".encode()

    def read(self, id: int) -> bytes | None:
        """Return a todo."""
        (todo,) = self.select(READ, id=id)
        return todo.encode() if todo else None

    def update(
        self, id: int, fields: dict[str, Any], check: Check | None = None, is_patch: bool = False
    ) -> bytes | None:
        """Merge fields into a todo, as TodoList.update does."""
        return self.replace(id, check, lambda todo: merge(todo, fields, id, is_patch))[1]

    def delete(self, id: int, check: Check | None = None) -> bytes | None:
        """Delete a todo, as TodoList.delete does."""
        return self.replace(id, check, lambda todo: None)[0]

    def delete_all(self, check: Check | None = None) -> list[bytes]:
        """Delete every todo, as TodoList.delete_all does."""

        def attempt(deadline: float) -> list[bytes] | None:
            (version,), (todos,) = self.select(VERSION, deadline), self.select(LIVE, deadline)
            deleted = [todo.encode() for todo in todos]
            if check:
                check(json_array(deleted))
            return deleted if not deleted or self.write(DELETE_ALL, deadline, version=version) else None

        return self.persist(attempt)

    def replace(self, id: int, check: Check | None, make: Callable[[bytes], bytes | None]) -> Replaced:
        """Put what `make` makes of a todo in its place. Return both."""

        def attempt(deadline: float) -> Replaced | None:
            (todo,) = self.select(READ, deadline, id=id)
            if todo is None:
                return None, None
            old = todo.encode()
            if check:
                check(old)
            new = make(old)
            is_done = self.write(REPLACE, deadline, id=id, old=todo, new=new and new.decode())
            return (old, new) if is_done else None

        return self.persist(attempt)

    def persist(self, attempt: Callable[[float], T | None]) -> T:
        """Repeat an attempt while it returns None: others changed the row between its read and its write."""
        deadline = self.database.deadline()
        with self.database.turn(self.owner, deadline):
            while time.monotonic() < deadline:
                result = attempt(deadline)
                if result is not None:
                    return result
        raise ListUnavailable("others kept changing the list")

    def select(self, query: str, deadline: float | None = None, **values: object) -> Row:
        """Return the row of a query that finds none in another database than that of the list."""
        values |= {"store": self.store_id, "owner": self.owner}
        (row,) = self.database.read(query, values, deadline) or other_store()
        return row

    def write(self, query: str, deadline: float, **values: object) -> list[Row]:
        """Return the rows of a write, which changes nothing in another database than that of the list."""
        values |= {"store": self.store_id, "owner": self.owner, "next_version": secrets.randbits(62)}
        return self.database.write(query, values, deadline)


def what_is_wrong(url: str) -> str:
    known = {"ssl", *(option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults())}
    for name in re.findall(r"[?&](\w+)=", url.rpartition("@")[2]):
        if name not in known:
            return f"PostgreSQL: this is not the URI of a database: its client library knows no parameter {name!r}"
    return NO_URI


def encoded(user: str) -> bytes:
    return user.encode("utf-8", "surrogatepass")


def other_store() -> NoReturn:
    raise ListUnavailable("PostgreSQL: the database has a new id, so the lists in it are other ones")


def repeated(write: Callable[[], T]) -> T:
    """Carry out a write that a key makes safe to repeat: once more, if its connection is lost."""
    try:
        return write()
    except Unconfirmed:
        with in_doubt():
            return write()


@contextlib.contextmanager
def in_doubt() -> Iterator[None]:
    """Raise Unconfirmed in place of any ListUnavailable, as it says nothing about an earlier attempt."""
    try:
        yield
    except ListUnavailable as error:
        raise Unconfirmed(str(error)) from error


class Database:
    """A database as one process has it open: its connections, and who may use them for how long.

    Nothing waits past a deadline of MAX_WAIT seconds. PostgreSQL ends a wait for a row a little sooner, so that it is
    known that nothing was changed. What hangs without an answer, a thread ends by shutting down the socket: a server
    that is stopped, a replica that does not confirm a commit.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.is_open, self.opening = False, threading.Lock()
        self.turns = [threading.Lock() for _ in range(MAX_TURNS)]
        self.writers = threading.Semaphore(MAX_WRITERS)
        self.users = threading.Semaphore(MAX_CONNECTIONS)
        self.idle: list[Connection] = []
        self.deadlines: dict[Connection, float] = {}  # of the statements under way
        self.has_given_up = False  # on a write, which may still wait in PostgreSQL
        is_closed = threading.Event()
        self.watchdog = threading.Thread(target=watch, args=(self.deadlines, is_closed), daemon=True)
        self.close = weakref.finalize(self, close, self.idle, is_closed, os.getpid())  # at the latest, when it is freed

    def deadline(self) -> float:
        """Return the time.monotonic() at which what begins now must end."""
        self.ensure_open()
        return time.monotonic() + MAX_WAIT

    def ensure_open(self) -> None:
        if not self.is_open:
            with acquired(self.opening, time.monotonic() + MAX_WAIT, "too many wait for the database"):
                if not self.is_open:
                    self.open()

    def open(self) -> None:
        with errors_translated(), said_if_slow(f"waiting for PostgreSQL at {self.options.get('host', 'its host')}"):
            connection = psycopg.connect(**self.options)
            if not self.watchdog.is_alive():
                self.watchdog.start()
            try:
                with self.watched(connection, time.monotonic() + MAX_WAIT):
                    make_tables(connection)
            except BaseException:
                connection.close()
                raise
            self.idle.append(connection)
            self.is_open = True

    def turn(self, owner: bytes, deadline: float) -> contextlib.AbstractContextManager[None]:
        """Make the writers of one list in this process take turns: each would hold a connection while it waits."""
        return acquired(self.turns[hash(owner) % MAX_TURNS], deadline, "too many writes are waiting")

    def store_id(self) -> str:
        """Return the id of the store. Raise ListUnavailable if there is none, as in the middle of a restore."""
        rows = self.read(STORE_ID, {})
        if len(rows) != 1:
            raise ListUnavailable(f"PostgreSQL: todomvc_store must have one row, and has {len(rows)}")
        id: str = rows[0][0]
        return id

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection of its own, for a transaction of as many statements as are needed, of one moment."""
        self.ensure_open()
        try:
            with errors_translated(), psycopg.connect(**self.options) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                with connection.transaction():
                    yield connection
        except UniqueViolation as error:
            raise ListUnavailable(one_line(error)) from error

    def renew(self) -> str:
        id = new_identity()
        self.execute(RENEW.format(id), None, self.deadline())
        return id

    def read(self, query: str, values: dict[str, Any], deadline: float | None = None) -> list[Row]:
        """Return the rows of a query. If its connection is lost, try once more, with a deadline of its own."""
        try:
            return self.execute(query, values, deadline or self.deadline())
        except Unconfirmed:
            try:
                return self.execute(query, values, self.deadline())
            except Unconfirmed as error:
                raise ListUnavailable(str(error)) from error

    def write(self, query: str, values: dict[str, Any], deadline: float) -> list[Row]:
        """Return the rows of a write, once it is committed. Some connections are left to those who read."""
        with acquired(self.writers, deadline, "too many writes are waiting"):
            if self.has_given_up:
                self.refuse_if_crowded(deadline)
            try:
                return self.execute(query, values, deadline)
            except Unconfirmed:
                self.has_given_up = True
                raise

    def refuse_if_crowded(self, deadline: float) -> None:
        """Raise ListUnavailable if so many writes are left waiting in PostgreSQL that more could fill it up.

        A write that waits for a replica goes on waiting when its connection is shut down.
        """
        ((count,),) = self.read(WAITING, {}, deadline)
        if count >= MAX_WAITING:
            raise ListUnavailable(f"PostgreSQL: {count} writes are waiting in it, for a lock or a replica")
        self.has_given_up = False

    def execute(self, query: str, values: dict[str, Any] | None, deadline: float) -> list[Row]:
        with errors_translated():
            while True:
                try:
                    with self.connection(deadline) as connection:
                        return self.attempt(connection, query, values, deadline)
                except (SerializationFailure, DeadlockDetected):  # nothing was changed
                    if time.monotonic() > deadline:
                        raise

    def attempt(self, connection: Connection, query: str, values: dict[str, Any] | None, deadline: float) -> list[Row]:
        lock_timeout = int(1000 * (deadline - MARGIN - time.monotonic()))
        if lock_timeout <= 0:
            raise ListUnavailable("PostgreSQL: there was no connection in time")
        if values is not None:
            values |= {"lock_timeout": str(lock_timeout)}
        try:
            with self.watched(connection, deadline):
                try:
                    cursor = connection.execute(query, values, binary=values is not None)
                    return cursor.fetchall() if cursor.description else []
                except UndefinedTable:  # a backup of version 1.0.0 was put in place
                    make_store(connection)
                    raise
        except ReadOnlySqlTransaction:  # this server is a standby; a new connection may reach the primary
            self.hang_up(connection)
            raise
        except psycopg.OperationalError as error:
            if is_of_statement(error):
                raise
            self.hang_up(connection)
            is_overdue = time.monotonic() > deadline
            raise Unconfirmed(f"PostgreSQL: no answer in {MAX_WAIT} s" if is_overdue else one_line(error)) from error

    @contextlib.contextmanager
    def watched(self, connection: Connection, deadline: float) -> Iterator[None]:
        self.deadlines[connection] = deadline
        try:
            yield
        finally:
            del self.deadlines[connection]

    @contextlib.contextmanager
    def connection(self, deadline: float) -> Iterator[Connection]:
        """Lend a connection: an idle one, or else a new one."""
        with acquired(self.users, deadline, "too many requests are waiting"):
            connection = self.idle_connection() or psycopg.connect(**self.options)
            try:
                yield connection
            finally:
                if not connection.closed:
                    self.idle.append(connection)

    def idle_connection(self) -> Connection | None:
        """Return a connection that the server has not closed while it was idle, if there is one."""
        with contextlib.suppress(IndexError):
            while True:
                connection = self.idle.pop()
                if is_alive(connection):
                    return connection
        return None

    def hang_up(self, connection: Connection) -> None:
        """Close a connection that was lost, and the idle ones, which lead to the same server."""
        connection.close()
        while idle := self.idle_connection():
            idle.close()


def watch(deadlines: dict[Connection, float], is_closed: threading.Event) -> None:
    """End the statements whose deadline has passed: they fail at once in the threads that wait for them."""
    while not is_closed.wait(MARGIN / 2):
        for connection, deadline in deadlines.copy().items():
            if time.monotonic() > deadline:
                with contextlib.suppress(OSError, psycopg.Error):  # it has ended by itself
                    shut_down(connection)


def shut_down(connection: Connection) -> None:
    line = socket.socket(fileno=connection.fileno())
    try:
        line.shutdown(socket.SHUT_RDWR)
    finally:
        line.detach()


def close(idle: list[Connection], is_closed: threading.Event, process: int) -> None:
    is_closed.set()
    if os.getpid() == process:  # in a child, it would hang up the parent's connections
        for connection in idle:
            connection.close()


@contextlib.contextmanager
def acquired(lock: threading.Lock | threading.Semaphore, deadline: float, reason: str) -> Iterator[None]:
    """Hold a lock. Raise ListUnavailable with the reason if others hold it until the deadline."""
    if not lock.acquire(timeout=max(0, deadline - time.monotonic())):
        raise ListUnavailable(f"PostgreSQL: {reason}")
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def said_if_slow(words: str) -> Iterator[None]:
    """Say in the log what is waited for, if it takes longer than a second."""
    timer = threading.Timer(1, print, [f"todomvc: {words}"], {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def errors_translated() -> Iterator[None]:
    """Raise ListUnavailable or ListFull in place of PostgreSQL's errors."""
    try:
        yield
    except UniqueViolation:
        raise
    except DiskFull as error:
        raise ListFull(one_line(error)) from error
    except psycopg.Error as error:
        raise ListUnavailable(one_line(error)) from error


def one_line(error: psycopg.Error) -> str:
    return f"PostgreSQL: {' '.join(str(error).split())}"


def is_of_statement(error: psycopg.OperationalError) -> bool:
    """Tell whether PostgreSQL refused the statement, and did not lose the connection, or a pooler its own behind it."""
    return error.diag.severity_nonlocalized == "ERROR" and not (error.sqlstate or "").startswith("08")


def is_alive(connection: Connection) -> bool:
    """Tell whether an idle connection is still open: all that a server sends on one is that it ends."""
    if has_input(connection):
        connection.close()
    return not connection.closed


if sys.platform == "win32":

    def has_input(connection: Connection) -> bool:
        return bool(select.select([connection], [], [], 0)[0])

else:

    def has_input(connection: Connection) -> bool:
        poll = select.poll()  # select takes no number above 1023
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))


def make_tables(connection: Connection) -> None:
    if connection.execute("SELECT to_regclass('todomvc_schema')").fetchone() == (None,):
        with contextlib.suppress(DuplicateObject, DuplicateTable, UniqueViolation):  # another server has been faster
            connection.execute(SCHEMA)
    make_store(connection)


def make_store(connection: Connection) -> None:
    """Add the table that version 1.0.0 did not have."""
    if connection.execute("SELECT version FROM todomvc_schema").fetchall() != [(SCHEMA_VERSION,)]:
        raise ListUnavailable("its tables were made by a newer version of todomvc, or are incomplete")
    if connection.execute("SELECT to_regclass('todomvc_store')").fetchone() == (None,):
        with contextlib.suppress(DuplicateObject, DuplicateTable, UniqueViolation):  # another server has been faster
            connection.execute(STORE.format(new_identity()))


MAX_WAIT = 5  # seconds, for turns, connections and statements
MARGIN = 0.5  # seconds before that at which PostgreSQL gives a wait for a row up
MAX_CONNECTIONS = 8
MAX_WRITERS = 6  # connections that may be used to write at once
MAX_WAITING = 16  # writes that wait in PostgreSQL, of all servers, when there are some that nobody waits for any more
MAX_TURNS = 1024
NO_URI = "PostgreSQL: this is not the URI of a database; are its special characters encoded?"
OPTIONS = {
    "autocommit": True, "connect_timeout": 2, "tcp_user_timeout": 1000 * MAX_WAIT, "keepalives_idle": 10,
    "fallback_application_name": "todomvc",
    "prepare_threshold": None,  # behind a pooler, a prepared statement may be another one's of the same name
}  # fmt: skip
ENCODING = {"client_encoding": "UTF8"}  # of a database without one, text would come as bytes
SCHEMA_VERSION = 1
SCHEMA = f"""
    CREATE TABLE todomvc_schema (version INTEGER PRIMARY KEY);
    CREATE TABLE todomvc_lists (
        owner BYTEA PRIMARY KEY,  -- the user's name in UTF-8, or nothing for the list without a user
        length BIGINT NOT NULL,   -- how many ids were given, and so the next one
        version BIGINT NOT NULL   -- the name of its last change, a random number
    );
    CREATE TABLE todomvc_todos (
        owner BYTEA,
        id BIGINT,                -- its index in the list
        todo TEXT,                -- its JSON, or NULL if it is deleted
        key TEXT,                 -- the Idempotency-Key it was created by,
        digest TEXT,              -- and of what it was created
        PRIMARY KEY (owner, id)
    );
    CREATE UNIQUE INDEX todomvc_todos_by_key ON todomvc_todos (owner, key) WHERE key IS NOT NULL;
    CREATE INDEX todomvc_todos_live ON todomvc_todos (owner, id) WHERE todo IS NOT NULL;  -- not in version 1.0.0
    INSERT INTO todomvc_schema VALUES ({SCHEMA_VERSION})
"""
STORE = """
    CREATE TABLE todomvc_store (id TEXT PRIMARY KEY);  -- one row: the random id from which those of the lists are made
    INSERT INTO todomvc_store VALUES ('{}')
"""
OWNERS = "SELECT owner FROM todomvc_lists ORDER BY owner"
ROWS = "SELECT id, todo, key, digest FROM todomvc_todos WHERE owner = %(owner)s ORDER BY id"
LOCK = f"""
    SET LOCAL lock_timeout = '{MAX_WAIT}s';
    LOCK TABLE todomvc_lists IN EXCLUSIVE MODE;
    SELECT set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)
"""
COPY = "COPY todomvc_todos (owner, id, todo, key, digest) FROM STDIN"
COUNT = """
    INSERT INTO todomvc_lists SELECT owner, max(id) + 1, %(next_version)s FROM todomvc_todos GROUP BY owner
"""
WRONG_LENGTHS = """
    SELECT owner FROM todomvc_lists AS lists
    WHERE length != (SELECT count(*) FROM todomvc_todos AS todos WHERE todos.owner = lists.owner) LIMIT 1
"""
STORE_ID = "SELECT id FROM todomvc_store"
RENEW = f"""
    SET LOCAL lock_timeout = '{MAX_WAIT - MARGIN}s';
    LOCK TABLE todomvc_store;  -- until no statement that has found the old id is under way
    UPDATE todomvc_store SET id = '{{}}'
"""
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = current_setting('application_name') AND usename = current_user
    AND (wait_event_type = 'Lock' OR wait_event = 'SyncRep')
"""
# In each statement, todomvc_store has a row only if the database is that of the list. Otherwise a read finds no row,
# and a write changes nothing.
OF_STORE = "FROM todomvc_store AS store WHERE store.id = %(store)s"
VERSION = f"SELECT (SELECT version FROM todomvc_lists WHERE owner = %(owner)s) {OF_STORE}"
READ = f"SELECT (SELECT todo FROM todomvc_todos WHERE owner = %(owner)s AND id = %(id)s) {OF_STORE}"
LIVE = f"""
    SELECT ARRAY(SELECT todo FROM todomvc_todos WHERE owner = %(owner)s AND todo IS NOT NULL ORDER BY id) {OF_STORE}
"""
BY_KEY = """
    SELECT todos.id, todo, digest FROM todomvc_todos AS todos, todomvc_store AS store
    WHERE owner = %(owner)s AND key = %(key)s AND store.id = %(store)s
"""
# They hold for one statement only. A commit is flushed to the disk, even where that is not the default.
SETTINGS = f"""
    settings AS MATERIALIZED (
        SELECT set_config('lock_timeout', %(lock_timeout)s, true),
               set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)
        {OF_STORE}
    )
"""
CREATE = f"""
    WITH {SETTINGS}, list AS (
        INSERT INTO todomvc_lists AS list SELECT %(owner)s, 1, %(next_version)s FROM settings
        ON CONFLICT (owner) DO UPDATE SET length = list.length + 1, version = %(next_version)s
        RETURNING length - 1 AS id
    )
    INSERT INTO todomvc_todos
    SELECT %(owner)s, id, %(before)s::text || id || %(after)s::text, %(key)s::text, %(digest)s::text FROM list
    RETURNING id
"""
REPLACE = f"""
    WITH {SETTINGS}, list AS (
        UPDATE todomvc_lists SET version = %(next_version)s FROM settings WHERE owner = %(owner)s RETURNING owner
    )
    UPDATE todomvc_todos AS todos SET todo = %(new)s FROM list
    WHERE todos.owner = %(owner)s AND id = %(id)s AND todo = %(old)s
    RETURNING id
"""
DELETE_ALL = f"""
    WITH {SETTINGS}, list AS (
        UPDATE todomvc_lists SET version = %(next_version)s FROM settings
        WHERE owner = %(owner)s AND version = %(version)s
        RETURNING version
    ), deleted AS (
        UPDATE todomvc_todos SET todo = NULL FROM list WHERE owner = %(owner)s AND todo IS NOT NULL
    )
    SELECT version FROM list
"""
