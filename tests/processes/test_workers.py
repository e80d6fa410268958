"""A list in memory means one process: the workers of a real server say so."""

import pytest
from workers import ask, gunicorn


@pytest.mark.parametrize("path", ["/todos/", "/todos/0"])
def test_the_workers_of_gunicorn_refuse_to_have_a_list_each(tmp_path, path):
    with gunicorn("-w", "2", cwd=tmp_path, db=None) as server:
        status, problem = ask(server.url, "GET", path)
    assert (status, "TODOMVC_DB" in problem["detail"]) == (500, True)


def test_one_worker_of_gunicorn_needs_no_file(tmp_path):
    with gunicorn("-w", "1", cwd=tmp_path, db=None) as server:
        assert ask(server.url, "POST", "/todos/", {"title": "a"}) == (200, {"title": "a", "id": 0})
