"""Limits that hold: no client keeps the command's server to itself, or from others, however slowly it sends or reads.

In process, with limits that are short enough to wait for; what stands in their way is a real socket.
"""

import contextlib
import gc
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
import weakref
from http.client import HTTPConnection
from pathlib import Path

import pytest
from command import address_of, answer_to, request, running
from conftest import ROOT, serve

import todomvc_http
from todomvc import TodoMVC

POST = b"POST /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
STARTS = {
    "nothing": b"",
    "half a line": b"GET /to",
    "half a head": b"GET /todos/ HTTP/1.1\r\nHost: local",
    "half a body": POST + b'Content-Length: 99\r\n\r\n{"title": "',
    "a refused body": b"DELETE /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx",
    "what is not HTTP": b"\x16\x03\x01",
}


@pytest.fixture
def limit(monkeypatch):
    """Set limits of the server that are short enough to wait for."""
    return lambda **limits: [monkeypatch.setattr(todomvc_http, name, value) for name, value in limits.items()]


def connect(server):
    return socket.create_connection((server.name, server.port), timeout=10)


def ask(server, method="GET", body=None):
    headers = {"Content-Type": "application/json"}
    with contextlib.closing(HTTPConnection(server.name, server.port, timeout=10)) as connection:
        connection.request(method, "/todos/", body, headers)
        return connection.getresponse().status


def is_closed(connection):
    """Tell whether the server ends the connection, or has; ten seconds without a word are an error."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True


def until(condition):
    """Wait until it holds, ten seconds at most."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


# Those who say nothing more


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_client_that_says_nothing_more_is_left(limit, start):
    limit(PATIENCE=0.2)
    with running() as server, connect(server) as connection:
        connection.sendall(start)
        assert is_closed(connection)
        until(lambda: not server.connections)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_client_that_says_nothing_more_holds_up_nobody(start):
    with running() as server, connect(server) as connection:
        connection.sendall(start)
        assert [ask(server) for _ in range(3)] == [200] * 3


def test_a_client_that_breaks_off_its_body_is_told_so_and_nothing_is_written(limit):
    limit(PATIENCE=0.2)
    with running() as server, connect(server) as connection:
        connection.sendall(STARTS["half a body"])
        assert connection.makefile("rb").readline() == b"HTTP/1.1 400 Bad Request\r\n"
        assert list(server.todos.todos) == []


def test_a_client_that_takes_its_time_is_served():
    with running() as server, connect(server) as connection:
        for piece in [POST[:9], POST[9:], b"Content-Length: 2\r\n\r\n", b"{", b"}"]:
            connection.sendall(piece)
            time.sleep(0.05)
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


# Those who never stop


def drip(connection, start, drop):
    """Send bytes one by one, faster than any timeout, until the server has had enough."""
    connection.sendall(start)
    with contextlib.suppress(ConnectionError):
        for _ in range(1000):
            connection.sendall(drop)
            time.sleep(0.01)
        return False
    return True


@pytest.mark.parametrize(
    ("start", "drop"),
    [(b"", b"x"), (b"GET /", b"x"), (POST, b"X: y\r\n"), (POST, b"x"), (STARTS["a refused body"], b"x")],
    ids=["line", "target", "headers", "header", "refused"],
)
def test_a_client_that_drips_is_left_in_the_end(limit, start, drop):
    limit(PATIENCE=0.3, LINGER=0.05)
    with running() as server, connect(server) as connection:
        assert drip(connection, start, drop)
        until(lambda: not server.connections)


def test_a_client_that_drips_its_body_writes_nothing(limit):
    limit(PATIENCE=0.3, LINGER=0.05)
    with running() as server, connect(server) as connection:
        assert drip(connection, POST + b"Content-Length: 9999\r\n\r\n", b" ")
        until(lambda: not server.connections)
        assert list(server.todos.todos) == []


def leave_unread(server):
    """Ask for 20 MB, more than buffers hold, and take nothing of it; wait until the server gives it up."""
    for _ in range(20):
        server.todos.todos.create({"title": "x" * 1_000_000})
    with connect(server) as connection:
        connection.sendall(b"GET /todos/ HTTP/1.0\r\n\r\n")
        until(lambda: server.connections)
        until(lambda: not server.connections)


def test_a_client_that_does_not_read_its_answer_is_left(limit):
    limit(PATIENCE=0.3)
    with running() as server:
        leave_unread(server)


def test_each_client_that_is_left_gives_its_thread_back(limit):
    limit(PATIENCE=0.3)
    before = threading.active_count()
    with running() as server, contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(connect(server))
        until(lambda: threading.active_count() >= before + 20)
        until(lambda: threading.active_count() <= before + 1)


