#!/usr/bin/env python3
"""The backend of TodoMVC as a micro-implementation: a WSGI application by hand, on the standard library alone.

Three ways to run it::

    python3 todomvc.py                            # the command: http://127.0.0.1:8000/, todos kept in todos.db
    gunicorn todomvc:app                          # under any WSGI server
    application = TodoMVC(open_list("todos.db"))  # embedded in a program of your own

This file needs only the folders static/ and templates/ beside it to serve a list in memory::

    from wsgiref.simple_server import make_server
    from todomvc import TodoMVC

    make_server("127.0.0.1", 8000, TodoMVC()).serve_forever()

It implements the CRUD of the tutorial "Flask TodoMVC 2: Backbone Sync"::

    GET                      /              the page, with the live todos in it
    GET, POST, DELETE        /todos/        the list: read it, add a todo, delete all todos (with or without the slash)
    GET, PUT, PATCH, DELETE  /todos/<int>   one todo: read it, merge fields into it, delete it
    GET                      /<path>        a file of static/

A todo is any JSON object. Its id is its index in the list. A deleted todo leaves ``None`` there, so that no id is ever
used twice.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import html
import io
import json
import math
import os
import re
import sys
import threading
import time
import traceback
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__version__ = "1.0.0"
__all__ = ["ListFull", "ListUnavailable", "TodoList", "TodoMVC", "Unconfirmed", "app", "application", "open_list"]

HERE = Path(__file__).resolve().parent
MAX_USER = 500  # characters of a user's name


class TodoMVC:
    """The WSGI application (PEP 3333). It serves a shared list, and a list to each user that REMOTE_USER names.

    todos: the list to serve; by default a new TodoList.
    static: the folder of the static files; by default the one beside this file.
    templates: the folder with the page, index.html: a PageTemplate; by default that of `static`, if it has one, or else
        the one beside this file.
    debug: whether a 500 response shows the traceback, to a client on the same machine.
    todo_backend: whether to follow the Todo-Backend specification (todobackend.com): each todo has `completed` and an
        absolute `url`.
    offline: whether the page opens when the server is away, by its service worker.

    The folders are read at the start. With `debug`, or if they are not those beside this file, they are read again when
    they are asked for, at most once a second. Raises OSError if a folder or the page cannot be read, ValueError if the
    page is not UTF-8.
    """

    def __init__(
        self,
        todos: AnyTodoList | None = None,
        static: str | os.PathLike[str] | None = None,
        templates: str | os.PathLike[str] | None = None,
        *,
        debug: bool = False,
        todo_backend: bool = False,
        offline: bool = True,
    ) -> None:
        self.todos = TodoList() if todos is None else todos
        self.debug, self.todo_backend = debug, todo_backend
        # The policy fits the page beside this file. Another page may need scripts and styles from anywhere.
        self.page_headers = PAGE_HEADERS if static or templates else [*PAGE_HEADERS, CONTENT_SECURITY_POLICY]
        self.static = locate(Path(static or HERE / "static"))
        self.templates = locate(Path(templates or HERE / "templates"))
        self.static_has_page = bool(static and not templates)
        self.offline, self.static_is_own = offline, bool(static)
        self.files: dict[str, Document] = {}
        self.api_description = read_api_description(self.page_headers)
        self.read_folders()
        self.next_read = time.monotonic() + SECONDS_BETWEEN_READS if static or templates or debug else math.inf
        self.pages, self.lists = DocumentCache(), DocumentCache()
        read, update, delete = self.read_todo, self.update_todo, self.delete_todo
        self.routes = [
            route(r"/?|/index\.html", GET=self.page),
            route("/todos/?", GET=self.list_todos, POST=self.create_todo, DELETE=self.delete_all_todos),
            route("/todos/0*([0-9]{1,18})", GET=read, PUT=update, PATCH=update, DELETE=delete),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send(self.attempt(environ, self.respond), environ, start_response)

    def attempt(self, environ: WSGIEnvironment, respond: Callable[[WSGIEnvironment], Response]) -> Response:
        """Return the response, or that of the error which was raised."""
        try:
            return respond(environ)
        except HTTPError as error:
            return error_response(error, environ)
        except TodoTooLarge as error:
            return error_response(HTTPError("413 Content Too Large", str(error)), environ)
        except ListUnavailable as error:
            print(f"todomvc: {error}", file=environ["wsgi.errors"], flush=True)
            return error_response(unavailable_error(error), environ)
        except Exception:
            trace = traceback.format_exc()
            print(trace, end="", file=environ["wsgi.errors"], flush=True)
            is_shown = self.debug and is_loopback(url_host(environ.get("REMOTE_ADDR", "")))
            detail = trace if is_shown else SEE_LOG
            return error_response(HTTPError("500 Internal Server Error", detail), environ)

    def respond(self, environ: WSGIEnvironment) -> Response:
        path = environ.get("PATH_INFO", "")
        for pattern, handlers in self.routes:
            match = pattern.fullmatch(path)
            if match:
                return self.respond_from_list(environ, handlers, *match.groups())
        self.refresh_folders(environ)
        document = self.files.get(path)
        if document:
            return handle(environ, {"GET": document.response, "HEAD": document.response})
        return self.respond_from_list(environ, {})

    def respond_from_list(self, environ: WSGIEnvironment, handlers: Handlers, *arguments: str) -> Response:
        """Return the response of a handler, or of the error that it raised. Both name the list."""
        todos = self.list_of(environ)
        identity = todos.identity

        def respond(environ: WSGIEnvironment) -> Response:
            if environ["REQUEST_METHOD"] in WRITES:
                refuse_other_list(identity, environ)
            return handle(environ, handlers, todos, *arguments)

        response = self.attempt(environ, respond)
        return response._replace(headers=[*response.headers, ("Todo-List", identity)])

    def read_folders(self) -> None:
        files = read_static_files(self.static, self.page_headers, self.todos.files, self.files)
        self.files = files | self.api_description
        if not self.offline or (self.static_is_own and "/sw.js" not in files):
            self.files["/sw.js"] = NO_WORKER
        has_page = self.static_has_page and "/index.html" in self.files
        self.template = read_template((self.static if has_page else self.templates) / "index.html")

    def refresh_folders(self, environ: WSGIEnvironment) -> None:
        """Read the folders again if they may have changed. What cannot be read now stays as it was."""
        now = time.monotonic()
        if now >= self.next_read:
            self.next_read = now + SECONDS_BETWEEN_READS
            try:
                self.read_folders()
            except (OSError, ValueError, zipfile.BadZipFile) as error:
                print(f"todomvc: {error}", file=environ["wsgi.errors"], flush=True)

    def page(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        self.refresh_folders(environ)
        root, identity, template = root_url(environ), todos.identity, self.template
        if root != "/" and not environ.get("PATH_INFO"):  # the page's address ends with a slash, also where mounted
            return redirect(root, environ)

        def render() -> Document:
            page = fill_template(template, root, environ.get("REMOTE_USER") or "", identity, json_array(todos))
            return Document(page, "text/html; charset=utf-8", self.page_headers, salt=identity)

        key = environ.get("REMOTE_USER"), identity, root, template.template
        return self.pages.latest(key, todos.version, render).response(environ)

    def list_todos(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        url, identity = list_url(environ) if self.todo_backend else "", todos.identity

        def render() -> Document:
            return Document(self.represent(json_array(todos), environ), "application/json", salt=identity)

        key = environ.get("REMOTE_USER"), identity, url
        return self.lists.latest(key, todos.version, render).response(environ)

    def create_todo(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        key = idempotency_key(environ)
        fields = read_json_object(environ)
        if self.todo_backend:
            fields.setdefault("completed", False)
        try:
            id, todo = todos.create(fields, key)
        except KeyReused:
            detail = "This Idempotency-Key made another todo: use a new key."
            raise HTTPError("422 Unprocessable Content", detail) from None
        if todo is None:
            raise HTTPError("410 Gone", "The todo of this Idempotency-Key is deleted: use a new key to make another.")
        location = ("Location", f"{root_url(environ)}todos/{id}")
        return tagged(self.represent(todo, environ), [JSON, location], todos.identity)

    def delete_all_todos(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        if environ.get("QUERY_STRING"):
            raise HTTPError("400 Bad Request", "Leave out the query: this deletes all todos, not those of a query.")
        if "HTTP_IF_MATCH" not in environ and not self.todo_backend:  # its specification has no conditions
            detail = "Send If-Match with the entity tag of the list, or with * to delete all todos in any case."
            raise HTTPError("428 Precondition Required", detail)
        deleted = todos.delete_all(self.precondition(environ, todos))
        return json_response(self.represent(json_array(deleted), environ))

    def read_todo(self, environ: WSGIEnvironment, todos: AnyTodoList, id: str) -> Response:
        todo = found(todos.read(int(id)))
        return unless_current(tagged(self.represent(todo, environ), [JSON], todos.identity), environ)

    def update_todo(self, environ: WSGIEnvironment, todos: AnyTodoList, id: str) -> Response:
        found(todos.read(int(id)))  # 404 comes before anything that is wrong with the body
        is_patch = environ["REQUEST_METHOD"] == "PATCH" and media_type(environ) == MERGE_PATCH
        fields = read_json_object(environ, MERGE_PATCH if is_patch else "application/json")
        todo = found(todos.update(int(id), fields, self.precondition(environ, todos), is_patch))
        return tagged(self.represent(todo, environ), [JSON], todos.identity)

    def delete_todo(self, environ: WSGIEnvironment, todos: AnyTodoList, id: str) -> Response:
        todo = found(todos.delete(int(id), self.precondition(environ, todos)))
        return json_response(self.represent(todo, environ))

    def list_of(self, environ: WSGIEnvironment) -> AnyTodoList:
        """Return the list of the user whom the server has authenticated (REMOTE_USER: RFC 3875, section 4.1.11)."""
        user = environ.get("REMOTE_USER") or ""
        if len(user) > MAX_USER:
            raise HTTPError("400 Bad Request", f"The name of a user may have {MAX_USER} characters at most.")
        return self.todos.of(user)

    def precondition(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Check | None:
        """Return what a write checks of the stored todo before it changes it, if the request has a condition."""
        if environ.get("HTTP_IF_MATCH", "*") != "*" or "HTTP_IF_NONE_MATCH" in environ:
            return lambda stored: refuse_changed(self.represent(stored, environ), environ, todos.identity)
        return None

    def represent(self, stored: bytes, environ: WSGIEnvironment) -> bytes:
        return add_urls(stored, list_url(environ)) if self.todo_backend else stored


def refuse_other_list(identity: str, environ: WSGIEnvironment) -> None:
    """Raise HTTPError 409 for a write that names another list, or another user, than those that it would reach."""
    user = (environ.get("REMOTE_USER") or "").encode("utf-8", "surrogatepass")
    if "HTTP_TODO_USER" in environ and unquote_to_bytes(environ["HTTP_TODO_USER"]) != user:
        detail = "This was meant for the list of another user: load the page again."
        raise HTTPError("409 Conflict", detail, type=f"{PROBLEMS}#other-user")
    if environ.get("HTTP_TODO_LIST", identity) != identity:
        detail = "This was meant for another list, in which an id names another todo: load the page again."
        raise HTTPError("409 Conflict", detail, type=f"{PROBLEMS}#other-list")


def found(todo: bytes | None) -> bytes:
    if todo is None:
        raise HTTPError("404 Not Found", "No todo has this id: see the list.")
    return todo


def add_urls(body: bytes, url: str) -> bytes:
    """Return a todo, or an array of todos, with a `url` in each: that of the list and the todo's id."""
    value = json.loads(body)
    for todo in value if isinstance(value, list) else [value]:
        todo["url"] = f"{url}{todo['id']}"
    return encode_safely(value)


