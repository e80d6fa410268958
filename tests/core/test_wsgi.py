"""PEP 3333 to the letter: what the application makes of any environ, and what a server may rely on."""

import contextlib
import io

import pytest
from conftest import call, client_of
from hypothesis import given, settings
from hypothesis import strategies as st

from todomvc import TodoList, TodoMVC

WRITES = [("POST", "/todos/"), ("PUT", "/todos/0"), ("PATCH", "/todos/0")]
URLS = ["/", "/todos", "/todos/", "/todos/0", "/todos/1", "/todos/x", "/css/app.css", "/nothing"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
JSON = {"CONTENT_TYPE": "application/json"}
TODO = b'{"title": "z"}'


@pytest.fixture
def application():
    todos = TodoList()
    todos.create({"title": "a"})
    return TodoMVC(todos)


class Input:
    """A body as some server hands it over: in pieces of a size, and with an alarm behind its end."""

    def __init__(self, body, piece=1_000_000, alarm=True):
        self.body, self.piece, self.alarm, self.reads = body, piece, alarm, 0

    def read(self, size):
        assert size >= 0, "read(-1) waits for a client that keeps its connection open"
        assert size <= len(self.body) or not self.alarm, f"{size} asked for, {len(self.body)} left"
        self.reads += 1
        size = min(size, self.piece)
        taken, self.body = self.body[:size], self.body[size:]
        return taken

    readline = readlines = __iter__ = None


def send(application, method, path, body, **environ):
    """Send a body by a raw environ; return the number of the status."""
    return int(call(application, method, path, **{**JSON, "wsgi.input": body, **environ})[0][:3])


# What it answers


@pytest.mark.parametrize("path", URLS)
def test_an_answer_to_head_has_no_body(application, path):
    assert call(application, "HEAD", path)[2] == b""


@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", METHODS)
def test_an_answer_of_204_or_304_has_no_body(application, method, path):
    status, _, body = call(application, method, path, HTTP_IF_NONE_MATCH="*")
    assert body == b"" or status[:3] not in {"204", "304"}


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0", "/css/app.css"])
def test_what_the_client_holds_already_is_304(application, path):
    tag = dict(call(application, "GET", path)[1])["ETag"]
    status, headers, body = call(application, "GET", path, HTTP_IF_NONE_MATCH=tag)
    assert (status, body, dict(headers)["ETag"]) == ("304 Not Modified", b"", tag)


@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", METHODS)
def test_status_and_headers_are_native_strings_of_latin_1(application, method, path):
    status, headers, body = call(application, method, path)
    strings = [status, *(part for header in headers for part in header)]
    assert {type(string) for string in strings} == {str}
    assert "".join(strings).encode("latin-1").isascii()
    assert type(body) is bytes


@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "TRACE"])
def test_the_length_that_is_declared_is_that_of_the_body(application, method, path):
    _, headers, body = call(application, method, path)
    assert dict(headers)["Content-Length"] == str(len(body))


@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", METHODS)
def test_no_header_stands_twice(application, method, path):
    names = [name.lower() for name, _ in call(application, method, path)[1]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", URLS)
def test_the_answer_is_started_once_and_before_its_body(application, path):
    started = []
    body = application(environ_of("GET", path), lambda *arguments: started.append(arguments))
    assert len(started) == 1
    assert len(started[0]) == 2
    assert len(list(body)) == len(list(body)) == 1


def environ_of(method, path):
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}


def test_the_headers_belong_to_the_server_that_may_change_them(application):
    for path in URLS:
        before = call(application, "GET", path)
        application(environ_of("GET", path), lambda status, headers: headers.clear())
        assert call(application, "GET", path) == before


# How long a body is


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "length",
    [
        "-1",
        "-0",
        "+5",
        "٣",
        "٣".encode().decode("latin-1"),
        "²",
        "1_0",
        "1e1",
        "0x5",
        "5.0",
        "5,5",
        "5 5",
        "five",
        "5;",
    ],
)
def test_a_length_that_is_not_a_number_is_400(application, method, path, length):
    response = client_of(application, CONTENT_LENGTH=length, REQUEST_METHOD=method, **JSON).get(path, status=400)
    assert "Content-Length" in response.json["detail"]
    assert [todo["title"] for todo in client_of(application).get("/todos/").json] == ["a"]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("digits", [19, 20, 4_000, 10_000])
