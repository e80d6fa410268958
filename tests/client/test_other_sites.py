"""What a page of another site learns of the todos in the browser of somebody who has opened it: nothing."""

import functools
import http.server
import threading

import pytest

pytest_plugins = ["browser"]

# How a page can ask for an address, and what it is told of the answer: "load", "error" or nothing.
PROBES = """async ([kind, url]) => {
    if (kind === "fetch") return fetch(url, {mode: "no-cors"}).then(() => "load", () => "error");
    const element = document.createElement(kind);
    const told = new Promise((tell) => {
        element.onload = () => tell("load");
        element.onerror = () => tell("error");
        setTimeout(() => tell("nothing"), 30000);
    });
    element[{object: "data", link: "href"}[kind] || "src"] = url;
    if (kind === "link") element.rel = "stylesheet";
    document.body.append(element);
    return told;
}"""


@pytest.fixture
def stranger(site, chromium, tmp_path):
    """A page of another site on this machine, in a browser that can reach the server."""
    (tmp_path / "index.html").write_text("<!doctype html><body>another site")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"http://localhost:{server.server_port}/")
        yield page
        context.close()
        server.shutdown()


@pytest.mark.parametrize("kind", ["object", "embed", "iframe", "img", "script", "link", "fetch"])
def test_it_cannot_tell_a_todo_that_is_there_from_one_that_is_not(site, stranger, kind):
    site.add("secret")
    there, not_there = (stranger.evaluate(PROBES, [kind, f"{site.url}todos/{id}"]) for id in [0, 7])
    assert there == not_there


def test_it_cannot_read_or_change_them(site, stranger):
    site.add("secret")
    for options in [{}, {"method": "DELETE"}, {"method": "POST", "body": "{}"}]:
        asked = "([url, options]) => fetch(url, options).then((answer) => answer.text(), () => 'refused')"
        assert stranger.evaluate(asked, [f"{site.url}todos/", options]) == "refused"
    assert [todo["title"] for todo in site.todos] == ["secret"]
