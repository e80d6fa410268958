"""The page in a real browser, through TodoMVC's application specification, point by point."""

import re
import urllib.request

import pytest
from conftest import ROOT
from steps import add, edit, expect, row, settle, shown

pytest_plugins = ["browser"]

ONE, TWO, THREE = "buy some cheese", "feed the cat", "book a doctors appointment"


@pytest.fixture
def three(site, open_page):
    """The page, open on three active todos."""
    site.add(ONE, TWO, THREE)
    return open_page(site.url)


# When the page is opened


def test_the_page_opens_with_the_focus_in_the_input(page):
    expect(page.locator(".new-todo")).to_be_focused()


def test_without_todos_main_and_footer_are_hidden(page):
    expect(page.locator(".main")).to_be_hidden()
    expect(page.locator(".footer")).to_be_hidden()


def test_with_todos_main_and_footer_are_shown(three):
    expect(three.locator(".main")).to_be_visible()
    expect(three.locator(".footer")).to_be_visible()


def test_loading_asks_nothing_of_the_api(site, open_page):
    site.add(ONE)
    page = open_page("about:blank")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.url)
    expect(shown(page)).to_have_text([ONE])
    assert f"{site.url}js/app.js" in asked
    assert f"{site.url}todos/" not in asked


# New todo


def test_enter_appends_the_new_todo_and_clears_the_input(page, site):
    add(page, ONE, TWO)
    expect(shown(page)).to_have_text([ONE, TWO])
    expect(page.locator(".new-todo")).to_have_value("")
    expect(page.locator(".new-todo")).to_be_focused()
    settle(page)
    assert [(todo["title"], todo["completed"]) for todo in site.todos] == [(ONE, False), (TWO, False)]


def test_a_new_todo_is_trimmed(page, site):
    add(page, f"   {ONE}  ")
    settle(page)
    assert site.titles == [ONE]


def test_an_empty_new_todo_is_not_created(page):
    add(page, "   ", ONE)
    expect(shown(page)).to_have_text([ONE])


def test_leaving_the_input_creates_nothing(page):
    page.locator(".new-todo").fill(ONE)
    page.locator(".new-todo").blur()
    expect(page.locator(".new-todo")).to_have_value(ONE)
    expect(shown(page)).to_have_count(0)


def test_an_enter_of_an_input_method_creates_nothing(page):
    page.locator(".new-todo").fill("か")
    page.locator(".new-todo").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    page.locator(".new-todo").dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    expect(page.locator(".new-todo")).to_have_value("か")
    expect(shown(page)).to_have_count(0)


def test_markup_in_a_title_is_shown_as_typed(page):
    title = "</script><img src=x onerror=alert(1)> &amp; $title ${x}"
    add(page, title)
    settle(page)
    page.reload()
    expect(shown(page)).to_have_text([title])
    expect(page.locator(".todo-list img")).to_have_count(0)


# Mark all as complete


def test_toggle_all_completes_every_todo(three, site):
    three.locator(".toggle-all").click()
    expect(three.locator(".todo-list li.completed")).to_have_count(3)
    settle(three)
    assert [todo["completed"] for todo in site.todos] == [True, True, True]


def test_toggle_all_reactivates_every_todo(three):
    three.locator(".toggle-all").check()
    three.locator(".toggle-all").uncheck()
    expect(three.locator(".todo-list li.completed")).to_have_count(0)


def test_toggle_all_follows_the_items(three):
    for title in ONE, TWO, THREE:
        expect(three.locator(".toggle-all")).not_to_be_checked()
        row(three, title).locator(".toggle").check()
    expect(three.locator(".toggle-all")).to_be_checked()
    row(three, TWO).locator(".toggle").uncheck()
    expect(three.locator(".toggle-all")).not_to_be_checked()


def test_toggle_all_sends_only_what_changes(three):
    row(three, TWO).locator(".toggle").check()
    settle(three)
    sent = []
    three.on("request", lambda request: sent.append(request.post_data))
    three.locator(".toggle-all").click()
    settle(three)
    assert [body for body in sent if body] == ['{"completed":true}'] * 2


def test_toggle_all_is_unchecked_after_clear_completed(three):
    three.locator(".toggle-all").check()
    three.locator(".clear-completed").click()
    add(three, ONE)
    expect(three.locator(".toggle-all")).not_to_be_checked()


# Item


def test_an_item_is_completed_and_reactivated_by_its_checkbox(three, site):
    row(three, TWO).locator(".toggle").check()
    expect(row(three, TWO)).to_have_class("completed")
    settle(three)
    assert [todo["completed"] for todo in site.todos] == [False, True, False]
    row(three, TWO).locator(".toggle").uncheck()
    expect(row(three, TWO)).not_to_have_class("completed")


def test_hovering_shows_the_button_that_removes_an_item(three, site):
    button = row(three, TWO).locator(".destroy")
    expect(button).to_have_css("opacity", "0")
    row(three, TWO).hover()
    expect(button).to_have_css("opacity", "1")
    button.click()
    expect(shown(three)).to_have_text([ONE, THREE])
    settle(three)
    assert site.titles == [ONE, THREE]