def list_url(environ: WSGIEnvironment) -> str:
    """Return the absolute URL of the list (PEP 3333, URL Reconstruction)."""
    host = environ.get("HTTP_HOST") or f"{url_host(environ['SERVER_NAME'])}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}{root_url(environ)}todos/"


def unavailable_error(error: ListUnavailable) -> HTTPError:
    is_unconfirmed = isinstance(error, Unconfirmed)
    if isinstance(error, ListFull):
        outcome = "nobody can tell whether it was changed" if is_unconfirmed else "nothing was changed"
        return HTTPError("507 Insufficient Storage", f"The disk is full and {outcome}: make room first.")
    detail = "Nothing was changed: try again soon."
    if is_unconfirmed:
        detail = "Nobody can tell whether it was changed: read it before you try again."
    return HTTPError("503 Service Unavailable", detail, ("Retry-After", "1"))


def error_response(error: HTTPError, environ: WSGIEnvironment) -> Response:
    """Return an error as problem details under /todos/, where programs ask, and elsewhere as a page for people."""
    if error.type.startswith(PROBLEMS) or f"{environ.get('PATH_INFO', '')}/".startswith("/todos/"):
        return problem_response(error)
    words = {"title": error.status, "detail": error.detail, "root": root_url(environ)}
    body = ERROR_PAGE.substitute({name: html.escape(text) for name, text in words.items()}).encode()
    headers = [("Content-Type", "text/html; charset=utf-8"), *PAGE_HEADERS, CONTENT_SECURITY_POLICY, *error.headers]
    return Response(error.status, headers, body)


