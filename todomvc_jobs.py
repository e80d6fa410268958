"""What the command does instead of serving: --backup, --check, --export, --import and --renew. Imported only then.

An export is a text of JSON Lines: a header, a line for each todo that was ever made, and an end with their number::

    {"todomvc":1,"store":"6f1c..."}
    {"user":"","id":0,"todo":{"title":"buy some cheese","id":0},"key":"3f2a...","digest":"9c1e..."}
    {"user":"alice","id":0,"todo":null,"key":null,"digest":null}
    {"rows":2}

`store` is the id from which the identities of the lists are made, `user` the name of the list's user, nothing for the
shared list, `todo` null if it is deleted, `key` the Idempotency-Key that made it, and `digest` that of its fields then.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import IO, Any

from todomvc import (
    MAX_DEPTH,
    MAX_USER,
    StoredRow,
    decode_json,
    encode_safely,
    is_key,
    is_postgres_url,
    open_list,
)

__all__ = ["run"]


def run(options: argparse.Namespace) -> None:
    """Do what the options of the command ask for, and say on stderr what was done.

    Raises ValueError or OSError if it cannot be done, ListUnavailable if the store cannot be used.
    """
    if "" in (options.backup, options.export, options.load):
        raise ValueError("the name of a file is empty")
    if options.user is not None and not (options.export or options.load):
        raise ValueError("--user goes with --export or --import")
    if options.keep_identity and not options.load:
        raise ValueError("--keep-identity goes with --import")
    if options.db == ":memory:":
        raise ValueError("a list in memory ends with its process: name a file or a database with --db")
    is_file = not is_postgres_url(options.db)
    if is_file and not options.load and not os.path.exists(options.db):
        raise ValueError(f"{options.db}: there is no such file")
    if options.backup and not is_file:
        raise ValueError("--backup copies an SQLite file: use pg_dump for PostgreSQL, or --export")
    todos: Any = open_list(options.db)  # the application needs less of a store than this module
    with contextlib.closing(todos):
        if options.backup:
            back_up(todos, options)
        elif options.check:
            check(todos)
        elif options.export:
            export(todos, options)
        elif options.load:
            load(todos, options)
        else:
            todos.renew()
            say("The lists have new identities: pages that are open will not write to them.")


def back_up(todos: Any, options: argparse.Namespace) -> None:
    if options.backup == "-":
        raise ValueError("a backup goes to a file: use --export - for standard output")
    with new_file(options.backup, todos) as part:
        todos.backup(part, Progress("Copied", "pages"))
    say(f"{options.backup} has a copy of {options.db}. The lists in it have identities of their own.")


def check(todos: Any) -> None:
    todos.check()
    rows = Counted(todos.rows(), "Checked")
    for _ in rows:
        pass
    say(f"All is sound: {rows}.")


def export(todos: Any, options: argparse.Namespace) -> None:
    rows = Counted(todos.rows(options.user), "Exported")
    if options.export == "-":
        write_lines(binary(sys.stdout), todos.store_id, rows)
    else:
        with new_file(options.export, todos) as part, open(part, "wb") as file:
            write_lines(file, todos.store_id, rows)
    say(f"Exported {rows}.")


def load(todos: Any, options: argparse.Namespace) -> None:
    with contextlib.nullcontext(binary(sys.stdin)) if options.load == "-" else open(options.load, "rb") as file:
        store_id, all_rows = read_lines(file)
        rows = Counted((row for row in all_rows if options.user in (None, row[0])), "Imported")
        todos.load(rows, store_id if options.keep_identity else None)
    say(f"Imported {rows}.")


def binary(stream: Any) -> IO[bytes]:
    """Return the binary file of sys.stdin or sys.stdout. Raise ValueError if it was closed before the start."""
    if stream is None:
        raise ValueError("standard input or output is closed")
    file: IO[bytes] = stream.buffer
    return file


def write_lines(file: IO[bytes], store_id: str, rows: Iterable[StoredRow]) -> None:
    file.write(line({"todomvc": 1, "store": store_id}))
    number = 0
    for user, id, todo, key, digest in rows:
        number += 1
        file.write(ROW % (encode_safely(user), id, todo or b"null", encode_safely(key), encode_safely(digest)))
    file.write(line({"rows": number}))
    file.flush()


def line(value: Any) -> bytes:
    return encode_safely(value) + b"\n"


ROW = b'{"user":%s,"id":%d,"todo":%s,"key":%s,"digest":%s}\n'


def read_lines(file: IO[bytes]) -> tuple[str, Iterator[StoredRow]]:
    """Return the id of the store and the rows of an export. Raise ValueError, also between rows, if it is not one."""
    header = parse(1, next(file, b""))
    if header.get("todomvc") != 1 or not is_store_id(str(header.get("store"))):
        raise ValueError("line 1: this is not an export of todomvc, or one of a newer version")
    return header["store"], read_rows(file)


is_store_id = re.compile("[0-9a-f]{32}").fullmatch


def read_rows(file: IO[bytes]) -> Iterator[StoredRow]:
    number = 2
    for number, text in enumerate(file, 2):
        fields = parse(number, text)
        if "rows" in fields:
            if fields["rows"] != number - 2 or next(file, None):
                break
            return
        yield parsed_row(number, fields)
    raise ValueError(f"the export is not whole: it ends with line {number}")


def parse(number: int, text: bytes) -> dict[str, Any]:
    try:
        value = decode_json(text.decode(), MAX_DEPTH + 1)  # that of a todo, within a row
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"line {number}: this is not a JSON object")
    return value


def parsed_row(number: int, fields: Any) -> StoredRow:
    user, id, todo, key, digest = (fields.get(name) for name in ("user", "id", "todo", "key", "digest"))
    is_user, is_id = isinstance(user, str) and len(user) <= MAX_USER, type(id) is int
    is_todo = todo is None or isinstance(todo, dict)
    is_keyed = isinstance(key, str) and is_key(key) and isinstance(digest, str)
    if not (is_user and is_id and is_todo and (is_keyed or key is digest is None)):
        raise ValueError(f"line {number}: this is not a row of an export")
    return user, id, None if todo is None else encode_safely({**todo, "id": id}), key, digest


class Counted:
    """Rows that are counted as they pass. Raises ValueError if the ids of a list do not go up from 0 without a gap."""

    def __init__(self, rows: Iterable[StoredRow], verb: str) -> None:
        self.rows, self.progress = rows, Progress(verb, "rows")
        self.lengths: dict[str, int] = {}
        self.live = 0

    def __iter__(self) -> Iterator[StoredRow]:
        for number, row in enumerate(self.rows, 1):
            user, id, todo, _, _ = row
            length = self.lengths.get(user, 0)
            if id != length:
                raise ValueError(f"the ids of the list of {user!r} go up from 0, and {id} comes where {length} should")
            self.lengths[user] = id + 1
            self.live += todo is not None
            self.progress(number)
            yield row

    def __str__(self) -> str:
        deleted = sum(self.lengths.values()) - self.live
        return f"{self.live} todos and {deleted} deleted ones in {len(self.lengths)} lists"


class Progress:
    """A line on stderr for each second that the work lasts longer than one."""

    def __init__(self, verb: str, things: str) -> None:
        self.verb, self.things, self.next = verb, things, time.monotonic() + 1

    def __call__(self, done: int, total: int | None = None) -> None:
        if time.monotonic() > self.next:
            self.next = time.monotonic() + 1
            say(f"{self.verb} {done}{f' of {total}' if total else ''} {self.things}.")


@contextlib.contextmanager
def new_file(path: str, todos: Any) -> Iterator[str]:
    """Give the path of an empty file, which gets its name once it is whole and on the disk.

    Only its owner can read it. Raises ValueError if there is one of that name, or if it would be a file of the store,
    such as todos.db-wal. Raises OSError if it cannot be made.
    """
    if os.path.lexists(path):
        raise ValueError(f"{path}: there is one already: name a new file")
    if os.path.realpath(path) in map(os.path.realpath, todos.files):
        raise ValueError(f"{path}: the store itself makes a file of that name: name another")
    folder = os.path.dirname(os.path.abspath(path))
    descriptor, part = tempfile.mkstemp(dir=folder, prefix=f"{os.path.basename(path)}.")
    try:
        with open(descriptor, "rb+") as file:
            yield part
            os.fsync(file.fileno())
        os.rename(part, path)
    except BaseException:
        os.remove(part)
        raise
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def say(text: str) -> None:
    """Print a line. If it cannot be printed, what was done is done."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # there may be no stderr
        sys.stderr = None  # else Python tries again at its end, and exits with 120
