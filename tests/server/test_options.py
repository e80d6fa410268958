"""The options of the command that concern the application: users, hosts, origins, CORS, Todo-Backend."""

import json
import os

import pytest
from command import JSON, answer_to, refusal, request, run
from conftest import serve

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


def test_a_preflight_of_the_command_has_each_header_once(tmp_path):
    lines = "OPTIONS /todos/ HTTP/1.0\r\nOrigin: null\r\nAccess-Control-Request-Method: PATCH\r\n\r\n"
    with serve("--todo-backend", cwd=tmp_path) as process:
        answer = answer_to(process, lines.encode())
    assert answer.count(b"Access-Control-Allow-Origin: *\r\n") == 1
