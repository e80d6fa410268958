"""The chart for docs/design.md: what a request costs each of the peers, as a multiple of what it costs todomvc.py."""

from __future__ import annotations

import math

from tests.bench.figures import COST

SUBJECTS = ["floor", "todomvc", "Falcon", "Bottle", "Werkzeug", "Flask"]
LABELS = {"collection, 1,000 todos, unchanged": "1,000 todos", "page, 1,000 todos, unchanged": "page of them"}
OPERATIONS = ["read", "304", "create", "update", "delete", "404", "static file", *LABELS]
WIDTH, LEFT, RIGHT, TOP, STEP = 720, 104, 24, 92, 28
FIRST, LAST = -2, 3  # powers of ten

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.grid { stroke: #8c959f; stroke-opacity: .35 }
.floor { fill: #8c959f } .todomvc { fill: #c2410c } .Falcon { fill: #7c3aed }
.Bottle { fill: #15803d } .Werkzeug { fill: #0e7490 } .Flask { fill: #1d4ed8 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .todomvc { fill: #fb923c } .Falcon { fill: #c4b5fd }
  .Bottle { fill: #4ade80 } .Werkzeug { fill: #67e8f9 } .Flask { fill: #93c5fd }
}
"""


def svg(rows):
    """Return the chart of the rows of the operations in process: a line for each, a dot for each subject."""
    rows = {row.operation: row.against for row in rows}
    lines = [(LABELS.get(name, name), multiples(rows[name])) for name in OPERATIONS]
    height = TOP + STEP * len(lines) + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">',
        f"<style>{STYLE}</style>",
        '<text class="title" id="title" x="12" y="24">What a request costs, as a multiple of todomvc.py</text>',
        *legend(),
        *grid(height),
    ]
    for number, (label, costs) in enumerate(lines):
        parts += line(label, costs, TOP + STEP * number + STEP / 2)
    return "\n".join([*parts, "</svg>\n"])


def legend():
    for number, subject in enumerate(SUBJECTS):
        x = 18 + 100 * number
        yield f'<circle class="{subject}" cx="{x}" cy="46" r="5"/><text x="{x + 10}" y="50.5">{subject}</text>'


def grid(height):
    for power in range(FIRST, LAST + 1):
        x = position(10**power)
        yield f'<path class="grid" d="M{x} {TOP - 6}V{height - 8}"/>'
        yield f'<text x="{x}" y="{TOP - 12}" text-anchor="middle">{10**power:,g}&#215;</text>'


def multiples(against):
    """Return what each subject costs, as a multiple of what todomvc.py does: the medians of the table."""
    costs = {subject: 1 / held.figure if held.kind == COST else held.figure for subject, held in against.items()}
    return {subject: costs.get(subject, 1) for subject in SUBJECTS}


def line(label, costs, y):
    yield f'<text x="{LEFT - 12}" y="{y + 4.5}" text-anchor="end">{label}</text>'
    for subject, times in costs.items():
        title = f"<title>{subject}: {times:.3g} times todomvc.py</title>"
        yield f'<circle class="{subject}" cx="{position(times)}" cy="{y}" r="5">{title}</circle>'


def position(times):
    share = (math.log10(times) - FIRST) / (LAST - FIRST)
    return round(LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24), 1)
