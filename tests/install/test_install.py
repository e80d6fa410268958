"""What is installed and what is packed into one file, each used over HTTP with the checkout out of reach."""

import configparser
import contextlib
import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from conftest import ROOT, read_url
from readme import block, span

from todomvc import __version__
from todomvc_server import make_parser

BIN = os.path.dirname(sys.executable)
STATIC_FILES = sorted(path.relative_to(ROOT / "static").as_posix() for path in (ROOT / "static").rglob("*.*"))
UNIT = configparser.ConfigParser(interpolation=None)
UNIT.optionxform = str
UNIT.read_string(block("[Unit]"))
SERVICE = UNIT["Service"]
CONTAINER = [line.split(" ", 1) for line in block("FROM python:3").splitlines()]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source distribution, and the wheel that was built of it."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment that had nothing in it, after what README says to type in a checkout that is no more."""
    folder = tmp_path_factory.mktemp("installed")
    checkout = copy_checkout(folder / "checkout")
    shell(block("python3 -m venv /opt/todomvc").replace("/opt/todomvc", str(folder / "venv")), cwd=checkout)
    shutil.rmtree(checkout)
    return folder / "venv"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The archive of the command that is documented, with the checkout gone."""
    checkout = copy_checkout(tmp_path_factory.mktemp("archive") / "checkout")
    shell(block("python3 -m zipfile"), cwd=checkout)
    return shutil.move(str(checkout / "todomvc.pyz"), str(tmp_path_factory.mktemp("alone")))


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """What the lines of the container make: a folder in place of its `/`, with the Python of its image in `python`."""
    root = tmp_path_factory.mktemp("container")
    run(sys.executable, "-m", "venv", root / "python", cwd=root)
    for instruction, rest in CONTAINER:
        carry_out(instruction, rest, root)
    return root


def carry_out(instruction, rest, root):
    """Carry out a line that makes an image (docs.docker.com/reference/dockerfile)."""
    if instruction == "COPY":
        source, target = rest.split()
        copy_checkout(root / target.strip("/"), source)
    elif instruction == "RUN":
        shell(rest.replace(" /", f" {root}/"), cwd=root, path=root / "python/bin")
    elif instruction == "WORKDIR":
        (root / rest.strip("/")).mkdir()


def copy_checkout(folder, source="."):
    ignored = shutil.ignore_patterns(".*", "tests", "node_modules")
    return Path(shutil.copytree(ROOT / source, folder, ignore=ignored))


def shell(line, cwd, path=BIN):
    """Run a line of README as a shell does; return what it says. path: where its commands are looked for first."""
    return run("sh", "-c", line, cwd=cwd, PATH=f"{path}{os.pathsep}{os.environ['PATH']}")


def run(*command, cwd, **variables):
    """Run a command, away from the checkout and with no variable that leads there; return what it says."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TODOMVC"))}
    options = {"cwd": cwd, "env": {**environ, **variables}, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, text=True, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextlib.contextmanager
def serving(*command, cwd):
    """Run a command that serves the todos, at a free port; give its URL."""
    process = subprocess.Popen([*command, "--port", "0"], cwd=cwd, stdout=subprocess.PIPE, text=True)
    process.said = []
    try:
        yield read_url(process)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def todomvc(installed):
    return [installed / "bin/todomvc"]


@pytest.fixture
def module(installed):
    return [installed / "bin" / "python3", *span("python3 -m todomvc").split()[1:]]


@pytest.fixture
def pyz(archive):
    python, name = span("python3 todomvc.pyz").split()
    assert (python, name) == ("python3", Path(archive).name)
    return [sys.executable, archive]


@pytest.fixture
def service(installed):
    return shlex.split(SERVICE["ExecStart"].replace("/opt/todomvc", str(installed)))


@pytest.fixture
def contained(container):
    """The command of the container, but for its address: no other machine is to reach a test."""
    program, *arguments = json.loads(dict(CONTAINER)["CMD"])
    assert arguments == ["--host", "0.0.0.0"]
    return [container / "python/bin" / program, "--host", "127.0.0.1"]


@pytest.fixture(params=["todomvc", "module", "pyz", "service", "contained"])
def command(request):
    """A command that serves the todos, by each way to get one."""
    return request.getfixturevalue(request.param)


# What it does


def test_it_serves_the_page_and_every_static_file(command, tmp_path):
    with serving(*command, cwd=tmp_path) as url:
        with urllib.request.urlopen(url) as page:
            assert b"<title>TodoMVC</title>" in page.read()
        for path in STATIC_FILES:
            with urllib.request.urlopen(url + path) as file:
                assert file.read() == (ROOT / "static" / path).read_bytes()


def test_it_keeps_the_todos_in_the_folder_where_it_is_started(command, tmp_path):
    headers = {"Content-Type": "application/json"}
    with serving(*command, cwd=tmp_path) as url:
        urllib.request.urlopen(urllib.request.Request(url + "todos/", b'{"title": "a"}', headers)).close()
    with serving(*command, cwd=tmp_path) as url, urllib.request.urlopen(url + "todos/0") as todo:
        assert b'"title":"a"' in todo.read()
    assert (tmp_path / "todos.db").is_file()


def test_it_tells_the_version_of_the_source(command, tmp_path):
    assert run(*command, "--version", cwd=tmp_path) == f"todomvc {__version__}\n"


def test_it_is_imported_under_its_name(installed, tmp_path):
    program = "import todomvc; print(todomvc.__file__, todomvc.TodoMVC().files.keys() >= {'/js/app.js'})"
    file, complete = run(installed / "bin/python", "-c", program, cwd=tmp_path).split()
    assert Path(file).parent.parent.name == "site-packages"
    assert complete == "True"


def test_pipx_runs_it_from_a_checkout(tmp_path):
    checkout = copy_checkout(tmp_path / "checkout")
    said = shell(f"{span('pipx run')} --version", cwd=checkout)
    assert said.endswith(f"todomvc {__version__}\n")


def test_what_the_list_in_postgresql_needs_comes_with_it(tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    shell(block("pip install '.[postgres]'"), cwd=copy_checkout(tmp_path / "checkout"), path=tmp_path / "venv/bin")
    program = "from todomvc_postgres import PostgresTodoList; print(PostgresTodoList('postgresql://'))"
    assert "PostgresTodoList object" in run(tmp_path / "venv/bin/python", "-c", program, cwd=tmp_path)


def test_it_leaves_nothing_of_its_own_in_the_folder_of_packages(installed):
    (packages,) = installed.glob("lib/*/site-packages")
    others = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "__pycache__"}
    ours = {path.name for path in packages.iterdir()} - others
    ours = {name for name in ours if not name.startswith(("pip-", "setuptools-", "distutils-"))}
    siblings = {path.name for path in ROOT.glob("todomvc_*.py")}
    assert ours == {"todomvc", *siblings, f"todomvc_py-{__version__}.dist-info"}
    assert len(siblings) == 7


def test_it_can_be_removed_whole(installed, wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    before = set((tmp_path / "venv").rglob("*"))
    for arguments in [["install", "--quiet", "--no-index", wheel], ["uninstall", "--quiet", "--yes", "todomvc.py"]]:
        run(tmp_path / "venv/bin/python", "-m", "pip", *arguments, cwd=tmp_path)
    assert {path for path in (tmp_path / "venv").rglob("*") if "__pycache__" not in str(path)} <= before


# The service and the container


def status(url, host):
    """Return the status of the answer to who calls the server by a name."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host})) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_service_answers_to_the_name_that_it_is_told(service, tmp_path):
    with serving(*service, cwd=tmp_path) as url:
        assert [status(url, name) for name in ["todos.example.org", "other.example.org"]] == [200, 421]


def test_the_service_keeps_the_todos_where_it_may_write():
    assert SERVICE["WorkingDirectory"] == f"/var/lib/{SERVICE['StateDirectory']}"
    assert span("/var/lib/") == f"{SERVICE['WorkingDirectory']}/{make_parser({}).get_default('db') or 'todos.db'}"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_service(installed, tmp_path):
    unit = tmp_path / Path(span("/etc/systemd/system/")).name
    unit.write_text(block("[Unit]").replace("/opt/todomvc", str(installed)))
    assert run("systemd-analyze", "verify", unit, cwd=tmp_path) == ""


def test_the_container_keeps_the_todos_in_a_volume_and_shows_the_port_of_the_command():
    lines = dict(CONTAINER)
    assert lines["VOLUME"] == lines["WORKDIR"]
    assert lines["EXPOSE"] == str(make_parser({}).get_default("port"))


def test_the_container_is_made_of_lines_that_were_carried_out():
    instructions = [instruction for instruction, _ in CONTAINER]
    assert instructions == ["FROM", "COPY", "RUN", "WORKDIR", "VOLUME", "EXPOSE", "ENV", "CMD"]


# What a type checker sees


USER = """
from todomvc import TodoList, TodoMVC, app, open_list
from wsgiref.types import WSGIApplication

applications: list[WSGIApplication] = [app, TodoMVC(), TodoMVC(TodoList()), TodoMVC(open_list("todos.db"))]
"""


@pytest.mark.parametrize(
    ("program", "finding"), [(USER, "Success"), ("import todomvc\ntodomvc.TodoMVC(7)", "arg-type")]
)
def test_a_users_type_checker_sees_the_types(installed, tmp_path, program, finding):
    (tmp_path / "user.py").write_text(program)
    check = [sys.executable, "-m", "mypy", "--strict", "--python-executable", installed / "bin/python", "user.py"]
    checked = subprocess.run(check, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert finding in checked.stdout


# What is in the packages


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_source_distribution_makes_the_wheel_that_the_checkout_makes(wheel, tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    assert contents(tmp_path / wheel.name) == contents(wheel)


def test_the_wheel_holds_the_file_as_it_is_and_what_it_serves(wheel):
    held = {name: body for name, body in contents(wheel).items() if name.startswith("todomvc/")}
    assert held["todomvc/__init__.py"] == (ROOT / "todomvc.py").read_bytes()
    others = {"__init__.py", "__main__.py", "py.typed", "templates/index.html"}
    assert set(held) == {f"todomvc/{name}" for name in others | {f"static/{path}" for path in STATIC_FILES}}


def test_the_wheel_holds_the_list_in_postgresql_beside_it(wheel):
    assert contents(wheel)["todomvc_postgres.py"] == (ROOT / "todomvc_postgres.py").read_bytes()


def test_the_source_distribution_holds_what_the_tests_need(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert names >= {"tox.ini", "README.md", "LICENSE", "tests/conftest.py", "tests/servers/servers.py"}


@pytest.fixture
def metadata(wheel):
    (text,) = (body.decode() for name, body in contents(wheel).items() if name.endswith("/METADATA"))
    return Parser().parsestr(text)


def test_it_requires_nothing_but_python(metadata):
    assert all(requirement.endswith("; extra == 'postgres'") for requirement in metadata.get_all("Requires-Dist"))
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_version_is_that_of_the_source(metadata):
    assert (metadata["Name"], metadata["Version"]) == ("todomvc.py", __version__)


def test_the_changelog_begins_with_the_version_of_the_source_and_its_day():
    version, day = re.findall(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[0]
    assert version == __version__
    assert datetime.date.fromisoformat(day) >= datetime.date(2026, 11, 22)


def test_the_licence_is_there_and_named(wheel, metadata):
    (text,) = (body for name, body in contents(wheel).items() if name.endswith("/licenses/LICENSE"))
    assert metadata["License-Expression"] == "MIT"
    assert text == (ROOT / "LICENSE").read_bytes()
    assert text.startswith(b"MIT License")


def test_the_readme_is_the_description(metadata):
    assert metadata.get_payload().strip() == (ROOT / "README.md").read_text("utf-8").strip()


def test_the_pythons_that_are_named_are_those_that_are_tested(metadata):
    versions = re.findall(r":: 3\.(\d+)$", "\n".join(metadata.get_all("Classifier")), re.MULTILINE)
    assert f"py3{{{','.join(versions)}}}," in (ROOT / "tox.ini").read_text()
