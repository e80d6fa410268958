"""The guards: no page of another site writes (as Go's http.CrossOriginProtection), no other name leads here."""

import pytest
from conftest import call, client_of

from todomvc import LazyApplication, TodoList, TodoMVC
from todomvc_guards import guard, refuse_cross_origin_writes, require_host

SAFE, UNSAFE = ["GET", "HEAD", "OPTIONS"], ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get", ""]


def application():
    todos = TodoList()
    todos.create({"title": "a"})
    return TodoMVC(todos)


def status_of(application, method="DELETE", path="/todos/", **environ):
    return int(call(application, method, path, **environ)[0][:3])


# Writes across origins. Sec-Fetch-Site, Origin, Host (None: not sent), and whether it may write.

CROSS_ORIGIN = [
    # Sec-Fetch-Site decides, if there is one
    ("same-origin", None, "example.com", True),
    ("none", None, "example.com", True),
    ("cross-site", None, "example.com", False),
    ("same-site", None, "example.com", False),
    ("same-origin", "https://evil.com", "example.com", True),
    ("none", "null", "example.com", True),
    ("cross-site", "https://example.com", "example.com", False),
    ("same-site", "https://example.com", "example.com", False),
    ("Same-Origin", None, "example.com", False),
    ("SAME-ORIGIN", "https://example.com", "example.com", False),
    ("same-origin,cross-site", None, "example.com", False),
    ("same-origin ", None, "example.com", False),
    ("same", None, "example.com", False),
    ("?", None, "example.com", False),
    # else Origin must be the Host
    ("", None, "example.com", True),
    ("", "https://evil.com", "example.com", False),
    (None, None, "example.com", True),
    (None, "", "example.com", True),
    (None, "https://example.com", "example.com", True),
    (None, "http://example.com", "example.com", True),
    (None, "http://localhost:8000", "localhost:8000", True),
    (None, "http://[::1]:8000", "[::1]:8000", True),
    (None, "https://evil.com", "example.com", False),
    (None, "null", "example.com", False),
    (None, "https://example.com:8443", "example.com", False),
    (None, "https://example.com", "example.com:8443", False),
    (None, "http://localhost:8000", "localhost:8001", False),
    (None, "http://127.0.0.1:8000", "localhost:8000", False),
    (None, "http://[::1]", "[::1]:8000", False),
    (None, "https://www.example.com", "example.com", False),
    (None, "https://example.com.evil.com", "example.com", False),
    (None, "https://evil.com/https://example.com", "example.com", False),
    (None, "https://evil.com?://example.com", "example.com", False),
    (None, "https://example.com@evil.com", "example.com", False),
    (None, "https://example.com/", "example.com", False),
    (None, "https://example.com.", "example.com", False),
    (None, "https://example.com evil.com", "example.com", False),
    (None, "https://example.com,https://evil.com", "example.com", False),
    (None, "example.com", "example.com", False),
    (None, "//example.com", "example.com", False),
    (None, "https:example.com", "example.com", False),
    (None, "*", "example.com", False),
    (None, "\xff", "example.com", False),
    (None, "https://example.com", None, False),
    (None, None, None, True),
]


@pytest.mark.parametrize(("site", "origin", "host", "may_write"), CROSS_ORIGIN)
@pytest.mark.parametrize("method", UNSAFE)
def test_a_write_across_origins_is_refused(site, origin, host, may_write, method):
    headers = {"HTTP_SEC_FETCH_SITE": site, "HTTP_ORIGIN": origin, "HTTP_HOST": host}
    guarded = client_of(refuse_cross_origin_writes(application()), REQUEST_METHOD=method, **headers)
    assert (guarded.get("/todos/", expect_errors=True).status_int != 403) is may_write


@pytest.mark.parametrize(("site", "origin", "host", "may_write"), CROSS_ORIGIN)
@pytest.mark.parametrize("method", SAFE)
def test_whatever_only_reads_passes(site, origin, host, may_write, method):
    headers = {"HTTP_SEC_FETCH_SITE": site, "HTTP_ORIGIN": origin, "HTTP_HOST": host}
    guarded = client_of(refuse_cross_origin_writes(application()), REQUEST_METHOD=method, **headers)
    assert guarded.get("/todos/").status_int in {200, 204}


@pytest.mark.parametrize(("method", "path"), [("POST", "/todos/"), ("DELETE", "/todos/"), ("DELETE", "/todos/0")])
def test_what_is_refused_changes_nothing_and_says_why(method, path):
    guarded = application()
    client = client_of(refuse_cross_origin_writes(guarded), HTTP_SEC_FETCH_SITE="cross-site")
    body = b"" if method == "DELETE" else b"{}"
    headers = {"Content-Type": "application/json"}
    answer = client.request(path, method=method, body=body, headers=headers, status=403)
    assert (answer.content_type, answer.json["title"]) == ("application/problem+json", "Forbidden")
    assert len(list(guarded.todos)) == 1


@pytest.mark.parametrize("path", ["/todos/", "/todos/0", "/", "/nothing", "/css/app.css"])
def test_the_guard_stands_before_every_path(path):
    guarded = refuse_cross_origin_writes(application())
    assert status_of(guarded, path=path, HTTP_SEC_FETCH_SITE="cross-site") == 403


@pytest.mark.parametrize(("site", "status"), [("cross-site", 200), ("same-site", 200), (None, 200)])
def test_an_origin_that_is_let_in_may_write_whatever_its_site(site, status):
    guarded = refuse_cross_origin_writes(application(), ["https://friend.example.org"])
    environ = {} if site is None else {"HTTP_SEC_FETCH_SITE": site}
    assert status_of(guarded, HTTP_ORIGIN="https://friend.example.org", **environ) == status
    assert status_of(guarded, HTTP_ORIGIN="https://other.example.org", **environ) == 403
    assert status_of(guarded, HTTP_SEC_FETCH_SITE="cross-site") == 403


