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
    GET, POST, DELETE        /todos/        the list: read it, add a todo, delete all todos
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
import traceback
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
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
    templates: the folder with the page, index.html: a string.Template with the names $root, $url, $user, $list and
        $todos; by default the one beside this file.
    debug: whether a 500 response shows the traceback.
    todo_backend: whether to follow the Todo-Backend specification (todobackend.com): each todo has `completed` and an
        absolute `url`.
    offline: whether the page opens when the server is away, by its service worker.

    Raises OSError if a folder or the page cannot be read, ValueError if the page is not a valid template.
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
        self.files = read_static_files(locate(Path(static or HERE / "static")), self.page_headers)
        if static:
            self.files.setdefault("/sw.js", NO_WORKER)
        if not offline:
            self.files["/sw.js"] = NO_WORKER
        self.template = read_template(locate(Path(templates or HERE / "templates")) / "index.html")
        self.pages, self.lists = DocumentCache(), DocumentCache()
        read, update, delete = self.read_todo, self.update_todo, self.delete_todo
        self.routes = [
            route("/?", GET=self.page),
            route("/todos/", GET=self.list_todos, POST=self.create_todo, DELETE=self.delete_all_todos),
            route("/todos/0*([0-9]{1,18})", GET=read, PUT=update, PATCH=update, DELETE=delete),
            route("/todos", **dict.fromkeys(REDIRECTED_METHODS, self.redirect_to_list)),
        ]
        self.file_handlers: Handlers = {"GET": self.file, "HEAD": self.file}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send(self.attempt(environ, self.respond), environ, start_response)

    def attempt(self, environ: WSGIEnvironment, respond: Handler, *arguments: Any) -> Response:
        """Return the response, or that of the error which was raised."""
        try:
            return respond(environ, *arguments)
        except HTTPError as error:
            return error_response(error, environ)
        except ListUnavailable as error:
            print(f"todomvc: {error}", file=environ["wsgi.errors"], flush=True)
            return error_response(unavailable_error(error), environ)
        except Exception:
            trace = traceback.format_exc()
            print(trace, end="", file=environ["wsgi.errors"], flush=True)
            return error_response(HTTPError("500 Internal Server Error", trace if self.debug else SEE_LOG), environ)

    def respond(self, environ: WSGIEnvironment) -> Response:
        handlers, arguments = self.find(environ.get("PATH_INFO", ""))
        if handlers is self.file_handlers:
            return handle(environ, handlers, *arguments)
        todos = self.list_of(environ)
        identity = todos.identity
        response = self.attempt(environ, self.respond_from, identity, handlers, todos, *arguments)
        return response._replace(headers=[*response.headers, ("Todo-List", identity)])

    def respond_from(self, environ: WSGIEnvironment, identity: str, handlers: Handlers, *arguments: Any) -> Response:
        if environ["REQUEST_METHOD"] not in SAFE_METHODS:
            refuse_other_list(identity, environ)
        return handle(environ, handlers, *arguments)

    def find(self, path: str) -> tuple[Handlers, tuple[str, ...]]:
        """Return the handlers of a path, none if there is nothing at it, and the parts of it that they take."""
        for pattern, handlers in self.routes:
            match = pattern.fullmatch(path)
            if match:
                return handlers, match.groups()
        return (self.file_handlers, (path,)) if path in self.files else ({}, ())

    def page(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        root, identity = root_url(environ), todos.identity
        if root != "/" and not environ.get("PATH_INFO"):  # the page's address ends with a slash, also where mounted
            return redirect(root, environ)

        def render() -> Document:
            page = fill_template(self.template, root, environ.get("REMOTE_USER") or "", identity, json_array(todos))
            return Document(page, "text/html; charset=utf-8", self.page_headers, salt=identity)

        return self.pages.latest(environ, (identity, todos.version, root), render).response(environ)

    def file(self, environ: WSGIEnvironment, path: str) -> Response:
        return self.files[path].response(environ)

    def list_todos(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        url, identity = list_url(environ) if self.todo_backend else "", todos.identity

        def render() -> Document:
            return Document(self.represent(json_array(todos), environ), "application/json", salt=identity)

        return self.lists.latest(environ, (identity, todos.version, url), render).response(environ)

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
        deleted = todos.delete_all(self.precondition(environ, todos))
        return json_response(self.represent(json_array(deleted), environ))

    def read_todo(self, environ: WSGIEnvironment, todos: AnyTodoList, id: str) -> Response:
        todo = found(todos.read(int(id)))
        return unless_current(tagged(self.represent(todo, environ), [JSON], todos.identity), environ)

    def update_todo(self, environ: WSGIEnvironment, todos: AnyTodoList, id: str) -> Response:
        found(todos.read(int(id)))  # 404 comes before anything that is wrong with the body
        fields = read_json_object(environ)
        todo = found(todos.update(int(id), fields, self.precondition(environ, todos)))
        return tagged(self.represent(todo, environ), [JSON], todos.identity)

    def delete_todo(self, environ: WSGIEnvironment, todos: AnyTodoList, id: str) -> Response:
        todo = found(todos.delete(int(id), self.precondition(environ, todos)))
        return json_response(self.represent(todo, environ))

    def redirect_to_list(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Response:
        return redirect(f"{root_url(environ)}todos/", environ)

    def list_of(self, environ: WSGIEnvironment) -> AnyTodoList:
        """Return the list of the user whom the server has authenticated (REMOTE_USER: RFC 3875, section 4.1.11)."""
        user = environ.get("REMOTE_USER") or ""
        if len(user) > MAX_USER:
            raise HTTPError("400 Bad Request", f"The name of a user may have {MAX_USER} characters at most.")
        return self.todos.of(user)

    def precondition(self, environ: WSGIEnvironment, todos: AnyTodoList) -> Check | None:
        """Return what a write checks of the stored todo before it changes it, if the request has a condition."""
        if "HTTP_IF_MATCH" in environ or "HTTP_IF_NONE_MATCH" in environ:
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
    if isinstance(value, list):
        return json_array(encode_todo({**todo, "url": f"{url}{todo['id']}"}) for todo in value)
    return encode_todo({**value, "url": f"{url}{value['id']}"})


def list_url(environ: WSGIEnvironment) -> str:
    """Return the absolute URL of the list (PEP 3333, URL Reconstruction)."""
    host = environ.get("HTTP_HOST") or f"{url_host(environ['SERVER_NAME'])}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}{root_url(environ)}todos/"


def unavailable_error(error: ListUnavailable) -> HTTPError:
    if isinstance(error, ListFull):
        return HTTPError("507 Insufficient Storage", "The disk is full and nothing was changed: make room first.")
    detail = "Nothing was changed: try again soon."
    if isinstance(error, Unconfirmed):
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
REDIRECTED_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
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
Route = tuple[re.Pattern[str], Handlers]


def route(pattern: str, **handlers: Handler) -> Route:
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
        return Response("204 No Content", [allow], b"")
    raise HTTPError("405 Method Not Allowed", f"Use one of these methods here: {allow[1]}.", allow)


class Document:
    """A response that is sent many times. Its entity tag and its gzip coding are computed once.

    body: the content; content_type: its media type; headers: more header fields; gzip_level: from 1, fast, to 9, small;
    salt: that of the entity tag.
    """

    def __init__(
        self, body: bytes, content_type: str, headers: Iterable[Header] = (), gzip_level: int = 4, salt: str = ""
    ) -> None:
        self.vary = [("Vary", "Accept-Encoding")] if len(body) > MIN_GZIPPED and is_compressible(content_type) else []
        self.plain = tagged(body, [("Content-Type", content_type), *self.vary, *headers], salt)
        self.gzipped: Response | None = None
        self.gzip_level = gzip_level
        self.size = 2 * len(body) + 2000  # an upper bound of its memory in bytes, with the gzip coding

    def response(self, environ: WSGIEnvironment) -> Response:
        """Return 200 in the content coding that the client prefers, or 304 if the client has that representation."""
        wants_gzip = self.vary and accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        return unless_current(self.gzip() if wants_gzip else self.plain, environ)

    def gzip(self) -> Response:
        if self.gzipped is None:
            body, fields = gzip.compress(self.plain.body, self.gzip_level, mtime=0), dict(self.plain.headers)
            fields |= {"Content-Encoding": "gzip", "ETag": tag_of_gzip(fields["ETag"])}
            self.gzipped = Response("200 OK", list(fields.items()), body)
        return self.gzipped


class DocumentCache:
    """The latest document of each user. It is rendered again only when its version is another one."""

    def __init__(self) -> None:
        self.documents: OrderedDict[str, tuple[object, Document]] = OrderedDict()  # by user, in order of rendering
        self.size = 0  # bytes
        self.lock = threading.Lock()

    def latest(self, environ: WSGIEnvironment, version: object, render: Callable[[], Document]) -> Document:
        """Return the document of a version that was read before: what changes during `render` renders it again."""
        user = environ.get("REMOTE_USER") or ""
        last_version, document = self.documents.get(user, (None, None))
        if document is None or last_version != version:
            document = render()
            with self.lock:
                _, replaced = self.documents.pop(user, (None, None))
                self.documents[user] = version, document
                self.size += document.size - (replaced.size if replaced else 0)
                while self.size > MAX_CACHED and len(self.documents) > 1:
                    _, (_, oldest) = self.documents.popitem(last=False)
                    self.size -= oldest.size
        return document


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
        weights[coding] = float(weight or 1) if is_weight(weight or "1") else 0
    weight_of_gzip = weights.get("gzip", weights.get("*", 0))
    return weight_of_gzip > 0 and weight_of_gzip >= weights.get("identity", 0)


def read_json_object(environ: WSGIEnvironment) -> dict[str, Any]:
    """Return the JSON object in the request body. Raise HTTPError 400, 411, 413 or 415 if there is none."""
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
    start_response(response.status, [*response.headers, *length, *COMMON_HEADERS])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]


def discard_body(environ: WSGIEnvironment) -> None:
    """Read a request body that was refused unread, unless it is huge.

    A server that closes the connection on unread bytes could cost the client the response. One that keeps it open could
    take them for the next request, as cheroot does with a chunked body.
    """
    if isinstance(environ["wsgi.input"], KeptBody):
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
    if key is None or is_key(key):
        return key
    raise HTTPError("400 Bad Request", "Send an Idempotency-Key of 1 to 255 visible ASCII characters.")


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


SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"')
is_json_type = re.compile(r"\s*application/(?:[^;\s/]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.DOTALL).fullmatch
is_compressible = re.compile(r"text/.*|.*[/+](?:json|xml)").match
is_weight = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?").fullmatch
is_length = re.compile("[0-9]{1,18}").fullmatch
is_key = re.compile("[!-~]{1,255}").fullmatch
JSON = ("Content-Type", "application/json")
COMMON_HEADERS = [
    ("Cache-Control", "no-cache"),  # else caches may keep a 308 for ever (RFC 9111, section 4.2.2)
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


# The page and the static files. They are read at the start, so that no path in a request ever reaches the file system.

AnyPath = Path | zipfile.Path


def locate(path: Path) -> AnyPath:
    """Return the file or folder at a path, which may lead into a zip archive, such as a zipapp (PEP 441)."""
    if path.is_file() and zipfile.is_zipfile(path):
        return zipfile.Path(path)
    return path if path.exists() or path == path.parent else locate(path.parent) / path.name


def read_template(path: AnyPath) -> Template:
    """Return the template of the page. Raise OSError if it cannot be read, ValueError if it cannot be filled in."""
    try:
        template = Template(path.read_text(encoding="utf-8"))
        fill_template(template, "/", "", "", b"[]")
    except KeyError as error:
        raise ValueError(f"{path}: there is no {error} to fill in, only root, url, user, list and todos") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return template


def fill_template(template: Template, root: str, user: str, identity: str, todos: bytes) -> bytes:
    name = quote(user, safe="", errors="surrogatepass")  # percent-encoded, it is harmless in HTML
    names = {"root": root, "url": f"{root}todos/", "user": name, "list": identity, "todos": todos.decode()}
    return template.substitute(names).encode()


def read_static_files(folder: AnyPath, headers: list[Header]) -> dict[str, Document]:
    """Return the files of a folder, keyed by PATH_INFO: the path within it, its bytes read as Latin-1 (PEP 3333).

    Hidden files, and links that lead out of the folder, are left out. Raises OSError if one cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: it is not a folder of static files")
    root, files = Path(str(folder)).resolve(), {}
    for name, path in walk(folder):
        if root in Path(str(path)).resolve().parents:  # str, as a zipfile.Path has no resolve()
            content_type = CONTENT_TYPES.get(os.path.splitext(name)[1].lower(), "application/octet-stream")
            files[os.fsencode(name).decode("latin-1")] = Document(path.read_bytes(), content_type, headers, 9)
    return files


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

Check = Callable[[bytes], object]
Replaced = tuple[bytes | None, bytes | None]  # a todo before and after a write; None where there is none


def open_list(name: str | os.PathLike[str]) -> AnyTodoList:
    """Return the list of a name: ":memory:", the URL of a PostgreSQL database, or the path of an SQLite file.

    The file or the database is opened at the list's first use. Raises ValueError if its module, or what that needs, is
    not installed, or if the URL is not valid.
    """
    name = os.fspath(name)
    if name == ":memory:":
        return TodoList()
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
    def identity(self) -> str: ...
    def renew(self) -> None: ...
    @property
    def version(self) -> object: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]: ...
    def read(self, id: int) -> bytes | None: ...
    def update(self, id: int, fields: dict[str, Any], check: Check | None = None) -> bytes | None: ...
    def delete(self, id: int, check: Check | None = None) -> bytes | None: ...
    def delete_all(self, check: Check | None = None) -> list[bytes]: ...


class KeyReused(ValueError):
    """A key that made a todo was given with the fields of another one."""


class ListUnavailable(Exception):
    """The list cannot be read or written at the moment. The text says why."""


class ListFull(ListUnavailable):
    """There is no room for the change."""


class Unconfirmed(ListUnavailable):
    """Nobody can tell whether the change was made: the connection was lost before the store said so."""


class TodoList:
    """The list in memory, for any number of threads: as in the tutorial, a list of todos, and None for a deleted one.

    A todo goes in as a dict of its fields. It comes out as bytes: JSON in ASCII with its id, harmless in HTML. The id
    is the index in the list. None stands for a todo that is deleted or was never made.
    """

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

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the live todos of this moment, in the order of their ids."""
        with self.lock:
            return filter(None, self.todos.copy())

    def create(self, fields: dict[str, Any], key: str | None = None) -> tuple[int, bytes | None]:
        """Add a todo; return its id and the todo. A key makes one todo only: the next time, it returns that one.

        Raises KeyReused if the key made a todo of other fields.
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

    def update(self, id: int, fields: dict[str, Any], check: Check | None = None) -> bytes | None:
        """Merge fields into a todo; return it. `check` first gets the stored todo, and may raise to prevent that."""
        return self.replace(id, check, lambda todo: merge(todo, fields, id))[1]

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


def digest_of(fields: dict[str, Any]) -> str:
    return hashlib.sha256(encode_json(fields).encode()).hexdigest()


def merge(todo: bytes, fields: dict[str, Any], id: int) -> bytes:
    return encode_todo({**json.loads(todo), **fields, "id": id})


def encode_todo(todo: dict[str, Any]) -> bytes:
    body = encode_json(todo).encode()
    return body.replace(b"<", rb"\u003c").replace(b">", rb"\u003e").replace(b"&", rb"\u0026")


def json_array(todos: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(todos) + b"]"


is_postgres_url = re.compile("postgres(?:ql)?://").match


# JSON. The decoder refuses what could not be stored and sent back as it came.

MAX_DEPTH = 100  # arrays and objects within each other; far below any recursion limit


def decode_json(text: str) -> Any:
    """Return the value of a JSON text (RFC 8259). Raise ValueError for one that could not be stored unchanged."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        refuse_depth(text)
    value, end = decoder.raw_decode(text, len(text) - len(text.lstrip(WHITESPACE)))
    if text[end:].strip(WHITESPACE):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def refuse_depth(text: str) -> None:
    """Raise ValueError for deep nesting, before the decoder goes down into it by recursion."""
    depth = 0
    for bracket in re.findall(r"[][{}]", JSON_STRING.sub("", text)):
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
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a number that JSON can hold")
    return number


WHITESPACE = " \t\r\n"
JSON_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
decoder = json.JSONDecoder(  # parse_constant is called for NaN and Infinity
    object_pairs_hook=distinct_names, parse_float=finite_float, parse_constant=finite_float
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
