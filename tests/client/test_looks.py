"""What is seen and what is read aloud: TodoMVC's look, forced colours, large text, print, the accessibility tree."""

import itertools

import pytest
from steps import add, edit, expect, row, settle, shown

pytest_plugins = ["browser"]

LONG = "a very long title without end " * 8


@pytest.fixture
def mixed(site, open_page):
    """Open the page on two active todos and a completed one."""

    def open_mixed(**options):
        site.add("one", LONG)
        site.add("three", completed=True)
        return open_page(site.url, **options)

    return open_mixed


def style(locator, name, pseudo=None):
    return locator.evaluate("(element, [name, pseudo]) => getComputedStyle(element, pseudo)[name]", [name, pseudo])


def box(locator):
    return locator.bounding_box()


# Looks


@pytest.mark.parametrize("width", [320, 360, 431, 497, 640, 1280])
def test_the_filters_stay_where_they_are_when_the_first_todo_is_done(site, open_page, width):
    site.add("one", "two")
    page = open_page(site.url, viewport={"width": width, "height": 800})
    filters, card = page.locator(".filters"), page.locator(".todoapp")
    before = box(filters)
    row(page, "one").locator(".toggle").check()
    expect(page.get_by_role("button", name="Clear completed")).to_be_visible()
    assert box(filters) == before
    assert abs(before["x"] + before["width"] / 2 - box(card)["x"] - box(card)["width"] / 2) <= 1


def test_the_heading_is_thin(page):
    heading = page.get_by_role("heading", name="todos")
    assert int(style(heading, "fontWeight")) <= 200
    assert style(heading, "fontFamily").startswith('"Helvetica Neue"')


def test_sheets_of_paper_lie_under_the_list(mixed):
    page = mixed()
    assert style(page.locator(".footer"), "boxShadow", "::before").count("px") >= 5 * 4


def test_the_ring_of_the_empty_field_does_not_cry_wolf(page):
    field, button = page.locator(".new-todo"), page.locator(".destroy")
    expect(field).to_be_focused()
    assert style(field, "outlineWidth") == "2px"
    red, green, blue = colour(style(field, "outlineColor"))
    assert max(red, green, blue) - min(red, green, blue) < 20
    expect(button).to_have_count(0)


def colour(rgb):
    return [float(part) for part in rgb.removeprefix("rgb(").removesuffix(")").split(",")[:3]]


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_the_placeholder_is_not_cut(site, open_page, width):
    page = open_page(site.url, viewport={"width": width, "height": 640})
    needed, room = page.locator(".new-todo").evaluate(
        """(field) => {
          const { fontFamily, fontWeight } = getComputedStyle(field);
          const { fontSize } = getComputedStyle(field, '::placeholder');
          const { paddingLeft, paddingRight } = getComputedStyle(field);
          const context = document.createElement('canvas').getContext('2d');
          context.font = `italic ${fontWeight} ${fontSize} ${fontFamily}`;
          const room = field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
          return [context.measureText(field.placeholder).width, room];
        }"""
    )
    assert needed <= room


def test_symbols_are_drawn_and_none_is_typed(mixed):
    page = mixed()
    symbols = {
        ".toggle-all": "::before",
        ".destroy": "::before",
        ".rename": "::before",
        ".completed .toggle": "::after",
    }
    positions = set()
    for selector, pseudo in symbols.items():
        element = page.locator(selector).first
        assert style(element, "content", pseudo) == '""'
        assert "symbols.svg" in style(element, "maskImage", pseudo)
        positions.add(style(element, "maskPosition", pseudo))
    assert len(positions) == len(symbols)
    assert page.evaluate("fetch('/symbols.svg').then(({ ok }) => ok)")


def test_buttons_that_are_not_seen_take_little_of_a_narrow_title(site, open_page):
    site.add("one")
    page = open_page(site.url, viewport={"width": 320, "height": 640})
    assert box(shown(page))["width"] - box(page.locator("li label"))["width"] - 60 <= 44


# Forced colours


