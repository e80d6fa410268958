#!/usr/bin/env python3
"""TodoMVC's backend in one file: a hand-written WSGI application on the standard library alone.

Three ways to run it::

    python3 todomvc.py                  # by itself: http://127.0.0.1:8000/
    gunicorn todomvc:app                # in any WSGI server
    application = TodoMVC(TodoList())   # as a part of your own program

It carries out the CRUD of the tutorial "Flask TodoMVC 2: Backbone Sync"::

    GET                      /              the page, with the live todos in it
    GET, POST, DELETE        /todos/        the list: read it, add a todo, delete all
    GET, PUT, PATCH, DELETE  /todos/<int>   one todo: read it, merge fields into it, delete it
    GET                      /<path>        a file of static/

A todo is any JSON object. Its id is its index in a list, and a deleted todo leaves ``None`` in its place, so that no
id is ever given twice.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import gzip
import hashlib
import io
import json
import math
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import time
from collections import deque
from itertools import chain, repeat
from pathlib import Path
from string import Template
from urllib.parse import quote, unquote
from wsgiref.handlers import SimpleHandler

TYPE_CHECKING = False  # but true to type checkers: what only they need takes a start no time
if TYPE_CHECKING:
    import sqlite3
    import zipfile
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from typing import Any, NoReturn, Protocol, TypeVar
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    T = TypeVar("T")
    AnyPath = Path | zipfile.Path
    Header = tuple[str, str]
    Headers = list[Header]
    Response = tuple[str, Headers, bytes]  # status line, headers, body
    Representation = tuple[str, Response, Response]  # entity tag, the answer, that to a client that holds it
    Block = tuple[list[bytes | None], bytes, bytes]  # todos, in JSON with a comma before each, and the hash of that
    Check = Callable[[bytes], object]
    Handler = Callable[..., Response]
    Handlers = dict[str, Handler]  # by method; "ANY" is for those not named
    Missing = Callable[..., Response | None]
    Route = tuple[Callable[[str], "re.Match[str] | None"], Handlers]

    class AnyTodoList(Protocol):  # what TodoList says of each holds for every list, wherever it is kept
        def of(self, user: str) -> AnyTodoList: ...
        @property
        def version(self) -> int: ...
        def __iter__(self) -> Iterator[bytes]: ...
        def snapshot(self) -> list[bytes | None]: ...
        def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]: ...
        def read(self, id: int) -> bytes | None: ...
        def update(self, id: int, fields: dict[str, Any], check: Check = ...) -> bytes | None: ...
        def delete(self, id: int, check: Check = ...) -> bytes | None: ...
        def delete_all(self, check: Check = ...) -> list[bytes]: ...


__version__ = "1.0.0"
__all__ = ["SQLiteTodoList", "TodoList", "TodoMVC", "app", "application", "main"]

HERE = Path(__file__).resolve().parent
MAX_BODY = 1024 * 1024  # bytes
MAX_DISCARDED = 8 * MAX_BODY
MIN_GZIPPED = 1000  # bytes; below, it costs more than it saves
BLOCK = 250  # ids of a page whose todos are put together anew when one of them has changed
MAX_USER = 500  # characters of a name
MAX_KEPT = 64 * MAX_BODY  # of pages, and of lists, of all users
MAX_KNOWN = 1000  # bytes of a todo whose answer is kept
MAX_DEPTH = 100  # arrays and objects in each other; far from any recursion limit, so that what is stored can be decoded


class TodoMVC:
    """The WSGI application (PEP 3333) over a list of todos, and over one of each user that the server names.

    todos: the list that it serves; by default an empty TodoList of its own.
    static: a folder; each file in it is served under its path there. By default the one beside this file.
    templates: a folder; its index.html is the page, a string.Template of $root, $url, $user and $todos. Likewise.
    debug: whether the answer to an unexpected exception shows the traceback.
    todo_backend: whether to answer as the Todo-Backend specification (todobackend.com) asks: every todo with a
        `completed` and an absolute `url`, to scripts of every origin.

    Raises OSError if a folder or the template cannot be read, ValueError if the template cannot be filled.
    """

    def __init__(
        self,
        todos: AnyTodoList | None = None,
        static: str | os.PathLike[str] | None = None,
        templates: str | os.PathLike[str] | None = None,
        *,
        debug: bool = False,
        todo_backend: bool = False,
    ) -> None:
        self.todos = TodoList() if todos is None else todos
        self.page_headers = PAGE_HEADERS if static or templates else [*PAGE_HEADERS, CONTENT_SECURITY_POLICY]
        self.files = read_static_files(locate(Path(static or HERE / "static")), self.page_headers)
        self.template = read_template(locate(Path(templates or HERE / "templates")) / "index.html")
        self.debug, self.todo_backend = debug, todo_backend
        self.headers = COMMON_HEADERS + TO_ANY_ORIGIN if todo_backend else COMMON_HEADERS
        self.lists, self.pages = Documents(), Documents()
        read, update, delete = self.read_todo, self.update_todo, self.delete_todo
        self.routes = [
            route(r"/todos/0*([0-9]{1,18})", self.missing_todo, GET=read, PUT=update, PATCH=update, DELETE=delete),
            route(r"/todos/", GET=self.list_todos, POST=self.create_todo, DELETE=self.delete_all_todos),
            route(r"/?", GET=self.page),
            route(r"/todos", ANY=self.redirect_to_list),
        ]
        self.file_handlers = handlers_by_method(GET=lambda environ, file: file.response(environ))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = self.respond(environ)
        except Exception as error:
            response = error_response(environ, self.explain(error, environ))
        return send(response, environ, start_response, self.headers)

    def respond(self, environ: WSGIEnvironment) -> Response:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if self.todo_backend and is_preflight(environ):
            return PREFLIGHT
        for match, handlers in self.routes:
            found = match(path)
            if found:
                return (handlers.get(method) or handlers["ANY"])(environ, *found.groups())
        if path in self.files:
            return (self.file_handlers.get(method) or self.file_handlers["ANY"])(environ, self.files[path])
        raise HTTPError("404 Not Found", "There is nothing at this address.")

    def list_of(self, environ: WSGIEnvironment) -> AnyTodoList:
        """Return the list of whoever asks: the server has made sure that it is this user (RFC 3875, section 4.1.11)."""
        user = environ.get("REMOTE_USER")
        if not user:
            return self.todos
        if len(user) > MAX_USER:
            raise HTTPError("400 Bad Request", f"The name of a user may have {MAX_USER} characters at most.")
        return self.todos.of(user)

    def missing_todo(self, environ: WSGIEnvironment, id: str) -> Response | None:
        return NO_SUCH_TODO if self.list_of(environ).read(int(id)) is None else None

    def read_todo(self, environ: WSGIEnvironment, id: str) -> Response:
        todo = self.list_of(environ).read(int(id))
        if todo is None:
            return NO_SUCH_TODO
        body = self.represent(todo, environ)
        representation_of = known_todo_representation if len(body) < MAX_KNOWN else todo_representation
        tag, ok, not_modified = representation_of(body)
        return not_modified if is_current(environ, tag) else ok

    def update_todo(self, environ: WSGIEnvironment, id: str) -> Response:
        todos, number = self.list_of(environ), int(id)
        if todos.read(number) is None:  # whatever the body is
            return NO_SUCH_TODO
        todo = todos.update(number, read_json_object(environ), precondition(environ, self.represent))
        if todo is None:
            return NO_SUCH_TODO
        body = self.represent(todo, environ)
        return tagged(body, [JSON], entity_tag(body))

    def delete_todo(self, environ: WSGIEnvironment, id: str) -> Response:
        todo = self.list_of(environ).delete(int(id), precondition(environ, self.represent))
        return NO_SUCH_TODO if todo is None else json_response(self.represent(todo, environ))

    def list_todos(self, environ: WSGIEnvironment) -> Response:
        todos, url = self.list_of(environ), list_url(environ) if self.todo_backend else ""

        def render(last: Document | None) -> Document:
            return Document(self.represent(json_array(todos), environ), "application/json")

        return self.lists.latest(environ, (todos.version, url), render).response(environ)

    def create_todo(self, environ: WSGIEnvironment) -> Response:
        key = idempotency_key(environ)
        fields = read_json_object(environ)
        if self.todo_backend:
            fields.setdefault("completed", False)
        id, todo = self.list_of(environ).create(fields, key)
        if todo is None:
            raise HTTPError("410 Gone", "The todo of this Idempotency-Key is deleted: use a new key to make another.")
        body, location = self.represent(todo, environ), f"{root_url(environ)}todos/{id}"
        return tagged(body, [JSON, ("Location", location)], entity_tag(body))

    def delete_all_todos(self, environ: WSGIEnvironment) -> Response:
        todos = self.list_of(environ).delete_all(precondition(environ, self.represent))
        return json_response(self.represent(json_array(todos), environ))

    def represent(self, body: bytes, environ: WSGIEnvironment) -> bytes:
        return add_urls(body, list_url(environ)) if self.todo_backend else body

    def redirect_to_list(self, environ: WSGIEnvironment) -> Response:
        return redirect(f"{root_url(environ)}todos/", environ)

    def page(self, environ: WSGIEnvironment) -> Response:
        todos, root = self.list_of(environ), root_url(environ)
        if root != "/" and not environ.get("PATH_INFO"):
            return redirect(root, environ)

        def render(last: Document | None) -> Document:
            around = fill_template(self.template, root, environ.get("REMOTE_USER") or "")
            return Page(around, todos.snapshot(), self.page_headers, last)

        return self.pages.latest(environ, (todos.version, root), render).response(environ)

    def explain(self, error: Exception, environ: WSGIEnvironment) -> HTTPError:
        """Turn whatever was raised into an answer; what whoever runs the server should know of goes to its log."""
        if isinstance(error, HTTPError):
            return error
        if isinstance(error, KeyReused):
            return HTTPError("422 Unprocessable Content", "This Idempotency-Key made another todo: use a new key.")
        if isinstance(error, ListUnavailable):
            print(f"todomvc: {error}", file=environ["wsgi.errors"], flush=True)
            if isinstance(error, ListFull):
                return HTTPError("507 Insufficient Storage", "The disk is full, nothing was changed: make room first.")
            detail = "Nothing was changed: try again soon."
            if isinstance(error, Unconfirmed):
                detail = "Nobody can tell whether it was changed: try again soon."
            return HTTPError("503 Service Unavailable", detail, ("Retry-After", "1"))
        import traceback  # not at the top: hardly ever needed, and it takes 2 ms

        trace = traceback.format_exc()
        print(trace, end="", file=environ["wsgi.errors"], flush=True)
        explanation = "The server failed, and its log says why: try again, or tell whoever runs it."
        return HTTPError("500 Internal Server Error", trace if self.debug else explanation)


# HTTP: nothing from here to the list knows what a todo is.


class HTTPError(Exception):
    """An answer other than the one asked for: its status line, a sentence on what to do, and headers to add."""

    def __init__(self, status: str, detail: str, *headers: Header) -> None:
        super().__init__(status)
        self.status, self.detail, self.headers = status, detail, headers


class Document:
    """A body that is sent many times, and what is worked out once for all of them.

    body: the bytes; content_type: their media type; headers: more to send; tag: the entity tag.
    """

    def __init__(self, body: bytes, content_type: str, headers: Iterable[Header] = (), tag: str = "") -> None:
        self.vary = [VARY] if len(body) > MIN_GZIPPED and is_compressible(content_type) else []
        self.headers = [("Content-Type", content_type), *self.vary, *headers]
        self.plain = representation(body, self.headers, tag or entity_tag(body), *self.vary)
        self.gzipped: Representation | None = None

    def response(self, environ: WSGIEnvironment) -> Response:
        """Return 200 with the body in the content coding that the client asks for, or 304 if it holds that one."""
        wants_gzip = self.vary and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        tag, ok, not_modified = self.gzip() if wants_gzip else self.plain
        return not_modified if is_current(environ, tag) else ok

    def gzip(self, level: int = 4) -> Representation:  # 9 is the smallest; 4 takes half of its time, and a tenth more
        if self.gzipped is None:
            tag, (_, _, body), _ = self.plain
            headers = [*self.headers, ("Content-Encoding", "gzip")]
            self.gzipped = representation(gzip.compress(body, level, mtime=0), headers, tag_of_gzip(tag), *self.vary)
        return self.gzipped


class Documents:
    """The latest document of each user, made anew only when what it is made of has changed."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[object, Document]] = {}
        self.size = 0  # bytes, about, of what was rendered since there was none

    def latest(
        self, environ: WSGIEnvironment, made_of: object, render: Callable[[Document | None], Document]
    ) -> Document:
        user = environ.get("REMOTE_USER") or ""
        last_made_of, last = self.documents.get(user, (None, None))
        if last is not None and last_made_of == made_of:
            return last
        document = render(last)
        size = 2000 + 2 * len(document.plain[1][2])  # with the headers, the blocks of a page, and what Python needs
        if self.size + size > MAX_KEPT:
            self.documents.clear()
            self.size = 0
        self.size += size
        self.documents[user] = made_of, document
        return document