PROBLEMS = "https://github.com/todomvc-py/todomvc.py/blob/main/docs/api.md"
SEE_LOG = "The server failed, and its log says why: try again, or tell its operator."
ERROR_PAGE = Template("""\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>$title</title>
<h1>$title</h1><pre>$detail</pre><p><a href="$root">Back to the todos</a></p></html>
""")


# HTTP: requests, responses, conditional requests and errors.

Header = tuple[str, str]
MAX_BODY = 1024 * 1024  # bytes of a request body
MAX_DISCARDED = 8 * MAX_BODY  # bytes that are read of a body that nobody wants
MAX_CACHED = 64 * MAX_BODY  # bytes of the documents in one cache
MAX_TURN = 5  # seconds to wait while another request renders the same document
MIN_GZIPPED = 1000  # bytes of a body; the gzip coding of a shorter one saves nothing


class Response(NamedTuple):
    """What the server is to send: status line, header fields and body."""

    status: str
    headers: list[Header]
    body: bytes


class HTTPError(Exception):
    """An error response: its status line, a sentence that says what to do, and header fields of its own.

    type: the URI of the kind of problem, where the status alone does not tell it (RFC 9457, section 3.1.1).
    """

    def __init__(self, status: str, detail: str, *headers: Header, type: str = "about:blank") -> None:
        super().__init__(status)
        self.status, self.detail, self.headers, self.type = status, detail, headers, type


Handler = Callable[..., Response]  # takes the environ, the list, and the groups of the route's pattern
Handlers = dict[str, Handler]  # by method


def route(pattern: str, **handlers: Handler) -> tuple[re.Pattern[str], Handlers]:
    """Return a row of the table of routes. The handler of GET answers HEAD, too (RFC 9110, section 9.3.2)."""
    if "GET" in handlers:
        handlers["HEAD"] = handlers["GET"]
    return re.compile(pattern), handlers


def handle(environ: WSGIEnvironment, handlers: Handlers, *arguments: Any) -> Response:
    """Return the response of the handler of the request's method. Raise HTTPError 404 or 405 if there is none."""
    method = environ["REQUEST_METHOD"]
    if method in handlers:
        return handlers[method](environ, *arguments)
    if not handlers:
        raise HTTPError("404 Not Found", "There is nothing at this address.")
    allow = ("Allow", ", ".join(sorted({*handlers, "OPTIONS"})))
    if method == "OPTIONS":
        return Response("204 No Content", [allow, ACCEPT_PATCH] if "PATCH" in handlers else [allow], b"")
    raise HTTPError("405 Method Not Allowed", f"Use one of these methods here: {allow[1]}.", allow)


class Document:
    """A response that is sent many times. Its entity tag and its gzip coding are computed once.

    body: the content; content_type: its media type; headers: more header fields; gzip_level: from 1, fast, to 9, small;
    salt: that of the entity tag.
    """

    def __init__(
        self, body: bytes, content_type: str, headers: Iterable[Header] = (), gzip_level: int = 4, salt: str = ""
    ) -> None:
        is_text = re.match(r"text/|.*[/+](json|xml)", content_type)
        self.vary = [("Vary", "Accept-Encoding")] if is_text and len(body) > MIN_GZIPPED else []
        self.plain = tagged(body, [("Content-Type", content_type), *self.vary, *headers], salt)
        self.gzipped: Response | None = None
        self.version: object = None  # of the todos or of the file in it
        self.began = 0.0  # when it was begun, by time.monotonic
        self.gzip_level, self.compressing = gzip_level, threading.Lock()
        self.size = 2 * len(body) + 2000  # an upper bound of its memory in bytes, with the gzip coding

    def response(self, environ: WSGIEnvironment) -> Response:
        """Return 200 in the content coding that the client prefers, or 304 if the client has that representation."""
        wants_gzip = self.vary and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        return unless_current(self.gzip() if wants_gzip else self.plain, environ)

    def gzip(self) -> Response:
        with self.compressing:
            if self.gzipped is None:
                body, fields = gzip.compress(self.plain.body, self.gzip_level, mtime=0), dict(self.plain.headers)
                fields |= {"Content-Encoding": "gzip", "ETag": tag_of_gzip(fields["ETag"])}
                self.gzipped = Response("200 OK", list(fields.items()), body)
            return self.gzipped


