"""What a list of todos answers, by docs/api.md, when one request comes after the other."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from search import Operation

Todo = tuple[tuple[str, object], ...]  # the fields in the order of their names; `number` is of the request that made it


class Request(NamedTuple):
    method: str
    id: int | None = None  # of a todo; None stands for the list
    fields: Todo = ()
    key: str | None = None  # Idempotency-Key
    expected: object = None  # the representation whose entity tag is in If-Match


class Place(NamedTuple):
    """A place in the list: its todo, None once that is deleted, and the key and the fields that made it."""

    todo: Todo | None
    key: str | None
    fields: Todo


class TodoList(NamedTuple):
    """The todos from an id on. With only one of them, it is what is known about that todo."""

    first: int = 0
    places: tuple[Place, ...] = ()


Answer = tuple[int, object]  # the status; a todo, a tuple of todos, or None
EMPTY = TodoList()


def answer_to(todos: TodoList, request: Request) -> tuple[Answer, TodoList]:
    """Return the answer to a request, and the list after it.

    A 304 is the 200 whose entity tag the client sent: to answer it is to say that this is still the representation.
    """
    if request.method == "POST":
        return create(todos, request)
    if request.id is None:
        live = tuple(place.todo for place in todos.places if place.todo)
        if request.method == "GET":
            return (200, live), todos
        if request.expected not in (None, live):
            return (412, None), todos
        return (200, live), todos._replace(places=tuple(place._replace(todo=None) for place in todos.places))
    return answer_to_one(todos, request)


def create(todos: TodoList, request: Request) -> tuple[Answer, TodoList]:
    for place in todos.places:
        if request.key is not None and place.key == request.key:
            if place.fields != request.fields:
                return (422, None), todos
            return (200, place.todo) if place.todo else (410, None), todos
    todo = merged(request.fields, (("id", todos.first + len(todos.places)),))
    return (200, todo), todos._replace(places=(*todos.places, Place(todo, request.key, request.fields)))


def answer_to_one(todos: TodoList, request: Request) -> tuple[Answer, TodoList]:
    index = request.id - todos.first
    old = todos.places[index].todo if 0 <= index < len(todos.places) else None
    if old is None:
        return (404, None), todos
    if request.method == "GET":
        return (200, old), todos
    if request.expected not in (None, old):
        return (412, None), todos
    new = None if request.method == "DELETE" else merged(old, request.fields)
    place = todos.places[index]._replace(todo=new)
    return (200, new or old), todos._replace(places=(*todos.places[:index], place, *todos.places[index + 1 :]))


def merged(fields: Todo, others: Todo) -> Todo:
    return frozen({**dict(fields), **dict(others)})


def frozen(todo: dict[str, object]) -> Todo:
    return tuple(sorted(todo.items()))


def about(id: int, history: list[Operation]) -> list[Operation]:
    """Return what a history says about one todo: the requests for it, and its part in those for the whole list."""
    numbers = {dict(todo)["number"] for todo in all_shown(history) if id_of(todo) == id}
    mine = []
    for operation in history:
        request = operation.request
        if request.method == "POST":
            made_it = id in map(id_of, shown(operation))
            may_have_made_it = operation.answer is None and dict(request.fields)["number"] in numbers
            if made_it or may_have_made_it:
                mine.append(operation)
        elif request.id == id:
            mine.append(operation)
        elif request.id is None and (operation.answer is None or operation.answer[0] == 200):
            part = operation.answer and (200, tuple(todo for todo in shown(operation) if id_of(todo) == id))
            mine.append(operation._replace(request=request._replace(expected=None), answer=part))
    return mine


def all_shown(history: list[Operation]) -> Iterator[Todo]:
    return chain.from_iterable(map(shown, history))


def shown(operation: Operation) -> tuple[Todo, ...]:
    """Return the todos that an answer shows."""
    status, content = operation.answer or (None, None)
    if status != 200:
        return ()
    return content if operation.request.id is None and operation.request.method != "POST" else (content,)


def id_of(todo: Todo) -> int:
    return dict(todo)["id"]
