"""Second thoughts: what was just deleted, cleared or pasted is offered to be taken back."""

import contextlib
import re
import time

import pytest
from conftest import serve
from steps import HIDE, Site, add, edit, expect, row, settle, shown, sync_api
from test_hands import center, paste

pytest_plugins = ["browser"]

THREE = ["one", "two", "three"]
API = re.compile(r"/todos/\d+$")


@pytest.fixture
def three(site, open_page):
    site.add(*THREE)
    return open_page(site.url)


def undo(page):
    return page.get_by_role("button", name="Undo")


def line(page):
    return page.locator("[data-ref=undoText]")


def delete(page, title):
    row(page, title).locator(".destroy").click()


def deletes(page):
    """Keep the URLs of the DELETE requests that the page sends."""
    sent = []
    page.on("request", lambda request: request.method == "DELETE" and sent.append(request.url))
    return sent


# What is offered, and what comes back


def test_a_deleted_todo_comes_back_in_its_place_with_its_id(three, site):
    sent = deletes(three)
    delete(three, "two")
    expect(line(three)).to_have_text("Deleted “two”")
    undo(three).click()
    expect(shown(three)).to_have_text(THREE)
    expect(line(three)).to_have_text("")
    expect(undo(three)).to_be_hidden()
    expect(row(three, "two")).to_be_focused()
    settle(three)
    assert [todo["id"] for todo in site.todos] == [0, 1, 2]
    assert sent == []


def test_what_was_cleared_comes_back(site, open_page):
    site.add(*[f"done {number}" for number in range(12)], completed=True)
    site.add("open")
    page = open_page(site.url)
    titles = shown(page).all_inner_texts()
    page.get_by_role("button", name="Clear completed").click()
    expect(line(page)).to_have_text("Cleared 12 todos")
    expect(shown(page)).to_have_count(1)
    undo(page).click()
    expect(shown(page)).to_have_text(titles)
    settle(page)
    assert site.titles == titles
    assert page.locator(".completed").count() == 12


def test_many_deletes_in_a_row_are_one_offer(three, site):
    delete(three, "one")
    delete(three, "three")
    expect(line(three)).to_have_text("Deleted 2 todos")
    undo(three).click()
    expect(shown(three)).to_have_text(THREE)
    settle(three)
    assert site.titles == THREE


def test_an_emptied_title_can_be_taken_back(three):
    edit(three, "two").fill("")
    three.keyboard.press("Enter")
    expect(line(three)).to_have_text("Deleted “two”")
    undo(three).click()
    expect(shown(three)).to_have_text(THREE)


def test_a_todo_that_the_server_has_not_got_yet_comes_back(three, site):
    three.context.set_offline(True)
    add(three, "four")
    delete(three, "four")
    undo(three).click()
    expect(shown(three)).to_have_text([*THREE, "four"])
    three.context.set_offline(False)
    settle(three)
    assert site.titles == [*THREE, "four"]


def test_a_pasted_list_can_be_taken_back(three, site):
    paste(three, "milk\nbread\neggs")
    expect(line(three)).to_have_text("Added 3 todos")
    expect(shown(three)).to_have_count(6)
    wait_for(three, lambda: len(site.titles) == 6)  # they are sent at once
    undo(three).click()
    expect(shown(three)).to_have_text(THREE)
    expect(line(three)).to_have_text("")
    settle(three)
    assert site.titles == THREE


def wait_for(page, condition, seconds=25):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        page.wait_for_timeout(50)


# By keyboard


@pytest.mark.parametrize("shortcut", ["Control+z", "Meta+z"])
@pytest.mark.parametrize("focus", [".new-todo", ".filters a >> nth=0"])
def test_ctrl_z_takes_back_where_nothing_is_typed(three, shortcut, focus):
    delete(three, "two")
    three.locator(focus).focus()
    three.keyboard.press(shortcut)
    expect(shown(three)).to_have_text(THREE)
    expect(three.locator(focus)).to_be_focused()


def test_ctrl_z_in_a_field_with_text_undoes_the_typing(three):
    delete(three, "two")
    three.locator(".new-todo").focus()
    three.keyboard.type("milk")
    three.keyboard.press("Control+z")
    expect(line(three)).to_have_text("Deleted “two”")
    expect(shown(three)).to_have_text(["one", "three"])


def test_undo_is_reached_by_tab_and_pressed_by_a_key(three):
    delete(three, "three")
    for _ in range(20):
        three.keyboard.press("Tab")
        if undo(three).evaluate("(button) => button === document.activeElement"):
            break
    three.keyboard.press("Enter")
    expect(shown(three)).to_have_text(THREE)
    expect(row(three, "three")).to_be_focused()


# How long it is offered


def test_the_delete_is_sent_when_the_offer_ends(three, site):
    quick(three)
    three.mouse.move(1, 1)
    sent = deletes(three)
    row(three, "two").locator(".destroy").press("Enter")
    three.clock.run_for(9800)
    expect(undo(three)).to_be_visible()
    assert sent == []
    three.clock.run_for(2200)
    expect(line(three)).to_have_text("")
    three.clock.resume()
    wait_for(three, lambda: sent)
    wait_for(three, lambda: site.titles == ["one", "three"])


def quick(page):
    """Open the page anew with a clock that only the test moves."""
    page.clock.install(time="2026-01-01T00:00:00Z")
    page.reload()
    page.clock.pause_at("2026-01-01T01:00:00Z")


def test_it_stands_as_long_as_the_user_is_at_it(three):
    quick(three)
    delete(three, "two")
    undo(three).focus()
    three.clock.run_for(120_000)
    expect(undo(three)).to_be_focused()
    three.locator(".new-todo").focus()
    three.clock.run_for(4000)
    expect(undo(three)).to_be_hidden()


