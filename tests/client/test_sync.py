"""The client under faults: nothing is lost, nothing is double, and in the end the server and the screen agree."""

import contextlib
import json
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.cookies import SimpleCookie
from socketserver import ThreadingMixIn
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIServer, make_server
from wsgiref.util import shift_path_info

import pytest
from conftest import serve
from steps import HIDE, Site, add, edit, expect, row, settle, shown, sync_api

from todomvc import TodoMVC

pytest_plugins = ["browser"]

API = re.compile(r"/todos/\d*$")
NOT_SAVED = re.compile("not saved yet")


@pytest.fixture
def restartable(tmp_path):
    """A server that can be stopped and started again, on the same port over the same file."""
    with Restartable(tmp_path) as server:
        yield server


class Restartable(Site):
    def __init__(self, folder):
        self.folder = folder
        self.port = "0"
        self.start()
        super().__init__(self.process.url)
        self.port = str(urlsplit(self.url).port)

    def start(self):
        self.running = serve("--port", self.port, "--db", str(self.folder / "todos.db"), cwd=self.folder)
        self.process = self.running.__enter__()

    def stop(self):
        self.running.__exit__(None, None, None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()


@pytest.fixture
def three(site, open_page):
    """The page, open on the todos one, two and three."""
    site.add("one", "two", "three")
    return open_page(site.url)


def record(page):
    """Keep the API requests of a page, as (method, path, body)."""
    sent = []
    page.on("request", lambda request: API.search(request.url) and sent.append(describe(request)))
    return sent


def describe(request):
    return request.method, urlsplit(request.url).path, request.post_data_json


def intercept(page, method, act, times=1):
    """Let `act(route)` take the next requests of a method instead of the network."""
    left = [times]

    def handle(route):
        if route.request.method != method or not left[0]:
            return route.fallback()
        left[0] -= 1
        return act(route)

    page.route(API, handle)


def lose_answer(route):
    """The server carries the request out; the connection is cut before its answer."""
    route.fetch()
    route.abort()


def refuse(status, detail="No.", **headers):
    """Refuse as the application does, which names the list."""
    problem = {"content_type": "application/problem+json", "json": {"detail": detail}}

    def act(route):
        name = {"Todo-List": route.request.headers["todo-list"]}
        route.fulfill(status=status, headers={**name, **headers}, **problem)

    return act


def never_retry(page):
    """Let no pause end by itself."""
    page.evaluate("(real => { setTimeout = (work, wait) => (wait < 400 ? real(work, wait) : 0); })(setTimeout)")


def come_back(page):
    """Do as a browser does when the user comes back to the tab."""
    page.evaluate("dispatchEvent(new Event('focus'))")


def status(page):
    return page.get_by_role("status")


def agree(page, site):
    """The screen, before a reload and after it, shows what the server has."""
    settle(page)
    expect(status(page)).to_have_text("")
    titles = site.titles
    expect(page.locator(".todo-list label")).to_have_text(titles)
    page.reload()
    expect(page.locator(".todo-list label")).to_have_text(titles)
    return titles


# The server goes and comes back


def test_what_is_done_while_the_server_is_away_is_kept_and_sent(restartable, open_page):
    restartable.add("one", "two", "three")
    page = open_page(restartable.url)
    restartable.stop()
    add(page, "four", "five")
    edit(page, "one").fill("first")
    page.keyboard.press("Enter")
    row(page, "two").locator(".toggle").check()
    row(page, "three").locator(".destroy").click()
    page.evaluate(HIDE)
    expect(status(page)).to_have_text("5 changes not saved yet — retrying")
    restartable.start()
    assert agree(page, restartable) == ["first", "two", "four", "five"]
    assert [todo["completed"] for todo in restartable.todos] == [False, True, False, False]


def test_what_is_owed_outlives_the_page(restartable, open_page):
    restartable.add("one")
    page = open_page(restartable.url)
    restartable.stop()
    add(page, "two")
    row(page, "one").locator(".toggle").check()
    page.close()
    restartable.start()
    page = open_page(restartable.url, page.context)
    expect(shown(page)).to_have_text(["one", "two"])
    expect(row(page, "one")).to_have_class("completed")
    assert agree(page, restartable) == ["one", "two"]
    assert restartable.todos[0]["completed"]


def test_a_server_that_comes_and_goes_loses_and_doubles_nothing(restartable, open_page):
    page = open_page(restartable.url)
    titles = [f"todo {number}" for number in range(9)]
    for number, title in enumerate(titles):
        if number % 3 == 1:
            restartable.stop()
        add(page, title)
        row(page, title).locator(".toggle").check()
        if number % 3 == 2:
            restartable.start()
    assert agree(page, restartable) == titles
    assert all(todo["completed"] for todo in restartable.todos)


def test_changes_are_sent_at_once_when_the_browser_is_online_again(restartable, open_page):
    page = open_page(restartable.url)
    never_retry(page)
    page.context.set_offline(True)
    add(page, "one")
    expect(status(page)).to_have_text("1 change not saved yet — retrying")
    page.context.set_offline(False)
    assert agree(page, restartable) == ["one"]


def test_a_hidden_tab_sends_as_well_when_the_browser_is_online_again(restartable, open_page):
    page = open_page(restartable.url)
    never_retry(page)
    page.context.set_offline(True)
    add(page, "one")
    expect(status(page)).to_have_text(NOT_SAVED)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    page.context.set_offline(False)
    assert agree(page, restartable) == ["one"]


def test_a_thousand_toggles_made_offline_are_sent_when_online(site, open_page):
    site.add(*[f"todo {number}" for number in range(1000)])
    page = open_page(site.url)
    page.context.set_offline(True)
    page.locator(".toggle-all").check()
    expect(status(page)).to_have_text("1000 changes not saved yet — retrying")
    page.context.set_offline(False)
    settle(page, seconds=60)
    assert all(todo["completed"] for todo in site.todos)
    expect(page.locator(".todo-count")).to_have_text("0 items left")


def test_changes_are_sent_at_once_when_the_tab_is_shown(restartable, open_page):
    page = open_page(restartable.url)
    restartable.stop()
    never_retry(page)
    add(page, "one")
    expect(status(page)).to_have_text(NOT_SAVED)
    restartable.start()
    come_back(page)
    assert agree(page, restartable) == ["one"]


# Answers that are lost


@pytest.mark.parametrize("times", [1, 3])
def test_a_create_whose_answer_is_lost_makes_one_todo(page, site, times):
    intercept(page, "POST", lose_answer, times)
    add(page, "one", "two")
    assert agree(page, site) == ["one", "two"]


def test_an_edit_and_a_delete_whose_answers_are_lost_hold(three, site):
    intercept(three, "PATCH", lose_answer)
    intercept(three, "DELETE", lose_answer)
    row(three, "one").locator(".toggle").check()
    row(three, "two").locator(".destroy").click()
    assert agree(three, site) == ["one", "three"]
    assert site.todos[0]["completed"]


def test_a_todo_deleted_after_its_create_was_lost_is_deleted_on_the_server(page, site):
    intercept(page, "POST", lose_answer)
    add(page, "one", "two")
    expect(status(page)).to_have_text(NOT_SAVED)
    row(page, "one").locator(".destroy").click()
    assert agree(page, site) == ["two"]


def test_a_create_whose_answer_is_lost_is_not_shown_twice(page, site):
    intercept(page, "POST", lose_answer, times=100)
    add(page, "one")
    expect(status(page)).to_have_text(NOT_SAVED)
    page.reload()
    expect(status(page)).to_have_text(NOT_SAVED)
    assert page.locator(".todo-list label").all_inner_texts() == ["one"]
    site.add("two")
    come_back(page)
    expect(page.locator(".todo-list label")).to_have_text(["two", "one"])
    page.unroute_all(behavior="wait")
    assert agree(page, site) == ["one", "two"]


def test_an_answer_that_is_not_json_counts_as_none(page, site):
    intercept(page, "POST", lambda route: route.fulfill(content_type="text/html", body="<p>Log in to the Wi-Fi</p>"))
    add(page, "one")
    assert agree(page, site) == ["one"]


@pytest.mark.parametrize("status", [500, 502, 401, 408, 429, 503])
def test_an_error_that_may_pass_is_tried_again(page, site, status):
    intercept(page, "POST", refuse(status), times=2)
    add(page, "one")
    assert agree(page, site) == ["one"]


LOG_PAUSES = """(real => {
  setTimeout = (work, wait) => { if (wait > 1000) console.log('wait', wait); return real(work, wait); };
})(setTimeout)"""


def pause_after(page, retry_after):
    """Give how long the page waits, in ms, after a 503 that says so."""
    page.evaluate(LOG_PAUSES)
    intercept(page, "POST", refuse(503, **{"Retry-After": retry_after}))
    with page.expect_console_message(lambda message: "wait" in message.text) as logged:
        add(page, "one")
    return float(logged.value.text.split()[1])


def test_retry_after_is_waited_for(page, site):
    assert 2000 <= pause_after(page, "2") <= 3000
    assert agree(page, site) == ["one"]


def test_retry_after_may_be_a_date(page):
    assert pause_after(page, format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)) > 60_000