def test_a_client_is_left_in_the_end_though_an_older_one_still_waits_for_its_answer(limit):
    limit(PATIENCE=0.3)
    answering, may_end = threading.Event(), threading.Event()

    def slow(environ, start_response):
        answering.set()
        may_end.wait(10)
        return TodoMVC()(environ, start_response)

    with running(slow) as server, connect(server) as older:
        try:
            older.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert answering.wait(10)
            with connect(server) as younger:
                assert is_closed(younger)
            assert server.connections
        finally:
            may_end.set()


# Those who are many


def test_when_there_are_too_many_connections_the_oldest_make_room(limit):
    limit(MAX_CONNECTIONS=5)
    with running() as server, contextlib.ExitStack() as held:
        connections = [held.enter_context(connect(server)) for _ in range(15)]
        assert all(is_closed(connection) for connection in connections[:10])
        until(lambda: len(server.connections) == 5)
        for connection in connections[10:]:
            connection.sendall(b"GET /todos/ HTTP/1.0\r\n\r\n")
            assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


def test_when_there_are_too_many_connections_a_new_one_is_served(limit):
    limit(MAX_CONNECTIONS=5)
    with running() as server, contextlib.ExitStack() as held:
        for _ in range(30):
            held.enter_context(connect(server)).sendall(STARTS["half a body"])
            assert ask(server) == 200


def test_the_command_lets_the_oldest_of_600_connections_go(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1000, hard))
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(socket.create_connection(address_of(server), 10)) for _ in range(600)]
        assert all(is_closed(connection) for connection in connections[:100])
        assert request(server)[0] == 200


# Those who are refused while they send


