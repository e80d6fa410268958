"""The identity of a list: every answer tells it, and a write that names another list or user changes nothing."""

import json
from urllib.parse import quote

import pytest
from conftest import ANY_TAG, call, client_of

from todomvc import ListUnavailable, TodoList, TodoMVC
from todomvc_sqlite import SQLiteTodoList

WRITES = [
    ("POST", "/todos/", {"title": "new"}),
    ("PUT", "/todos/0", {"title": "new"}),
    ("PATCH", "/todos/0", {"title": "new"}),
    ("DELETE", "/todos/0", None),
    ("DELETE", "/todos/", None),
]
WRONG = [  # and what else can be wrong with it
    ("POST", "/todos/", {}, b"no JSON"),
    ("POST", "/todos/", {"Content-Type": "text/plain"}, b"{}"),
    ("POST", "/todos/", {"Idempotency-Key": "\t"}, b"{}"),
    ("PATCH", "/todos/7", {}, b"{}"),
    ("DELETE", "/todos/7", {}, b""),
    ("DELETE", "/todos/0", {"If-Match": '"0"'}, b""),
    ("PUT", "/todos/", {}, b"{}"),
    ("POST", "/todos", {}, b"{}"),
    ("POST", "/", {}, b"{}"),
    ("POST", "/nothing", {}, b"{}"),
]
OTHER = {"Todo-List": "0" * 32}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(application):
    client = client_of(application)
    client.post_json("/todos/", {"title": "a"})
    return client


def send(client, method, path, body, headers):
    body = b"" if body is None else json.dumps(body).encode()
    return client.request(
        path,
        method=method,
        body=body,
        headers={**JSON, **(ANY_TAG if path == "/todos/" else {}), **headers},
        expect_errors=True,
    )


def problem_of(response):
    assert (response.status_int, response.content_type) == (409, "application/problem+json")
    return response.json["type"].rpartition("#")[2]


# What is told


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/todos/", 200),
        ("GET", "/todos/0", 200),
        ("GET", "/todos/7", 404),
        ("GET", "/nothing", 404),
        ("GET", "/todos", 200),
        ("OPTIONS", "/todos/", 204),
        ("PUT", "/todos/", 405),
        ("POST", "/todos/", 415),
        ("DELETE", "/todos/0", 200),
    ],
)
def test_every_answer_has_the_identity(client, todos, method, path, status):
    assert client.request(path, method=method, status=status).headers["Todo-List"] == todos.identity


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0"])
def test_a_304_has_it(client, todos, path):
    tag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}, status=304).headers["Todo-List"] == todos.identity


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("OPTIONS", 204), ("PUT", 405)])
def test_a_static_file_has_none(client, method, status):
    assert "Todo-List" not in client.request("/icon.svg", method=method, status=status).headers


def test_a_500_has_it(application, monkeypatch):
    monkeypatch.setattr("todomvc.json_array", None)
    status, headers, _ = call(application, "GET", "/todos/")
    assert (status[:3], dict(headers)["Todo-List"]) == ("500", application.todos.identity)


class Unavailable(TodoList):
    """A list that can say what it is and no more."""

    def read(self, id):
        raise ListUnavailable("gone")


def test_a_503_has_it_where_the_store_can_say_it():
    todos = Unavailable()
    status, headers, _ = call(TodoMVC(todos), "GET", "/todos/0")
    assert (status[:3], dict(headers)["Todo-List"]) == ("503", todos.identity)


def test_a_503_has_none_where_the_store_cannot_say_it(tmp_path):
    application = TodoMVC(SQLiteTodoList(tmp_path))
    status, headers, _ = call(application, "GET", "/todos/0")
    assert (status[:3], "Todo-List" in dict(headers)) == ("503", False)
    client_of(application).get("/icon.svg", status=200)


def test_the_page_has_it(client, todos):
    assert f'data-list="{todos.identity}"' in client.get("/").text


# What it is


