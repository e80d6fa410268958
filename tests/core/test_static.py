"""The static files: what is in the folder is served at its path, what is not cannot be reached."""

import io
import os
import shutil
import time
from types import SimpleNamespace

import pytest
from command import request
from conftest import ROOT, call, client_of, serve

import todomvc
from todomvc import TodoMVC
from todomvc_sqlite import SQLiteTodoList


@pytest.fixture
def static(tmp_path):
    folder = tmp_path / "static"
    folder.mkdir()
    return folder


def write(folder, name, content=b"content"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def get(folder, path_info, method="GET"):
    """Ask for a path as a server would hand it over; return the status and the body."""
    status, _, body = call(TodoMVC(static=folder), method, path_info)
    return int(status[:3]), body


def native(name):
    """Return a name as PATH_INFO holds it: its bytes in UTF-8, read as Latin-1 (PEP 3333)."""
    return os.fsencode(name).decode("latin-1")


# What is served


@pytest.mark.parametrize("path", sorted(path for path in (ROOT / "static").rglob("*.*")), ids=lambda path: path.name)
def test_each_file_of_the_client_is_served_at_its_path(client, path):
    response = client.get(f"/{path.relative_to(ROOT / 'static')}", status=200)
    assert response.body == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.b.js", "text/javascript; charset=utf-8"),
        ("A.JS", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.js.map", "application/json"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.ico", "image/vnd.microsoft.icon"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.exe", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("js", "application/octet-stream"),
    ],
)
def test_the_name_of_a_file_tells_its_type(static, name, content_type):
    write(static, name)
    response = client_of(TodoMVC(static=static)).get(f"/{name}", status=200)
    assert response.headers["Content-Type"] == content_type


def test_a_browser_is_told_not_to_guess_the_type(client):
    assert client.get("/js/app.js").headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("content", [b"", b"\0\xff\r\n", bytes(range(256)) * 1000], ids=["empty", "binary", "long"])
def test_a_file_is_sent_byte_by_byte_with_its_length(static, content):
    write(static, "a.bin", content)
    response = client_of(TodoMVC(static=static)).get("/a.bin", status=200)
    assert (response.body, response.headers["Content-Length"]) == (content, str(len(content)))


@pytest.mark.parametrize(
    "name",
    [
        "é.txt",
        "世界/🎉.txt",
        "a b.txt",
        "a+b.txt",
        "a%20b.txt",
        "a?b#c.txt",
        "a\\b.txt",
        "a..b.txt",
        "~.txt",
        "a\nb.txt",
        "$x.txt",
        os.fsdecode(b"\xff.txt"),
    ],
    ids=ascii,
)
def test_a_file_of_any_name_is_served(static, name):
    write(static, name)
    assert get(static, native(f"/{name}")) == (200, b"content")


@pytest.mark.parametrize(("url", "name"), [("/%C3%A9.txt", "é.txt"), ("/a%20b.txt", "a b.txt"), ("/%61.txt", "a.txt")])
def test_a_path_is_percent_decoded_utf8(static, url, name):
    write(static, name)
    client_of(TodoMVC(static=static)).get(url, status=200)


def test_a_path_that_is_not_read_as_latin_1_is_not_the_file(static):
    write(static, "é.txt")
    client_of(TodoMVC(static=static), PATH_INFO="/é.txt").get("/", status=404)


def test_a_folder_of_ones_own_replaces_ours(static):
    write(static, "mine.js")
    client = client_of(TodoMVC(static=str(static)))
    client.get("/mine.js", status=200)
    client.get("/js/app.js", status=404)


def test_an_empty_folder_will_do(static):
    client_of(TodoMVC(static=static)).get("/todos/", status=200)


