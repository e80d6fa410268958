"""PEP 3333 as the command's server keeps it, for applications of any kind."""

import io
import os
import socket
from wsgiref.validate import validator

import pytest
from command import running

TWO = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\na\nbb\nccc\n"
PLAIN = [("Content-Type", "text/plain")]


def answers(application, sent=TWO):
    """Send two requests; return all that comes back."""
    with running(application) as server, socket.create_connection((server.name, server.port), 10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def application_of(blocks, *headers, status="200 OK"):
    def application(environ, start_response):
        start_response(status, [*PLAIN, *headers])
        return blocks

    return application


def test_blocks_are_sent_in_order_and_an_end_that_is_not_told_is_that_of_the_connection():
    answer = answers(application_of([b"", b"a", b"", b"b" * 70_000, b"c"]))
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\na" + b"b" * 70_000 + b"c")


def test_a_length_that_is_told_lets_the_connection_go_on():
    assert answers(application_of([b"a", b"b"], ("content-length", "2"))).count(b"\r\n\r\nab") == 2


@pytest.mark.parametrize("length", ["1", "3"])
def test_a_length_that_is_wrong_ends_the_connection(length):
    assert answers(application_of([b"ab"], ("Content-Length", length))).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_status_without_a_body_has_none(status):
    assert answers(application_of([b"secret"], status=status)).count(b"\r\n\r\nHTTP/1.1 ") == 1
    assert b"secret" not in answers(application_of([b"secret"], status=status))


def test_a_head_has_no_body():
    answer = answers(application_of([b"secret"], ("Content-Length", "6")), TWO.replace(b"GET", b"HEAD"))
    assert answer.count(b"\r\nContent-Length: 6\r\n") == 2
    assert b"secret" not in answer


def test_what_is_written_comes_before_the_blocks():
    def application(environ, start_response):
        write = start_response("200 OK", [*PLAIN, ("Content-Length", "3")])
        write(b"a")
        write(b"b")
        return [b"c"]

    assert answers(application).count(b"\r\n\r\nabc") == 2


class Blocks:
    def __init__(self, *blocks):
        self.blocks, self.closed = iter(blocks), 0

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if isinstance(block, Exception):
            raise block
        return block

    def close(self):
        self.closed += 1


def test_blocks_are_closed_once_also_when_they_fail():
    for blocks in (Blocks(b"a"), Blocks(RuntimeError()), Blocks(b"a", RuntimeError())):
        answers(application_of(blocks), TWO[: len(TWO) // 2])
        assert blocks.closed == 1


@pytest.mark.parametrize(
    "application",
    [
        lambda environ, start_response: 1 / 0,
        lambda environ, start_response: [b"no status"],
        lambda environ, start_response: os.stat("/nowhere/at/all"),
        application_of(Blocks(ZeroDivisionError())),
        application_of([b""], ("X", "\u4e16")),
    ],
    ids=["exception", "no start", "file", "first block", "header"],
)
def test_a_failure_is_500_and_a_traceback_in_the_log(application, capfd):
    answer = answers(application)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    log = capfd.readouterr().err
    assert "Traceback" in log
    assert '"GET / HTTP/1.1" 500 ' in log


def test_a_failure_within_a_response_ends_the_connection_early():
    answer = answers(application_of(Blocks(b"a", ZeroDivisionError()), ("Content-Length", "9")))
    assert answer.endswith(b"\r\n\r\na")


def test_headers_may_be_replaced_until_they_are_sent():
    def application(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            raise ValueError
        except ValueError as error:
            start_response("418 I'm a teapot", [*PLAIN, ("Content-Length", "0")], (ValueError, error, None))
        return []

    assert answers(application).count(b"HTTP/1.1 418 I'm a teapot\r\n") == 2


@pytest.mark.parametrize("sent", [POST, POST.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked").replace(
    b"a\nbb\nccc\n", b"2\r\na\n\r\n7\r\nbb\nccc\n\r\n0\r\n\r\n")], ids=["length", "chunks"])  # fmt: skip
def test_the_body_is_a_file_that_ends(sent):
    read = []

    def application(environ, start_response):
        body = environ["wsgi.input"]
        read[:] = [body.read(1), body.readline(), *body.readlines(), body.read(), body.read(5), body.readline()]
        start_response("200 OK", [*PLAIN, ("Content-Length", "0")])
        return []

    assert answers(application, sent + TWO).count(b"HTTP/1.1 200 OK") == 3
    answers(application, sent)
    assert read == [b"a", b"\n", b"bb\n", b"ccc\n", b"", b"", b""]


def test_the_validator_of_wsgiref_finds_nothing(capfd):
    def application(environ, start_response):
        assert environ["wsgi.input"].read(100) in {b"", b"a\nbb\nccc\n"}
        environ["wsgi.errors"].write("written\n")
        environ["wsgi.errors"].writelines(["more\n"])
        environ["wsgi.errors"].flush()
        start_response("200 OK", [*PLAIN, ("Content-Length", "1")])
        return [b"a"]

    assert answers(validator(application), POST + TWO).count(b"HTTP/1.1 200 OK") == 3
    log = capfd.readouterr().err
    assert "Traceback" not in log
    assert log.count("written\nmore\n") == 3


def test_a_body_of_no_bytes_is_empty():
    def application(environ, start_response):
        assert environ["wsgi.input"].read() == b""
        assert isinstance(environ["wsgi.input"], io.BytesIO | io.BufferedReader)
        start_response("200 OK", [*PLAIN, ("Content-Length", "0")])
        return []

    empty = POST.replace(b"Content-Length: 9", b"Content-Length: 0").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert answers(application, empty + TWO).count(b"HTTP/1.1 200 OK") == 3
