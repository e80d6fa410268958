"""The figures of durable.py, as rows of the table."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import durable
from tests.bench.figures import RATE, Comparison, Row


def rows(short):
    """Yield a row for each of its rows."""
    if short:
        durable.ROUNDS, durable.LARGE = 1, 10_000
    with tempfile.TemporaryDirectory() as folder:
        for section in durable.SECTIONS:
            for row in section(Path(folder)):
                yield converted(row)


def converted(row):
    sign, number, *unit = row.target.split()
    kind = RATE if sign == ">=" else " ".join(unit) or "times"
    values = {"todomvc": row.figure} if row.other is None else {"todomvc": row.figure, "": row.other}
    return Row("durable", row.name, row.unit, values, {"": Comparison(row.comparison, kind, float(number))})
