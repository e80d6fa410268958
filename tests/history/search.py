"""Whether some order explains what clients were told: a search for linearizability.

An operation takes effect at one instant between its call and its return. One whose outcome nobody knows takes effect at
any instant after its call, or never. A history is linearizable if its operations can be put into an order that respects
those instants, and in which a sequential specification gives every answer as it was given.

The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993). As Lowe adds (Testing for
Linearizability, 2017), it remembers each set of operations with the state that they lead to, and tries none twice.
"""

import bisect
import math
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

LIMIT = 500_000  # configurations that are looked at, a minute or so; an ordinary history takes a few thousand


class Operation(NamedTuple):
    """What a client asked, and what it was told: None, at the instant math.inf, if nobody knows what became of it."""

    request: Any
    answer: Any
    called: float  # seconds
    returned: float
    by: str = ""


Specification = Callable[[Any, Any], tuple[Any, Hashable]]  # takes state and request, returns answer and state


class Undecided(Exception):
    """The search has come to its limit."""


def explain(
    history: list[Operation], answer_to: Specification, state: Hashable, limit: int = LIMIT
) -> list[Operation] | None:
    """Return an order that explains a history from a state on, or None if there is none.

    Operations of an unknown outcome are in the order only if they took effect in it. Raises Undecided at the limit.
    """
    operations = sorted(history, key=lambda operation: operation.called)
    answered = sum(1 << index for index, operation in enumerate(operations) if operation.answer is not None)
    done, order, seen = 0, [], set()
    stack = [next_steps(operations, answer_to, done, state)]
    while answered & ~done:
        for index, after in stack[-1]:
            if (done | 1 << index, after) not in seen:
                break
        else:  # none leads to an explanation: undo the last one
            stack.pop()
            if not stack:
                return None
            done ^= 1 << order.pop()
            continue
        done |= 1 << index
        order.append(index)
        seen.add((done, after))
        if len(seen) > limit:
            raise Undecided(f"no order was found among {limit} configurations")
        stack.append(next_steps(operations, answer_to, done, after))
    return [operations[index] for index in order]


def next_steps(
    operations: list[Operation], answer_to: Specification, done: int, state: Hashable
) -> Iterator[tuple[int, Hashable]]:
    """Iterate over the operations that may come next, and the states that they lead to, the likeliest first."""
    changes, guesses = [], []
    for index in candidates(operations, done):
        answer, after = answer_to(state, operations[index].request)
        if operations[index].answer is None:
            if after != state:
                guesses.append((index, after))
        elif operations[index].answer == answer:
            if after == state:  # it may as well come now, so there is nothing else to try
                yield index, after
                return
            changes.append((index, after))
    yield from sorted(changes, key=lambda step: operations[step[0]].returned)
    yield from guesses


def candidates(operations: list[Operation], done: int) -> Iterator[int]:
    """Iterate over the operations that were called before any other that is not done returned."""
    deadline = math.inf
    for index, operation in enumerate(operations):
        if operation.called > deadline:
            return
        if not done >> index & 1:
            deadline = min(deadline, operation.returned)
            yield index


def first_unexplained(
    history: list[Operation], answer_to: Specification, state: Hashable
) -> tuple[Operation, list[Operation]]:
    """Return the earliest answer up to which no order explains a history, and the history as it was known then."""
    answered = sorted((o for o in history if o.answer is not None), key=lambda o: o.returned)
    index = bisect.bisect_left(
        answered, True, key=lambda o: explain(until(o.returned, history), answer_to, state) is None
    )
    return answered[index], until(answered[index].returned, history)


def until(instant: float, history: list[Operation]) -> list[Operation]:
    """Return the history as it was known at an instant."""
    called = [operation for operation in history if operation.called <= instant]
    return [o if o.returned <= instant else o._replace(answer=None, returned=math.inf) for o in called]