@pytest.mark.parametrize("name", ["todos/index.html", "todos/0", "todos/x", "todos"])
def test_no_file_hides_the_api(static, name):
    write(static, name)
    client = client_of(TodoMVC(static=static))
    client.post_json("/todos/", {"title": "a"})
    assert client.get("/todos/0").json == {"title": "a", "id": 0}
    assert client.get("/todos/").json == [{"title": "a", "id": 0}]


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_an_index_in_the_folder_is_the_page(static, path):
    write(static, "index.html", b"mine: $todos")
    application = TodoMVC(static=static)
    application.todos.create({})
    response = client_of(application).get(path, status=200)
    assert response.text == 'mine: [{"id":0}]'
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_a_folder_of_templates_has_the_page_whatever_is_in_the_other(static, tmp_path, path):
    write(static, "index.html")
    write(tmp_path, "index.html", b"mine")
    assert client_of(TodoMVC(static=static, templates=tmp_path)).get(path, status=200).text == "mine"


def test_without_an_index_the_page_is_the_built_in_one(static):
    client_of(TodoMVC(static=static)).get("/", status=200).mustcontain("<title>TodoMVC</title>")


def test_an_index_that_leads_out_of_the_folder_is_not_the_page(static):
    write(static.parent, "secret.html", b"secret")
    (static / "index.html").symlink_to(static.parent / "secret.html")
    client_of(TodoMVC(static=static)).get("/", status=200).mustcontain("<title>TodoMVC</title>")


# What changes


@pytest.fixture
def clock(monkeypatch):
    """The time that the application sees: seconds, which pass only when a test adds them."""
    now = [1000.0]
    monkeypatch.setattr("todomvc.time", SimpleNamespace(time=time.time, monotonic=lambda: now[0]))
    return now


def test_a_file_that_changes_comes_or_goes_is_seen_a_second_later(static, clock):
    write(static, "a.txt")
    write(static, "b/b.txt")
    client = client_of(TodoMVC(static=static))
    write(static, "a.txt", b"changed")
    write(static, "c.txt", b"new")
    (static / "b/b.txt").unlink()
    assert client.get("/a.txt").body == b"content"
    clock[0] += 1
    assert client.get("/a.txt").body == b"changed"
    assert client.get("/c.txt").body == b"new"
    client.get("/b/b.txt", status=404)


def test_so_is_one_that_is_as_long_and_as_old_as_before(static, clock):
    def install(content):
        write(static, "a.txt", content)
        os.utime(static / "a.txt", (1, 1))  # npm and pip set a constant time, too

    install(b"version 1")
    client = client_of(TodoMVC(static=static))
    assert client.get("/a.txt").body == b"version 1"
    install(b"version 2")
    clock[0] += 1
    assert client.get("/a.txt").body == b"version 2"


@pytest.mark.parametrize("argument", ["static", "templates"])
def test_a_page_that_changes_is_seen_a_second_later(static, clock, argument):
    write(static, "index.html", b"one $url")
    client = client_of(TodoMVC(**{argument: static}))
    first = client.get("/", status=200)
    write(static, "index.html", b"two $url")
    clock[0] += 1
    second = client.get("/", status=200)
    assert (first.text, second.text) == ("one /todos/", "two /todos/")
    assert first.headers["ETag"] != second.headers["ETag"]


def test_an_index_that_comes_later_becomes_the_page(static, clock):
    client = client_of(TodoMVC(static=static))
    write(static, "index.html", b"mine")
    clock[0] += 1
    assert client.get("/").text == "mine"
    (static / "index.html").unlink()
    clock[0] += 1
    client.get("/").mustcontain("<title>TodoMVC</title>")


@pytest.mark.parametrize("break_it", [lambda file: file.write_bytes(b"\xff"), lambda file: shutil.rmtree(file.parent)])
def test_what_cannot_be_read_stays_as_it_was_and_the_log_says_why(static, clock, break_it):
    write(static, "index.html", b"one")
    application, log = TodoMVC(static=static), io.StringIO()
    break_it(static / "index.html")
    clock[0] += 1
    status, _, body = call(application, "GET", "/", **{"wsgi.errors": log})
    assert (status, body) == ("200 OK", b"one")
    assert str(static) in log.getvalue()
    write(static, "index.html", b"two")
    clock[0] += 1
    assert client_of(application).get("/").text == "two"


def test_the_folder_is_walked_once_a_second_however_many_ask(static, clock, monkeypatch):
    write(static, "index.html")
    walks = count_walks(monkeypatch)
    client = client_of(TodoMVC(static=static))
    for _ in range(3):
        for path in ["/", "/index.html", "/todos/"]:
            client.get(path, status=200)
        client.get("/nothing", status=404)
        clock[0] += 1
    assert len(walks) == 3