def todo_representation(todo: bytes) -> Representation:
    return representation(todo, [JSON], entity_tag(todo))


known_todo_representation = functools.lru_cache(maxsize=1000)(todo_representation)  # for todos that are read often


def representation(body: bytes, headers: Headers, tag: str, *vary: Header) -> Representation:
    """Return the entity tag of a body, the answer that carries it, and the one to a client that holds it."""
    return tag, tagged(body, headers, tag), ("304 Not Modified", [("ETag", tag), *vary], b"")


def tagged(body: bytes, headers: Headers, tag: str) -> Response:
    """Return an answer with a body, its length and its entity tag."""
    return "200 OK", [*headers, ("Content-Length", str(len(body))), ("ETag", tag)], body


def nothing_missing(*arguments: object) -> None:
    """Find what the path names, whatever it is."""


def route(pattern: str, missing: Missing = nothing_missing, **handlers: Handler) -> Route:
    """Return a row of the table of routes: what matches a path, and the handlers of that path by method."""
    return re.compile(pattern).fullmatch, handlers_by_method(missing, **handlers)


def handlers_by_method(missing: Missing = nothing_missing, **handlers: Handler) -> Handlers:
    """Complete the handlers of a path: HEAD goes where GET goes; OPTIONS, and any other method, is told what may be.

    missing: what answers these two, called as they are, if the path names something that is not there.
    """
    if "GET" in handlers:
        handlers["HEAD"] = handlers["GET"]
    allow = ("Allow", ", ".join(sorted([*handlers, "OPTIONS"])))

    def options(environ: WSGIEnvironment, *arguments: Any) -> Response:
        return missing(environ, *arguments) or ("204 No Content", [allow], b"")

    def other_method(environ: WSGIEnvironment, *arguments: Any) -> Response:
        error = HTTPError("405 Method Not Allowed", f"Use one of these methods here: {allow[1]}.", allow)
        return missing(environ, *arguments) or error_response(environ, error)

    return handlers if "ANY" in handlers else {**handlers, "OPTIONS": options, "ANY": other_method}


def list_url(environ: WSGIEnvironment) -> str:
    """Return the absolute URL of the list (PEP 3333, URL Reconstruction)."""
    host = environ.get("HTTP_HOST") or f"{url_host(environ['SERVER_NAME'])}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}{root_url(environ)}todos/"


