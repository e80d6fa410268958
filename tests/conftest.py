"""The fixtures: the application in process, checked by two validators at every call, and the command as a process."""

import contextlib
import io
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from webtest import TestApp

from todomvc import TodoList, TodoMVC
from todomvc_sqlite import SQLiteTodoList

ROOT = Path(__file__).resolve().parent.parent

for variable in [name for name in os.environ if name.startswith("TODOMVC_") and name != "TODOMVC_TEST_POSTGRES"]:
    del os.environ[variable]  # the suite starts from the defaults, whatever its user has set


STORES = ["memory", "sqlite", "postgres"]


def pytest_addoption(parser):
    parser.addoption("--store", choices=STORES, help="run the tests of every list over this one only")


def pytest_generate_tests(metafunc):
    if "store" in metafunc.fixturenames:
        store = metafunc.config.getoption("store")
        metafunc.parametrize("store", [store] if store else STORES[:2], scope="session")


@pytest.fixture
def todos(store, request, tmp_path):
    """The list, of each kind in turn: whatever holds for one holds for the others."""
    if store == "postgres":
        return request.getfixturevalue("postgres_list")
    return TodoList() if store == "memory" else SQLiteTodoList(tmp_path / "todos.db")


@pytest.fixture(scope="session")
def postgres():
    """The URL of a PostgreSQL."""
    import databases

    with databases.postgres() as url:
        yield url


@pytest.fixture
def database(postgres):
    """The URL of a new database in it."""
    from databases import new_database

    with new_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def used_database(postgres):
    """The URL of one that the tests share."""
    from databases import new_database

    with new_database(postgres) as url:
        yield url


@pytest.fixture
def postgres_list(used_database):
    from databases import emptied

    return emptied(used_database)


@pytest.fixture
def application(todos):
    return TodoMVC(todos)


@pytest.fixture
def client(application):
    return client_of(application)


def client_of(application, **environ):
    """Return WebTest's client; its lint and wsgiref's validator look at every request and answer.

    environ: what the application is given in place of what they look at, as they refuse to send what is wrong; a value
    of None takes the variable away.
    """

    def changed(original, start_response):
        given = {**original, **environ}
        return application({name: value for name, value in given.items() if value is not None}, start_response)

    return TestApp(validator(changed))


def call(application, method, path, **environ):
    """Call an application as a server does, with nothing but wsgiref's validator between; return what it answers.

    A client hides some of that: what is returned for HEAD, say. The answer: status line, list of headers, body.
    """
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", **environ}
    setup_testing_defaults(environ)
    answer = []
    pieces = validator(application)(environ, lambda *arguments: answer.extend(arguments) or answer.append)
    with contextlib.closing(pieces):
        body = b"".join(pieces)
    status, headers = answer
    return status, headers, body


ANY_TAG = {"If-Match": "*"}  # what a DELETE of all todos must have


def tag_of(application, path, **environ):
    return dict(call(application, "GET", path, **environ)[1])["ETag"]


def put(application, tag, body, path="/todos/0"):
    """PUT what has this entity tag; return the status line."""
    environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return call(application, "PUT", path, HTTP_IF_MATCH=tag, **environ)[0]


@contextlib.contextmanager
def serve(*arguments, cwd, program=ROOT / "todomvc.py", interpreter=(), **options):
    """Run the command on a free port; give the process, its URL in `url` and the lines it said in `said`.

    interpreter: options of Python itself.
    """
    command = [sys.executable, *interpreter, str(program), "--port", "0", *arguments]
    options["env"] = {**options.get("env", os.environ), "PYTHONUNBUFFERED": "1"}  # PyPy's log would come in blocks
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True, **options)
    try:
        process.said = []
        process.url = read_url(process)
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
        if process.stderr:
            process.stderr.close()


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


def python(program, *arguments, **options):
    """Run a program in an interpreter of its own, with the module on its path; return what it prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def chance():
    """What is random, from a seed that is printed when a test fails."""
    seed = random.randrange(10**6)
    print("seed", seed)
    return random.Random(seed)
