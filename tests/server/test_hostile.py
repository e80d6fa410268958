"""Hostile and odd requests, byte by byte over a socket to the command: what it answers, and that it lost nothing.

Each row: what is sent, and the status that comes back (None: the connection is closed without a word).
"""

import contextlib
import json
import re
import socket
import urllib.request
from urllib.parse import urlsplit

import pytest
from command import answer_to
from conftest import serve

LONG = 65_536


def get(target, *headers, method="GET", version="HTTP/1.1", host="Host: localhost"):
    lines = [f"{method} {target} {version}", *([host] if host else []), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(*headers, target="/todos/", method="POST", body='{"title": "evil"}', json="Content-Type: application/json"):
    length = [] if any("Length" in line or "Transfer" in line for line in headers) else [f"Content-Length: {len(body)}"]
    return get(target, *length, *([json] if json else []), *headers, method=method) + body.encode("latin-1")


def change(*headers, method="PATCH"):
    return post(*headers, target="/todos/0", method=method)


REQUEST_LINES = [
    (b"", None),
    (b"\r\n", None),
    (b"\r\n\r\n", 400),
    (b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", 400),
    (b"\nGET / HTTP/1.0\r\n\r\n", 400),
    (b"\r\nGET / HTTP/1.0\r\n\r\n", 200),
    (b" \r\n", 400),
    (b"\0\r\n\r\n", 400),
    (b"\0" * 1000 + b"\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"GET / \r\n\r\n", 400),
    (b"GET /\r\n\r\n", 400),
    (b"GET / HTTP/1.0", 400),
    (b"GET / HTTP/1.0\r\n", 400),
    (b"GET / HTTP/1.0\n\n", 400),
    (b"GET  /  HTTP/1.0\r\n\r\n", 400),
    (b" GET / HTTP/1.0\r\n\r\n", 400),
    (b"GET\t/\tHTTP/1.0\r\n\r\n", 400),
    (b"GET / x HTTP/1.0\r\n\r\n", 400),
    (b"GET /\rx HTTP/1.0\r\n\r\n", 400),
    (b"GET /\x0bx HTTP/1.0\r\n\r\n", 400),
    (b"GET /\x85x HTTP/1.0\r\n\r\n", 400),
    (b"DELETE /todos/\r\n\r\n", 400),
    (b"DELETE /todos/ HTTP/0.9\r\n\r\n", 505),
    (b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n", 505),
    (b"GET / HTTP/1\r\n\r\n", 400),
    (b"GET / HTTP/\r\n\r\n", 400),
    (b"GET / HTTP\r\n\r\n", 400),
    (b"GET / http/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.x\r\n\r\n", 400),
    (b"GET / HTTP/-1.1\r\n\r\n", 400),
    (b"GET / HTTP/+1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.\xb2\r\n\r\n", 400),
    (b"GET / HTTP/01.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505),
    (b"GET / HTTP/1.2\r\nHost: localhost\r\n\r\n", 505),
    (b"GET / HTTP/" + b"9" * 5000 + b".1\r\n\r\n", 400),
    (b"GET / FTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1<script>\r\n\r\n", 400),
    (b"GET / \x1b[2JHTTP/1.1\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
    (b"EHLO evil.com\r\nMAIL FROM:<a@evil.com>\r\n", 400),
    (b"*1\r\n$8\r\nFLUSHALL\r\n", 400),
    (b"GET /" + b"a" * (LONG - 100) + b" HTTP/1.0\r\n\r\n", 404),
    (b"GET /" + b"a" * LONG + b" HTTP/1.0\r\n\r\n", 414),
    (b"G" * (LONG + 1), 414),
]
METHODS = [
    *[(get("/", method=method), 400) for method in ["X", "GE", "get", "GET1", "G.T", "A" * 21]],
    (get("/", method="TRACE"), 405),
    (get("/todos/", method="TRACE"), 405),
    (get("/todos/0", method="BREW"), 405),
    (get("/todos/", method="PROPFIND"), 405),
    (get("/todos/", method="delete"), 400),
    (get("/todos/", method="Delete"), 400),
    (get("/todos/", method="DELETE\0"), 400),
    (get("/todos/", method="DELETE,GET"), 400),
    (get("/todos/", method="\xff"), 400),
    (get("/todos/", method="A" * 60_000), 400),
    (get("/", method="POST"), 405),
    (get("/todos/0", method="POST"), 405),
    (get("/css/app.css", method="DELETE"), 405),
    (get("/js/../todos/", method="DELETE"), 400),
    (get("example.com:443", method="CONNECT"), 400),
    (get("*", method="OPTIONS"), 400),
    (get("/todos/0", "X-HTTP-Method-Override: DELETE"), 200),
    (get("/todos/0?_method=DELETE", "X-Method-Override: DELETE"), 200),
]
TARGETS = [
    (get("*"), 400),
    (get("todos/"), 400),
    (get("?x"), 400),
    (get("http://localhost/todos/"), 200),
    (get("HTTP://LOCALHOST/todos/0"), 200),
    (get("http://localhost"), 200),
    (get("http://localhost?x=/"), 200),
    (get("https://127.0.0.1:8000/"), 200),
    (get("http://localhost/todos/", host="Host: evil.com"), 200),
    (get("http://evil.com/todos/"), 421),
    (get("http://evil.com"), 421),
    (get("http://localhost@evil.com/"), 400),
    (get("http://evil.com@localhost/"), 400),
    (get("http://localhost.evil.com/"), 421),
    (get("http://evil.com#localhost/"), 400),
    (get("http://evil.com\\localhost/"), 400),
    (get("http:///todos/"), 400),
    (get("http:/todos/"), 400),
    (get("ftp://localhost/todos/"), 400),
    (get("file:///etc/passwd"), 400),
    (get("javascript:alert(1)"), 400),
    (get("http://localhost//evil.com/todos"), 404),
    (get("//evil.com/todos"), 404),
    (get("//evil.com/%2e%2e"), 400),
    (get("/\\evil.com/todos"), 404),
    (get("///etc/passwd"), 404),
    (get("/../../etc/passwd"), 400),
    (get("/..%2f..%2fetc%2fpasswd"), 400),
    (get("/%2e%2e/%2e%2e/etc/passwd"), 400),
    (get("/%252e%252e/todomvc.py"), 404),
    (get("/%c0%ae%c0%ae/todomvc.py"), 404),
    (get("/..\\..\\todomvc.py"), 404),
    (get("/css/..%5c..%5ctodomvc.py"), 404),
    (get("/css/%2e%2e/%2e%2e/todomvc.py"), 400),
    (get("/css/../css/app.css"), 400),
    (get("/css//app.css"), 404),
    (get("/css%2fapp.css"), 200),
    (get("/css/app.css%00"), 400),
    (get("/css/app.css%00.html"), 400),
    (get("/css/app.css%0d%0aX-Evil: 1".replace(" ", "%20")), 404),
    (get("/css/app.css/"), 404),
    (get("/css/app.css;x"), 404),
    (get("/css/app.css?\0"), 400),
    (get("/CSS/APP.CSS"), 404),
    (get("/.git/config"), 404),
    (get("/todos.db"), 404),
    (get("/todomvc.py"), 404),
    (get("/templates/index.html"), 404),
    (get("/proc/self/environ"), 404),
    (get("/%"), 400),
    (get("/%zz"), 400),
    (get("/%u0041"), 400),
    (get("/\0"), 400),
    (get("/\xe9"), 400),
    (get("/todos?\xff"), 400),
    (get("/%ff%fe"), 404),
    (get("/<script>alert(1)</script>"), 404),
    (get("/%3Cscript%3Ealert(1)%3C/script%3E"), 404),
    (get("/\x1b[31m"), 400),
    (get("/todos?\x01"), 400),
    (get("/todos?\x7f"), 400),
    (get("//todos"), 404),
    (get("/$title${x}%(x)s{0}"), 400),
    (get("/$title${x}%28x)s{0}"), 404),
    (get("/todos%2f"), 200),
    (get("/todos/%30"), 200),
    (get("/todos/0?" + "a=1&" * 10_000), 200),
    (get("/todos/0/"), 404),
    (get("/todos/0#x"), 404),
    (get("/todos/0;x"), 404),
    (get("/todos/0%0a"), 404),
    (get("/todos/0%00"), 400),
    (get("/todos/-0"), 404),
    (get("/todos/%2b0"), 404),
    (get("/todos/%D9%A0"), 404),
    (get("/todos/0.0"), 404),
    (get("/todos/0x0"), 404),
    (get("/todos/1"), 404),
    (get("/todos/" + "9" * 60_000), 404),
    (get("/todos/" + "0" * 60_000), 200),
    (get("/todos/../todos/0"), 400),
    (get("/todos/0' OR '1'='1".replace(" ", "%20")), 404),
    (get("/todos/__proto__"), 404),
]
LISTS = [  # with and without the slash, whatever else is said about where the list is
    (get("/todos"), 200),
    (get("/todos?a=b"), 200),
    (get("/todos?%0d%0aX-Evil:%201"), 200),
    (get('/todos?"><script>alert(1)</script>'), 200),
    (get("/todos?//evil.com"), 200),
    (get("/todos?" + "%" * 60_000), 200),
    (get("http://localhost/todos?\\evil.com"), 200),
    (get("/todos", "X-Forwarded-Host: evil.com", "X-Forwarded-Proto: https", "Forwarded: host=evil.com"), 200),
    (get("/todos", "X-Forwarded-Prefix: /evil.com", "X-Script-Name: //evil.com"), 200),
    *[(get(path, method="DELETE"), 428) for path in ["/todos", "/todos/", "/todos/?", "http://localhost/todos"]],
    *[
        (get(f"/todos{end}?{query}", *headers, method="DELETE"), 400)
        for end in ["", "/"]
        for query in ["completed=true", "id=0", "ids=0,1", "confirm=1", "%0d%0a", "_method=GET", "?"]
        for headers in [[], ["If-Match: *"]]
    ],
    (get("/todos/", 'If-Match: "x"', method="DELETE"), 412),
    (get("/todos/", "If-None-Match: *", method="DELETE"), 428),
    (get("/todos/", "If_Match: *", method="DELETE"), 428),
    (get("/todos/", "If-Match: *", "Todo-List: x", method="DELETE"), 409),
]
HOSTS = [
    *[(get("/", host=f"Host: {name}"), 200) for name in ["localhost", "LocalHost", "localhost:1", "localhost:"]],
    *[(get("/", host=f"Host: {name}"), 200) for name in ["127.0.0.1", "127.255.0.9:80", "[::1]", "[::1]:8000"]],
    (get("/", host="Host:localhost"), 200),
    (get("/", host="host:\t localhost\t "), 400),
    (get("/", host="host:  localhost  "), 200),
    *[(get("/", host=f"Host: {name}"), 421) for name in ["evil.com", "localhost.evil.com", "evil.localhost"]],
    *[(get("/", host=f"Host: {name}"), 421) for name in ["127.0.0.1.evil.com", "127.1", "2130706433", "0x7f000001"]],
    *[
        (get("/", host=f"Host: {name}"), 421)
        for name in ["evil.com:80", "evil.com.", "10.0.0.256", "999.0.0.1", "[1]", "[::1::]"]
    ],
    *[(get("/", host=f"Host: {name}"), 200) for name in ["localhost.", "LOCALHOST.:80", "0.0.0.0", "128.0.0.1"]],
    *[(get("/", host=f"Host: {name}"), 200) for name in ["[::]", "[::ffff:127.0.0.1]", "[2001:db8::1]:80"]],
    (get("/", host="Host: " + "a." * 30_000), 421),
    (get("/", host="Host: " + "." * 60_000), 400),
    *[(get("/", host=f"Host: {name}"), 421) for name in ["10.0.0.1.evil.com", "10.1.2.3.a"]],
    *[(get("/", host=f"Host: {name}"), 200) for name in ["10.1.2.3:8000"]],
    *[(get("/", host=f"Host: {name}"), 400) for name in ["[]", ".", ".local", "localhost.."]],
    *[(get("/", host=f"Host: {name}"), 400) for name in ["", "::1", "[::1", "[::1%25lo]", "[evil]", ":80", "a..b"]],
    *[(get("/", host=f"Host: {name}"), 400) for name in ["localhost:x", "localhost:1:1", "a@localhost", ".evil.com"]],
    *[(get("/", host=f"Host: {name}"), 400) for name in ["localhost/", "localhost,evil.com", "localhost evil.com"]],
    *[(get("/", host=f"Host: {name}"), 400) for name in ["http://localhost", "\xecocalhost", "evil.com#"]],
    *[(get("/", host=f"Host: {name}"), 400) for name in ["%6cocalhost", "*", "localhost\\", "local_host;"]],
    (get("/", host="Host: " + "a" * 60_000), 421),
    (get("/todos/", "If-Match: *", host="Host: evil.com", method="DELETE"), 421),
    (get("/", "Host: localhost"), 400),
    (get("/", "HOST: evil.com"), 400),
    (get("/", host=None), 400),
    (get("/", host=None, version="HTTP/1.0"), 200),
    (get("/", "Host: evil.com", host="Host: localhost", version="HTTP/1.0"), 400),
    (get("/", "X-Forwarded-Host: localhost", host="Host: evil.com"), 421),
    (get("/", "X_Host: localhost", "HTTP_HOST: localhost", host="Host: evil.com"), 421),
]
HEADERS = [
    (get("/", "X: " + "a" * 60_000), 200),
    (get("/", "X: " + "a" * LONG), 431),
    (get("/", "a" * LONG), 431),
    (get("/", *[f"X-{n}: x" for n in range(98)]), 200),
    (get("/", *[f"X-{n}: x" for n in range(200)]), 431),
    (get("/", *["X: x"] * 200), 431),
    (get("/", "X"), 400),
    (get("/", "X y: z"), 400),
    (get("/", "X : y"), 400),
    (get("/", " X: y"), 400),
    (get("/", "X: y", " z"), 400),
    (get("/", "X: y", "\tz"), 400),
    (get("/", ": y"), 400),
    (get("/", "X\0: y"), 400),
    (get("/", "X: \0"), 400),
    (get("/", "X: y\rSec-Fetch-Site: none"), 400),
    (get("/", "X: y\nZ: z"), 400),
    (get("/", "\xe9: y"), 400),
    (get("/", "X: \xe9\xff\x80"), 200),
    (get("/", "X: \x01\x1b\x7f"), 400),
    (get("/", "(X): y"), 400),
    (get("/", "X\x0b: y"), 400),
    (get("/", "From evil"), 400),
    (get("/", "__proto__: x", "X_Y: z"), 200),
    (get("/", "Proxy: http://evil.com", "Status: 500"), 200),
    (get("/", "Range: bytes=0-0"), 200),
    (get("/", "Range: bytes=" + "0-," * 10_000), 200),
    (get("/", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: x"), 200),
    (get("/", "Upgrade: websocket", "Connection: Upgrade"), 200),
    (get("/", "Connection: Host, Cookie"), 200),
    (get("/", "Cookie: " + "a=b; " * 10_000), 200),
    (get("/", "Authorization: Basic \xff"), 200),
    (get("/", "X-Original-URL: /todos/", "X-Rewrite-URL: /todos/"), 200),
    (get("/", "Max-Forwards: 0", method="TRACE"), 405),
    (get("/todos/0", "If-Modified-Since: \xff"), 200),
    (get("/todos/0", "Accept: " + "a/b;q=0.1," * 5_000), 200),
]
BAD_CHUNKS = [
    "",
    "\r\n",
    "11\n{TODO}\n0\n\n",
    "11\r\n{TODO}0\r\n\r\n",
    "10\r\n{TODO}\r\n0\r\n\r\n",
    "12\r\n{TODO}\r\n0\r\n\r\n",
    "11\r\n{TODO}\r\n",
    "11\r\n{TODO}\r\n0\r\n",
    "11\r\n{TODO}\r\n-0\r\n\r\n",
    "0x11\r\n{TODO}\r\n0\r\n\r\n",
    "+11\r\n{TODO}\r\n0\r\n\r\n",
    " 11\r\n{TODO}\r\n0\r\n\r\n",
    "1_1\r\n{TODO}\r\n0\r\n\r\n",
    "11 11\r\n{TODO}\r\n0\r\n\r\n",
    "11;\0\r\n{TODO}\r\n0\r\n\r\n",
    "11;\n\r\n{TODO}\r\n0\r\n\r\n",
    "\xb2\r\n{TODO}\r\n0\r\n\r\n",
    "f" * 16 + "\r\n{TODO}\r\n0\r\n\r\n",
    "0" * 70_000 + "11\r\n{TODO}\r\n0\r\n\r\n",
    "11\r\n{TODO}\r\n0\r\n" + "X: y\r\n" * 101 + "\r\n",
]


def chunked(body):
    return post("Transfer-Encoding: chunked", body=body.replace("{TODO}", '{"title": "evil"}'))


LENGTHS = [
    *[
        (post(f"Content-Length: {length}"), 400)
        for length in ["-1", "+17", "0x11", "1_7", "1e1", "17.0", "17,17", "1 7"]
    ],
    *[(post(f"Content-Length: {length}"), 400) for length in ["\xb2", "five", "17;", "--1", "9" * 20, "9" * 5000]],
    (post("Content-Length:"), 400),
    (post("Content-Length: "), 400),
    (post("Content-Length: 0"), 400),
    (post("Content-Length: 16"), 400),
    (post("Content-Length: 18"), 400),
    (post("Content-Length: 1048576"), 400),
    (post("Content-Length: 1048577"), 413),
    (post("Content-Length: 99999999999999"), 413),
    (post("Content-Length: 17", "Content-Length: 17"), 400),
    (post("Content-Type: application/json", "Content-Length: 17"), 400),
    (post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
    (post("Transfer-Encoding: identity"), 501),
    (get("/todos/0", "Transfer-Encoding: chunked", version="HTTP/1.0"), 400),
    (post("Expect: 200-ok"), 417),
    (post("Expect: 100-continue, x"), 417),
    (post("Expect: 100-continue", "Expect: 100-continue"), 400),
    (post("Content-Length: 17", "Content-Length: 0"), 400),
    (post("Content-Length: 0", "content-length: 17"), 400),
    (post("Content-Length : 17"), 400),
    (post("Content_Length: 17"), 400),
    (post("X: y\rContent-Length: 17"), 400),
    (post("Content-Length: 17", "Transfer-Encoding: chunked"), 400),
    (post("Transfer-Encoding: chunked", "Content-Length: 17"), 400),
    (post("Transfer-Encoding: identity", "Content-Length: 17"), 400),
    (post("Content-Length: 17", "Transfer-Encoding:"), 400),
    (post("Transfer-Encoding: chunked"), 400),
    *[(chunked(body), 400) for body in BAD_CHUNKS],
    (post("Transfer-Encoding: gzip, chunked"), 501),
    (post("Transfer-Encoding: xchunked"), 501),
    (post("Transfer-Encoding: \x0bchunked"), 400),
    (post("Transfer_Encoding: chunked"), 400),
    (get("/todos/0", "Content-Length: 99"), 200),
    (get("/todos/0", "Content-Length: x"), 400),
    (get("/todos/0", "Transfer-Encoding: chunked"), 200),
    (post("Expect: 100-continue", "Content-Length: 99"), 400),
]
SMUGGLED = b"DELETE /todos/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
PIPELINED = [
    (get("/", "Connection: close") + SMUGGLED, 200),
    (get("/", "Connection: x, CLOSE") + SMUGGLED, 200),
    (get("/todos/0", version="HTTP/1.0") + SMUGGLED, 200),
    (get("/todos/0", "Connection: keep-alive", version="HTTP/1.0") + SMUGGLED, 200),
    (get("/todos/0", f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, 200),
    (get("/\0") + SMUGGLED, 400),
    (get("/todos/0", "Expect: 100-continue", f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, 200),
    (post("Content-Length: 5") + SMUGGLED, 400),
    (post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n") + SMUGGLED, 400),
    (post("Transfer-Encoding: chunked", body="x\r\n\r\n") + SMUGGLED, 400),
    (post("Transfer-Encoding: chunked", "Content-Type: text/plain", body="x\r\n\r\n", json=None) + SMUGGLED, 415),
    (get("/todos/0", "Content-Length: 8388609") + SMUGGLED, 200),
]
TYPES = [
    *[(post(json=f"Content-Type: {name}"), 415) for name in ["", "text/plain", "text/json", "application/jsonx"]],
    *[(post(json=f"Content-Type: {name}"), 415) for name in ["application/x-www-form-urlencoded", "*/*", "json"]],
    *[(post(json=f"Content-Type: {name}"), 415) for name in ["multipart/form-data", "multipart/form-data; boundary=x"]],
    *[(post(json=f"Content-Type: {name}"), 415) for name in ["application / json", "application/json, text/plain"]],
    *[(post(json=f"Content-Type: {name}"), 415) for name in ["text/plain; application/json", "message/rfc822", "\xff"]],
    (post(json="Content-Type: application/json" + "+" * 60_000), 415),
    (post(json="Content_Type: application/json"), 415),
    *[
        (post(json=f"Content-Type: application/{name}+json"), 415)
        for name in ["vnd.api", "ld", "problem", "json-patch"]
    ],
    *[
        (post(json="Content-Type: application/merge-patch+json", target=target, method=method), 415)
        for target, method in [("/todos/", "POST"), ("/todos", "POST"), ("/todos/0", "PUT")]
    ],
    (post(json="Content-Type: application/merge-patch+json; evil", target="/todos/7", method="PATCH"), 404),
    (post(json="Content-Type: application/merge-patch+json", target="/todos/0", method="PATCH", body="[]"), 400),
    (post(json="Content-Type: application/json-patch+json", target="/todos/0", method="PATCH", body="[]"), 415),
    *[(post(f"Content-Encoding: {coding}"), 415) for coding in ["gzip", "br", "identity, gzip", "\xff", "evil"]],
    *[(change(f"Content-Encoding: {coding}"), 415) for coding in ["deflate", "x", "identity;q=1"]],
    (post(json=None), 415),
]
BODIES = [
    (post(body=body), 400)
    for body in [
        "",
        "{",
        "[]",
        "null",
        "NaN",
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": 1, "a": 2}',
        '{"a": 1}x',
        "'",
        "\xff",
    ]
]
BODIES += [
    (post(body="[" * 100_000), 400),
    (post(body='{"a":' * 100_000), 400),
    (post(body='{"a": %s}' % ("9" * 100_000)), 400),
    (post(body='\xef\xbb\xbf\xef\xbb\xbf{"a": 1}'), 400),
    (post(body="\xef\xbb\xbf"), 400),
    (post(body='{"a": -%s}' % ("9" * 5_000)), 400),
    (post(body='{"title": "%s"}' % ("<" * 200_000)), 413),
    (post(body='{"title": "%s"}' % ("<" * 200_000), target="/todos/0", method="PATCH"), 413),
    (post(body='{"title": "%s"}' % ("\xc3\xa9" * 200_000), target="/todos/0", method="PUT"), 413),
    (post(body='{"a": "\xed\xa0\x80"}'), 400),
    (post(body='{"a": "\0"}'), 400),
    (post(body="{\0}"), 400),
    (post(body="\0{\0}"), 400),
    (post("Content-Encoding: gzip", body="\x1f\x8b\x08\0"), 415),
]
CONDITIONS = [
    *[
        (get("/todos/0", f"If-None-Match: {tag}"), 200)
        for tag in ["", '"', '""', "W/", 'W/"', '"x', "x", "W/*", "\xff"]
    ],
    *[(get("/css/app.css", f"If-None-Match: {tag}"), 200) for tag in ["**", '"*"', ",,,", '"a" "b"', "(", '"\\"']],
    *[(get("/", f"If-None-Match: {tag}"), 304) for tag in ["*", " * ", "\t*"]],
    (get("/", "If-None-Match: " + '"a", ' * 10_000), 200),
    (get("/", "If-None-Match: " + 'W/"' * 20_000), 200),
    *[
        (change(f"If-Match: {tag}"), 412)
        for tag in ["", '"', '""', "x", "W/*", "**", 'W/"x"', '"x", "y"', "\xff", '"*"']
    ],
    (change("If-Match: " + '"a", ' * 10_000), 412),
    (change('If-Match: "x"', method="DELETE"), 412),
    (change('If-Match: "x"', "If-Match: *"), 400),
    *[(get("/css/app.css", f"Accept-Encoding: {codings}"), 200) for codings in ["", "gzip;q=0", ";;,,==", "\xff", "*"]],
    *[
        (get("/css/app.css", f"Accept-Encoding: {codings}"), 200)
        for codings in ["gzip;q=nan", "gzip;q=1e9", "br, *;q=0"]
    ],
    (get("/css/app.css", "Accept-Encoding: " + "gzip;q=0.5," * 5_000), 200),
    (get("/css/app.css", "Accept-Encoding: identity;q=0, *;q=0"), 200),
    *[(post(f"Idempotency-Key: {key}"), 400) for key in ["", "a b", "\xe9", "\x7f", "a" * 256]],
    (post("Idempotency-Key: a", "Idempotency-Key: b c"), 400),
]
CROSS_SITE = [
    *[(post(f"Sec-Fetch-Site: {site}"), 403) for site in ["cross-site", "same-site", "x", "same-origin, none", "NONE"]],
    *[(post(f"Origin: {origin}"), 403) for origin in ["null", "http://evil.com", "http://localhost.evil.com", "x"]],
    *[
        (post(f"Origin: {origin}"), 403)
        for origin in ["http://localhost:1", "http://evil.com, http://localhost", "\xff"]
    ],
    (post("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"), 403),
    (post("Sec_Fetch_Site: same-origin", "Sec-Fetch-Site: cross-site"), 403),
    (post("Sec_Fetch_Site: same-origin", "Origin: http://evil.com"), 403),
    (post("Origin: http://evil.com", "Origin: http://localhost"), 403),
    (post("Origin: http://evil.com", method="XYZ"), 403),
    (change("Origin: http://evil.com", method="DELETE"), 403),
    (get("/todos/", "Origin: http://evil.com", "Sec-Fetch-Site: cross-site"), 200),
    (get("/", "Origin: http://evil.com", "Access-Control-Request-Method: PUT", method="OPTIONS"), 204),
]
TABLE = [
    *REQUEST_LINES,
    *METHODS,
    *TARGETS,
    *LISTS,
    *HOSTS,
    *HEADERS,
    *LENGTHS,
    *PIPELINED,
    *TYPES,
    *BODIES,
    *CONDITIONS,
    *CROSS_SITE,
]
KEPT = [{"title": "kept", "id": 0}]
is_head = re.compile(rb"HTTP/1\.1 [2-5]\d\d [\w -]+\r\n(?:[A-Z][\w-]+: [!-~](?:[ -~]*[!-~])?\r\n)+\r\n", re.ASCII).match


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="module")
def server(log, tmp_path_factory):
    with log.open("w") as stderr, serve(cwd=tmp_path_factory.mktemp("server"), stderr=stderr) as process:
        assert exchange(process, post(body='{"title": "kept"}')).startswith(b"HTTP/1.1 200 OK\r\n")
        yield process


def exchange(server, data):
    """Send bytes and no more after them; return all that comes back but the word to go on."""
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the answer came before the end
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read().removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")


def todos(server):
    with urllib.request.urlopen(f"{server.url}todos/", timeout=10) as answer:
        return json.load(answer)


def status_of(answer):
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else None


def name_of(value):
    return ascii(value[:60])[2:-1].replace("\\r\\n", "|") if isinstance(value, bytes) else str(value)


def test_there_are_more_than_200_requests_and_no_two_are_the_same():
    assert len({data for data, _ in TABLE}) == len(TABLE) > 200


@pytest.mark.parametrize(("data", "status"), TABLE, ids=name_of)
def test_a_hostile_request_gets_its_status_and_changes_nothing(server, data, status):
    answer = exchange(server, data)
    assert status_of(answer) == status, answer[:500]
    assert status is None or is_head(answer)
    assert todos(server) == KEPT


@pytest.mark.parametrize("data", [data for data, _ in TABLE], ids=name_of)
def test_no_answer_to_a_hostile_request_leads_elsewhere_or_repeats_it(server, data):
    answer = exchange(server, data)
    assert b"\r\nLocation:" not in answer
    assert b"evil" not in answer
    assert b"alert(" not in answer


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"EHLO x\r\n", 400), (b"GET /\r\n", 400), (b"GET / HTTP/2.0\r\n", 505), (b"GET / HTTP/1.1\r\nX y\r\n", 400)],
)
def test_what_is_no_request_is_refused_at_once_though_more_may_come(server, data, status):
    assert status_of(answer_to(server, data)) == status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get("/", method="HEAD", host=None), 400),
        (get("/", "X y", method="HEAD"), 400),
        (get("/", *["X: x"] * 200, method="HEAD"), 431),
        (get("/todos/1", method="HEAD"), 404),
    ],
    ids=["host", "field", "431", "404"],
)
def test_a_refused_head_is_answered_without_a_body(server, data, status):
    answer = exchange(server, data)
    assert (status_of(answer), answer.partition(b"\r\n\r\n")[2]) == (status, b"")


def test_the_headers_together_may_not_be_longer_than_64_kibibytes(server):
    halves = [f"X: {'x' * 32_000}", f"Y: {'x' * 32_000}"]
    assert status_of(exchange(server, get("/", *halves))) == 200
    assert status_of(exchange(server, get("/", *halves, f"Z: {'x' * 2_000}"))) == 431


def test_the_log_shows_what_was_asked_be_it_refused_and_quotes_it_so_that_it_is_one(server, log):
    for data in [get("/asked", *["X: x"] * 200), b'GET /" 200 5 " HTTP/1.1\r\n\r\n']:
        exchange(server, data)
    *_, first, second = log.read_text().splitlines()
    assert '"GET /asked HTTP/1.1" 431 ' in first
    assert r'"GET /\x22 200 5 \x22 HTTP/1.1" 400 ' in second


def test_the_log_shows_control_characters_escaped(server, log):
    for data in [
        b"GET /\x1b[2J\x07 HTTP/1.0\r\n\r\n",
        b"GET /\x9b31m\xe9 HTTP/1.0\r\n\r\n",
        b"\x1b]0;evil\x07\0\r\n\r\n",
    ]:
        exchange(server, data)
    text = log.read_text()
    assert r"GET /\x1b[2J\x07 HTTP/1.0" in text
    assert r"GET /\x9b31m\xe9 HTTP/1.0" in text
    assert r"\x1b]0;evil\x07\x00" in text
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def test_no_hostile_request_leaves_a_traceback_in_the_log(server, log):
    for data, _ in TABLE:
        exchange(server, data)
    assert "Traceback" not in log.read_text()
