"""Entity tags and the conditions on them (RFC 9110, sections 8.8.3 and 13): nobody downloads twice or overwrites."""

import json
import re

import pytest
from conftest import call, client_of, put, tag_of
from stress import race

from todomvc import TodoList, TodoMVC

READS = ["/", "/todos/", "/todos/0", "/css/app.css", "/icon.svg"]
CHANGES = [
    lambda client: client.post_json("/todos/", {"title": "new"}),
    lambda client: client.put_json("/todos/0", {"title": "new"}),
    lambda client: client.patch_json("/todos/0", {"title": "new"}),
]
LONG = {"title": "long " * 500}


@pytest.fixture
def client(application):
    client = client_of(application)
    client.post_json("/todos/", LONG)
    return client


def status_of(application, path, condition, **environ):
    return int(call(application, "GET", path, HTTP_IF_NONE_MATCH=condition, **environ)[0][:3])


# Tags


@pytest.mark.parametrize("path", READS)
def test_what_can_be_read_has_a_strong_entity_tag(application, client, path):
    assert re.fullmatch(r'"[!#-~]+"', tag_of(application, path))


@pytest.mark.parametrize("path", READS)
def test_a_tag_stays_while_nothing_changes(application, client, path):
    client.get("/todos/0")
    assert tag_of(application, path) == tag_of(application, path)


@pytest.mark.parametrize("path", READS)
def test_servers_of_one_list_give_the_same_tags(application, client, path):
    assert tag_of(application, path) == tag_of(TodoMVC(application.todos), path)


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0"])
def test_another_list_with_the_same_todos_gives_other_tags(application, client, path):
    other = TodoMVC()
    other.todos.create(LONG)
    assert tag_of(application, path) != tag_of(other, path)


@pytest.mark.parametrize("change", CHANGES, ids=["post", "put", "patch"])
@pytest.mark.parametrize("path", ["/", "/todos/"])
def test_a_change_gives_the_page_and_the_list_other_tags(application, client, change, path):
    before = tag_of(application, path)
    change(client)
    assert tag_of(application, path) != before


@pytest.mark.parametrize("change", CHANGES[1:], ids=["put", "patch"])
def test_a_change_gives_the_todo_another_tag(application, client, change):
    before = tag_of(application, "/todos/0")
    change(client)
    assert tag_of(application, "/todos/0") != before


def test_a_todo_that_is_changed_back_has_its_tag_again(application, client):
    before = tag_of(application, "/todos/0")
    client.patch_json("/todos/0", {"title": "new"})
    client.patch_json("/todos/0", LONG)
    assert tag_of(application, "/todos/0") == before


def test_the_answer_to_a_write_has_the_tag_of_what_it_wrote(application, client):
    for answer in [client.patch_json("/todos/0", {"a": 1}), client.post_json("/todos/", {"b": 1})]:
        assert answer.headers["ETag"] == tag_of(application, f"/todos/{answer.json['id']}")


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_each_content_coding_has_a_tag_of_its_own(application, client, path):
    assert tag_of(application, path) != tag_of(application, path, HTTP_ACCEPT_ENCODING="gzip")


@pytest.mark.parametrize("path", ["/nothing", "/todos/1", "/todos/x"])
def test_what_is_not_there_has_no_tag(client, path):
    assert "ETag" not in client.get(path, expect_errors=True).headers


# If-None-Match


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "condition",
    ["{0}", "W/{0}", "*", " * ", '"x", {0}', '{0}, "x"', '"x",W/{0},"y"', '"a,b", {0}', ' ,, {0} ,"x"', '"x"\t,\t{0}'],
)
def test_what_the_client_holds_is_not_sent_again(application, client, method, path, condition):
    known = condition.format(tag_of(application, path))
    status, _, body = call(application, method, path, HTTP_IF_NONE_MATCH=known)
    assert (status, body) == ("304 Not Modified", b"")


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("condition", ["", '"x"', 'W/"x"', '"*"', "x", '"', '""', 'w/"x"', '"x", "y"', '"x*"'])
def test_what_the_client_does_not_hold_is_sent(application, client, path, condition):
    assert status_of(application, path, condition) == 200


@pytest.mark.parametrize("path", READS)
def test_a_tag_without_its_quotes_or_in_pieces_is_another_one(application, client, path):
    tag = tag_of(application, path)
    for other in [tag.strip('"'), tag.upper(), tag[:-2] + '"', '"' + tag[2:], f'"{tag[1:-1]}x"', f'"x{tag[1:-1]}"']:
        assert status_of(application, path, other) == 200


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_the_tag_of_one_content_coding_is_not_good_for_the_other(application, client, path):
    plain, gzipped = tag_of(application, path), tag_of(application, path, HTTP_ACCEPT_ENCODING="gzip")
    assert status_of(application, path, gzipped) == 200
    assert status_of(application, path, plain, HTTP_ACCEPT_ENCODING="gzip") == 200
    assert status_of(application, path, gzipped, HTTP_ACCEPT_ENCODING="gzip") == 304


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("path", READS)
def test_a_304_has_the_headers_of_the_200_that_caches_need(application, client, path, coding):
    _, full, _ = call(application, "GET", path, HTTP_ACCEPT_ENCODING=coding)
    _, short, _ = call(application, "GET", path, HTTP_ACCEPT_ENCODING=coding, HTTP_IF_NONE_MATCH="*")
    needed = ["Cache-Control", "ETag", "Vary"]  # RFC 9110, section 15.4.5
    assert [dict(short).get(name) for name in needed] == [dict(full).get(name) for name in needed]