def test_a_retry_after_of_months_neither_ends_at_once_nor_lasts_as_long(page):
    assert 3_600_000 <= pause_after(page, "9999999") <= 5_400_000


def test_todos_that_fail_do_not_hold_up_the_others(site, open_page):
    site.add(*"abcdefgh")
    page = open_page(site.url)
    page.route(re.compile("/todos/[0-3]$"), lambda route: route.fulfill(status=500))
    page.locator(".toggle-all").check()
    expect(status(page)).to_have_text("4 changes not saved yet — retrying")
    assert [todo["completed"] for todo in site.todos] == [False] * 4 + [True] * 4
    page.unroute_all(behavior="wait")
    assert agree(page, site) == list("abcdefgh")


# Order, and what is merged


def wait_for(page, routes, seconds=30):
    """Wait until a request has been caught."""
    end = time.monotonic() + seconds
    while not routes:
        assert time.monotonic() < end, f"no such request was sent within {seconds} s"
        page.wait_for_timeout(20)


class Held:
    """The next request of a method, which waits until it is let go."""

    def __init__(self, page, method):
        self.page = page
        self.routes = []
        intercept(page, method, self.routes.append)

    def wait(self):
        wait_for(self.page, self.routes)

    def let_go(self, act=lambda route: route.continue_()):
        self.wait()
        act(self.routes[0])


def test_changes_made_before_a_create_is_answered_follow_it(page, site):
    held = Held(page, "POST")
    sent = record(page)
    add(page, "one")
    held.wait()
    edit(page, "one").fill("first")
    page.keyboard.press("Enter")
    row(page, "first").locator(".toggle").check()
    held.let_go()
    assert agree(page, site) == ["first"]
    assert [method for method, *_ in sent] == ["POST", "PATCH"]
    assert sent[1][2] == {"title": "first", "completed": True}


def test_a_todo_deleted_while_its_create_is_under_way_is_deleted(page, site):
    held = Held(page, "POST")
    add(page, "one", "two")
    held.wait()
    row(page, "one").locator(".destroy").click()
    held.let_go()
    assert agree(page, site) == ["two"]


def test_waiting_changes_of_one_todo_are_sent_as_one_patch(restartable, open_page):
    restartable.add("one")
    page = open_page(restartable.url)
    restartable.stop()
    for _ in range(3):
        row(page, "one").locator(".toggle").click()
    edit(page, "one").fill("first")
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("1 change not saved yet — retrying")
    sent = record(page)
    restartable.start()
    settle(page)
    assert sent[-1] == ("PATCH", "/todos/0", {"completed": True, "title": "first"})
    assert restartable.todos == [{"title": "first", "completed": True, "id": 0}]


def test_a_todo_created_and_deleted_before_it_was_sent_is_never_sent(restartable, open_page):
    page = open_page(restartable.url)
    held = Held(page, "POST")
    add(page, "one", "two")
    held.wait()
    sent = record(page)
    row(page, "two").locator(".destroy").click()
    held.let_go()
    settle(page)
    assert sent == []
    assert restartable.titles == ["one"]


def test_creates_arrive_in_the_order_typed(restartable, open_page):
    page = open_page(restartable.url)
    restartable.stop()
    titles = [f"todo {number}" for number in range(20)]
    add(page, *titles)
    restartable.start()
    assert agree(page, restartable) == titles


def test_what_is_changed_before_a_create_is_sent_goes_with_it(restartable, open_page):
    page = open_page(restartable.url)
    held = Held(page, "POST")
    sent = record(page)
    add(page, "one", "two")
    row(page, "two").locator(".toggle").check()
    held.let_go()
    settle(page)
    assert [(method, body["completed"]) for method, _, body in sent] == [("POST", False), ("POST", True)]


def test_two_quick_toggles_end_where_the_user_left_them(three, site):
    held = Held(three, "PATCH")
    row(three, "one").locator(".toggle").check()
    held.wait()
    row(three, "one").locator(".toggle").uncheck()
    held.let_go()
    assert agree(three, site) == ["one", "two", "three"]
    assert not site.todos[0]["completed"]


def test_a_thousand_changes_are_sent_four_at_a_time(site, open_page):
    site.add(*[f"todo {number}" for number in range(1000)])
    page = open_page("about:blank")
    at_once = [0, 0]

    def count(step):
        at_once[0] += step
        at_once[1] = max(at_once)

    page.on("request", lambda request: request.method == "PATCH" and count(1))
    page.on("requestfinished", lambda request: request.method == "PATCH" and count(-1))
    page.goto(site.url)
    page.locator(".toggle-all").check()
    settle(page, seconds=60)
    assert all(todo["completed"] for todo in site.todos)
    assert at_once == [0, 4]