def test_the_todo_with_id_0_is_a_todo_like_others(three, site):
    row(three, ONE).locator(".toggle").check()
    settle(three)
    assert site.todos[0] == {"title": ONE, "completed": True, "id": 0}
    row(three, ONE).locator(".destroy").click()
    settle(three)
    assert site.titles == [TWO, THREE]


# Editing


def test_a_double_click_on_the_label_opens_the_editor(three):
    editor = edit(three, TWO)
    expect(editor).to_be_focused()
    expect(editor).to_have_value(TWO)
    expect(three.locator(".todo-list li.editing")).to_have_count(1)
    expect(three.locator(".editing .view")).to_be_hidden()


@pytest.mark.parametrize("leave", ["Enter", "Tab"])
def test_enter_and_leaving_save_the_trimmed_title(three, site, leave):
    edit(three, TWO).fill("  feed the dog ")
    three.keyboard.press(leave)
    expect(shown(three)).to_have_text([ONE, "feed the dog", THREE])
    expect(three.locator(".editing")).to_have_count(0)
    settle(three)
    assert site.titles == [ONE, "feed the dog", THREE]


def test_escape_discards_the_edit(three, site):
    edit(three, TWO).fill("feed the dog")
    three.keyboard.press("Escape")
    expect(shown(three)).to_have_text([ONE, TWO, THREE])
    expect(three.locator(".editing")).to_have_count(0)
    settle(three)
    assert site.titles == [ONE, TWO, THREE]


def test_an_emptied_title_deletes_the_todo(three, site):
    edit(three, TWO).fill("   ")
    three.keyboard.press("Enter")
    expect(shown(three)).to_have_text([ONE, THREE])
    settle(three)
    assert site.titles == [ONE, THREE]


def test_an_enter_of_an_input_method_does_not_save(three):
    edit(three, TWO).fill("か")
    three.locator(".edit").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(three.locator(".edit")).to_have_value("か")


def test_an_unchanged_title_is_not_sent(three):
    sent = []
    three.on("request", lambda request: sent.append(request.method))
    edit(three, TWO).press("Enter")
    edit(three, THREE).blur()
    expect(three.locator(".editing")).to_have_count(0)
    assert "PATCH" not in sent


def test_an_edit_sends_the_title_and_nothing_else(three):
    with three.expect_request(lambda request: request.method == "PATCH") as sent:
        edit(three, TWO).fill("feed the dog")
        three.keyboard.press("Enter")
    assert (sent.value.method, sent.value.post_data) == ("PATCH", '{"title":"feed the dog"}')


# Counter


def test_the_counter_counts_active_items_in_the_plural_form(page):
    add(page, ONE)
    expect(page.locator(".todo-count")).to_have_text("1 item left")
    add(page, TWO)
    expect(page.locator(".todo-count")).to_have_text("2 items left")
    page.locator(".toggle-all").click()
    expect(page.locator(".todo-count")).to_have_text("0 items left")
    expect(page.locator(".todo-count strong")).to_have_text("0")


def test_the_title_of_the_page_counts_what_is_left(three):
    expect(three).to_have_title("(3) TodoMVC")
    three.locator(".toggle-all").click()
    expect(three).to_have_title("TodoMVC")


# Clear completed


def test_clear_completed_removes_what_is_completed(three, site):
    row(three, TWO).locator(".toggle").check()
    three.get_by_role("button", name="Clear completed").click()
    expect(shown(three)).to_have_text([ONE, THREE])
    settle(three)
    assert site.titles == [ONE, THREE]


def test_clear_completed_is_hidden_when_nothing_is_completed(three):
    expect(three.locator(".clear-completed")).to_be_hidden()
    row(three, ONE).locator(".toggle").check()
    expect(three.locator(".clear-completed")).to_be_visible()
    row(three, ONE).locator(".toggle").uncheck()
    expect(three.locator(".clear-completed")).to_be_hidden()


# Routing


@pytest.fixture
def mixed(site, open_page):
    """The page, open on one completed todo between two active ones."""
    site.add(ONE)
    site.add(TWO, completed=True)
    site.add(THREE)
    return open_page(site.url)


def selected(page):
    return page.locator(".filters .selected")


@pytest.mark.parametrize(
    ("link", "route", "titles"),
    [("Active", "#/active", [ONE, THREE]), ("Completed", "#/completed", [TWO]), ("All", "#/", [ONE, TWO, THREE])],
)
def test_a_filter_shows_its_todos_and_survives_a_reload(mixed, link, route, titles):
    mixed.goto(mixed.url + "#/completed")
    mixed.get_by_role("link", name=link).click()
    for _ in range(2):
        expect(shown(mixed)).to_have_text(titles)
        expect(selected(mixed)).to_have_text([link])
        assert mixed.url.endswith(route)
        mixed.reload()


