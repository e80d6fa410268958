"""Limits that hold: no client keeps the command's server to itself, or from others, however slowly it sends or reads.

In process, with limits that are short enough to wait for; what stands in their way is a real socket.
"""

import contextlib
import gc
import resource
import socket
import sys
import threading
import time
import weakref
from http.client import HTTPConnection

import pytest
from command import address_of, answer_to, request

import todomvc_http
from todomvc import TodoMVC
from todomvc_http import Server

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


@contextlib.contextmanager
def running(application=None):
    """Run a server in a thread."""
    server = Server("127.0.0.1", 0)
    server.todos = TodoMVC() if application is None else application
    server.socket.settimeout(0.02)
    thread = threading.Thread(target=server.serve, args=(server.todos,))
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


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
