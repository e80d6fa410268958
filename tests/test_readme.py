"""What README, CONTRIBUTING and docs/ say to type, typed; and what they say of the product, held against it."""

import ast
import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from inspect import signature
from textwrap import dedent

import pytest
from conftest import ROOT, call, serve
from readme import BLOCKS, FENCED, INDENTED, SPANS, TEXTS, block, blocks_of, span, table
from workers import ask, gunicorn

import todomvc
import todomvc_server

TESTS = ROOT / "tests"
README, API = TEXTS["README.md"], TEXTS["docs/api.md"]
OPENAPI = (ROOT / "static/openapi.json").read_text("utf-8")
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def run(line, cwd):
    python = [sys.executable if word == "python3" else word for word in shlex.split(line)]
    return subprocess.run(python, cwd=cwd, capture_output=True, text=True, check=True, timeout=60).stdout


def define(lines, **names):
    """Run lines of Python; return what the names are then."""
    exec(lines, names)
    return names


# README


def test_it_is_short():
    assert len(README.splitlines()) <= 120


def test_its_first_command_serves_the_page(tmp_path):
    python, program = block("python3 todomvc.py\n").split()
    with serve(cwd=tmp_path, program=ROOT / program) as process, urllib.request.urlopen(process.url) as page:
        assert (python, page.status) == ("python3", 200)


def test_it_names_the_address_where_the_command_serves():
    parser = todomvc_server.make_parser({})
    assert f"open http://{parser.get_default('host')}:{parser.get_default('port')}/:" in README


def test_it_has_the_command_that_ci_runs():
    (pattern,) = re.findall(r"grep -m 1 '(.+)' README.md", (ROOT / ".ci/run").read_text())
    line = block("python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox").strip()
    assert re.findall(pattern, README, re.MULTILINE) == [f"    {line}"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_its_curl_creates_a_todo(server, tmp_path):
    line = block("curl -H 'Content-Type: application/json' -d '{\"title\": \"buy some cheese\"}'")
    assert json.loads(run(line.replace("http://127.0.0.1:8000/", server.url), tmp_path)) == {
        "title": "buy some cheese",
        "id": 0,
    }


def test_its_table_has_the_methods_of_the_api():
    rows = {(method, path.strip("`")) for methods, path, _ in table("| method | ") for method in methods.split(", ")}
    paths = json.loads(OPENAPI)["paths"]
    described = {(method.upper(), path.replace("{id}", "<id>")) for path in paths for method in paths[path]}
    for path in ("/todos/", "/todos/<id>"):
        of_path = {method for method, its_path in rows if its_path == path}
        assert of_path == {method for method, its_path in described if its_path == path} & METHODS


def test_its_application_is_served_by_a_server_that_forks(tmp_path):
    (tmp_path / "mine.py").write_text(block("from todomvc import TodoMVC, open_list\n\napplication"))
    preload = span("gunicorn --preload").split()[1]
    for todos in [[], [{"title": "kept", "id": 0}]]:
        with gunicorn(preload, cwd=tmp_path, application="mine", db=None) as server:
            assert ask(server.url, "GET", "/todos/") == (200, todos)
            ask(server.url, "POST", "/todos/", {"title": "kept"})


# The API


def examples():
    """Return each curl of docs/api.md, and the output that stands below it."""
    found = re.findall(r"^(    curl .+\n(?:    .+\n)*)\n```text\n((?:.*\n)+?)```$", API, re.MULTILINE)
    return [(dedent(command), output.splitlines()) for command, output in found]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_each_curl_of_the_api_gets_the_output_below_it(tmp_path):
    with serve(*block("python3 todomvc.py --db").split()[2:], cwd=tmp_path) as process:
        for command, output in examples():
            line = command.replace("http://127.0.0.1:8000/", process.url)
            said = subprocess.run(
                ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=20
            ).stdout
            assert shortened(said.splitlines(), output) == output, command


def shortened(lines, example):
    """Return the lines that an example shows, with "..." in place of those that it leaves out."""
    shown = [line if line in example else "..." for line in lines]
    return [line for line, before in zip(shown, [None, *shown[:-1]], strict=True) if not line == before == "..."]


def test_each_curl_of_the_api_has_its_output():
    assert {command for command, _ in examples()} == {lines for lines in blocks_of(API) if lines.startswith("curl")}


def test_the_errors_of_the_api_are_those_that_it_describes():
    assert [status for status, _ in table("| status | ")] == sorted(set(re.findall(r'"([45]\d\d)": {', OPENAPI)))


def test_its_page_for_another_client_can_be_filled(tmp_path):
    for line in [block("python3 todomvc.py --static client\n"), block("python3 todomvc.py --static client/static")]:
        words = line.split()[2:]
        for folder in words[1::2]:
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / words[-1] / "index.html").write_text(block("<script"))
        with serve(*words, cwd=tmp_path) as process, urllib.request.urlopen(process.url) as answer:
            page = answer.read()
        assert b"$(function" in page
        assert b"app.todos.url = '/todos/';\n    app.todos.reset([]);" in page