def test_the_back_button_goes_back_to_the_filter_before(mixed):
    mixed.get_by_role("link", name="Active").click()
    mixed.get_by_role("link", name="Completed").click()
    mixed.go_back()
    expect(shown(mixed)).to_have_text([ONE, THREE])
    expect(selected(mixed)).to_have_text(["Active"])
    mixed.go_back()
    expect(selected(mixed)).to_have_text(["All"])


def test_an_unknown_route_shows_all(mixed):
    mixed.goto(mixed.url + "#/nonsense")
    expect(shown(mixed)).to_have_count(3)
    expect(selected(mixed)).to_have_text(["All"])


def test_an_item_that_no_longer_matches_the_filter_goes(mixed):
    mixed.get_by_role("link", name="Active").click()
    row(mixed, ONE).locator(".toggle").check()
    expect(shown(mixed)).to_have_text([THREE])
    expect(mixed.locator(".main")).to_be_visible()


def test_an_item_that_is_edited_stays_under_the_filter_with_the_focus(mixed, site):
    mixed.get_by_role("link", name="Active").click()
    editor = edit(mixed, ONE)
    site.send("PATCH", 0, {"completed": True})
    with mixed.expect_response(re.compile("/todos/$")):
        mixed.evaluate("dispatchEvent(new Event('focus'))")
    expect(row(mixed, ONE)).to_have_class(re.compile("completed"))
    expect(editor).to_be_focused()


def test_a_todo_added_under_the_filter_completed_is_not_shown_there(mixed):
    mixed.get_by_role("link", name="Completed").click()
    add(mixed, "new")
    expect(mixed.locator(".todo-count")).to_have_text("3 items left")
    expect(shown(mixed)).to_have_text([TWO])


def test_toggle_all_acts_under_a_filter_on_all(mixed, site):
    mixed.get_by_role("link", name="Completed").click()
    mixed.locator(".toggle-all").check()
    expect(shown(mixed)).to_have_count(3)
    settle(mixed)
    assert all(todo["completed"] for todo in site.todos)


# Persistence


def test_a_reload_shows_every_change(three):
    row(three, ONE).locator(".toggle").check()
    edit(three, TWO).fill("feed the dog")
    three.keyboard.press("Enter")
    row(three, THREE).locator(".destroy").click()
    add(three, "fourth")
    settle(three)
    three.reload()
    expect(shown(three)).to_have_text([ONE, "feed the dog", "fourth"])
    expect(row(three, ONE)).to_have_class("completed")


def test_editing_mode_is_not_kept(three):
    edit(three, TWO)
    three.reload()
    expect(three.locator(".editing")).to_have_count(0)


# Todos of other clients


ODD_TITLES = [None, 5, False, ["x"], {"en": "x"}, {"toString": 1}, {"__proto__": None}, "\ud800", "a\nb"]


@pytest.mark.parametrize(
    "fields", [{}, {"completed": "yes"}, {"completed": None}, *[{"title": title} for title in ODD_TITLES]]
)
def test_a_todo_with_odd_fields_is_shown_and_keeps_them(site, open_page, fields):
    todo = site.send("POST", body={"note": {"x": [1]}, **fields})
    page = open_page(site.url)
    edit_button = page.locator(".rename")
    edit_button.focus()
    edit_button.press("Enter")
    page.locator(".edit").press("Enter")
    expect(shown(page)).to_have_count(1)
    settle(page)
    assert site.todos == [todo]


def test_a_change_leaves_the_fields_that_others_set(site, open_page):
    [todo] = site.add(ONE, note="of another client", order=3)
    page = open_page(site.url)
    row(page, ONE).locator(".toggle").check()
    settle(page)
    assert site.todos == [{**todo, "completed": True}]


# Guarding the page


def test_the_page_breaks_no_rule_of_its_content_security_policy(site, open_page):
    site.add(ONE)
    page = open_page("about:blank", service_workers="allow")
    broken = []
    page.on("console", lambda message: broken.append(message.text))
    page.goto(site.url)
    edit(page, ONE).press("Escape")
    assert broken == []


def test_without_scripts_the_page_says_what_it_needs(page):
    parsed_without_scripts = (
        "async (url) => new DOMParser().parseFromString(await (await fetch(url)).text(), 'text/html')"
    )
    text = page.evaluate(
        f"({parsed_without_scripts})(location.href).then((page) => page.querySelector('noscript p').innerText)"
    )
    assert "needs JavaScript" in text


# Small


def test_the_whole_client_is_under_40_kb_gzipped(site):
    files = [path.relative_to(ROOT / "static").as_posix() for path in (ROOT / "static").rglob("*.*")]
    sent = {path: size_sent(site.url + path) for path in ["", *files] if not path.endswith((".json", ".png"))}
    assert {"", "css/app.css", "icon.svg", "js/app.js", "js/sync.js"} <= sent.keys()
    assert sum(sent.values()) < 40 * 1024


def size_sent(url):
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return len(answer.read())
