"""What docs/api.md says of json-server: the two are asked again."""

import json
import subprocess
import sys

from conftest import ROOT
from readme import TEXTS, block, span

pytest_plugins = ["browser"]


def test_both_answer_as_the_table_says(npm):
    _, program = block("python3 tests/bench/json_server").split()
    asked = subprocess.run([sys.executable, ROOT / program], capture_output=True, text=True, check=True, timeout=300)
    rows = asked.stdout.splitlines()
    assert len(rows) > 10
    assert [row for row in rows if row not in TEXTS["docs/api.md"].splitlines()] == []


def test_its_packages_are_as_many_as_it_says(npm):
    assert span("python3 tests/bench/json_server --speed")
    packages = json.loads((ROOT / "tests/bench/json_server/package-lock.json").read_text("utf-8"))["packages"]
    assert f"json-server comes with {len(packages) - 1} packages" in " ".join(TEXTS["docs/api.md"].split())
