"""The page for every user: axe-core, the keyboard alone, screen readers, phones, long and right-to-left text."""

import pytest
from steps import HIDE, add, edit, expect, row, settle, shown

pytest_plugins = ["browser"]

LONG = "a very long title without end " * 20 + "x" * 300
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def axe(node_modules):
    """Give what axe-core finds wrong with a page, WCAG 2.2 AA and its best practices."""
    source = (node_modules / "axe-core" / "axe.min.js").read_text()

    def violations(page):
        page.evaluate(source)
        found = page.evaluate("(tags) => axe.run({ runOnly: tags })", WCAG)["violations"]
        return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]

    return violations


def empty(page, site):
    pass


def full(page, site):
    site.add("buy milk", "اشترِ الحليب", LONG)
    site.add("done", completed=True)
    page.reload()
    row(page, "buy milk").hover()


def editing(page, site):
    full(page, site)
    edit(page, "buy milk")


def offered(page, site):
    full(page, site)
    row(page, "buy milk").locator(".destroy").click()
    page.get_by_role("button", name="Undo").focus()


def fulfill_refusal(route):
    if route.request.method == "GET":
        return route.continue_()
    headers = {"Todo-List": route.request.headers["todo-list"]}
    return route.fulfill(status=400, headers=headers, json={"detail": "Not today."})


def in_trouble(page, site):
    full(page, site)
    page.route("**/todos/*", lambda route: fulfill_refusal(route))
    edit(page, "buy milk").fill("buy tea")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("buy tea").wait_for()
    page.unroute_all(behavior="wait")
    page.route("**/todos/*", lambda route: route.abort())
    row(page, "done").locator(".toggle").uncheck()
    page.get_by_role("status").get_by_text("not saved yet").wait_for()


def asked(page, site):
    full(page, site)
    page.context.set_offline(True)
    edit(page, "buy milk").fill("buy tea")
    page.keyboard.press("Enter")
    row(page, "done").locator(".destroy").click()
    page.evaluate(HIDE)  # the offer to take it back ends
    for todo, title in zip(site.todos[:1] + site.todos[-1:], ["buy oats", "done again"], strict=True):
        site.send("PATCH", todo["id"], {"title": title})
    page.context.set_offline(False)
    page.get_by_role("button", name="Use mine").wait_for()
    page.get_by_role("button", name="Keep it").wait_for()


def for_another_list(page, site):
    full(page, site)
    record = '{"type": "create", "todoKey": "x", "fields": {"title": "for another list"}, "after": -1}'
    page.evaluate("(record) => localStorage.setItem('todomvc /todos/ elsewhere 1 x', record)", record)
    page.reload()
    page.get_by_text("Show").click()
    page.route("**/todos/", lambda route: route.fulfill(json=[], headers={"Todo-List": "elsewhere"}))
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.get_by_role("button", name="Copy these todos").wait_for()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")  # the line is over no row there


VIEWS = {
    "phone": {"viewport": {"width": 320, "height": 640}, "has_touch": True},
    "desktop": {"viewport": {"width": 1600, "height": 900}},
    "zoomed to 200 %": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
}


SCHEMES = {"light": {}, "dark": {"color_scheme": "dark"}, "forced colours": {"forced_colors": "active"}}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("state", [empty, full, editing, offered, in_trouble, asked, for_another_list])
def test_axe_finds_no_violation(site, open_page, axe, state, view, scheme):
    page = open_page(site.url, reduced_motion="reduce", **SCHEMES[scheme], **VIEWS[view])
    state(page, site)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# By keyboard alone


@pytest.fixture
def three(site, open_page):
    site.add("one", "two", "three")
    return open_page(site.url)


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_a_todo_is_added_completed_edited_and_deleted_by_keyboard(page, site):
    page.keyboard.type("one")
    press(page, "Enter", "Tab", "Tab")
    expect(page.get_by_role("checkbox", name="one")).to_be_focused()
    press(page, "Space", "Tab", "Enter")
    expect(page.locator(".edit")).to_be_focused()
    press(page, "End")
    page.keyboard.type(" more")
    press(page, "Enter")
    settle(page)
    assert [(todo["title"], todo["completed"]) for todo in site.todos] == [("one more", True)]
    expect(page.get_by_role("button", name="Edit one more")).to_be_focused()
    press(page, "Tab", "Enter")
    settle(page)
    assert site.todos == []


def test_a_filter_is_chosen_by_keyboard(three):
    three.get_by_role("link", name="All").focus()
    press(three, "Tab", "Enter")
    expect(three.get_by_role("link", name="Active")).to_have_attribute("aria-current", "page")


def test_after_the_last_delete_the_focus_is_in_the_input(page):
    add(page, "one")
    page.get_by_role("button", name="Delete one").focus()
    press(page, "Enter")
    expect(page.locator(".new-todo")).to_be_focused()


def test_a_todo_that_leaves_the_filter_hands_the_focus_on(three):
    three.get_by_role("link", name="Active").click()
    three.get_by_role("checkbox", name="one").focus()
    press(three, "Space")
    expect(row(three, "two")).to_be_focused()
    press(three, "Tab")
    expect(three.get_by_role("checkbox", name="two")).to_be_focused()


