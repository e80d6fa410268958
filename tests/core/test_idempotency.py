"""Exactly once: a POST that is sent again with its Idempotency-Key makes nothing, whatever happened in between."""

import pytest
from conftest import client_of
from hypothesis import given, settings
from hypothesis import strategies as st

from todomvc import TodoMVC


def post(client, key, todo, **expected):
    return client.post_json("/todos/", todo, headers={"Idempotency-Key": key}, **expected)


def titles(client):
    return [todo["title"] for todo in client.get("/todos/").json]


def test_a_repeated_key_makes_one_todo(client):
    first, second = (post(client, "a", {"title": "x"}, status=200) for _ in range(2))
    assert first.json == second.json == {"title": "x", "id": 0}
    assert titles(client) == ["x"]


@pytest.mark.parametrize("header", ["Location", "ETag", "Content-Type"])
def test_a_repeat_is_answered_as_the_first_was(client, header):
    first, second = (post(client, "a", {"title": "x"}) for _ in range(2))
    assert first.headers[header] == second.headers[header]


def test_another_key_makes_another_todo(client):
    assert [post(client, key, {"title": "x"}).json["id"] for key in ["a", "b", "A"]] == [0, 1, 2]


def test_without_a_key_each_post_makes_a_todo(client):
    assert [client.post_json("/todos/", {}).json["id"] for _ in range(2)] == [0, 1]


def test_a_repeat_answers_the_todo_as_it_is_now(client):
    post(client, "a", {"title": "x"})
    client.patch_json("/todos/0", {"title": "y"})
    assert post(client, "a", {"title": "x"}).json == {"title": "y", "id": 0}


@pytest.mark.parametrize("delete", ["/todos/0", "/todos/"])
def test_the_key_of_a_deleted_todo_is_410_and_makes_no_other(client, delete):
    post(client, "a", {"title": "x"})
    client.delete(delete, headers={"If-Match": "*"})
    assert post(client, "a", {"title": "x"}, status=410).content_type == "application/problem+json"
    assert titles(client) == []


@pytest.mark.parametrize("body", [{"title": "y"}, {}, {"title": "x", "more": None}, {"title": "x", "id": 0}])
def test_a_key_with_another_body_is_422_and_makes_nothing(client, body):
    post(client, "a", {"title": "x"})
    assert post(client, "a", body, status=422).content_type == "application/problem+json"
    assert titles(client) == ["x"]


def test_another_body_is_422_even_if_the_todo_is_deleted_or_was_changed_to_it(client):
    post(client, "a", {"title": "x"})
    client.patch_json("/todos/0", {"title": "y"})
    post(client, "a", {"title": "y"}, status=422)
    client.delete("/todos/0")
    post(client, "a", {"title": "y"}, status=422)


@pytest.mark.parametrize("key", ["!", "~", "a" * 255, '"quoted"', "8e03978e-40d5-43e8-bc93-6894a57f9324"])
def test_1_to_255_visible_characters_are_a_key(client, key):
    assert [post(client, key, {}, status=200).json["id"] for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a\t", "a" * 256, "é", "\x7f", "a\x00", "\u0661".encode().decode("latin-1")]
)
def test_anything_else_is_400_and_makes_nothing(application, key):
    client = client_of(application, HTTP_IDEMPOTENCY_KEY=key)
    assert client.post_json("/todos/", {}, status=400).content_type == "application/problem+json"
    assert titles(client) == []


def test_a_refused_body_uses_no_key_up(client):
    client.post("/todos/", "[", content_type="application/json", headers={"Idempotency-Key": "a"}, status=400)
    post(client, "a", {}, status=200)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "GET"])
def test_other_methods_take_no_notice_of_a_key(client, method):
    client.post_json("/todos/", {})
    headers = {"Idempotency-Key": "é".encode().decode("latin-1"), "Content-Type": "application/json"}
    client.request("/todos/0", method=method, headers=headers, body=b"{}", status=200)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"]))))
def test_each_key_makes_one_todo_of_its_first_body(requests):
    client, first = client_of(TodoMVC()), {}
    for key, title in requests:
        first.setdefault(key, title)
        post(client, key, {"title": title}, status=200 if title == first[key] else 422)
    assert titles(client) == list(first.values())
