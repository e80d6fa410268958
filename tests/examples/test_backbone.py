"""The Backbone example: the tutorial's two lines, what Backbone.sync sends, and the two layers that are put over it."""

import shutil
import subprocess
import urllib.request

import pytest
from command import until
from conftest import ROOT, serve
from readme import span
from steps import add, expect, row

pytest_plugins = ["browser", "served"]

ITEMS = ".todo-list li"


@pytest.fixture
def example(npm):
    return "backbone"


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
    add(page, "three")
    page.locator(ITEMS).nth(1).locator(".toggle").check()
    with page.expect_response("**/todos/0"):
        page.locator(ITEMS).first.hover()
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


# What Backbone.sync sends


def recorded(page):
    """Keep the method, the path, the body and the two headers of each request to the API."""
    sent = []

    def keep(request):
        if "/todos/" in request.url:
            key, tag = (request.headers.get(name) for name in ("idempotency-key", "if-match"))
            sent.append((request.method, request.url.partition("/todos/")[2], request.post_data_json, key, tag))

    page.on("request", keep)
    return sent


def heard_of(page, sent, count):
    """Return the requests once there are so many: Playwright tells of them while it is asked for something."""
    until(lambda: page.evaluate("true") and len(sent) >= count)
    return sent


def test_backbone_sync_sends_what_the_tutorial_says_with_a_key_or_a_tag(page, site):
    sent = recorded(page)
    add(page, "three")
    until(lambda: len(site.todos) == 3)
    saved(page, "app.todos.last().save({ title: 'third' }, { success, error })")
    saved(page, "app.todos.last().fetch({ success, error })")
    saved(page, "app.todos.last().save({ completed: true }, { patch: true, success, error })")
    saved(page, "app.todos.last().destroy({ wait: true, success, error })")
    assert [(method, path, body) for method, path, body, *_ in heard_of(page, sent, 5)] == [
        ("POST", "", {"title": "three", "completed": False}),
        ("PUT", "2", {"title": "third", "completed": False, "id": 2}),
        ("GET", "2", None),
        ("PATCH", "2", {"completed": True}),
        ("DELETE", "2", None),
    ]
    assert [bool(key) for *_, key, tag in sent] == [True, False, False, False, False]
    assert [bool(tag) for *_, key, tag in sent] == [False, True, False, True, True]


def test_the_keys_of_two_todos_differ(page, site):
    sent = recorded(page)
    add(page, "one", "one")
    until(lambda: len(site.todos) == 4)
    (first, second) = [key for *_, key, _ in heard_of(page, sent, 2)]
    assert first != second


def test_what_somebody_else_changed_is_not_written_over(page, site):
    row(page, "one").locator(".toggle").check()
    until(lambda: site.todos[0]["completed"])
    site.send("PATCH", 0, {"title": "changed elsewhere"})
    page.locator(ITEMS).first.locator("label").dblclick()
    page.locator(".editing .edit").fill("changed here")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Somebody else changed it")
    expect(page.locator(f"{ITEMS} label")).to_have_text(["changed elsewhere", "two"])
    assert site.titles == ["changed elsewhere", "two"]
    page.locator(ITEMS).first.locator(".toggle").uncheck()
    until(lambda: not site.todos[0]["completed"])


def test_two_people_change_two_parts_of_a_todo(page, site):
    site.send("PATCH", 0, {"title": "first"})
    row(page, "one").locator(".toggle").click()
    expect(page.locator(f"{ITEMS}.completed label")).to_have_text(["first"])
    assert site.todos[0] == {"title": "first", "completed": True, "id": 0}


def test_a_todo_that_somebody_else_deleted_goes(page, site):
    site.send("DELETE", 0)
    row(page, "one").locator(".toggle").click()
    expect(page.get_by_role("status")).to_contain_text("No todo has this id")
    expect(page.locator(f"{ITEMS} label")).to_have_text(["two"])


def hold(page):
    """Keep the next request that the page sends in a list, until a test lets it go on."""
    held = []
    page.route("**/todos/**", lambda route: route.continue_() if held else held.append(route))
    return held


def wait_for(page, held):
    while not held:
        page.wait_for_timeout(20)


def test_requests_of_one_todo_are_sent_in_turn_without_a_false_conflict(page, site):
    saved(page, "app.todos.get(0).fetch({ success, error })")  # from now on, its tag is known
    held, sent = hold(page), recorded(page)
    for _ in range(3):
        row(page, "one").locator(".toggle").click()
    wait_for(page, held)
    held[0].continue_()
    saved(page, "app.todos.get(0).fetch({ success, error })")
    assert [method for method, *_ in heard_of(page, sent, 4)] == ["PATCH", "PATCH", "PATCH", "GET"]
    assert len({tag for *_, tag in sent[:3]}) == 2  # that of the box unticked, and that of the box ticked
    expect(page.locator(f"{ITEMS}.completed label")).to_have_text(["one"])
    expect(page.get_by_role("status")).to_have_text("")
    assert site.todos[0]["completed"]


def test_what_is_changed_before_a_create_is_answered_follows_it(page, site):
    held, sent = hold(page), recorded(page)
    add(page, "three")
    wait_for(page, held)
    row(page, "three").locator(".toggle").check()
    held[0].continue_()
    with page.expect_response("**/todos/2"):
        pass
    expect(page.locator(f"{ITEMS}.completed label")).to_have_text(["three"])
    expect(page.get_by_role("status")).to_have_text("")
    assert [method for method, *_ in heard_of(page, sent, 2)] == ["POST", "PUT"]
    assert [(todo["title"], todo["completed"]) for todo in site.todos] == [
        ("one", False),
        ("two", False),
        ("three", True),
    ]


def test_a_todo_deleted_before_its_create_is_answered_is_deleted(page, site):
    held = hold(page)
    add(page, "three")
    wait_for(page, held)
    row(page, "three").hover()
    row(page, "three").locator(".destroy").click()
    with page.expect_response("**/todos/2"):
        held[0].continue_()
    expect(page.locator(f"{ITEMS} label")).to_have_text(["one", "two"])
    assert site.titles == ["one", "two"]


# The command


def test_it_installs_what_is_missing_and_serves_it_from_any_folder(tmp_path, npm, open_page):
    for module in ROOT.glob("todomvc*.py"):
        shutil.copy(module, tmp_path)
    for folder in ["static", "templates", "examples/backbone"]:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("node_modules"))
    with serve("--db", ":memory:", cwd=tmp_path, program=tmp_path / "examples/backbone") as process:
        page = open_page(process.url)
        expect(page.locator(".new-todo")).to_be_focused()
        assert page.evaluate("Backbone.VERSION")


def test_it_does_what_the_other_command_does_once_all_is_installed(site, open_page, tmp_path):
    _, program, option, folder = span("python3 todomvc.py --static examples/backbone").split()
    with serve("--db", ":memory:", option, str(ROOT / folder), cwd=tmp_path, program=ROOT / program) as process:
        with urllib.request.urlopen(process.url) as one, urllib.request.urlopen(site.url) as other:
            assert one.read() == other.read()


def test_nothing_of_others_is_committed():
    listed = subprocess.run(["git", "ls-files", "examples"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is not a clone")
    assert [name for name in listed.stdout.splitlines() if "node_modules" in name or "/dist/" in name] == []
