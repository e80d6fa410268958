"""The settings: what options and variables mean, and that those which mean nothing are refused in one line."""

import json
import os
import re
import subprocess
import sys

import pytest
from command import IN_MEMORY, JSON, answer_to, refusal, request, run
from conftest import ROOT, call, serve

import todomvc_server
from todomvc import TodoMVC, route
from todomvc_sqlite import SQLiteTodoList

ORIGIN = {"Origin": "https://todobackend.com", "Sec-Fetch-Site": "cross-site"}
OURS, OTHER = "https://app.example.org", "http://localhost:3000"


# Users


def test_the_command_takes_the_header(tmp_path):
    with serve("--user-header", "X-Remote-User", "--db", ":memory:", cwd=tmp_path) as server:
        alice = {**JSON, "X-Remote-User": "alice"}
        assert request(server, "/todos/", "POST", "{}", alice)[0] == 200
        assert request(server, "/todos/0", headers=alice)[0] == 200
        assert request(server, "/todos/0")[0] == 404


@pytest.mark.parametrize("name", ["X_Remote_User", "X-Remote-User:", "a b", "é"])
def test_what_is_no_name_of_a_header_is_told_so(tmp_path, name):
    assert f"{name!r} is not the name of a header" in refusal(run(tmp_path, "--user-header", name))


def test_a_variable_of_the_process_names_no_user(tmp_path):
    environment = {**os.environ, "REMOTE_USER": "alice", "HTTP_IF_NONE_MATCH": "*"}
    with serve("--db", "todos.db", cwd=tmp_path, env=environment) as server:
        assert request(server, "/todos/", "POST", "{}")[0] == 200
        assert request(server, "/todos/0")[0] == 200
    assert len(list(SQLiteTodoList(tmp_path / "todos.db"))) == 1


# Hosts, and writes across origins


def status_at(process, method="GET", **headers):
    names = {"If-Match": "*", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return request(process, "/todos/", method, None, names)[0]


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("127.0.0.2:1", 200), ("evil.com", 421)])
def test_the_command_answers_to_loopback_names_only(server, host, status):
    assert status_at(server, Host=host) == status


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_the_command_refuses_writes_of_other_sites(server, method):
    assert status_at(server, method, Sec_Fetch_Site="cross-site") == 403
    assert status_at(server, method, Origin="http://evil.com") == 403


def test_a_page_of_the_command_may_write(server):
    assert status_at(server, "DELETE", Sec_Fetch_Site="same-origin", Origin=server.url.rstrip("/")) == 200
    assert status_at(server, "DELETE", Origin=server.url.rstrip("/")) == 200


def test_the_command_answers_to_the_names_that_it_is_given(tmp_path):
    with serve("--allow-host", "a.example.org, B.example.org", cwd=tmp_path) as process:
        statuses = [status_at(process, Host=host) for host in ["a.example.org", "b.example.org:80", "c.example.org"]]
    assert statuses == [200, 200, 421]


def test_the_command_bound_to_one_more_loopback_address_is_as_strict(tmp_path):
    with serve("--host", "127.0.0.2", cwd=tmp_path) as process:
        assert [status_at(process, Host=host) for host in ["127.0.0.2", "evil.com"]] == [200, 421]


@pytest.mark.parametrize(
    ("arguments", "status"), [([], 421), (["--allow-host", "a.example.org"], 421), (["--allow-host", "*"], 200)]
)
def test_the_command_bound_to_any_address_answers_to_no_other_name_unless_told_so(tmp_path, arguments, status):
    with serve("--host", "0.0.0.0", *arguments, cwd=tmp_path) as process:
        assert status_at(process, Host="evil.com") == status


def test_the_command_bound_to_any_address_says_who_can_reach_it(tmp_path):
    with serve("--host", "0.0.0.0", cwd=tmp_path) as process:
        line = process.stdout.readline()
    assert "can read and change" in line
    assert "password" in line


def test_the_command_bound_to_loopback_says_nothing_of_it(tmp_path):
    with serve(cwd=tmp_path) as process:
        process.terminate()
        assert process.stdout.read() == ""


@pytest.mark.parametrize("name", ["x y:1", "a:80", "http://a", "a/b", "*.a", "[::1", "::1", "a@b", "ä"])
def test_what_is_no_name_is_refused_by_the_command(tmp_path, name):
    assert "--allow-host" in refusal(run(tmp_path, "--port", "0", "--allow-host", name))


BAD_ORIGINS = [
    "example.org",
    "https://",
    "https://a/",
    "https://a/b",
    "https://a:x",
    "null",
    "https://*.a",
    "https://u@a",
]


