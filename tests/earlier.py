"""Files that earlier versions of the list in SQLite have written: a todo made by a key, a tombstone, another todo."""

import contextlib
import sqlite3

from todomvc import digest_of

VERSION_1 = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE todos (id INTEGER PRIMARY KEY, todo TEXT, version INTEGER NOT NULL, key TEXT, digest TEXT);
    CREATE INDEX todos_by_version ON todos (version);
    CREATE UNIQUE INDEX todos_by_key ON todos (key) WHERE key IS NOT NULL;
    PRAGMA application_id = 1416578159;
    PRAGMA user_version = 1;
"""
VERSION_2 = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE todo (
        user BLOB, id INTEGER, json TEXT, version INTEGER NOT NULL, key TEXT, digest TEXT, PRIMARY KEY (user, id)
    ) WITHOUT ROWID;
    CREATE INDEX todo_by_version ON todo (version);
    CREATE UNIQUE INDEX todo_by_key ON todo (user, key) WHERE key IS NOT NULL;
    PRAGMA application_id = 1416578159;
    PRAGMA user_version = 2;
"""
ROWS = [
    (0, '{"title":"a","id":0}', 1, "k", digest_of({"title": "a"})),
    (1, None, 4, None, None),
    (2, '{"title":"\\u00e9","id":2,"order":3}', 3, None, None),
]


def write_version_1(path):
    """Write such a file; return its path."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_1)
        database.executemany("INSERT INTO todos VALUES (?, ?, ?, ?, ?)", ROWS)
        database.commit()
    return path


def write_version_2(path):
    """Write such a file; return its path."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_2)
        database.executemany("INSERT INTO todo VALUES (x'', ?, ?, ?, ?, ?)", ROWS)
        database.commit()
    return path


def select(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()
