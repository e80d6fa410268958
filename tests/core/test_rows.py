"""The rows of a store: all of it, and what another store takes over. Over every kind of list."""

import pytest
from stores import FIELDS, USERS, contents, fill

from todomvc import KeyReused, TodoList
from todomvc_sqlite import SQLiteTodoList


def test_the_rows_of_a_store_are_the_whole_of_it(todos):
    fill(todos)
    rows = list(todos.rows("alice"))
    assert [row[:2] for row in rows] == [("alice", id) for id in range(4)]
    assert [row[2] for row in rows] == [todos.of("alice").read(id) for id in range(4)]
    assert [row[3] for row in rows] == ["k", "gone", None, None]
    assert [rows[id][4] is None for id in range(4)] == [False, False, True, True]
    assert sorted({row[0] for row in todos.rows()}) == sorted(USERS)
    assert list(todos.rows("nobody")) == []


@pytest.mark.parametrize("target", ["memory", "sqlite"])
def test_a_store_takes_over_the_rows_of_any_other(todos, tmp_path, target):
    fill(todos)
    other = TodoList() if target == "memory" else SQLiteTodoList(tmp_path / "other.db")
    other.load(todos.rows())
    assert contents(other) == contents(todos)
    for user in USERS:
        mine = other.of(user)
        assert list(mine) == list(todos.of(user))
        assert mine.create(FIELDS, "k") == (0, mine.read(0))
        assert mine.create({"title": "gone"}, "gone") == (1, None)
        with pytest.raises(KeyReused):
            mine.create({}, "k")
        assert mine.create({})[0] == 4


@pytest.mark.parametrize(
    "change", [lambda todos: None, lambda todos: todos.delete_all()], ids=["a todo", "a tombstone"]
)
def test_a_store_that_is_not_empty_takes_no_rows(todos, change):
    todos.create({"title": "mine"})
    change(todos)
    before = contents(todos)
    with pytest.raises(ValueError, match="there are todos already"):
        todos.load([("", 0, b'{"id":0}', None, None)])
    assert contents(todos) == before


def test_rows_that_break_off_leave_the_store_empty(todos):
    def rows():
        yield "", 0, b'{"id":0}', None, None
        raise LookupError

    with pytest.raises(LookupError):
        todos.load(rows())
    assert contents(todos) == []
    assert todos.create({})[0] == 0
