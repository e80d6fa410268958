"""Heads of requests, most of them hostile, sent to the command's server, to gunicorn and to nginx.

What either of those two refuses, ours must not take: requests are smuggled past a program that reads them differently.
"""

import contextlib
import re
import socket
import threading

import pytest
from servers import HERE, Server

from todomvc_http import Server as OwnServer

HEAD = b"GET /a?b HTTP/1.1\r\nHost: localhost\r\nX-Field: value\r\nConnection: close\r\n\r\n"
ODD_BYTES = [*range(0x21), *b"\"#%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~", 0x7F, 0x80, 0x85, 0xA0, 0xB2, 0xE9, 0xFF]
PLACES = [  # each with what a byte is put before
    b"GET",
    b"ET /",
    b" /a",
    b"/a?",
    b"a?b",
    b"b HTTP",
    b" HTTP",
    b"TTP/1.1",
    b".1\r\n",
    b"\r\nHost",
    b"ost: l",
    b": localhost",
    b"localhost",
    b"ocalhost",
    b"\r\nX-Field",
    b"X-Field",
    b"-Field",
    b": value",
    b"value",
    b"alue",
    b"\r\nConnection",
    b"\r\n\r\n",
]
LINES = [  # of a request, in place of the first
    b"GET / HTTP/1.1",
    b"GET /",
    b"GET",
    b"",
    b"G / HTTP/1.1",
    b"GE / HTTP/1.1",
    b"get / HTTP/1.1",
    b"Get / HTTP/1.1",
    b"GET1 / HTTP/1.1",
    b"BREW / HTTP/1.1",
    b"M-SEARCH / HTTP/1.1",
    b"A_B / HTTP/1.1",
    b"A" * 20 + b" / HTTP/1.1",
    b"CONNECT localhost:80 HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"GET * HTTP/1.1",
    b"GET a HTTP/1.1",
    b"GET ?a HTTP/1.1",
    b"GET #a HTTP/1.1",
    b"GET //a HTTP/1.1",
    b"GET /%00 HTTP/1.1",
    b"GET /%zz HTTP/1.1",
    b"GET /%4 HTTP/1.1",
    b"GET /.. HTTP/1.1",
    b"GET /a/../.. HTTP/1.1",
    b"GET /?%00%zz HTTP/1.1",
    b"GET /a#b HTTP/1.1",
    b"GET /a?b#c HTTP/1.1",
    b"GET http://localhost/ HTTP/1.1",
    b"GET http://localhost HTTP/1.1",
    b"GET http://localhost?a HTTP/1.1",
    b"GET HTTP://localhost:80/ HTTP/1.1",
    b"GET https://localhost/ HTTP/1.1",
    b"GET http:/localhost/ HTTP/1.1",
    b"GET http:///a HTTP/1.1",
    b"GET http://:80/ HTTP/1.1",
    b"GET http://a@localhost/ HTTP/1.1",
    b"GET http://local_host/ HTTP/1.1",
    b"GET http://localhost:a/ HTTP/1.1",
    b"GET http://localhost:80:80/ HTTP/1.1",
    b"GET http://[::1]/ HTTP/1.1",
    b"GET http://[::1/ HTTP/1.1",
    b"GET http://a..b/ HTTP/1.1",
    b"GET ftp://localhost/ HTTP/1.1",
    b"GET 1http://localhost/ HTTP/1.1",
    b"GET  / HTTP/1.1",
    b"GET /  HTTP/1.1",
    b"GET / HTTP/1.1 ",
    b" GET / HTTP/1.1",
    b"GET\t/\tHTTP/1.1",
    b"GET / a HTTP/1.1",
    b"GET / HTTP/1.0",
    b"GET / HTTP/1.2",
    b"GET / HTTP/1.9",
    b"GET / HTTP/1.10",
    b"GET / HTTP/0.9",
    b"GET / HTTP/2.0",
    b"GET / HTTP/3.0",
    b"GET / HTTP/1",
    b"GET / HTTP/1.",
    b"GET / HTTP/.1",
    b"GET / HTTP/01.1",
    b"GET / HTTP/1.01",
    b"GET / HTTP/1,1",
    b"GET / HTTP/-1.1",
    b"GET / http/1.1",
    b"GET / HTTPS/1.1",
    b"GET / ICY/1.1",
    b"PRI * HTTP/2.0",
]
FIELDS = [  # one or two more
    *[
        b"Content-Length: " + value
        for value in [b"0", b"1", b"00", b"+1", b"-1", b"1 1", b"1,1", b"0x1", b"1_0", b"1.0"]
    ],
    *[b"Content-Length: " + value for value in [b"", b"a", b"\xb2", b"9" * 19, b"9" * 40, b"1;", b"\t1\t", b"1\x0b"]],
    *[b"Content-Length: %s\r\nContent-Length: %s" % pair for pair in [(b"0", b"0"), (b"0", b"1"), (b"1", b"0")]],
    b"Content-Length : 1",
    b"Content-Length\t: 1",
    b"Content_Length: 1",
    b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 0",
    *[
        b"Transfer-Encoding: " + value
        for value in [b"chunked", b"Chunked", b"CHUNKED ", b"\tchunked", b"identity", b""]
    ],
    *[b"Transfer-Encoding: " + value for value in [b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked"]],
    *[
        b"Transfer-Encoding: " + value
        for value in [b"xchunked", b"chunkedx", b'"chunked"', b"chunked;a", b"\x0bchunked"]
    ],
    *[b"Transfer-Encoding: " + value for value in [b",chunked", b"chunked,", b"identity, chunked", b"trailers"]],
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer_Encoding: chunked",
    b"Transfer\x00-Encoding: chunked",
    b"Host: localhost",
    b"Host: evil.example",
    b"host: localhost",
    b"Host : evil.example",
    b"Host:",
    *[b"Expect: " + value for value in [b"100-continue", b"100-Continue", b"", b"200-ok", b"100-continue, a", b"100"]],
    b"Expect: 100-continue\r\nExpect: 100-continue",
    *[
        b"Connection: " + value
        for value in [b"", b"close", b"keep-alive", b"Host", b"Transfer-Encoding", b"a,,b", b"\xff"]
    ],
    *[name + b": a\r\n" + name + b": a" for name in [b"Content-Type", b"Authorization", b"User-Agent", b"Referer"]],
    *[
        name + b": a\r\n" + name + b": b"
        for name in [b"Cookie", b"Accept", b"X-Remote-User", b"Origin", b"Content-Range"]
    ],
    *[
        name + b": a\r\n" + name + b": b"
        for name in [b"Range", b"If-Range", b"Upgrade", b"Via", b"From", b"Content-Encoding"]
    ],
    *[b'%s: "a"\r\n%s: "b"' % (name, name) for name in [b"If-Match", b"If-None-Match"]],
    *[b"%s: x\r\n%s: x" % (name, name) for name in [b"If-Modified-Since", b"If-Unmodified-Since", b"Idempotency-Key"]],
    b"X-A: a\r\n b",
    b"X-A: a\r\n\tb",
    b" X-A: a",
    b"X-A: a\rX-B: b",
    b"X-A: a\nX-B: b",
    b"X-A",
    b"X-A:",
    b":",
    b": a",
    b"X A: a",
    b"X-A:a:b",
    b"X.A: a",
    b"(X-A): a",
    b'"X-A": a',
    b"X-\xe9: a",
    b"X-A: \xe9",
    b"X-A: \xff\x80",
    b"X-A: \xc3\xa9",
    b"X_A: a",
    b"Proxy: a",
    b"Upgrade: h2c\r\nHTTP2-Settings: a",
    b"X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https",
    b"Forwarded: host=evil.example",
    b"SCRIPT_NAME: /a",
    b"Script-Name: /a",
    b"Path-Info: /a",
    b"Remote-User: a",
]
HOSTS = [
    *[b"localhost", b"LOCALHOST", b"localhost:80", b"localhost:", b"localhost.", b"127.0.0.1", b"[::1]", b"[::1]:80"],
    *[b"", b":80", b"localhost:a", b"localhost:80:80", b"localhost/", b"a@localhost", b"localhost,a", b"localhost a"],
    *[
        b"a..b",
        b".a",
        b"a_b",
        b"-a",
        b"[::1",
        b"::1]",
        b"[a]",
        b"[::1]a",
        b"a[::1]",
        b"http://localhost",
        b"a?b",
        b"a#b",
    ],
    *[b"%61", b"a\\b", b"a;b", b"a'b", b'"a"', b"a\xe9", b"*", b"a%00", b"a" * 300, b"xn--a", b"localhost:99999"],
]
HEADS = list(
    dict.fromkeys(
        [
            *[HEAD.replace(place, bytes([byte]) + place, 1) for place in PLACES for byte in ODD_BYTES],
            *[HEAD.replace(HEAD.partition(b"\r\n")[0], line, 1) for line in LINES],
            *[HEAD.replace(b"X-Field: value", fields, 1) for fields in FIELDS],
            *[HEAD.replace(b"GET", b"POST", 1).replace(b"X-Field: value", fields, 1) for fields in FIELDS],
            *[HEAD.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"X-Field: value", fields, 1) for fields in FIELDS],
            *[HEAD.replace(b"localhost", host, 1) for host in HOSTS],
            HEAD.replace(b"Host: localhost\r\n", b""),
            HEAD.replace(b"Host: localhost\r\n", b"").replace(b"HTTP/1.1", b"HTTP/1.0"),
            HEAD.replace(b"\r\n", b"\n"),
            HEAD.replace(b"\r\n", b"\r"),
            HEAD.replace(b"\r\n\r\n", b"\r\n\n"),
            HEAD.replace(b"\r\n\r\n", b"\n\r\n"),
            HEAD.replace(b"\r\n\r\n", b"\r\n"),
            HEAD.replace(b"\r\n\r\n", b""),
            b"\r\n\r\n" + HEAD,
            b"\n" + HEAD,
            b"\r" + HEAD,
            b"\0" + HEAD,
            b" " + HEAD,
            b"\x16\x03\x01" + HEAD,
        ]
    )
)
APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""
LOCATION = "location / { return 200; }"


def take(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return []


GUNICORN = Server(
    "gunicorn",
    ("gunicorn",),
    ("gunicorn --threads 8 -b 127.0.0.1:8000 application",),
    {"application.py": APPLICATION},
)
NGINX = Server(
    "nginx",
    ("nginx",),
    ("nginx -p . -c nginx.conf",),
    {"nginx.conf": (HERE / "nginx.conf").read_text(), "location.conf": LOCATION},
)


@contextlib.contextmanager
def own_server():
    server = OwnServer("127.0.0.1", 0)
    thread = threading.Thread(target=server.serve, args=(take,))
    thread.start()
    try:
        yield server.port
    finally:
        server.stop()
        thread.join()


@pytest.fixture(scope="module")
def ports():
    with own_server() as own, GUNICORN.running() as gunicorn, NGINX.running() as nginx:
        yield own, gunicorn, nginx


def status_of(port, head):
    """Send a head and no more; return the status of what comes back, or None if the connection is only closed."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = connection.makefile("rb").read()
    codes = re.findall(rb"^HTTP/1\.[01] ([2-5]\d\d)", answer, re.MULTILINE)
    return int(codes[0]) if codes else None


def test_all_three_take_what_is_no_harm(ports):
    assert [status_of(port, HEAD) for port in ports] == [200] * 3


def test_ours_takes_no_head_that_one_of_the_others_refuses(ports):
    statuses = {head: [status_of(port, head) for port in ports] for head in HEADS}
    refused = [head for head, (_, *others) in statuses.items() if others != [200, 200]]
    assert len(refused) > 1000
    assert [(head, statuses[head]) for head in refused if statuses[head][0] == 200] == []


def test_ours_skips_one_empty_line_before_a_head(ports):
    assert status_of(ports[0], b"\r\n" + HEAD) == 200
