"""Clients that write down what they asked, and what they were told."""

import json
import math
import random
import re
import socket
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from itertools import count
from urllib.parse import urlsplit

from search import Operation
from specification import Request, Todo, frozen

from todomvc import Unconfirmed, unavailable_error

MAX_UNKNOWN = 2  # writes of a client without an outcome: each of them doubles what there is to search
NOBODY_CAN_TELL = unavailable_error(Unconfirmed("")).detail
PAGE, LIST = "/", "/todos/"
TEXT = "x" * 1000  # in each todo, so that there are many pages to find room for


class History:
    """What all clients of one list have written down."""

    def __init__(self):
        self.operations = []
        self.refused = []  # the statuses of writes that had no effect, as the server said; no explanation has them
        self.identities = set()
        self.numbers = count(1)  # one for each write, so that an answer shows which writes it saw
        self.keyed = []  # the requests with a key
        self.newest = 0  # the highest id that anybody has seen

    def __str__(self):
        unknown = sum(operation.answer is None for operation in self.operations)
        return f"{len(self.operations)} requests, {unknown} of them of an unknown outcome; {len(self.refused)} refused"


class Client(threading.Thread):
    """Reads and writes the list of a user, one request after the other, each at any of the servers.

    servers: objects with a `url`, which may change; length: how many requests it sends as a thread.
    """

    def __init__(self, name, servers, user, history, seed, length=0):
        super().__init__(name=name)
        self.servers, self.user, self.history, self.length = servers, user, history, length
        self.chance = random.Random(seed)
        self.known = {}  # by path: the entity tag and the content of the last answer
        self.unknown = 0
        self.socket = None

    def run(self):
        for _ in range(self.length):
            is_answered = self.send(*self.choose(), self.chance.choice(self.servers))
            time.sleep(self.chance.uniform(0, 0.005) if is_answered else 0.05)

    def read_everything(self):
        """Read all there is at every server, again and again until it answers."""
        for server in self.servers:
            for path in [LIST, PAGE, *(f"{LIST}{id}" for id in range(self.history.newest + 2))]:
                end = time.monotonic() + 60
                while not self.send(path, Request("GET", id_at(path)), server):
                    assert time.monotonic() < end, f"{server.url} never answers"
                    time.sleep(0.05)

    def cut(self):
        """Break the connection off, as a network does: what the server answers is lost."""
        with suppress(AttributeError, OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def choose(self):
        """Return a path, and a request for it."""
        path = f"{LIST}{max(0, self.history.newest + self.chance.randint(-2, 1))}"  # all want the same few todos
        kinds = {"list": 4, "read": 4, "create": 6, "update": 8, "delete": 2, "delete all": 0.5}
        if self.unknown >= MAX_UNKNOWN:
            kinds = {"list": 1, "read": 1}
        match self.chance.choices(list(kinds), kinds.values()):
            case ["list"]:
                return self.chance.choice([LIST, PAGE]), Request("GET")
            case ["read"]:
                return path, Request("GET", id_at(path))
            case ["create"]:
                return LIST, self.creation()
            case ["update"]:
                name, method = self.chance.choice(["title", "order"]), self.chance.choice(["PUT", "PATCH"])
                return path, self.conditional(path, Request(method, id_at(path), ((name, next(self.history.numbers)),)))
            case ["delete"]:
                return path, self.conditional(path, Request("DELETE", id_at(path)))
        return LIST, self.conditional(LIST, Request("DELETE"))

    def creation(self):
        number = next(self.history.numbers)
        request = Request("POST", fields=(("number", number), ("text", TEXT)))
        kind = self.chance.random()
        if kind < 0.3:
            return request
        if kind < 0.7 or not self.history.keyed:
            self.history.keyed.append(request._replace(key=f"key-{number}"))
            return self.history.keyed[-1]
        again = self.chance.choice(self.history.keyed[-5:])
        return again if kind < 0.95 else request._replace(key=again.key)

    def conditional(self, path, request):
        """Return the request, in one of two cases on the condition that nothing has changed since the last answer."""
        if path in self.known and self.chance.random() < 0.5:
            return request._replace(expected=self.known[path][1])
        return request

    def send(self, path, request, server):
        """Send a request and write down what became of it. Return whether the server answered it."""
        headers = {"Content-Type": "application/json", "X-User": self.user}
        if request.key:
            headers["Idempotency-Key"] = request.key
        if request.expected is not None:
            headers["If-Match"] = self.known[path][0]
        elif request.method == "DELETE":
            headers["If-Match"] = "*"
        if request.method == "GET" and path in self.known and self.chance.random() < 0.5:
            headers["If-None-Match"] = self.known[path][0]
        body = json.dumps(dict(request.fields)) if request.fields else None
        called = time.monotonic()
        try:
            status, given, text = self.exchange(server, request.method, path, body, headers)
        except ConnectionRefusedError:  # so nothing was sent
            return False
        except (OSError, HTTPException):
            return self.note_unknown(request, called)
        assert status < 500 or status in (503, 507), text
        if status in (503, 507):
            if request.method != "GET" and json.loads(text)["detail"] == NOBODY_CAN_TELL:
                return self.note_unknown(request, called)
            self.history.refused.append(status)
            return False
        content = self.known[path][1] if status == 304 else content_of(path, request, status, text)
        answer = (200, content) if status == 304 else (status, content)
        self.history.operations.append(Operation(request, answer, called, time.monotonic(), self.name))
        self.learn(given["Location"] or path, given, content)
        return True

    def exchange(self, server, method, path, body, headers):
        """Return status, header fields and text of the answer. Raise OSError or HTTPException if it is not complete."""
        with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=60)) as connection:
            connection.connect()
            self.socket = connection.sock
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            if answer.status != 304 and answer.length is None:
                raise ConnectionError("the header fields break off")
            return answer.status, answer.headers, answer.read().decode()

    def note_unknown(self, request, called):
        if request.method != "GET":
            self.unknown += 1
            self.history.operations.append(Operation(request, None, called, math.inf, self.name))
        return False

    def learn(self, path, given, content):
        if given["ETag"]:
            self.known[path] = given["ETag"], content
        if given["Todo-List"]:
            self.history.identities.add(given["Todo-List"])
        self.history.newest = max(self.history.newest, id_at(path) or 0)


def id_at(path: str) -> int | None:
    """Return the id of the todo at a path, None for that of the list."""
    return None if path in (PAGE, LIST) else int(path.removeprefix(LIST))


def content_of(path: str, request: Request, status: int, text: str) -> Todo | tuple[Todo, ...] | None:
    """Return the todo or the todos of an answer."""
    if status != 200:
        return None
    if path == PAGE:
        text = re.search(r'id="todos"[^>]*>(.*?)</script>', text, re.DOTALL)[1]
    value = json.loads(text)
    return tuple(map(frozen, value)) if isinstance(value, list) else frozen(value)
