"""A pytest plugin: the examples, each served by the real command, in front of the browser."""

import functools
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, serve
from npm import installed
from readme import block
from steps import Site

BUILD, REACT = block("cd examples/react && npm ci").splitlines()
COMMANDS = {
    "backbone": block("python3 examples/backbone"),
    "fetch": block("python3 todomvc.py --static examples/fetch"),
    "react": REACT,
}


@pytest.fixture(params=COMMANDS)
def example(request):
    """The name of each example in turn."""
    return request.param


@pytest.fixture(scope="session")
def built(npm, tmp_path_factory):
    """The folder of what README's line builds; not README's own, as several workers may build at once."""
    folder, install, build = BUILD.split(" && ")
    assert (folder, install) == ("cd examples/react", "npm ci")
    target = tmp_path_factory.mktemp("react") / "dist"
    command = [npm, *build.split()[1:], "--", "--outDir", str(target)]
    subprocess.run(command, cwd=installed(ROOT / "examples/react").parent, check=True, capture_output=True, timeout=300)
    return target


@pytest.fixture
def command(example, npm, request):
    """The program that its README runs, and the arguments."""
    _, program, *arguments = COMMANDS[example].split()
    if example == "backbone":
        installed(ROOT / "examples/backbone")  # its own program would do so in each of several workers
    if example == "react":
        arguments[-1] = str(request.getfixturevalue("built"))
    elif arguments:
        arguments[-1] = str(ROOT / arguments[-1])
    return ROOT / program, arguments


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
