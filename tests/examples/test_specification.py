"""The examples in a real browser, through TodoMVC's application specification, point by point."""

import re

import pytest
from command import until
from steps import add, edit, expect, row, shown

pytest_plugins = ["browser", "served"]

ONE, TWO, THREE = "buy some cheese", "feed the cat", "book a doctors appointment"


@pytest.fixture
def page(site, open_page):
    return open_page(site.url)


@pytest.fixture
def three(site, open_page):
    """The page, open on three active todos."""
    site.add(ONE, TWO, THREE)
    return open_page(site.url)


@pytest.fixture
def mixed(site, open_page):
    """The page, open on one completed todo between two active ones."""
    site.add(ONE)
    site.add(TWO, completed=True)
    site.add(THREE)
    return open_page(site.url)


def saved(site, *titles, completed=None):
    """Wait until the server has these todos."""
    until(lambda: site.titles == list(titles))
    if completed is not None:
        until(lambda: [todo["completed"] for todo in site.todos] == completed)


def selected(page):
    return page.locator(".filters .selected")


# No todos


def test_without_todos_main_and_footer_are_hidden(page):
    expect(page.locator(".new-todo")).to_be_visible()
    expect(page.locator(".main")).to_be_hidden()
    expect(page.locator(".footer")).to_be_hidden()


# New todo


def test_the_page_opens_with_the_focus_in_the_input(page):
    expect(page.locator(".new-todo")).to_be_focused()


def test_enter_appends_the_trimmed_todo_and_clears_the_input(page, site):
    add(page, ONE, f"  {TWO} ")
    expect(shown(page)).to_contain_text([ONE, TWO])
    expect(page.locator(".new-todo")).to_have_value("")
    expect(page.locator(".main")).to_be_visible()
    expect(page.locator(".footer")).to_be_visible()
    saved(site, ONE, TWO, completed=[False, False])


def test_an_empty_new_todo_is_not_created(page, site):
    add(page, "   ", ONE)
    expect(shown(page)).to_have_count(1)
    saved(site, ONE)


def test_markup_in_a_title_is_shown_as_typed(page, site):
    title = "</script><img src=x onerror=alert(1)> &amp; $todos ${x} <%= 1 %>"
    add(page, title)
    saved(site, title)
    page.reload()
    expect(page.locator(".todo-list label")).to_have_text([title])
    expect(page.locator(".todo-list img")).to_have_count(0)


# Mark all as complete


def toggle_all(page):
    page.locator(".toggle-all").dispatch_event("click")  # TodoMVC's style sheet hides it behind its label


def test_toggle_all_completes_and_reactivates_every_todo(three, site):
    toggle_all(three)
    expect(three.locator(".todo-list li.completed")).to_have_count(3)
    saved(site, ONE, TWO, THREE, completed=[True] * 3)
    toggle_all(three)
    expect(three.locator(".todo-list li.completed")).to_have_count(0)
    saved(site, ONE, TWO, THREE, completed=[False] * 3)


def test_toggle_all_follows_the_items(three):
    for title in ONE, TWO, THREE:
        expect(three.locator(".toggle-all")).not_to_be_checked()
        row(three, title).locator(".toggle").check()
    expect(three.locator(".toggle-all")).to_be_checked()
    row(three, TWO).locator(".toggle").uncheck()
    expect(three.locator(".toggle-all")).not_to_be_checked()


def test_toggle_all_is_cleared_after_clear_completed(three):
    toggle_all(three)
    three.locator(".clear-completed").click()
    expect(shown(three)).to_have_count(0)
    add(three, ONE)
    expect(three.locator(".toggle-all")).not_to_be_checked()


# Item


def test_an_item_is_completed_and_reactivated_by_its_checkbox(three, site):
    row(three, TWO).locator(".toggle").check()
    expect(row(three, TWO)).to_have_class("completed")
    saved(site, ONE, TWO, THREE, completed=[False, True, False])
    row(three, TWO).locator(".toggle").uncheck()
    expect(row(three, TWO)).not_to_have_class("completed")
    saved(site, ONE, TWO, THREE, completed=[False] * 3)


