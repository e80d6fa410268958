"""The table of the API: what each method does at each path, ids and tombstones, and what an error looks like."""

import io
import re

import pytest
from conftest import ANY_TAG, call, client_of

from todomvc import TodoList, TodoMVC, app
from todomvc import application as wsgi_application

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
ALLOWED = {
    "/": "GET, HEAD, OPTIONS",
    "/css/app.css": "GET, HEAD, OPTIONS",
    "/todos/": "DELETE, GET, HEAD, OPTIONS, POST",
    "/todos/0": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
}


@pytest.fixture
def three(client):
    for title in "abc":
        client.post_json("/todos/", {"title": title})
    return client


def ids(client):
    return [todo["id"] for todo in client.get("/todos/", status=200).json]


# The list


def test_a_new_application_has_no_todos(client):
    response = client.get("/todos/", status=200)
    assert (response.content_type, response.json) == ("application/json", [])


def test_applications_made_side_by_side_share_no_todos(client):
    client.post_json("/todos/", {})
    assert client_of(TodoMVC()).get("/todos/").json == []


def test_a_created_todo_comes_back_as_sent_plus_its_id(client):
    response = client.post_json("/todos/", {"title": "a", "completed": False}, status=200)
    assert response.content_type == "application/json"
    assert response.json == {"title": "a", "completed": False, "id": 0}


def test_an_id_is_the_index_in_the_list(client):
    assert [client.post_json("/todos/", {}).json["id"] for _ in range(4)] == [0, 1, 2, 3]


def test_location_names_the_created_todo(three):
    response = three.post_json("/todos/", {"title": "d"})
    assert response.headers["Location"].endswith("/todos/3")
    assert three.get(response.headers["Location"], status=200).json == {"title": "d", "id": 3}


def test_the_list_holds_the_live_todos_in_the_order_of_their_ids(three):
    three.patch_json("/todos/0", {"title": "z"})
    three.delete("/todos/1")
    assert three.get("/todos/").json == [{"title": "z", "id": 0}, {"title": "c", "id": 2}]


def test_deleting_all_answers_the_todos_it_deleted(three):
    three.delete("/todos/1")
    response = three.delete("/todos/", headers=ANY_TAG, status=200)
    assert response.json == [{"title": "a", "id": 0}, {"title": "c", "id": 2}]
    assert response.content_type == "application/json"


def test_deleting_all_leaves_an_empty_list(three):
    three.delete("/todos/", headers=ANY_TAG)
    assert three.get("/todos/").json == three.delete("/todos/", headers=ANY_TAG, status=200).json == []


def test_deleting_all_leaves_a_tombstone_for_each(three):
    three.delete("/todos/", headers=ANY_TAG)
    for id in range(3):
        three.get(f"/todos/{id}", status=404)
    assert three.post_json("/todos/", {}).json["id"] == 3


# One todo


def test_a_todo_can_be_read(three):
    response = three.get("/todos/1", status=200)
    assert (response.content_type, response.json) == ("application/json", {"title": "b", "id": 1})


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_update_merges_the_sent_fields_in(three, method):
    send = getattr(three, f"{method.lower()}_json")
    merged = {"title": "b", "id": 1, "completed": True}
    assert send("/todos/1", {"completed": True}, status=200).json == merged
    assert three.get("/todos/1").json == merged


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_update_replaces_a_field_whole(three, method):
    send = getattr(three, f"{method.lower()}_json")
    send("/todos/1", {"title": {"de": "x", "fr": "y"}})
    assert send("/todos/1", {"title": {"de": "z"}}).json == {"title": {"de": "z"}, "id": 1}


def test_null_is_a_value_and_not_a_deletion(three):
    three.patch_json("/todos/1", {"title": None})
    assert three.get("/todos/1").json == {"title": None, "id": 1}


def test_an_update_of_no_fields_changes_nothing(three):
    assert three.patch_json("/todos/1", {}, status=200).json == {"title": "b", "id": 1}


def test_an_update_leaves_the_other_todos_alone(three):
    three.put_json("/todos/1", {"title": "z"})
    assert [todo["title"] for todo in three.get("/todos/").json] == ["a", "z", "c"]


