"""Several servers on one database: asked the same at once, killed, and without the database for a while."""

import contextlib
import json
import re
import shlex
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest
from command import refusal, run
from conftest import serve
from databases import own_server, psycopg
from readme import block
from stress import KINDS, at_work, parsed
from workers import ask, connection_to, gunicorn, request_of

from todomvc_postgres import PostgresTodoList

ROUNDS = 3
USERS = 1000


@pytest.fixture
def urls(database, tmp_path):
    """The URLs of two servers."""
    with command(database, tmp_path) as one, command(database, tmp_path) as two:
        yield [one.url, two.url]


def command(database, folder):
    return serve("--db", database, "--user-header", "X-User", cwd=folder, stderr=subprocess.DEVNULL)


def send(url, method, path, todo=None, key=None, **headers):
    """Send a request with more headers; return the status, headers and text of the answer."""
    *request, usual = request_of(method, path, todo, key)
    with connection_to(url) as connection:
        connection.request(*request, {**usual, **headers})
        answer = connection.getresponse()
        if answer.length is None:
            raise ConnectionError("the headers break off")
        return answer.status, answer.headers, answer.read().decode()


def check_ids(database, ids):
    """See that these are the ids of the list that everybody shares, and that there are no gaps."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT id FROM todomvc_todos WHERE owner = '' ORDER BY id").fetchall()
    assert [id for (id,) in rows] == sorted(ids) == list(range(len(rows)))


# At once


def test_two_servers_keep_one_gapless_list(urls, database):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: ask(urls[n % 2], "POST", "/todos/", {"n": n})[1], range(200)))
    lists = [ask(url, "GET", "/todos/")[1] for url in urls]
    assert lists[0] == lists[1] == sorted(made, key=lambda todo: todo["id"])
    check_ids(database, [todo["id"] for todo in made])


def test_the_processes_that_readme_starts_keep_one_list(database, tmp_path):
    variable, *words = shlex.split(block("TODOMVC_DB=postgresql:"))
    assert variable.startswith("TODOMVC_DB=postgresql://")
    assert words[0] == "gunicorn"
    with gunicorn(*words[1:-1], cwd=tmp_path, application=words[-1], db=database) as server:
        made = [ask(server.url, "POST", "/todos/", {"n": n})[1] for n in range(20)]
        assert ask(server.url, "GET", "/todos/") == (200, made)
    check_ids(database, range(20))


def test_what_one_server_was_told_the_other_tells_at_the_next_request(urls):
    ask(urls[0], "POST", "/todos/", {})
    for n in range(50):
        ask(urls[n % 2], "PATCH", "/todos/0", {"n": n})
        assert ask(urls[1 - n % 2], "GET", "/todos/0")[1]["n"] == n
        assert ask(urls[1 - n % 2], "GET", "/todos/")[1] == [{"id": 0, "n": n}]


def test_fields_merged_at_once_by_two_servers_all_hold(urls):
    ask(urls[0], "POST", "/todos/", {})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ask(urls[n % 2], "PATCH", "/todos/0", {f"field {n}": n}), range(200)))
    assert ask(urls[0], "GET", "/todos/0")[1] == {"id": 0, **{f"field {n}": n for n in range(200)}}


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_of_many_with_the_same_if_match_one_wins(urls, method):
    for id in range(10):
        _, headers, _ = send(urls[0], "POST", "/todos/", {})

        def change(n, id=id, tag=headers["ETag"]):
            return send(urls[n % 2], method, f"/todos/{id}", {"n": n}, **{"If-Match": tag})[0]

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(change, range(8)))
        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 404, 412}


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0"])
def test_what_one_server_sent_the_other_need_not_send_again(urls, path):
    ask(urls[0], "POST", "/todos/", {})
    tag = send(urls[0], "GET", path)[1]["ETag"]
    assert send(urls[1], "GET", path, **{"If-None-Match": tag})[0] == 304
    ask(urls[0], "PATCH", "/todos/0", {"n": 1})
    assert send(urls[1], "GET", path, **{"If-None-Match": tag})[0] == 200


def test_a_key_sent_to_both_servers_at_once_makes_one_todo(urls, database):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: ask(urls[n % 2], "POST", "/todos/", {}, f"key-{n // 8}"), range(160)))
    assert made == [answer for answer in made[::8] for _ in range(8)]
    check_ids(database, [todo["id"] for _, todo in made[::8]])


@pytest.mark.parametrize("kind", ["gthread", "preload"])
def test_the_workers_of_gunicorn_keep_one_gapless_list(database, tmp_path, kind):
    with gunicorn(*KINDS[kind], cwd=tmp_path, db=database) as server, ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: ask(server.url, "POST", "/todos/", {"n": n})[1]["id"], range(200)))
    check_ids(database, made)


# Killed, and without the database


def test_servers_killed_at_any_moment_lose_no_answer(database, tmp_path, chance):
    users, todos = [], PostgresTodoList(database)
    for number in range(ROUNDS):
        with command(database, tmp_path) as one, command(database, tmp_path) as two:
            users += [user for server in (one, two) for user in at_work(server.url, chance, f"{server.url}{number}", 4)]
            for server in (one, two):
                time.sleep(chance.uniform(0.05, 0.5))
                server.kill()
        for user in users:
            user.join()
            user.check(todos)
        check_ids(database, [id for user in users for id in user.todos])


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_a_database_that_is_gone_for_a_while_loses_no_answer(tmp_path, end):
    with own_server() as server, command(server.url, tmp_path) as one, command(server.url, tmp_path) as two:
        with ThreadPoolExecutor(8) as pool:
            is_over = threading.Event()
            urls = [one.url, two.url]
            work = [pool.submit(make_until, is_over, urls[n % 2], n) for n in range(8)]
            for _ in range(2):
                time.sleep(0.5)
                getattr(server, end)()
                time.sleep(0.5)
                server.start()
            wait_for_answers(urls)
            is_over.set()
            made = [todo for result in work for todo in result.result()]
        todos = PostgresTodoList(server.url)
        assert [parsed(todos.read(todo["id"])) for todo in made] == made
        assert len(made) > 8
        check_ids(server.url, [todo["id"] for todo in made])


def make_until(is_over, url, name):
    """Make todos and change them, each for certain; return them as they were answered."""
    made = []
    while not is_over.is_set():
        todo = insist(url, "POST", "/todos/", {"by": name}, f"{name}-{len(made)}")
        made.append(insist(url, "PATCH", f"/todos/{todo['id']}", {"n": len(made)}))
    return made


def insist(*request, **headers):
    """Send a request until it is carried out; return the JSON of the answer. Only what may be repeated is sent so."""
    return json.loads(text_of(*request, **headers))


def text_of(*request, **headers):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError, HTTPException):
            status, given, text = send(*request, **headers)
            if status == 200:
                return text
            assert (status, given["Retry-After"]) == (503, "1"), text
    raise AssertionError("the server never answers")


def wait_for_answers(urls):
    for url in urls:
        insist(url, "GET", "/todos/")


def test_a_server_without_its_database_answers_503_and_when_to_try_again(tmp_path):
    with own_server() as server, command(server.url, tmp_path) as one:
        insist(one.url, "POST", "/todos/", {}, "a")
        server.stop()
        for method, path in [("GET", "/todos/"), ("POST", "/todos/")]:
            status, headers, _ = send(one.url, method, path, {})
            assert (status, headers["Retry-After"]) == (503, "1")
        server.start()
        assert insist(one.url, "GET", "/todos/") == [{"id": 0}]


def test_a_database_that_cannot_be_reached_is_told_in_one_line(tmp_path):
    said = refusal(run(tmp_path, "--db", "postgresql://nobody:secret@127.0.0.1:1/nothing"))
    assert "Connection refused" in said
    assert "secret" not in said


# Users


def test_of_a_thousand_users_at_once_none_sees_a_todo_of_another(urls):
    start = threading.Barrier(USERS)

    def work(number):
        start.wait()
        return visit(urls[number % 2], urls[1 - number % 2], {"X-User": f"user {number}"})

    with ThreadPoolExecutor(USERS) as pool:
        seen = list(pool.map(work, range(USERS)))
    for number, (todos, page) in enumerate(seen):
        assert todos == [{"by": f"user {number}", "id": 0, "n": 1}, {"by": f"user {number}", "id": 1}]
        assert re.findall('"by":"(.*?)"', page) == [f"user {number}"] * 2


def visit(one, two, user):
    """Make two todos of a user's at one server, change the first at another, and return what the first then shows."""
    for key in ["a", "b"]:
        insist(one, "POST", "/todos/", {"by": user["X-User"]}, key, **user)
    insist(two, "PATCH", "/todos/0", {"n": 1}, **user)
    return insist(one, "GET", "/todos/", **user), text_of(one, "GET", "/", **user)