# What the server refuses


def test_a_refused_create_is_undone_and_what_was_typed_offered_again(page, site):
    intercept(page, "POST", refuse(400, "The title is too rude."))
    add(page, "one")
    expect(page.get_by_role("alert")).to_contain_text("“one” was not saved. The title is too rude.")
    expect(shown(page)).to_have_count(0)
    expect(page.locator(".new-todo")).to_have_value("")
    page.get_by_role("button", name="Edit again").click()
    expect(page.locator(".new-todo")).to_have_value("one")
    page.locator(".new-todo").press("Enter")
    assert agree(page, site) == ["one"]


def test_a_refused_create_does_not_overwrite_what_is_typed_now(page, site):
    held = Held(page, "POST")
    add(page, "one")
    page.locator(".new-todo").fill("half a wo")
    held.let_go(refuse(400))
    page.get_by_role("button", name="Edit again").wait_for()
    expect(page.locator(".new-todo")).to_have_value("half a wo")
    page.locator(".new-todo").press("Enter")
    page.get_by_role("button", name="Edit again").click()
    expect(page.locator(".new-todo")).to_have_value("one")
    assert agree(page, site) == ["half a wo"]


def test_a_refused_edit_is_undone_and_what_was_typed_offered_again(three, site):
    intercept(three, "PATCH", refuse(400))
    edit(three, "two").fill("second")
    three.keyboard.press("Enter")
    expect(three.get_by_role("alert")).to_contain_text("“second” was not saved. No.")
    expect(shown(three)).to_have_text(["one", "two", "three"])
    three.get_by_role("button", name="Edit again").click()
    expect(three.locator(".edit")).to_have_value("second")
    three.keyboard.press("Enter")
    assert agree(three, site) == ["one", "second", "three"]


@pytest.mark.parametrize(("method", "control"), [("PATCH", ".toggle"), ("DELETE", ".destroy")])
def test_a_refused_toggle_or_delete_is_undone(three, site, method, control):
    intercept(three, method, refuse(400))
    row(three, "two").locator(control).click()
    three.evaluate(HIDE)
    expect(three.get_by_role("alert")).to_contain_text("A change was not saved. No.")
    expect(shown(three)).to_have_text(["one", "two", "three"])
    expect(row(three, "two").locator(".toggle")).not_to_be_checked()
    assert agree(three, site) == ["one", "two", "three"]


@pytest.mark.parametrize("gone", [404, 410])
def test_a_todo_that_is_gone_when_changed_goes(three, site, gone):
    intercept(three, "PATCH", refuse(gone))
    row(three, "two").locator(".toggle").click()
    expect(shown(three)).to_have_text(["one", "three"])
    expect(three.get_by_role("alert")).to_have_text("")
    settle(three)


def test_a_title_typed_for_a_todo_that_is_gone_is_offered_again(three, site):
    editor = edit(three, "two")
    site.send("DELETE", site.todos[1]["id"])
    editor.fill("second")
    editor.press("Enter")
    expect(three.get_by_role("alert")).to_contain_text("“second” was not saved. It was deleted elsewhere.")
    assert agree(three, site) == ["one", "three"]
    three.get_by_role("button", name="Edit again").click()
    expect(three.locator(".new-todo")).to_have_value("second")


# Two tabs of one browser


@pytest.fixture
def tabs(restartable, open_page):
    """Two tabs of one browser, on one todo."""
    restartable.add("one")
    page = open_page(restartable.url)
    return page, open_page(restartable.url, page.context)


def test_a_tab_shows_at_once_what_another_does(tabs, restartable):
    here, there = tabs
    add(here, "two")
    expect(shown(there)).to_have_text(["one", "two"])
    row(there, "two").locator(".toggle").check()
    expect(row(here, "two")).to_have_class("completed")
    row(here, "one").locator(".destroy").click()
    expect(shown(there)).to_have_text(["two"])
    assert agree(here, restartable) == agree(there, restartable) == ["two"]


def test_two_tabs_send_each_change_once(tabs, restartable):
    here, there = tabs
    restartable.stop()
    add(here, "two")
    row(there, "one").locator(".toggle").check()
    add(there, "three")
    edit(here, "three").fill("third")
    here.keyboard.press("Enter")
    for page in tabs:
        expect(status(page)).to_have_text("3 changes not saved yet — retrying", timeout=10_000)
    done = []
    here.context.on("response", lambda answer: API.search(answer.url) and done.append(describe(answer.request)))
    restartable.start()
    assert agree(here, restartable) == agree(there, restartable) == ["one", "two", "third"]
    changes = [request for request in done if request[0] != "GET"]
    assert sorted(method for method, *_ in changes) == ["PATCH", "POST", "POST"]


def test_a_tab_takes_over_what_another_owed(tabs, restartable):
    here, there = tabs
    restartable.stop()
    add(here, "two")
    expect(shown(there)).to_have_text(["one", "two"])
    here.close()
    restartable.start()
    assert agree(there, restartable) == ["one", "two"]


def set_state(page, state):
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": state})


def test_a_tab_frozen_while_it_sends_holds_up_no_other(restartable, open_page):
    page = open_page("about:blank")
    page.context.add_init_script(
        "AbortSignal.timeout = (real => (wait) => real.call(AbortSignal, wait === 30_000 ? 500 : wait))"
        "(AbortSignal.timeout)"
    )
    page.goto(restartable.url)
    other = open_page(restartable.url, page.context)
    held = Held(page, "POST")
    add(page, "one")
    held.wait()
    set_state(page, "frozen")
    add(other, "two")
    wait_until(lambda: restartable.titles == ["one", "two"])
    held.let_go()
    set_state(page, "active")
    assert agree(page, restartable) == agree(other, restartable) == ["one", "two"]


def test_a_tab_takes_over_what_a_killed_one_owed(tabs, restartable, open_page):
    here, there = tabs
    held = Held(here, "POST")
    add(here, "two")
    held.wait()
    crash(here)
    expect(shown(there)).to_have_text(["one", "two"])
    page = open_page(restartable.url, there.context)
    assert agree(page, restartable) == agree(there, restartable) == ["one", "two"]


def crash(page):
    with contextlib.suppress(sync_api.Error):
        page.goto("chrome://crash")


def test_without_web_locks_two_tabs_agree_with_the_server_as_well(restartable, open_page):
    page = open_page("about:blank")
    page.context.add_init_script("delete Navigator.prototype.locks; delete Crypto.prototype.randomUUID")
    page.goto(restartable.url)
    other = open_page(restartable.url, page.context)
    restartable.stop()
    add(page, "one", "two")
    row(other, "one").locator(".toggle").check()
    add(other, "three")
    restartable.start()
    assert agree(page, restartable) == agree(other, restartable) == ["one", "two", "three"]
    assert [todo["completed"] for todo in restartable.todos] == [True, False, False]