@pytest.mark.parametrize("path", READS)
def test_a_304_describes_no_body(application, client, path):
    _, headers, _ = call(application, "GET", path, HTTP_IF_NONE_MATCH="*")
    assert not {"Content-Type", "Content-Length", "Content-Encoding"} & set(dict(headers))


@pytest.mark.parametrize("change", CHANGES, ids=["post", "put", "patch"])
@pytest.mark.parametrize("path", ["/", "/todos/"])
def test_after_a_change_the_old_tag_is_not_good_any_more(application, client, change, path):
    before = tag_of(application, path)
    change(client)
    assert status_of(application, path, before) == 200


@pytest.mark.parametrize("path", ["/nothing", "/todos/1", "/todos/x"])
def test_what_is_not_there_is_404_whatever_the_condition(application, client, path):
    assert status_of(application, path, "*") == 404


def test_a_date_is_no_condition(client):
    client.get("/todos/0", headers={"If-Modified-Since": "Fri, 31 Dec 9999 23:59:59 GMT"}, status=200)


# If-Match


def send(client, method, condition, path="/todos/0", name="If-Match", **options):
    headers = {name: condition, "Content-Type": "application/json"}
    body = b"" if method == "DELETE" else b'{"title": "new"}'
    return client.request(path, method=method, headers=headers, body=body, **options)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("condition", ["{0}", "*", " * ", '"x", {0}', '{0},"x"', 'W/"x" , {0}'])
def test_a_write_is_done_if_the_todo_is_as_expected(application, client, method, condition):
    send(client, method, condition.format(tag_of(application, "/todos/0")), status=200)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("condition", ["W/{0}", '"x"', "", "x", '""', '"', '"x", "y"', '"*"', '"x", W/{0}', '"x{0}x"'])
def test_a_write_is_412_if_it_is_not_and_writes_nothing(application, client, method, condition):
    before = client.get("/todos/").body
    answer = send(client, method, condition.format(tag_of(application, "/todos/0")), status=412)
    assert (answer.content_type, answer.json["title"]) == ("application/problem+json", "Precondition Failed")
    assert client.get("/todos/").body == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_is_412_after_another_ones_change(application, client, method):
    tag = tag_of(application, "/todos/0")
    client.patch_json("/todos/0", {"completed": True})
    send(client, method, tag, status=412)
    assert client.get("/todos/0").json["completed"] is True


def test_the_answer_to_a_write_is_the_condition_of_the_next(client):
    tag = client.patch_json("/todos/0", {"a": 1}).headers["ETag"]
    for _ in range(3):
        tag = send(client, "PATCH", tag, status=200).headers["ETag"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/todos/1", "/todos/x"])
def test_what_is_not_there_is_404_and_not_412(client, method, path):
    send(client, method, "*", path, status=404)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400)])
def test_a_bad_request_is_told_so_whatever_its_condition(client, method, body, status):
    headers = {"If-Match": '"x"', "Content-Type": "application/json"}
    client.request("/todos/0", method=method, headers=headers, body=body, status=status)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("condition", ["*", "{0}", "W/{0}"])
def test_a_write_for_whoever_does_not_hold_the_todo_is_412(application, client, method, condition):
    tag = tag_of(application, "/todos/0")
    send(client, method, condition.format(tag), name="If-None-Match", status=412)
    assert tag_of(application, "/todos/0") == tag


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_the_list_is_deleted_only_as_it_was_seen(application, client, coding):
    seen = tag_of(application, "/todos/", HTTP_ACCEPT_ENCODING=coding)
    client.post_json("/todos/", {})
    send(client, "DELETE", seen, "/todos/", status=412)
    assert len(client.get("/todos/").json) == 2
    send(client, "DELETE", tag_of(application, "/todos/", HTTP_ACCEPT_ENCODING=coding), "/todos/", status=200)
    assert client.get("/todos/").json == []


# At once


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_of_threads_with_the_same_if_match_one_writes(application, client, method):
    for id in range(1, 11):
        client.post_json("/todos/", {"title": "a"})
        path = f"/todos/{id}"
        tag = tag_of(application, path)
        statuses = race(8, lambda n, path=path, tag=tag: send(client, method, tag, path, expect_errors=True).status_int)
        assert statuses.count(200) == 1
        assert set(statuses[1:]) <= {404, 412}


def test_every_thread_that_reads_again_after_412_gets_its_change_in(application):
    application.todos.create({"n": 0})

    def increase(_):
        status = "412"
        while status.startswith("412"):
            _, headers, body = call(application, "GET", "/todos/0")
            new = json.dumps({"n": json.loads(body)["n"] + 1}).encode()
            status = put(application, dict(headers)["ETag"], new)
        return status

    assert race(8, increase) == ["200 OK"] * 8
    assert json.loads(application.todos.read(0))["n"] == 8


def test_a_list_of_ones_own_is_checked_at_its_lock():
    todos = TodoList()
    todos.create({"title": "a"})
    with pytest.raises(LookupError):
        todos.update(0, {"title": "b"}, refuse)
    with pytest.raises(LookupError):
        todos.delete_all(refuse)
    assert json.loads(todos.read(0))["title"] == "a"


def refuse(todo):
    raise LookupError
