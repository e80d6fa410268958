"""Idempotency-Key in real servers: after a restart, at another server, at several workers, after a lost answer."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

from conftest import serve
from workers import ask, connection_to, gunicorn, request_of


def send(url, key):
    """Send a POST with a key; return the status and the body."""
    return ask(url, "POST", "/todos/", {"title": "x"}, key)


def test_a_retry_after_a_restart_makes_nothing(tmp_path):
    answers = []
    for _ in range(2):
        with serve(cwd=tmp_path) as server:
            answers.append(send(server.url, "a"))
            server.kill()
    assert answers == [(200, {"title": "x", "id": 0})] * 2


def test_a_retry_to_another_server_on_the_file_makes_nothing(tmp_path):
    with serve(cwd=tmp_path) as one, serve(cwd=tmp_path) as two:
        assert send(one.url, "a") == send(two.url, "a") == (200, {"title": "x", "id": 0})


def test_retries_to_all_workers_at_once_make_one_todo_for_each_key(tmp_path):
    with gunicorn("-w", "4", cwd=tmp_path) as server, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send(server.url, f"key-{n // 8}"), range(80)))
    assert [status for status, _ in answers] == [200] * 80
    ids = [todo["id"] for _, todo in answers]
    assert ids == [id for id in ids[::8] for _ in range(8)]
    assert sorted(ids[::8]) == list(range(10))


def test_a_retry_of_a_request_whose_answer_was_lost_makes_nothing(tmp_path):
    with serve(cwd=tmp_path, stderr=subprocess.DEVNULL) as server:
        with connection_to(server.url) as connection:
            connection.request(*request_of("POST", "/todos/", {"title": "x"}, "a"))
        assert send(server.url, "a") == (200, {"title": "x", "id": 0})