def test_a_length_of_very_many_digits_is_413_or_400(application, method, path, digits):
    client = client_of(application, CONTENT_LENGTH="9" * digits, REQUEST_METHOD=method, **JSON)
    assert client.get(path, expect_errors=True).status_int in {400, 413}


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_far_too_long_is_413_unread(application, method, path):
    unread = Input(b"")
    assert send(application, method, path, unread, CONTENT_LENGTH="10000000000") == 413
    assert unread.reads == 0


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("length", [None, ""])
def test_no_length_is_411(application, method, path, length):
    response = client_of(application, CONTENT_LENGTH=length, REQUEST_METHOD=method, **JSON).get(path, status=411)
    assert (response.content_type, response.json["title"]) == ("application/problem+json", "Length Required")


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("sent", [0, 1, len(TODO) - 1])
def test_a_body_shorter_than_its_length_is_400_and_changes_nothing(application, method, path, sent):
    before = call(application, "GET", "/todos/")
    body = Input(TODO[:sent], alarm=False)
    assert send(application, method, path, body, CONTENT_LENGTH=str(len(TODO))) == 400
    assert call(application, "GET", "/todos/") == before


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_short_body_is_400_even_if_it_is_json(application, method, path):
    assert send(application, method, path, Input(b"{}", alarm=False), CONTENT_LENGTH="3") == 400


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("piece", [1, 5, 1000])
def test_a_body_may_come_in_pieces(application, method, path, piece):
    assert send(application, method, path, Input(TODO, piece), CONTENT_LENGTH=str(len(TODO))) == 200
    assert b'"title":"z"' in call(application, "GET", "/todos/")[2]


@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_the_input_is_never_read_past_its_length(application, method, path, content_type):
    environ = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(TODO))}
    assert send(application, method, path, Input(TODO), **environ) != 500


@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", ["", "0", "-1", "x"])
def test_an_input_without_a_length_is_not_read_at_all(application, method, path, length):
    unread = Input(b"")
    client_of(application, REQUEST_METHOD=method, CONTENT_LENGTH=length, **{**JSON, "wsgi.input": unread}).get(
        path, expect_errors=True
    )
    assert unread.reads == 0


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("error", [OSError("gone"), ConnectionResetError(), TimeoutError()], ids=repr)
def test_an_input_that_breaks_off_is_the_clients_error(application, method, path, error):
    body = Input(TODO)
    body.read = lambda size: raise_(error)
    client = client_of(application, REQUEST_METHOD=method, CONTENT_LENGTH="14", **{**JSON, "wsgi.input": body})
    client.get(path, status=400)


def raise_(error):
    raise error


# A body whose end the server tells


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_chunked_body_is_taken_where_the_server_ends_it(application, method, path):
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert send(application, method, path, Input(TODO, 5, alarm=False), **environ) == 200
    assert b'"title":"z"' in call(application, "GET", "/todos/")[2]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_chunked_body_is_411_where_the_server_does_not_end_it(application, method, path):
    environ = {"HTTP_TRANSFER_ENCODING": "chunked"}
    assert send(application, method, path, Input(TODO), **environ) == 411


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(("length", "status"), [(1024 * 1024, 200), (1024 * 1024 + 1, 413), (3 * 1024 * 1024, 413)])
def test_a_chunked_body_has_the_same_limit(application, method, path, length, status):
    body = Input(b'{"title": "%s"}' % (b"x" * (length - 13)), alarm=False)
    assert send(application, method, path, body, **{"wsgi.input_terminated": True}) == status


def test_a_chunked_body_over_the_limit_is_not_read_for_ever(application):
    body = Input(b"x" * 50_000_000, alarm=False)
    send(application, "POST", "/todos/", body, **{"wsgi.input_terminated": True})
    assert len(body.body) > 30_000_000


@pytest.mark.parametrize("body", [b"", b"{"])
def test_a_chunked_body_that_is_not_json_is_400(application, body):
    assert send(application, "POST", "/todos/", Input(body, alarm=False), **{"wsgi.input_terminated": True}) == 400


