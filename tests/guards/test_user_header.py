"""The header in which a proxy names the user: believed only where the application is told to."""

import pytest
from conftest import client_of

from todomvc import LazyApplication, TodoMVC
from todomvc_guards import guard

SECRET = "what only alice knows"


@pytest.fixture
def behind_proxy():
    return guard(TodoMVC(), user_header="X-Remote-User")


def titles(client):
    return [todo["title"] for todo in client.get("/todos/").json]


def test_a_header_by_itself_is_not_believed():
    application = TodoMVC()
    client_of(application).post_json("/todos/", {"title": "of all"}, headers={"X-Remote-User": "alice"})
    assert titles(client_of(application)) == ["of all"]


def test_the_header_of_the_proxy_names_the_user(behind_proxy):
    client = client_of(behind_proxy)
    client.post_json("/todos/", {"title": SECRET}, headers={"X-Remote-User": "alice"})
    assert client.get("/todos/").json == client.get("/todos/", headers={"X-Remote-User": "bob"}).json == []
    assert len(client.get("/todos/", headers={"X-Remote-User": "alice"}).json) == 1


def test_where_the_proxy_names_nobody_no_one_else_does(behind_proxy):
    client_of(behind_proxy, REMOTE_USER="alice").post_json("/todos/", {"title": "of all"})
    assert titles(client_of(behind_proxy)) == ["of all"]


def test_app_takes_the_header(monkeypatch):
    monkeypatch.setenv("TODOMVC_USER_HEADER", "X-Remote-User")
    client = client_of(LazyApplication())
    client.post_json("/todos/", {}, headers={"X-Remote-User": "alice"})
    assert client.get("/todos/").json == []