def test_hovering_shows_the_button_that_removes_an_item(three, site):
    button = row(three, TWO).locator(".destroy")
    expect(button).to_be_hidden()
    row(three, TWO).hover()
    expect(button).to_be_visible()
    button.click()
    expect(shown(three)).to_contain_text([ONE, THREE])
    saved(site, ONE, THREE)


def test_the_todo_with_id_0_is_a_todo_like_others(three, site):
    row(three, ONE).locator(".toggle").check()
    saved(site, ONE, TWO, THREE, completed=[True, False, False])
    row(three, ONE).hover()
    row(three, ONE).locator(".destroy").click()
    saved(site, TWO, THREE)


# Editing


def test_a_double_click_on_the_label_opens_the_editor(three):
    editor = edit(three, TWO)
    editor = three.locator(".editing .edit")
    expect(editor).to_be_focused()
    expect(editor).to_have_value(TWO)
    expect(three.locator(".todo-list li.editing")).to_have_count(1)
    expect(three.locator(".editing .toggle")).to_be_hidden()
    expect(three.locator(".editing .destroy")).to_be_hidden()


@pytest.mark.parametrize("leave", ["Enter", "Tab"])
def test_enter_and_leaving_save_the_trimmed_title(three, site, leave):
    edit(three, TWO)
    three.locator(".editing .edit").fill("  feed the dog ")
    three.keyboard.press(leave)
    expect(three.locator(".todo-list label")).to_have_text([ONE, "feed the dog", THREE])
    expect(three.locator(".editing")).to_have_count(0)
    saved(site, ONE, "feed the dog", THREE)


def test_escape_discards_the_edit(three, site):
    edit(three, TWO)
    three.locator(".editing .edit").fill("feed the dog")
    three.keyboard.press("Escape")
    expect(three.locator(".todo-list label")).to_have_text([ONE, TWO, THREE])
    expect(three.locator(".editing")).to_have_count(0)
    row(three, ONE).locator(".toggle").check()
    saved(site, ONE, TWO, THREE, completed=[True, False, False])


def test_an_emptied_title_deletes_the_todo(three, site):
    edit(three, TWO)
    three.locator(".editing .edit").fill("   ")
    three.keyboard.press("Enter")
    expect(three.locator(".todo-list label")).to_have_text([ONE, THREE])
    saved(site, ONE, THREE)


# Counter


def test_the_counter_counts_active_items_in_the_plural_form(page):
    add(page, ONE)
    expect(page.locator(".todo-count")).to_have_text(re.compile(r"^\s*1\s+item\s+left\s*$"))
    add(page, TWO)
    expect(page.locator(".todo-count")).to_have_text(re.compile(r"^\s*2\s+items\s+left\s*$"))
    toggle_all(page)
    expect(page.locator(".todo-count")).to_have_text(re.compile(r"^\s*0\s+items\s+left\s*$"))
    expect(page.locator(".todo-count strong")).to_have_text("0")


# Clear completed


def test_clear_completed_removes_what_is_completed_and_is_hidden_then(three, site):
    expect(three.locator(".clear-completed")).to_be_hidden()
    row(three, TWO).locator(".toggle").check()
    three.get_by_role("button", name="Clear completed").click()
    expect(three.locator(".todo-list label")).to_have_text([ONE, THREE])
    expect(three.locator(".clear-completed")).to_be_hidden()
    saved(site, ONE, THREE)


# Persistence


def test_a_reload_shows_every_change(three, site):
    row(three, ONE).locator(".toggle").check()
    edit(three, TWO)
    three.locator(".editing .edit").fill("feed the dog")
    three.keyboard.press("Enter")
    row(three, THREE).hover()
    row(three, THREE).locator(".destroy").click()
    add(three, "fourth")
    saved(site, ONE, "feed the dog", "fourth", completed=[True, False, False])
    three.reload()
    expect(three.locator(".todo-list label")).to_have_text([ONE, "feed the dog", "fourth"])
    expect(row(three, ONE)).to_have_class("completed")


