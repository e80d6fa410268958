"""The guards: no page of another site writes (as Go's http.CrossOriginProtection), no other name leads here."""

import io
import json
import re
import socket

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
    return int(call(application, method, path, HTTP_IF_MATCH="*", **environ)[0][:3])


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
    (None, "null", "", False),
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
ADDRESSES = ["128.0.0.1", "0.0.0.0", "192.168.0.1:8000", "10.0.0.1", "[::]", "[::2]:80", "[0:0:0:0:0:0:0:1]"]
ADDRESSES += ["[::ffff:127.0.0.1]", "[2001:DB8::1]"]
STRANGE = ["", "evil.com", "evil.com:8000", "localhost.evil.com", "127.0.0.1.evil.com", "evil.localhost", "localhost.."]
STRANGE += [
    "127.0.0.1.",
    "127.1",
    "127",
    "0",
    "2130706433",
    "0x7f.1",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.0.1",
    "evil.com.",
]
STRANGE += [
    "::1",
    "[::1",
    "[::1]]",
    "[::1%lo]",
    "[]",
    "[",
    "[evil.com]",
    "[127.0.0.1]",
    "2001:db8::1",
    "10.0.0.1.evil.com",
]
STRANGE += [".", "..", ".local", "evil.local", "." * 60_000, "a." * 30_000]
STRANGE += ["localhost:x", "localhost:80:80", "localhost:-1", "localhost: 80", ":8000", "localhost ", " localhost"]
STRANGE += ["localhost\n", "localhost:80\n", "\nlocalhost", "localhost\0", "localhost,evil.com", "evil.com,localhost"]
STRANGE += ["user@localhost", "localhost@evil.com", "localhost/", "localhost#", "localhost\\", "http://localhost"]
STRANGE += ["localh\xf6st", "1270.0.0.1", "127.0.0.1234", "127.0.0.1\xb2", "127.0.0.\xb2", "x" * 10_000]


