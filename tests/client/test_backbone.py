"""A real Backbone application, with the tutorial's two lines, over TodoMVC(static=..., templates=...)."""

import subprocess
import sys

import pytest
from backbone import run
from conftest import read_url
from steps import Site, expect

pytest_plugins = ["browser"]

ITEMS = ".todo-list li"


@pytest.fixture
def site(node_modules):
    """The command that runs the Backbone application."""
    process = subprocess.Popen([sys.executable, run.__file__, "0"], stdout=subprocess.PIPE, text=True)
    process.said = []
    try:
        yield Site(read_url(process))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def page(site, open_page):
    site.add("one", "two")
    return open_page(site.url)


def saved(page, script):
    """Run a script that saves, and wait for the answer."""
    return page.evaluate(f"new Promise((success, error) => {{ {script}; }}).then((model) => model.toJSON())")


def test_the_page_shows_its_todos_without_asking_for_them(page):
    expect(page.locator(ITEMS)).to_contain_text(["one", "two"])
    assert page.evaluate("app.todos.pluck('id')") == [0, 1]


def test_create_gives_the_model_its_id(page, site):
    todo = saved(page, "app.todos.create({ title: 'three', tag: 'x' }, { success, error })")
    assert todo == {"title": "three", "completed": False, "tag": "x", "id": 2}
    assert site.todos[2] == todo


def test_save_puts_the_whole_model(page, site):
    saved(page, "app.todos.get(0).save({ title: 'first' }, { success, error })")
    assert site.todos[0] == {"title": "first", "completed": False, "id": 0}


def test_save_with_patch_sends_the_changed_fields(page, site):
    site.send("PATCH", 0, {"title": "changed elsewhere"})
    todo = saved(page, "app.todos.get(0).save({ completed: true }, { patch: true, success, error })")
    assert todo == {"title": "changed elsewhere", "completed": True, "id": 0}
    assert site.todos[0] == todo


def test_fetch_reads_the_list_and_one_todo(page, site):
    site.add("three")
    site.send("PATCH", 1, {"title": "second"})
    saved(page, "app.todos.fetch({ success, error })")
    assert page.evaluate("app.todos.pluck('title')") == ["one", "second", "three"]
    site.send("PATCH", 0, {"title": "first"})
    assert saved(page, "app.todos.get(0).fetch({ success, error })")["title"] == "first"


def test_destroy_deletes_the_todo_with_id_0(page, site):
    saved(page, "app.todos.get(0).destroy({ wait: true, success, error })")
    expect(page.locator(ITEMS)).to_have_count(1)
    assert [todo["id"] for todo in site.todos] == [1]


def test_a_user_adds_completes_and_deletes_and_a_reload_shows_it(page, site):
    page.locator(".new-todo").fill("three")
    page.locator(".new-todo").press("Enter")
    page.locator(ITEMS).nth(1).locator(".toggle").check()
    with page.expect_response("**/todos/0"):
        page.locator(ITEMS).first.locator(".destroy").click()
    page.reload()
    expect(page.locator(ITEMS)).to_contain_text(["two", "three"])
    expect(page.locator(f"{ITEMS}.completed")).to_contain_text(["two"])


def test_an_error_reaches_backbone_as_a_problem(page, site):
    site.send("DELETE", 0)
    answer = page.evaluate(
        "new Promise((error) => app.todos.get(0).save({}, { error: (_, xhr) => error(xhr.responseJSON) }))"
    )
    assert answer["status"] == 404