# Names. Bound to a loopback address, no page can make its own name point here.

LOOPBACK = ["localhost", "localhost:8000", "LOCALHOST", "LocalHost:1", "localhost:", "127.0.0.1", "127.0.0.1:8000"]
LOOPBACK += ["127.1.2.3", "127.255.255.254:80", "[::1]", "[::1]:8000"]
STRANGE = ["", "evil.com", "evil.com:8000", "localhost.evil.com", "127.0.0.1.evil.com", "evil.localhost", "localhost."]
STRANGE += ["127.0.0.1.", "127.1", "127", "128.0.0.1", "0.0.0.0", "192.168.0.1", "10.0.0.1", "0", "2130706433"]
STRANGE += ["0x7f.1", "[::]", "[::2]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "::1", "[::1", "[::1]]", "[::1%lo]"]
STRANGE += ["localhost:x", "localhost:80:80", "localhost:-1", "localhost: 80", ":8000", "localhost ", " localhost"]
STRANGE += ["localhost\n", "localhost:80\n", "\nlocalhost", "localhost\0", "localhost,evil.com", "evil.com,localhost"]
STRANGE += ["user@localhost", "localhost@evil.com", "localhost/", "localhost#", "localhost\\", "http://localhost"]
STRANGE += ["localh\xf6st", "1270.0.0.1", "127.0.0.1234", "127.0.0.1\xb2", "127.0.0.\xb2", "x" * 10_000]


@pytest.mark.parametrize("host", LOOPBACK)
def test_the_loopback_names_are_answered(host):
    assert status_of(require_host(application(), []), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", STRANGE, ids=lambda host: ascii(host[:30]))
@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_every_other_name_is_misdirected(host, path):
    assert status_of(require_host(application(), []), "GET", path, HTTP_HOST=host) == 421


def test_a_request_of_http_1_0_needs_no_name():
    client_of(require_host(application(), []), HTTP_HOST=None).get("/todos/", status=200)


@pytest.mark.parametrize("host", ["todos.example.org", "TODOS.example.org:443", "localhost", "[fe80::1]"])
def test_the_names_that_are_given_are_answered_too(host):
    assert status_of(require_host(application(), ["todos.example.org", "[fe80::1]"]), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", ["example.org", "x.todos.example.org", "todos.example.org.", "todos-example.org"])
def test_no_name_that_is_only_like_them_is(host):
    assert status_of(require_host(application(), ["todos.example.org"]), HTTP_HOST=host) == 421


def test_what_is_misdirected_changes_nothing_and_says_why():
    guarded = application()
    answer = client_of(require_host(guarded, [])).delete("/todos/", headers={"Host": "evil.com"}, status=421)
    assert "--allow-host" in answer.json["detail"]
    assert len(list(guarded.todos)) == 1


@pytest.mark.parametrize("host", [*LOOPBACK, *STRANGE], ids=lambda host: ascii(host[:30]))
def test_without_names_the_guard_lets_every_name_pass(host):
    assert status_of(guard(application()), HTTP_HOST=host) == 200


# The application that a server imports


@pytest.mark.parametrize(("name", "value"), [("TODOMVC_HOSTS", "http://a"), ("TODOMVC_CORS", "a, https://b")])
def test_what_is_none_in_the_environment_is_refused_by_app(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=r"'(http://)?a' is not an? "):
        call(LazyApplication(), "GET", "/")


def test_app_answers_to_the_names_in_the_environment_and_to_loopback(monkeypatch):
    monkeypatch.setenv("TODOMVC_HOSTS", "a.example.org b.example.org")
    names = ["a.example.org", "b.example.org", "localhost", "evil.com"]
    assert [status_of(LazyApplication(), HTTP_HOST=name) for name in names] == [200, 200, 200, 421]


def test_app_answers_to_every_name_if_the_environment_names_none():
    assert status_of(LazyApplication(), HTTP_HOST="evil.com") == 200


def test_app_refuses_writes_of_other_sites():
    assert status_of(LazyApplication(), HTTP_SEC_FETCH_SITE="cross-site") == 403


# The guards come before the identity of the list


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"HTTP_HOST": "evil.example"}, "421"),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, "403"),
        ({}, "409"),
    ],
)
def test_a_write_to_another_list_is_refused_by_host_and_origin_first(environ, status):
    application = guard(TodoMVC(), [])
    answered, headers, _ = call(application, "DELETE", "/todos/", HTTP_TODO_LIST="0" * 32, **environ)
    assert (answered[:3], "Todo-List" in dict(headers)) == (status, status == "409")


def test_the_user_of_a_write_is_compared_with_the_one_that_the_header_names():
    application = guard(TodoMVC(), user_header="X-Remote-User")
    environ = {"HTTP_X_REMOTE_USER": "bob", "HTTP_TODO_USER": "alice"}
    assert call(application, "DELETE", "/todos/", **environ)[0].startswith("409")
    assert call(application, "DELETE", "/todos/", **{**environ, "HTTP_TODO_USER": "bob"})[0].startswith("200")


@pytest.mark.parametrize("names", [{"hosts": "todos.example.org"}, {"origins": "https://example.org"}])
def test_a_single_string_in_place_of_a_collection_is_refused(names):
    with pytest.raises(TypeError, match="collections of strings"):
        guard(TodoMVC(), **names)
