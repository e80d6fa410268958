"""The list in a file against the list in memory: whatever is done to both, both answer the same."""

import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from todomvc import KeyReused, TodoList
from todomvc_sqlite import SQLiteTodoList

FIELDS = st.dictionaries(st.sampled_from(["title", "completed", "id", "é<"]), st.none() | st.integers() | st.text())
KEYS = st.none() | st.sampled_from("abc")
IDS = st.integers(-1, 12)
LISTS = st.integers(0, 1)


class Refused(Exception):
    """What a check raises that refuses."""


class TwoLists(RuleBasedStateMachine):
    """Does the same to a list in memory and, through either of two lists that are on it, to a file."""

    @initialize()
    def make_the_lists(self):
        self.folder = tempfile.TemporaryDirectory()
        self.memory = TodoList()
        self.files = [self.open(), self.open()]

    def open(self):
        return SQLiteTodoList(Path(self.folder.name, "todos.db"))

    def teardown(self):
        del self.files
        self.folder.cleanup()

    def same(self, file, operation):
        """Do it to the list in memory and to the one in the file: they answer or refuse alike."""
        assert outcome(operation, self.files[file]) == outcome(operation, self.memory)

    @rule(file=LISTS, fields=FIELDS, key=KEYS)
    def create(self, file, fields, key):
        self.same(file, lambda todos: todos.create(fields, key))

    @rule(file=LISTS, id=IDS, fields=FIELDS)
    def update(self, file, id, fields):
        self.same(file, lambda todos: todos.update(id, fields))

    @rule(file=LISTS, id=IDS)
    def delete(self, file, id):
        self.same(file, lambda todos: todos.delete(id))

    @rule(file=LISTS, id=IDS, fields=FIELDS, length=st.integers(0, 40))
    def update_if(self, file, id, fields, length):
        self.same(file, lambda todos: todos.update(id, fields, shorter_than(length)))

    @rule(file=LISTS, id=IDS, length=st.integers(0, 40))
    def delete_if(self, file, id, length):
        self.same(file, lambda todos: todos.delete(id, shorter_than(length)))

    @rule(file=LISTS)
    def delete_all(self, file):
        self.same(file, lambda todos: list(todos.delete_all()))

    @rule(file=LISTS)
    def open_again(self, file):
        self.files[file] = self.open()

    @rule()
    def close_the_file(self):
        self.files = []
        self.files = [self.open(), self.open()]

    @invariant()
    def read_the_same(self):
        for todos in self.files:
            assert list(todos) == list(self.memory)
            assert [todos.read(id) for id in range(-1, 13)] == [self.memory.read(id) for id in range(-1, 13)]

    @invariant()
    def agree_on_the_version(self):
        first, second = self.files
        assert first.version == second.version


def outcome(operation, todos):
    """Return what the operation returns or raises; if it changes the list, that must have another version after it."""
    before = todos.version, list(todos)
    try:
        result = operation(todos)
    except (KeyReused, Refused) as error:
        result = type(error)
    assert todos.version != before[0] or list(todos) == before[1]
    return result


def shorter_than(length):
    def check(todo):
        if len(todo) >= length:
            raise Refused

    return check
