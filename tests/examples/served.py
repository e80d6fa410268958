"""A pytest plugin: the examples, each served by the real command, in front of the browser."""

import functools
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, serve
from folders import EXAMPLES, installed
from steps import Site

NAMES = ["backbone", "fetch", "react"]


@pytest.fixture(params=NAMES)
def example(request):
    """The name of each example in turn."""
    return request.param


@pytest.fixture
def command(example, npm):
    """The program that serves the example, and its first arguments."""
    if example == "backbone":
        return EXAMPLES / "backbone", []
    folder = built_react(npm) if example == "react" else EXAMPLES / example
    return ROOT / "todomvc.py", ["--static", str(folder)]


@pytest.fixture
def site(command, tmp_path):
    """The example, served, with an empty list. It can be stopped, and started again at the same port."""
    with Restartable(*command, tmp_path) as site:
        yield site


class Restartable(Site):
    def __init__(self, program, arguments, folder):
        self.start = functools.partial(self.run, program, arguments, folder)
        self.port = 0

    @contextmanager
    def run(self, program, arguments, folder):
        arguments = [*arguments, "--port", str(self.port), "--db", str(folder / "todos.db")]
        with serve(*arguments, cwd=folder, program=program) as process:
            self.url = process.url
            self.port = urlsplit(self.url).port
            yield self

    def __enter__(self):
        self.running = self.start()
        return self.running.__enter__()

    def __exit__(self, *error):
        self.running.__exit__(None, None, None)

    @contextmanager
    def stopped(self):
        """Take the server away for a while."""
        self.__exit__()
        yield
        self.__enter__()


@functools.cache
def built_react(npm):
    folder = installed(npm, EXAMPLES / "react")
    subprocess.run([npm, "run", "build"], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder / "dist"
