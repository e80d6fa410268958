"""What the browser tests do over and over: on the page as a user, and on the server as another client."""

import json
import time
import urllib.request

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect
expect.set_options(timeout=15_000)  # milliseconds; a loaded machine takes some


class Site:
    """The server as another client sees it."""

    def __init__(self, url):
        self.url = url

    def send(self, method, path="", body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(f"{self.url}todos/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def add(self, *titles, **fields):
        return [self.send("POST", body={"title": title, "completed": False, **fields}) for title in titles]

    @property
    def todos(self):
        return self.send("GET")

    @property
    def titles(self):
        return [todo["title"] for todo in self.todos]


def add(page, *titles):
    for title in titles:
        page.locator(".new-todo").fill(title)
        page.locator(".new-todo").press("Enter")


def row(page, title):
    return page.locator(".todo-list li").filter(has=page.get_by_text(title, exact=True))


def shown(page):
    """The rows that are seen."""
    return page.locator(".todo-list li:visible")


IS_OWED = """() => Object.entries(localStorage).some(([key, value]) =>
  key.startsWith('todomvc ') && !value.includes('"type":"words"'))"""


# What a browser does as the user goes to another tab: then nothing is offered to be taken back any more.
HIDE = """() => {
  const isHidden = document.hidden;
  if (!isHidden) Object.defineProperty(document, 'hidden', { value: true, configurable: true });
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  if (!isHidden) delete document.hidden;
}"""


def settle(page, seconds=15):
    """Wait until nothing is owed to the server. (Not by wait_for_function, whose eval the page's policy forbids.)"""
    end = time.monotonic() + seconds
    page.evaluate(HIDE)
    while page.evaluate(IS_OWED):
        assert time.monotonic() < end, f"after {seconds} s something is still owed"
        page.wait_for_timeout(20)


def edit(page, title):
    """Open the editor of a todo by double-click."""
    row(page, title).locator("label").dblclick()
    return page.locator(".edit")
