"""Run the benchmarks: see the table that they end in. ``python -m tests.bench --help``"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tests.bench import chart, table

SECTIONS = ["in_process", "served", "startup", "growth", "stored", "postgres", "users"]
PACKAGES = ["flask", "falcon", "werkzeug", "jinja2", "bottle", "gunicorn", "waitress", "granian", "psycopg"]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Time todomvc.py against its peers.")
    parser.add_argument("--short", action="store_true", help="under a minute, to see that the benchmark works")
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="a section; the chart and JSON are left alone"
    )
    options = parser.parse_args()
    rows = []
    gc.disable()  # as timeit does; what is to be collected is so between the slices
    for section in options.only or SECTIONS:
        start = time.monotonic()
        rows += importlib.import_module(f"tests.bench.{section}").rows(options.short)
        print(f"{section}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    print(table.text(rows))
    partial = options.short or options.only
    folder = Path(tempfile.mkdtemp() if partial else Path(__file__).parent)
    (folder / "results.json").write_text(json.dumps(document(rows), indent=1) + "\n")
    if not options.only:
        (folder / "chart.svg").write_text(chart.svg(rows))
    print(f"\n{folder / 'results.json'}, and the chart beside it")


def document(rows):
    """Return the results as JSON is to have them, with what they were taken on."""
    on = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "versions": {package: version(package) for package in PACKAGES},
    }
    return {"on": on, "rows": [{**dataclasses.asdict(row), "against": against(row)} for row in rows]}


def against(row):
    return {name: {**dataclasses.asdict(held), "met": held.met} for name, held in row.against.items()}


if __name__ == "__main__":
    main()
