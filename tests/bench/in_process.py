"""Each application called as a server calls it, without one, request after request."""

from __future__ import annotations

import gc
import io
import json
import random
import sys
import time
from wsgiref.util import FileWrapper

from tests.bench.figures import COST, FASTER, MORE_US, row_of_rounds
from tests.bench.peers import floor, ours, unguarded, with_bottle, with_falcon, with_flask, with_werkzeug

SUBJECTS = {
    "todomvc": ours,
    "without guards": unguarded,
    "floor": floor,
    "Falcon": with_falcon,
    "Bottle": with_bottle,
    "Werkzeug": with_werkzeug,
    "Flask": with_flask,
}
KINDS = {
    "floor": COST,
    "without guards": MORE_US,
    "Falcon": FASTER,
    "Bottle": FASTER,
    "Werkzeug": FASTER,
    "Flask": FASTER,
}
BATCH = 100  # environs at a time: in a server, too, they have just been made, and are in the processor's cache
TODO = {"title": "Taste JavaScript", "order": 1, "completed": False}
ENVIRON = {  # what gunicorn makes of a request of a browser's
    "wsgi.errors": sys.stderr,
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
    "wsgi.input_terminated": True,
    "wsgi.url_scheme": "http",
    "SERVER_SOFTWARE": "gunicorn/23.0.0",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "40000",
    "HTTP_HOST": "127.0.0.1:8000",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
    "HTTP_ACCEPT": "*/*",
    "HTTP_ACCEPT_ENCODING": "identity",  # the peers do not compress
    "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9",
    "HTTP_REFERER": "http://127.0.0.1:8000/",
    "HTTP_SEC_FETCH_SITE": "same-origin",
    "HTTP_SEC_FETCH_MODE": "cors",
    "HTTP_SEC_FETCH_DEST": "empty",
    "SCRIPT_NAME": "",
    "QUERY_STRING": "",
}


class Request:
    """A request that can be made many times, each with an environ of its own."""

    def __init__(self, method, path, fields=None, **headers):
        self.environ = {**ENVIRON, "REQUEST_METHOD": method, "PATH_INFO": path, "RAW_URI": path, **headers}
        self.body = b"" if fields is None else json.dumps(fields).encode()
        if self.body:
            self.environ.update(CONTENT_TYPE="application/json", CONTENT_LENGTH=str(len(self.body)))

    def fresh(self):
        return {**self.environ, "wsgi.input": io.BytesIO(self.body)}

    def answer(self, app):
        """Return the status code, headers and body of an application's answer."""
        given = []
        pieces = app(self.fresh(), lambda status, headers, exc_info=None: given.extend((status, headers)))
        body = b"".join(pieces)
        if hasattr(pieces, "close"):
            pieces.close()
        return int(given[0][:3]), {name.lower(): value for name, value in given[1]}, body


def seconds_each(app, environs):
    """Return how long the application takes for one of the requests, as a server goes about it (PEP 3333)."""
    start = time.perf_counter()
    for environ in environs:
        answer = app(environ, start_response)
        for _ in answer:
            pass
        if hasattr(answer, "close"):
            answer.close()
    return (time.perf_counter() - start) / len(environs)


def start_response(status, headers, exc_info=None):
    return write


def write(data):
    raise AssertionError("nothing here is to use it")


class Operation:
    """An operation to time.

    request: the one to make; todos: how many are there; status: of the answer.
    """

    kinds = KINDS

    def __init__(self, name, request, todos=1000, status=200):
        self.name, self.request, self.todos, self.status = name, request, todos, status

    def rounds(self, count, seconds):
        """Return, for each round, the microseconds of one request by subject, in a slice of that many seconds each."""
        apps = {name: self.prepare(name, module) for name, module in SUBJECTS.items()}
        sizes = {name: self.size(name, app, seconds) for name, app in apps.items()}
        figures = []
        for number in range(count):
            names = list(apps)[number % len(apps) :] + list(apps)[: number % len(apps)]
            figures.append({name: self.time(apps[name], sizes[name]) for name in names})
        return figures

    def prepare(self, name, module):
        return module.make_app(todos(self.todos))

    def size(self, name, app, seconds):
        status, _, body = self.request.answer(app)
        if name != "floor" and status != self.status:
            raise RuntimeError(f"{name} answers {status} to {self.name}: {body[:200]}")
        return max(1, int(seconds / self.time(app, 3) * 1e6))

    def time(self, app, size):
        gc.collect()
        batches = [min(BATCH, size - start) for start in range(0, size, BATCH)]
        return sum(count * seconds_each(app, self.environs(app, count)) for count in batches) / size * 1e6

    def environs(self, app, size):
        return [self.request.fresh() for _ in range(size)]