@pytest.mark.parametrize("host", [*LOOPBACK, "localhost.", "localhost.:8000"])
def test_the_loopback_names_are_answered(host):
    assert status_of(require_host(application(), []), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", ADDRESSES)
def test_an_address_is_answered_as_nobody_can_rebind_it(host):
    assert status_of(require_host(application(), []), HTTP_HOST=host) == 200


@pytest.mark.parametrize("hostname", ["box", "Box.example.org", "box.example.org."])
def test_the_names_of_the_machine_are_answered(monkeypatch, hostname):
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    guarded = require_host(application(), [])
    names = [hostname.lower(), "box", "BOX:8000", "box.local", "box.local."]
    assert {status_of(guarded, HTTP_HOST=name) for name in names} == {200}
    assert {status_of(guarded, HTTP_HOST=name) for name in ["evil.local", "a.box", "box.lan", "example.org"]} == {421}


def test_a_machine_without_a_name_has_none(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    assert {status_of(require_host(application(), []), HTTP_HOST=host) for host in ["", ".local", "a.local"]} == {421}


def test_no_dns_is_asked_for_the_name_of_the_machine(monkeypatch):
    def ask(*arguments):
        raise AssertionError("DNS was asked")

    for name in ["getfqdn", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getaddrinfo", "getnameinfo"]:
        monkeypatch.setattr(socket, name, ask)
    assert status_of(guard(application()), HTTP_HOST="localhost") == 200


@pytest.mark.parametrize("host", STRANGE, ids=lambda host: ascii(host[:30]))
@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_every_other_name_is_misdirected(host, path):
    assert status_of(require_host(application(), []), "GET", path, HTTP_HOST=host) == 421


def test_a_request_of_http_1_0_needs_no_name():
    client_of(require_host(application(), []), HTTP_HOST=None).get("/todos/", status=200)


@pytest.mark.parametrize("host", ["todos.example.org", "TODOS.example.org:443", "localhost", "[fe80::1]"])
def test_the_names_that_are_given_are_answered_too(host):
    assert status_of(require_host(application(), ["todos.example.org", "[fe80::1]"]), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", ["example.org", "x.todos.example.org", "todos.example.org..", "todos-example.org"])
def test_no_name_that_is_only_like_them_is(host):
    assert status_of(require_host(application(), ["todos.example.org"]), HTTP_HOST=host) == 421


@pytest.mark.parametrize("given", ["todos.example.org", "todos.example.org.", "Todos.Example.org"])
@pytest.mark.parametrize("host", ["todos.example.org", "todos.example.org.", "todos.example.org.:8000"])
def test_a_dot_at_the_end_is_the_same_name(given, host):
    assert status_of(require_host(application(), [given]), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", ["a.example.org", "A.B.Example.org:80", "a.example.org."])
def test_a_dot_in_front_means_the_subdomains(host):
    assert status_of(require_host(application(), [".example.org"]), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", ["example.org", "evilexample.org", "example.org.evil.com", "org", "a.example.com"])
def test_a_dot_in_front_means_nothing_else(host):
    assert status_of(require_host(application(), [".example.org"]), HTTP_HOST=host) == 421


def test_what_is_misdirected_changes_nothing_and_says_why():
    guarded = application()
    answer = client_of(require_host(guarded, [])).delete("/todos/", headers={"Host": "evil.com"}, status=421)
    assert "--allow-host" in answer.json["detail"]
    assert "TODOMVC_HOSTS" in answer.json["detail"]
    assert len(list(guarded.todos)) == 1


@pytest.mark.parametrize("host", [*LOOPBACK, *ADDRESSES, *STRANGE], ids=lambda host: ascii(host[:30]))
def test_a_star_lets_every_name_pass(host):
    assert status_of(guard(application(), ["a.example.org", "*"]), HTTP_HOST=host) == 200


@pytest.mark.parametrize("host", STRANGE, ids=lambda host: ascii(host[:30]))
def test_without_names_the_guard_lets_no_other_pass(host):
    assert status_of(guard(application()), HTTP_HOST=host) == 421


@pytest.mark.parametrize("host", ["evil.com", "", "todos.example.org"])
def test_without_a_guard_every_name_is_answered(host):
    assert status_of(application(), HTTP_HOST=host) == 200


# The application that a server imports


@pytest.mark.parametrize(("name", "value"), [("TODOMVC_HOSTS", "http://a"), ("TODOMVC_CORS", "a, https://b")])
def test_what_is_none_in_the_environment_is_refused_by_app(monkeypatch, capsys, name, value):
    monkeypatch.setenv(name, value)
    status, _, body = call(LazyApplication(), "GET", "/todos/")
    assert (status[:3], json.loads(body)["detail"]) == (
        "500",
        "A setting of the server is wrong, and its log says which.",
    )
    assert re.search("'(http://)?a' is not an? ", capsys.readouterr().err)


def test_app_answers_to_the_names_in_the_environment_and_to_loopback(monkeypatch):
    monkeypatch.setenv("TODOMVC_HOSTS", "a.example.org b.example.org")
    names = ["a.example.org", "b.example.org", "localhost", "evil.com"]
    assert [status_of(LazyApplication(), HTTP_HOST=name) for name in names] == [200, 200, 200, 421]


def test_app_answers_to_no_other_name_if_the_environment_names_none():
    names = ["localhost", "10.1.2.3:8000", socket.gethostname(), "evil.com"]
    assert [status_of(LazyApplication(), HTTP_HOST=name) for name in names] == [200, 200, 200, 421]


def test_app_answers_to_every_name_if_the_environment_says_so(monkeypatch):
    monkeypatch.setenv("TODOMVC_HOSTS", "*")
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
    assert call(application, "DELETE", "/todos/", **{**environ, "HTTP_TODO_USER": "bob"})[0].startswith("428")


# What a proxy on the same machine says of the scheme


def url_of(application, **environ):
    environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2", "wsgi.input": io.BytesIO(b"{}"), **environ}
    status, headers, body = call(application, "POST", "/todos/", HTTP_HOST="localhost", **environ)
    assert (status, dict(headers)["Location"]) == ("200 OK", f"/todos/{json.loads(body)['id']}")
    return json.loads(body)["url"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_the_scheme_of_a_proxy_on_this_machine_is_believed(peer):
    guarded = guard(TodoMVC(todo_backend=True))
    for scheme in ["https", "http"]:
        url = url_of(guarded, REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO=scheme)
        assert url.startswith(f"{scheme}://localhost/todos/")


@pytest.mark.parametrize(
    "peer", ["10.0.0.1", "::2", "", "localhost.evil.com", "::ffff:10.0.0.1", "127.0.0.1, 10.0.0.1", None]
)
def test_that_of_another_peer_is_not(peer):
    environ = {} if peer is None else {"REMOTE_ADDR": peer}
    url = url_of(guard(TodoMVC(todo_backend=True)), HTTP_X_FORWARDED_PROTO="https", **environ)
    assert url.startswith("http://localhost/")


@pytest.mark.parametrize("scheme", ["", "HTTPS", "ftp", "javascript", "https,http", "https://evil.com/#", "\xe9"])
def test_what_is_no_scheme_of_http_is_not_believed(scheme):
    url = url_of(guard(TodoMVC(todo_backend=True)), REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_PROTO=scheme)
    assert url.startswith("http://localhost/")


def test_nothing_else_of_what_it_forwards_is_believed():
    names = ["HOST", "PORT", "PREFIX", "FOR", "SERVER", "SSL"]
    environ = {f"HTTP_X_FORWARDED_{name}": "evil.com" for name in names}
    environ |= {"HTTP_FORWARDED": "host=evil.com;proto=https", "HTTP_X_SCHEME": "https", "HTTP_X_SCRIPT_NAME": "/evil"}
    assert url_of(guard(TodoMVC(todo_backend=True)), REMOTE_ADDR="127.0.0.1", **environ) == "http://localhost/todos/0"


def test_without_a_guard_it_is_not_believed():
    url = url_of(TodoMVC(todo_backend=True), REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_PROTO="https")
    assert url.startswith("http://localhost/")


@pytest.mark.parametrize("names", [{"hosts": "todos.example.org"}, {"origins": "https://example.org"}])
def test_a_single_string_in_place_of_a_collection_is_refused(names):
    with pytest.raises(TypeError, match="collections of strings"):
        guard(TodoMVC(), **names)
