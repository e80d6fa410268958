"""A todo has at most 1 MiB, as JSON and as it is kept, by whatever way it grows."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import client_of

import todomvc
from todomvc import TodoMVC, TodoTooLarge

MEBIBYTE = 1024 * 1024
SIX_BYTES = ["<", ">", "&", "é", "\u2028", "\x7f"]  # each is kept as six


def todo_of(size):
    """Return a todo of which so many bytes are kept, without its id."""
    return {"a": "x" * (size - len('{"a":""}'))}


@pytest.mark.parametrize("id", [0, 7])
def test_a_todo_of_1_mib_is_kept_whatever_its_id(todos, id):
    for _ in range(id):
        todos.create({})
    assert len(todos.create(todo_of(MEBIBYTE))[1]) == MEBIBYTE + len(f',"id":{id}')


def test_one_byte_more_is_refused_and_takes_no_id(todos):
    with pytest.raises(TodoTooLarge, match=str(MEBIBYTE)):
        todos.create(todo_of(MEBIBYTE + 1))
    assert list(todos) == []
    assert todos.create({})[0] == 0


@pytest.mark.parametrize("letter", SIX_BYTES)
def test_what_counts_is_what_is_kept(client, letter):
    size = (MEBIBYTE - len('{"a":""}')) // 6
    client.post_json("/todos/", {"a": letter * size}, status=200)
    response = client.post_json("/todos/", {"a": letter * (size + 1)}, status=413)
    assert (response.content_type, response.json["title"]) == ("application/problem+json", "Content Too Large")
    assert str(MEBIBYTE) in response.json["detail"]
    assert len(client.get("/todos/").json) == 1


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_todo_does_not_grow_over_it_by_updates(client, method):
    client.post_json("/todos/", {"title": "a"})
    half = "x" * (MEBIBYTE // 2)
    getattr(client, f"{method}_json")("/todos/0", {"b": half}, status=200)
    before = client.get("/todos/0").body
    getattr(client, f"{method}_json")("/todos/0", {"c": half}, status=413)
    assert client.get("/todos/0").body == before
    getattr(client, f"{method}_json")("/todos/0", {"b": half[:-1]}, status=200)


def test_nor_by_a_merge_patch(client):
    client.post_json("/todos/", {"a": {"b": "x" * (MEBIBYTE // 2)}})
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = json.dumps({"a": {"c": "x" * (MEBIBYTE // 2)}})
    client.request("/todos/0", method="PATCH", body=patch.encode(), headers=headers, status=413)
    assert list(client.get("/todos/0").json["a"]) == ["b"]


def test_a_key_of_a_todo_that_is_refused_is_free(client):
    headers = {"Idempotency-Key": "k"}
    client.post_json("/todos/", {"a": "<" * (MEBIBYTE // 2)}, headers=headers, status=413)
    client.post_json("/todos/", {"a": "b"}, headers=headers, status=200)


def test_what_todo_backend_adds_to_an_answer_does_not_count():
    client = client_of(TodoMVC(todo_backend=True))
    fields = {**todo_of(MEBIBYTE - len(',"completed":true')), "completed": True}
    body = json.dumps(fields, separators=(",", ":"))
    todo = client.post("/todos/", body, content_type="application/json", status=200).json
    assert client.get(todo["url"].removeprefix("http://localhost:80")).json == todo
    assert client.get("/todos/").json == [todo]


# What is larger has been made by an earlier version


@pytest.fixture
def large(todos, monkeypatch):
    """A client of a list with a todo of 3 MiB, as version 1.0.0 could make it."""
    with monkeypatch.context() as earlier:
        earlier.setattr(todomvc, "MAX_TODO", 100 * MEBIBYTE)
        todos.create(dict.fromkeys("abc", "x" * MEBIBYTE))
    return client_of(TodoMVC(todos))


def test_a_larger_one_can_be_read_and_deleted(large):
    assert len(large.get("/todos/0").body) > 3 * MEBIBYTE
    assert len(large.get("/todos/").json) == 1
    large.get("/", status=200)
    large.delete("/todos/0", status=200)
    large.get("/todos/0", status=404)


def test_a_larger_one_can_be_made_smaller_step_by_step(large):
    for name in "abc":
        large.patch_json("/todos/0", {name: ""}, status=200)
    assert large.get("/todos/0").json == {"a": "", "b": "", "c": "", "id": 0}


@pytest.mark.parametrize("fields", [{}, {"a": "y" * 1024}, {"title": "a"}])
def test_a_larger_one_cannot_be_made_larger_or_stay_so(large, fields):
    size = len(large.get("/todos/0").body)
    smaller = len(fields.get("a", "")) > 0
    large.patch_json("/todos/0", fields, status=200 if smaller else 413)
    assert (len(large.get("/todos/0").body) < size) is smaller


# One list's work does not hold up the others


def test_while_one_list_merges_the_others_are_written(todos):
    began, go = threading.Event(), threading.Event()

    def wait(todo):
        began.set()
        assert go.wait(30)

    mallory, bob = todos.of("mallory"), todos.of("bob")
    mallory.create({})
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(mallory.update, 0, {"a": 1}, wait)
        assert began.wait(30)
        bob.create({"title": "b"})
        assert [bob.update(0, {"c": 1}), bob.delete(0)] == [b'{"title":"b","id":0,"c":1}'] * 2
        assert not slow.done()
        go.set()
        assert slow.result(30) == b'{"id":0,"a":1}'


def test_writers_of_one_todo_lose_no_change_to_each_other(todos):
    todos.create({})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: todos.update(0, {str(name): name}), range(80)))
    assert json.loads(todos.read(0)) == {"id": 0, **{str(name): name for name in range(80)}}