def test_after_clear_completed_the_focus_is_not_lost(three):
    three.get_by_role("checkbox", name="one").check()
    three.get_by_role("button", name="Clear completed").focus()
    press(three, "Enter")
    expect(row(three, "two")).to_be_focused()


def test_escape_gives_the_focus_back_to_the_edit_button(three):
    three.get_by_role("button", name="Edit two").focus()
    press(three, "Enter", "Escape")
    expect(three.get_by_role("button", name="Edit two")).to_be_focused()


def test_one_sees_where_the_focus_is(three):
    unseen = []
    for _ in range(14):
        outline, opacity = three.evaluate(
            "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.opacity]; }"
        )
        if (outline, opacity) != ("solid", "1"):
            unseen.append(three.evaluate("document.activeElement.outerHTML"))
        press(three, "Tab")
    assert unseen == []


# For screen readers


def test_the_count_is_a_live_region(three):
    expect(three.locator(".todo-count")).to_have_attribute("aria-live", "polite")


def test_every_control_has_a_name(three):
    for role, name in [("textbox", "What needs to be done?"), ("checkbox", "Mark all as complete"), ("list", None)]:
        expect(three.get_by_role(role, name=name).first).to_be_visible()
    for title in "one", "two", "three":
        expect(three.get_by_role("checkbox", name=title)).to_have_count(1)
        expect(three.get_by_role("button", name=f"Delete {title}")).to_have_count(1)


def test_the_editor_has_a_name(three):
    edit(three, "one")
    expect(three.get_by_role("textbox", name="Title")).to_be_focused()


def test_the_input_has_a_name_of_its_own(page):
    page.locator(".new-todo").evaluate("(input) => input.removeAttribute('placeholder')")
    expect(page.locator(".new-todo")).to_have_accessible_name("What needs to be done?")


def test_a_todo_without_a_title_has_a_name(site, open_page):
    site.send("POST", body={})
    page = open_page(site.url)
    expect(page.get_by_role("checkbox", name="(no title)")).to_be_visible()


def test_toggle_all_acts_by_its_label(three):
    three.get_by_label("Mark all as complete").check()
    expect(three.locator(".completed")).to_have_count(3)


# For every device


def test_right_to_left_text_reads_from_the_right(page):
    add(page, "اشترِ الحليب", "buy milk")
    expect(row(page, "اشترِ الحليب").locator("label")).to_have_css("direction", "rtl")
    expect(row(page, "buy milk").locator("label")).to_have_css("direction", "ltr")


def test_a_very_long_title_wraps(site, open_page):
    page = open_page(site.url, viewport={"width": 320, "height": 640})
    add(page, LONG)
    assert shown(page).bounding_box()["height"] > 300
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert page.locator("li label").evaluate("(label) => label.scrollWidth <= label.clientWidth")


def test_on_a_phone_the_buttons_are_seen_and_large_enough(site, open_page):
    site.add("one")
    site.add("two", completed=True)
    page = open_page(site.url, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    for control in page.locator(".toggle, .rename, .destroy, .toggle-all, .filters a, .clear-completed").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 32
        expect(control).to_have_css("opacity", "1")


@pytest.mark.parametrize("selector", [".new-todo", ".edit"])
def test_the_text_of_inputs_is_large_enough_not_to_zoom_on_focus(three, selector):
    edit(three, "one")
    size = three.locator(selector).evaluate("(input) => parseFloat(getComputedStyle(input).fontSize)")
    assert size >= 16


def test_every_target_is_large_enough_with_a_mouse_too(three):
    row(three, "one").locator(".toggle").check()
    for control in three.locator("a:visible, button:visible, input:visible").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 24, control


@pytest.mark.parametrize("selector", [".new-todo", ".edit"])
def test_what_is_typed_from_right_to_left_reads_right(three, selector):
    edit(three, "one")
    three.locator(selector).fill("اشترِ الحليب")
    expect(three.locator(selector)).to_have_css("direction", "rtl")


def test_nothing_forbids_to_zoom(page):
    viewport = page.locator("meta[name=viewport]").get_attribute("content")
    assert "user-scalable" not in viewport
    assert "maximum-scale" not in viewport


def test_nothing_moves_for_who_asked_for_less_motion(site, open_page):
    site.add("one")
    duration = "() => getComputedStyle(document.querySelector('.todo-list label')).transitionDuration"
    assert open_page(site.url, reduced_motion="no-preference").evaluate(duration) != "0s"
    assert open_page(site.url, reduced_motion="reduce").evaluate(duration) == "0s"


def test_the_page_follows_the_preferred_colours(site, open_page):
    colours = [open_page(site.url, color_scheme=scheme).locator("body") for scheme in ("light", "dark")]
    light, dark = [body.evaluate("(body) => getComputedStyle(body).backgroundColor") for body in colours]
    assert light != dark


def test_the_page_has_an_icon(page):
    icon = page.locator("link[rel=icon]").evaluate("(link) => fetch(link.href).then((answer) => answer.ok)")
    assert icon
