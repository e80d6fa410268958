"""HTTP/1.1 as the command speaks it: connections that go on, bodies in chunks, the wait for 100, the log, the end."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from http.client import HTTPConnection, HTTPException

import pytest
from command import IN_MEMORY, address_of, answer_to, connect, heed_ctrl_c, request, running, until
from conftest import ROOT, serve

GET = b"GET /todos/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /todos/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
POST = b"POST /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def post(body=b"{}", *fields):
    return POST + b"".join(field + b"\r\n" for field in fields) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks, fields=b"", end=b"0\r\n\r\n"):
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return POST + fields + b"Transfer-Encoding: chunked\r\n\r\n" + body + end


def statuses(answers):
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+)", answers)]


def receive(connection, end):
    """Return what comes until it ends so."""
    received = b""
    while not received.endswith(end):
        piece = connection.recv(65536)
        assert piece, received
        received += piece
    return received


# Connections that go on


def test_a_connection_serves_any_number_of_requests(server):
    with contextlib.closing(HTTPConnection(*address_of(server), timeout=10)) as connection:
        connection.connect()
        kept = connection.sock
        for id in range(20):
            connection.request("POST", "/todos/", b"{}", {"Content-Type": "application/json"})
            assert json.load(connection.getresponse()) == {"id": id}
            connection.request("GET", "/nothing")
            assert connection.getresponse().read()
            connection.request("HEAD", "/")
            assert connection.getresponse().read() == b""
        assert connection.sock is kept


def test_pipelined_requests_are_answered_in_order(server):
    answers = answer_to(server, post(b'{"n":1}') + post(b'{"n":2}') + chunked(b'{"n"', b":3}") + LAST)
    assert statuses(answers) == [200] * 4
    assert re.findall(rb'"n":(\d)', answers) == [b"1", b"2", b"3"] * 2


def test_pipelined_requests_may_come_in_pieces_of_any_size(server):
    sent = post(b'{"n":1}') + chunked(b"{}") + LAST
    assert statuses(answer_to(server, *[sent[n : n + 1] for n in range(len(sent))])) == [200] * 3


@pytest.mark.parametrize("field", [b"close", b"Close", b"keep-alive, close", b"x,close ,y"])
def test_a_client_may_say_that_a_request_is_its_last(server, field):
    answer = answer_to(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: %s\r\n\r\n" % field, GET)
    assert statuses(answer) == [200]
    assert b"\r\nConnection: close\r\n" in answer


def test_a_connection_of_http_1_0_ends_with_its_response(server):
    answer = answer_to(server, b"GET / HTTP/1.0\r\n\r\n", GET)
    assert statuses(answer) == [200]
    assert b"\r\nConnection: close\r\n" in answer


def test_a_refused_request_ends_the_connection(server):
    assert statuses(answer_to(server, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + GET)) == [400]


def test_one_empty_line_before_a_request_is_skipped(server):
    assert statuses(answer_to(server, b"\r\n" + post() + b"\r\n" + LAST)) == [200, 200]


def test_an_empty_line_may_come_in_pieces(server):
    assert statuses(answer_to(server, b"\r", b"\n", LAST[:1], LAST[1:])) == [200]


def test_each_response_has_a_date_and_an_end(server):
    answers = answer_to(server, GET + b"OPTIONS /todos/ HTTP/1.1\r\nHost: localhost\r\n\r\n" + LAST)
    assert statuses(answers) == [200, 204, 200]
    assert len(re.findall(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", answers)) == 3
    assert answers.count(b"\r\nContent-Length: ") == 2


# Bodies


@pytest.mark.parametrize(
    "sent",
    [
        chunked(b'{"title": "a"}'),
        chunked(*[b"%c" % byte for byte in b'{"title": "a"}']),
        chunked(b'{"title": "a"}', end=b"0\r\nX-Trailer: y\r\nContent-Length: 9\r\n\r\n"),
        POST + b'Transfer-Encoding: CHUNKED\r\n\r\n00e;name="x"\r\n{"title": "a"}\r\n000\r\n\r\n',
        POST + b'Transfer-Encoding: chunked\r\n\r\nE ;x\r\n{"title": "a"}\r\n0\r\n\r\n',
    ],
    ids=["one", "many", "trailer", "extension", "capital"],
)
def test_a_body_in_chunks_is_read(server, sent):
    answers = answer_to(server, sent + LAST)
    assert statuses(answers) == [200, 200]
    assert answers.endswith(b'[{"title":"a","id":0}]')


REFUSED = {
    "415": POST.replace(b"application/json", b"text/plain"),
    "404": POST.replace(b"POST /todos/", b"PUT /todos/9"),
    "405": POST.replace(b"/todos/", b"/"),
    "421": POST.replace(b"localhost", b"evil.example"),
    "403": POST + b"Origin: http://evil.example\r\n",
}


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("size", [1, 100_000, 8_000_000])
def test_after_a_refused_body_comes_the_next_request(server, code, size):
    sent = REFUSED[code] + b"Content-Length: %d\r\n\r\n" % size + b"x" * size + LAST
    assert statuses(answer_to(server, sent)) == [int(code), 200]


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("count", [0, 1, 100])
def test_after_a_refused_body_in_chunks_comes_the_next_request(server, code, count):
    body = b"ffff\r\n%s\r\n" % (b"x" * 65535) * count
    sent = REFUSED[code] + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n" + LAST
    assert statuses(answer_to(server, sent)) == [int(code), 200]


def test_after_a_body_in_chunks_that_is_too_large_comes_the_next_request(server):
    sent = chunked(*[b"x" * 65536] * 20) + LAST
    assert statuses(answer_to(server, sent)) == [413, 200]


def test_a_body_of_more_than_8_mib_ends_the_connection(server):
    head = REFUSED["415"] + b"Content-Length: 8388609\r\n\r\n"
    answer = answer_to(server, head + b"x" * 8388609 + LAST)
    assert (statuses(answer), b"\r\nConnection: close\r\n" in answer) == ([415], True)
    endless = REFUSED["415"] + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n%s\r\n" % (b"x" * 65535) * 200
    assert statuses(answer_to(server, endless)) == [415]


@pytest.mark.parametrize("end", [b"x\r\n\r\n", b"0\r\nX y\r\n", b"0\r\nX: \0\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n"])
def test_after_bad_chunks_nothing_comes(server, end):
    assert statuses(answer_to(server, chunked(b"{}", end=end) + GET, then=lambda c: c.shutdown(socket.SHUT_WR))) == [
        400
    ]


@pytest.mark.parametrize(("size", "expected"), [(60, [200, 200]), (70, [400])])
def test_the_extensions_of_all_chunks_are_bounded(server, size, expected):
    sent = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    sent += b"".join(b"1;%s\r\n \r\n" % (b"x" * size) for _ in range(1000)) + b"2\r\n{}\r\n0\r\n\r\n"
    assert statuses(answer_to(server, sent + LAST)) == expected


# The wait for 100 (RFC 9110, section 10.1.1)


def test_a_client_that_waits_for_it_is_told_to_send_its_body(server):
    with connect(server) as connection:
        connection.sendall(POST + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        assert receive(connection, b"\r\n\r\n") == CONTINUE
        connection.sendall(b"{}" + LAST)
        assert statuses(receive(connection, b'[{"id":0}]')) == [200, 200]


def test_a_client_that_waits_for_it_may_send_its_body_in_chunks(server):
    with connect(server) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert receive(connection, b"\r\n\r\n") == CONTINUE
        connection.sendall(b"2\r\n{}\r\n0\r\n\r\n")
        assert statuses(receive(connection, b'{"id":0}')) == [200]


@pytest.mark.parametrize("code", [*REFUSED, "413"])
def test_a_client_that_waits_for_it_is_refused_at_once_without_it(server, code):
    head = REFUSED.get(code, POST) + b"Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n"
    answer = answer_to(server, head)
    assert (statuses(answer), b"\r\nConnection: close\r\n" in answer) == ([int(code)], True)


def test_a_client_of_http_1_0_is_not_told_so(server):
    sent = post(b"{}", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert statuses(answer_to(server, sent)) == [200]


# The application


@pytest.mark.parametrize("error", [TimeoutError, ConnectionRefusedError, OSError, RuntimeError])
def test_an_error_of_the_application_is_no_end_of_the_client(error, capfd):
    def failing(environ, start_response):
        raise error("the database has gone")

    with running(failing) as server:
        assert statuses(answer_to(server, GET)) == [500]
    assert f"{error.__name__}: the database has gone\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ("200 OK\r\nX: y", ("A", "b")),
        ("200 OK", ("A", "b\r\nX: y")),
        ("200 OK", ("A", "b\nX: y")),
        ("200 OK", ("A", "b\rX: y")),
        ("200 OK", ("A: b\r\nX", "y")),
        ("200 OK", ("A", "b\r\n\r\nX: y")),
    ],
)
def test_no_header_of_the_application_can_become_two(status, field):
    def careless(environ, start_response):
        start_response(status, [field, ("Content-Length", "0")])
        return []

    with running(careless) as server:
        answer = answer_to(server, GET)
    assert statuses(answer) == [500]
    assert b"X: y" not in answer


# The log


def test_a_write_whose_client_has_hung_up_is_in_the_log(tmp_path):
    log = tmp_path / "log"
    with log.open("w") as stderr, serve(*IN_MEMORY, cwd=tmp_path, stderr=stderr) as process:
        for id in range(50):
            request(process, "/todos/", "POST", b"{}")
            with connect(process) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.sendall(b"DELETE /todos/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % id)
                connection.recv(1)
        for id in range(50):
            request(process, "/todos/", "POST", b"{}")
            with connect(process) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.sendall(b"DELETE /todos/%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % (50 + id))
        until(lambda: request(process, "/todos/") == (200, b"[]"))
        until(lambda: len(re.findall(r'"DELETE /todos/\d+ HTTP/1.1" 200 ', log.read_text())) == 100)
    assert "Traceback" not in log.read_text()


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def is_served(process):
    try:
        return request(process)[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def unheard(port, folder, redirection, *arguments, **options):
    """Run the command with its output redirected by a shell."""
    line = [sys.executable, ROOT / "todomvc.py", "--port", str(port), *arguments]
    process = subprocess.Popen(["sh", "-c", f'exec "$@" {redirection}', "sh", *line], cwd=folder, **options)
    process.url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: is_served(process))
        yield process
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("redirection", [">/dev/full 2>/dev/full", ">&- 2>&-", ">&-", "2>&-"])
def test_it_serves_though_nobody_can_read_what_it_says(tmp_path, port, redirection):
    with unheard(port, tmp_path, redirection) as process:
        for id in range(100):
            assert request(process, "/todos/", "POST", b"{}") == (200, b'{"id":%d}' % id)
    with serve("--db", "todos.db", cwd=tmp_path) as process:
        assert len(json.loads(request(process, "/todos/")[1])) == 100


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_it_serves_a_file_whose_name_cannot_be_printed(tmp_path, port, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", f"{encoding}:strict")
    for name in [b"tod\xf6s.db", "世界.db".encode()]:
        with unheard(port, tmp_path, ">out", "--db", name) as process:
            assert request(process, "/todos/", "POST", b"{}")[0] == 200
        assert (tmp_path / "out").read_bytes().startswith(b"Serving the todos at http://")
        assert os.path.exists(os.path.join(os.fsencode(tmp_path), name))


def test_it_serves_though_the_reader_of_its_output_has_gone(tmp_path, port):
    reader, writer = os.pipe()
    os.close(reader)
    with unheard(port, tmp_path, "", stdout=writer) as process:
        assert request(process)[0] == 200
    os.close(writer)


# The end


def slow_server(tmp_path, seconds):
    """Return a program that serves an application which takes so long."""
    program = tmp_path / "slow.py"
    program.write_text(
        f"import sys, time\nsys.path.insert(0, {str(ROOT)!r})\nimport todomvc, todomvc_server\n"
        "create = todomvc.TodoMVC.create_todo\n"
        "def slow(*arguments):\n"
        "    print('begun', flush=True)\n"
        f"    time.sleep({seconds})\n"
        "    return create(*arguments)\n"
        "todomvc.TodoMVC.create_todo = slow\n"
        "todomvc_server.main()\n"
    )
    return program


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_that_is_being_answered_is_answered_first(tmp_path, number):
    with serve(*IN_MEMORY, cwd=tmp_path, program=slow_server(tmp_path, 1), preexec_fn=heed_ctrl_c) as process:
        with connect(process) as idle, connect(process) as connection:
            connection.sendall(post(b'{"title": "a"}'))
            assert process.stdout.readline() == "begun\n"
            process.send_signal(number)
            answer = connection.makefile("rb").read()
            assert statuses(answer) == [200]
            assert b"\r\nConnection: close\r\n" in answer
            assert idle.recv(1) == b""
            assert process.wait(10) == 0


def test_a_request_that_never_ends_is_not_waited_for(tmp_path):
    with serve(*IN_MEMORY, cwd=tmp_path, program=slow_server(tmp_path, 100)) as process, connect(process) as connection:
        connection.sendall(post())
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.wait(20) == 0


CONNECTIONS = {
    "none": b"",
    "idle": GET,
    "half a head": GET[:30],
    "half a body": post(b"{}", b"Expect: 100-continue")[:-1],
}


@pytest.mark.parametrize("sent", CONNECTIONS.values(), ids=CONNECTIONS)
def test_at_the_end_the_file_is_closed_with_all_that_its_log_had(tmp_path, sent):
    """A log that stays behind would be mixed with a backup that is put in the place of the file."""
    with serve("--db", "todos.db", cwd=tmp_path) as process:
        request(process, "/todos/", "POST", b"{}")
        with connect(process) as connection:
            connection.sendall(sent)
            if sent == GET:
                receive(connection, b'[{"id":0}]')
            elif b"Expect" in sent:
                receive(connection, CONTINUE)
            assert (tmp_path / "todos.db-wal").exists()
            process.terminate()
            assert process.wait(20) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["todos.db", "todos.db-lock"]


def test_a_list_of_readers_that_stay_is_closed_too(tmp_path):
    with serve("--db", "todos.db", cwd=tmp_path) as process, connect(process) as reader:
        for _ in range(20):
            request(process, "/todos/", "POST", b'{"title":"%s"}' % (b"x" * 1_000_000))
        reader.sendall(GET)
        assert reader.recv(1) == b"H"
        process.terminate()
        assert process.wait(20) == 0
    assert not (tmp_path / "todos.db-wal").exists()


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="others do not warn of it")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_open_at_the_end(tmp_path, number):
    options = {"interpreter": ["-X", "dev", "-W", "error"], "stderr": subprocess.PIPE, "preexec_fn": heed_ctrl_c}
    with serve("--db", "todos.db", cwd=tmp_path, **options) as process, connect(process) as connection:
        connection.sendall(post())
        receive(connection, b'{"id":0}')
        process.send_signal(number)
        assert process.wait(20) == 0
        assert re.fullmatch(r'127\.0\.0\.1 .* "POST /todos/ HTTP/1\.1" 200 8\n', process.stderr.read())


def test_no_stop_is_lost_under_load(tmp_path):
    """An exception from a signal handler can be lost: in the callback of a weak reference, say (cpython#95959)."""
    program = tmp_path / "unlucky.py"
    program.write_text(
        f"import gc, os, signal, sys, threading\nsys.path.insert(0, {str(ROOT)!r})\n"
        "class Unlucky:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGTERM)\n"
        "start = threading.Thread.start\n"
        "def unlucky(self):\n"
        "    start(self)\n"
        "    Unlucky()\n"
        "    gc.collect()  # CPython has ended it by now, PyPy has not\n"
        "threading.Thread.start = unlucky\n"
        "import todomvc_server\ntodomvc_server.main()\n"
    )
    with serve(*IN_MEMORY, cwd=tmp_path, program=program, stderr=subprocess.PIPE) as process:
        with connect(process) as connection:
            connection.sendall(LAST)
            assert process.wait(20) == 0
        assert "Exception ignored" not in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_stop_ends_it_while_clients_come_and_go(tmp_path, number):
    for _ in range(10):
        with serve(*IN_MEMORY, cwd=tmp_path, stderr=subprocess.DEVNULL, preexec_fn=heed_ctrl_c) as process:
            ended = threading.Event()

            def load(process=process, ended=ended):
                while not ended.is_set():
                    with contextlib.suppress(OSError, HTTPException):
                        request(process)

            clients = [threading.Thread(target=load) for _ in range(4)]
            for client in clients:
                client.start()
            try:
                until(lambda process=process: is_served(process))
                process.send_signal(number)
                assert process.wait(20) == 0
            finally:
                ended.set()
                for client in clients:
                    client.join()
