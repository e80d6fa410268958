"""The fixtures: the application in process, checked by two validators at every call, and the command as a process."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path
from wsgiref.validate import validator

import pytest
from webtest import TestApp

from todomvc import TodoMVC

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def application():
    return TodoMVC()


@pytest.fixture
def client(application):
    """WebTest's client: its lint and wsgiref's validator look at every request and answer."""
    return TestApp(validator(application))


@contextlib.contextmanager
def serve(*arguments, cwd=ROOT, python=sys.executable, **options):
    """Run the command on a free port; give the process, its URL in `url` and the lines it said in `said`."""
    command = [python, str(ROOT / "todomvc.py"), "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True, **options)
    try:
        process.said = []
        process.url = read_url(process)
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def read_url(process):
    for line in process.stdout:
        process.said.append(line)
        found = re.search(r"http://\S+/", line)
        if found:
            return found[0]
    raise AssertionError(f"the command ended with {process.wait()} and said {process.said}")


@pytest.fixture
def server(tmp_path):
    with serve(cwd=tmp_path) as process:
        yield process
