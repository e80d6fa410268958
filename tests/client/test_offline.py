"""The page when the server is away from the start: what the service worker keeps, and when it goes."""

import contextlib
import os
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT, call, client_of, serve
from steps import Site, add, edit, expect, row, settle, shown
from test_undo import wait_for

from todomvc import TodoMVC

pytest_plugins = ["browser"]

WORKER = "() => navigator.serviceWorker.getRegistration().then((worker) => Boolean(worker?.active))"
CACHES = "() => caches.keys()"
KEPT = """async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      kept[new URL(request.url).pathname] = await (await cache.match(request)).text();
    }
  }
  return kept;
}"""


class Place:
    """An address at which servers come and go."""

    def __init__(self, folder):
        self.folder, self.port = folder, "0"

    @contextlib.contextmanager
    def serving(self, *options, **environ):
        arguments = ["--port", self.port, "--db", "todos.db", *options]
        with serve(*arguments, cwd=self.folder, **environ) as process:
            self.url, self.port = process.url, process.url.rsplit(":", 1)[1].strip("/")
            yield Site(process.url)

    @contextlib.contextmanager
    def answering(self, status, body="<h1>Something else</h1>", **headers):
        """Answer all requests so, as a proxy or another application does."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/" else 200)
                for name, value in {"Content-Type": "text/html", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", int(self.port)), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
        server.server_close()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def browser(chromium, tmp_path):
    """Start the browser over one profile, as often as asked."""

    @contextlib.contextmanager
    def start():
        options = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"]}
        context = chromium.browser_type.launch_persistent_context(str(tmp_path / "profile"), **options)
        context.set_default_timeout(15_000)
        yield context.pages[0]
        context.close()

    return start


def visit(page, url):
    """Open the page, and wait until the browser has what it needs to open it without the server."""
    page.goto(url)
    wait_for(page, lambda: page.evaluate(WORKER))
    wait_for(page, lambda: "/" in page.evaluate(KEPT))


def kept(page):
    return page.evaluate(KEPT)


# A cold start without the server


def test_the_page_opens_with_the_todos_as_last_seen_and_what_is_owed(place, browser):
    with place.serving() as site:
        site.add("one", "two")
        with browser() as page:
            visit(page, place.url)
            add(page, "three")
            settle(page)
            row(page, "one").locator(".toggle").check()
            settle(page)
            wait_for(page, lambda: '"three"' in kept(page)["/todos/"] and "true" in kept(page)["/todos/"])
    with browser() as page:
        page.goto(place.url)
        expect(shown(page)).to_have_text(["one", "two", "three"])
        expect(row(page, "one")).to_have_class("completed")
        expect(page.get_by_role("status")).to_contain_text("The server cannot be reached.")
        add(page, "four")
        edit(page, "two").fill("deux")
        page.keyboard.press("Enter")
        page.locator(".new-todo").fill("half a th")
    with browser() as page:
        page.goto(place.url)
        expect(shown(page)).to_have_text(["one", "deux", "three", "four"])
        expect(page.locator(".new-todo")).to_have_value("half a th")
        with place.serving() as site:
            page.get_by_role("button", name="Try now").click()
            settle(page)
            expect(page.get_by_role("status")).to_have_text("")
            assert site.titles == ["one", "deux", "three", "four"]


def test_the_first_visit_is_enough_and_the_look_is_complete(place, browser):
    with place.serving() as site, browser() as page:
        site.add("one")
        visit(page, place.url)
        wait_for(page, lambda: "/todos/" in kept(page))
    with browser() as page:
        failed = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.goto(place.url)
        expect(shown(page)).to_have_text(["one"])
        expect(page.locator(".todoapp")).to_have_css("position", "relative")
        assert page.evaluate("fetch('symbols.svg').then(() => false, () => true)")  # by a script: the network alone
        assert page.locator("img, .toggle").count() == 1
        assert [url for url in failed if url.endswith((".css", ".js", ".png", ".webmanifest"))] == []


def test_what_a_script_in_a_title_says_stays_text(place, browser):
    title = "</script><script>alert(1)</script> $1 $& <!--"
    with place.serving() as site, browser() as page:
        site.add(title)
        visit(page, place.url)
        wait_for(page, lambda: "/todos/" in kept(page))
    with browser() as page:
        page.goto(place.url)
        expect(shown(page)).to_have_text([title])


def test_a_page_that_can_be_fetched_is_never_the_old_one(place, browser):
    with place.serving() as site, browser() as page:
        site.add("one")
        visit(page, place.url)
        site.add("two")
        page.goto(place.url)
        expect(shown(page)).to_have_text(["one", "two"])
        assert page.evaluate("Boolean(navigator.serviceWorker.controller)")


def test_where_a_user_is_named_no_todos_are_kept(place, browser):
    with place.serving("--user-header", "X-Remote-User") as site, browser() as page:
        page.set_extra_http_headers({"X-Remote-User": "alice"})
        site.add("nobody's")
        visit(page, place.url)
        add(page, "alice's own")
        settle(page)
        page.wait_for_timeout(1000)
        page.reload()
        expect(shown(page)).to_have_text(["alice's own"])
        assert not [path for path, text in kept(page).items() if "alice's own" in text]
    with browser() as page:
        page.goto(place.url)
        expect(page.locator(".new-todo")).to_be_visible()
        expect(shown(page)).to_have_count(0)


# When the worker goes


OTHERS = {
    "another page": {"status": 200},
    "a proxy's error": {"status": 502},
    "not found": {"status": 404},
    "a sign-in page elsewhere": {"status": 302, "Location": "/login"},
    "a page that names a list": {"status": 200, "Todo-List": "x"},
}


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
def test_anything_else_that_answers_is_shown_and_ends_the_worker(place, browser, answer):
    with place.serving(), browser() as page:
        visit(page, place.url)
    headers = {name: value for name, value in answer.items() if name != "status"}
    if answer["status"] == 302:
        headers["Location"] = f"{place.url}login"
    with browser() as page, place.answering(answer["status"], **headers):
        page.goto(place.url)
        expect(page.get_by_role("heading")).to_have_text("Something else")
        wait_for(page, lambda: not page.evaluate(CACHES))
        wait_for(page, lambda: not page.evaluate(WORKER))
    with browser() as page:
        with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
            page.goto(place.url)


@pytest.mark.parametrize("way", ["variable", "option", "static"])
def test_the_worker_can_be_forbidden(place, browser, tmp_path, way):
    with place.serving(), browser() as page:
        visit(page, place.url)
        wait_for(page, lambda: "/todos/" in kept(page))
    (tmp_path / "own").mkdir()
    options = {"variable": [], "option": ["--no-offline"], "static": ["--static", str(tmp_path / "own")]}[way]
    environ = {"env": {**os.environ, "TODOMVC_OFFLINE": "0"}} if way == "variable" else {}
    with place.serving(*options, **environ), browser() as page:
        page.goto(place.url)
        page.evaluate("navigator.serviceWorker.getRegistration().then((worker) => worker?.update())")
        wait_for(page, lambda: not page.evaluate(WORKER))
        wait_for(page, lambda: "/" not in page.evaluate(KEPT))


def test_a_folder_of_ones_own_may_have_a_worker_of_its_own(tmp_path):
    (tmp_path / "sw.js").write_text("// mine")
    assert client_of(TodoMVC(static=tmp_path)).get("/sw.js").text == "// mine"
    assert "unregister" in client_of(TodoMVC(static=tmp_path, offline=False)).get("/sw.js").text


@pytest.mark.parametrize("options", [{}, {"offline": False}])
def test_the_script_is_never_taken_from_a_cache(options):
    status, headers, _ = call(TodoMVC(**options), "GET", "/sw.js")
    assert status == "200 OK"
    assert dict(headers)["Content-Type"].startswith("text/javascript")


# While it is there


def test_what_is_owed_as_the_page_goes_is_sent_past_the_worker(place, browser):
    with place.serving() as site, browser() as page:
        visit(page, place.url)
        page.goto(place.url)  # now under the worker
        assert page.evaluate("Boolean(navigator.serviceWorker.controller)")
        page.route("**/todos/", lambda route: route.abort())
        add(page, "one")
        page.unroute_all()
        page.goto("about:blank")
        wait_for(page, lambda: site.titles == ["one"])


def test_the_page_can_be_installed(place, browser):
    with place.serving(), browser() as page:
        visit(page, place.url)
        session = page.context.new_cdp_session(page)
        assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
        manifest = session.send("Page.getAppManifest")
        assert manifest["errors"] == []
        icons = page.evaluate(
            """(url) => fetch(url).then((answer) => answer.json()).then(({ icons }) => Promise.all(icons.map(
              ({ src }) => fetch(new URL(src, url)).then(({ ok, headers }) => [ok, headers.get('Content-Type')]))))""",
            manifest["url"],
        )
        assert icons == [[True, "image/svg+xml"], [True, "image/png"], [True, "image/png"]]


def test_all_that_the_page_needs_is_kept(place, browser):
    with place.serving(), browser() as page:
        visit(page, place.url)
        modules = {f"/js/{path.name}" for path in (ROOT / "static/js").glob("*.js")}
        assert {"/", "/css/app.css", "/symbols.svg", "/manifest.webmanifest", *modules} <= kept(page).keys()
        assert re.search(r'data-list="[^"]+">\[\]</script>', kept(page)["/"])