def test_deleting_answers_the_todo_as_it_was(three):
    response = three.delete("/todos/1", status=200)
    assert (response.content_type, response.json) == ("application/json", {"title": "b", "id": 1})


def test_a_deleted_id_is_never_given_again(three):
    three.delete("/todos/2")
    assert three.post_json("/todos/", {}).json["id"] == 3
    assert ids(three) == [0, 1, 3]


def test_the_id_0_is_an_id_like_any_other(three):
    assert three.patch_json("/todos/0", {"title": "z"}).json == three.delete("/todos/0").json
    assert ids(three) == [1, 2]


# What a todo is


@pytest.mark.parametrize(
    "todo",
    [
        {},
        {"": ""},
        {"title": None, "tags": ["x", {"y": [[]]}], "due": 1.5, "big": 2**63},
        {"__proto__": {"admin": True}, "constructor": 1, "toString": 2},
        {"title": "Grüße, 世界 🎉 \u2028\u2029 \x7f \t\r\n\0"},
    ],
)
def test_a_todo_is_any_json_object(client, todo):
    client.post_json("/todos/", todo, status=200)
    assert client.get("/todos/0").json == {**todo, "id": 0}


@pytest.mark.parametrize("id", [0, 7, -1, 1.5, "7", None, True, [1], {"a": 1}])
def test_an_id_sent_to_create_a_todo_does_not_set_its_id(three, id):
    assert three.post_json("/todos/", {"id": id, "title": "d"}, status=200).json == {"id": 3, "title": "d"}
    assert ids(three) == [0, 1, 2, 3]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("id", [0, 7, -1, 1.5, "7", None, True, [1], {"a": 1}])
def test_an_id_sent_to_update_a_todo_does_not_change_its_id(three, method, id):
    response = getattr(three, f"{method.lower()}_json")("/todos/1", {"id": id, "title": "z"}, status=200)
    assert response.json == three.get("/todos/1").json == {"id": 1, "title": "z"}
    assert ids(three) == [0, 1, 2]


def test_an_id_deeper_in_a_todo_is_its_own(client):
    client.post_json("/todos/", {"parent": {"id": 7}, "ID": 8})
    assert client.get("/todos/0").json == {"parent": {"id": 7}, "ID": 8, "id": 0}


def test_key_order_is_kept(client):
    names = [*"zebra", "10", "9", "completed", "title"]
    client.post_json("/todos/", {name: {"b": 1, "a": 2} for name in names})
    todo = client.get("/todos/0").json
    assert [name for name in todo if name != "id"] == list(dict.fromkeys(names))
    assert list(todo["z"]) == ["b", "a"]


def test_an_update_keeps_the_key_order_and_adds_new_keys_last(client):
    client.post_json("/todos/", {"c": 1, "a": 1})
    client.patch_json("/todos/0", {"b": 1, "a": 2})
    assert [name for name in client.get("/todos/0").json if name != "id"] == ["c", "a", "b"]