@pytest.mark.parametrize("left", ["Date.now() + 3_600_000", "'nonsense'"])
def test_a_lease_left_by_a_crash_or_a_wrong_clock_blocks_nothing(page, site, left):
    name = f"sending: todomvc /todos/ {page.locator('#todos').get_attribute('data-list')}"
    page.add_init_script(f"delete Navigator.prototype.locks; localStorage.setItem('{name}', {left})")
    page.reload()
    add(page, "one")
    assert agree(page, site) == ["one"]


def test_without_web_locks_what_is_being_sent_is_not_taken_for_another_lists(page, open_page):
    page.context.add_init_script("delete Navigator.prototype.locks")
    page.reload()
    held = Held(page, "POST")
    add(page, "one")
    held.wait()
    other = open_page(page.url, page.context)
    expect(shown(other)).to_have_text(["one"])
    expect(other.get_by_role("region", name="For another list")).to_be_hidden()
    held.let_go()


# A page that the server wrote before another tab changed something, and that starts after it


@pytest.fixture
def open_late(three, open_page):
    """Open a second tab, whose script does not arrive before all that `act` does in the first is answered."""

    def open_late(act):
        late = open_page("about:blank", three.context)
        scripts = []
        late.route("**/js/app.js", lambda route: scripts.append(route))
        late.goto(three.url, wait_until="commit")
        wait_for(late, scripts)
        act(three)
        settle(three)
        sent = record(late)
        scripts[0].continue_()
        return late, sent

    return open_late


def rename_two(page):
    edit(page, "two").fill("zwei")
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("act", "titles"),
    [
        (lambda page: add(page, "four"), ["one", "two", "three", "four"]),
        (rename_two, ["one", "zwei", "three"]),
        (lambda page: row(page, "two").locator(".destroy").click(), ["one", "three"]),
    ],
)
def test_a_page_written_before_a_change_and_started_after_it_shows_it(site, open_late, act, titles):
    page, _ = open_late(act)
    expect(page.locator(".todo-list label")).to_have_text(titles)
    assert site.titles == titles


def test_a_page_written_before_a_change_reads_the_list_until_it_has_it(site, open_late):
    def add_four(page):
        add(page, "four")
        answers = [answer_as_a_proxy(404)]
        page.context.route(API, lambda route: answers.pop()(route) if is_list(route) and answers else route.fallback())

    def is_list(route):
        return route.request.method == "GET"

    page, _ = open_late(add_four)
    expect(page.locator(".todo-list label")).to_have_text(["one", "two", "three", "four"], timeout=40_000)


def test_a_page_written_after_the_last_change_needs_no_further_request(three, site):
    add(three, "four")
    settle(three)
    sent = record(three)
    three.reload()
    expect(shown(three)).to_have_text(["one", "two", "three", "four"])
    add(three, "five")
    assert agree(three, site) == ["one", "two", "three", "four", "five"]
    assert [method for method, *_ in sent] == ["POST"]


# Two applications under one origin


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


