"""Any environ at all: the answer is valid by PEP 3333 and RFC 9110, no failure of the server, and the list is kept."""

import contextlib
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from todomvc import TodoList, TodoMVC
from todomvc_guards import guard

TEXTS = st.text(st.characters(exclude_categories=()), max_size=30) | st.text(
    st.characters(max_codepoint=255), max_size=30
)
ANY = TEXTS | st.text(st.sampled_from('"W/*,; \t=qgzip0.15-+éx\r\n\0<>%\\:[]@'), max_size=30)
PATHS = st.sampled_from(["", "/", "/todos", "/todos/", "/todos/0", "/todos/1", "/todos/x", "/css/app.css", "/x", "*"])
TODO = b'{"title": "b"}'
KNOWN = {
    "REQUEST_METHOD": st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]),
    "PATH_INFO": PATHS | st.builds("/todos/{}".format, ANY),
    "SCRIPT_NAME": st.sampled_from(["", "/", "/app", "//evil.com", "/a/"]),
    "QUERY_STRING": st.sampled_from(["", "a=1", "%0d%0a", "//evil.com"]),
    "CONTENT_TYPE": st.sampled_from(["application/json", "Application/Merge-Patch+JSON ;a", "text/plain"]),
    "HTTP_CONTENT_ENCODING": st.sampled_from(["identity", "gzip", ""]),
    "HTTP_X_FORWARDED_PROTO": st.sampled_from(["http", "https", "javascript"]),
    "CONTENT_LENGTH": st.sampled_from(["", "0", str(len(TODO)), "-1", "9" * 20, "1048577", "8388609"]),
    "SERVER_NAME": st.just("localhost"),
    "SERVER_PORT": st.sampled_from(["80", "443", "8000"]),
    "SERVER_PROTOCOL": st.sampled_from(["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2"]),
    "REMOTE_ADDR": st.just("127.0.0.1"),
    "HTTP_HOST": st.sampled_from(["localhost", "localhost:80", "[::1]", "evil.com"]),
    "HTTP_ORIGIN": st.sampled_from(["null", "http://localhost", "https://friend.example.org"]),
    "HTTP_SEC_FETCH_SITE": st.sampled_from(["none", "same-origin", "cross-site"]),
    "HTTP_ACCEPT_ENCODING": st.sampled_from(["gzip", "gzip;q=0", "*;q=0.5, identity"]),
    "HTTP_IF_MATCH": st.sampled_from(["*", '"x"', 'W/"x"']),
    "HTTP_IF_NONE_MATCH": st.sampled_from(["*", '"x"', 'W/"x"']),
    "HTTP_IDEMPOTENCY_KEY": st.sampled_from(["a", "b", "", "a b"]),
    "HTTP_TRANSFER_ENCODING": st.just("chunked"),
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": st.just("PUT"),
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": st.sampled_from(["authorization", "x, y", "a\r\nb: c"]),
    "HTTPS": st.just("on"),
    "wsgi.url_scheme": st.sampled_from(["http", "https"]),
}
NEEDED = {"REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme"}  # of every server (PEP 3333)
CGI = {name: values if name == "wsgi.url_scheme" else values | ANY for name, values in KNOWN.items()}
FLAGS = {name: st.booleans() for name in ["wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"]}
OTHERS = st.dictionaries(TEXTS.map("HTTP_{}".format), ANY, max_size=3)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