def url_host(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def root_url(environ: WSGIEnvironment) -> str:
    """Return the path at which the application is mounted, with a slash at both ends (PEP 3333, SCRIPT_NAME)."""
    name = environ.get("SCRIPT_NAME", "").strip("/")
    return f"/{quote(name.encode('latin-1', 'replace'))}/" if name else "/"


def read_json_object(environ: WSGIEnvironment) -> dict[str, Any]:
    """Return the JSON object that a request carries. Raise HTTPError 400, 411, 413 or 415 if it carries none."""
    if not is_json_type(environ.get("CONTENT_TYPE", "")):
        raise HTTPError("415 Unsupported Media Type", "Declare the body as JSON with Content-Type: application/json.")
    body = read_body(environ)
    try:
        value = decode_json(body.decode())
    except ValueError as error:
        raise HTTPError("400 Bad Request", f"Send a JSON object in UTF-8: {error}.") from None
    if not isinstance(value, dict):
        raise HTTPError("400 Bad Request", "Send a JSON object, and not another JSON value.")
    return value


def read_body(environ: WSGIEnvironment) -> bytes:
    """Return the body, and leave it in the environ for others. Raise HTTPError 400, 411 or 413 if it cannot be had."""
    length = content_length(environ)
    if length is None and not environ.get("wsgi.input_terminated"):
        raise HTTPError("411 Length Required", "Send the length of the body in Content-Length.")
    if length is not None and length > MAX_BODY:
        raise HTTPError("413 Content Too Large", f"Send at most {MAX_BODY} bytes.")
    try:
        body = read_input(environ, MAX_BODY + 1 if length is None else length)
    except OSError:  # what servers raise for a client that is gone
        raise HTTPError("400 Bad Request", "Send the whole body: the connection broke off.") from None
    environ["wsgi.input"] = io.BytesIO(body)
    if len(body) > MAX_BODY:
        raise HTTPError("413 Content Too Large", f"Send at most {MAX_BODY} bytes.")
    if length is not None and len(body) < length:
        raise HTTPError("400 Bad Request", f"Send the whole body: of {length} bytes, {len(body)} came.")
    return body


def content_length(environ: WSGIEnvironment) -> int | None:
    """Return the length that the request declares, in bytes, or None. Raise HTTPError 400 if it is not a number."""
    length = environ.get("CONTENT_LENGTH")
    if not length:  # wsgiref sets it to "" where there is none
        return None
    if not is_length(length):
        raise HTTPError("400 Bad Request", "Send a Content-Length that is a number of bytes.")
    return int(length)


def read_input(environ: WSGIEnvironment, size: int) -> bytes:
    """Read that many bytes of the body, or fewer if it ends before, in whatever pieces the server hands over."""
    pieces = []
    while size > 0:
        piece = environ["wsgi.input"].read(size)
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def discard_body(environ: WSGIEnvironment) -> None:
    """Read off a body that was refused unread, unless it is huge.

    To close on it could cost the client the answer; and cheroot takes what is left of a chunked one for a request.
    """
    if isinstance(environ["wsgi.input"], io.BytesIO):  # it has been read, by read_body or by the server
        return
    with contextlib.suppress(Exception):  # whatever is wrong with it, the answer stands
        length = content_length(environ)
        if length is None and environ.get("wsgi.input_terminated"):
            length = MAX_DISCARDED
        if length is not None and length <= MAX_DISCARDED:
            read_input(environ, length)


def idempotency_key(environ: WSGIEnvironment) -> str | None:
    """Return the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), or None. Raise HTTPError 400 if bad."""
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None or is_key(key):
        return key
    raise HTTPError("400 Bad Request", "Send an Idempotency-Key of 1 to 255 visible ASCII characters.")


def precondition(environ: WSGIEnvironment, represent: Callable[[bytes, WSGIEnvironment], bytes]) -> Check:
    """Return the check that If-Match and If-None-Match ask for before a change (RFC 9110, section 13.1)."""
    if "HTTP_IF_MATCH" not in environ and "HTTP_IF_NONE_MATCH" not in environ:
        return accept
    expected = environ.get("HTTP_IF_MATCH", "*").strip()

    def check(body: bytes) -> None:
        tag = entity_tag(represent(body, environ))
        tags = {tag, tag_of_gzip(tag)}  # the comparison is strong: a W/"..." is none of them
        is_expected = expected == "*" or not tags.isdisjoint(entity_tags(expected))
        if not is_expected or any(is_current(environ, tag) for tag in tags):
            raise HTTPError("412 Precondition Failed", "It has changed since you read it: read it again, then decide.")

    return check


def is_current(environ: WSGIEnvironment, tag: str) -> bool:
    """Tell whether the client holds the representation of this tag (RFC 9110, section 13.1.2: weak comparison)."""
    known = environ.get("HTTP_IF_NONE_MATCH")
    return known is not None and (tag in known or known.strip() == "*")


@functools.lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding has gzip, and likes it no less than no coding (RFC 9110, section 12.5.3)."""
    weights = {}
    for item in accept_encoding.lower().split(","):
        coding, _, weight = item.replace(" ", "").replace("\t", "").partition(";q=")
        weights[coding] = float(weight or 1) if is_weight(weight or "1") else 0
    weight_of_gzip = weights.get("gzip", weights.get("*", 0))
    return weight_of_gzip > 0 and weight_of_gzip >= weights.get("identity", 0)


def entity_tag(body: bytes) -> str:
    """Return the entity tag (RFC 9110, section 8.8.3) of a body: its hash, so that every server says the same."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def tag_of_gzip(tag: str) -> str:
    """Return the entity tag of the same in another content coding, which may not be the same (section 8.8.3.3)."""
    return f'{tag[:-1]}-gzip"'


def json_response(body: bytes) -> Response:
    return "200 OK", [JSON, ("Content-Length", str(len(body)))], body


def content_headers(content_type: str, body: bytes) -> Headers:
    return [("Content-Type", content_type), ("Content-Length", str(len(body)))]


def redirect(location: str, environ: WSGIEnvironment) -> Response:
    """Send the client to another path with the same method, body and query (RFC 9110, section 15.4.9)."""
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    if query:
        location += "?" + quote(query, safe="%/?:@!$&'()*+,;=")
    body = f"It is at {location}\n".encode()
    headers = content_headers("text/plain; charset=utf-8", body)
    return "308 Permanent Redirect", [*headers, ("Location", location)], body


def send(
    response: Response, environ: WSGIEnvironment, start_response: StartResponse, common: Headers | None = None
) -> list[bytes]:
    """Answer as PEP 3333 asks: no body to HEAD, and none that was sent left unread."""
    status, headers, body = response
    if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
        discard_body(environ)
    start_response(status, headers + (common or COMMON_HEADERS))
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def error_response(environ: WSGIEnvironment, error: HTTPError) -> Response:
    """Tell a program that uses the API in problem details, and a person in a small page."""
    if f"{environ.get('PATH_INFO', '')}/".startswith("/todos/"):
        return problem_response(error)
    import html  # not at the top: most start and end without an error, and it takes 1 ms

    words = {"title": error.status, "detail": error.detail, "root": root_url(environ)}
    body = ERROR_PAGE.substitute({name: html.escape(text) for name, text in words.items()}).encode()
    headers = [*content_headers("text/html; charset=utf-8", body), *PAGE_HEADERS, CONTENT_SECURITY_POLICY]
    return error.status, [*headers, *error.headers], body


def problem_response(error: HTTPError) -> Response:
    """Return an error as problem details (RFC 9457)."""
    code, title = error.status.split(" ", 1)
    body = json.dumps({"type": "about:blank", "title": title, "status": int(code), "detail": error.detail}).encode()
    return error.status, [*content_headers("application/problem+json", body), *error.headers], body


is_length = re.compile("[0-9]{1,18}").fullmatch
json_type = re.compile(r"\s*application/(?:[^;\s/]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)
is_json_type = functools.lru_cache(maxsize=64)(json_type.fullmatch)
is_weight = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?").fullmatch
is_compressible = re.compile(r"text/.*|.*[/+](?:json|xml)").match
is_key = re.compile("[!-~]{1,255}").fullmatch
entity_tags = re.compile(r'(?:W/)?"[^"]*"').findall
JSON = ("Content-Type", "application/json")
VARY = ("Vary", "Accept-Encoding")
COMMON_HEADERS = [
    ("Cache-Control", "no-cache"),  # ask whether it is still so; else a 308 is kept for ever (RFC 9111, section 4.2.2)
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
PAGE_HEADERS = [("X-Frame-Options", "DENY"), ("Cross-Origin-Opener-Policy", "same-origin")]
CONTENT_SECURITY_POLICY = (
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
NO_SUCH_TODO = problem_response(HTTPError("404 Not Found", "There is no todo of this id: see the list at /todos/."))
ERROR_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<h1>$title</h1>
<pre>$detail</pre>
<p><a href="$root">Back to the todos</a></p>
</html>
""")


# Guards: WSGI applications around another one, to be left out or replaced at will.


def guard(
    app: WSGIApplication,
    hosts: Container[str] | None = None,
    origins: Container[str] = (),
    user_header: str | None = None,
) -> WSGIApplication:
    """Put the guards around an application that browsers reach.

    hosts: names, in lower case and without a port, by which it may be called, besides the loopback ones; None is any.
    origins: those whose scripts may use it, as browsers write them ("https://example.org"), or "*"; by default its own.
    user_header: the header in which a proxy in front, and nobody else, names the user; None if there is no such proxy.
    """
    if user_header:
        app = believe_header(app, user_header)
    app = refuse_cross_origin_writes(app, origins)
    if origins:
        app = allow_origins(app, origins)
    return app if hosts is None else require_host(app, hosts)


def require_host(application: WSGIApplication, hosts: Container[str]) -> WSGIApplication:
    """Answer only to names of ours, so that no page can make another name point here (DNS rebinding)."""

    @functools.lru_cache(maxsize=256)
    def is_ours(host: str) -> bool:
        name = host_name(host.lower())
        return name in hosts or is_loopback(name) is not None

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_ours(environ.get("HTTP_HOST", "localhost")):
            return application(environ, start_response)
        detail = "This server goes by another name: ask for that one, or start it with --allow-host."
        return send(error_response(environ, HTTPError("421 Misdirected Request", detail)), environ, start_response)

    return guarded


def refuse_cross_origin_writes(application: WSGIApplication, origins: Container[str] = ()) -> WSGIApplication:
    """Refuse what the page of another site sends for a user who does not know, as Go's CrossOriginProtection does."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in SAFE_METHODS or is_same_origin(environ):
            return application(environ, start_response)
        if "*" in origins or environ.get("HTTP_ORIGIN") in origins:
            return application(environ, start_response)
        detail = "Pages of other sites may not change anything here: start the server with --cors to let one."
        return send(error_response(environ, HTTPError("403 Forbidden", detail)), environ, start_response)

    return guarded


def is_same_origin(environ: WSGIEnvironment) -> bool:
    """Tell whether a request comes from a page of this server, from the user, or from no browser at all."""
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site:
        return site in ("same-origin", "none")
    origin = environ.get("HTTP_ORIGIN")
    return not origin or origin.partition("://")[2] == environ.get("HTTP_HOST")


def allow_origins(application: WSGIApplication, origins: Container[str]) -> WSGIApplication:
    """Let scripts of other origins use the application (fetch.spec.whatwg.org, the CORS protocol)."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        origin = "*" if "*" in origins else environ.get("HTTP_ORIGIN", "")
        is_allowed = origin in origins
        headers = [("Access-Control-Allow-Origin", origin), EXPOSED_HEADERS] if is_allowed else []
        if origin != "*":
            headers.append(("Vary", "Origin"))

        def start(status: str, fields: Headers, *exc_info: Any) -> Callable[[bytes], object]:
            has_them = any(name == "Access-Control-Allow-Origin" for name, _ in fields)  # two would be invalid
            return start_response(status, fields if has_them else fields + headers, *exc_info)

        if is_allowed and is_preflight(environ):
            return send(PREFLIGHT, environ, start)
        return application(environ, start)

    return guarded


def is_preflight(environ: WSGIEnvironment) -> bool:
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def believe_header(application: WSGIApplication, name: str) -> WSGIApplication:
    """Take the user from a header of a proxy that all requests come by, and that lets none of a client's through."""
    variable = "HTTP_" + name.upper().replace("-", "_")

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_USER"] = environ.get(variable, "")
        return application(environ, start_response)

    return guarded


def require_one_process(application: WSGIApplication) -> WSGIApplication:
    """Refuse to serve a list in memory from several processes: each would have one of its own."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["wsgi.multiprocess"]:
            return application(environ, start_response)
        detail = "The server has several processes: set TODOMVC_DB to a file that they share."
        error = HTTPError("500 Internal Server Error", detail)
        return send(error_response(environ, error), environ, start_response)

    return guarded


host_name = functools.partial(re.compile(":[0-9]*$").sub, "")
is_loopback = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]").fullmatch
SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
EXPOSED_HEADERS = ("Access-Control-Expose-Headers", "ETag, Location, Retry-After")
TO_ANY_ORIGIN = [("Access-Control-Allow-Origin", "*"), EXPOSED_HEADERS]
PREFLIGHT_HEADERS = [
    ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"),
    ("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key, If-Match, If-None-Match"),
    ("Access-Control-Max-Age", "3600"),
]
PREFLIGHT = "204 No Content", PREFLIGHT_HEADERS, b""


# The page and the static files: read at start-up, so that no path that a client sends ever reaches the file system.


def locate(path: Path) -> AnyPath:
    """Return what is at a path, which may lead into an archive: that of a zipapp (PEP 441), say."""
    if path.is_file():
        import zipfile  # not at the top: few start from an archive, and it takes 5 ms

        if zipfile.is_zipfile(path):
            return zipfile.Path(path)
    return path if path.exists() or path == path.parent else locate(path.parent) / path.name


def read_static_files(folder: AnyPath, headers: Headers) -> dict[str, Document]:
    """Return the files of a folder by PATH_INFO, which is their path in it as bytes read as Latin-1 (PEP 3333).

    Hidden files, and links that lead out of the folder, are left out. Raises OSError if one cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder of static files", str(folder))
    root, files = Path(str(folder)).resolve(), {}
    for name, path in walk(folder):
        if root in Path(str(path)).resolve().parents:
            content_type = CONTENT_TYPES.get(os.path.splitext(name)[1].lower(), "application/octet-stream")
            file = Document(path.read_bytes(), content_type, headers)
            file.gzip(level=9)
            files[os.fsencode(name).decode("latin-1")] = file
    return files


def walk(folder: AnyPath, above: str = "/") -> Iterator[tuple[str, AnyPath]]:
    """Iterate over the files in a folder and below it, but for hidden ones: the path of each in it, and the file."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield above + path.name, path
        elif path.is_dir() and not os.path.islink(str(path)):
            yield from walk(path, f"{above}{path.name}/")


def read_template(path: AnyPath) -> Template:
    """Return the page's template. Raise OSError if it cannot be read, ValueError if it cannot be filled."""
    try:
        template = Template(path.read_text(encoding="utf-8"))
        fill_template(template, "/", "")
    except KeyError as error:
        raise ValueError(f"{path}: there is no {error} to fill in, only root, url, user and todos") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return template


def fill_template(template: Template, root: str, user: str) -> list[bytes]:
    """Return the page but for the todos: what stands before them and what behind, as there may be megabytes of them."""
    name = quote(user, safe="", errors="surrogatepass")  # like the root, it is harmless in HTML then
    page = template.substitute(root=root, url=root + "todos/", user=name, todos="\0todos\0")
    return page.encode().split(b"\0todos\0")


class Page(Document):
    """The page with the todos in it. Of a long list, what has not changed since the last page is taken from that one.

    around: what stands before and behind the todos, wherever they are to stand; todos: those to show, by id; headers:
        more to send; last: the last page of this list, if there was one.
    """

    def __init__(self, around: list[bytes], todos: list[bytes | None], headers: Headers, last: Document | None) -> None:
        blocks = [todos[start : start + BLOCK] for start in range(0, len(todos), BLOCK)]
        known = chain(last.blocks if isinstance(last, Page) else [], repeat(None))
        self.blocks: list[Block] = [joined(block, before) for block, before in zip(blocks, known)]
        array, digests = [b"["], [b"["]
        for _, body, digest in self.blocks:
            if body:
                array.append(body if len(array) > 1 else body[1:])  # no comma before the first
                digests.append(digest)
        pieces = around[:1] + [piece for text in around[1:] for piece in (*array, b"]", text)]
        tag = entity_tag(b"".join([*digests, b"]"]).join(around))
        super().__init__(b"".join(pieces), "text/html; charset=utf-8", headers, tag)


def joined(todos: list[bytes | None], before: Block | None) -> Block:
    """Return a block of todos: made of them, or, if they are the same as before, the one of before."""
    if before is not None and before[0] == todos:
        return before
    body = b",".join([b"", *filter(None, todos)])
    return todos, body, hashlib.sha256(body).digest()


# mimetypes would answer as each machine is set up: on some, a script is text/plain, which no browser runs.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}


# The list: nothing from here to the command knows what HTTP is.


def accept(todo: bytes) -> None:
    """Check nothing."""


class TodoList:
    """A list of todos in memory, for any number of threads.

    A todo goes in as a dict of fields, and comes out as bytes: JSON in ASCII that is harmless in HTML. Its id is its
    index in the list. A deleted one leaves None there, which is also what stands for an id that was never given.
    """

    def __init__(self) -> None:
        self.todos: list[bytes | None] = []
        self.users: dict[str, TodoList] = {}
        self.version = 0  # another one after each change
        self.keys: dict[str, tuple[int, str]] = {}  # of each key that create was given: the id, and a digest
        self.lock = threading.Lock()

    def of(self, user: str) -> TodoList:
        """Return the list of a user, by a name that is not empty: it has nothing in common with any other list."""
        return self.users.get(user) or self.users.setdefault(user, TodoList())

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the live todos of this moment, in the order of their ids."""
        return filter(None, self.snapshot())

    def snapshot(self) -> list[bytes | None]:
        """Return the todos of this moment, each at the index that is its id, and None where there is none."""
        with self.lock:
            return self.todos.copy()

    def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]:
        """Add a todo; return its id and the todo. A key that was given before makes nothing: its todo is returned.

        Raises KeyReused if the key was given with other fields.
        """
        with self.lock:
            if key in self.keys:
                id, digest = self.keys[key]
                refuse_reuse(digest, fields)
                return id, self.todos[id]
            id = len(self.todos)
            todo = encode_todo({**fields, "id": id})
            self.todos.append(todo)
            if key is not None:
                self.keys[key] = id, digest_of(fields)
            self.version += 1
            return id, todo

    def read(self, id: int) -> bytes | None:
        """Return a todo."""
        return self.todos[id] if 0 <= id < len(self.todos) else None

    def update(self, id: int, fields: dict[str, Any], check: Check = accept) -> bytes | None:
        """Merge fields into a todo and return it, unless `check`, called with the todo as it stands, raises."""
        with self.lock:
            todo = self.read(id)
            if todo is not None:
                check(todo)
                todo = self.todos[id] = merge(todo, fields, id)
                self.version += 1
            return todo

    def delete(self, id: int, check: Check = accept) -> bytes | None:
        """Delete a todo and return what it was, unless `check`, called with it, raises."""
        with self.lock:
            todo = self.read(id)
            if todo is not None:
                check(todo)
                self.todos[id] = None
                self.version += 1
            return todo

    def delete_all(self, check: Check = accept) -> list[bytes]:
        """Delete every todo and return what they were, unless `check`, called with all as a JSON array, raises."""
        with self.lock:
            deleted = list(filter(None, self.todos))
            check(json_array(deleted))
            self.todos[:] = [None] * len(self.todos)
            self.version += 1
            return deleted


class KeyReused(ValueError):
    """A key that made one todo was given with the fields of another."""


def refuse_reuse(digest: str, fields: dict[str, Any]) -> None:
    if digest != digest_of(fields):
        raise KeyReused


def digest_of(fields: dict[str, Any]) -> str:
    return hashlib.sha256(encode_json(fields).encode()).hexdigest()


def merge(todo: bytes, fields: dict[str, Any], id: int) -> bytes:
    merged, _ = lenient_decoder.raw_decode(todo.decode())
    merged.update(fields, id=id)
    return encode_todo(merged)


def encode_todo(todo: dict[str, Any]) -> bytes:
    body = encode_json(todo).encode()
    return body.replace(b"<", rb"\u003c").replace(b">", rb"\u003e").replace(b"&", rb"\u0026")


def add_urls(body: bytes, url: str) -> bytes:
    """Return a todo, or an array of them, each with its own URL in it: that of the list and its id."""
    value = json.loads(body)
    if isinstance(value, list):
        return json_array(with_url(todo, url) for todo in value)
    return with_url(value, url)


def with_url(todo: dict[str, Any], url: str) -> bytes:
    return encode_todo({**todo, "url": f"{url}{todo['id']}"})


def json_array(todos: Iterable[bytes]) -> bytes:
    return b"".join([b"[", b",".join(todos), b"]"])  # "%" takes ten times as long


# The list in an SQLite file: the only place that knows SQL.


class SQLiteTodoList:
    """The list of todos in an SQLite file, for any number of threads and processes of one machine.

    path: the file; it is made at the first use if it is not there.

    What a method returns is committed and flushed to the disk. Reads come from a copy in memory that is brought up to
    date first. Every method raises ListUnavailable if the file cannot be used and ListFull if there is no room for
    more, and then it has changed nothing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file, self.user = TodoFile(os.path.abspath(path)), b""

    def of(self, user: str) -> SQLiteTodoList:
        """Return the list of a user, as TodoList.of does; it is in the same file."""
        name = user.encode("utf-8", "surrogatepass")  # SQLite's text cannot hold every str
        todos = object.__new__(type(self))
        vars(todos).update(vars(self), user=name)
        return todos

    @property
    def version(self) -> int:
        """A number that is another one after each change."""
        return self.file.read(self.user).version

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the live todos of this moment, in the order of their ids."""
        return filter(None, self.snapshot())

    def snapshot(self) -> list[bytes | None]:
        """Return the todos of this moment, as TodoList.snapshot does."""
        return self.file.snapshot(self.user)

    def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]:
        """Add a todo, as TodoList.create does; its key is stored with it."""

        def insert(database: sqlite3.Connection) -> tuple[int, bytes | None]:
            select = "SELECT id, json, digest FROM todo WHERE user = ? AND key = ?"
            made = key and database.execute(select, (self.user, key)).fetchone()
            if made:
                refuse_reuse(made[2].decode(), fields)
                return made[0], made[1]
            select = "SELECT coalesce(max(id) + 1, 0) FROM todo WHERE user = ?"
            (id,) = database.execute(select, (self.user,)).fetchone()
            todo = encode_todo({**fields, "id": id})
            row = (self.user, id, todo.decode(), key, key and digest_of(fields))
            columns = "(user, id, json, key, digest, version)"
            database.execute(f"INSERT INTO todo {columns} VALUES (?, ?, ?, ?, ?, {NEXT})", row)
            return id, todo

        return self.file.write(insert)

    def read(self, id: int) -> bytes | None:
        """Return a todo."""
        todos = self.file.read(self.user).todos
        return todos[id] if 0 <= id < len(todos) else None

    def update(self, id: int, fields: dict[str, Any], check: Check = accept) -> bytes | None:
        """Merge fields into a todo, as TodoList.update does."""
        return self.replace(id, check, lambda todo: merge(todo, fields, id))[1]

    def delete(self, id: int, check: Check = accept) -> bytes | None:
        """Delete a todo, as TodoList.delete does."""
        return self.replace(id, check, lambda todo: None)[0]

    def replace(self, id: int, check: Check, make: Callable[[bytes], bytes | None]) -> tuple[bytes | None, ...]:
        """Put what `make` makes of a todo in its place; return both."""

        def change(database: sqlite3.Connection) -> tuple[bytes | None, ...]:
            this = self.user, str(id)  # which may be too large for an integer of SQLite's, but not for a text
            select = "SELECT json FROM todo WHERE user = ? AND id = ? AND json IS NOT NULL"
            row = database.execute(select, this).fetchone()
            if row is None:
                return None, None
            check(row[0])
            new = make(row[0])
            update = f"UPDATE todo SET json = ?, version = {NEXT} WHERE user = ? AND id = ?"
            database.execute(update, (new and new.decode(), *this))
            return row[0], new

        return self.file.write(change)

    def delete_all(self, check: Check = accept) -> list[bytes]:
        """Delete every todo, as TodoList.delete_all does."""

        def bury(database: sqlite3.Connection) -> list[bytes]:
            live = "user = ? AND json IS NOT NULL"
            rows = database.execute(f"SELECT json FROM todo WHERE {live} ORDER BY id", (self.user,)).fetchall()
            deleted = [todo for (todo,) in rows]
            check(json_array(deleted))
            database.execute(f"UPDATE todo SET json = NULL, version = {NEXT} WHERE {live}", (self.user,))
            return deleted

        return self.file.write(bury)


class TodoFile:
    """An SQLite file of todos as one process has it open: a connection to write, one to read, and the copy in memory.

    Writes, and the checkpoints that some of them set off, stand in line for a lock of our own. That makes WAL safe in
    every SQLite: up to 3.51.2, two connections that write and checkpoint at one instant can corrupt the file
    (wal.html#walresetbug). A rollback journal would be safe without it, but a commit takes four times as long there.
    """

    connections: list[sqlite3.Connection]  # said here, as in __init__ it would use the name before "global"

    def __init__(self, path: str) -> None:
        self.path, self.process = path, 0
        self.lists: dict[bytes, Copy] = {}  # of each user
        self.version = self.data_version = 0
        self.connections = []
        self.line: deque[Write] = deque()
        self.mutex, self.reading = threading.Lock(), threading.RLock()
        global sqlite3  # not at the top: a list in memory does without it, and it takes 4 ms and 2 MiB
        import sqlite3

    def ensure_open(self) -> None:
        """Open the file at its first use.

        In a child of the process that opened it, SQLite would take the parent's locks for its own, and others could
        delete the log under it: not even a new connection is safe there (howtocorrupt.html).
        """
        if not self.process:
            with self.reading:
                if not self.process:
                    self.open()
        if self.process != os.getpid():
            raise UnusableFile(f"{self.path}: it was used before this process was forked, use it only after")

    def open(self) -> None:
        try:
            self.lists, self.version, self.data_version = {}, 0, 0  # nothing of an attempt that failed
            refuse_foreign_file(self.path)
            self.lock = LockFile(os.open(self.path + "-lock", os.O_RDWR | os.O_CREAT, 0o666))
            with self.lock.held(time.monotonic() + MAX_WAIT):
                self.writer, self.reader = self.connect(), self.connect()
            self.identity = identity(self.path)
            self.catch_up()
            self.process = os.getpid()
        except OSError as error:
            raise UnusableFile(f"{error.filename or self.path}: {error.strerror}") from error
        except (sqlite3.Error, ListUnavailable) as error:
            kind = ListFull if isinstance(list_error(error), ListFull) else UnusableFile
            raise kind(f"{self.path}: {error}") from error
        finally:
            if not self.process:
                self.close()  # at once: a transaction that is left over would keep all others out

    def connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=MAX_WAIT, isolation_level=None, check_same_thread=False)
        self.connections.append(database)
        prepare(database)
        return database

    def close(self) -> None:
        while self.connections:
            self.connections.pop().close()

    __del__ = close

    def read(self, user: bytes) -> Copy:
        """Return the list of a user, brought up to what is committed."""
        self.ensure_open()
        with self.reading:
            self.catch_up()
        return self.lists.get(user) or Copy()

    def snapshot(self, user: bytes) -> list[bytes | None]:
        with self.reading:
            return self.read(user).todos.copy()

    def catch_up(self) -> None:
        """Read what has been committed since, by whichever connection: data_version tells if there is any news."""
        try:
            (data_version,) = self.reader.execute("PRAGMA data_version").fetchone()
            if data_version != self.data_version:
                self.read_changes()
                self.data_version = data_version
        except sqlite3.Error as error:
            raise list_error(error) from error

    def read_changes(self) -> None:
        changes = "SELECT user, id, json, version FROM todo"
        if self.version:  # else all of them, in the order they are stored in, which is faster than by version
            changes += f" WHERE version > {self.version}"
        newest, owner = self.version, None
        for user, id, todo, version in self.reader.execute(changes):
            if user != owner:
                owner, mine = user, self.lists.get(user) or self.lists.setdefault(user, Copy())
            if id >= len(mine.todos):
                mine.todos.extend([None] * (id + 1 - len(mine.todos)))
            mine.todos[id] = todo
            if version > mine.version:
                mine.version = version
                if version > newest:
                    newest = version
        self.version = newest

    def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Return what the operation returns, once it is on the disk.

        The first of the line of those who wait commits what all of them want, in one transaction, and wakes them.
        """
        self.ensure_open()
        write, deadline = Write(operation), time.monotonic() + MAX_WAIT
        with self.mutex:
            self.line.append(write)
            is_first = self.line[0] is write
        if is_first or self.wait_for_turn(write):
            self.commit_line(write, deadline)
        result: T = write.outcome()
        return result

    def wait_for_turn(self, write: Write) -> bool:
        """Tell, as soon as it is known, whether the write has become the first of the line, or else is done."""
        try:
            in_time = write.turn.acquire(timeout=MAX_WAIT)
        except BaseException:  # Ctrl-C, or gevent ends a greenlet
            self.leave_line(write)
            raise
        if not in_time:
            if self.leave_line(write):
                raise ListUnavailable("too many writes are waiting")
            write.turn.acquire()
        return not write.taken

    def leave_line(self, write: Write) -> bool:
        """Give up a write, and its turn if it has come; tell whether that could be, as it is not being committed."""
        with self.mutex:
            if not write.taken:
                is_first = self.line[0] is write
                self.line.remove(write)
                if is_first and self.line:
                    self.line[0].turn.release()
            return not write.taken

    def commit_line(self, first: Write, deadline: float) -> None:
        writes = [first]
        try:
            with self.lock.held(deadline):
                if identity(self.path) != self.identity:  # what goes to a file without a name is lost at the end
                    raise UnusableFile(f"{self.path}: the file was deleted or replaced, put it back or start again")
                with self.mutex:
                    writes = list(self.line)
                    for write in writes:
                        write.taken = True
                self.commit(writes)
                if len(writes) > 1 and isinstance(first.error, ListFull):
                    for write in writes:  # there may be room for some of them
                        self.commit([write])
        finally:
            with self.mutex:
                for _ in writes:
                    self.line.popleft()
                if self.line:
                    self.line[0].turn.release()
            for write in writes[1:]:
                write.turn.release()

    def commit(self, writes: list[Write]) -> None:
        """Carry the writes out in one transaction. One that is refused changes nothing, a failure undoes them all."""
        try:
            self.writer.execute("BEGIN IMMEDIATE")
            for write in writes:
                write.run(self.writer)
            self.writer.execute("COMMIT")
        except BaseException as error:
            for write in writes:
                write.error = list_error(error)
            if self.writer.in_transaction:  # a full disk may have ended it already (lang_transaction.html)
                self.writer.execute("ROLLBACK")
            if not isinstance(error, sqlite3.Error):
                raise


class Copy:
    """A user's list in memory, and its version: the newest of its todos."""

    def __init__(self) -> None:
        self.todos: list[bytes | None] = []
        self.version = 0


class Write:
    """A write that waits to be committed with others, and then its outcome."""

    def __init__(self, operation: Callable[[sqlite3.Connection], object]) -> None:
        self.operation = operation
        self.turn = threading.Lock()  # held until it is this write's turn, or it is done
        self.turn.acquire()
        self.taken = False  # by another one that commits it
        self.error: Exception | None = None

    def run(self, database: sqlite3.Connection) -> None:
        self.error = None
        try:
            self.result = self.operation(database)
        except sqlite3.Error:
            raise
        except Exception as error:
            self.error = error

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


class LockFile:
    """A lock that processes hold in turn, by way of a file. The system lets go of it when its holder dies."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    @contextlib.contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold the lock. Raise ListUnavailable if it is not to be had by then (time.monotonic)."""
        pause = 0.002
        while not try_lock(self.descriptor):
            if time.monotonic() > deadline:
                raise ListUnavailable("another process has been writing for too long")
            time.sleep(pause)
            pause = max(0.9 * pause, 0.0001)  # whoever has waited longer asks more often: that makes it fair
        try:
            yield
        finally:
            unlock(self.descriptor)


if sys.platform == "win32":
    import msvcrt

    def try_lock(file: int) -> bool:
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def unlock(file: int) -> None:
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def refuse_foreign_file(path: str) -> None:
    """Look whose file it is without a chance of changing it: to close a writable connection can write."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(path) and os.path.getsize(path):
        with contextlib.suppress(sqlite3.OperationalError):  # there is a transaction to roll back: `prepare` will see
            with contextlib.closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)) as database:
                check_owner(database)


def prepare(database: sqlite3.Connection) -> None:
    """Make the table if the file is new, or if it is of the first version, which had one list."""
    database.text_factory = bytes
    database.execute("PRAGMA synchronous = EXTRA")
    database.execute("PRAGMA fullfsync = 1")  # what a flush takes on macOS
    if pragma(database, "page_count") == 0:
        database.executescript(f"BEGIN IMMEDIATE; {TABLE} {INDEXES} COMMIT;")
    check_owner(database)
    if pragma(database, "user_version") == 1:
        database.executescript(f"BEGIN IMMEDIATE; {TABLE} {MIGRATION} {INDEXES} COMMIT;")
    if pragma(database, "journal_mode = WAL") == b"wal":  # no, on a file system that cannot share memory
        database.execute("PRAGMA synchronous = FULL")
    database.execute("DELETE FROM todo WHERE user = x'' AND id < 0")  # none, but one that cannot be written fails here


def identity(path: str) -> tuple[int, int] | None:
    """Tell a file from all others, and from none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def check_owner(database: sqlite3.Connection) -> None:
    if pragma(database, "application_id") != APPLICATION_ID:
        raise UnusableFile("it is the database of another program")
    if pragma(database, "user_version") > SCHEMA_VERSION:
        raise UnusableFile("a newer version of todomvc has written it: use that one")


def pragma(database: sqlite3.Connection, words: str) -> Any:
    return database.execute(f"PRAGMA {words}").fetchone()[0]


def list_error(error: BaseException) -> ListUnavailable:
    return ListFull(str(error)) if "full" in str(error) else ListUnavailable(str(error) or repr(error))


class ListUnavailable(Exception):
    """The list cannot be read or written for now."""


class Unconfirmed(ListUnavailable):
    """The connection to the list was lost before it said whether a change was carried out."""


class ListFull(ListUnavailable):
    """There is no room for the change."""


class UnusableFile(ListUnavailable):
    """The file cannot be used as a list of todos: the message names it and the reason."""


MAX_WAIT = 5  # seconds, for other writers
APPLICATION_ID = int.from_bytes(b"ToDo", "big")
SCHEMA_VERSION = 2
TABLE = """
    CREATE TABLE todo (
        user BLOB,                 -- whose list it is in: the name, or nothing for the list that is nobody's
        id INTEGER,                -- its index in the list
        json TEXT,                 -- the todo, or NULL if it is deleted
        version INTEGER NOT NULL,  -- the number of the file's change that made it so
        key TEXT,                  -- the Idempotency-Key it was created by,
        digest TEXT,               -- and of what it was created
        PRIMARY KEY (user, id)
    ) WITHOUT ROWID;
"""
INDEXES = f"""
    CREATE INDEX todo_by_version ON todo (version);
    CREATE UNIQUE INDEX todo_by_key ON todo (user, key) WHERE key IS NOT NULL;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {SCHEMA_VERSION};
"""
MIGRATION = """
    INSERT INTO todo SELECT x'', id, todo, version, key, digest FROM todos;
    DROP TABLE todos;
"""
NEXT = "(SELECT coalesce(max(version), 0) + 1 FROM todo)"


# JSON: strict where Python is lenient, so that what goes in comes out the same.


def decode_json(text: str) -> Any:
    """Return the value of a JSON text (RFC 8259). Raise ValueError for one that cannot be kept as it is."""
    if len(text) > 2 * MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH:
        refuse_depth(text)
    value, end = decoder.raw_decode(text, len(text) - len(text.lstrip(WHITESPACE)))
    if text[end:].strip(WHITESPACE):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def refuse_depth(text: str) -> None:
    """Raise ValueError if too many arrays and objects stand in each other, before a decoder goes down into them."""
    depth = 0
    for bracket in find_brackets(erase_strings("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")


def distinct_names(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a name stands twice in one object")
    return value


def finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not in JSON")


WHITESPACE = " \t\r\n"
erase_strings = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL).sub
find_brackets = re.compile(r"[][{}]").findall
decoder = json.JSONDecoder(object_pairs_hook=distinct_names, parse_float=finite_float, parse_constant=refuse_constant)
lenient_decoder = json.JSONDecoder()  # for what has been through the strict one
encode_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


# The command, and the application that a server imports.


def main(arguments: list[str] | None = None) -> None:
    """Serve the todos at a port of this machine until Ctrl-C or SIGTERM, as the arguments of the command say."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            options = make_parser(os.environ).parse_args(arguments)
            options.db = options.db or "todos.db"
            todos = open_list(options.db)
            todos.version  # noqa: B018, to be told now of a file that cannot be used
            application = make_application(todos, options)
            server = ThreadingWSGIServer((options.host, options.port), RequestHandler)
        except (OSError, ValueError, ListUnavailable) as error:
            sys.exit(f"todomvc: {error}")
        with server:
            server.application = guard_as_told(application, options, server.server_name)
            serve(server, options)


def serve(server: ThreadingWSGIServer, options: argparse.Namespace) -> None:
    if options.debug:
        arguments = options, server.server_port, modification_times(options)
        threading.Thread(target=restart_on_change, args=arguments, daemon=True).start()
    host = url_host(server.server_name)
    url = f"http://{host}:{server.server_port}/"
    print(f"Serving the todos at {url}, kept in {place(options.db)}, until Ctrl-C.", flush=True)
    if not is_loopback(host):
        print("Whoever reaches this port can read and change them: see README for a password in front.", flush=True)
    server.serve_forever()


class ReadyMade:
    """The application that a server imports, made at the first request from the environment variables TODOMVC_*."""

    def __init__(self) -> None:
        self.application: WSGIApplication | None = None
        self.lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.application is None:
            with self.lock:
                self.application = self.application or self.make()
        return self.application(environ, start_response)

    def make(self) -> WSGIApplication:
        options = make_parser(os.environ).parse_args([])
        application: WSGIApplication = make_application(open_list(options.db or ":memory:"), options)
        if not options.db:
            application = require_one_process(application)
        return guard_as_told(application, options)


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the command, whose defaults are in the environment for `app` has no other arguments."""
    narrow = functools.partial(argparse.HelpFormatter, width=80)  # else it loads shutil, with all that compresses
    parser = Parser("todomvc", description="Serve TodoMVC: the page, and its REST backend.", formatter_class=narrow)
    add = parser.add_argument
    add("--version", action="version", version=f"todomvc {__version__}")
    add("--host", default="127.0.0.1", help="the address to listen at (%(default)s)")
    add("--port", default=8000, type=port_number, help="the port to listen at; 0 is any free one (%(default)s)")
    add("--db", default=environ.get("TODOMVC_DB"), help="the file of the todos, or :memory: (todos.db)")
    add("--static", metavar="FOLDER", default=environ.get("TODOMVC_STATIC"), help="the files of another client")
    add("--templates", metavar="FOLDER", default=environ.get("TODOMVC_TEMPLATES"), help="the page of another client")
    add("--allow-host", metavar="NAME", default=environ.get("TODOMVC_HOSTS", ""), type=host_names,
        help="another name that this server is called by; several: with commas")  # fmt: skip
    add("--cors", metavar="ORIGIN", default=environ.get("TODOMVC_CORS", ""), type=origins,
        help="an origin whose scripts may use the API, or *; several: with commas")  # fmt: skip
    add("--user-header", metavar="NAME", default=environ.get("TODOMVC_USER_HEADER"), type=header_name,
        help="the header in which the proxy in front names the user, each of whom has a list then")  # fmt: skip
    add("--todo-backend", action="store_true", default=is_set(environ, "TODOMVC_TODO_BACKEND"),
        help="answer as the Todo-Backend specification asks")  # fmt: skip
    add("--debug", action="store_true", default=is_set(environ, "TODOMVC_DEBUG"),
        help="show tracebacks in the browser, and start again when a file has changed")  # fmt: skip
    return parser


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line, to whoever asked."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def is_set(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "") not in ("", "0")


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def header_name(text: str) -> str:
    if text and not re.fullmatch("[A-Za-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a header, such as X-Remote-User")
    return text


def words(pattern: str, kind: str) -> Callable[[str], list[str]]:
    """Return what takes a text apart into words between commas or spaces, each of which must match the pattern."""

    def parse(text: str) -> list[str]:
        found = text.lower().replace(",", " ").split()
        for word in found:
            if not re.fullmatch(pattern, word):
                raise argparse.ArgumentTypeError(f"{word!r} is not {kind}")
        return found

    return parse


HOST = r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])"
host_names = words(HOST, "a name without a port, such as todos.example.org")
origins = words(rf"\*|[a-z][a-z0-9+.-]*://{HOST}(?::[0-9]+)?", "an origin, such as https://example.org, or *")


def make_application(todos: AnyTodoList, options: argparse.Namespace) -> TodoMVC:
    folders = options.static, options.templates
    return TodoMVC(todos, *folders, debug=options.debug, todo_backend=options.todo_backend)


def open_list(db: str) -> AnyTodoList:
    """Return the list that --db names. Raise ValueError if what it takes is not installed."""
    if db == ":memory:":
        return TodoList()
    if not is_postgres(db):
        try:
            return SQLiteTodoList(db)
        except ImportError as error:
            raise ValueError(f"SQLite: {error}, which this Python was built without: use --db :memory:") from None
    sys.modules.setdefault("todomvc", sys.modules[__name__])  # as the command, this module has another name
    try:
        from todomvc_postgres import PostgresTodoList
    except ImportError as error:
        raise ValueError(f"PostgreSQL: {error}, which pip install 'todomvc.py[postgres]' brings") from None
    return PostgresTodoList(db)


def place(db: str) -> str:
    """Say where the todos are; the URL of a database can have a password in it."""
    if is_postgres(db):
        return "PostgreSQL"
    return "memory" if db == ":memory:" else os.path.abspath(db)


is_postgres = re.compile("postgres(?:ql)?://").match


def guard_as_told(app: WSGIApplication, options: argparse.Namespace, bound_to: str = "") -> WSGIApplication:
    """Guard an application; where it is not bound to a loopback address, any name will do unless some are given."""
    hosts = options.allow_host or None
    if is_loopback(url_host(bound_to)):
        hosts = [*options.allow_host, url_host(options.host.lower())]
    return guard(app, hosts, ["*"] if options.todo_backend else options.cors, options.user_header)


class ThreadingWSGIServer(socketserver.ThreadingTCPServer):
    """A server with a thread for each connection, for browsers open some that they send nothing on.

    A connection may last MAX_CONNECTION_SECONDS; when there are MAX_CONNECTIONS, the oldest makes room for a new one.
    """

    daemon_threads = allow_reuse_address = True
    request_queue_size = 128
    application: WSGIApplication

    def __init__(self, address: tuple[str, int], handler: type[RequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.connections: dict[socket.socket, float] = {}  # when each began, the oldest first
        try:
            super().__init__(address, handler)
        except OSError as error:
            raise OSError(f"cannot listen at port {address[1]} of {address[0]}: {error.strerror}") from None
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Shut down the connections that have lasted too long, or are too many; the thread of each then ends."""
        connections, now = list(self.connections.items()), time.monotonic()
        too_many = len(connections) - MAX_CONNECTIONS
        for number, (connection, began) in enumerate(connections):
            if number < too_many or now - began > MAX_CONNECTION_SECONDS:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        self.connections.pop(request, None)
        super().shutdown_request(request)


class RequestHandler(socketserver.StreamRequestHandler):
    """A connection: the head of a request is read here, and strictly (RFC 9112); wsgiref does what is left."""

    timeout = 30  # seconds for the next bytes
    timeout_of_closing = 2  # likewise, once all is said
    server: ThreadingWSGIServer

    def handle(self) -> None:
        name, port = self.server.server_name, str(self.server.server_port)
        environ = {"SERVER_NAME": name, "SERVER_PORT": port, "REMOTE_ADDR": self.client_address[0], **UNREAD}
        with contextlib.suppress(OSError):  # the client has gone, or said nothing for too long
            try:
                line = environ["todomvc.request_line"] = read_line(self.rfile, "414 URI Too Long")
                if not line.strip():
                    return
                request = parse_request_line(line)
                environ.update(request)  # already, as a HEAD that is refused has no body either
                fields = read_fields(self.rfile)
                refuse_ambiguity(request["SERVER_PROTOCOL"], fields)
                environ = {**environ, **header_variables(fields), **request}
                application = self.server.application
            except HTTPError as error:
                application = refusal(error)
            Answer(self.rfile, self.wfile, sys.stderr, environ).run(application)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Close in two steps: what a client still sends could otherwise cost it the answer (RFC 9112, section 9.6)."""
        super().finish()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(self.timeout_of_closing)
            while self.connection.recv(MAX_HEAD):
                pass


class Answer(SimpleHandler):
    """How wsgiref answers, with a log, but no length of what has no body, and no traceback for a client that left."""

    environ: WSGIEnvironment
    status: str | None
    bytes_sent: int
    server_software = "todomvc"
    os_environ = {}  # noqa: RUF012, the variables of the process are no part of a request

    def set_content_length(self) -> None:
        """Leave it to the application (RFC 9110, section 8.6)."""

    def log_exception(self, exc_info: Any) -> None:
        if not isinstance(exc_info[1], OSError):
            super().log_exception(exc_info)

    def close(self) -> None:
        """Write a line to the log, without what would end it, or do something to a terminal."""
        line = self.environ["todomvc.request_line"].rstrip().decode("latin-1").encode("unicode_escape").decode()
        line = line.replace('"', r"\x22")
        client, now = self.environ["REMOTE_ADDR"], time.strftime("%d/%b/%Y %H:%M:%S")
        self.get_stderr().write(f'{client} - - [{now}] "{line}" {str(self.status)[:3]} {self.bytes_sent}\n')
        super().close()


def read_line(file: io.BufferedIOBase, too_long: str) -> bytes:
    """Return the next line, or nothing at the end. Raise HTTPError of the status `too_long` if it is that."""
    line = file.readline(MAX_HEAD + 1)
    if len(line) > MAX_HEAD:
        raise HTTPError(too_long, f"Send a request line of at most {MAX_HEAD} bytes, and as many of headers.")
    return line


def parse_request_line(line: bytes) -> dict[str, str]:
    """Return what a request line says, as the environ has it. Raise HTTPError 400, or 505 for another protocol."""
    request = match_request_line(line.decode("latin-1"))
    if not request:
        raise HTTPError("400 Bad Request", "Send a request of HTTP/1.1: this is none.")
    method, target, version = request.groups()
    if not version.startswith("HTTP/1."):
        raise HTTPError("505 HTTP Version Not Supported", "Send a request of HTTP/1.1.")
    environ = {"REQUEST_METHOD": method, "SERVER_PROTOCOL": version}
    absolute = match_absolute(target)
    if absolute:  # the header has no say then (RFC 9112, section 3.2.2)
        environ["HTTP_HOST"], target = absolute.groups()
    path, _, query = target.partition("?")
    return {**environ, "PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query}


def read_fields(file: io.BufferedIOBase) -> list[tuple[str, str]]:
    """Return the headers, each a name in lower case and a value. Raise HTTPError 400, or 431 for too much."""
    fields: list[tuple[str, str]] = []
    size = 0
    while True:
        line = read_line(file, TOO_MUCH)
        if line in (b"\r\n", b"\n"):
            return fields
        found = match_field(line.decode("latin-1"))
        if not found:
            raise HTTPError("400 Bad Request", "Send headers as HTTP/1.1 has them, each a line, and then an empty one.")
        fields.append((found[1].lower(), found[2].strip(" \t")))
        size += len(line)
        if size > MAX_HEAD or len(fields) > MAX_FIELDS:
            raise HTTPError(TOO_MUCH, f"Send at most {MAX_FIELDS} headers, and {MAX_HEAD} bytes of them.")


def refuse_ambiguity(version: str, fields: list[tuple[str, str]]) -> None:
    """Raise HTTPError 400 for what another server, a proxy say, could read otherwise (RFC 9112, sections 3.2, 6.3)."""
    hosts, lengths, codings = (
        [value for name, value in fields if name == wanted]
        for wanted in ("host", "content-length", "transfer-encoding")
    )
    if len(hosts) > 1 or not (hosts or version == "HTTP/1.0"):
        raise HTTPError("400 Bad Request", "Send one Host.")
    if len(lengths + codings) > 1 or not all(map(is_length, lengths)):
        raise HTTPError("400 Bad Request", "Send one Content-Length, a number of bytes, or one Transfer-Encoding.")


def header_variables(fields: list[tuple[str, str]]) -> dict[str, str]:
    """Return headers as the environ has them (RFC 3875, section 4.1.18)."""
    variables: dict[str, str] = {}
    for name, value in fields:
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = "HTTP_" + variable
        if "_" not in name:  # it would be taken for another one, with a "-"
            variables[variable] = f"{variables[variable]},{value}" if variable in variables else value
    return variables


def refusal(error: HTTPError) -> WSGIApplication:
    """Return an application that answers with the error, whatever it is asked."""
    response = problem_response(error)  # not the error, which would hold on to all that was read

    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send(response, environ, start_response)

    return refuse


FIELD_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
match_request_line = re.compile(rf"({FIELD_NAME}) ([!-~\x80-\xff]+) (HTTP/[0-9]\.[0-9])\r?\n").fullmatch
match_field = re.compile(rf"({FIELD_NAME}):([^\r\n\0]*)\r?\n").fullmatch
match_absolute = re.compile("https?://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL).fullmatch
UNREAD = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.0", "todomvc.request_line": b""}
TOO_MUCH = "431 Request Header Fields Too Large"
MAX_HEAD = 65536  # bytes of a request line, and of all headers
MAX_FIELDS = 100
MAX_CONNECTIONS = 500
MAX_CONNECTION_SECONDS = 120


def restart_on_change(options: argparse.Namespace, port: int, before: dict[Path, int]) -> None:
    """Start the program again, at the same port, when one of its files has changed and all are fit for use."""
    now = before
    while True:
        time.sleep(0.25)
        now, last = modification_times(options), now
        if now == last != before:  # not while a file is still being written
            before = now
            if is_fit(options):
                os.execv(sys.executable, [sys.executable, *sys.argv, "--port", str(port)])


def modification_times(options: argparse.Namespace) -> dict[Path, int]:
    folders = Path(options.static or HERE / "static"), Path(options.templates or HERE / "templates")
    files = [Path(__file__), *(file for folder in folders for file in folder.rglob("*"))]
    return {file: file.stat().st_mtime_ns for file in files if file.exists()}


def is_fit(options: argparse.Namespace) -> bool:
    try:
        compile(Path(__file__).read_bytes(), __file__, "exec")
        make_application(TodoList(), options)
    except (OSError, SyntaxError, ValueError):
        sys.excepthook(*sys.exc_info())
        return False
    return True


app = application = ReadyMade()  # "app" by custom, "application" for mod_wsgi

if __name__ == "__main__":
    main()
