"""One conversation over a real socket, held with the application under each server."""

import contextlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import filterfalse
from operator import attrgetter

import pytest
from connection import Client
from readme import ROOT
from servers import SERVERS

MEBIBYTE = 1024 * 1024
JSON = {"Content_Type": "application/json"}
POST = b"POST /todos/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="session", params=SERVERS, ids=lambda server: server.name)
def server(request):
    """A server that runs, as (its description, its port)."""
    server = request.param
    with server.running() as port:
        with contextlib.closing(Client(port, server.prefix)) as first:
            assert first.ask("GET", "/").status == 200
        yield server, port


@pytest.fixture
def client(server):
    description, port = server
    client = Client(port, description.prefix)
    yield client
    client.close()


@pytest.fixture
def todo(client):
    """The path of a todo."""
    return client.create(title="a", completed=False)


def padded(size):
    """Return a JSON object of so many bytes."""
    return b'{"title":"%s"}' % (b"x" * (size - len(b'{"title":""}')))


# The table of the API


def test_a_todo_comes_back_as_sent_with_its_id(client):
    todo = json.loads(client.send_json("POST", "/todos/", {"title": "a"}).body)
    assert todo == {"title": "a", "id": todo["id"]}


def test_location_names_the_new_todo(server, client):
    answer = client.send_json("POST", "/todos/", {})
    address = f"{client.prefix}/todos/{json.loads(answer.body)['id']}"
    assert answer.headers["Location"] == (address if server[0].location else None)


def test_a_todo_is_read_at_its_address(client, todo):
    answer = client.ask("GET", todo)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(answer.body)["title"] == "a"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_fields_are_merged_into_a_todo(client, todo, method):
    assert client.send_json(method, todo, {"completed": True}).status == 200
    assert json.loads(client.ask("GET", todo).body).items() > {"title": "a", "completed": True}.items()


def test_a_deleted_todo_is_gone(client, todo):
    assert json.loads(client.ask("DELETE", todo).body)["title"] == "a"
    assert [client.ask(method, todo).status for method in ["GET", "DELETE"]] == [404, 404]


def test_the_list_holds_every_todo_and_deleting_it_leaves_none(client):
    client.ask("DELETE", "/todos/", If_Match="*")
    for title in "abc":
        client.create(title=title)
    assert client.titles() == ["a", "b", "c"]
    assert len(json.loads(client.ask("DELETE", "/todos/", If_Match="*").body)) == 3
    assert client.titles() == []


def test_a_key_that_is_sent_twice_makes_one_todo(client):
    client.ask("DELETE", "/todos/", If_Match="*")
    for _ in range(2):
        client.send_json("POST", "/todos/", {"title": "once"}, Idempotency_Key=f"key-{client.port}")
    assert client.titles() == ["once"]


def test_text_of_every_script_comes_back_the_same(client):
    title = 'é 世界 🎉 \u202e </script> "\\ \x00'
    assert json.loads(client.ask("GET", client.create(title=title)).body)["title"] == title


def test_utf_8_comes_back_the_same(client):
    answer = client.ask("POST", "/todos/", '{"title": "世界 🎉"}'.encode(), **JSON)
    assert json.loads(answer.body)["title"] == "世界 🎉"


def test_threads_that_create_at_once_get_an_id_each(client):
    def create(_):
        with contextlib.closing(Client(client.port, client.prefix)) as another:
            return another.create()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(24)))) == 24


# The page and the static files