class DocumentCache:
    """The latest document of each key. A version is rendered once, however many ask for it at the same moment."""

    def __init__(self) -> None:
        self.renderings: OrderedDict[Hashable, Document] = OrderedDict()  # by key, the oldest first
        self.size = 0  # bytes
        self.lock = threading.Lock()
        self.turns = [threading.Lock() for _ in range(64)]  # each for the keys of a hash value

    def latest(self, key: Hashable, version: object, render: Callable[[], Document]) -> Document:
        """Return a document that is not older than this version, which was read before.

        While another request renders the document, this one waits. A rendering that began after its arrival will do.
        """
        last = self.renderings.get(key)
        if last and last.version == version:
            return last
        arrival = time.monotonic()
        turn = self.turns[hash(key) % len(self.turns)]
        is_held = turn.acquire(timeout=MAX_TURN)
        try:
            last = self.renderings.get(key)
            if last and (last.version == version or last.began > arrival):
                return last
            began = time.monotonic()
            document = render()
            document.version, document.began = version, began
            self.keep(key, document)
            return document
        finally:
            if is_held:
                turn.release()

    def keep(self, key: Hashable, document: Document) -> None:
        with self.lock:
            last = self.renderings.pop(key, None)
            self.renderings[key] = document
            self.size += document.size - (last.size if last else 0)
            while self.size > MAX_CACHED and len(self.renderings) > 1:
                _, oldest = self.renderings.popitem(last=False)
                self.size -= oldest.size


def tagged(body: bytes, headers: list[Header], salt: str) -> Response:
    """Return 200 with a body and its entity tag."""
    return Response("200 OK", [*headers, ("ETag", entity_tag(body, salt))], body)


def unless_current(response: Response, environ: WSGIEnvironment) -> Response:
    """Return the response to a GET, or 304 if the client has its representation already (RFC 9110, section 15.4.5)."""
    if "HTTP_IF_NONE_MATCH" not in environ or not client_has(dict(response.headers)["ETag"], environ):
        return response
    return Response("304 Not Modified", [field for field in response.headers if field[0] in ("ETag", "Vary")], b"")


def refuse_changed(body: bytes, environ: WSGIEnvironment, salt: str) -> None:
    """Raise HTTPError 412 where If-Match or If-None-Match forbids changing a representation (RFC 9110, 13.1)."""
    tag = entity_tag(body, salt)
    tags = {tag, tag_of_gzip(tag)}
    expected = environ.get("HTTP_IF_MATCH", "*").strip()
    is_expected = expected == "*" or not tags.isdisjoint(ENTITY_TAG.findall(expected))  # strong: W/"..." never matches
    if not is_expected or any(client_has(tag, environ) for tag in tags):
        raise HTTPError("412 Precondition Failed", "It has changed since you read it: read it again, then decide.")


def client_has(tag: str, environ: WSGIEnvironment) -> bool:
    """Tell whether If-None-Match lists an entity tag (RFC 9110, section 13.1.2: the comparison is weak)."""
    known = environ.get("HTTP_IF_NONE_MATCH", "").strip()
    return known == "*" or tag in (listed.removeprefix("W/") for listed in ENTITY_TAG.findall(known))


def entity_tag(body: bytes, salt: str) -> str:
    """Return the entity tag of a representation: a hash, so that every server gives the same (RFC 9110, 8.8.3).

    salt: what tells representations apart whose bytes are the same, such as todos of two lists.
    """
    return f'"{hashlib.sha256(salt.encode() + body).hexdigest()[:32]}"'


def tag_of_gzip(tag: str) -> str:
    """Return the entity tag of the gzip coding, which must be another one (RFC 9110, section 8.8.3.3)."""
    return f'{tag[:-1]}-gzip"'


