"""In memory means one process: the ready-made application says so, where a server has several."""

import pytest
from conftest import client_of

from todomvc import LazyApplication, TodoList, TodoMVC

SEVERAL = {"wsgi.multiprocess": True}


@pytest.fixture
def app(monkeypatch):
    """The ready-made application as it is imported, with TODOMVC_DB unset."""
    monkeypatch.delenv("TODOMVC_DB", raising=False)
    return LazyApplication()


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/todos/", "application/problem+json"), ("/todos/0", "application/problem+json"), ("/", "text/html")],
)
def test_several_processes_without_a_file_are_500_and_the_answer_names_todomvc_db(app, path, content_type):
    response = client_of(app, **SEVERAL).get(path, status=500)
    assert response.content_type == content_type
    assert "TODOMVC_DB" in response.text


def test_several_processes_without_a_file_make_no_todo(app):
    client_of(app, **SEVERAL).post_json("/todos/", {}, status=500)
    assert client_of(app).get("/todos/").json == []


def test_one_process_without_a_file_keeps_the_todos_in_memory(app, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert client_of(app).post_json("/todos/", {}, status=200).json == {"id": 0}
    assert list(tmp_path.iterdir()) == []


def test_an_explicit_memory_is_taken_at_its_word(app, monkeypatch):
    monkeypatch.setenv("TODOMVC_DB", ":memory:")
    assert client_of(app, **SEVERAL).post_json("/todos/", {}, status=200).json == {"id": 0}


def test_a_list_in_memory_that_is_handed_over_is_taken_at_its_word():
    assert client_of(TodoMVC(TodoList()), **SEVERAL).post_json("/todos/", {}, status=200).json == {"id": 0}


def test_a_path_names_the_file(app, monkeypatch, tmp_path):
    monkeypatch.setenv("TODOMVC_DB", str(tmp_path / "todos.db"))
    client_of(app, **SEVERAL).post_json("/todos/", {"title": "a"})
    assert client_of(LazyApplication(), **SEVERAL).get("/todos/").json == [{"title": "a", "id": 0}]


def test_the_variable_is_read_at_the_first_request(app, monkeypatch, tmp_path):
    monkeypatch.setenv("TODOMVC_DB", str(tmp_path / "todos.db"))
    assert not (tmp_path / "todos.db").exists()
    client_of(app).get("/todos/", status=200)
    assert (tmp_path / "todos.db").exists()


def test_a_file_that_cannot_be_used_is_503_until_it_can(app, monkeypatch, tmp_path):
    monkeypatch.setenv("TODOMVC_DB", str(tmp_path / "folder" / "todos.db"))
    response = client_of(app).get("/todos/", status=503, expect_errors=True)
    assert "folder" in response.errors
    (tmp_path / "folder").mkdir()
    client_of(app).get("/todos/", status=200)