def test_the_page_holds_the_todos(client):
    client.create(title="on the page")
    answer = client.ask("GET", "/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"on the page" in answer.body


def test_a_static_file_comes_byte_by_byte_with_its_type(client):
    answer = client.ask("GET", "/js/app.js")
    assert answer.body == (ROOT / "static/js/app.js").read_bytes()
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_the_address_without_a_slash_is_that_of_the_list(server, client):
    client.create(title="é")
    assert client.ask("GET", "/todos?a=%C3%A9&b=1+2").body == client.ask("GET", "/todos/").body
    made = client.send_json("POST", "/todos", {})
    address = f"{client.prefix}/todos/{json.loads(made.body)['id']}"
    assert (made.status, made.headers["Location"]) == (200, address if server[0].location else None)


@pytest.mark.parametrize("header", ["Cache-Control", "ETag", "X-Content-Type-Options"])
@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_the_headers_of_the_application_arrive(client, path, header):
    assert len(client.ask("GET", path).headers.get_all(header)) == 1


# What HTTP adds


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css", "/nothing", "/todos/999999"])
def test_head_has_the_headers_of_get_and_no_body(client, path):
    get, head = client.ask("GET", path), client.ask("HEAD", path)
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_nothing_follows_the_headers_of_an_answer_to_head(client):
    answer = client.write(b"HEAD / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    assert answer.split()[1] == b"200"
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_what_the_client_holds_already_is_304_without_a_body(client, path):
    tag = client.ask("GET", path).headers["ETag"]
    answer = client.ask("GET", path, If_None_Match=tag)
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    assert client.ask("GET", path).status == 200


def test_a_change_based_on_an_old_version_is_412(client, todo):
    tag = client.ask("GET", todo).headers["ETag"]
    assert client.send_json("PATCH", todo, {"title": "b"}, If_Match=tag).status == 200
    assert client.send_json("PATCH", todo, {"title": "c"}, If_Match=tag).status == 412


def test_options_are_told_without_a_body(client, todo):
    answer = client.ask("OPTIONS", todo)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert client.ask("GET", todo).status == 200


def test_another_method_is_405_with_those_that_may_be_used(client):
    answer = client.send_json("PUT", "/todos/", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, POST")


def test_a_page_may_write_to_its_own_server(client):
    origin = f"http://127.0.0.1:{client.port}"
    assert client.send_json("POST", "/todos/", {}, Origin=origin).status == 200


def test_a_page_of_another_server_may_not_write(client):
    assert client.send_json("POST", "/todos/", {}, Origin="http://elsewhere.example").status == 403


def test_a_connection_is_kept_open_for_the_next_request(server, client):
    client.create()
    connection = client.sock
    client.ask("GET", "/todos/")
    assert (connection is not None and client.sock is connection) == server[0].keep_alive


def test_an_old_client_is_answered(client):
    assert client.write(b"GET /todos/ HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").split()[1] == b"200"


def test_a_query_means_nothing_to_the_list(client):
    assert client.ask("GET", "/todos/?x=%FF&%00").status == 200


# What is refused


@pytest.mark.parametrize("path", ["/nothing", "/todos/999999", "/todos/-1", "/todos/%D9%A3", "/%E4%B8%96", "/%FF"])
def test_what_is_not_there_is_404(client, path):
    assert client.ask("GET", path).status == 404


def test_no_path_leads_out_of_the_static_files(client):
    for path in ["/../todomvc.py", "/css/../../todomvc.py", "/%2e%2e/todomvc.py", "/..%2ftodomvc.py"]:
        assert client.ask("GET", path).status in {400, 404}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a":NaN}', b"\xff"])
def test_what_is_not_a_json_object_is_400_in_problem_details(client, body):
    answer = client.ask("POST", "/todos/", body, **JSON)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_a_body_without_length_or_end_is_refused(client):
    answer = client.write(POST + b"Connection: close\r\n\r\n")
    assert answer.split()[1] in {b"400", b"411"}


def test_a_body_that_breaks_off_changes_nothing(client):
    before = client.titles()
    client.write(POST + b'Content-Length: 99\r\n\r\n{"title": "broken off"}', half=True)
    assert client.titles() == before


# Large bodies


def test_a_body_of_1_mib_is_taken_and_comes_back(client):
    answer = client.ask("POST", "/todos/", padded(MEBIBYTE), **JSON)
    assert answer.status == 200
    assert len(json.loads(answer.body)["title"]) == MEBIBYTE - len(b'{"title":""}')
    assert client.ask("DELETE", f"/todos/{json.loads(answer.body)['id']}").body == answer.body


def test_a_larger_body_is_413_and_the_answer_arrives(client):
    answer = client.ask("POST", "/todos/", padded(MEBIBYTE + 1), **JSON)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")


def test_a_refusal_arrives_although_the_body_is_not_wanted(client):
    answer = client.ask("POST", "/todos/", padded(MEBIBYTE), Content_Type="text/plain")
    assert (answer.status, answer.headers["Content-Type"]) == (415, "application/problem+json")
    assert client.ask("GET", "/todos/").status == 200


def test_a_body_may_wait_for_the_servers_consent(client):
    answer = client.ask("POST", "/todos/", padded(MEBIBYTE), Expect="100-continue", **JSON)
    assert answer.status == 200
    client.ask("DELETE", "/todos/", If_Match="*")


# Bodies whose length is not told


def chunks(body, size=1000):
    return (body[start : start + size] for start in range(0, len(body), size))


def under(servers):
    return pytest.mark.parametrize("server", servers, indirect=True, ids=attrgetter("name"))


@under(filter(attrgetter("chunked"), SERVERS))
def test_a_chunked_body_is_taken_where_the_server_tells_its_end(client):
    answer = client.ask("POST", "/todos/", chunks(padded(5000)), **JSON)
    assert json.loads(answer.body)["title"] == json.loads(padded(5000))["title"]


@under(filterfalse(attrgetter("chunked"), SERVERS))
def test_a_chunked_body_is_411_where_the_server_does_not_tell_its_end(client):
    answer = client.write(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert answer.split()[1] == b"411"


@under(filter(attrgetter("chunked"), SERVERS))
def test_a_chunked_body_of_more_than_1_mib_is_413(client):
    assert client.ask("POST", "/todos/", chunks(padded(MEBIBYTE + 1), 65536), **JSON).status == 413


def test_an_unwanted_chunked_body_does_not_become_the_next_request(client):
    refused = POST.replace(b"json", b"xml") + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    path = client.prefix.encode() + b"/todos/"
    answers = client.write(refused + b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path)
    statuses = set(re.findall(rb"HTTP/1.. (\d+)", answers))
    assert statuses
    assert statuses <= {b"411", b"415", b"200"}