def test_the_names_of_the_template_are_those_that_are_filled(tmp_path):
    names = [name.strip("`") for name, _ in table("| name | ")]
    (tmp_path / "index.html").write_text(" ".join(names))
    assert b"$" not in call(todomvc.TodoMVC(templates=tmp_path), "GET", "/")[2]


def test_the_backbone_example_has_the_lines_of_the_documents():
    backbone = ROOT / "examples/backbone"
    assert block("<script") in (backbone / "index.html").read_text("utf-8")
    assert block("const send = Backbone.sync") in (backbone / "js/sync.js").read_text("utf-8")


def test_the_tutorial_is_carried_out_by_what_is_named_beside_it():
    names = [name for *_, cell in table("| step | ") for name in re.findall("`([^`]+)`", cell)]
    assert [name for name in names if not is_there(name)] == []


def is_there(name):
    module, *rest = name.split(".")
    thing = getattr(todomvc, module, None) or sys.modules.get(module)
    return thing is not None and all(hasattr(thing, part) or part in vars(thing()) for part in rest)


def test_each_file_of_the_tutorial_has_its_place():
    named = " ".join(here for _, here in table("| in the tutorial | "))
    for path in (ROOT / "examples/backbone/js").rglob("*.js"):
        folder = path.parent.name
        assert path.name in TEXTS["docs/backbone.md"] or f"{folder}/" in TEXTS["docs/backbone.md"]
    assert "`examples/backbone/index.html`" in named


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("examples/")])
def test_the_readme_of_an_example_is_short(name):
    assert len([line for line in TEXTS[name].splitlines() if line]) <= 10


def test_its_todo_backend_lets_scripts_of_every_origin_in():
    names = define(block("from todomvc import TodoMVC\nfrom todomvc_guards import allow_origins"))
    headers = dict(call(names["application"], "GET", "/todos/", HTTP_ORIGIN="https://todobackend.com")[1])
    assert headers["Access-Control-Allow-Origin"] == "*"


# Deployment


def test_its_backup_of_a_live_file_has_the_todos(server, tmp_path):
    todomvc.open_list(str(tmp_path / "todos.db")).create({"title": "kept"})
    run(block("python3 todomvc.py --backup").replace("todomvc.py", str(ROOT / "todomvc.py")), tmp_path)
    backup = sqlite3.connect(tmp_path / "backup.db")
    assert backup.execute("SELECT json FROM todo").fetchall() == [('{"title":"kept","id":0}',)]
    backup.close()


def test_its_check_finds_a_file_sound(tmp_path):
    todomvc.open_list(str(tmp_path / "todos.db")).create({})
    run(block("python3 todomvc.py --check").replace("todomvc.py", str(ROOT / "todomvc.py")), tmp_path)


