"""A primary that is killed or stands still under load, and its replica in its place. No server is started again."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from command import run
from conftest import serve
from databases import own_server
from stress import wait_until
from test_postgres_servers import check_ids, insist, make_until, parsed, send

from todomvc_postgres import PostgresTodoList

CLIENTS = 8


@pytest.fixture
def primary():
    with own_server() as server:
        yield server


@pytest.fixture
def replica(primary):
    with own_server(primary) as server:
        wait_until(lambda: primary.execute("SELECT FROM pg_stat_replication WHERE state = 'streaming'").fetchall())
        yield server


@pytest.fixture
def url(primary, replica):
    hosts = f"{primary.socket_folder},{replica.socket_folder}"
    return f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"


@pytest.fixture
def urls(url, tmp_path):
    """The URLs of two servers."""
    options = {"cwd": tmp_path, "stderr": subprocess.DEVNULL}
    with serve("--db", url, **options) as one, serve("--db", url, **options) as two:
        yield [one.url, two.url]


def wait_for_replica(primary):
    """Let each commit wait for the replica from now on."""
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.execute("SELECT pg_reload_conf()")
    wait_until(lambda: primary.execute("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'").fetchall())


@pytest.mark.parametrize("event", ["killed", "frozen"])
def test_with_a_synchronous_replica_nothing_that_was_answered_is_lost(primary, replica, urls, url, event):
    wait_for_replica(primary)
    is_over = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool, contextlib.ExitStack() as stack:
        stack.callback(is_over.set)
        work = [pool.submit(make_until, is_over, urls[n % 2], n) for n in range(CLIENTS)]
        wait_until(lambda: len(insist(urls[0], "GET", "/todos/")) > CLIENTS)
        if event == "killed":
            primary.kill()
        else:
            primary.signal(signal.SIGSTOP)
            stack.callback(primary.signal, signal.SIGCONT)
        replica.execute("SELECT pg_promote()")
        start = time.monotonic()
        for server in urls:
            insist(server, "POST", "/todos/", {}, f"after-{server}")
        print(f"{event}: writes are answered again {time.monotonic() - start:.1f} s after the promotion")
        is_over.set()
        made = [todo for result in work for todo in result.result(120)]
        todos = PostgresTodoList(url)
        assert [parsed(todos.read(todo["id"])) for todo in made] == made
        assert len(made) > CLIENTS
        check_ids(replica.url, [todo["id"] for todo in parsed_list(todos)])


def parsed_list(todos):
    return [parsed(todo) for todo in todos]


def test_after_a_replica_that_was_behind_every_server_shows_what_is_left(primary, replica, urls, url, tmp_path):
    insist(urls[0], "POST", "/todos/", {"title": "kept"}, "kept")
    wait_until(lambda: has_replayed_all(primary))
    (sender,) = primary.execute("SELECT pid FROM pg_stat_replication").fetchone()
    os.kill(sender, signal.SIGSTOP)
    for title in ["lost", "lost, too"]:
        insist(urls[0], "POST", "/todos/", {"title": title}, title.replace(" ", ""))
    tags = {}
    for server in urls:
        for path in ["/", "/todos/"]:
            status, headers, text = send(server, "GET", path)
            assert (status, "lost, too" in text) == (200, True)
            tags[server, path] = headers["ETag"]
    identity = headers["Todo-List"]
    primary.kill()
    replica.execute("SELECT pg_promote()")
    insist(urls[0], "POST", "/todos/", {"title": "new"}, "new")
    for server in urls:
        assert insist(server, "GET", "/todos/") == [{"title": "kept", "id": 0}, {"title": "new", "id": 1}]
        for path in ["/", "/todos/"]:
            status, headers, text = send(server, "GET", path, **{"If-None-Match": tags[server, path]})
            assert (status, "lost" in text, "new" in text) == (200, False, True)
    assert run(tmp_path, "--db", url, "--renew").returncode == 0
    for server in urls:
        status, headers, _ = send(server, "DELETE", "/todos/1", None, **{"Todo-List": identity})
        assert (status, headers["Todo-List"] != identity) == (409, True)
    assert insist(urls[1], "GET", "/todos/1")["title"] == "new"


def has_replayed_all(primary):
    behind = primary.execute("SELECT FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()")
    return behind.fetchall()
