"""The Todo-Backend specification (todobackend.com), as its own suite asks it of an API: off unless it is asked for."""

import json

import pytest
from conftest import call, client_of

from todomvc import LazyApplication, TodoList, TodoMVC
from todomvc_guards import allow_origins

ORIGIN = {"Origin": "https://todobackend.com", "Sec-Fetch-Site": "cross-site"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(todos):
    return client_of(TodoMVC(todos, todo_backend=True))


def create(client, **fields):
    return client.post_json("/todos/", {"title": "blah", **fields}).json


# The prerequisites


@pytest.fixture
def open_client(todos):
    """The API as the command and `app` serve it: with the guard of CORS around it."""
    return client_of(allow_origins(TodoMVC(todos, todo_backend=True), ["*"]))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_scripts_of_every_origin_may_use_the_api(open_client, method):
    response = open_client.request("/todos/", method=method, headers=ORIGIN, expect_errors=True)
    assert response.headers.getall("Access-Control-Allow-Origin") == ["*"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_preflight_allows_what_the_specification_sends(open_client, method):
    headers = {**ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
    response = open_client.options("/todos/", headers=headers, status=204)
    assert method in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"] == "content-type"


def test_the_list_answers_a_post_with_the_todo(client):
    assert create(client, title="a todo")["title"] == "a todo"


def test_after_a_delete_the_list_is_empty(client):
    create(client)
    client.delete("/todos/", status=200)
    assert client.get("/todos/").json == []


# Storing new todos


def test_a_new_todo_is_in_the_list_as_it_was_answered(client):
    todo = create(client, title="walk the dog")
    assert client.get("/todos/").json == [todo] == [client.get("/todos/0").json]


def test_a_new_todo_is_not_completed(client):
    assert create(client)["completed"] is False


@pytest.mark.parametrize("completed", [True, False, None, "yes"])
def test_a_new_todo_that_says_whether_it_is_completed_is_believed(client, completed):
    assert create(client, completed=completed)["completed"] == completed


def test_each_todo_has_an_absolute_url_that_returns_it(client):
    todo = create(client, title="my todo")
    assert todo["url"] == "http://localhost:80/todos/0"
    assert client.get(todo["url"], status=200).json == todo


def test_the_url_is_by_the_name_that_the_client_used(client):
    create(client)
    response = client.get("/todos/0", headers={"Host": "todos.example.org:8080"})
    assert response.json["url"] == "http://todos.example.org:8080/todos/0"


def test_the_url_has_the_scheme_and_the_mount_of_the_request(todos):
    application = TodoMVC(todos, todo_backend=True)
    create(client_of(application))
    environ = {"wsgi.url_scheme": "https", "HTTP_HOST": "example.org", "SCRIPT_NAME": "/my app"}
    assert (
        json.loads(call(application, "GET", "/todos/0", **environ)[2])["url"] == "https://example.org/my%20app/todos/0"
    )


def test_the_list_is_right_for_each_name_in_turn(client):
    create(client)
    for name in ["one.example.org", "two.example.org", "one.example.org"]:
        (todo,) = client.get("/todos/", headers={"Host": name}).json
        assert todo["url"] == f"http://{name}/todos/0"


@pytest.mark.parametrize("address", ["::1", "[::1]"])  # servers differ
def test_an_address_of_ipv6_has_brackets_in_the_url(client, todos, address):
    create(client)
    environ = {"SERVER_NAME": address, "SERVER_PORT": "8000", "HTTP_HOST": ""}
    body = call(TodoMVC(todos, todo_backend=True), "GET", "/todos/0", **environ)[2]
    assert json.loads(body)["url"] == "http://[::1]:8000/todos/0"


@pytest.mark.parametrize("name", ['evil"><script>', "evil\\", "a b", "é", "evil.com/x?"])
def test_no_name_breaks_the_json(client, todos, name):
    create(client)
    body = call(TodoMVC(todos, todo_backend=True), "GET", "/todos/", HTTP_HOST=name)[2]
    assert [todo["title"] for todo in json.loads(body)] == ["blah"]
    assert not set(b"<>") & set(body)


# Working with an existing todo


def test_the_list_leads_to_each_todo_by_its_url(client):
    create(client, title="the first")
    create(client, title="the second")
    titles = [client.get(todo["url"]).json["title"] for todo in client.get("/todos/").json]
    assert titles == ["the first", "the second"]


@pytest.mark.parametrize("changes", [{"title": "bathe the cat"}, {"completed": True}, {"order": 95}])
def test_a_patch_to_its_url_changes_a_todo_and_is_kept(client, changes):
    todo = create(client, order=10)
    assert client.patch_json(todo["url"], changes).json == {**todo, **changes}
    assert client.get(todo["url"]).json == {**todo, **changes}
    assert client.get("/todos/").json == [{**todo, **changes}]


def test_a_patch_does_not_complete_or_reopen_a_todo_by_itself(client):
    todo = create(client, completed=True)
    assert client.patch_json(todo["url"], {"title": "x"}).json["completed"] is True


def test_a_delete_of_its_url_answers_the_todo_and_deletes_it(client):
    todo = create(client)
    assert client.delete(todo["url"]).json == todo
    assert client.get("/todos/").json == []


def test_deleting_all_answers_the_todos_with_their_urls(client):
    todos = [create(client), create(client)]
    assert client.delete("/todos/").json == todos


def test_a_new_todo_may_have_an_order(client):
    assert create(client, order=523)["order"] == 523


@pytest.mark.parametrize("url", ["x", None, "http://evil.com/"])
def test_a_url_that_is_sent_does_not_change_the_todos_own(client, url):
    todo = create(client, url=url)
    assert todo["url"] == client.patch_json("/todos/0", {"url": url}).json["url"] == "http://localhost:80/todos/0"


def test_conditions_hold_as_ever(client):
    create(client)
    tag = client.get("/todos/0").headers["ETag"]
    client.patch_json("/todos/0", {"a": 1}, headers={"If-Match": tag}, status=200)
    client.patch_json("/todos/0", {"a": 2}, headers={"If-Match": tag}, status=412)


# Off


def test_without_it_the_answers_are_those_of_the_tutorial():
    client = client_of(TodoMVC())
    response = client.post_json("/todos/", {"title": "a"}, headers=ORIGIN)
    assert response.json == {"title": "a", "id": 0}
    assert not [name for name in response.headers if name.startswith("Access-Control-")]


def test_what_it_adds_is_not_kept_but_for_completed():
    todos = TodoList()
    create(client_of(TodoMVC(todos, todo_backend=True)))
    assert client_of(TodoMVC(todos)).get("/todos/0").json == {"title": "blah", "completed": False, "id": 0}


# The application that a server imports


@pytest.mark.parametrize(("value", "is_on"), [("1", True), ("", False), ("0", False)])
def test_the_environment_switches_it_on_for_app(monkeypatch, value, is_on):
    monkeypatch.setenv("TODOMVC_TODO_BACKEND", value)
    assert ("completed" in create(client_of(LazyApplication()))) is is_on
