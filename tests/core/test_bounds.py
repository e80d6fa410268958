"""What a request may cost: memory for what is refused, work for what many ask at once."""

import gzip
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import call

import todomvc
from todomvc import TodoList, TodoMVC
from todomvc_guards import guard

MEBIBYTE = 1024 * 1024


class Endless(io.RawIOBase):
    """A body of so many bytes, none of which is there before it is read."""

    def __init__(self, size):
        self.left = size

    def read(self, size=-1):
        assert 0 <= size <= MEBIBYTE  # at once
        piece = b"x" * min(size, self.left)
        self.left -= len(piece)
        return piece


REFUSED = {
    "another host": {"HTTP_HOST": "evil.example"},
    "another site": {"HTTP_SEC_FETCH_SITE": "cross-site"},
    "another type": {"CONTENT_TYPE": "text/plain"},
    "another +json": {"CONTENT_TYPE": "application/vnd.api+json"},
    "another coding": {"HTTP_CONTENT_ENCODING": "gzip"},
    "another path": {"PATH_INFO": "/nothing"},
    "a file": {"PATH_INFO": "/icon.svg"},
    "another method": {"REQUEST_METHOD": "DELETE"},
    "a read": {"REQUEST_METHOD": "GET"},
    "too long": {},
    "another list": {"HTTP_TODO_LIST": "0"},
    "a bad key": {"HTTP_IDEMPOTENCY_KEY": ""},
}


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("environ", REFUSED.values(), ids=REFUSED)
def test_a_body_that_is_not_wanted_is_dropped_and_never_kept(environ, framing):
    body, application = Endless(8 * MEBIBYTE), guard(TodoMVC())
    environ = {"CONTENT_TYPE": "application/json", "wsgi.input": body, **environ}
    environ |= (
        {"CONTENT_LENGTH": str(body.left)}
        if framing == "length"
        else {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    )
    tracemalloc = pytest.importorskip("tracemalloc")  # PyPy has none
    tracemalloc.start()
    try:
        call(application, environ.pop("REQUEST_METHOD", "POST"), environ.pop("PATH_INFO", "/todos/"), **environ)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert body.left <= MEBIBYTE  # what is over MAX_DISCARDED is the server's
    assert peak < (4 if framing == "chunked" else 1) * MEBIBYTE  # a body of unknown length is read before it is refused


# Many who ask at once


class Counted(TodoList):
    """A list that counts how often it is read as a whole, and takes a while for it."""

    reads = 0

    def __iter__(self):
        self.reads += 1
        time.sleep(0.2)
        return super().__iter__()


def at_once(number, work):
    barrier = threading.Barrier(number)

    def run(_):
        barrier.wait(30)
        return work()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


@pytest.mark.parametrize("path", ["/", "/todos/"])
def test_one_change_is_rendered_once_however_many_ask_at_the_same_moment(path):
    todos = Counted()
    application = TodoMVC(todos)
    for number in range(3):
        todos.create({"title": f"todo {number}"})
        todos.reads = 0
        answers = at_once(20, lambda: call(application, "GET", path)[2])
        assert todos.reads == 1
        assert len(set(answers)) == 1
        assert f"todo {number}".encode() in answers[0]


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_it_is_compressed_once(monkeypatch, path):
    compressed, compress = [], gzip.compress

    def slow(body, *arguments, **options):
        compressed.append(len(body))
        time.sleep(0.2)
        return compress(body, *arguments, **options)

    application = TodoMVC()
    application.todos.create({"title": "long " * 500})
    monkeypatch.setattr(gzip, "compress", slow)
    answers = at_once(20, lambda: call(application, "GET", path, HTTP_ACCEPT_ENCODING="gzip")[2])
    assert (len(compressed), len(set(answers))) == (1, 1)


def test_those_who_wait_read_what_was_written_before_they_asked():
    todos = Counted()
    application = TodoMVC(todos)

    def write_and_read():
        id, _ = todos.create({})
        return f'"id":{id}}}'.encode() in call(application, "GET", "/todos/")[2]

    assert all(at_once(20, write_and_read))


def test_each_user_gets_their_own_though_they_wait_for_the_same_turn():
    todos = Counted()
    application = TodoMVC(todos)
    application.lists.turns = application.lists.turns[:1]
    names = iter(range(20))

    def read():
        name = f"user {next(names)}"
        todos.of(name).create({"title": name})
        return name.encode() in call(application, "GET", "/todos/", REMOTE_USER=name)[2]

    assert all(at_once(20, read))


def test_who_waits_too_long_renders_it_too(monkeypatch):
    monkeypatch.setattr(todomvc, "MAX_TURN", 0.01)
    application = TodoMVC()
    with application.lists.turns[0]:
        application.lists.turns = application.lists.turns[:1]
        assert call(application, "GET", "/todos/")[2] == b"[]"


def test_a_rendering_that_fails_holds_nobody_up():
    class Broken(TodoList):
        def __iter__(self):
            raise RuntimeError

    application = TodoMVC(Broken())
    for _ in range(3):
        assert call(application, "GET", "/todos/")[0].startswith("500")
    assert not any(turn.locked() for turn in application.lists.turns)


def test_one_copy_of_a_version_is_sent_to_all_who_read_it():
    application = TodoMVC()
    application.todos.create({"title": "a"})
    pieces = [application(environ_of("/todos/"), lambda *arguments: None)[0] for _ in range(3)]
    assert pieces[0] is pieces[1] is pieces[2]


def environ_of(path):
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
    }


# A large folder of static files


def test_no_file_is_compressed_before_it_is_asked_for_or_if_it_is_not_text(monkeypatch, tmp_path):
    compressed, compress = [], gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda body, *a, **o: compressed.append(body) or compress(body, *a, **o))
    types = ["png", "jpg", "woff2", "wasm", "exe", "zip", "mp4", "js", "css", "svg", "json"]
    for name in types:
        (tmp_path / f"a.{name}").write_bytes(name.encode() * 10_000)
    application = TodoMVC(static=tmp_path)
    for name in types:
        call(application, "GET", f"/a.{name}")
    assert compressed == []
    for name in types:
        call(application, "GET", f"/a.{name}", HTTP_ACCEPT_ENCODING="gzip")
    assert {bytes(body[:3]) for body in compressed} == {b"jsj", b"css", b"svg", b"jso"}


def test_a_large_folder_is_not_in_memory_twice(tmp_path):
    tracemalloc = pytest.importorskip("tracemalloc")  # PyPy has none
    size = 16 * MEBIBYTE
    (tmp_path / "a.png").write_bytes(bytes(size))
    (tmp_path / "a.js").write_bytes(bytes(size))
    tracemalloc.start()
    try:
        application = TodoMVC(static=tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * size + 4 * MEBIBYTE
    assert call(application, "GET", "/a.png")[2] == bytes(size)
