"""The list in memory: ids, tombstones, and any number of threads at once."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from todomvc import TodoList

THREADS = 8


def live(todos):
    return [json.loads(todo) for todo in todos]


@pytest.fixture
def three(todos):
    for title in "abc":
        todos.create({"title": title})
    return todos


def test_a_new_list_is_empty(todos):
    assert list(todos) == []


def test_creating_gives_the_id_and_the_todo_as_json(todos):
    assert todos.create({"title": "a"}) == (0, b'{"title":"a","id":0}')


def test_creating_leaves_the_fields_alone_that_it_was_given(todos):
    fields = {"title": "a"}
    todos.create(fields)
    todos.update(0, fields)
    assert fields == {"title": "a"}


def test_an_id_is_the_index_in_the_list(three):
    assert [json.loads(three.read(id)) for id in range(3)] == live(three)


def test_updating_gives_the_merged_todo(three):
    assert json.loads(three.update(1, {"x": 1, "id": 9})) == {"title": "b", "id": 1, "x": 1}


def test_deleting_gives_the_todo_as_it_was(three):
    assert json.loads(three.delete(1)) == {"title": "b", "id": 1}


def test_deleting_all_gives_those_that_lived(three):
    three.delete(0)
    assert live(three.delete_all()) == [{"title": "b", "id": 1}, {"title": "c", "id": 2}]
    assert live(three) == []


def test_none_stands_in_the_place_of_a_deleted_todo(three):
    three.delete(1)
    assert [three.read(id) is None for id in range(3)] == [False, True, False]
    assert three.create({})[0] == 3


@pytest.mark.parametrize("id", [3, 4, 10**18, -1, -3])
def test_an_id_that_was_never_given_names_no_todo(three, id):
    assert three.read(id) is three.update(id, {"title": "z"}) is three.delete(id) is None
    assert [todo["title"] for todo in live(three)] == ["a", "b", "c"]


def test_a_deleted_todo_cannot_be_changed_or_deleted_again(three):
    three.delete(1)
    assert three.update(1, {"title": "z"}) is three.delete(1) is None


def test_iterating_gives_the_todos_of_that_moment(three):
    todos = iter(three)
    three.delete_all()
    three.create({})
    assert [todo["title"] for todo in live(todos)] == ["a", "b", "c"]


def test_the_todos_are_ascii_and_harmless_in_html(todos):
    _, todo = todos.create({"</script>&": "é\u2028<!--"})
    assert todo.isascii()
    assert not set(b"<>&") & set(todo)


@pytest.mark.parametrize(
    "change",
    [
        lambda todos: todos.create({}),
        lambda todos: todos.update(0, {"x": 1}),
        lambda todos: todos.delete(0),
        lambda todos: todos.delete_all(),
    ],
    ids=["create", "update", "delete", "delete_all"],
)
def test_each_change_makes_another_version(three, change):
    before = three.version
    change(three)
    assert three.version != before


# Threads


@pytest.fixture
def restless():
    """Let threads change places as often as can be, so that whatever can go wrong between them does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work):
    """Call work(0), work(1)... in threads that all start together; return what they return."""
    start = threading.Barrier(THREADS)

    def run(number):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.mark.usefixtures("restless")
def test_todos_created_at_once_get_gapless_ids_and_all_are_kept(todos):
    each = 300
    created = at_once(lambda number: [todos.create({"by": f"{number} {n}"}) for n in range(each)])
    created = [todo for by_thread in created for todo in by_thread]
    assert sorted(id for id, _ in created) == list(range(THREADS * each))
    assert sorted(todos) == sorted(todo for _, todo in created)
    assert all(todos.read(id) == todo for id, todo in created)


@pytest.mark.usefixtures("restless")
def test_fields_merged_at_once_into_one_todo_all_hold(todos):
    each = 50
    todos.create({})
    at_once(lambda number: [todos.update(0, {f"{number} {n}": n}) for n in range(each)])
    expected = {f"{number} {n}": n for number in range(THREADS) for n in range(each)}
    assert json.loads(todos.read(0)) == {**expected, "id": 0}


class HesitantList(TodoList):
    """A list that gives the other threads their turn where it hurts most: between looking at a todo and changing it."""

    def read(self, id):
        todo = super().read(id)
        time.sleep(0)
        return todo


@pytest.mark.usefixtures("restless")
def test_a_todo_is_deleted_by_one_thread_only():
    todos, count = HesitantList(), 300
    for n in range(count):
        todos.create({"n": n})
    deleted = at_once(lambda number: [todos.delete(id) for id in range(count)])
    assert sum(todo is not None for by_thread in deleted for todo in by_thread) == count


@pytest.mark.usefixtures("restless")
def test_deleting_all_while_others_create_answers_each_todo_once(todos):
    def work(number):
        if number % 2:
            return [todo for _ in range(200) for todo in todos.delete_all()]
        return [todos.create({"by": number})[1] for _ in range(600)]

    answers = at_once(work)
    created = [todo for answer in answers[::2] for todo in answer]
    deleted = [todo for answer in answers[1::2] for todo in answer]
    assert sorted(created) == sorted(deleted + list(todos))


@pytest.mark.usefixtures("restless")
def test_an_update_never_brings_a_deleted_todo_back():
    todos, count = HesitantList(), 300
    for _ in range(count):
        todos.create({})

    def work(number):
        for id in range(count):
            todos.update(id, {"x": number}) if number % 2 else todos.delete(id)

    at_once(work)
    assert list(todos) == []