@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_what_is_no_origin_is_refused_by_the_command(tmp_path, origin):
    assert "--cors" in refusal(run(tmp_path, "--port", "0", "--cors", origin))


@pytest.mark.parametrize(("name", "value"), [("TODOMVC_HOSTS", "http://a"), ("TODOMVC_CORS", "a, https://b")])
def test_what_is_none_in_the_environment_is_refused_by_the_command(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    refusal(run(tmp_path, "--port", "0"))


# CORS and Todo-Backend


def test_the_command_allows_the_origins_that_it_is_given(tmp_path):
    with serve("--cors", f"{OURS}, {OTHER}", cwd=tmp_path) as process:
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}
        for origin, status in [(OURS, 200), (OTHER, 200), ("https://evil.com", 403)]:
            assert request(process, "/todos/", "POST", b"{}", {**headers, "Origin": origin})[0] == status


@pytest.mark.parametrize("arguments", [["--todo-backend"], ["--todo-backend", "--cors", "https://example.org"]])
def test_the_command_serves_it_to_the_pages_of_others(tmp_path, arguments):
    with serve(*arguments, cwd=tmp_path) as process:
        status, body = request(process, "/todos/", "POST", b'{"title": "a"}', {**JSON, **ORIGIN})
    todo = {"title": "a", "completed": False, "id": 0, "url": f"{process.url}todos/0"}
    assert (status, json.loads(body)) == (200, todo)


def test_behind_a_proxy_on_this_machine_the_url_has_the_scheme_of_the_proxy(tmp_path):
    with serve("--todo-backend", "--allow-host", "todos.example.org", cwd=tmp_path) as process:
        headers = {**JSON, "Host": "todos.example.org", "X-Forwarded-Proto": "https"}
        todo = json.loads(request(process, "/todos/", "POST", b"{}", headers)[1])
    assert todo["url"] == "https://todos.example.org/todos/0"


def test_a_preflight_of_the_command_has_each_header_once(tmp_path):
    lines = "OPTIONS /todos/ HTTP/1.0\r\nOrigin: null\r\nAccess-Control-Request-Method: PATCH\r\n\r\n"
    with serve("--todo-backend", cwd=tmp_path) as process:
        answer = answer_to(process, lines.encode())
    assert answer.count(b"Access-Control-Allow-Origin: *\r\n") == 1


@pytest.mark.parametrize("option", ["--todo-backend", "--cors=*"])
def test_the_command_says_at_the_start_whom_it_lets_in(tmp_path, option):
    with serve(option, *IN_MEMORY, cwd=tmp_path) as process:
        line = process.stdout.readline()
    assert "Every web page can read and change them" in line
    assert option.split("=")[0] in line


@pytest.mark.parametrize("option", ["--todo-backend", "--cors"])
def test_the_help_says_whom_an_option_lets_in(tmp_path, option):
    words = " ".join(run(tmp_path, "--help").stdout.partition(f"\n  {option}")[2].partition("\n  --")[0].split())
    assert "every web page" in words


# Variables


def settings(**variables):
    """Return what the command makes of variables."""
    return todomvc_server.make_parser(variables).parse_args([])


@pytest.mark.parametrize("name", ["TODO_BACKEND", "DEBUG"])
@pytest.mark.parametrize(
    ("value", "is_on"),
    [
        *[(value, True) for value in ["1", "true", "True", "TRUE", "yes", "on", "On", " 1 ", "yes\r"]],
        *[(value, False) for value in ["", "0", "false", "FALSE", "no", "No", "off", " ", " 0", "off\r\n"]],
    ],
)
def test_a_variable_that_is_on_or_off_has_many_spellings(name, value, is_on):
    assert vars(settings(**{f"TODOMVC_{name}": value}))[name.lower()] is is_on


