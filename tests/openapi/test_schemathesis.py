"""static/openapi.json: valid, and true by all that schemathesis can think of."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from api_document import DOCUMENT, operations
from conftest import ROOT


@pytest.mark.skipif(not find_spec("openapi_spec_validator"), reason="openapi-spec-validator is not installed")
def test_it_is_valid_openapi_3_1():
    from openapi_spec_validator import validate

    assert DOCUMENT["openapi"].startswith("3.1.")
    validate(DOCUMENT)


@pytest.mark.skipif(not find_spec("schemathesis"), reason="schemathesis is not installed")
def test_schemathesis_finds_nothing(server, tmp_path):
    program = "import schemathesis.cli; schemathesis.cli.schemathesis()"
    config = str(ROOT / "tests/openapi/schemathesis.toml")
    command = [sys.executable, "-W", "ignore", "-c", program, "--config-file", config]
    limits = ["--continue-on-failure", "--generation-deterministic", "--max-examples", "30", "--no-color"]
    arguments = ["run", f"{server.url}openapi.json", "--checks", "all", *limits]
    environ = os.environ | {"PYTHONPATH": str(ROOT / "tests/openapi"), "SCHEMATHESIS_HOOKS": "hooks"}
    run = subprocess.run([*command, *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"Tested: {len(operations())}\n" in run.stdout
