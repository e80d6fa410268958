"""What it costs that each user has a list of their own: against the one list of all, and as the users grow many."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.figures import COST, MORE_US, row_of_rounds
from tests.bench.in_process import TODO, Request, seconds_each
from tests.databases import new_database, postgres, psycopg
from todomvc import TodoList, TodoMVC, encode_todo
from todomvc_guards import guard
from todomvc_postgres import PostgresTodoList
from todomvc_sqlite import SQLiteTodoList

FEW = 10
REQUESTS = {"read": ("GET", "/todos/0"), "update": ("PUT", "/todos/0", TODO), "create": ("POST", "/todos/", TODO)}
ENCODED = encode_todo({**TODO, "id": 0}).decode()


def rows(short):
    """Yield the cost of a read that names its user, and that of each request in each store with many lists."""
    many, rounds = (1000, 30) if short else (100_000, 300)
    yield named_read(rounds)
    with tempfile.TemporaryDirectory() as folder, postgres() as url, new_database(url) as one, new_database(url) as two:
        places = {FEW: (Path(folder, "few.db"), one), many: (Path(folder, "many.db"), two)}
        stores = {
            "memory": {size: in_memory(size) for size in places},
            "SQLite": {size: in_file(size, path) for size, (path, _) in places.items()},
            "PostgreSQL": {size: in_postgres(size, url) for size, (_, url) in places.items()},
        }
        for store, lists in stores.items():
            yield from growth(store, lists, rounds)


def named_read(rounds):
    todos = in_memory(FEW)
    todos.create(TODO)
    app = application(todos)
    named, unnamed = [request("read", "user 0")] * 100, [Request(*REQUESTS["read"])] * 100
    figures = [{"todomvc": cost(app, named), "one that names nobody": cost(app, unnamed)} for _ in range(rounds)]
    return row_of_rounds("users", "read with REMOTE_USER", "us", figures, {"one that names nobody": MORE_US})


def growth(store, lists, rounds):
    """Yield the rows of a store: the same ten users ask, with only their lists in it and with many others'."""
    few, many = ((size, application(todos)) for size, todos in lists.items())
    for operation in REQUESTS:
        asked = [request(operation, f"user {number}") for number in range(FEW)]
        figures = [{"todomvc": cost(many[1], asked), f"{FEW} lists": cost(few[1], asked)} for _ in range(rounds)]
        yield row_of_rounds("users", f"{store}: {operation}, {many[0]:,} lists", "us", figures, {f"{FEW} lists": COST})


def application(todos):
    return guard(TodoMVC(todos), hosts=[])


def request(operation, user):
    return Request(*REQUESTS[operation], REMOTE_USER=user)


def cost(app, requests):
    """Return the microseconds that a request takes on average."""
    return 1e6 * seconds_each(app, [request.fresh() for request in requests])


# Stores with so many lists in them, of a todo each


def in_memory(size):
    todos = TodoList()
    for number in range(size):
        todos.of(f"user {number}").create(TODO)
    return todos


def in_file(size, path):
    todos = SQLiteTodoList(path)
    insert = "INSERT INTO todo (user, id, json, version) VALUES (?, 0, ?, ?)"
    lists = ((f"user {number}".encode(), ENCODED, number + 1) for number in range(size))
    todos.file.write(lambda database: database.executemany(insert, lists))
    return SQLiteTodoList(path)


def in_postgres(size, url):
    todos = PostgresTodoList(url)
    todos.create(TODO)
    users = f"generate_series(0, {size - 1}) AS number, convert_to('user ' || number, 'UTF8') AS owner"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"INSERT INTO todomvc_lists SELECT owner, 1, 1 FROM {users}")
        connection.execute(f"INSERT INTO todomvc_todos SELECT owner, 0, '{ENCODED}' FROM {users}")
        connection.execute("VACUUM ANALYZE")
    return todos