@functools.lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether Accept-Encoding has gzip and weighs it no less than identity (RFC 9110, section 12.5.3)."""
    weights = {}
    for item in accept_encoding.lower().split(","):
        coding, _, weight = item.replace(" ", "").replace("\t", "").partition(";q=")
        weights[coding] = float(weight or 1) if re.fullmatch(r"(0(\.[0-9]{0,3})?|1(\.0{0,3})?)?", weight) else 0
    weight_of_gzip = weights.get("gzip", weights.get("*", 0))
    return weight_of_gzip > 0 and weight_of_gzip >= weights.get("identity", 0)


def read_json_object(environ: WSGIEnvironment, declared: str = "application/json") -> Fields:
    """Return the JSON object in the request body, declared as this media type.

    Raise HTTPError 400, 411, 413 or 415 if there is none.
    """
    if media_type(environ) != declared:
        detail = "Declare the body as JSON with Content-Type: application/json."
        raise HTTPError("415 Unsupported Media Type", detail, ACCEPT_PATCH)
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() not in ("identity", ""):
        detail = "Send the body as it is, without a Content-Encoding."
        raise HTTPError("415 Unsupported Media Type", detail, ("Accept-Encoding", "identity"))
    body = read_body(environ)
    try:
        value = decode_json(body.decode().removeprefix("\ufeff"))  # a byte order mark (RFC 8259, section 8.1)
    except UnicodeDecodeError as error:
        raise HTTPError("400 Bad Request", f"Send JSON in UTF-8: byte {error.start} of the body is not.") from None
    except ValueError as error:
        raise HTTPError("400 Bad Request", f"Send a JSON object: {error}.") from None
    if not isinstance(value, dict):
        raise HTTPError("400 Bad Request", "Send a JSON object, and not another JSON value.")
    return value


def media_type(environ: WSGIEnvironment) -> str:
    """Return the media type of the request body, without parameters, in lower case."""
    content_type: str = environ.get("CONTENT_TYPE", "")
    return content_type.partition(";")[0].strip().lower()


def read_body(environ: WSGIEnvironment) -> bytes:
    """Return the request body. Raise HTTPError 400, 411 or 413 if it cannot be read or is too long."""
    length = content_length(environ)
    if length is None and not environ.get("wsgi.input_terminated"):  # a read past the end would wait for ever
        raise HTTPError("411 Length Required", "Send the length of the body in Content-Length.")
    if length is not None and length > MAX_BODY:
        raise HTTPError("413 Content Too Large", f"Send at most {MAX_BODY} bytes.")
    try:
        body = b"".join(read_pieces(environ, MAX_BODY + 1 if length is None else length))
    except OSError:  # what servers raise when the client has gone
        raise HTTPError("400 Bad Request", "Send the whole body: the connection broke off.") from None
    if len(body) > MAX_BODY:
        raise HTTPError("413 Content Too Large", f"Send at most {MAX_BODY} bytes.")
    environ["wsgi.input"] = KeptBody(body)
    if length is not None and len(body) < length:
        raise HTTPError("400 Bad Request", f"Send the whole body: of {length} bytes, {len(body)} came.")
    return body


class KeptBody(io.BytesIO):
    """A request body that has been read, for middleware that reads it again."""


def send(response: Response, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Read what is left of the request body, then send the response; that to HEAD without its body."""
    if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
        discard_body(environ)
    has_length = response.status[:3] not in ("204", "304")  # RFC 9110, section 8.6
    length = [("Content-Length", str(len(response.body)))] if has_length else []
    caching = PRIVATE if environ.get("REMOTE_USER") else NO_CACHE
    start_response(response.status, [*response.headers, *length, caching, *COMMON_HEADERS])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]


def discard_body(environ: WSGIEnvironment) -> None:
    """Read a request body that was refused unread, unless it is huge.

    A server that closes the connection on unread bytes could cost the client the response. One that keeps it open could
    take them for the next request, as cheroot does with a chunked body.
    """
    if environ.get("todomvc.drops_body") or isinstance(environ["wsgi.input"], KeptBody):
        return
    with contextlib.suppress(Exception):  # the response stands, whatever is wrong with the body
        length = content_length(environ)
        if length is None and environ.get("wsgi.input_terminated"):
            length = MAX_DISCARDED
        if length is not None and length <= MAX_DISCARDED:
            for _ in read_pieces(environ, length):
                pass


def content_length(environ: WSGIEnvironment) -> int | None:
    """Return Content-Length in bytes, or None if the request has none. Raise HTTPError 400 if it is not a number."""
    length = environ.get("CONTENT_LENGTH")
    if not length:  # wsgiref sets it to "" where there is none
        return None
    if not is_length(length):
        raise HTTPError("400 Bad Request", "Send a Content-Length that is a number of bytes.")
    return int(length)


def read_pieces(environ: WSGIEnvironment, size: int) -> Iterator[bytes]:
    """Iterate over that many bytes of the request body, or fewer if it ends earlier."""
    while size > 0:
        piece = environ["wsgi.input"].read(min(size, 65536))
        if not piece:
            return
        yield piece
        size -= len(piece)


def idempotency_key(environ: WSGIEnvironment) -> str | None:
    """Return the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), or None. Raise HTTPError 400 if bad."""
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not is_key(key):
        raise HTTPError("400 Bad Request", "Send an Idempotency-Key of 1 to 255 visible ASCII characters.")
    return key