HUGE = 20_000_000
REFUSED = {
    "400": POST + b"Content-Length: x\r\n\r\n",
    "400 head": POST + b"X : y\r\n\r\n",
    "403": POST + b"Sec-Fetch-Site: cross-site\r\nContent-Length: %d\r\n\r\n" % HUGE,
    "405": b"BREW /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % HUGE,
    "400 chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "413": POST + b"Content-Length: %d\r\n\r\n" % HUGE,
    "414": b"GET /",
    "415": POST.replace(b"application/json", b"text/plain") + b"Content-Length: %d\r\n\r\n" % HUGE,
    "421": POST.replace(b"localhost", b"evil.com") + b"Content-Length: %d\r\n\r\n" % HUGE,
    "431": POST + b"X: ",
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_reaches_a_client_that_goes_on_sending(server, code):
    answer = answer_to(server, REFUSED[code], b"x" * HUGE)
    assert answer.startswith(b"HTTP/1.1 " + code[:3].encode())


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython lets go of what is unused at once")
def test_a_refused_request_leaves_nothing_behind(monkeypatch):
    connections, close = [], todomvc_http.Connection.close
    monkeypatch.setattr(
        todomvc_http.Connection, "close", lambda self: connections.append(weakref.ref(self)) or close(self)
    )
    with running() as server:
        gc.disable()
        try:
            for start in [b"GET / HTTP/1.1\r\nX y\r\n", b"x\r\n", b"GET / HTTP/1.1\r\n\r\n"]:
                with connect(server) as connection:
                    connection.sendall(start)
                    assert is_closed(connection)
            until(lambda: [connection() for connection in connections] == [None] * 3)
        finally:
            gc.enable()


def test_a_huge_body_is_refused_before_it_is_sent(server):
    assert answer_to(server, POST + b"Content-Length: 999999999\r\n\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_client_that_does_not_read_leaves_no_traceback_in_the_log(limit, capfd):
    limit(PATIENCE=0.2)
    with running() as server:
        leave_unread(server)
    assert "Traceback" not in capfd.readouterr().err


# Those who take their time, and those who do not


def test_a_reader_that_makes_progress_gets_the_whole_of_a_large_list(limit):
    limit(PATIENCE=3)
    with running() as server:
        for _ in range(20):
            server.todos.todos.create({"title": "x" * 1_000_000})
        with connect(server) as connection:
            connection.sendall(b"GET /todos/ HTTP/1.0\r\n\r\n")
            begun, received = time.monotonic(), 0
            while piece := connection.recv(200_000):
                received += len(piece)
                time.sleep(max(0, begun + received / 3_000_000 - time.monotonic()))
    assert received > 20_000_000
    assert time.monotonic() - begun > 2 * todomvc_http.PATIENCE


def test_an_upload_that_makes_progress_is_taken(limit):
    limit(PATIENCE=3)
    with running() as server, connect(server) as connection:
        begun = time.monotonic()
        connection.sendall(POST + b"Content-Length: 1000000\r\n\r\n{")
        for _ in range(70):
            connection.sendall(b" " * 14_000)
            time.sleep(0.1)
        connection.sendall(b" " * (999_998 - 70 * 14_000) + b"}")
        assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
    assert time.monotonic() - begun > 2 * todomvc_http.PATIENCE


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX: ", POST + b"Content-Length: 9999\r\n\r\n"])
def test_a_client_that_is_too_slow_is_a_line_in_the_log(limit, capfd, start):
    limit(PATIENCE=0.3, LINGER=0.05)
    with running() as server, connect(server) as connection:
        assert drip(connection, start, b" ")
        until(lambda: not server.connections)
    assert "todomvc: closed a connection of 127.0.0.1: it was too slow\n" in capfd.readouterr().err


def test_an_idle_client_is_none(limit, capfd):
    limit(PATIENCE=0.2)
    with running() as server, connect(server) as connection:
        assert is_closed(connection)
    assert capfd.readouterr().err == ""


# Memory


linux = pytest.mark.skipif(sys.platform != "linux", reason="it is measured in /proc")


def peak(process):
    """Return the most memory that a process has had, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1000


@linux
@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython lets go of what is unused at once")
@pytest.mark.parametrize(
    "head",
    [
        b"GET /icon.svg HTTP/1.1\r\nHost: evil.example\r\nContent-Length: %d\r\n\r\n",
        b"GET /icon.svg HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n",
        POST.replace(b"json", b"xml") + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n",
    ],
    ids=["421", "200", "415"],
)
def test_what_is_not_wanted_is_not_kept(server, head):
    size = 8 * 1024 * 1024
    request(server)
    before = peak(server)
    with contextlib.ExitStack() as held:
        for _ in range(20):
            connection = held.enter_context(socket.create_connection(address_of(server), 10))
            connection.sendall(head % size + b"x" * (size - 1))
        assert request(server)[0] == 200
        assert peak(server) - before < 60


CHANGING = """
import sys
sys.path.insert(0, {root!r})
import todomvc_http, todomvc_server
todomvc_http.MAX_SENDING = 40_000_000
todomvc_server.main()
"""


@linux
def test_slow_readers_keep_no_more_old_versions_of_a_list_than_there_is_room_for(tmp_path):
    (tmp_path / "changing.py").write_text(CHANGING.format(root=str(ROOT)))
    # glibc raises this threshold by itself, and then keeps large blocks for itself after they are freed.
    options = {
        "cwd": tmp_path,
        "program": tmp_path / "changing.py",
        "env": {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"},
    }
    with (tmp_path / "log").open("w") as log, serve("--db", ":memory:", stderr=log, **options) as process:
        for _ in range(10):
            assert request(process, "/todos/", "POST", b'{"title":"%s"}' % (b"x" * 1_000_000))[0] == 200
        request(process, "/todos/")
        before = peak(process)
        with contextlib.ExitStack() as held:
            readers = []
            for number in range(20):
                request(process, "/todos/0", "PATCH", b'{"number":%d}' % number)
                readers.append(held.enter_context(socket.create_connection(address_of(process), 10)))
                readers[-1].sendall(b"GET /todos/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
                assert readers[-1].recv(1) == b"H"
            if sys.implementation.name == "cpython":  # PyPy frees memory only when it collects garbage
                assert peak(process) - before < 80
            *old, newest = [len(reader.makefile("rb").read()) for reader in readers]
            assert newest > 10_000_000
            assert sum(size > 10_000_000 for size in old) <= 3
            assert (tmp_path / "log").read_text().count("slow to read an old version of a large response\n") >= 16


def test_many_readers_of_one_version_are_all_served(limit):
    limit(MAX_SENDING=15_000_000)
    with running() as server, contextlib.ExitStack() as held:
        for _ in range(10):
            server.todos.todos.create({"title": "x" * 1_000_000})
        readers = [held.enter_context(connect(server)) for _ in range(8)]
        for reader in readers:
            reader.sendall(b"GET /todos/ HTTP/1.0\r\n\r\n")
            assert reader.recv(1) == b"H"
        assert all(len(reader.makefile("rb").read()) > 10_000_000 for reader in readers)


# Descriptors


def processor_time(process):
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@linux
@pytest.mark.parametrize("is_lowered", [False, True], ids=["at the start", "later"])
def test_with_few_descriptors_the_oldest_idle_connections_make_room(tmp_path, is_lowered):
    few = (64, 64)
    options = {} if is_lowered else {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few)}
    with serve(cwd=tmp_path, stderr=subprocess.DEVNULL, **options) as process, contextlib.ExitStack() as held:
        request(process, "/todos/", "POST", b"{}")
        if is_lowered:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, few)
        before = processor_time(process)
        connections = [held.enter_context(socket.create_connection(address_of(process), 10)) for _ in range(100)]
        assert request(process, "/todos/", "POST", b"{}") == (200, b'{"id":1}')
        assert all(is_closed(connection) for connection in connections[:30])
        time.sleep(1)
        assert processor_time(process) - before < 2


def test_the_connection_that_has_been_idle_for_longest_makes_room(limit):
    limit(MAX_CONNECTIONS=3)
    with running() as server, connect(server) as busy, connect(server) as idle:
        for connection in (idle, busy):
            connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(9) == b"HTTP/1.1 "
            time.sleep(1.1)
        with connect(server) as third, connect(server) as fourth:
            assert is_closed(idle)
            for connection in (busy, third, fourth):
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert is_closed(connection)
