"""A pytest plugin: Chromium, driven by Playwright, in front of the real command.

Debian's chromium is taken where it is installed, else Playwright's own. Without a browser the tests are skipped; where
the environment says CI=true they fail instead.
"""

import os
import shutil

import pytest
from conftest import ROOT, serve
from npm import find, installed
from steps import Site, sync_api

NETWORK_NOISE = "Failed to load resource"  # Chromium's own line for every answer that is an error


@pytest.fixture(scope="session")
def chromium():
    """The browser; each test opens pages in contexts of its own."""
    with sync_api.sync_playwright() as playwright:
        yield launch(playwright.chromium)


def launch(chromium, **options):
    try:
        return chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"], **options)
    except sync_api.Error as error:
        give_up(f"no browser: {error.message.splitlines()[0]}")


def give_up(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def site(tmp_path):
    """The command, running, with an empty list."""
    with serve("--db", ":memory:", cwd=tmp_path) as process:
        yield Site(process.url)


@pytest.fixture
def open_page(chromium):
    """Open a URL in a browser of its own (cookies, localStorage), or in that of another page; watch its console."""
    contexts, noise = [], []

    def open_page(url, context=None, **options):
        if context is None:
            # What a worker fetches, tests cannot intercept: test_offline.py is about it.
            context = chromium.new_context(**{"service_workers": "block", **options})
            context.set_default_timeout(10_000)
            contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(error.message))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in noise if not line.startswith(NETWORK_NOISE)] == []


@pytest.fixture
def freezing_page(chromium):
    """A page of a browser that keeps as it was what one leaves, and shows that when one goes back (bfcache)."""
    with launch(chromium.browser_type, ignore_default_args=["--disable-back-forward-cache"]) as browser:
        yield browser.new_page()


@pytest.fixture
def page(site, open_page):
    """The page, open on an empty list."""
    return open_page(site.url)


@pytest.fixture(scope="session")
def npm():
    """The path of npm."""
    return find("npm") or give_up("npm is not installed")


@pytest.fixture(scope="session")
def node_modules(npm):
    """The folder of what tests/package-lock.json names."""
    return installed(ROOT / "tests")