def test_its_move_takes_all_lists_along(tmp_path):
    todomvc.open_list(str(tmp_path / "todos.db")).of("alice").create({"title": "moved"})
    line = block("python3 todomvc.py --export -").replace("todomvc.py", str(ROOT / "todomvc.py"))
    line = re.sub(r"postgresql://\S+", "other.db", line).replace("python3", sys.executable)
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, timeout=60)
    assert list(todomvc.open_list(str(tmp_path / "other.db")).of("alice")) == [b'{"title":"moved","id":0}']


def test_its_new_identity_of_a_copy_is_drawn(tmp_path):
    before = todomvc.open_list(str(tmp_path / "todos.db")).identity
    run(block("python3 todomvc.py --renew").replace("todomvc.py", str(ROOT / "todomvc.py")), tmp_path)
    assert todomvc.open_list(str(tmp_path / "todos.db")).identity != before


def test_every_option_and_variable_stands_in_its_table():
    options = re.findall(r"--[a-z-]+", todomvc_server.make_parser({}).format_help())
    variables = re.findall(r'"(TODOMVC_[A-Z_]+)"', (ROOT / "todomvc_server.py").read_text("utf-8"))
    assert variables != []
    cells = re.findall(r"`([^`=]+)", " ".join(f"{option} {variable}" for option, variable, _ in table("| option | ")))
    assert set(cells) - {", ", " "} >= {*options, *variables} - {"--help", "--version"}


# The design


def names_in(file):
    """Return the functions, classes, methods and constants that a file defines at its top or in a class."""
    names = set()
    for node in ast.parse((ROOT / file).read_text("utf-8")).body:
        for target in getattr(node, "targets", [node]):
            names.add(getattr(target, "id", getattr(target, "name", "")))
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{member.name}" for member in node.body if hasattr(member, "name")}
    return names


@pytest.mark.parametrize("row", table("| question | "), ids=lambda row: row[0])
def test_each_thing_is_where_the_design_says(row):
    _, file, names = row
    for name in re.findall("`([^`]+)`", names):
        assert name in names_in(file.strip("`"))


def test_the_design_names_every_module():
    modules = {file.strip("`") for file, _ in table("| file | ")}
    assert {path.name for path in ROOT.glob("todomvc*.py")} <= modules


def test_the_steps_in_its_drawing_are_in_the_code():
    defined = set().union(*(names_in(path.name) for path in ROOT.glob("todomvc*.py")))
    (drawing,) = [fence[0] for fence in FENCED.finditer(TEXTS["docs/design.md"]) if "TodoMVC.__call__" in fence[0]]
    steps = [
        name for names in re.findall(r"^    ([\w.]+(?:, [\w.]+)*)", drawing, re.MULTILINE) for name in names.split(", ")
    ]
    assert [name for name in steps if name not in defined] == [] != steps


def test_its_route_is_served():
    application = define(block("from todomvc import TodoMVC, json_response, route"))["CountingTodoMVC"]()
    application.todos.create({})
    assert call(application, "GET", "/count")[2] == b"1"
    assert call(application, "GET", "/todos/0")[0].startswith("200")


def test_its_guard_lets_nobody_write():
    guarded = define(block("from todomvc import HTTPError, error_response, send"))["refuse_writes"](todomvc.TodoMVC())
    assert call(guarded, "GET", "/todos/")[0].startswith("200")
    assert call(guarded, "DELETE", "/todos/")[0].startswith("403")


def test_its_store_has_the_members_of_the_list_in_memory():
    members = dict(re.fullmatch(r"`(\w+)(\(.*\))?`", member).groups() for member, _ in table("| member | "))
    needed = {name for name in vars(todomvc.AnyTodoList) if name == "__iter__" or not name.startswith("_")}
    assert members.keys() == needed
    for member, parameters in members.items():
        if parameters is not None:
            named = [name for name in signature(getattr(todomvc.TodoList, member)).parameters if name != "self"]
            assert parameters == f"({', '.join(named)})"


