"""No write is ever carried out on a todo that its sender has not seen.

Clients read and write at random, at one address, while its list is swapped for another, put back from a backup, and
served to another user.
"""

import io
import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from conftest import call
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from todomvc import TodoMVC
from todomvc_sqlite import SQLiteTodoList

FILES = st.sampled_from(["a.db", "b.db"])
CLIENTS = st.integers(0, 2)
USERS = st.sampled_from(["", "b\u00f6b"])
IDS = st.integers(0, 4)


class OneAddress(RuleBasedStateMachine):
    """A server and three clients. Every todo has a number of its own, which no write changes."""

    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.backups, self.made, self.user = [], 0, ""
        self.seen = [{}, {}, {}]  # by each client in its list: the numbers by id
        self.named = [{}, {}, {}]
        self.open("a.db")
        for client in range(3):
            self.read(client)

    def teardown(self):
        self.stop()
        self.folder.cleanup()

    def open(self, name):
        """Start the server over a file."""
        self.path = Path(self.folder.name, name)
        self.todos = SQLiteTodoList(self.path)
        self.todos.read(0)  # so that the file is there
        self.application = TodoMVC(self.todos)

    def stop(self):
        self.todos.file.close()

    def send(self, client, method, path, fields=None):
        body = json.dumps(fields).encode()
        environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
        status, headers, body = call(
            self.application, method, path, REMOTE_USER=self.user, **environ, **self.named[client]
        )
        return status[:3], dict(headers), json.loads(body)

    @rule(client=CLIENTS)
    def read(self, client):
        """Load the page: from then on, what the client sends is for this list and this user."""
        status, headers, todos = self.send(client, "GET", "/todos/")
        assert status == "200"
        self.named[client] = {"HTTP_TODO_LIST": headers["Todo-List"], "HTTP_TODO_USER": quote(self.user)}
        self.seen[client] = {todo["id"]: todo["number"] for todo in todos}

    @rule(client=CLIENTS)
    def create(self, client):
        """Add a todo; if the list is another one, load the page and add it there."""
        self.made += 1
        status, _, todo = self.send(client, "POST", "/todos/", {"number": self.made})
        if status == "409":
            self.read(client)
            status, _, todo = self.send(client, "POST", "/todos/", {"number": self.made})
        assert status == "200"
        self.seen[client][todo["id"]] = self.made

    @rule(client=CLIENTS, id=IDS, method=st.sampled_from(["PATCH", "PUT", "DELETE"]))
    def change(self, client, id, method):
        if id not in self.seen[client]:
            return
        status, _, todo = self.send(client, method, f"/todos/{id}", {"by": client})
        assert status in ("200", "404", "409")
        assert status != "200" or todo["number"] == self.seen[client][id]

    @rule(name=FILES)
    def swap(self, name):
        self.stop()
        self.open(name)

    @rule(user=USERS)
    def sign_in(self, user):
        self.user = user

    @rule()
    def back_up(self):
        copy = Path(self.folder.name, f"{len(self.backups)}.backup")
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        self.backups.append((self.path.name, copy))

    @rule(data=st.data())
    def restore(self, data):
        """Put a backup in place, as docs/deploy.md says: with the server stopped."""
        if self.backups:
            name, copy = data.draw(st.sampled_from(self.backups))
            self.stop()
            shutil.copy(copy, Path(self.folder.name, name))
            self.open(name)

    @invariant()
    def no_two_clients_take_one_place_for_two_todos(self):
        for first, named in zip(self.seen, self.named, strict=True):
            for second, also in zip(self.seen, self.named, strict=True):
                if named == also:
                    assert all(second.get(id, number) == number for id, number in first.items())


TestOneAddress = OneAddress.TestCase
TestOneAddress.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