class Input:
    """A body in the pieces that some server hands over; an exception among them is raised."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def read(self, size):
        assert size >= 0
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        if len(piece) > size:
            self.pieces.insert(0, piece[size:])
        return piece[:size]


BROKEN = st.builds(OSError, st.just("gone")) | st.builds(ConnectionResetError) | st.builds(TimeoutError)
INPUTS = st.lists(st.just(TODO) | st.binary(max_size=20) | BROKEN, max_size=4).map(Input)
ENVIRONS = st.builds(
    lambda known, others, flags, body, ended: {
        **others,
        **known,
        **flags,
        "wsgi.version": (1, 0),
        "wsgi.input": body,
        **({} if ended is None else {"wsgi.input_terminated": ended}),
    },
    st.fixed_dictionaries(
        {name: values for name, values in CGI.items() if name in NEEDED},
        optional={name: values for name, values in CGI.items() if name not in NEEDED},
    ),
    OTHERS,
    st.fixed_dictionaries(FLAGS),
    INPUTS,
    st.none() | st.booleans(),
)


def answer_to(application, environ):
    """Call an application; return what it answers after a look at all that PEP 3333 asks of it."""
    answers, log = [], io.StringIO()
    pieces = application({**environ, "wsgi.errors": log}, lambda *answer: answers.append(answer))
    with contextlib.closing(pieces) if hasattr(pieces, "close") else contextlib.nullcontext():
        body = b"".join(pieces)
    ((status, headers),) = answers
    assert log.getvalue() == ""
    return status, headers, body


def assert_valid(environ, status, headers, body):
    assert re.fullmatch("[2-4][0-9][0-9] [A-Z][A-Za-z -]+", status)
    assert type(headers) is list
    for name, value in headers:
        assert TOKEN.fullmatch(name)
        assert name.lower() not in HOP_BY_HOP
        assert type(value) is str
        assert re.fullmatch("[!-~](?:[ -~]*[!-~])?", value)
    values = {name.lower(): value for name, value in headers}
    has_body = environ["REQUEST_METHOD"] != "HEAD" and status[:3] not in {"204", "304"}
    assert body == b"" or has_body
    assert not has_body or values["content-length"] == str(len(body))
    assert ("content-length" in values) is (status[:3] not in {"204", "304"})
    assert ("content-type" in values) is (status[:3] not in {"204", "304"})
    assert_points_here(values.get("location", "/"))
    if values.get("content-type") == "application/problem+json" and body:
        assert json.loads(body)["status"] == int(status[:3])


def assert_points_here(location):
    """Assert that a reference has no host but this one."""
    assert re.fullmatch(r"/(?:[^/\\].*)?", location)


@pytest.fixture(scope="module")
def applications():
    """The application as it can be embedded, each over a list of its own that begins with one todo."""
    lists = [TodoList() for _ in range(3)]
    for todos in lists:
        todos.create({"title": "a"})
    plain, backend, guarded = lists
    origins = ["https://friend.example.org"]
    return [
        (plain, TodoMVC(plain)),
        (backend, TodoMVC(backend, todo_backend=True)),
        (guarded, guard(TodoMVC(guarded), ["localhost"], origins)),
    ]


def changes(environ, status):
    return status.startswith("200") and environ["REQUEST_METHOD"] in {"POST", "PUT", "PATCH", "DELETE"}


@given(environ=ENVIRONS)
@settings(deadline=None, max_examples=1500)
def test_any_environ_gets_a_valid_answer_and_what_is_refused_changes_nothing(applications, environ):
    for todos, application in applications:
        before = todos.todos.copy()
        body = Input(environ["wsgi.input"].pieces)
        status, headers, answer = answer_to(application, {**environ, "wsgi.input": body})
        assert_valid(environ, status, headers, answer)
        assert todos.todos == before or changes(environ, status)
        del todos.todos[1:]
        todos.todos[:], todos.keys = [b'{"title":"a","id":0}'], {}
        todos.version += 1


@given(value=TEXTS, name=st.sampled_from(sorted(set(KNOWN) - {"wsgi.url_scheme"})), path=PATHS)
@settings(deadline=None, max_examples=500)
def test_any_text_in_one_variable_gets_a_valid_answer(applications, name, value, path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    environ = {**environ, "wsgi.url_scheme": "http", "wsgi.multiprocess": False, name: value}
    for _, application in applications:
        status, headers, body = answer_to(application, {**environ, "wsgi.input": Input([])})
        assert_valid({**environ, name: value}, status, headers, body)


@given(pieces=st.lists(st.binary(max_size=50) | BROKEN, max_size=5), length=st.integers(0, 60))
@settings(deadline=None)
def test_any_pieces_of_a_body_get_a_valid_answer(applications, pieces, length):
    environ = {"REQUEST_METHOD": "PATCH", "PATH_INFO": "/todos/0", "CONTENT_TYPE": "application/json"}
    environ = {**environ, "CONTENT_LENGTH": str(length), "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    for todos, application in applications:
        before = todos.todos.copy()
        status, headers, body = answer_to(
            application, {**environ, "wsgi.url_scheme": "http", "wsgi.multiprocess": False, "wsgi.input": Input(pieces)}
        )
        assert_valid(environ, status, headers, body)
        assert todos.todos == before or status == "200 OK"