class Conditional(Operation):
    """A read by a client that holds the todo already, each application's by the tag that it gave."""

    def prepare(self, name, module):
        app = module.make_app(todos(self.todos), conditional=True)
        tag = READ.answer(app)[1].get("etag", '""')
        self.requests = {**getattr(self, "requests", {}), app: Request("GET", "/todos/5", HTTP_IF_NONE_MATCH=tag)}
        return app

    def environs(self, app, size):
        return [self.requests[app].fresh() for _ in range(size)]

    def size(self, name, app, seconds):
        self.request = self.requests[app]
        return super().size(name, app, seconds)


class ReadInTurn(Operation):
    """A read of a todo that has not been read for as long as can be."""

    def environs(self, app, size):
        first = getattr(self, "next", 0)
        self.next = first + size
        return [Request("GET", f"/todos/{number % self.todos}").fresh() for number in range(first, self.next)]


class Changed(Operation):
    """A read of what has changed just before, in another way each time.

    change: returns the request of a change, given a number that is another one each time, and the id of a todo.
    """

    kinds = {name: kind for name, kind in KINDS.items() if name != "floor"}  # noqa: RUF012, which serves nothing that grows

    def __init__(self, name, request, change, todos=1000):
        super().__init__(name, request, todos)
        self.change, self.numbers = change, {}

    def size(self, name, app, seconds):
        super().size(name, app, 0)
        return 8 if self.todos <= 10_000 else 2

    def time(self, app, size):
        gc.collect()
        return sum(self.time_one(app) for _ in range(size)) / size

    def time_one(self, app):
        number = self.numbers[app] = self.numbers.get(app, 9) + 1
        status, _, body = self.change(number).answer(app)
        if status != 200:
            raise RuntimeError(f"{status} to a change before {self.name}: {body[:200]}")
        return seconds_each(app, [self.request.fresh()]) * 1e6


class Delete(Operation):
    """The deletion of a todo, each time of another one."""

    def environs(self, app, size):
        first = Request("POST", "/todos/", TODO)
        ids = [json.loads(first.answer(app)[2])["id"] for _ in range(size)]
        return [Request("DELETE", f"/todos/{id}").fresh() for id in ids]


def todos(count):
    """Return that many todos, of titles about as long as the tutorial's, which compress as words do."""
    choices = random.Random(count).choices
    return [{**TODO, "title": " ".join(choices(WORDS, k=3)), "order": id, "id": id} for id in range(count)]


def change(number):
    return Request("PUT", "/todos/5", {**TODO, "order": number, "id": 5})


def creation(number):
    return Request("POST", "/todos/", {**TODO, "order": number})


def deletion(number):
    return Request("DELETE", f"/todos/{number}")


WORDS = ["bake", "book", "buy", "call", "clean", "cook", "fix", "garden", "learn", "letter", "milk", "plan", "tea"]
READ = Request("GET", "/todos/5")
LIST, PAGE = Request("GET", "/todos/"), Request("GET", "/")
GZIPPED = Request("GET", "/", HTTP_ACCEPT_ENCODING="gzip, deflate, br")
CHANGE = change(1)
OPERATIONS = [
    Operation("read", READ),
    ReadInTurn("read, 10,000 todos in turn", READ, todos=10_000),
    Conditional("304", READ, status=304),
    Operation("create", Request("POST", "/todos/", TODO)),
    Operation("update", CHANGE),
    Delete("delete", READ),
    Operation("404", Request("GET", "/todos/999999999"), status=404),
    Operation("static file", Request("GET", "/css/app.css")),
    Operation("collection, 1,000 todos, unchanged", LIST),
    Changed("collection, 1,000 todos, changed", LIST, change),
    Operation("page, 10 todos, unchanged", PAGE, todos=10),
    Operation("page, 1,000 todos, unchanged", PAGE),
    Changed("page, 1,000 todos, changed", PAGE, change),
    Changed("page, 1,000 todos, changed, gzipped by todomvc alone", GZIPPED, change),
    Operation("page, 100,000 todos, unchanged", PAGE, todos=100_000),
    Changed("page, 100,000 todos, changed", PAGE, change, todos=100_000),
    Changed("page, 100,000 todos, one more", PAGE, creation, todos=100_000),
    Changed("page, 100,000 todos, one less", PAGE, deletion, todos=100_000),
    Changed("page, 100,000 todos, changed, gzipped by todomvc alone", GZIPPED, change, todos=100_000),
]


def rows(short):
    """Yield the row of each operation."""
    count, seconds = (3, 0.005) if short else (25, 0.02)
    for operation in OPERATIONS:
        few = operation.todos > 10_000
        if not (short and few):
            figures = operation.rounds(5 if few else count, seconds)
            yield row_of_rounds("in process", operation.name, "us", figures, operation.kinds)