def test_a_request_to_the_api_walks_nowhere(static, clock, monkeypatch):
    client = client_of(TodoMVC(static=static))
    walks = count_walks(monkeypatch)
    clock[0] += 10
    client.get("/todos/", status=200)
    assert walks == []


def test_the_folders_beside_the_program_are_read_once(clock, monkeypatch):
    walks = count_walks(monkeypatch)
    client = client_of(TodoMVC())
    clock[0] += 10
    client.get("/", status=200)
    client.get("/js/app.js", status=200)
    assert len(walks) == 1


def test_with_debug_they_are_read_again_too(clock, monkeypatch):
    walks = count_walks(monkeypatch)
    client = client_of(TodoMVC(debug=True))
    clock[0] += 10
    client.get("/js/app.js", status=200)
    assert len(walks) == 2


def count_walks(monkeypatch):
    walks, read = [], todomvc.read_static_files
    monkeypatch.setattr(todomvc, "read_static_files", lambda *arguments: walks.append(1) or read(*arguments))
    return walks


def test_a_file_that_is_the_same_is_compressed_once(static, clock):
    write(static, "a.txt", b"a" * 10_000)
    application = TodoMVC(static=static)
    before = application.files["/a.txt"]
    write(static, "b.txt")
    clock[0] += 1
    client_of(application).get("/b.txt", status=200)
    assert application.files["/a.txt"] is before


# What is not


@pytest.mark.parametrize("name", [".env", ".git/config", "a/.hidden", "a/.b/c.txt", "..a", "..."])
def test_a_hidden_file_is_not_served(static, name):
    write(static, name)
    assert get(static, f"/{name}")[0] == 404


@pytest.mark.parametrize("target", [".env", ".git/config", "a/.hidden"])
def test_a_link_to_a_hidden_file_is_not_served(static, target):
    write(static, target, b"secret")
    (static / "link.txt").symlink_to(static / target)
    assert get(static, "/link.txt")[0] == 404


def test_a_folder_that_is_itself_under_a_hidden_one_is_served(tmp_path):
    write(tmp_path, ".venv/static/a.txt")
    assert get(tmp_path / ".venv/static", "/a.txt") == (200, b"content")


@pytest.mark.parametrize("target", ["secret.txt", "static-secret/secret.txt"])
def test_a_link_that_leads_out_of_the_folder_is_not_served(static, target):
    write(static.parent, target, b"secret")
    (static / "link.txt").symlink_to(static.parent / target)
    assert get(static, "/link.txt")[0] == 404


def test_a_link_to_a_folder_outside_is_not_followed(static):
    write(static.parent, "outside/secret.txt", b"secret")
    (static / "link").symlink_to(static.parent / "outside")
    assert get(static, "/link/secret.txt")[0] == 404


def test_a_link_out_by_way_of_a_link_within_is_not_served(static):
    write(static.parent, "secret.txt", b"secret")
    (static / "one").symlink_to(static / "two")
    (static / "two").symlink_to("../secret.txt")
    assert get(static, "/one")[0] == get(static, "/two")[0] == 404


def test_a_link_within_the_folder_is_served(static):
    write(static, "a.txt")
    (static / "link.txt").symlink_to("a.txt")
    assert get(static, "/link.txt") == (200, b"content")


def test_a_folder_that_is_itself_a_link_is_served(static, tmp_path):
    write(static, "a.txt")
    (tmp_path / "link").symlink_to(static)
    assert get(tmp_path / "link", "/a.txt") == (200, b"content")


def test_what_is_not_a_file_is_passed_over(static):
    os.mkfifo(static / "pipe")
    (static / "nowhere").symlink_to("gone")
    (static / "loop").symlink_to("loop")
    (static / "here").symlink_to(".")
    for name in ["pipe", "nowhere", "loop"]:
        assert get(static, f"/{name}")[0] == 404


