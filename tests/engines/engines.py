"""Three browsers behind one small interface: Chromium by Playwright, Firefox by WebDriver BiDi, WebKit by WebDriver.

Debian has them in the packages chromium, firefox-esr and webkit2gtk-driver. One that is missing is skipped; where the
environment says CI=true, its tests fail instead.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "End": "\ue010", "Control": "\ue009", "Space": " "}
PATIENCE = 60  # seconds
CENTER = """([selector, text]) => {
  const isIt = (element) => text === null || element.textContent.trim() === text || element.ariaLabel === text;
  const element = [...document.querySelectorAll(selector)].find(isIt);
  element.scrollIntoView({ block: 'center' });
  const { left, top, width, height } = element.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}"""


class Page:
    """What a user does, by real events; `run` and `act` are the driver's."""

    def click(self, selector, text=None, count=1):
        """Click the element, the one with this text or name if there are several."""
        x, y = self.run(CENTER, [selector, text])
        self.press_mouse(round(x), round(y), count)

    def hover(self, selector, text=None):
        x, y = self.run(CENTER, [selector, text])
        self.press_mouse(round(x), round(y), 0)

    def wait(self, function, argument=None, value=True):
        """Wait until a function in the page returns a value."""
        end = time.monotonic() + PATIENCE
        while (got := self.run(function, argument)) != value:
            assert time.monotonic() < end, f"{function} is {got!r} and not {value!r}"
            time.sleep(0.05)


class WebDriverPage(Page):
    """The actions of WebDriver (W3C WebDriver, section 15), which WebDriver BiDi shares."""

    def press_mouse(self, x, y, count):
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        actions = [{"type": "pointerMove", "x": x, "y": y, "duration": 20}, *(press * count)]
        self.act({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions})

    def press(self, shortcut):
        keys = [KEYS.get(key, key) for key in shortcut.split("+")]
        downs = [{"type": "keyDown", "value": key} for key in keys]
        ups = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.act({"type": "key", "id": "keyboard", "actions": downs + ups})

    def type(self, text):
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.act({"type": "key", "id": "keyboard", "actions": actions})


class Chromium(Page):
    keeps_profile = True

    def __init__(self, page):
        self.page = page

    def goto(self, url):
        self.page.goto(url)

    def run(self, function, argument=None):
        return self.page.evaluate(function, argument)

    def press_mouse(self, x, y, count):
        self.page.mouse.move(x, y)
        if count:
            self.page.mouse.click(x, y, click_count=count)

    def press(self, shortcut):
        self.page.keyboard.press(shortcut)

    def type(self, text):
        self.page.keyboard.type(text)

    @classmethod
    @contextlib.contextmanager
    def start(cls, profile):
        sync_api = pytest.importorskip("playwright.sync_api")
        with sync_api.sync_playwright() as playwright:
            options = {"executable_path": need("chromium"), "args": ["--no-sandbox"]}
            with playwright.chromium.launch_persistent_context(str(profile), **options) as context:
                yield cls(context.pages[0])