# Ids that name no todo


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", ['{"title": "z"}', "{", ""])
@pytest.mark.parametrize("path", ["/todos/1", "/todos/3", "/todos/999999999999999999"])
def test_an_id_never_given_or_deleted_is_404_for_every_method_of_a_todo(three, path, method, body):
    three.delete("/todos/1")
    headers = {"Content-Type": "application/json"}
    three.request(path, method=method, body=body.encode(), headers=headers, status=404)
    assert ids(three) == [0, 2]


@pytest.mark.parametrize("id", [0, 1, 7])
def test_the_methods_of_a_todo_do_not_depend_on_whether_it_is_there(three, id):
    three.delete("/todos/1")
    assert three.options(f"/todos/{id}", status=204).headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    three.post_json(f"/todos/{id}", {}, status=405)


@pytest.mark.parametrize("id", ["01", "001", "0" * 100 + "1"])
def test_leading_zeros_of_an_id_do_not_count(three, id):
    assert three.get(f"/todos/{id}", status=200).json == three.get("/todos/1").json
    three.delete(f"/todos/{id}", status=200)
    assert ids(three) == [0, 2]


NO_IDS = [
    "-1",
    "+1",
    "1.0",
    "1e0",
    "0x1",
    "1_0",
    "1 ",
    " 1",
    "1\n",
    "1;",
    "1,2",
    "a",
    "null",
    "None",
    "1/",
    "1/2",
    "/1",
]
NO_IDS += ["٣", "\uff11", "²", "-0", "..", "\0", "9" * 19, "9" * 10_000, str(2**63), str(2**64 + 1)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("id", NO_IDS, ids=lambda text: ascii(text)[:12])
def test_what_is_not_a_whole_number_is_404_for_every_method(application, three, id, method):
    path = f"/todos/{id}".encode().decode("latin-1")
    client_of(application, REQUEST_METHOD=method, PATH_INFO=path).get("/todos/1", status=404)
    assert ids(three) == [0, 1, 2]


# Methods


@pytest.mark.parametrize("method", [*METHODS, "TRACE"])
def test_the_list_answers_without_its_slash_as_with_it(method):
    environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2", "HTTP_IF_MATCH": "*"}
    answers = []
    for path in ["/todos", "/todos/"]:
        todos = TodoList()
        todos.identity = "0" * 32
        todos.create({"title": "a"})
        body = {"wsgi.input": io.BytesIO(b"{}")}
        answers.append((call(TodoMVC(todos), method, path, **environ, **body), list(todos)))
    assert answers[0] == answers[1]


def test_a_todo_made_without_the_slash_is_where_location_says(client):
    assert client.post_json("/todos", {}, status=200).headers["Location"].endswith("/todos/0")


@pytest.mark.parametrize("query", ["", "a=1", "id=1", "_=1700000000"])
def test_a_query_means_nothing_to_a_get_of_the_list(three, query):
    assert three.get(f"/todos/?{query}").json == three.get("/todos/").json


# A DELETE of all todos is meant so


@pytest.mark.parametrize("path", ["/todos", "/todos/"])
@pytest.mark.parametrize("todo_backend", [False, True])
@pytest.mark.parametrize("headers", [{}, ANY_TAG])
@pytest.mark.parametrize("query", ["completed=true", "id=0", "ids=0,1", "confirm=1", "_=1700000000", "?", "%00", "0"])
def test_with_a_query_it_is_400_always_and_deletes_nothing(todos, path, todo_backend, headers, query):
    client = client_of(TodoMVC(todos, todo_backend=todo_backend))
    client.post_json("/todos/", {"title": "a"})
    assert "query" in client.delete(f"{path}?{query}", headers=headers, status=400).json["detail"]
    assert len(list(todos)) == 1


def test_an_empty_query_is_none(three):
    three.delete("/todos/?", headers=ANY_TAG, status=200)
    assert ids(three) == []


@pytest.mark.parametrize("path", ["/todos", "/todos/"])
@pytest.mark.parametrize("headers", [{}, {"If-None-Match": '"0"'}])
def test_without_if_match_it_is_428_and_deletes_nothing(three, path, headers):
    response = three.delete(path, headers=headers, status=428)
    assert (response.content_type, response.json["title"]) == ("application/problem+json", "Precondition Required")
    assert "If-Match" in response.json["detail"]
    assert ids(three) == [0, 1, 2]


def test_with_the_tag_of_the_list_it_deletes_what_was_read_and_no_more(three):
    tag = three.get("/todos/").headers["ETag"]
    three.post_json("/todos/", {"title": "d"})
    three.delete("/todos/", headers={"If-Match": tag}, status=412)
    assert ids(three) == [0, 1, 2, 3]
    three.delete("/todos/", headers={"If-Match": three.get("/todos/").headers["ETag"]}, status=200)
    assert ids(three) == []


@pytest.mark.parametrize("tag", ["*", " * ", '"0", *'])
def test_a_star_stands_for_any_tag(three, tag):
    assert three.delete("/todos/", headers={"If-Match": tag}, expect_errors=True).status_int == (
        412 if "0" in tag else 200
    )


def test_under_todo_backend_it_needs_no_if_match(todos):
    client = client_of(TodoMVC(todos, todo_backend=True))
    client.post_json("/todos/", {"title": "a"})
    client.delete("/todos/", status=200)
    assert client.get("/todos/").json == []


@pytest.mark.parametrize("path", [*ALLOWED, "/todos", "/nothing", "/todos/7", "/todos/x"])
def test_head_answers_as_get_does_but_for_the_body(three, application, path):
    get, head = (call(application, method, path) for method in ["GET", "HEAD"])
    assert head == (get[0], get[1], b"")


@pytest.mark.parametrize("path", ALLOWED)
def test_options_answers_204_with_the_allowed_methods(three, path):
    response = three.options(path, status=204)
    assert response.headers["Allow"] == ALLOWED[path]


OTHERS = ["TRACE", "CONNECT", "PROPFIND", "BREW", "get", "GET ", "", "ANY", "a\r\nb"]
NOT_ALLOWED = [
    (path, method) for path in ALLOWED for method in METHODS + OTHERS if method not in ALLOWED[path].split(", ")
]


@pytest.mark.parametrize(("path", "method"), NOT_ALLOWED)
def test_a_method_that_is_not_allowed_is_405_with_those_that_are(application, three, path, method):
    response = client_of(application, REQUEST_METHOD=method).get(path, status=405)
    assert response.headers["Allow"] == ALLOWED[path]
    assert ids(three) == [0, 1, 2]


@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path in ALLOWED for method in ALLOWED[path].split(", ")]
)
def test_a_method_that_is_allowed_is_never_405(three, path, method):
    assert three.request(path, method=method, expect_errors=True).status_int in {200, 204, 415, 428}


