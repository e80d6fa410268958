"""What README says to type, typed."""

import ast
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import urllib.request

import pytest
from backbone import run as backbone
from conftest import ROOT, serve
from readme import BLOCKS, SPANS, TEXT, block, span
from workers import ask, gunicorn

import todomvc

TESTS = ROOT / "tests"


def run(line, cwd):
    python = [sys.executable if word == "python3" else word for word in shlex.split(line)]
    return subprocess.run(python, cwd=cwd, capture_output=True, text=True, check=True, timeout=60).stdout


# Use it


def test_its_first_command_serves_the_page(tmp_path):
    python, program = block("python3 todomvc.py\n").split()
    with serve(cwd=tmp_path, program=ROOT / program) as process, urllib.request.urlopen(process.url) as page:
        assert (python, page.status) == ("python3", 200)


def test_it_names_the_address_where_the_command_serves():
    parser = todomvc.make_parser({})
    assert f"open http://{parser.get_default('host')}:{parser.get_default('port')}/:" in TEXT


def test_its_second_command_is_what_ci_runs():
    (pattern,) = re.findall(r"grep -m 1 '(.+)' README.md", (ROOT / ".ci/run").read_text())
    assert re.findall(pattern, TEXT, re.MULTILINE) == [f"    {block('python3 -m venv .venv').strip()}"]


def test_the_environments_of_tox_that_it_names_are_there():
    names = [words.split()[2] for words in SPANS if words.startswith("tox -e ")]
    assert [name for name in names if f"\n[testenv:{name}" in (ROOT / "tox.ini").read_text()] == names != []


def test_its_backup_of_a_live_file_has_the_todos(server, tmp_path):
    todomvc.SQLiteTodoList(tmp_path / "todos.db").create({"title": "kept"})
    run(block('python3 -c "import sqlite3'), tmp_path)
    backup = sqlite3.connect(tmp_path / "backup.db")
    assert backup.execute("SELECT json FROM todo").fetchall() == [('{"title":"kept","id":0}',)]
    backup.close()


def test_every_flag_and_variable_stands_in_its_table():
    flags = re.findall(r"--[a-z-]+", todomvc.make_parser({}).format_help())
    variables = re.findall(r'"(TODOMVC_[A-Z_]+)"', (ROOT / "todomvc.py").read_text("utf-8"))
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `--"))
    assert [word for word in {*flags, *variables} - {"--help", "--version"} if f"`{word}" not in table] == []


# Build on it


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_its_curl_creates_a_todo(server, tmp_path):
    line = block("curl").replace("http://127.0.0.1:8000/", server.url)
    assert json.loads(run(line, tmp_path)) == {"title": "buy some cheese", "id": 0}


def test_its_page_for_another_client_can_be_filled(tmp_path):
    for folder in ("client/static", "client/templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "client/templates/index.html").write_text(block("<script"))
    words = block("python3 todomvc.py --static").split()[2:]
    with serve(*words, cwd=tmp_path) as process, urllib.request.urlopen(process.url) as answer:
        assert answer.read().count(b"<script") == 5


def test_the_backbone_client_that_it_names_has_its_lines():
    assert (ROOT / span("python3 tests/backbone/run.py").split()[1]).samefile(backbone.__file__)
    assert block("<script") in (backbone.HERE / "templates/index.html").read_text()
    assert (backbone.HERE / "static/app.js").read_text().endswith(block("app.todos.url"))


# Embed it


def test_its_application_is_served_by_a_server_that_forks(tmp_path):
    (tmp_path / "mine.py").write_text(block("from todomvc import SQLiteTodoList, TodoMVC\n"))
    preload = span("gunicorn --preload").split()[1]
    for todos in [[], [{"title": "kept", "id": 0}]]:
        with gunicorn(preload, cwd=tmp_path, application="mine", db=None) as server:
            assert ask(server.url, "GET", "/todos/") == (200, todos)
            ask(server.url, "POST", "/todos/", {"title": "kept"})


# All of it


PROGRAMS = (
    "cheroot curl granian gunicorn htpasswd mod_wsgi-express nginx pip pipx python3 tox twistd uwsgi waitress-serve"
)
is_command = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{PROGRAMS.replace(' ', '|')}) (?!-e )").match


def taken_by_tests(take):
    """Return what of README the tests take by a function of tests/readme.py."""
    files = [file for file in TESTS.rglob("*.py") if "node_modules" not in file.parts]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))) if is_call(node, take)]
    return {take(ast.literal_eval(call.args[0])) for call in calls}


def is_call(node, function):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function.__name__


def test_every_block_of_lines_is_taken_by_a_test():
    assert set(BLOCKS) - taken_by_tests(block) == set()


def test_every_command_in_the_text_is_taken_by_a_test():
    in_table = re.findall(r"^\| [^|]+ \| `([^`]+)` \|", TEXT[TEXT.index("| server | the line") :], re.MULTILINE)
    in_blocks = [words for words in SPANS if any(words in lines for lines in BLOCKS)]
    commands = {words for words in SPANS if is_command(words)}
    assert commands - taken_by_tests(span) - {*in_table, *in_blocks} == set()
