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

import todomvc_server
from todomvc import TodoMVC
from todomvc_server import RequestHandler, ThreadingWSGIServer

POST = b"POST /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
STARTS = {
    "nothing": b"",
    "half a line": b"GET /to",
    "half a head": b"GET /todos/ HTTP/1.1\r\nHost: local",
    "half a body": POST + b'Content-Length: 99\r\n\r\n{"title": "',
    "a refused body": b"DELETE /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx",
    "what is not HTTP": b"\x16\x03\x01",
}


@contextlib.contextmanager
def running(timeout=30):
    """Run a server in a thread; its clients have so many seconds for the next bytes."""
    handler = type(
        "Handler",
        (RequestHandler,),
        {"timeout": timeout, "timeout_of_closing": 0.2},
    )
    with ThreadingWSGIServer(("127.0.0.1", 0), handler) as server:
        server.application = TodoMVC()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def connect(server):
    return socket.create_connection(server.server_address[:2], timeout=10)


def ask(server, method="GET", body=None):
    headers = {"Content-Type": "application/json"}
    with contextlib.closing(HTTPConnection(*server.server_address[:2], timeout=10)) as connection:
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
def test_a_client_that_says_nothing_more_is_left(start):
    with running(timeout=0.2) as server, connect(server) as connection:
        connection.sendall(start)
        assert is_closed(connection)
        until(lambda: not server.connections)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_client_that_says_nothing_more_holds_up_nobody(start):
    with running() as server, connect(server) as connection:
        connection.sendall(start)
        assert [ask(server) for _ in range(3)] == [200] * 3


def test_a_client_that_breaks_off_its_body_is_told_so_and_nothing_is_written():
    with running(timeout=0.2) as server, connect(server) as connection:
        connection.sendall(STARTS["half a body"])
        assert connection.makefile("rb").readline() == b"HTTP/1.0 400 Bad Request\r\n"
        assert list(server.application.todos) == []


def test_a_client_that_takes_its_time_is_served():
    with running(timeout=5) as server, connect(server) as connection:
        for piece in [POST[:9], POST[9:], b"Content-Length: 2\r\n\r\n", b"{", b"}"]:
            connection.sendall(piece)
            time.sleep(0.05)
        assert connection.makefile("rb").readline() == b"HTTP/1.0 200 OK\r\n"


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
def test_a_client_that_drips_is_left_in_the_end(monkeypatch, start, drop):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTION_SECONDS", 0.3)
    with running() as server, connect(server) as connection:
        assert drip(connection, start, drop)
        until(lambda: not server.connections)


def test_a_client_that_drips_its_body_writes_nothing(monkeypatch):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTION_SECONDS", 0.3)
    with running() as server, connect(server) as connection:
        assert drip(connection, POST + b"Content-Length: 9999\r\n\r\n", b" ")
        until(lambda: not server.connections)
        assert list(server.application.todos) == []


def leave_unread(server):
    """Ask for 20 MB, more than buffers hold, and take nothing of it; wait until the server gives it up."""
    for _ in range(20):
        server.application.todos.create({"title": "x" * 1_000_000})
    with connect(server) as connection:
        connection.sendall(b"GET /todos/ HTTP/1.0\r\n\r\n")
        until(lambda: server.connections)
        until(lambda: not server.connections)


@pytest.mark.parametrize("limit", ["timeout", "MAX_CONNECTION_SECONDS"])
def test_a_client_that_does_not_read_its_answer_is_left(monkeypatch, limit):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTION_SECONDS", 0.3 if limit == "MAX_CONNECTION_SECONDS" else 30)
    with running(timeout=0.3 if limit == "timeout" else 30) as server:
        leave_unread(server)


def test_each_client_that_is_left_gives_its_thread_back(monkeypatch):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTION_SECONDS", 0.3)
    before = threading.active_count()
    with running() as server, contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(connect(server))
        until(lambda: threading.active_count() >= before + 20)
        until(lambda: threading.active_count() <= before + 1)


def test_a_client_is_left_in_the_end_though_an_older_one_still_waits_for_its_answer(monkeypatch):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTION_SECONDS", 0.3)
    answering, may_end = threading.Event(), threading.Event()

    def slow(environ, start_response):
        answering.set()
        may_end.wait(10)
        return TodoMVC()(environ, start_response)

    with running() as server, connect(server) as older:
        server.application = slow
        try:
            older.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert answering.wait(10)
            with connect(server) as younger:
                assert is_closed(younger)
            assert server.connections
        finally:
            may_end.set()


# Those who are many


def test_when_there_are_too_many_connections_the_oldest_make_room(monkeypatch):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTIONS", 5)
    with running() as server, contextlib.ExitStack() as held:
        connections = [held.enter_context(connect(server)) for _ in range(15)]
        assert all(is_closed(connection) for connection in connections[:10])
        until(lambda: len(server.connections) == 5)
        for connection in connections[10:]:
            connection.sendall(b"GET /todos/ HTTP/1.0\r\n\r\n")
            assert connection.makefile("rb").readline() == b"HTTP/1.0 200 OK\r\n"


def test_when_there_are_too_many_connections_a_new_one_is_served(monkeypatch):
    monkeypatch.setattr(todomvc_server, "MAX_CONNECTIONS", 5)
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
    "411": POST + b"Transfer-Encoding: chunked\r\n\r\n",
    "413": POST + b"Content-Length: %d\r\n\r\n" % HUGE,
    "414": b"GET /",
    "415": POST.replace(b"application/json", b"text/plain") + b"Content-Length: %d\r\n\r\n" % HUGE,
    "421": POST.replace(b"localhost", b"evil.com") + b"Content-Length: %d\r\n\r\n" % HUGE,
    "431": POST + b"X: ",
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_reaches_a_client_that_goes_on_sending(server, code):
    answer = answer_to(server, REFUSED[code], b"x" * HUGE)
    assert answer.startswith(b"HTTP/1.0 " + code[:3].encode())


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython lets go of what is unused at once")
def test_a_refused_request_leaves_nothing_behind():
    with running(timeout=5) as server:
        handlers, finish = [], server.RequestHandlerClass.finish
        server.RequestHandlerClass.finish = lambda self: handlers.append(weakref.ref(self)) or finish(self)
        gc.disable()
        try:
            for start in [b"GET / HTTP/1.1\r\nX y\r\n", b"x\r\n", b"GET / HTTP/1.1\r\n\r\n"]:
                with connect(server) as connection:
                    connection.sendall(start)
                    assert is_closed(connection)
            until(lambda: [handler() for handler in handlers] == [None] * 3)
        finally:
            gc.enable()


def test_a_huge_body_is_refused_before_it_is_sent(server):
    assert answer_to(server, POST + b"Content-Length: 999999999\r\n\r\n").startswith(b"HTTP/1.0 413 ")


def test_a_client_that_does_not_read_leaves_no_traceback_in_the_log(capfd):
    with running(timeout=0.2) as server:
        leave_unread(server)
    assert capfd.readouterr().err == ""
