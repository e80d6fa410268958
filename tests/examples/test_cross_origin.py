"""A page of a development server, at another origin than the API."""

import os
import re
import signal
import socket
import subprocess
from contextlib import contextmanager

import pytest
from command import until
from conftest import ROOT, serve
from npm import installed
from readme import TEXTS, block
from steps import Site, add, expect, row

pytest_plugins = ["browser", "served"]

README = TEXTS["examples/react/README.md"]
VITE, API = block("cd examples/react && npm run dev").splitlines()
ORIGIN = API.split()[-1]


@pytest.fixture
def origin():
    """That of README, at a port that is free here."""
    with socket.create_server(("localhost", 0)) as free:
        return ORIGIN.replace("5173", str(free.getsockname()[1]))


@pytest.fixture
def site(tmp_path, origin):
    """The API, which allows the origin."""
    words = API.replace(ORIGIN, origin).split()[2:]
    with serve(*words, "--db", ":memory:", cwd=tmp_path) as process:
        yield Site(process.url)


@contextmanager
def vite(npm, origin, url):
    """Run Vite's server, whose page asks the API at this URL."""
    folder, run = VITE.removeprefix("cd ").split(" && ")
    command = [npm, *run.split()[1:], "--", "--port", origin.rpartition(":")[2], "--strictPort"]
    process = subprocess.Popen(
        command,
        cwd=installed(ROOT / folder).parent,
        env={**os.environ, "VITE_TODOS_URL": url, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = []
        for text in process.stdout:
            said.append(text)
            if f"{origin}/" in text:
                break
        else:
            raise AssertionError(f"Vite ended and said {said}")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def test_a_page_of_a_development_server_uses_the_api_at_another_origin(site, origin, npm, open_page):
    site.add("one", "two")
    with vite(npm, origin, f"{site.url}todos/"):
        page = open_page(f"{origin}/")
        expect(page.locator(".todo-list label")).to_have_text(["one", "two"], timeout=60_000)
        add(page, "three")
        row(page, "one").locator(".toggle").check()
        row(page, "two").hover()
        row(page, "two").locator(".destroy").click()
        until(lambda: [(todo["title"], todo["completed"]) for todo in site.todos] == [("one", True), ("three", False)])
        page.reload()
        expect(page.locator(".todo-list label")).to_have_text(["one", "three"])
        expect(page.get_by_role("status")).to_have_text("")


def test_it_asks_the_api_where_the_command_serves_it_and_comes_from_where_vite_does():
    environment = (ROOT / "examples/react/.env.development").read_text()
    assert re.fullmatch(r"VITE_TODOS_URL=http://127\.0\.0\.1:8000/todos/\n", environment)
    assert f"open {ORIGIN}/:" in " ".join(README.split())
    assert block("python3 todomvc.py --cors http://localhost:5173\n").strip() == API