# Contributing


ENVIRONMENTS = re.findall(r"^\[testenv:([a-z0-9]+)", (ROOT / "tox.ini").read_text(), re.MULTILINE)


def test_the_environments_of_tox_that_are_named_are_there():
    lines = [*BLOCKS, *SPANS]
    names = [name for line in lines for name in re.findall(r"^(?:\.venv/bin/)?tox -e (\w+)", line)]
    assert set(names) - set(ENVIRONMENTS) == set() != set(names)


def test_every_environment_of_tox_is_described():
    described = " ".join(name for name, _ in table("| environment | "))
    assert [name for name in ENVIRONMENTS if f"`{name}`" not in described] == []


def test_its_folders_and_files_are_there():
    names = [name for cell, _ in table("| in `tests/` | ") for name in re.findall("`([^`]+)`", cell)]
    assert [name for name in names if not (TESTS / name).exists()] == []


@pytest.mark.parametrize(
    "line", [block(".venv/bin/tox -e quick -- "), block(".tox/quick/bin/pytest ")], ids=lambda line: line.split()[0]
)
def test_its_line_for_one_test_finds_tests(line):
    words = shlex.split(line.partition(" -- ")[2] or line.partition(" ")[2])
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *words]
    subprocess.run(collect, cwd=ROOT, capture_output=True, check=True, timeout=60)


def test_its_line_for_a_part_of_the_benchmark_names_one():
    *_, option, section = block(".venv/bin/tox -e bench -- ").split()
    assert option == "--only"
    assert (TESTS / f"bench/{section}.py").is_file()


BY_NAME = [  # what tox is asked for by the names of environments, or for all of them
    block(".venv/bin/tox\n"),
    block(".venv/bin/tox -e quick\n"),
    block(".venv/bin/tox -e lint\n"),
    block(".venv/bin/tox -e bench\n"),
    block("python3 -m venv .venv && .venv/bin/pip install tox\n"),
]


# All of them


PROGRAMS = """
    cheroot curl granian gunicorn htpasswd mod_wsgi-express nginx pip pipx pytest python3
    tox twistd uwsgi waitress-serve
"""
is_command = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{'|'.join(PROGRAMS.split())}) (?!-e )").match


def taken_by_tests(take):
    """Return what of the documents the tests take by a function of tests/readme.py."""
    files = [file for file in TESTS.rglob("*.py") if "node_modules" not in file.parts]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))) if is_call(node, take)]
    return {take(ast.literal_eval(call.args[0])) for call in calls}


def is_call(node, function):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function.__name__


def test_every_block_of_lines_is_taken_by_a_test():
    assert set(BLOCKS) - taken_by_tests(block) - {command for command, _ in examples()} == set()


def test_every_command_in_the_text_is_taken_by_a_test():
    in_table = [command.strip("`") for _, command, _ in table("| server | ")]
    in_blocks = [words for words in SPANS if any(words in lines for lines in BLOCKS)]
    refused = [span("python3 -I todomvc.py")]  # it is said not to work
    commands = {words for words in SPANS if is_command(words)}
    assert commands - taken_by_tests(span) - {*in_table, *in_blocks, *refused} == set()


def test_what_stands_between_fences_is_output_or_a_drawing():
    fences = [fence for text in TEXTS.values() for fence in re.findall("^```(.*)$", text, re.MULTILINE)]
    assert fences[::2] == ["text"] * (len(fences) // 2)


def anchors_of(text):
    """Return the anchors that GitHub makes of the headings."""
    headings = re.findall("^#+ (.+)$", INDENTED.sub("", FENCED.sub("", text)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_its_links_lead_somewhere(name):
    for link in re.findall(r"\]\(([^)]+)\)", TEXTS[name]):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target.read_text("utf-8")), link


def test_every_document_is_named_in_readme():
    assert [name for name in TEXTS if name != "README.md" and f"]({name})" not in README] == []
