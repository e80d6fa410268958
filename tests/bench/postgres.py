"""What it costs to keep a todo in PostgreSQL, against the barest INSERT that is committed there."""

from __future__ import annotations

import statistics
import time

from tests.bench.figures import COST, row_of_rounds
from tests.bench.in_process import TODO
from tests.databases import new_database, postgres
from todomvc import encode_todo
from todomvc_postgres import PostgresTodoList

BARE = "INSERT INTO bare (todo) VALUES (%(todo)s)"
TODO_AS_TEXT = encode_todo({**TODO, "id": 12345}).decode()


def rows(short):
    """Yield the row of a create."""
    with postgres() as url, new_database(url) as database:
        todos = PostgresTodoList(database)
        todos.create(TODO)
        insert = bare_insert(todos)
        rounds = [one_by_one(todos, insert, 100 if short else 500) for _ in range(3 if short else 15)]
    yield row_of_rounds("postgres", "create over PostgreSQL", "us", rounds, {"a bare INSERT": COST})


def bare_insert(todos):
    """Return a function that inserts a todo into a table with nothing but an id, over the list's own connection."""
    (connection,) = todos.database.idle  # the only one there, so that the list has it, too
    connection.execute("CREATE TABLE bare (id BIGSERIAL PRIMARY KEY, todo TEXT)")
    return lambda: connection.execute(BARE, {"todo": TODO_AS_TEXT})


def one_by_one(todos, insert, count):
    """Do both in turns; return the median microseconds of each."""
    times = [(microseconds(lambda: todos.create(TODO)), microseconds(insert)) for _ in range(count)]
    ours, bare = (statistics.median(column) for column in zip(*times, strict=True))
    return {"todomvc": ours, "a bare INSERT": bare}


def microseconds(work):
    start = time.perf_counter()
    work()
    return 1e6 * (time.perf_counter() - start)
