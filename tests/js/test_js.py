"""The client's model, without a browser: `node --test` as a part of the quick suite, where Node is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT
from npm import installed

OLDEST_NODE = 20


@pytest.fixture(scope="module")
def node():
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    if int(re.match(r"v(\d+)", version)[1]) < OLDEST_NODE:
        pytest.skip(f"Node.js {version.strip()} is too old")
    try:
        installed(ROOT / "tests")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm could not install what the tests need: {error}")
    return node


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("*.test.js")), ids=lambda path: path.name)
def test_in_node(node, path):
    done = subprocess.run([node, "--test", path], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