@pytest.mark.parametrize("name", ["TODOMVC_TODO_BACKEND", "TODOMVC_DEBUG"])
@pytest.mark.parametrize("value", ["2", "n", "y", "nope", "enabled", "-1", "00", "1 1", "true;"])
def test_a_variable_that_is_neither_on_nor_off_is_refused(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    line = refusal(run(tmp_path, "--port", "0"))
    assert name in line
    assert repr(value) in line


@pytest.mark.parametrize(
    ("name", "value", "option", "meaning"),
    [
        ("DB", " todos.db\r\n", "db", "todos.db"),
        ("DB", "\t:memory: ", "db", ":memory:"),
        ("STATIC", " dist ", "static", "dist"),
        ("TEMPLATES", " dist\n", "templates", "dist"),
        ("HOSTS", " a.example.org , .example.com\n", "allow_host", ["a.example.org", ".example.com"]),
        ("HOSTS", " * ", "allow_host", ["*"]),
        ("CORS", " https://a.example.org ", "cors", ["https://a.example.org"]),
        ("USER_HEADER", " X-Remote-User\r", "user_header", "X-Remote-User"),
    ],
)
def test_white_space_around_the_value_of_a_variable_means_nothing(name, value, option, meaning):
    assert vars(settings(**{f"TODOMVC_{name}": value}))[option] == meaning


WRONG = [
    {"TODOMVC_DEBUG": "maybe"},
    {"TODOMVC_HOSTS": "http://a"},
    {"TODOMVC_STATIC": "nowhere"},
    {"TODOMVC_TEMPLATES": "nowhere"},
    {"TODOMVC_DB": "mysql://todo:s3cret@db/todo"},
]


@pytest.mark.parametrize("variables", WRONG, ids=str)
def test_the_application_says_once_in_its_log_which_variable_is_wrong(tmp_path, variables):
    program = (
        "import todomvc\nfrom wsgiref.util import setup_testing_defaults\n"
        "for path in ['/', '/todos/', '/todos/']:\n"
        "    environ = {'PATH_INFO': path}\n"
        "    setup_testing_defaults(environ)\n"
        "    print(todomvc.app(environ, lambda status, headers: print(status))[0].decode())\n"
    )
    environ = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("500 Internal Server Error\n") == 3
    assert "its log says which" in done.stdout
    assert re.fullmatch(r"todomvc: [^\n]+\n", done.stderr)
    assert "s3cret" not in done.stdout + done.stderr


# --db


NO_STORES = [
    "postgresql+psycopg2://todo:s3cret@db/todo",
    "POSTGRESQL://todo:s3cret@db/todo",
    '"postgresql://todo:s3cret@db/todo"',
    "mysql://todo:s3cret@db/todo",
    "host=db dbname=todo password=s3cret",
    "password = 's3cret'",
    "sslmode=require\tpassword=s3cret",
    "file:todos.db?mode=ro&key=s3cret",
    "sqlite://",
    "sqlite:///todos.db",
    ":MEMORY:",
    ":memory",
]


@pytest.mark.parametrize("name", NO_STORES)
def test_what_is_neither_a_path_nor_a_url_of_postgresql_is_refused_and_not_repeated(tmp_path, monkeypatch, name):
    for arguments in (["--db", name], []):
        process = run(tmp_path, *arguments, "--port", "0", database=())
        line = refusal(process)
        assert "postgresql://" in line
        assert "s3cret" not in line
        assert name not in line.replace(":memory:", "")
        monkeypatch.setenv("TODOMVC_DB", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["todos.db", "a=b.db", "a b.db", "./user=1.db", "./todos:1.db", "C:\\todos.db"])
def test_other_names_are_paths(tmp_path, name):
    with serve("--db", f" {name} ", cwd=tmp_path) as process:
        assert request(process, "/todos/", "POST", "{}")[0] == 200
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize("password", ["s3c@r3t", "s3c%40r3t@", "r3t:@", "@r3t"])
def test_no_part_of_a_password_is_printed(tmp_path, password):
    url = f"postgresql://todomvc:{password}@db.invalid/todomvc"
    assert "r3t" not in refusal(run(tmp_path, "--db", url, database=()))
    assert "r3t" not in refusal(run(tmp_path, url, database=()))


# --static and the database


def test_the_files_of_the_todos_are_not_served(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    (tmp_path / ".env").write_text("secret")
    for _ in range(2):
        with serve("--static", ".", cwd=tmp_path) as process:
            assert request(process, "/todos/", "POST", "{}")[0] == 200
            names = sorted(path.name for path in tmp_path.iterdir())
            assert {"todos.db", "todos.db-lock", "todos.db-wal"} <= set(names)
            statuses = {name: request(process, f"/{name}")[0] for name in names}
            assert [name for name, status in statuses.items() if status == 200] == ["index.html"]


# Tracebacks


def test_with_debug_a_client_of_another_machine_is_shown_no_traceback():
    application = TodoMVC(debug=True)
    for address, is_near in [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True),
                             ("10.0.0.1", False), ("1.127.0.1", False), ("127.evil", False), ("::2", False),
                             ("::1:2", False), ("", False)]:  # fmt: skip
        application.routes[0] = route("/?", GET=lambda environ, todos: 1 / 0)
        body = call(application, "GET", "/", REMOTE_ADDR=address)[2]
        assert (b"ZeroDivisionError" in body) == is_near, address