def test_editing_mode_is_not_kept(three):
    edit(three, TWO)
    three.reload()
    expect(shown(three)).to_have_count(3)
    expect(three.locator(".editing")).to_have_count(0)


# Routing


@pytest.mark.parametrize(
    ("link", "route", "titles"),
    [("Active", "#/active", [ONE, THREE]), ("Completed", "#/completed", [TWO]), ("All", "#/", [ONE, TWO, THREE])],
)
def test_a_filter_shows_its_todos_and_survives_a_reload(mixed, link, route, titles):
    mixed.goto(mixed.url + "#/completed")
    mixed.get_by_role("link", name=link, exact=True).click()
    for _ in range(2):
        expect(shown(mixed)).to_contain_text(titles)
        expect(shown(mixed)).to_have_count(len(titles))
        expect(selected(mixed)).to_have_text([link])
        assert mixed.url.endswith(route)
        mixed.reload()


def test_the_back_button_goes_back_to_the_filter_before(mixed):
    expect(selected(mixed)).to_have_text(["All"])
    mixed.get_by_role("link", name="Active").click()
    expect(selected(mixed)).to_have_text(["Active"])
    mixed.get_by_role("link", name="Completed").click()
    expect(selected(mixed)).to_have_text(["Completed"])
    mixed.go_back()
    expect(shown(mixed)).to_contain_text([ONE, THREE])
    expect(selected(mixed)).to_have_text(["Active"])


def test_an_item_that_no_longer_matches_the_filter_goes(mixed):
    mixed.get_by_role("link", name="Active").click()
    expect(selected(mixed)).to_have_text(["Active"])
    row(mixed, ONE).locator(".toggle").click()
    expect(shown(mixed)).to_have_count(1)
    expect(shown(mixed)).to_contain_text([THREE])
    expect(mixed.locator(".main")).to_be_visible()


# The server


def test_loading_shows_the_todos_that_came_with_the_page(site, open_page):
    site.add(ONE)
    page = open_page("about:blank")
    page.route("**/todos/", lambda route: route.abort())
    page.goto(site.url)
    expect(page.locator(".todo-list label")).to_have_text([ONE])


def test_the_page_says_when_the_server_is_away_and_sends_when_it_is_back(three, site):
    expect(shown(three)).to_have_count(3)
    with site.stopped():
        add(three, "fourth")
        expect(three.get_by_role("status")).to_contain_text("The server is away")
        row(three, ONE).locator(".toggle").check()
        edit(three, TWO)
        three.locator(".editing .edit").fill("feed the dog")
        three.keyboard.press("Enter")
        row(three, "fourth").locator(".toggle").check()
        expect(row(three, "fourth")).to_have_class("completed")
    saved(site, ONE, "feed the dog", THREE, "fourth", completed=[True, False, False, True])
    expect(three.get_by_role("status")).to_have_text("")
    three.reload()
    expect(three.locator(".todo-list label")).to_have_text([ONE, "feed the dog", THREE, "fourth"])


def test_a_create_whose_answer_is_lost_makes_one_todo(page, site):
    lost = []

    def lose(route):
        if route.request.method != "POST" or lost:
            return route.continue_()
        lost.append(route.fetch())
        return route.abort()

    page.route("**/todos/", lose)
    add(page, ONE, TWO)
    while len(site.titles) < 2:
        page.wait_for_timeout(50)
    assert site.titles == [ONE, TWO]
    assert lost


def test_what_the_server_refuses_is_said(page, site):
    add(page, "x" * 1_100_000)
    expect(page.get_by_role("status")).to_contain_text("was not saved")
    expect(shown(page)).to_have_count(0)
    assert site.todos == []