@contextlib.contextmanager
def serving(app, port=0):
    with make_server("127.0.0.1", port, app, Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def neighbours():
    """The URLs of two applications on one server, /a/ and /b/."""
    apps = {"a": TodoMVC(), "b": TodoMVC()}
    with serving(lambda environ, start: apps[shift_path_info(environ)](environ, start)) as url:
        yield Site(f"{url}a/"), Site(f"{url}b/")


def test_two_applications_under_one_origin_keep_apart(neighbours, open_page):
    ours, theirs = neighbours
    page = open_page(ours.url)
    other = open_page(theirs.url, page.context)
    page.context.route(API, lambda route: route.abort())
    add(page, "ours")
    add(other, "theirs")
    for each in page, other:
        expect(status(each)).to_have_text("1 change not saved yet — retrying")
        each.reload()
    expect(shown(page)).to_have_text(["ours"])
    page.context.unroute_all(behavior="wait")
    assert (agree(page, ours), agree(other, theirs)) == (["ours"], ["theirs"])


# Two users of one browser


class Household:
    """A server that takes the user from a cookie; it can be stopped and started again."""

    def __init__(self):
        self.app = TodoMVC()
        self.port = 0

    def __call__(self, environ, start_response):
        environ["REMOTE_USER"] = SimpleCookie(environ.get("HTTP_COOKIE", ""))["user"].value
        return self.app(environ, start_response)

    @contextlib.contextmanager
    def running(self):
        with serving(self, self.port) as url:
            self.port = urlsplit(url).port
            yield url

    def titles(self, user):
        return [json.loads(todo)["title"] for todo in self.app.list_of({"REMOTE_USER": user})]


@pytest.fixture
def household():
    return Household()


@pytest.fixture
def come(chromium, open_page):
    """Open the page as a user, in one browser."""
    with contextlib.closing(chromium.new_context(service_workers="block")) as context:

        def come(url, user):
            context.add_cookies([{"name": "user", "value": user, "url": url}])
            return open_page(url, context)

        yield come


def test_what_one_user_owes_waits_for_them_and_is_not_sent_to_another(household, come):
    with household.running() as url:
        page = come(url, "ann")
    add(page, "Ann's")
    expect(status(page)).to_have_text(NOT_SAVED)
    page.evaluate("addEventListener('pagehide', (event) => event.stopImmediatePropagation(), true)")  # as in a crash
    page.close()
    with household.running() as url:
        add(come(url, "bob"), "Bob's")
        wait_until(lambda: household.titles("bob") == ["Bob's"])
        assert household.titles("ann") == []
        page = come(url, "ann")
        expect(shown(page)).to_have_text(["Ann's"])
        wait_until(lambda: household.titles("ann") == ["Ann's"])
    assert household.titles("bob") == ["Bob's"]


def test_a_tab_left_open_is_not_that_of_the_next_user(household, come):
    with household.running() as url:
        page = come(url, "ann")
        other = come(url, "bob")
        add(other, "Bob's")
        add(page, "Ann's")
        expect(status(page)).to_contain_text("Another list is at this address now")
        expect(shown(page)).to_have_text(["Ann's"])
        wait_until(lambda: household.titles("bob") == ["Bob's"])
        page.get_by_role("link", name="Load this page again").click()
        expect(shown(page)).to_have_text(["Bob's"])
        page = come(url, "ann")
        expect(shown(page)).to_have_text(["Ann's"])
        wait_until(lambda: household.titles("ann") == ["Ann's"])
    assert household.titles("bob") == ["Bob's"]


def test_tabs_of_two_users_in_one_browser_leave_each_other_alone(household, chromium, open_page):
    with household.running() as url, contextlib.closing(chromium.new_context(service_workers="block")) as browser:
        pages = {}
        for user in "ann", "bob":
            pages[user] = page = open_page("about:blank", browser)
            page.set_extra_http_headers({"Cookie": f"user={user}"})  # as a gateway that knows two accounts by tab
            page.goto(url)
        loads = []
        for page in pages.values():
            page.on("framenavigated", lambda frame: loads.append(frame.url))
        for user, page in pages.items():
            add(page, f"{user}'s")
            come_back(page)
        for user, page in pages.items():
            wait_until(lambda user=user: household.titles(user) == [f"{user}'s"])
            expect(shown(page)).to_have_text([f"{user}'s"])
            expect(status(page)).to_have_text("")
        assert loads == []


# Another list at the same address


@contextlib.contextmanager
def another_list(server):
    """Start the server over another file, on the same port; in the end over its own again."""
    folder = server.folder
    server.stop()
    server.folder = folder / "elsewhere"
    server.folder.mkdir(exist_ok=True)
    server.start()
    yield
    server.stop()
    server.folder = folder
    server.start()


def test_a_change_made_for_one_list_is_never_carried_out_on_another(restartable, open_page):
    restartable.add("buy milk", "call mum", "pay rent")
    page = open_page(restartable.url)
    with another_list(restartable):
        theirs = restartable.add("SECRET project", "quarterly report", "passport number")
        row(page, "buy milk").locator(".toggle").check()
        edit(page, "call mum").fill("call mum on sunday")
        page.keyboard.press("Enter")
        row(page, "pay rent").locator(".destroy").click()
        add(page, "new here")
        expect(status(page)).to_contain_text("Another list is at this address now")
        come_back(page)
        page.wait_for_timeout(500)
        assert restartable.todos == theirs
        expect(shown(page)).to_have_text(["buy milk", "call mum on sunday", "new here"])
    come_back(page)
    assert agree(page, restartable) == ["buy milk", "call mum on sunday", "new here"]


def test_what_a_closed_tab_owes_waits_for_its_list_and_can_be_put_into_this_one(restartable, open_page):
    restartable.add("call mum")
    page = open_page(restartable.url)
    restartable.stop()
    edit(page, "call mum").fill("call mum TODAY")
    page.keyboard.press("Enter")
    add(page, "tax return")
    page.close()
    restartable.start()
    with another_list(restartable):
        restartable.add("wedding plans")
        page = open_page(restartable.url, page.context)
        waiting = page.get_by_role("region", name="For another list")
        expect(waiting).to_contain_text("2 changes wait in this browser for another list that was here.")
        page.wait_for_timeout(500)
        assert restartable.titles == ["wedding plans"]
        waiting.get_by_text("Show").click()
        expect(waiting.get_by_role("listitem")).to_have_text(["call mum TODAY", "tax return"])
        waiting.get_by_role("button", name="Add to this list").click()
        expect(waiting).to_be_hidden()
        assert agree(page, restartable) == ["wedding plans", "call mum TODAY", "tax return"]


def test_what_a_tab_shows_whose_list_is_gone_can_be_copied(restartable, open_page):
    restartable.add("buy milk", "call mum")
    page = open_page(restartable.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(page.get_by_role("button", name="Copy these todos")).to_be_hidden()
    with another_list(restartable):
        come_back(page)
        page.get_by_role("button", name="Copy these todos").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "buy milk\ncall mum"


def test_without_https_the_titles_are_copied_as_well(restartable, open_page):
    restartable.add("buy milk", "call mum")
    page = open_page("about:blank")
    page.add_init_script("delete Navigator.prototype.clipboard")
    page.goto(restartable.url)
    with another_list(restartable):
        come_back(page)
        page.evaluate("addEventListener('copy', () => { window.copied = document.activeElement.value; })")
        page.get_by_role("button", name="Copy these todos").click()
        expect(page.get_by_role("button", name="Copied")).to_be_focused()
        assert page.evaluate("window.copied") == "buy milk\ncall mum"


def test_what_was_typed_for_a_list_that_is_gone_waits_too_and_can_be_forgotten(restartable, open_page):
    page = open_page(restartable.url)
    page.locator(".new-todo").press_sequentially("half a todo")
    with another_list(restartable):
        page.reload()
        expect(page.locator(".new-todo")).to_have_value("")
        waiting = page.get_by_role("region", name="For another list")
        waiting.get_by_text("Show").click()
        expect(waiting.get_by_role("listitem")).to_have_text(["half a todo"])
        waiting.get_by_role("button", name="Forget").click()
        expect(waiting).to_be_hidden()
        page.reload()
        expect(waiting).to_be_hidden()


def test_what_version_1_0_owed_waits_as_it_named_no_list(page, site):
    page.evaluate("""() => {
      const records = [{ ref: 'x', create: { title: 'new' }, after: -1 }, { ref: 0, changes: { title: 'renamed' } }];
      records.forEach((record, place) => {
        localStorage.setItem(`todomvc /todos/ ${place} y`, JSON.stringify(record));
      });
    }""")
    page.reload()
    page.get_by_role("button", name="Add to this list").click()
    assert agree(page, site) == ["new", "renamed"]
    expect(page.get_by_role("region", name="For another list")).to_be_hidden()


# Something else answers


def answer_as_a_proxy(status, body="<p>Sorry</p>", content_type="text/html"):
    return lambda route: route.fulfill(status=status, body=body, content_type=content_type)


@pytest.mark.parametrize("code", [403, 404, 405, 407, 410])
def test_the_answer_of_a_proxy_ends_no_debt(three, site, code):
    for method in "GET", "POST", "PATCH", "DELETE":
        intercept(three, method, answer_as_a_proxy(code))
    add(three, "four")
    row(three, "one").locator(".toggle").check()
    row(three, "two").locator(".destroy").click()
    assert agree(three, site) == ["one", "three", "four"]
    assert site.todos[0]["completed"]


@pytest.mark.parametrize("body", ['{"success": false}', "[]", "5"])
def test_success_with_other_json_ends_no_debt(three, site, body):
    for method in "GET", "POST", "PATCH":
        intercept(three, method, answer_as_a_proxy(200, body, "application/json"))
    add(three, "a thought worth keeping")
    row(three, "one").locator(".toggle").check()
    assert agree(three, site) == ["one", "two", "three", "a thought worth keeping"]


@pytest.mark.parametrize(
    "answer",
    [
        answer_as_a_proxy(200, "<form>Name, password</form>"),
        answer_as_a_proxy(401),
        lambda route: route.fulfill(status=302, headers={"Location": "/sign-in"}),
    ],
)
def test_a_sign_in_page_is_said_as_such(page, site, answer):
    intercept(page, "POST", answer, times=100)
    add(page, "one")
    expect(status(page)).to_contain_text("sign in again")
    expect(page.get_by_role("link", name="Load this page again")).to_be_visible()
    page.unroute_all(behavior="wait")
    assert agree(page, site) == ["one"]


@pytest.mark.parametrize("code", [403, 409, 421])
def test_what_our_own_guards_refuse_stays_in_the_outbox(page, site, code):
    intercept(page, "POST", refuse(code, "Not from here."), times=100)
    add(page, "one")
    expect(status(page)).to_contain_text("Not from here.")
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Try now").click()
    assert agree(page, site) == ["one"]


def test_retry_after_of_an_hour_holds_back_nothing_else(page, site):
    intercept(page, "POST", refuse(503, **{"Retry-After": "3600"}))
    add(page, "one")
    expect(status(page)).to_have_text("1 change not saved yet — retrying")
    page.unroute_all(behavior="wait")
    add(page, "two")
    wait_until(lambda: site.titles == ["two"])
    page.get_by_role("button", name="Try now").click()
    settle(page)
    assert site.titles == ["two", "one"]


def test_where_site_data_is_blocked_changes_are_sent(page, site):
    page.add_init_script("""
      const refuse = () => { throw new DOMException('blocked', 'SecurityError'); };
      navigator.locks.request = async () => refuse();
      for (const name of ['localStorage', 'sessionStorage', 'BroadcastChannel']) {
        Object.defineProperty(window, name, { get: refuse });
      }
    """)
    page.reload()
    add(page, "one", "two", "three")
    wait_until(lambda: site.titles == ["one", "two", "three"])


def test_in_a_chromium_that_blocks_site_data_changes_are_sent(chromium, site, tmp_path):
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    executable = shutil.which("chromium")
    with chromium.browser_type.launch_persistent_context(
        tmp_path, executable_path=executable, args=["--no-sandbox"]
    ) as browser:
        page = browser.new_page()
        page.goto(site.url)
        with pytest.raises(sync_api.Error, match="Access is denied"):
            page.evaluate("localStorage")
        add(page, "one", "two", "three")
        wait_until(lambda: site.titles == ["one", "two", "three"])
        expect(status(page)).to_have_text("")
        edit(page, "two").fill("second")
        page.keyboard.press("Enter")
        row(page, "one").locator(".destroy").click()
        page.evaluate(HIDE)
        wait_until(lambda: site.titles == ["second", "three"])


# Tags of which a proxy has made weak ones


@pytest.fixture
def weak(three):
    """The page behind a proxy that makes each entity tag a weak one."""

    def weaken(route):
        answer = route.fetch()
        tag = answer.headers.get("etag")
        route.fulfill(response=answer, headers={**answer.headers, **({"etag": f"W/{tag}"} if tag else {})})

    three.route(API, weaken)
    return three


def test_behind_a_proxy_that_weakens_tags_changes_are_saved(weak, site):
    conditions = []
    weak.on("request", lambda request: conditions.append(request.headers.get("if-match")))
    row(weak, "one").locator(".toggle").check()
    settle(weak)
    edit(weak, "one").fill("first")
    weak.keyboard.press("Enter")
    row(weak, "two").locator(".destroy").click()
    assert agree(weak, site) == ["first", "three"]
    assert set(conditions) == {None}


def test_behind_a_proxy_that_weakens_tags_a_conflict_is_found(weak, site):
    edit(weak, "two").fill("second")
    site.send("PATCH", site.todos[1]["id"], {"title": "zwei"})
    weak.keyboard.press("Enter")
    expect(weak.get_by_role("alert")).to_contain_text("It was changed elsewhere: “zwei”.")
    assert site.titles == ["one", "zwei", "three"]


# What is changed on both sides


def test_an_offline_delete_of_what_was_rewritten_asks(three, site):
    three.context.set_offline(True)
    row(three, "two").locator(".destroy").click()
    three.evaluate(HIDE)
    site.send("PATCH", site.todos[1]["id"], {"title": "two, and the insurance card"})
    three.context.set_offline(False)
    alert = three.get_by_role("alert")
    expect(alert).to_contain_text(
        "“two, and the insurance card” was changed elsewhere after you had read it. Delete it?"
    )
    assert len(site.todos) == 3
    alert.get_by_role("button", name="Delete").click()
    assert agree(three, site) == ["one", "three"]


def test_words_in_conflict_with_a_todo_that_is_deleted_then_are_not_lost(three, site):
    edit(three, "two").fill("second")
    site.send("PATCH", site.todos[1]["id"], {"title": "zwei"})
    three.keyboard.press("Enter")
    expect(three.get_by_role("alert")).to_contain_text("It was changed elsewhere: “zwei”.")
    site.send("DELETE", site.todos[1]["id"])
    three.reload()
    three.get_by_role("button", name="Use mine").click()
    expect(three.locator(".new-todo")).to_have_value("second")


def test_a_request_that_is_overtaken_does_not_win(three, site):
    held = Held(three, "PATCH")
    edit(three, "one").fill("first wording")
    three.keyboard.press("Enter")
    held.wait()
    request = held.routes[0].request
    held.routes[0].abort()
    edit(three, "first wording").fill("second wording")
    three.keyboard.press("Enter")
    settle(three)
    headers = {name: request.headers[name] for name in ("if-match", "todo-list", "content-type")}
    late = urllib.request.Request(request.url, request.post_data.encode(), headers, method="PATCH")
    with pytest.raises(urllib.error.HTTPError, match="412"):
        urllib.request.urlopen(late, timeout=10)
    assert agree(three, site) == ["second wording", "two", "three"]


# Words


def test_refused_words_survive_a_reload_until_they_are_dismissed(page):
    intercept(page, "POST", refuse(400), times=2)
    add(page, "one", "two")
    expect(page.get_by_role("button", name="Dismiss")).to_have_count(2)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("“one” was not saved. No.")
    page.get_by_role("button", name="Dismiss").first.click()
    page.reload()
    expect(page.get_by_role("alert")).to_have_text(re.compile("^“two” was not saved. No. "))


def test_thirty_refused_words_do_not_cover_the_page(page):
    intercept(page, "POST", refuse(400), times=30)
    add(page, *[f"{number} {'x' * 1000}" for number in range(30)])
    expect(page.get_by_text("30 changes were not saved:")).to_be_visible()
    assert page.locator(".notes").bounding_box()["height"] < page.viewport_size["height"] / 2


def test_edit_again_keeps_what_is_being_typed(page):
    intercept(page, "POST", refuse(400))
    add(page, "one")
    page.locator(".new-todo").fill("half a wo")
    page.get_by_role("button", name="Edit again").click()
    expect(page.locator(".new-todo")).to_have_value("one")
    expect(page.get_by_role("alert")).to_contain_text("“half a wo” was not saved. It is not added yet.")


# Drafts


def test_what_is_typed_survives_a_reload(page):
    page.locator(".new-todo").press_sequentially("half a todo")
    page.reload()
    expect(page.locator(".new-todo")).to_have_value("half a todo")
    page.locator(".new-todo").press("Enter")
    page.reload()
    expect(page.locator(".new-todo")).to_have_value("")


def test_the_drafts_of_a_killed_tab_go_to_the_next(three, site, open_page):
    three.locator(".new-todo").press_sequentially("half a todo")
    edit(three, "two").press_sequentially(" and a half")
    crash(three)
    page = open_page(site.url, three.context)
    expect(page.locator(".new-todo")).to_have_value("half a todo", timeout=10_000)
    expect(page.locator(".edit")).to_have_value("two and a half")
    page.locator(".edit").press("Enter")
    assert agree(page, site) == ["one", "two and a half", "three"]


def test_the_draft_of_a_todo_far_down_the_list_comes_back_again_and_again(site, open_page):
    """Its row is not drawn at once."""
    site.add(*[f"todo {number}" for number in range(60)])
    page = open_page(site.url)
    edit(page, "todo 59").press_sequentially(" and more")
    for _ in range(2):
        crash(page)
        page = open_page(site.url, page.context)
        expect(page.locator(".edit")).to_have_value("todo 59 and more")


def test_a_draft_that_comes_late_leaves_what_is_being_typed(three, site):
    three.add_init_script("""(real => {
      setTimeout = (work, wait) => (wait === 2500 ? (window.takeOver = work, 0) : real(work, wait));
    })(setTimeout)""")
    three.reload()
    edit(three, "one").fill("one and")
    draft = {"input": "", "editor": {"todoKey": site.todos[1]["id"], "text": "two and a half", "seen": {}}, "time": 0}
    name = f"draft: todomvc /todos/ {three.locator('#todos').get_attribute('data-list')} x"
    three.evaluate("([name, draft]) => localStorage.setItem(name, draft)", [name, json.dumps(draft)])
    three.evaluate("takeOver()")
    alert = three.get_by_role("alert")
    expect(alert).to_contain_text("“two and a half” was not saved. You were editing it in another tab.")
    expect(three.locator(".edit")).to_have_value("one and")
    expect(three.locator(".edit")).to_be_focused()
    alert.get_by_role("button", name="Edit again").click()
    expect(three.locator(".edit")).to_have_value("two and a half")
    three.keyboard.press("Enter")
    assert agree(three, site) == ["one and", "two and a half", "three"]


def test_each_tab_has_its_own_draft(page, open_page):
    other = open_page(page.url, page.context)
    page.locator(".new-todo").press_sequentially("here")
    other.locator(".new-todo").press_sequentially("there")
    for tab, text in (page, "here"), (other, "there"):
        tab.reload()
        expect(tab.locator(".new-todo")).to_have_value(text)


def test_escape_during_a_composition_ends_only_that(three):
    editor = edit(three, "two")
    editor.fill("meeting with たなか")
    editor.dispatch_event("keydown", {"key": "Escape", "isComposing": True, "bubbles": True})
    expect(editor).to_have_value("meeting with たなか")


# Two browsers


def test_coming_back_takes_over_what_others_did(three, site):
    site.add("four")
    site.send("PATCH", site.todos[0]["id"], {"title": "first", "completed": True})
    site.send("DELETE", site.todos[1]["id"])
    come_back(three)
    expect(shown(three)).to_have_text(["first", "three", "four"])
    expect(row(three, "first")).to_have_class("completed")
    expect(three.locator(".todo-count")).to_have_text("2 items left")


def test_coming_back_to_an_unchanged_list_costs_a_304(three, site):
    site.add("four")
    come_back(three)
    expect(row(three, "four")).to_be_visible()
    with three.expect_response(API) as answer:
        come_back(three)
    assert answer.value.status == 304


def test_an_edit_in_progress_is_not_disturbed(three, site):
    editor = edit(three, "two")
    editor.fill("seco")
    site.send("PATCH", site.todos[1]["id"], {"title": "zwei", "completed": True})
    with three.expect_response(API):
        come_back(three)
    expect(editor).to_be_focused()
    expect(editor).to_have_value("seco")
    editor.press_sequentially("nd")
    editor.press("Enter")
    expect(three.get_by_role("alert")).to_contain_text("“second” was not saved. It was changed elsewhere: “zwei”.")
    expect(shown(three)).to_have_text(["one", "zwei", "three"])
    three.get_by_role("button", name="Use mine").click()
    settle(three)
    assert site.todos[1] == {**site.todos[1], "title": "second", "completed": True}


def test_a_todo_that_gets_its_place_by_a_late_answer_stays_in_the_editor(page, site):
    held = Held(page, "POST")
    add(page, "mine")
    held.wait()
    late = held.routes[0].fetch()
    site.add("theirs")
    come_back(page)
    expect(shown(page)).to_have_text(["theirs", "mine"])
    editor = edit(page, "mine")
    editor.fill("my o")
    with page.expect_response(API):
        held.let_go(lambda route: route.fulfill(response=late))
    page.wait_for_timeout(100)
    editor.press_sequentially("wn")
    editor.press("Enter")
    assert agree(page, site) == ["my own", "theirs"]


def test_a_todo_deleted_elsewhere_stays_while_it_is_edited(three, site):
    editor = edit(three, "two")
    site.send("DELETE", site.todos[1]["id"])
    site.add("four")
    come_back(three)
    expect(row(three, "four")).to_be_visible()
    expect(editor).to_be_focused()
    editor.press("Escape")
    expect(shown(three)).to_have_text(["one", "three", "four"])


def test_coming_back_leaves_what_is_owed(three, site):
    held = Held(three, "PATCH")
    row(three, "one").locator(".toggle").check()
    add(three, "five")
    site.add("four")
    come_back(three)
    expect(row(three, "four")).to_be_visible()
    expect(row(three, "one")).to_have_class("completed")
    held.let_go()
    agree(three, site)
    assert sorted(site.titles) == ["five", "four", "one", "three", "two"]


def test_a_list_older_than_the_last_answer_is_not_taken_over(three, site):
    held = Held(three, "GET")
    come_back(three)
    held.wait()
    old = held.routes[0].fetch()
    row(three, "one").locator(".toggle").check()
    settle(three)
    with three.expect_response(API):
        held.let_go(lambda route: route.fulfill(response=old))
    three.wait_for_timeout(100)
    expect(row(three, "one")).to_have_class("completed")
    assert agree(three, site) == ["one", "two", "three"]


def test_changes_of_different_fields_in_two_browsers_both_hold(three, site, open_page):
    other = open_page(site.url)
    row(three, "one").locator(".toggle").check()
    edit(other, "one").fill("first")
    other.keyboard.press("Enter")
    settle(three)
    settle(other)
    assert site.todos[0] == {**site.todos[0], "title": "first", "completed": True}


# Leaving the page


def test_leaving_the_page_sends_what_is_owed(restartable, open_page):
    page = open_page(restartable.url)
    add(page, "one")
    settle(page)
    never_retry(page)
    intercept(page, "POST", lambda route: route.abort(), times=100)
    add(page, "two")
    expect(status(page)).to_have_text(NOT_SAVED)
    row(page, "one").locator(".toggle").check()
    page.unroute_all(behavior="wait")
    page.goto("about:blank")
    wait_until(lambda: restartable.titles == ["one", "two"] and restartable.todos[0]["completed"])


def test_leaving_the_page_saves_what_is_in_the_editor(site, open_page):
    site.add("one")
    page = open_page(site.url)
    edit(page, "one").fill("first")
    page.goto("about:blank")
    wait_until(lambda: site.titles == ["first"])


def test_creates_left_at_leaving_arrive_in_the_order_typed(site, open_page):
    page = open_page(site.url)
    page.context.set_offline(True)
    titles = [f"todo {number}" for number in range(8)]
    add(page, *titles)
    expect(status(page)).to_have_text(NOT_SAVED)
    sent = record(page)
    never_retry(page)
    page.evaluate("addEventListener('online', (event) => event.stopImmediatePropagation(), true)")
    with page.expect_request(API):
        page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert [body["title"] for _, _, body in sent] == ["todo 0"]
    page.context.set_offline(False)
    page.reload()
    assert agree(page, site) == titles


def test_a_change_left_at_once_is_sent_at_the_next_opening(site, open_page):
    site.add("one")
    page = open_page(site.url)
    held = Held(page, "GET")
    row(page, "one").locator(".toggle").check()
    held.wait()  # for the tag that the change needs
    page.goto("about:blank")
    assert not site.todos[0]["completed"]
    page.goto(site.url)
    expect(row(page, "one")).to_have_class("completed")
    assert agree(page, site) == ["one"]
    assert site.todos[0]["completed"]


def test_a_change_too_large_to_leave_with_does_not_hold_back_the_others(site, open_page):
    page = open_page(site.url)
    add(page, "one", "two")
    settle(page)
    never_retry(page)
    intercept(page, "PATCH", lambda route: route.abort(), times=100)
    edit(page, "one").fill("x" * 100_000)
    page.keyboard.press("Enter")
    row(page, "two").locator(".toggle").check()
    expect(status(page)).to_have_text("2 changes not saved yet — retrying")
    page.unroute_all(behavior="wait")
    page.goto("about:blank")
    wait_until(lambda: site.todos[1]["completed"])
    assert site.titles == ["one", "two"]
    page.goto(site.url)
    assert agree(page, site) == ["x" * 100_000, "two"]


def test_going_back_to_a_page_from_the_cache_shows_what_is_on_the_server(site, open_page):
    page = open_page(site.url)
    add(page, "one")
    settle(page)
    page.goto("about:blank")
    site.add("two")
    page.go_back()
    expect(shown(page)).to_have_text(["one", "two"])


def test_going_back_to_a_page_that_was_frozen_shows_what_is_on_the_server(freezing_page, site):
    freezing_page.goto(site.url)
    freezing_page.evaluate("window.isFrozen = true")
    freezing_page.goto(f"{site.url}openapi.json")
    site.add("one")
    freezing_page.go_back(wait_until="commit")
    expect(shown(freezing_page)).to_have_text(["one"])
    assert freezing_page.evaluate("window.isFrozen")


def test_more_than_fits_stays_in_the_outbox_when_leaving(restartable, open_page):
    page = open_page(restartable.url)
    restartable.stop()
    titles = [f"{number} {'x' * 20_000}" for number in range(5)]
    add(page, *titles)
    page.goto("about:blank")
    restartable.start()
    page.goto(restartable.url)
    assert agree(page, restartable) == titles


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen within 30 s")


# Without a place to keep things

FILL_STORAGE = """() => {
  for (let size = 2 ** 23; size >= 1; size /= 2) {
    try { localStorage.setItem(`x${size}`, 'x'.repeat(size)); } catch { /* then half of it */ }
  }
}"""


@pytest.mark.parametrize(
    "missing",
    [
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })",
    ],
)
def test_without_storage_all_works_and_the_page_says_what_could_be_lost(restartable, open_page, missing):
    page = open_page("about:blank")
    page.add_init_script(missing)
    page.goto(restartable.url)
    add(page, "one")
    expect(status(page)).to_have_text("")
    restartable.stop()
    add(page, "two")
    row(page, "one").locator(".toggle").check()
    expect(status(page)).to_contain_text("2 changes not saved yet — retrying. Keep this page open")
    restartable.start()
    expect(status(page)).to_have_text("", timeout=20_000)
    assert restartable.titles == ["one", "two"]
    assert restartable.todos[0]["completed"]