def painted(page, locator):
    """The pixels of an element, as bytes."""
    return page.screenshot(clip=box(locator), animations="disabled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_tell_done_from_open_and_the_chosen_filter_from_the_others(mixed, scheme):
    page = mixed(forced_colors="active", color_scheme=scheme)
    page.mouse.move(1, 1)
    open_box, done_box = [row(page, title).locator(".toggle") for title in ("one", "three")]
    assert style(open_box, "content", "::after") in ("none", "normal", '""')
    assert style(open_box, "maskImage", "::after") == "none"
    assert "symbols.svg" in style(done_box, "maskImage", "::after")
    assert style(done_box, "backgroundColor", "::after") != style(page.locator("body"), "backgroundColor")
    assert painted(page, open_box) != painted(page, done_box)
    widths = [style(link, "borderTopWidth") for link in page.locator(".filters a").all()]
    assert widths == ["2px", "0px", "0px"]


def test_no_state_is_shown_by_transparency_alone(mixed):
    page = mixed()
    transparent = page.evaluate(
        """() => [...document.querySelectorAll('a, input, label, li')].flatMap((element) =>
          [null, '::before', '::after'].filter((pseudo) => {
            const { color, borderColor, borderWidth, content } = getComputedStyle(element, pseudo);
            if (pseudo && content === 'none') return false;
            return /, 0\\)$/.test(color) || (parseFloat(borderWidth) && /, 0\\)$/.test(borderColor));
          }).map((pseudo) => element.outerHTML + pseudo))"""
    )
    assert transparent == []


# Text at 200 %


@pytest.mark.parametrize("width", [640, 1280])
def test_with_text_of_twice_the_size_nothing_overlaps_and_nothing_is_cut(mixed, width):
    page = mixed(viewport={"width": width, "height": 1000})
    before = box(page.locator("h1"))
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    field = page.locator(".new-todo")
    assert box(page.locator("h1"))["height"] > 1.5 * before["height"]
    parts = ["h1", ".new-todo", "li:nth-child(1)", "li:nth-child(2)", "li:nth-child(3)", ".footer"]
    boxes = [box(page.locator(".todo-list " * part.startswith("li") + part)) for part in parts]
    for above, below in itertools.pairwise(boxes):
        assert above["y"] + above["height"] <= below["y"] + 1
    footer = [box(page.locator(part)) for part in (".todo-count", ".filters", ".clear-completed")]
    for one in footer:
        for other in footer:
            assert one == other or not overlaps(one, other)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = "(element) => element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight + 1"
    for part in [field, *page.locator("li label, .filters a, .clear-completed").all()]:
        assert not part.evaluate(cut), part


def overlaps(one, other):
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def test_every_size_of_text_follows_the_browsers_setting(mixed):
    page = mixed()
    sizes = "() => [...document.querySelectorAll('*')].map((element) => parseFloat(getComputedStyle(element).fontSize))"
    before = page.evaluate(sizes)
    page.evaluate("document.documentElement.style.fontSize = '32px'")
    body = [
        (one, other) for one, other in zip(before, page.evaluate(sizes), strict=True) if abs(other - 2 * one) > 0.01
    ]
    assert body == []


# Print


def test_the_list_is_printed_without_controls(mixed):
    page = mixed()
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="todos")).to_be_visible()
    expect(page.locator("li label:visible")).to_have_count(3)
    expect(page.locator("input:visible, button:visible, a:visible")).to_have_count(0)
    expect(row(page, "three").locator("label")).to_have_css("text-decoration-line", "line-through")


# The tree that screen readers get


def tree(page):
    """The accessibility tree: role, name and children's roles of each node that is not ignored."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}

    def children(node):
        for child in (by_id[id] for id in node.get("childIds", []) if id in by_id):
            yield from children(child) if child["ignored"] else [child]

    return [
        (
            node["role"]["value"],
            node.get("name", {}).get("value", ""),
            [child["role"]["value"] for child in children(node)],
        )
        for node in nodes
        if not node["ignored"]
    ]


def lists(page):
    return {name: children for role, name, children in tree(page) if role == "list"}


def test_the_todos_are_one_list_with_their_number(site, open_page):
    for number in range(200):
        site.add(f"todo {number}", completed=number == 100)
    page = open_page(site.url)
    expect(page.locator(".todo-list li")).to_have_count(200)
    expect(row(page, "todo 0")).to_have_attribute("aria-setsize", "200")
    said = shown(page).evaluate_all("(rows) => rows.slice(0, 10).map((row) => row.ariaPosInSet)")
    assert said == [str(place) for place in range(1, 11)]
    names = lists(page)
    assert names.keys() == {"Todos", "Show"}
    assert {*names["Todos"], *names["Show"]} == {"listitem"}
    row(page, "todo 199").scroll_into_view_if_needed()
    expect(row(page, "todo 199")).to_have_attribute("aria-posinset", "200")
    add(page, "new")
    row(page, "new").scroll_into_view_if_needed()
    expect(row(page, "new")).to_have_attribute("aria-posinset", "201")
    expect(row(page, "new")).to_have_attribute("aria-setsize", "201")
    page.get_by_role("link", name="Completed").click()
    expect(row(page, "todo 100")).to_have_attribute("aria-setsize", "1")
    assert lists(page) == {"Todos": ["listitem"], "Show": ["listitem"] * 3}
    page.get_by_role("link", name="Active").click()
    expect(row(page, "todo 0")).to_have_attribute("aria-setsize", "200")


def test_lists_keep_their_role_without_their_bullets(mixed):
    page = mixed()
    for part in (".todo-list", ".filters"):
        expect(page.locator(part)).to_have_attribute("role", "list")
    expect(page.locator(".todo-list ul").first).to_have_attribute("role", "none")
    expect(page.locator(".todo-list li").first).to_have_attribute("role", "listitem")


WATCH_COUNT = """() => {
  window.spoken = [];
  const count = document.querySelector('.todo-count');
  new MutationObserver(() => window.spoken.push(count.textContent))
    .observe(count, { childList: true, characterData: true, subtree: true });
}"""


def test_the_count_is_read_as_a_sentence_and_only_when_it_has_changed(mixed):
    page = mixed()
    count = page.locator(".todo-count")
    expect(count).to_have_attribute("aria-live", "polite")
    expect(count).to_have_attribute("aria-atomic", "true")
    page.evaluate(WATCH_COUNT)
    edit(page, "one").fill("uno")
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate("window.spoken") == []
    add(page, "new")
    expect(count).to_have_text("3 items left")
    assert page.evaluate("window.spoken") == ["3 items left"]
