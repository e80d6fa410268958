"""Behind PgBouncer, by session and by transaction: nothing is lost, nothing is wrong, and nothing is refused."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import serve
from databases import own_server, pgbouncer, psycopg
from workers import ask

from todomvc_postgres import PostgresTodoList

CLIENTS, ROUNDS = 8, 15


@pytest.fixture(scope="module")
def server():
    with own_server() as server:
        yield server


@pytest.fixture(params=["session", "transaction"])
def url(server, request):
    server.execute("DROP TABLE IF EXISTS todomvc_schema, todomvc_lists, todomvc_todos, todomvc_store")
    with pgbouncer(server, request.param) as url:
        yield url


def command(url, folder):
    return serve("--db", url, "--user-header", "X-User", cwd=folder, stderr=subprocess.DEVNULL)


def test_two_processes_share_the_connections_of_a_pooler(url, tmp_path):
    with command(url, tmp_path) as one, command(url, tmp_path) as two:
        urls = [one.url, two.url]

        def work(client):
            made = {}
            for number in range(ROUNDS):
                here, there = urls[number % 2], urls[1 - number % 2]
                status, todo = ask(here, "POST", "/todos/", {"by": client, "number": number}, f"{client}-{number}")
                assert (status, todo["by"], todo["number"]) == (200, client, number)
                path = f"/todos/{todo['id']}"
                assert ask(there, "PATCH", path, {"done": True}) == (200, {**todo, "done": True})
                assert ask(here, "GET", path) == (200, {**todo, "done": True})
                made[todo["id"]] = {**todo, "done": True}
                if number % 5 == 4:
                    assert ask(there, "DELETE", path)[0] == 200
                    del made[todo["id"]]
                status, todos = ask(here, "GET", "/todos/")
                assert (status, {todo["id"]: todo for todo in todos if todo["by"] == client}) == (200, made)
            return made

        with ThreadPoolExecutor(CLIENTS) as pool:
            made = {id: todo for result in pool.map(work, range(CLIENTS)) for id, todo in result.items()}
        assert ask(urls[0], "GET", "/todos/") == (200, [made[id] for id in sorted(made)])
    with psycopg.connect(url) as connection:
        ((length,),) = connection.execute("SELECT length FROM todomvc_lists").fetchall()
    assert length == CLIENTS * ROUNDS


def test_nothing_is_left_on_the_connections_of_a_pooler(url):
    todos = PostgresTodoList(url)
    for _ in range(10):
        todos.create({})
        todos.update(0, {"a": 1})
        todos.read(0)
    todos.delete_all()
    todos.renew()
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as one:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as two:
            for connection in [one, two]:
                left = connection.execute(
                    "SELECT current_setting('lock_timeout'), current_setting('synchronous_commit'), "
                    "(SELECT count(*) FROM pg_prepared_statements)"
                )
                assert left.fetchall() == [("0", "on", 0)]


def test_a_connection_that_the_pooler_loses_is_not_said_to_have_changed_nothing(server, url):
    """PgBouncer reports it as an error of the statement."""
    from todomvc import Unconfirmed

    todos = PostgresTodoList(url)
    todos.create({})
    with psycopg.connect(server.url, autocommit=True) as admin, ThreadPoolExecutor(1) as pool:
        with admin.transaction():
            admin.execute("SELECT FROM todomvc_lists FOR UPDATE")
            write = pool.submit(todos.create, {})
            waiting = "pg_stat_activity WHERE wait_event_type = 'Lock'"
            while not admin.execute(f"SELECT pg_terminate_backend(pid) FROM {waiting}").fetchall():
                assert not write.done()
                admin.execute("SELECT pg_stat_clear_snapshot()")
        with pytest.raises(Unconfirmed):
            write.result(20)