def url_host(name: str) -> str:
    """Return a host name or address as URLs have it: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def root_url(environ: WSGIEnvironment) -> str:
    """Return the path at which the application is mounted, with a slash at both ends (PEP 3333, SCRIPT_NAME)."""
    name = environ.get("SCRIPT_NAME", "").strip("/")
    return f"/{quote(name.encode('latin-1', 'replace'))}/" if name else "/"


def redirect(location: str, environ: WSGIEnvironment) -> Response:
    """Send the client to another path with the same method, body and query (RFC 9110, section 15.4.9)."""
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    if query:
        location += "?" + quote(query, safe="%/?:@!$&'()*+,;=")
    body = f"It is at {location}\n".encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Location", location)]
    return Response("308 Permanent Redirect", headers, body)


def json_response(body: bytes) -> Response:
    """Return 200 with a body of JSON."""
    return Response("200 OK", [JSON], body)


def problem_response(error: HTTPError) -> Response:
    """Return an error as problem details (RFC 9457)."""
    code, title = error.status.split(" ", 1)
    body = json.dumps({"type": error.type, "title": title, "status": int(code), "detail": error.detail}).encode()
    return Response(error.status, [("Content-Type", "application/problem+json"), *error.headers], body)


WRITES = frozenset(["POST", "PUT", "PATCH", "DELETE"])
ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"')
LOOPBACK_IPV4 = r"127(?:\.[0-9]{1,3}){3}"
is_loopback = re.compile(rf"localhost|{LOOPBACK_IPV4}|\[::1\]|\[::ffff:{LOOPBACK_IPV4}\]").fullmatch
is_key = re.compile("[!-~]{1,255}").fullmatch
is_length = re.compile("[0-9]{1,18}").fullmatch
JSON = ("Content-Type", "application/json")
MERGE_PATCH = "application/merge-patch+json"
ACCEPT_PATCH = ("Accept-Patch", f"application/json, {MERGE_PATCH}")
NO_CACHE = ("Cache-Control", "no-cache")  # else caches may keep a 308 for ever (RFC 9111, section 4.2.2)
PRIVATE = ("Cache-Control", "private, no-cache")
COMMON_HEADERS = [  # the last two keep pages of other sites from telling a todo that is there from one that is not
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
]
PAGE_HEADERS = [("Cross-Origin-Opener-Policy", "same-origin")]
CONTENT_SECURITY_POLICY = (
    "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)


# The page and the static files. They are read into a table, so that no path in a request ever reaches the file system.

AnyPath = Path | zipfile.Path
SECONDS_BETWEEN_READS = 1


class PageTemplate(Template):
    """A page, in which $root, $url, $user, $todos and $list are filled in. Every other "$" is left alone.

    A page has many of them: jQuery's, prices, `${url}` in a script. A name is filled in where it stands without braces,
    is not a part of a longer one, and does not follow a dot, as in Vue's `this.$root`. `$$url` stands for `$url`.
    """

    flags = re.NOFLAG
    names = r"(?:root|url|user|todos|list)(?!\w)"
    never = r"(?P<braced>(?!))(?P<invalid>)"  # Template asks for these groups
    pattern = rf"\$(?<!\.\$)(?:(?P<named>{names})|(?P<escaped>\$)(?={names})|{never})"  # type: ignore[assignment]


def locate(path: Path) -> AnyPath:
    """Return the file or folder at a path, which may lead into a zip archive, such as a zipapp (PEP 441)."""
    if path.is_file() and zipfile.is_zipfile(path):
        return zipfile.Path(path)
    return path if path.exists() or path == path.parent else locate(path.parent) / path.name


def read_template(path: AnyPath) -> PageTemplate:
    """Return the template of the page. Raise OSError if it cannot be read, ValueError if it is not UTF-8."""
    page = path.read_bytes()
    try:
        return PageTemplate(page.decode())
    except UnicodeDecodeError as error:
        line = page.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line}: {error.reason}: save the page as UTF-8") from None


def fill_template(template: PageTemplate, root: str, user: str, identity: str, todos: bytes) -> bytes:
    name = quote(user, safe="", errors="surrogatepass")  # percent-encoded, it is harmless in HTML
    names = {"root": root, "url": f"{root}todos/", "user": name, "list": identity, "todos": todos.decode()}
    return template.substitute(names).encode()


def read_static_files(
    folder: AnyPath, headers: list[Header], private: Iterable[str], before: Mapping[str, Document]
) -> dict[str, Document]:
    """Return the files of a folder, keyed by PATH_INFO: the path within it, its bytes read as Latin-1 (PEP 3333).

    private: paths of files to leave out. Hidden files, and links that lead to one or out of the folder, are left out,
    too. before: the last table, from which files that have not changed are taken. Raises OSError if one cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: it is not a folder of static files")
    if isinstance(folder, Path):  # and not in a zip archive, which has no links
        folder = folder.resolve()
    names, files = set(private), {}
    ids = {file_id(path) for path in names if os.path.exists(path)}
    for name, path in walk(folder):
        if isinstance(path, Path):
            place = str(path.resolve() if path.is_symlink() else path)
            if place in names or file_id(place) in ids or not is_within(place, str(folder)):
                continue
        key = os.fsencode(name).decode("latin-1")
        files[key] = read_static_file(path, headers, before.get(key))
    return files


def file_id(path: str) -> tuple[int, int]:
    """Return what tells a file from all others, by whatever path."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def is_within(path: str, root: str) -> bool:
    """Tell whether a path is below a folder, and nothing on the way is hidden."""
    return path.startswith(root + os.sep) and f"{os.sep}." not in path[len(root) :]


def read_static_file(path: AnyPath, headers: list[Header], last: Document | None) -> Document:
    """Return a file: the last document of it, if it has not changed."""
    version = version_of(path)
    if last and version and last.version == version:
        return last
    body = path.read_bytes()
    if not last or last.plain.body != body:
        content_type = CONTENT_TYPES.get(os.path.splitext(path.name)[1].lower(), "application/octet-stream")
        last = Document(body, content_type, headers, 9)
    last.version = version
    return last


def version_of(path: AnyPath) -> object:
    """Return what is another one when a file has changed. None stands for one that may change unseen."""
    if isinstance(path, zipfile.Path):
        return None
    status = path.stat()
    changed = max(status.st_mtime, status.st_ctime)  # installers of packages set the first to a constant
    has_settled = time.time() - changed > 2  # seconds, the coarsest clock of a file system
    return (status.st_ino, status.st_size, changed) if has_settled else None


def read_api_description(headers: list[Header]) -> dict[str, Document]:
    """Return the description of the API, which every client finds, whatever its static files are."""
    path = locate(HERE / "static") / "openapi.json"
    return {"/openapi.json": Document(path.read_bytes(), "application/json", headers, 9)} if path.is_file() else {}


# The script of a service worker that removes itself: a page that was at this address before may have left one.
NO_WORKER = Document(
    b"""\
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(remove()));
async function remove() {
  await caches.delete(`todomvc ${registration.scope}`);
  await registration.unregister();
}
""",
    "text/javascript; charset=utf-8",
)


def walk(folder: AnyPath, above: str = "/") -> Iterator[tuple[str, AnyPath]]:
    """Iterate over the files below a folder, except hidden ones: the path within the folder, and the file."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield above + path.name, path
        elif path.is_dir() and not os.path.islink(str(path)):
            yield from walk(path, f"{above}{path.name}/")


