"""A figure, what it is held against, and the targets."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

# How a figure compares with another one: its name -> the sign behind it, and whether more of it is better.
FASTER = "times faster than"
COST = "times the cost of"
LESS = "times less than"
RATE = "times the rate of"
SHARE = "% of the rate of"
MORE_MS = "ms more than"
MORE_MIB = "MiB more than"
MORE_US = "us more than"
AT_LEAST = {FASTER, LESS, RATE, SHARE}

READ = {"Flask": 15}
UNCHANGED = {"Flask": 300, "floor": 10}
FIRST_ANSWER = {"Flask": 2}
PEAK_MEMORY = {"Flask": 1}
TARGETS = {
    "read": READ,
    "304": READ,
    "create": {"Flask": 10, "Falcon": 1.8},
    "update": {"Flask": 9, "Falcon": 1.6},
    "delete": {"Flask": 25, "Falcon": 4},
    "404": {"Flask": 15},
    "collection, 1,000 todos, unchanged": UNCHANGED,
    "page, 1,000 todos, unchanged": UNCHANGED,
    **{f"page, 100,000 todos, {change}": {"Flask": 5} for change in ("changed", "one more", "one less")},
    "first answer, python3 todomvc.py": FIRST_ANSWER,
    "first answer, compiled": FIRST_ANSWER,
    "peak memory, 10 todos, python3 todomvc.py": PEAK_MEMORY,
    "peak memory, 10 todos, compiled": PEAK_MEMORY,
    "gunicorn: read": {"floor": 95},
    "gunicorn: create": {"floor": 85},
    "granian: read": {"floor": 95},
    "granian: create": {"floor": 85},
    "create, 1,000,000 todos": {"1,000 todos": 1.1},
    "read, 1,000,000 todos": {"1,000 todos": 1.1},
    "update, 1,000,000 todos": {"1,000 todos": 1.1},
    "memory, 1,000,000 todos": {"in all": 150},
    "create over PostgreSQL": {"a bare INSERT": 1.5},
    "read with REMOTE_USER": {"one that names nobody": 1},
    **{
        f"{store}: {operation}, 100,000 lists": {"10 lists": 1.1}
        for store in ("memory", "SQLite", "PostgreSQL")
        for operation in ("read", "update", "create")
    },
}


@dataclass
class Comparison:
    """How much better or worse a figure is than another one, and the target for that, if there is one."""

    figure: float
    kind: str
    target: float | None = None

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.figure >= self.target if self.kind in AT_LEAST else self.figure <= self.target


@dataclass
class Row:
    """What was measured of one operation.

    values: of each subject ("todomvc", "Flask", ...) the median, in `unit`.
    against: of each other subject, and of some that are not, how todomvc compares.
    """

    section: str
    operation: str
    unit: str
    values: dict[str, float]
    against: dict[str, Comparison] = field(default_factory=dict)

    def compare(self, subject: str, figure: float, kind: str) -> None:
        target = TARGETS.get(self.operation, {}).get(subject)
        self.against[subject] = Comparison(figure, kind, target)


def row_of_rounds(section, operation, unit, rounds, kinds):
    """Return the row of figures that were taken in interleaved rounds.

    rounds: a list of the figures by subject, a dict for each round; kinds: of each subject but "todomvc", how to
    compare. Each comparison is the median of those made within one round, since a machine changes its pace.
    """
    subjects = rounds[0]
    values = {subject: statistics.median(figures[subject] for figures in rounds) for subject in subjects}
    row = Row(section, operation, unit, values)
    for subject, kind in kinds.items():
        row.compare(subject, statistics.median(compared(figures, subject, kind) for figures in rounds), kind)
    return row


def compared(figures, subject, kind):
    ours, other = figures["todomvc"], figures[subject]
    if kind in (FASTER, LESS):
        return other / ours
    if kind in (COST, RATE):
        return ours / other
    return 100 * ours / other if kind == SHARE else ours - other