def test_without_storage_and_locks_changes_are_sent(page, site):
    page.add_init_script("delete Navigator.prototype.locks")
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no'); } })")
    page.reload()
    add(page, "one")
    wait_until(lambda: site.titles == ["one"])


def test_with_full_storage_and_without_locks_changes_are_sent(page, site):
    page.add_init_script("delete Navigator.prototype.locks")
    page.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
    page.reload()
    add(page, "one")
    wait_until(lambda: site.titles == ["one"])


def test_what_did_not_fit_is_stored_when_there_is_room_again(page):
    page.context.set_offline(True)
    page.evaluate(FILL_STORAGE)
    add(page, "one")
    expect(status(page)).to_contain_text("Keep this page open")
    page.evaluate("Object.keys(localStorage).forEach((key) => key.startsWith('x') && localStorage.removeItem(key))")
    come_back(page)
    expect(status(page)).to_have_text("1 change not saved yet — retrying")


def test_clearing_the_storage_loses_nothing_that_an_open_page_owes(three, site):
    three.context.set_offline(True)
    add(three, "four")
    row(three, "one").locator(".toggle").check()
    expect(status(three)).to_have_text("2 changes not saved yet — retrying")
    three.evaluate("localStorage.clear()")
    three.context.set_offline(False)
    assert agree(three, site) == ["one", "two", "three", "four"]
    assert site.todos[0]["completed"]


def test_a_record_that_cannot_be_read_does_not_stop_the_page(page, site):
    page.evaluate("localStorage.setItem('todomvc /todos/ 1 x', '{oops')")
    page.reload()
    add(page, "one")
    wait_until(lambda: site.titles == ["one"])


def test_five_hundred_unsent_changes_outlive_the_page(site, open_page):
    page = open_page(site.url)
    page.context.set_offline(True)
    page.evaluate("""() => {
      const input = document.querySelector('.new-todo');
      for (let number = 0; number < 500; number += 1) {
        input.value = `todo ${number}`;
        input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
      }
    }""")
    expect(shown(page)).to_have_count(500)
    page.close()
    page.context.set_offline(False)
    page = open_page(site.url, page.context)
    settle(page, seconds=60)
    assert site.titles == [f"todo {number}" for number in range(500)]
