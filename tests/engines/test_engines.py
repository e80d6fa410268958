"""The page in Chromium, Firefox and WebKit: TodoMVC's specification, the server away, undo, drafts, a cold start."""

import contextlib
import time

import pytest
from conftest import serve

pytest_plugins = ["engines"]

TITLES = """() => [...document.querySelectorAll('.todo-list li')]
  .filter((row) => row.checkVisibility()).map((row) => row.querySelector('label').textContent)"""
DONE = "() => [...document.querySelectorAll('.todo-list .completed label')].map((label) => label.textContent)"
TEXT = "(selector) => document.querySelector(selector).textContent.trim()"
VALUE = "(selector) => document.querySelector(selector)?.value"
IS_SHOWN = "(selector) => document.querySelector(selector).checkVisibility({ visibilityProperty: true })"
HAS_FOCUS = "(selector) => document.activeElement.matches(selector)"
IS_OWED = """() => Object.entries(localStorage).some(([key, value]) =>
  key.startsWith('todomvc ') && !value.includes('"type":"words"'))"""
IS_KEPT = """async () => {
  const cache = await caches.open((await caches.keys())[0] ?? '');
  const kept = await Promise.all((await cache.matchAll()).map((each) => each.text()));
  return kept.some((text) => text.startsWith('[') && text.includes('kept'));
}"""


class Place:
    """An address at which the server comes and goes."""

    def __init__(self, folder):
        self.folder, self.port = folder, "0"

    @contextlib.contextmanager
    def serving(self):
        with serve("--port", self.port, "--db", "todos.db", cwd=self.folder) as process:
            self.url, self.port = process.url, process.url.rsplit(":", 1)[1].strip("/")
            yield


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def opened(page, place):
    """The page, open on an empty list."""
    with place.serving():
        page.goto(place.url)
        yield page
        page.goto("about:blank")


def add(page, *titles):
    page.click(".new-todo")
    for title in titles:
        page.type(title)
        page.press("Enter")


def shows(page, *titles):
    page.wait(TITLES, value=list(titles))


def edit(page, title):
    """Open the editor by double click; on a loaded machine the two clicks may come too far apart to be one."""
    for _ in range(10):
        page.click(".todo-list label", title, count=2)
        for _ in range(20):
            if page.run("() => document.activeElement.matches('.edit')"):
                return
            time.sleep(0.1)
    raise AssertionError(f"the editor of {title} does not open")


def settle(page):
    page.wait(IS_OWED, value=False)


def test_todos_are_added(opened):
    opened.wait(HAS_FOCUS, ".new-todo")
    opened.wait(IS_SHOWN, ".footer", value=False)
    add(opened, "one", "  two ", "   ", "three")
    shows(opened, "one", "two", "three")
    opened.wait(VALUE, ".new-todo", value="")
    opened.wait(TEXT, ".todo-count", value="3 items left")


def test_todos_are_completed_and_filtered_and_cleared(opened):
    add(opened, "one", "two", "three")
    opened.click(".toggle", "two")
    opened.wait(DONE, value=["two"])
    opened.wait(TEXT, ".todo-count", value="2 items left")
    opened.click(".filters a", "Active")
    shows(opened, "one", "three")
    opened.click(".filters a", "Completed")
    shows(opened, "two")
    opened.run("() => history.back()")
    shows(opened, "one", "three")
    opened.click(".filters a", "All")
    shows(opened, "one", "two", "three")  # the footer has its place then
    opened.click(".clear-completed")
    shows(opened, "one", "three")
    opened.wait(IS_SHOWN, ".clear-completed", value=False)
    opened.click(".toggle-all")
    opened.wait(DONE, value=["one", "three"])
    opened.wait(TEXT, ".todo-count", value="0 items left")
    opened.click(".toggle-all")
    opened.wait(DONE, value=[])


def test_a_title_is_edited(opened):
    add(opened, "one", "two")
    edit(opened, "two")
    opened.press("End")
    opened.type(" and more ")
    opened.press("Enter")
    shows(opened, "one", "two and more")
    edit(opened, "one")
    opened.type("x")
    opened.press("Escape")
    shows(opened, "one", "two and more")


def test_the_click_that_ends_an_edit_hits(opened):
    add(opened, "one", "two")
    edit(opened, "one")
    opened.press("End")
    opened.type(" more")
    opened.click(".toggle", "two")
    shows(opened, "one more", "two")
    opened.wait(DONE, value=["two"])


def test_all_is_there_after_a_reload(opened, place):
    add(opened, "one", "two")
    opened.click(".toggle", "one")
    settle(opened)
    opened.goto("about:blank")
    opened.goto(place.url)
    shows(opened, "one", "two")
    opened.wait(DONE, value=["one"])


def test_a_deleted_todo_is_taken_back(opened):
    add(opened, "one", "two", "three")
    opened.hover(".todo-list label", "two")
    opened.click(".destroy", "Delete two")
    shows(opened, "one", "three")
    opened.wait(HAS_FOCUS, ".todo-list li, body")
    opened.wait(TEXT, "[data-ref=undoText]", value="Deleted “two”")
    opened.click("button", "Undo")
    shows(opened, "one", "two", "three")
    opened.hover(".todo-list label", "one")
    opened.click(".destroy", "Delete one")
    shows(opened, "two", "three")
    opened.press("Control+z")
    shows(opened, "one", "two", "three")


def test_what_is_typed_survives_a_reload(opened, place):
    opened.click(".new-todo")
    opened.type("half a th")
    opened.goto("about:blank")
    opened.goto(place.url)
    opened.wait(VALUE, ".new-todo", value="half a th")


def test_what_is_done_while_the_server_is_away_is_sent_when_it_is_back(page, place):
    with place.serving():
        page.goto(place.url)
        add(page, "one")
        settle(page)
    add(page, "two")
    page.click(".toggle", "one")
    page.wait("() => document.querySelector('[role=status]').textContent.includes('not saved yet')")
    with place.serving():
        page.click("button", "Try now")
        settle(page)
        page.wait("() => document.querySelector('[role=status]').textContent", value="")
        page.goto("about:blank")
        page.goto(place.url)
        shows(page, "one", "two")
        page.wait(DONE, value=["one"])
        page.goto("about:blank")


def test_the_page_opens_when_the_server_is_away(engine, place, tmp_path):
    profile = tmp_path / "profile"
    with contextlib.ExitStack() as stack:
        with place.serving():
            page = stack.enter_context(engine.start(profile))
            page.goto(place.url)
            add(page, "kept")
            settle(page)
            page.wait(IS_KEPT)
        if engine.keeps_profile:
            stack.close()
            page = stack.enter_context(engine.start(profile))
        else:
            page.goto("about:blank")
        page.goto(place.url)
        shows(page, "kept")
        page.wait("() => document.querySelector('[role=status]').textContent.includes('cannot be reached')")
        add(page, "new")
        shows(page, "kept", "new")


def test_symbols_and_titles_are_in_the_middle_of_their_rows(opened):
    add(opened, "one")
    rows = opened.run(
        """() => ['.toggle', '.destroy', '.rename', 'label'].map((part) => {
          const { top, bottom } = document.querySelector(`.todo-list ${part}`).getBoundingClientRect();
          const row = document.querySelector('.todo-list li').getBoundingClientRect();
          return (top + bottom) / 2 - (row.top + row.bottom) / 2;
        })"""
    )
    assert all(abs(offset) <= 1 for offset in rows), rows
