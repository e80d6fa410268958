"""What hangs is given up: a backend that is stopped, a replica that is away, a host that is off, a lock."""

import contextlib
import io
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import client_of, serve
from databases import own_server, psycopg
from stress import wait_until
from workers import ask

from todomvc import ListUnavailable, TodoMVC, Unconfirmed
from todomvc_postgres import MAX_CONNECTIONS, MAX_WRITERS, PostgresTodoList


@pytest.fixture(scope="module")
def server():
    with own_server() as server:
        yield server


@pytest.fixture
def admin(server):
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS todomvc_schema, todomvc_lists, todomvc_todos, todomvc_store")
        yield connection


@pytest.fixture
def todos(server, admin):
    todos = PostgresTodoList(server.url)
    todos.create({})
    return todos


def backends(admin, condition="true"):
    """Return the process ids of the backends of the servers."""
    admin.execute("SELECT pg_stat_clear_snapshot()")
    rows = admin.execute(f"SELECT pid FROM pg_stat_activity WHERE application_name = 'todomvc' AND {condition}")
    return [pid for (pid,) in rows.fetchall()]


@contextlib.contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_read_on_a_backend_that_is_stopped_is_done_on_another(todos, admin):
    with stopped(backends(admin)):
        assert todos.read(0) == b'{"id":0}'


@pytest.mark.parametrize(
    "write",
    [
        lambda todos: todos.create({}),
        lambda todos: todos.update(0, {"a": 1}),
        lambda todos: todos.delete(0),
        lambda todos: todos.delete_all(),
    ],
    ids=["create", "update", "delete", "delete_all"],
)
def test_of_a_write_on_a_backend_that_stops_nobody_can_tell(todos, admin, write):
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        with admin.transaction():
            admin.execute("SELECT FROM todomvc_lists FOR UPDATE")
            result = pool.submit(write, todos)
            wait_until(lambda: backends(admin, "wait_event_type = 'Lock'"))
            stack.enter_context(stopped(backends(admin)))
        with pytest.raises(Unconfirmed, match="no answer"):
            result.result(60)
        assert todos.read(0) == b'{"id":0}'
    wait_until(lambda: not backends(admin, "state = 'active'"))


def test_a_lock_on_a_row_is_given_up_while_it_is_known_that_nothing_was_changed(todos, admin):
    with admin.transaction(), ThreadPoolExecutor(3) as pool:
        admin.execute("SELECT FROM todomvc_lists FOR UPDATE")
        writes = [pool.submit(todos.create, {}) for _ in range(3)]  # two of them wait for their turn
        for write in writes:
            with pytest.raises(ListUnavailable) as caught:
                write.result(60)
            assert not isinstance(caught.value, Unconfirmed)
    assert todos.create({})[0] == 1


def test_writes_that_wait_for_a_replica_leave_connections_to_those_who_read(server, todos, admin, monkeypatch):
    monkeypatch.setattr("todomvc_postgres.MAX_WAITING", MAX_WRITERS)
    users = [todos.of(f"user {number}") for number in range(MAX_CONNECTIONS + 1)]
    server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.execute("SELECT pg_reload_conf()")
    try:
        wait_until(lambda: admin.execute("SHOW synchronous_standby_names").fetchone() == ("nobody",))
        with ThreadPoolExecutor(len(users)) as pool:
            writes = [pool.submit(user.create, {}) for user in users]
            wait_until(lambda: len(backends(admin, "wait_event = 'SyncRep'")) == MAX_WRITERS)
            for _ in range(20):
                assert todos.read(0) == b'{"id":0}'
            errors = [write.exception(60) for write in writes]
        assert [type(error) for error in errors].count(Unconfirmed) >= MAX_WRITERS
        assert all(isinstance(error, ListUnavailable) for error in errors)
        with pytest.raises(ListUnavailable, match="writes are waiting in it") as caught:
            todos.create({})
        assert not isinstance(caught.value, Unconfirmed)
        assert todos.read(0) == b'{"id":0}'
    finally:
        server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        server.execute("SELECT pg_reload_conf()")
    wait_until(lambda: not backends(admin, "wait_event = 'SyncRep'"))
    assert todos.create({})[0] == 1
    for user, error in zip(users, errors, strict=True):
        assert len(list(user)) == 1 or not isinstance(error, Unconfirmed)


@contextlib.contextmanager
def host_that_is_off():
    """Give a port at which nothing answers, not even that there is nothing."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):  # more than wait there; the kernel leaves others unanswered
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_servers_start_while_the_first_host_of_the_url_is_off(server, admin, tmp_path):
    before = backends(admin)
    with host_that_is_off() as port:
        url = f"postgresql://postgres@/postgres?host=127.0.0.1,{server.socket_folder}&port={port},5432"
        with serve("--db", f"{url}&target_session_attrs=read-write", cwd=tmp_path, stderr=subprocess.PIPE) as process:
            assert ask(process.url, "POST", "/todos/", {}) == (200, {"id": 0})
            assert len({*backends(admin)} - {*before}) == 1  # the connection by which it was opened is used
            process.terminate()
            said = process.stderr.read()
    assert f"todomvc: waiting for PostgreSQL at 127.0.0.1,{server.socket_folder}\n" in said


def test_of_a_create_whose_todo_cannot_be_looked_up_nobody_can_tell(server, todos, admin):
    """Its connection may have been lost after its commit: the key is there, and both look-ups are interrupted."""
    log = io.StringIO()
    client = client_of(TodoMVC(todos), **{"wsgi.errors": log})

    def post():
        return client.post_json("/todos/", {}, headers={"Idempotency-Key": "k"}, status=503)

    with psycopg.connect(server.url) as locker, ThreadPoolExecutor(2) as pool:
        with admin.transaction():
            admin.execute("INSERT INTO todomvc_todos VALUES ('', 7, '{}', 'k', 'digest')")
            response = pool.submit(post)
            wait_until(lambda: backends(admin, "wait_event_type = 'Lock'"))  # for the key
            lock = pool.submit(locker.execute, "LOCK TABLE todomvc_todos")
            queued = f"pid = {locker.info.backend_pid} AND wait_event_type = 'Lock'"
            wait_until(lambda: admin.execute(f"SELECT FROM pg_stat_activity WHERE {queued}").fetchall())
        lock.result(20)
        for _ in range(2):
            wait_until(lambda: backends(admin, "wait_event_type = 'Lock' AND query LIKE '%%digest FROM%%'"))
            (pid,) = backends(admin, "wait_event_type = 'Lock'")
            admin.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
        assert "Nobody can tell" in response.result(30).json["detail"], log.getvalue()