CONTENT_TYPES = {  # mimetypes depends on the machine: on some, a script is text/plain, which no browser runs
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


# The list. Nothing in this section knows what HTTP is.

Fields = dict[str, Any]  # of a todo, without its id
Check = Callable[[bytes], object]
Replaced = tuple[bytes | None, bytes | None]  # a todo before and after a write; None where there is none
StoredRow = tuple[str, int, bytes | None, str | None, str | None]  # user, id, todo, its key, digest of its fields


def open_list(name: str | os.PathLike[str]) -> AnyTodoList:
    """Return the list of a name: ":memory:", the URL of a PostgreSQL database, or the path of an SQLite file.

    The file or the database is opened at the list's first use. Raises ValueError if its module, or what that needs, is
    not installed, or if the name is a URL that is not valid, or looks like another store.
    """
    name = os.fspath(name)
    if name == ":memory:":
        return TodoList()
    if not is_postgres_url(name) and looks_like_no_path(name):  # there may be a password in it: it is not repeated
        raise ValueError(
            "the todos are kept at a path, in :memory:, or at a postgresql:// URL, and this is none of these"
        )
    find_siblings()
    try:
        if is_postgres_url(name):
            from todomvc_postgres import PostgresTodoList

            return PostgresTodoList(name)
        from todomvc_sqlite import SQLiteTodoList

        return SQLiteTodoList(name)
    except ImportError as error:
        if is_postgres_url(name):
            raise ValueError(f"PostgreSQL: {error}: install it with pip install 'todomvc.py[postgres]'") from None
        raise ValueError(f"SQLite: {error}; use :memory: instead") from None


class AnyTodoList(Protocol):
    """What TodoMVC needs of a store. The docstrings of TodoList hold for every store.

    Every method raises ListUnavailable if the store cannot be used. Then nothing has changed, unless the error is
    Unconfirmed.
    """

    def of(self, user: str) -> AnyTodoList: ...
    @property
    def files(self) -> Iterable[str]: ...
    @property
    def identity(self) -> str: ...
    def renew(self) -> None: ...
    def close(self) -> None: ...
    @property
    def version(self) -> object: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def create(self, fields: Fields, key: str | None = None) -> tuple[int, bytes | None]: ...
    def read(self, id: int) -> bytes | None: ...
    def update(self, id: int, fields: Fields, check: Check | None = None, is_patch: bool = False) -> bytes | None: ...
    def delete(self, id: int, check: Check | None = None) -> bytes | None: ...
    def delete_all(self, check: Check | None = None) -> list[bytes]: ...


class KeyReused(ValueError):
    """A key that made a todo was given with the fields of another one."""


class TodoTooLarge(ValueError):
    """A todo would have more than MAX_TODO bytes. The text says so to the client."""


class ListUnavailable(Exception):
    """The list cannot be read or written at the moment. The text says why."""


class ListFull(ListUnavailable):
    """There is no room for the change."""


class Unconfirmed(ListUnavailable):
    """Nobody can tell whether the change was made: the store failed, or was lost, before it said so."""


class TodoList:
    """The list in memory, for any number of threads: as in the tutorial, a list of todos, and None for a deleted one.

    A todo goes in as a dict of its fields. It comes out as bytes: JSON in ASCII with its id, harmless in HTML. The id
    is the index in the list. None stands for a todo that is deleted or was never made.
    """

    files: tuple[str, ...] = ()  # the paths of those that hold the todos; they are never served as static files

    def __init__(self) -> None:
        self.identity = new_identity()  # names this list: an id in it is no id in any other
        self.todos: list[bytes | None] = []
        self.version = 0  # a different number after each change
        self.keys: dict[str, tuple[int, str]] = {}  # by key: the id, and the digest of the fields
        self.users: dict[str, TodoList] = {}
        self.lock = threading.Lock()

    def of(self, user: str) -> TodoList:
        """Return the list of a user, which shares nothing with any other list; "" is the shared one."""
        if not user:
            return self
        return self.users.get(user) or self.users.setdefault(user, TodoList())

    def renew(self) -> None:
        """Give this list and those of all users other identities, as after a return to an earlier state."""
        for todos in [self, *self.users.values()]:
            todos.identity = new_identity()

    def close(self) -> None:
        """Close what the store holds open: here, nothing. Nobody may be using it, nor use it later."""

    def rows(self, user: str | None = None) -> Iterator[StoredRow]:
        """Iterate over all that the store holds, in the order of the ids of each list, or over the list of a user.

        A user's name is nothing for the shared list. A todo is None if it is deleted.
        """
        for name, todos in {"": self, **self.users}.items():
            if user in (None, name):
                with todos.lock:
                    kept, keys = todos.todos.copy(), {id: (key, digest) for key, (id, digest) in todos.keys.items()}
                for id, todo in enumerate(kept):
                    yield name, id, todo, *keys.get(id, (None, None))

    def load(self, rows: Iterable[StoredRow]) -> None:
        """Take over the rows of another store. Raise ValueError if this one is not empty, or what `rows` raises."""
        if next(self.rows(), None):
            raise ValueError("there are todos already: rows are loaded into an empty store")
        for user, id, todo, key, digest in list(rows):
            todos = self.of(user)
            todos.todos.append(todo)
            if key is not None and digest is not None:
                todos.keys[key] = id, digest
            todos.version += 1

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the live todos of this moment, in the order of their ids."""
        with self.lock:
            return filter(None, self.todos.copy())

    def create(self, fields: Fields, key: str | None = None) -> tuple[int, bytes | None]:
        """Add a todo; return its id and the todo. A key makes one todo only: the next time, it returns that one.

        Raises KeyReused if the key made a todo of other fields, TodoTooLarge if the todo is over MAX_TODO.
        """
        with self.lock:
            if key in self.keys:
                id, digest = self.keys[key]
                if digest != digest_of(fields):
                    raise KeyReused
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

    def update(self, id: int, fields: Fields, check: Check | None = None, is_patch: bool = False) -> bytes | None:
        """Merge fields into a todo; return it. `check` first gets the stored todo, and may raise to prevent that.

        is_patch: whether the fields are a merge patch (RFC 7396), in which null removes a member and objects merge.
        Raises TodoTooLarge if the todo becomes larger than it was and is over MAX_TODO.
        """
        return self.replace(id, check, lambda todo: merge(todo, fields, id, is_patch))[1]

    def delete(self, id: int, check: Check | None = None) -> bytes | None:
        """Delete a todo; return it. `check` first gets the stored todo, and may raise to prevent that."""
        return self.replace(id, check, lambda todo: None)[0]

    def replace(self, id: int, check: Check | None, make: Callable[[bytes], bytes | None]) -> Replaced:
        with self.lock:
            old = self.read(id)
            if old is None:
                return None, None
            if check:
                check(old)
            new = self.todos[id] = make(old)
            self.version += 1
            return old, new

    def delete_all(self, check: Check | None = None) -> list[bytes]:
        """Delete all todos; return them. `check` first gets their JSON array, and may raise to prevent that."""
        with self.lock:
            deleted = list(filter(None, self.todos))
            if check:
                check(json_array(deleted))
            self.todos = [None] * len(self.todos)
            self.version += 1
            return deleted


def new_identity() -> str:
    return os.urandom(16).hex()


def list_identity(store: str, user: bytes) -> str:
    """Return the identity of a user's list in a store that has this random id."""
    return hashlib.sha256(store.encode() + user).hexdigest()[:32]


def digest_of(fields: Fields) -> str:
    return hashlib.sha256(encode_json(fields).encode()).hexdigest()


def merge(todo: bytes, fields: Fields, id: int, is_patch: bool = False) -> bytes:
    """Return a todo with fields merged into it. Raise TodoTooLarge as `encode_todo`."""
    old = json.loads(todo)
    new = merge_patch(old, fields) if is_patch else {**old, **fields}
    return encode_todo({**new, "id": id}, len(todo))


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the result of a JSON merge patch (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def around_id(fields: Fields) -> tuple[bytes, bytes]:
    """Return a new todo in two parts, for a store that knows the id later: before the id, and after it."""
    before, after = encode_todo({**fields, "id": PLACE_OF_ID}).split(str(PLACE_OF_ID).encode())
    return before, after


def encode_todo(todo: dict[str, Any], old_size: int = 0) -> bytes:
    """Return a todo as it is stored. Raise TodoTooLarge if it is over MAX_TODO, and not smaller than it was."""
    body = encode_safely(todo)
    size = len(body) - len(f',"id":{todo["id"]}')
    if size > MAX_TODO and len(body) >= old_size:
        raise TodoTooLarge(f"A todo has at most {MAX_TODO} bytes as ASCII JSON, and this one would have {size}.")
    return body


def encode_safely(value: Any) -> bytes:
    """Return the JSON of a value, in ASCII, harmless in HTML."""
    body = encode_json(value).encode()
    return body.replace(b"<", rb"\u003c").replace(b">", rb"\u003e").replace(b"&", rb"\u0026")


def json_array(todos: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(todos) + b"]"


MAX_TODO = 1024 * 1024  # bytes of a todo as it is stored, without its id
PLACE_OF_ID = int.from_bytes(os.urandom(16), "big")  # nobody can know it, so it is not in the fields
is_postgres_url = re.compile("postgres(?:ql)?://").match
looks_like_no_path = re.compile(  # but a URL, the start of one, or libpq's key=value
    r".*://|[a-z][a-z0-9+.-]+:|:|(?:.*\s)?(?:host|hostaddr|port|dbname|user|password|service|sslmode)\s*=",
    re.IGNORECASE | re.DOTALL,
).match


# JSON. The decoder refuses what could not be stored and sent back as it came.

MAX_DEPTH = 100  # arrays and objects within each other; far below any recursion limit


def decode_json(text: str, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of a JSON text (RFC 8259). Raise ValueError for one that could not be stored unchanged."""
    if text.count("[") + text.count("{") > max_depth:
        refuse_depth(text, max_depth)
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON, from line {error.lineno} column {error.colno} on") from None


def refuse_depth(text: str, max_depth: int = MAX_DEPTH) -> None:
    """Raise ValueError for deep nesting, before the decoder goes down into it by recursion."""
    depth = 0
    for bracket in re.findall(r"[][{}]", JSON_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise ValueError(f"it is nested more than {max_depth} deep")


def distinct_names(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a name stands twice in one object")
    return value


def finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a number that JSON can hold")
    return number


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python has a limit, against the time that the conversion takes
        raise ValueError(f"a number of {len(text)} digits is too long") from None


JSON_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
decoder = json.JSONDecoder(  # parse_constant is called for NaN and Infinity
    object_pairs_hook=distinct_names, parse_int=whole_number, parse_float=finite_float, parse_constant=finite_float
)
encode_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


# The application that WSGI servers import, and the command.


class LazyApplication:
    """The application that the environment variables TODOMVC_* describe, made at its first request."""

    def __init__(self) -> None:
        self.application: WSGIApplication | None = None
        self.lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self.lock:
            if self.application is None:
                find_siblings()
                from todomvc_server import make_app

                self.application = make_app()
        return self.application(environ, start_response)


app = application = LazyApplication()  # servers look for "app" by custom, mod_wsgi for "application"


def find_siblings() -> None:
    """Make the modules beside this file importable, and let them import this one, whatever name it was loaded by."""
    if vars(sys.modules[__name__]) is globals():  # not under cProfile, which is itself __main__
        sys.modules.setdefault("todomvc", sys.modules[__name__])
    if not find_spec("todomvc_server"):
        sys.path.append(str(HERE))


if __name__ == "__main__":
    find_siblings()
    try:
        from todomvc_server import main
    except ModuleNotFoundError as error:
        sys.exit(f"todomvc: the command needs {error.name}, which stands beside todomvc.py; TodoMVC() does not.")
    main()