TRAVERSALS = [
    "/../secret.txt",
    "/../../../../../../etc/passwd",
    "/js/../../secret.txt",
    "/js/../../static/js/a.js",
    "/..\\secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/..;/secret.txt",
    "/..\0/secret.txt",
    "/.../secret.txt",
    "//etc/passwd",
    "///etc/passwd",
    "etc/passwd",
    "../secret.txt",
    "secret.txt",
    "/static/js/a.js",
    "//js/a.js",
    "/js//a.js",
    "/js/./a.js",
    "/./js/a.js",
    "/js/../js/a.js",
    "/js/a.js/",
    "/js/a.js\0",
    "/js/a.js\0.txt",
    "/js/a.js\n",
    "/js/a.js ",
    "/js/a.js.",
    "/JS/A.JS",
    "/js",
    "/js/",
    "js/a.js",
    "/\xc0\xae\xc0\xae/secret.txt",
    "/file:///etc/passwd",
    "/~root",
    "/\u202e",
]


@pytest.mark.parametrize("path", TRAVERSALS, ids=ascii)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_path_but_that_of_a_file_is_served(static, path, method):
    write(static, "js/a.js")
    write(static.parent, "secret.txt")
    client_of(TodoMVC(static=static), PATH_INFO=path, REQUEST_METHOD=method).get("/", status=404)


@pytest.mark.parametrize("folder", ["nowhere", "file"])
def test_a_folder_that_is_not_there_is_refused_at_the_start(static, folder):
    write(static, "file")
    with pytest.raises(OSError, match=folder):
        TodoMVC(static=static / folder)


# The database, where it lies among the files


COMPANIONS = ["todos.db", "todos.db-wal", "todos.db-shm", "todos.db-journal", "todos.db-lock"]


@pytest.fixture
def folder_with_database(static):
    """Return a folder in which the database is in use, and all that can stand beside it."""
    write(static, "index.html", b"mine")
    write(static, "todos.db.txt", b"no companion")
    todos = SQLiteTodoList(static / "todos.db")
    todos.create({"title": "secret"})
    write(static, "todos.db-journal", b"secret")
    assert {path.name for path in static.iterdir()} >= set(COMPANIONS)
    return static, todos


@pytest.mark.parametrize("name", COMPANIONS)
def test_the_database_and_what_stands_beside_it_are_never_served(folder_with_database, name):
    static, todos = folder_with_database
    client = client_of(TodoMVC(todos, static))
    client.get(f"/{name}", status=404)
    client.get("/todos.db.txt", status=200)
    client.get("/index.html", status=200).mustcontain("mine")


def test_nor_by_another_name(folder_with_database):
    static, todos = folder_with_database
    (static / "link.txt").symlink_to(static / "todos.db")
    os.link(static / "todos.db", static / "hard.txt")
    client = client_of(TodoMVC(todos, static))
    client.get("/link.txt", status=404)
    client.get("/hard.txt", status=404)


@pytest.mark.parametrize("static_is_link", [False, True])
def test_nor_if_the_folder_or_the_database_is_given_by_way_of_a_link(static, tmp_path, static_is_link):
    (tmp_path / "linked").symlink_to(static)
    folders = [static, tmp_path / "linked"]
    todos = SQLiteTodoList(folders[not static_is_link] / "todos.db")
    todos.create({"title": "secret"})
    client = client_of(TodoMVC(todos, folders[static_is_link]))
    for name in COMPANIONS:
        client.get(f"/{name}", status=404)


def test_nor_if_it_is_made_after_the_start(static, monkeypatch):
    monkeypatch.setattr(todomvc, "SECONDS_BETWEEN_READS", 0)
    client = client_of(TodoMVC(SQLiteTodoList(static / "todos.db"), static, debug=True))
    for _ in range(2):
        client.post_json("/todos/", {"title": "secret"}, status=200)
        write(static, "new.txt")
        client.get("/new.txt", status=200)
        for name in COMPANIONS:
            client.get(f"/{name}", status=404)


def test_nor_by_the_command_in_its_own_folder(tmp_path):
    write(tmp_path, "index.html", b"mine")
    for _ in range(2):
        with serve("--static", ".", cwd=tmp_path) as process:
            assert request(process, "/todos/", "POST", b"{}")[0] == 200
            assert [request(process, f"/{name}")[0] for name in ["index.html", *COMPANIONS]] == [200, *[404] * 5]