def test_a_chunked_body_that_is_not_wanted_is_read_off(application):
    body = Input(TODO, alarm=False)
    environ = {"CONTENT_TYPE": "text/plain", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert send(application, "POST", "/todos/", body, **environ) == 415
    assert body.body == b""


# What a careless server or an attacker puts into the environ


@pytest.mark.parametrize("name", ["PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH"])
@pytest.mark.parametrize("path", URLS)
@pytest.mark.parametrize("method", METHODS)
def test_any_variable_that_may_be_missing_may_be_missing(application, method, path, name):
    response = client_of(application, REQUEST_METHOD=method, **{name: None}).get(path, expect_errors=True)
    assert response.status_int < 500


HOSTILE_PATHS = [
    "//evil.com",
    "//evil.com/",
    "//evil.com/todos",
    "/\\evil.com",
    "http://evil.com/todos",
    "*",
    "evil.com:80",
]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_no_path_leads_the_client_to_another_host(application, method, path):
    client = client_of(application, REQUEST_METHOD=method, PATH_INFO=path)
    assert "Location" not in client.get("/", status=404).headers


@pytest.mark.parametrize("query", ["a=1\r\nX-Evil: 1", "\r\n\r\n<script>", "a\nb", "\0", "é", "\u0661", '"<>\\^`{|} '])
def test_no_query_brings_a_new_line_or_a_strange_character_into_location(application, query):
    environ = {"SCRIPT_NAME": "/app", "PATH_INFO": "", "QUERY_STRING": query}
    location = client_of(application, **environ).get("/", status=308).headers["Location"]
    assert location.isascii()
    assert location.isprintable()
    assert not set(location) & set('"<>\\^`{|} ')


@pytest.mark.parametrize("script_name", ["//evil.com", "///evil.com/", "/\\evil.com", "//evil.com//", "/%0d%0a"])
def test_no_mount_leads_the_client_to_another_host(application, script_name):
    location = client_of(application, SCRIPT_NAME=script_name, PATH_INFO="").get("/", status=308).headers["Location"]
    path = location.replace("http://localhost", "", 1).replace(":80", "", 1)
    assert path.startswith("/")
    assert path[1] not in "/\\"


TEXTS = st.text(st.characters(max_codepoint=255), max_size=40)
ENVIRONS = st.fixed_dictionaries(
    {"REQUEST_METHOD": st.sampled_from(METHODS) | TEXTS},
    optional={
        "PATH_INFO": st.sampled_from(URLS) | TEXTS | TEXTS.map("/todos/".__add__),
        "SCRIPT_NAME": TEXTS | TEXTS.map("/".__add__),
        "QUERY_STRING": TEXTS,
        "CONTENT_TYPE": st.just("application/json") | TEXTS,
        "CONTENT_LENGTH": st.integers().map(str) | TEXTS,
        "HTTP_IF_NONE_MATCH": TEXTS,
        "HTTP_IF_MATCH": TEXTS,
        "HTTP_ACCEPT_ENCODING": TEXTS,
        "HTTP_ORIGIN": TEXTS,
        "HTTP_SEC_FETCH_SITE": TEXTS,
        "HTTP_IDEMPOTENCY_KEY": TEXTS,
        "wsgi.input_terminated": st.booleans(),
        "wsgi.input": st.binary(max_size=50).map(io.BytesIO),
    },
)
MISSING = dict.fromkeys(["PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH"])


@pytest.fixture(scope="module")
def long_lived():
    return TodoMVC()


@given(environ=ENVIRONS)
@settings(deadline=None, max_examples=300)
def test_any_environ_gets_a_valid_answer_that_is_no_failure(long_lived, environ):
    response = client_of(long_lived, **{**MISSING, **environ}).get("/", expect_errors=True)
    assert response.status_int < 500
    assert "Traceback" not in response.text


# What nobody expected


class BrokenList(TodoList):
    """A list whose disk is gone, say: whatever is asked of it fails."""

    def fail(self, *arguments):
        raise RuntimeError("secret </pre><b>")

    __iter__ = snapshot = create = read = update = delete = delete_all = fail


FAILING = [("GET", "/todos/"), ("POST", "/todos/"), ("DELETE", "/todos/"), ("GET", "/"), ("HEAD", "/")]
FAILING += [(method, "/todos/0") for method in ["GET", "PUT", "PATCH", "DELETE"]]


@pytest.mark.parametrize(("method", "path"), FAILING)
def test_an_unexpected_exception_is_a_plain_500(method, path):
    status, _, body = fail(TodoMVC(BrokenList()), method, path)
    assert status == "500 Internal Server Error"
    assert b"secret" not in body
    assert b"Traceback" not in body


@pytest.mark.parametrize(("method", "path"), FAILING)
def test_an_unexpected_exception_leaves_its_traceback_in_the_log(method, path):
    log = io.StringIO()
    fail(TodoMVC(BrokenList()), method, path, log)
    assert log.getvalue().startswith("Traceback")
    assert log.getvalue().endswith("RuntimeError: secret </pre><b>\n")


def test_the_traceback_is_flushed_to_the_log(tmp_path):
    with (tmp_path / "log").open("w") as log:
        fail(TodoMVC(BrokenList()), "GET", "/todos/", log)
        assert "RuntimeError" in (tmp_path / "log").read_text()


def fail(application, method, path, log=None, **environ):
    environ = {
        **environ,
        **JSON,
        "HTTP_IF_MATCH": "*",
        "CONTENT_LENGTH": "2",
        "wsgi.input": io.BytesIO(b"{}"),
        "wsgi.errors": log or io.StringIO(),
    }
    return call(application, method, path, **environ)


def test_a_failure_of_the_api_is_a_problem():
    _, headers, _ = fail(TodoMVC(BrokenList()), "GET", "/todos/")
    assert dict(headers)["Content-Type"] == "application/problem+json"


def test_with_debug_the_page_of_a_failure_shows_the_traceback_as_text():
    _, _, body = fail(TodoMVC(BrokenList(), debug=True), "GET", "/", REMOTE_ADDR="127.0.0.1")
    assert b"RuntimeError: secret &lt;/pre&gt;&lt;b&gt;" in body
    assert b"Traceback" in body


def test_with_debug_the_problem_of_a_failure_shows_the_traceback():
    _, _, body = fail(TodoMVC(BrokenList(), debug=True), "GET", "/todos/", REMOTE_ADDR="::1")
    assert b"Traceback" in body
    assert b"RuntimeError: secret" in body


def test_after_a_failure_the_application_goes_on():
    todos = TodoList()
    application = TodoMVC(todos)
    todos.create = raise_
    with contextlib.suppress(KeyError):
        fail(application, "POST", "/todos/")
    del todos.create
    assert client_of(application).post_json("/todos/", {}, status=200).json == {"id": 0}