def test_it_is_a_hexadecimal_number_that_stays(client, todos):
    before = todos.identity
    assert len(bytes.fromhex(before)) == 16
    for method, path, body in WRITES:
        send(client, method, path, body, {})
    assert todos.identity == before


def test_each_user_has_another(todos):
    names = ["alice", "bob", "Alice", "\udce9", "\u00e9", "0"]
    identities = [todos.identity, *(todos.of(name).identity for name in names)]
    assert len(set(identities)) == len(identities)
    assert identities[1:] == [todos.of(name).identity for name in names]


def test_a_renewed_store_has_another_for_each_user(todos):
    todos.create({"title": "a"})
    before = [todos.identity, todos.of("alice").identity]
    todos.renew()
    after = [todos.identity, todos.of("alice").identity]
    assert len({*before, *after}) == 4
    assert after == [todos.identity, todos.of("alice").identity]
    assert todos.read(0) == b'{"title":"a","id":0}'


def test_a_renewed_list_has_other_tags_and_no_304(client, todos):
    before = {path: client.get(path).headers["ETag"] for path in ("/", "/todos/", "/todos/0")}
    todos.renew()
    for path, tag in before.items():
        response = client.get(path, headers={"If-None-Match": tag}, status=200)
        assert (response.headers["ETag"] != tag, response.headers["Todo-List"]) == (True, todos.identity)
    assert f'data-list="{todos.identity}"' in client.get("/").text
    client.delete("/todos/0", headers={"If-Match": before["/todos/0"]}, status=412)
    client.delete("/todos/", headers={"If-Match": before["/todos/"]}, status=412)


# What a write may name


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_write_that_names_the_list_and_the_user_is_carried_out(application, client, todos, method, path, body):
    named = {"Todo-List": todos.identity, "Todo-User": ""}
    assert send(client, method, path, body, named).status_int == 200
    alice = client_of(application, REMOTE_USER="al\u00e9 'x'")
    alice.post_json("/todos/", {"title": "a"})
    named = {"Todo-List": todos.of("al\u00e9 'x'").identity, "Todo-User": quote("al\u00e9 'x'")}
    assert send(alice, method, path, body, named).status_int == 200


@pytest.mark.parametrize("name", ["al%C3%A9%20'x'", "al%C3%A9%20%27x%27", "al%c3%a9%20'x'"])
def test_a_user_is_named_in_any_percent_encoding(application, name):
    alice = client_of(application, REMOTE_USER="al\u00e9 'x'")
    assert send(alice, "POST", "/todos/", {}, {"Todo-User": name}).status_int == 200


@pytest.mark.parametrize("identity", ["0" * 32, "", "x", "\xe9"])
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_write_that_names_another_list_changes_nothing(client, todos, method, path, body, identity):
    before = list(todos), todos.version
    response = send(client, method, path, body, {"Todo-List": identity})
    assert problem_of(response) == "other-list"
    assert response.headers["Todo-List"] == todos.identity
    assert (list(todos), todos.version) == before


@pytest.mark.parametrize(("user", "named"), [("", "alice"), ("alice", ""), ("alice", "Alice"), ("bob", "alice")])
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_write_that_names_another_user_changes_nothing(application, todos, method, path, body, user, named):
    client = client_of(application, REMOTE_USER=user)
    client.post_json("/todos/", {"title": "a"})
    before = client.get("/todos/").json
    response = send(client, method, path, body, {"Todo-User": named, **OTHER})
    assert problem_of(response) == "other-user"
    assert client.get("/todos/").json == before


@pytest.mark.parametrize(("method", "path", "headers", "body"), WRONG)
def test_it_is_409_whatever_else_is_wrong(client, method, path, headers, body):
    headers = {**JSON, **OTHER, **headers}
    response = client.request(path, method=method, body=body, headers=headers, expect_errors=True)
    assert problem_of(response) == "other-list"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0", "/icon.svg"])
def test_what_writes_nothing_is_never_refused(client, method, path):
    client.request(path, method=method, headers={**OTHER, "Todo-User": "alice"}, status="2*")