# Errors


ERRORS = [
    ("GET", "/todos/7", "", 404, "Not Found"),
    ("DELETE", "/todos/7", "", 404, "Not Found"),
    ("GET", "/todos/x", "", 404, "Not Found"),
    ("GET", "/todos/0/x", "", 404, "Not Found"),
    ("PUT", "/todos/", "{}", 405, "Method Not Allowed"),
    ("POST", "/todos/", "{", 400, "Bad Request"),
    ("POST", "/todos/", "[]", 400, "Bad Request"),
    ("PATCH", "/todos/0", "", 400, "Bad Request"),
    ("PUT", "/todos/0", " " * 1024 * 1024 + "{}", 413, "Content Too Large"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "title"), ERRORS)
def test_an_error_of_the_api_is_a_problem(three, method, path, body, status, title):
    headers = {"Content-Type": "application/json"}
    response = three.request(path, method=method, body=body.encode(), headers=headers, status=status)
    problem = response.json
    assert response.content_type == "application/problem+json"
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", title, status)


@pytest.mark.parametrize(("method", "path", "body", "status", "title"), ERRORS)
def test_the_detail_of_a_problem_is_one_sentence(three, method, path, body, status, title):
    headers = {"Content-Type": "application/json"}
    detail = three.request(path, method=method, body=body.encode(), headers=headers, status=status).json["detail"]
    assert re.fullmatch(r"[A-Z][^\n]{10,200}\.", detail)
    assert ". " not in detail


def test_the_problem_of_a_wrong_type_is_415(client):
    response = client.post("/todos/", "{}", content_type="text/plain", status=415)
    assert (response.content_type, response.json["title"]) == ("application/problem+json", "Unsupported Media Type")


def test_a_person_who_opens_a_missing_page_gets_a_small_readable_page(client):
    response = client.get("/nothing/here", status=404)
    assert response.content_type == "text/html"
    assert len(response.body) < 2000
    assert "404 Not Found" in response.html.get_text()


def test_the_page_of_an_error_links_to_the_todos(client):
    response = client.get("/nothing", status=404)
    response.click(href="/").mustcontain("<title>TodoMVC</title>")


@pytest.mark.parametrize("path", ["/todosx", "/todo/1", "/TODOS/", "/x/todos/"])
def test_what_is_not_under_todos_is_not_the_api(client, path):
    assert client.get(path, status=404).content_type == "text/html"


# The ready-made application


def test_the_ready_made_application_has_the_two_names_that_servers_look_for():
    assert app is wsgi_application


def test_the_ready_made_application_serves_the_page_and_the_api():
    client = client_of(app)
    client.get("/", status=200).mustcontain("<title>TodoMVC</title>")
    id = client.post_json("/todos/", {"title": "a"}).json["id"]
    assert client.get(f"/todos/{id}").json == {"title": "a", "id": id}
