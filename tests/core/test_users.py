"""Users: each one that the server names has a list of their own, which no request of another's reads or changes."""

from urllib.parse import quote

import pytest
from conftest import call, client_of

from todomvc import MAX_USER, TodoList, TodoMVC
from todomvc_sqlite import SQLiteTodoList

SECRET = "what only alice knows"
NAMES = [
    "alice",
    "Alice",
    "alice ",
    "alice@example.org",
    "../alice",
    "0",
    "e\u0301",
    "\u00e9",
    "\u00c3\u00a9",  # how a server gives the bytes of the one before
    "爱丽丝",
    "🙂",
    "a\0",
    "a",
    "\udce9",
    "?",
    "'; DROP TABLE todo; --",
    "x" * MAX_USER,
]


@pytest.fixture
def alice(application):
    """A client of alice's, who has a todo."""
    alice = client_of(application, REMOTE_USER="alice")
    alice.post_json("/todos/", {"title": SECRET}, headers={"Idempotency-Key": "k"})
    return alice


@pytest.fixture
def bob(application):
    return client_of(application, REMOTE_USER="bob")


def titles(client):
    return [todo["title"] for todo in client.get("/todos/").json]


def test_each_user_has_a_list_of_their_own_with_ids_from_0(alice, bob):
    response = bob.post_json("/todos/", {"title": "of bob"})
    assert response.json["id"] == 0
    assert response.location.endswith("/todos/0")
    assert (titles(alice), titles(bob)) == ([SECRET], ["of bob"])


def test_the_lists_of_users_are_of_the_class_that_was_given(tmp_path):
    class Mine(SQLiteTodoList):
        more = None

    todos = Mine(tmp_path / "todos.db")
    todos.more = "mine"
    assert (type(todos.of("alice")), todos.of("alice").more) == (Mine, "mine")


def test_the_list_of_nobody_is_the_shared_one(todos):
    todos.of("").create({})
    assert todos.read(0) == todos.of("").read(0) == b'{"id":0}'
    assert todos.of("").identity == todos.identity


def test_who_is_not_named_has_the_one_list_as_before(alice, client):
    client.post_json("/todos/", {"title": "of all"})
    assert (titles(alice), titles(client)) == ([SECRET], ["of all"])


@pytest.mark.parametrize("nobody", ["", None])
def test_an_empty_name_names_nobody(application, client, nobody):
    client.post_json("/todos/", {"title": "of all"})
    assert SECRET not in call(application, "GET", "/", REMOTE_USER=nobody or "")[2].decode()
    assert titles(client_of(application, REMOTE_USER=nobody)) == ["of all"]


def test_the_page_holds_the_todos_of_whoever_asks(alice, bob, client):
    assert [SECRET in page.get("/").text for page in (alice, bob, client)] == [True, False, False]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0", "/todos/00", "/todos/1", "/todos"])
def test_no_request_of_another_reads_or_changes_a_list(alice, bob, method, path):
    before = alice.get("/todos/")
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    response = bob.request(path, method=method, body=b'{"title": "x"}', headers=headers, expect_errors=True)
    assert SECRET not in response.text
    after = alice.get("/todos/")
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])


def test_a_tag_of_anothers_todo_is_not_current(alice, bob):
    tag = alice.get("/todos/0").headers["ETag"]
    bob.post_json("/todos/", {"title": "of bob"})
    bob.get("/todos/0", headers={"If-None-Match": tag}, status=200)
    bob.patch_json("/todos/0", {"x": 1}, headers={"If-Match": tag}, status=412)


def test_the_key_of_anothers_todo_makes_a_todo(alice, bob):
    headers = {"Idempotency-Key": "k"}
    assert bob.post_json("/todos/", {"title": "of bob"}, headers=headers).json == {"title": "of bob", "id": 0}
    assert bob.post_json("/todos/", {"title": "of bob"}, headers=headers).json["id"] == 0
    assert titles(alice) == [SECRET]


def test_what_a_user_has_read_is_kept_apart_when_another_reads(alice, bob):
    alice.get("/")
    alice.get("/todos/")
    assert (titles(bob), SECRET in bob.get("/").text, titles(alice)) == ([], False, [SECRET])


def test_any_number_of_users_may_read(application, monkeypatch):
    monkeypatch.setattr("todomvc.MAX_CACHED", 15_000)
    users = [client_of(application, REMOTE_USER=f"user {number}") for number in range(8)]
    for number, user in enumerate(users):
        user.post_json("/todos/", {"title": f"todo {number}"})
    for _ in range(2):
        assert [titles(user) for user in users] == [[f"todo {number}"] for number in range(8)]
        assert [f"todo {number}" in user.get("/").text for number, user in enumerate(users)] == [True] * 8
    assert len(application.lists.renderings) < 8 > len(application.pages.renderings)


def test_a_name_is_any_unicode_and_no_two_are_one(todos):
    for name in NAMES:
        todos.of(name).create({"title": name})
    assert [list(todos.of(name)) for name in NAMES] == [[todos.of(name).read(0)] for name in NAMES]
    assert len({todos.of(name).read(0) for name in NAMES}) == len(NAMES)
    assert list(todos) == []


@pytest.mark.parametrize("name", [name for name in NAMES if "\0" not in name])
def test_the_page_tells_the_client_the_name_in_harmless_characters(tmp_path, name):
    (tmp_path / "index.html").write_text("$user")
    application = TodoMVC(templates=tmp_path)
    assert call(application, "GET", "/", REMOTE_USER=name)[2].decode() == quote(name, "", errors="surrogatepass")


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0"])
def test_a_name_that_is_too_long_is_told_so(application, path):
    client = client_of(application, REMOTE_USER="x" * (MAX_USER + 1))
    assert f"{MAX_USER} characters" in client.get(path, status=400).text


def test_the_lists_of_users_are_in_the_file(tmp_path):
    SQLiteTodoList(tmp_path / "todos.db").of("alice").create({"title": "a"})
    again = SQLiteTodoList(tmp_path / "todos.db")
    assert list(again.of("alice")) == [b'{"title":"a","id":0}']
    assert list(again) == list(again.of("bob")) == []


def test_deleting_all_deletes_no_one_elses(todos):
    todos.create({})
    todos.of("alice").create({"title": "a"})
    todos.of("bob").create({})
    todos.of("bob").delete_all()
    todos.delete_all()
    assert list(todos.of("alice")) == [b'{"title":"a","id":0}']


def test_a_change_is_no_other_version_to_other_users(todos):
    before = todos.of("alice").version, todos.version
    todos.of("bob").create({})
    assert (todos.of("alice").version, todos.version) == before != todos.of("bob").version


def test_the_list_of_a_user_is_made_once(todos):
    first, second = todos.of("alice"), todos.of("alice")
    first.create({"title": "a"})
    assert list(second) == list(first) != list(TodoList())
