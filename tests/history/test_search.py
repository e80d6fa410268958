"""The search itself: histories that some order explains, and histories that none does."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search import Operation, Undecided, explain, first_unexplained
from specification import EMPTY, Request, TodoList, about, answer_to

A = (("id", 0), ("number", 1))
CHANGED = (("id", 0), ("n", 2), ("number", 1))
B = (("id", 1), ("number", 2))

LIST, READ, DELETE = Request("GET"), Request("GET", 0), Request("DELETE", 0)
MAKE_A, MAKE_B = Request("POST", fields=(("number", 1),)), Request("POST", fields=(("number", 2),))
CHANGE = Request("PATCH", 0, (("n", 2),))
CHANGE_A = CHANGE._replace(expected=A)
DELETE_ALL = Request("DELETE")


def history(*lines):
    """Return a history from requests, answers, and the instants at which they begin and end."""
    return [Operation(request, answer, called, returned) for called, returned, request, answer in lines]


def unknown(called, request):
    return called, math.inf, request, None


GOOD = {
    "nothing": [],
    "one after the other": [
        (0, 1, MAKE_A, (200, A)), (2, 3, CHANGE, (200, CHANGED)),
        (4, 5, DELETE, (200, CHANGED)), (6, 7, READ, (404, None)),
    ],
    "a read during a change shows what was before": [
        (0, 1, MAKE_A, (200, A)), (2, 9, CHANGE, (200, CHANGED)), (3, 4, READ, (200, A)), (5, 6, LIST, (200, (A,))),
    ],
    "or after": [
        (0, 1, MAKE_A, (200, A)), (2, 9, CHANGE, (200, CHANGED)), (3, 4, READ, (200, CHANGED)),
    ],
    "two are made at once": [(0, 9, MAKE_B, (200, B)), (1, 8, MAKE_A, (200, A)), (10, 11, LIST, (200, (A, B)))],
    "nobody knows, and it was": [
        (0, 1, MAKE_A, (200, A)), unknown(2, CHANGE), (3, 4, READ, (200, A)), (5, 6, READ, (200, CHANGED)),
    ],
    "nobody knows, and it was not": [
        (0, 1, MAKE_A, (200, A)), unknown(2, CHANGE), (3, 4, READ, (200, A)), (5, 6, DELETE, (200, A)),
    ],
    "nobody knows, and it explains a refusal": [
        (0, 1, MAKE_A, (200, A)), unknown(2, CHANGE), (3, 4, CHANGE_A, (412, None)),
    ],
    "nobody knows, and an id is missing": [unknown(0, MAKE_A), unknown(1, DELETE_ALL), (2, 3, MAKE_B, (200, B))],
    "a key is sent again": [
        (0, 1, MAKE_A._replace(key="k"), (200, A)), (2, 3, MAKE_A._replace(key="k"), (200, A)),
        (4, 5, MAKE_B._replace(key="k"), (422, None)), (6, 7, DELETE, (200, A)),
        (8, 9, MAKE_A._replace(key="k"), (410, None)),
    ],
}  # fmt: skip
BAD = {
    "acknowledged and lost": [(0, 1, MAKE_A, (200, A)), (2, 3, LIST, (200, ()))],
    "refused and there": [(0, 1, LIST, (200, (A,)))],
    "a read that goes back": [
        (0, 1, MAKE_A, (200, A)), (2, 9, CHANGE, (200, CHANGED)), (3, 4, READ, (200, CHANGED)), (5, 6, READ, (200, A)),
    ],
    "two with the same condition": [
        (0, 1, MAKE_A, (200, A)), (2, 9, CHANGE_A, (200, CHANGED)), (3, 8, CHANGE_A, (200, CHANGED)),
    ],
    "refused, though nobody changed it": [(0, 1, MAKE_A, (200, A)), (2, 3, CHANGE_A, (412, None))],
    "an id that is given twice": [(0, 9, MAKE_A, (200, A)), (1, 8, MAKE_B, (200, (("id", 0), ("number", 2))))],
    "a todo that comes back": [
        (0, 1, MAKE_A, (200, A)), (2, 3, DELETE, (200, A)), (4, 5, READ, (404, None)), (6, 7, READ, (200, A)),
    ],
    "unknown, and undone": [
        (0, 1, MAKE_A, (200, A)), unknown(2, CHANGE), (3, 4, READ, (200, CHANGED)), (5, 6, READ, (200, A)),
    ],
    "unknown, and done twice": [
        unknown(0, MAKE_A), (1, 2, LIST, (200, (A,))), (3, 4, LIST, (200, (A, (("id", 1), ("number", 1))))),
    ],
    "a key that is forgotten": [
        (0, 1, MAKE_A._replace(key="k"), (200, A)),
        (2, 3, MAKE_A._replace(key="k"), (200, (("id", 1), ("number", 1)))),
    ],
    "a failure": [(0, 1, LIST, (500, None))],
}  # fmt: skip
TORN = [  # a list that shows the second of two changes and not the first
    (0, 1, MAKE_A, (200, A)), (2, 3, MAKE_B, (200, B)), (4, 20, LIST, (200, (A, (("id", 1), ("n", 2), ("number", 2))))),
    (5, 6, CHANGE, (200, CHANGED)), (7, 8, CHANGE._replace(id=1), (200, (("id", 1), ("n", 2), ("number", 2)))),
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_some_order_explains(name):
    operations = history(*GOOD[name])
    assert explain(operations, answer_to, EMPTY) is not None
    for id in (0, 1):
        assert explain(about(id, operations), answer_to, TodoList(id)) is not None


@pytest.mark.parametrize("name", BAD)
def test_a_history_that_no_order_explains(name):
    operations = history(*BAD[name])
    assert explain(operations, answer_to, EMPTY) is None
    assert first_unexplained(operations, answer_to, EMPTY)[0] in operations


def test_a_list_of_two_instants_is_found_though_each_todo_by_itself_is_explained():
    operations = history(*TORN)
    assert explain(operations, answer_to, EMPTY) is None
    for id in (0, 1):
        assert explain(about(id, operations), answer_to, TodoList(id)) is not None


def test_the_first_unexplained_answer_is_told_with_what_was_before_it():
    before = [*GOOD["one after the other"][:2], (4, 5, READ, (200, A))]
    operations = history(*before, (6, 7, DELETE, (200, A)), unknown(8, MAKE_B))
    assert first_unexplained(operations, answer_to, EMPTY) == (operations[2], operations[:3])


def test_a_search_that_comes_to_its_limit_says_so():
    writes = [unknown(0, Request("POST", fields=(("number", number),))) for number in range(20)]
    with pytest.raises(Undecided):
        explain(history(*writes, (1, 2, READ, (200, A))), answer_to, EMPTY, limit=1000)


# Whatever is done


REQUESTS = st.sampled_from(
    [
        *(Request(method) for method in ("GET", "POST", "DELETE")),
        *(Request("POST", key=key) for key in ("k", "l")),
        *(Request(method, id) for method in ("GET", "PATCH", "DELETE") for id in range(3)),
    ]
)
STEPS = st.tuples(REQUESTS, st.integers(0, 5), st.integers(0, 5), st.booleans(), st.booleans())


@settings(deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_what_was_carried_out_in_some_order_is_explained(steps):
    operations, state = [], EMPTY
    for instant, (request, before, after, is_told, is_done) in enumerate(steps):
        names = {"POST": "number", "PATCH": "title"}
        asked = request._replace(fields=((names[request.method], instant),) if request.method in names else ())
        answer, state_after = answer_to(state, asked)
        if is_told:
            operations.append(Operation(asked, answer, instant - before - 0.2, instant + after + 0.2))
        else:
            operations.append(Operation(asked, None, instant - before - 0.2, math.inf))
        if is_told or is_done:
            state = state_after
    assert explain(operations, answer_to, EMPTY) is not None
    for id in range(3):
        assert explain(about(id, operations), answer_to, TodoList(id)) is not None


# Against all orders, one by one


def answer_to_register(value, request):
    return (value, value) if request == "read" else ("done", request)


OPERATIONS = st.builds(
    lambda request, answer, called, length: Operation(
        request,
        answer if request == "read" else answer and "done",
        called,
        called + length + 0.5 if answer else math.inf,
    ),
    st.sampled_from(["read", "a", "b"]),
    st.sampled_from(["a", "b", None]),
    st.integers(0, 8),
    st.integers(0, 5),
)


@settings(deadline=None)
@given(st.lists(OPERATIONS, max_size=5))
def test_the_search_finds_an_order_where_there_is_one(operations):
    order = explain(operations, answer_to_register, "a")
    assert (order is not None) == any(is_explained_by(order, operations) for order in orders(operations))
    if order is not None:
        assert is_explained_by(order, operations)


def orders(operations):
    answered = [operation for operation in operations if operation.answer]
    for count in range(len(operations) - len(answered) + 1):
        for others in itertools.combinations([o for o in operations if not o.answer], count):
            yield from itertools.permutations([*answered, *others])


def is_explained_by(order, operations):
    value = "a"
    for index, operation in enumerate(order):
        if any(later.returned < operation.called for later in order[index:]):
            return False
        answer, value = answer_to_register(value, operation.request)
        if operation.answer not in (None, answer):
            return False
    return sorted(o for o in order if o.answer) == sorted(o for o in operations if o.answer)
