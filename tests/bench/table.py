"""The table on the terminal."""

from __future__ import annotations

from tests.bench.figures import AT_LEAST

PEERS = ["Flask", "Falcon", "Werkzeug", "Bottle"]


def text(rows):
    """Return the rows as lines: a figure, how many times better it is than the peers', and how it is to other ones."""
    lines = [cells("", "todomvc", [f"times {peer}" for peer in PEERS], "")]
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", section]
        peers = [held_to(row.against[peer]) if peer in row.against else "" for peer in PEERS]
        others = [f"{held_to(held)} {held.kind} {name}" for name, held in row.against.items() if name not in PEERS]
        figure = f"{rounded(row.values['todomvc'])} {row.unit}"
        lines.append(cells("  " + row.operation, figure, peers, "; ".join(others)))
    held = [held for row in rows for held in row.against.values() if held.met is not None]
    lines += ["", f"{sum(one.met for one in held)} of {len(held)} targets met"]
    return "\n".join(line.rstrip() for line in lines)


def cells(operation, figure, peers, others):
    return f"{operation:60}{figure:>13}" + "".join(f"{peer:>22}" for peer in peers) + "   " + others


def held_to(held):
    """Return a comparison, what was to be reached, and whether it was."""
    if held.target is None:
        return rounded(held.figure)
    sign = ">=" if held.kind in AT_LEAST else "<="
    return f"{rounded(held.figure)} ({sign}{held.target:g}: {'met' if held.met else 'NOT MET'})"


def rounded(number):
    """Return a number with three digits."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
