"""Hands that slip: by real mouse, touch and keys, nothing is done to a todo that nobody has pressed."""

import re

import pytest
from steps import add, edit, expect, row, settle, shown

pytest_plugins = ["browser"]

LONG = "a title that needs more lines than one, " * 5
FIVE = ["one", "two", "three", "four", "five"]
INVISIBLE = ["\u200b", "\u2060", "\u202e", "\u3164", "\u2800", "\u115f\u00ad\ufe0f", "\U000e0020", "\u034f", "\u180e"]


@pytest.fixture
def five(site, open_page):
    site.add(*FIVE)
    return open_page(site.url)


def center(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def destroy(page, title):
    return row(page, title).locator(".destroy")


def hold(page, key, repeats=6):
    """Hold a key down until it repeats."""
    for _ in range(1 + repeats):
        page.keyboard.down(key)  # Playwright marks it as a repeat while it is down
    page.keyboard.up(key)


def come_back(page):
    """Have the page read the list again."""
    with page.expect_response(re.compile("/todos/$")):
        page.evaluate("dispatchEvent(new Event('focus'))")


# Focus


def test_typing_after_a_delete_by_mouse_does_nothing(five, site):
    row(five, "two").hover()
    destroy(five, "two").click()
    five.mouse.move(5, 5)
    five.keyboard.type("buy milk")
    five.keyboard.press("Enter")
    expect(shown(five)).to_have_text(["one", "three", "four", "five"])
    expect(five.locator(".completed")).to_have_count(0)
    settle(five)
    assert site.titles == ["one", "three", "four", "five"]


@pytest.mark.parametrize("press", ["mouse", "key"])
@pytest.mark.parametrize(("title", "next_title"), [("two", "three"), ("five", "four")])
def test_after_a_delete_the_focus_is_seen_on_the_next_row(five, press, title, next_title):
    if press == "mouse":
        destroy(five, title).click()
    else:
        destroy(five, title).press("Enter")
    expect(row(five, next_title)).to_be_focused()
    expect(row(five, next_title)).to_have_css("outline-style", "solid")
    five.keyboard.press("Tab")
    expect(row(five, next_title).locator(".toggle")).to_be_focused()


def test_a_click_on_a_row_moves_no_focus_to_it(five):
    destroy(five, "two").click()
    row(five, "four").locator("label").click()
    row(five, "three").locator("label").click()
    expect(five.locator("body")).to_be_focused()


def test_in_active_space_after_a_tick_ticks_nothing_else(five):
    five.get_by_role("link", name="Active").click()
    row(five, "two").locator(".toggle").click()
    five.keyboard.press("Space")
    expect(shown(five)).to_have_text(["one", "three", "four", "five"])


def test_after_clear_completed_the_focus_is_on_the_first_row(five):
    row(five, "one").locator(".toggle").check()
    five.get_by_role("button", name="Clear completed").click()
    expect(row(five, "two")).to_be_focused()
    five.locator(".toggle-all").check()
    five.get_by_role("button", name="Clear completed").click()
    expect(five.locator(".new-todo")).to_be_focused()


def test_a_delete_in_another_tab_gives_the_focus_to_no_control(five, open_page):
    destroy(five, "two").focus()
    other = open_page(five.url, five.context)
    destroy(other, "two").click()
    expect(row(five, "three")).to_be_focused()
    five.keyboard.press("Enter")
    expect(shown(five)).to_have_count(4)


@pytest.mark.parametrize("control", ["Clear completed", "All"])
def test_a_control_that_a_remote_change_hides_does_not_lose_the_focus(site, open_page, control):
    site.add("one", completed=True)
    page = open_page(site.url)
    page.get_by_text(control, exact=True).focus()
    site.send("DELETE", "0")
    come_back(page)
    expect(page.locator(".new-todo")).to_be_focused()


def test_an_answer_that_moves_a_todo_leaves_the_focus_with_it(five, site):
    held = []
    five.route(re.compile("/todos/$"), lambda route: held.append(route) if is_post(route) else route.continue_())
    add(five, "mine")
    row(five, "mine").locator(".destroy").focus()
    site.add("theirs")
    come_back(five)
    expect(shown(five)).to_have_text([*FIVE, "theirs", "mine"])
    expect(row(five, "mine").locator(".destroy")).to_be_focused()
    site.add("theirs, too")
    held[0].continue_()
    settle(five)
    come_back(five)
    expect(shown(five)).to_have_text([*FIVE, "theirs", "theirs, too", "mine"])
    expect(row(five, "mine").locator(".destroy")).to_be_focused()


def is_post(route):
    return route.request.method == "POST"


# Keys that are held down


def test_enter_held_down_on_delete_deletes_one(five, site):
    destroy(five, "two").focus()
    hold(five, "Enter")
    expect(shown(five)).to_have_text(["one", "three", "four", "five"])
    settle(five)
    assert site.titles == ["one", "three", "four", "five"]


def test_enter_held_down_on_edit_leaves_the_editor_open(five):
    row(five, "two").locator(".rename").focus()
    hold(five, "Enter", repeats=7)
    expect(five.locator(".edit")).to_be_focused()
    hold(five, "Enter", repeats=7)
    expect(row(five, "two").locator(".rename")).to_be_focused()


# Clicks


def test_a_double_click_on_delete_deletes_one(five, site):
    x, y = center(destroy(five, "two"))
    five.mouse.dblclick(x, y)
    expect(shown(five)).to_have_text(["one", "three", "four", "five"])
    five.keyboard.press("Space")
    five.keyboard.press("Enter")
    settle(five)
    assert site.titles == ["one", "three", "four", "five"]


def test_in_active_a_double_click_on_a_box_ticks_one(five):
    five.get_by_role("link", name="Active").click()
    five.mouse.dblclick(*center(row(five, "two").locator(".toggle")))
    expect(shown(five)).to_have_text(["one", "three", "four", "five"])
    expect(five.locator(".todo-count")).to_have_text("4 items left")


def test_a_double_click_on_a_box_that_stays_ticks_and_unticks(five):
    five.mouse.dblclick(*center(row(five, "two").locator(".toggle")))
    expect(row(five, "two").locator(".toggle")).not_to_be_checked()


def test_two_clicks_with_a_pause_delete_two(five):
    place = center(destroy(five, "two"))
    five.mouse.click(*place)
    five.mouse.click(*place)  # each a click of its own
    expect(shown(five)).to_have_text(["one", "four", "five"])


def test_a_tap_where_a_button_is_not_seen_does_not_press_it(five):
    assert five.evaluate("matchMedia('(hover: hover)').matches")
    x, y = center(destroy(five, "two"))
    expect(destroy(five, "two")).to_have_css("opacity", "0")
    tap(five, x, y)
    expect(destroy(five, "two")).to_have_css("opacity", "1")
    expect(destroy(five, "two")).not_to_be_focused()
    expect(shown(five)).to_have_text(FIVE)
    five.wait_for_timeout(600)  # else the second tap is the second click of a double click
    tap(five, x, y)
    expect(shown(five)).to_have_text(["one", "three", "four", "five"])


def tap(page, x, y):
    """Tap a touch screen beside which there is a mouse (Playwright's own has none)."""
    session = page.context.new_cdp_session(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_touch_screen_sees_all_buttons_at_once(site, open_page):
    site.add("one")
    page = open_page(site.url, has_touch=True)
    expect(destroy(page, "one")).to_have_css("opacity", "1")
    page.touchscreen.tap(*center(destroy(page, "one")))
    expect(shown(page)).to_have_count(0)


# The click that ends an edit


def long_page(site, open_page):
    site.add(LONG, "second", "third")
    site.add("done", completed=True)
    return open_page(site.url)


def test_the_editor_of_a_long_title_shows_it_as_it_was(site, open_page):
    page = long_page(site, open_page)
    before, below = row(page, LONG.strip()).bounding_box(), row(page, "second").bounding_box()
    editor = edit(page, LONG.strip())
    assert shown(page).first.bounding_box() == before
    assert row(page, "second").bounding_box() == below
    assert editor.evaluate("(editor) => editor.scrollHeight <= editor.clientHeight")


@pytest.mark.parametrize("typed", ["short", LONG * 2, "", "  x  "])
def test_the_click_that_ends_an_edit_hits(site, open_page, typed):
    page = long_page(site, open_page)
    for control in [row(page, "second").locator(".toggle"), page.get_by_role("link", name="Active")]:
        edit(page, shown(page).first.inner_text()).fill(typed or "x")
        if not typed:
            page.locator(".edit").fill("")
        control.scroll_into_view_if_needed()
        page.mouse.move(*center(control))
        page.mouse.down()
        page.wait_for_timeout(50)  # as long as a finger takes
        page.mouse.up()
        expect(page.locator(".edit")).to_have_count(0)
    assert page.url.endswith("#/active")
    settle(page)
    first, *rest = site.todos
    assert first["title"] == typed.strip() or not typed
    assert {todo["title"]: todo["completed"] for todo in rest}.get("second", True)


def test_the_delete_of_another_row_ends_an_edit(site, open_page):
    page = long_page(site, open_page)
    edit(page, LONG.strip()).fill("short")
    page.mouse.click(*center(destroy(page, "second")))
    expect(shown(page)).to_have_text(["short", "third", "done"])
    settle(page)
    assert site.titles == ["short", "third", "done"]


def test_clear_completed_ends_an_edit(site, open_page):
    page = long_page(site, open_page)
    edit(page, LONG.strip()).fill("short")
    page.mouse.click(*center(page.get_by_role("button", name="Clear completed")))
    expect(shown(page)).to_have_text(["short", "second", "third"])


def test_a_press_that_ends_nowhere_saves_as_well(five, site):
    edit(five, "two").fill("deux")
    five.mouse.move(5, 5)
    five.mouse.down()
    expect(five.locator(".edit")).to_have_count(1)
    five.mouse.up()
    expect(row(five, "deux")).to_be_visible()
    settle(five)
    assert site.titles[1] == "deux"


def test_an_input_method_is_not_disturbed_in_an_editor_of_several_lines(site, open_page):
    page = long_page(site, open_page)
    editor = edit(page, LONG.strip())
    session = page.context.new_cdp_session(page)
    editor.press("End")
    session.send("Input.imeSetComposition", {"text": "たなか", "selectionStart": 3, "selectionEnd": 3})
    expect(editor).to_have_value(re.compile("たなか"))
    session.send("Input.insertText", {"text": "田中"})
    page.keyboard.press("Enter")
    settle(page)
    assert "田中" in site.titles[0]


@pytest.mark.parametrize("key", ["Enter", "Shift+Enter"])
def test_enter_saves_with_shift_too(five, site, key):
    edit(five, "two").press("End")
    five.keyboard.type(" and more")
    five.keyboard.press(key)
    settle(five)
    assert site.titles[1] == "two and more"


def test_a_row_grows_as_its_title_is_typed(five):
    editor = edit(five, "two")
    before = shown(five).nth(1).bounding_box()["height"]
    editor.fill(LONG)
    assert shown(five).nth(1).bounding_box()["height"] > before + 60
    assert editor.evaluate("(editor) => editor.scrollHeight <= editor.clientHeight")
    five.keyboard.press("Escape")
    assert shown(five).nth(1).bounding_box()["height"] == before
    expect(shown(five)).to_have_text(FIVE)


def test_a_title_of_several_lines_is_edited_as_it_is(site, open_page):
    site.add("first line\nsecond line")
    page = open_page(site.url)
    page.locator("label").dblclick()
    expect(page.locator(".edit")).to_have_value("first line\nsecond line")
    page.keyboard.press("Enter")
    settle(page)
    assert site.titles == ["first line\nsecond line"]


def test_a_page_that_a_browser_has_translated_can_be_edited(five):
    label = row(five, "two").locator("label")
    label.evaluate("(label) => { label.innerHTML = '<font><font>deux</font></font>'; }")
    five.get_by_text("deux").dblclick()
    expect(five.locator(".edit")).to_have_value("two")


def test_titles_are_not_translated(five):
    expect(row(five, "two").locator("label")).to_have_attribute("translate", "no")
    expect(edit(five, "two")).to_have_attribute("translate", "no")


# Lists that are pasted, titles that cannot be seen


def paste(page, text):
    """Paste by the keyboard, from the clipboard of the machine."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    page.locator(".new-todo").focus()
    page.keyboard.press("Control+V")


def test_a_pasted_list_becomes_todos(page, site):
    paste(page, "milk\r\n\r\n  bread \n\u200b\neggs\n")
    expect(shown(page)).to_have_text(["milk", "bread", "eggs"])
    expect(page.locator(".new-todo")).to_have_value("")
    settle(page)
    assert site.titles == ["milk", "bread", "eggs"]


@pytest.mark.parametrize(("typed", "pasted"), [("", "milk\n"), ("buy ", "milk\nbread")])
def test_one_line_or_what_is_pasted_into_text_is_pasted_as_usual(page, typed, pasted):
    page.locator(".new-todo").fill(typed)
    paste(page, pasted)
    expect(page.locator(".new-todo")).to_have_value(re.compile(f"{typed}milk"))
    expect(shown(page)).to_have_count(0)


@pytest.mark.parametrize("title", INVISIBLE)
def test_a_title_that_cannot_be_seen_is_empty(five, site, title):
    add(five, title, f" {title} ")
    expect(shown(five)).to_have_text(FIVE)
    edit(five, "two").fill(title)
    five.keyboard.press("Enter")
    expect(shown(five)).to_have_count(4)
    settle(five)
    assert site.titles == ["one", "three", "four", "five"]


def test_a_title_of_another_client_that_cannot_be_seen_has_a_name(site, open_page):
    site.add("\u200b\u2800")
    page = open_page(site.url)
    expect(page.get_by_role("button", name="Delete (no title)")).to_have_count(1)


@pytest.mark.parametrize("title", ["\U0001f468\u200d\U0001f469", "\u200f\u0627\u0628", "\u0301", "0"])
def test_a_title_with_invisible_characters_among_others_is_one(page, site, title):
    add(page, title)
    settle(page)
    assert site.titles == [title]
