"""todomvc.py itself over a list in memory, behind the guards that the command puts before it."""

from todomvc import TodoList, TodoMVC
from todomvc_guards import guard


def make_app(todos, conditional=True):
    return guard(TodoMVC(list_of(todos)), hosts=[])


def list_of(todos):
    """Return the TodoList that holds these dicts and, at the indexes of None, tombstones."""
    made = TodoList()
    for id, todo in enumerate(todos):
        made.create(todo or {})
        if todo is None:
            made.delete(id)
    return made


app = make_app([])