class Firefox(WebDriverPage):
    keeps_profile = True

    def __init__(self, socket):
        self.socket, self.commands = socket, 0
        self.command("session.new", capabilities={})
        self.context = self.command("browsingContext.getTree")["contexts"][0]["context"]

    def command(self, method, **parameters):
        self.commands += 1
        self.socket.send(json.dumps({"id": self.commands, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(PATIENCE))
            if message.get("id") == self.commands:
                assert message["type"] == "success", message
                return message["result"]

    def goto(self, url):
        self.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def run(self, function, argument=None):
        answer = self.command(
            "script.callFunction",
            functionDeclaration=f"async (json) => JSON.stringify(await ({function})(JSON.parse(json))) ?? 'null'",
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self.context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def act(self, source):
        self.command("input.performActions", context=self.context, actions=[source])

    @classmethod
    @contextlib.contextmanager
    def start(cls, profile):
        client = pytest.importorskip("websockets.sync.client")
        profile.mkdir(exist_ok=True)
        command = [need("firefox-esr"), "--headless", "--no-remote", "--profile", str(profile)]
        with running([*command, "--remote-debugging-port", "0"], stderr=subprocess.PIPE) as process:
            url = said(process.stderr, r"(ws://\S+)")
            with client.connect(f"{url}/session", max_size=None) as socket:
                page = cls(socket)
                yield page
                with contextlib.suppress(Exception):  # it may close before it answers
                    page.command("browser.close")
            process.wait(PATIENCE)  # so that the profile is complete


class WebKit(WebDriverPage):
    keeps_profile = False  # a browser that is driven keeps nothing

    def __init__(self, driver):
        self.driver = driver
        browser = next(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
        options = {"binary": str(browser), "args": ["--automation"]}
        # The driver's own waiting for a page to load may never end.
        capabilities = {"alwaysMatch": {"webkitgtk:browserOptions": options, "pageLoadStrategy": "none"}}
        self.session = self.send("POST", "", {"capabilities": capabilities})["sessionId"]
        self.command("timeouts", script=10_000)

    def send(self, method, path, body=None):
        data = json.dumps(body).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.driver}/session{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE / 4) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def command(self, path, **body):
        return self.send("POST", f"/{self.session}/{path}", body)

    def goto(self, url):
        for _ in range(3):
            self.command("url", url=url)
            end = time.monotonic() + PATIENCE / 2
            while time.monotonic() < end:
                with contextlib.suppress(AssertionError, TimeoutError):  # a script ends with its page, or never
                    if self.run("() => [location.href, document.readyState]") == [url, "complete"]:
                        return
                time.sleep(0.05)
        raise AssertionError(f"{url} does not open")

    def run(self, function, argument=None):
        script = f"""const [argument, done] = arguments;
            const fail = (error) => done(`${{error}}`);
            Promise.resolve(({function})(argument)).then((value) => done([value ?? null]), fail);"""
        answer = self.command("execute/async", script=script, args=[argument])
        assert isinstance(answer, list), answer
        return answer[0]

    def act(self, source):
        self.command("actions", actions=[source])

    @classmethod
    @contextlib.contextmanager
    def start(cls, profile):
        driver, screen = need("WebKitWebDriver"), need("Xvfb")
        command = [screen, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
        with running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as display:
            number = said(display.stdout, r"(\d+)")
            environ = {**os.environ, "DISPLAY": f":{number}", "HOME": str(profile)}
            profile.mkdir(exist_ok=True)
            port = free_port()
            with running([driver, f"--port={port}"], env=environ, stderr=subprocess.DEVNULL):
                page = cls(await_driver(f"http://127.0.0.1:{port}"))
                yield page
                page.send("DELETE", f"/{page.session}")


def need(program):
    path = shutil.which(program)
    if path is None and os.environ.get("CI") == "true":
        pytest.fail(f"{program} is not installed")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def said(stream, pattern):
    for line in stream:
        found = re.search(pattern, line)
        if found:
            return found[1]
    raise AssertionError(f"nothing was said like {pattern}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def await_driver(url):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{url}/status", timeout=PATIENCE).close()
            return url
        except OSError:
            assert time.monotonic() < end, "the driver does not answer"
            time.sleep(0.1)


ENGINES = {"chromium": Chromium, "firefox": Firefox, "webkit": WebKit}


@pytest.fixture(scope="session", params=ENGINES)
def page(request, tmp_path_factory):
    """The page of a browser for all tests: each has its own server, whose address is an origin of its own."""
    with ENGINES[request.param].start(tmp_path_factory.mktemp(request.param) / "profile") as page:
        yield page


@pytest.fixture(params=ENGINES)
def engine(request):
    """Each engine, to be started by the test."""
    return ENGINES[request.param]
