"""How fast the page is, beside the Backbone application of examples/backbone over the same todos.

    python tests/bench/page_speed.py [--todos 10000] [--also URL]...

Prints milliseconds, the median of several runs, how many times longer the others take, and the client's size. --also
names further pages that have TodoMVC's class names: its own ES6 example, from a checkout of tastejs/todomvc, by

    python -m http.server --directory todomvc/examples/javascript-es6/dist 8001
    python tests/bench/page_speed.py --also http://127.0.0.1:8001/

Needs Playwright and npm.
"""

import argparse
import contextlib
import gzip
import shutil
import statistics
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from npm import installed  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from todomvc import TodoList, TodoMVC  # noqa: E402

RUNS = 5
HUNDRED_RUNS = 15  # of all the pages in turn: what else the machine does meets each of them

# When the first row has been painted, in ms since the navigation began.
WATCH = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('.todo-list li')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRow = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""

# Run `act`, and resolve to the ms until what it did is painted.
TIME = """(act) => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
  const start = performance.now();
  new Function(act)();
  document.body.getBoundingClientRect();
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
})))"""

# Speedometer's steps: as many events as a user's, without the user's pauses.
ADD = """
const input = document.querySelector('.new-todo');
for (let number = 0; number < COUNT; number += 1) {
  input.value = `Something to do ${number}`;
  input.dispatchEvent(new Event('change', { bubbles: true }));
  for (const type of ['keydown', 'keypress', 'keyup']) {
    input.dispatchEvent(new KeyboardEvent(type, { key: 'Enter', keyCode: 13, bubbles: true }));
  }
}"""
COMPLETE = "document.querySelectorAll('.toggle').forEach((toggle, number) => number < COUNT && toggle.click())"
DELETE = "[...document.querySelectorAll('.destroy')].slice(0, COUNT).forEach((button) => button.click())"
STEPS = {"add": ADD, "complete": COMPLETE, "delete": DELETE}
FILTERS = {"filter active": "location.hash = '#/active'", "filter all": "location.hash = '#/'"}


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(app):
    with make_server("127.0.0.1", 0, app, Server, QuietHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def filled(count):
    todos = TodoList()
    for number in range(count):
        todos.create({"title": f"todo number {number}", "completed": number % 2 == 0})
    return todos


@contextlib.contextmanager
def opened(browser, url, count):
    context = browser.new_context(bypass_csp=True)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(url)
    page.wait_for_function(f"document.querySelectorAll('.todo-list li').length >= {count}", timeout=120_000)
    page.wait_for_timeout(500)
    yield page
    context.close()


def measure_many(browser, url, count):
    """Time what is done with `count` todos on the page."""
    with opened(browser, url, count) as page:
        took = {"first row": page.evaluate("window.firstRow")}
        for name, act in STEPS.items():
            took[f"{name} one"] = page.evaluate(TIME, act.replace("COUNT", "1"))
            page.wait_for_timeout(300)
        for name, act in FILTERS.items():
            took[name] = page.evaluate(TIME, act)
            page.wait_for_timeout(300)
    return took


def measure_hundred(browser, url):
    """Time Speedometer's steps, with 100 todos, from an empty list."""
    took, left = {}, {"add": 100, "complete": 100, "delete": 0}
    with opened(browser, url, 0) as page:
        for name, act in STEPS.items():
            took[f"{name} 100"] = page.evaluate(TIME, act.replace("COUNT", "100"))
            # the Backbone one takes a row away when the server has deleted the todo, which is not timed
            page.wait_for_function(f"document.querySelectorAll('.todo-list li').length === {left[name]}")
    return {**took, "all three": sum(took.values())}


def median_of(runs):
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}


def measure(browser, count, folders):
    """Give the medians of our page or, with its folders, of the Backbone one."""
    with serving(TodoMVC(filled(count), **folders)) as url:
        return median_of([measure_many(browser, url, count) for _ in range(RUNS)])


def measure_hundreds(browser, folders, urls):
    """Give the medians of Speedometer's steps on our page, on the Backbone one, and on those of the URLs."""
    runs = {}
    for _ in range(HUNDRED_RUNS):
        with serving(TodoMVC()) as ours, serving(TodoMVC(**folders)) as backbone:
            for name, url in {"ours": ours, "Backbone": backbone, **{url: url for url in urls}}.items():
                runs.setdefault(name, []).append(measure_hundred(browser, url))
    return {name: median_of(took) for name, took in runs.items()}


def print_table(columns):
    names = list(columns)
    print(f"{'ms':16}" + "".join(f"{name[-20:]:>22}" for name in names))
    for what, ours in columns[names[0]].items():
        cells = [f"{ours:.1f}"]
        for other in names[1:]:
            took = columns[other].get(what)
            cells.append("-" if took is None else f"{took:.1f} ({took / ours:.1f} x)")
        print(f"{what:16}" + "".join(f"{cell:>22}" for cell in cells))


def print_size():
    files = [TESTS.parent / "templates" / "index.html", *sorted((TESTS.parent / "static").rglob("*.*"))]
    texts = [path.read_bytes() for path in files if path.suffix in {".html", ".css", ".svg", ".js"}]
    print(f"the client, gzipped: {sum(len(gzip.compress(text, 6)) for text in texts)} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--todos", type=int, default=10_000, help="how many there are (%(default)s)")
    parser.add_argument("--also", action="append", default=[], help="the URL of a page to time with 100 todos, too")
    options = parser.parse_args()
    backbone = TESTS.parent / "examples/backbone"
    installed(backbone)
    folders = {"static": backbone}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        columns = {
            "ours": measure(browser, options.todos, {}),
            "ours, 10 todos": measure(browser, 10, {}),
            "Backbone": measure(browser, options.todos, folders),
        }
        hundreds = measure_hundreds(browser, folders, options.also)
        browser.close()
    print_table(columns)
    print_table(hundreds)
    print_size()


if __name__ == "__main__":
    main()