def test_it_stands_while_a_pointer_that_has_moved_there_is_on_it(three):
    quick(three)
    delete(three, "two")
    three.mouse.move(*center(undo(three)))
    three.clock.run_for(120_000)
    expect(undo(three)).to_be_visible()
    three.mouse.move(1, 1)
    three.clock.run_for(4000)
    expect(undo(three)).to_be_hidden()


def test_a_pointer_that_rests_where_the_line_appears_does_not_keep_it(three):
    quick(three)
    delete(three, "one")
    place = center(undo(three))
    three.clock.run_for(15_000)
    expect(undo(three)).to_be_hidden()
    three.mouse.move(*place)
    row(three, "two").locator(".destroy").press("Enter")
    expect(undo(three)).to_be_visible()
    three.clock.run_for(12_000)
    expect(undo(three)).to_be_hidden()


def test_deletes_in_a_row_are_one_offer_for_a_minute_at_most(site, open_page):
    site.add(*[f"todo {number}" for number in range(12)])
    page = open_page(site.url)
    quick(page)
    sent = deletes(page)
    page.mouse.move(1, 1)
    for number in range(12):
        row(page, f"todo {number}").locator(".destroy").press("Enter")
        page.clock.run_for(9000)
    wait_for(page, lambda: sent)
    expect(line(page)).not_to_have_text("Deleted 12 todos")


# When the page goes


def test_a_page_that_is_hidden_sends_at_once(three, site):
    delete(three, "two")
    three.evaluate(HIDE)
    expect(line(three)).to_have_text("")
    wait_for(three, lambda: site.titles == ["one", "three"])


def test_a_page_that_goes_sends_at_once(three, site):
    with three.expect_response(API) as answer:  # the tag, for the condition
        delete(three, "two")
    answer.value.finished()
    three.evaluate("new Promise((resolve) => setTimeout(resolve, 1000))")
    three.goto("about:blank")
    wait_for(three, lambda: site.titles == ["one", "three"])


def test_a_reload_shows_it_deleted(three, site):
    delete(three, "two")
    three.reload()
    expect(shown(three)).to_have_text(["one", "three"])
    settle(three)
    assert site.titles == ["one", "three"]


def test_what_a_killed_tab_held_back_goes_out_at_the_next_opening(three, site, open_page):
    sent = deletes(three)
    delete(three, "two")
    kill(three)
    page = open_page(site.url, three.context)
    expect(shown(page)).to_have_text(["one", "three"])
    settle(page, seconds=25)
    assert site.titles == ["one", "three"]
    assert sent == []


def kill(page):
    """Crash the page as a browser that is out of memory does."""
    with contextlib.suppress(sync_api.Error):
        page.goto("chrome://crash", timeout=3000)


# Several tabs, other clients


@pytest.fixture
def two_tabs(three, open_page):
    return three, open_page(three.url, three.context)


def test_all_tabs_hide_it_and_any_takes_it_back(two_tabs, site):
    here, there = two_tabs
    sent = deletes(here), deletes(there)
    delete(here, "two")
    expect(shown(there)).to_have_text(["one", "three"])
    expect(line(there)).to_have_text("Deleted “two”")
    undo(there).click()
    for page in two_tabs:
        expect(shown(page)).to_have_text(THREE)
        expect(line(page)).to_have_text("")
    settle(here)
    settle(there)
    assert site.titles == THREE
    assert sent == ([], [])


def test_a_todo_that_was_rewritten_meanwhile_is_asked_for(three, site):
    delete(three, "two")
    site.send("PATCH", "1", {"title": "two, and more"})
    three.evaluate(HIDE)
    expect(three.get_by_role("alert")).to_contain_text("“two, and more” was changed elsewhere")
    assert site.titles == ["one", "two, and more", "three"]


def test_undo_of_what_was_deleted_elsewhere_says_so_and_offers_the_words(three, site):
    delete(three, "two")
    site.send("DELETE", "1")
    undo(three).click()
    alert = three.get_by_role("alert")
    expect(alert).to_contain_text("“two” cannot come back. It was deleted elsewhere meanwhile.")
    expect(shown(three)).to_have_text(["one", "three"])
    alert.get_by_role("button", name="Edit again").click()
    expect(three.locator(".new-todo")).to_have_value("two")


def test_with_the_server_away_undo_works_and_the_rest_is_sent_when_it_is_back(tmp_path, open_page):
    with serve("--db", "todos.db", cwd=tmp_path) as process:
        site, port = Site(process.url), process.url.rsplit(":", 1)[1].strip("/")
        site.add(*THREE)
        page = open_page(site.url)
        expect(shown(page)).to_have_count(3)
    delete(page, "one")
    delete(page, "two")
    undo(page).click()
    expect(shown(page)).to_have_text(THREE)
    delete(page, "three")
    page.evaluate(HIDE)
    with serve("--port", port, "--db", "todos.db", cwd=tmp_path):
        page.evaluate("dispatchEvent(new Event('focus'))")
        settle(page)
        assert site.titles == ["one", "two"]


def test_while_it_is_offered_nothing_is_said_to_be_unsaved(three):
    delete(three, "two")
    three.wait_for_timeout(1500)
    expect(three.get_by_role("status")).to_have_text("")


def test_the_line_is_read_once(three):
    quick(three)
    three.evaluate(
        """() => {
          window.spoken = [];
          const line = document.querySelector('[data-ref=undoText]');
          new MutationObserver(() => window.spoken.push(line.textContent))
            .observe(line, { childList: true, characterData: true, subtree: true });
        }"""
    )
    delete(three, "two")
    three.clock.run_for(8000)
    assert three.evaluate("window.spoken") == ["Deleted “two”"]
    expect(line(three)).to_have_attribute("aria-live", "polite")
