"""What a list is put through: users at work, writers at once, a small disk."""

import contextlib
import json
import random
import shutil
import subprocess
import threading
import time
from http.client import HTTPException

import pytest
from workers import ask

KINDS = {
    "sync": ["-w", "4"],
    "gthread": ["-w", "4", "-k", "gthread", "--threads", "4"],
    "preload": ["-w", "4", "--preload"],
}


class User(threading.Thread):
    """Makes, changes and deletes todos of its own until the server is gone, and knows what it was told."""

    def __init__(self, url, name, seed):
        super().__init__()
        self.url, self.name, self.chance = url, name, random.Random(seed)
        self.todos = {}  # by id: the todo as the last answer had it, None once deleted
        self.doubtful = None  # the request that had no answer

    def run(self):
        with contextlib.suppress(OSError, HTTPException):
            for number in range(10**6):
                self.doubtful = self.choose(number)
                status, todo = ask(self.url, *self.doubtful)
                assert status == 200
                self.todos[todo["id"]] = None if self.doubtful[0] == "DELETE" else todo
                self.doubtful = None

    def choose(self, number):
        live = [id for id, todo in self.todos.items() if todo]
        method = self.chance.choice(["POST", "PATCH", "DELETE"]) if live else "POST"
        if method == "POST":
            return method, "/todos/", {"by": self.name, "n": number}, f"{self.name}-{number}"
        return method, f"/todos/{self.chance.choice(live)}", {"n": number}

    def check(self, todos):
        """See that each answer still holds, and the request without one was carried out whole or not at all."""
        for id, todo in self.todos.items():
            kept = parsed(todos.read(id))
            assert kept in [todo, *self.doubts(id)]
            self.todos[id] = kept
        if self.doubtful and self.doubtful[0] == "POST":  # the client tries again
            id, todo = todos.create(*self.doubtful[2:])
            self.todos[id] = parsed(todo)

    def doubts(self, id):
        """Return what the request without an answer makes of a todo, if it is about that one."""
        method, path, fields, *_ = self.doubtful or ("", "", None)
        if path != f"/todos/{id}":
            return []
        return [None] if method == "DELETE" else [{**self.todos[id], **fields}]


def at_work(url, chance, name, count=8):
    """Start users, and wait until each has had an answer; they end when the server is gone."""
    users = [User(url, f"{name}.{n}", chance.random()) for n in range(count)]
    for user in users:
        user.start()
    wait_until(lambda: all(user.todos for user in users))
    return users


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def parsed(todo):
    return todo and json.loads(todo)


@contextlib.contextmanager
def small_file_system(folder, size="2m"):
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("only root may mount a small file system, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def race(count, write):
    """Call `write` in as many threads at once with the number of each; return what they return."""
    outcomes, gate = [], threading.Barrier(count)

    def run(number):
        gate.wait()
        outcomes.append(write(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)
