"""static/openapi.json: a complete description of the API, and true."""

import re

import pytest
from api_document import DOCUMENT, operations
from conftest import ROOT, call, client_of

from todomvc import TodoMVC

OF_THE_COMMAND = {
    "414",
    "417",
    "431",
    "501",
    "505",
}  # which its server gives to what is no request of any operation
OF_A_MOUNT = {"308"}  # which has no path of its own in the document
EXAMPLES = {"/": "/", "/todos/": "/todos/", "/todos/{id}": "/todos/0", "/{file}": "/icon.svg"}


def resolved(value):
    """Return what a reference of the document points to."""
    while isinstance(value, dict) and "$ref" in value:
        reference, value = value["$ref"], DOCUMENT
        for name in reference.split("/")[1:]:
            value = value[name]
    return value


@pytest.fixture
def application():
    application = TodoMVC()
    application.todos.create({"title": "a"})
    return application


def test_it_is_served(application):
    response = client_of(application).get("/openapi.json", status=200)
    assert response.content_type == "application/json"
    assert response.json == DOCUMENT


def test_it_is_served_with_any_folder_of_static_files(tmp_path):
    client = client_of(TodoMVC(static=tmp_path))
    assert client.get("/openapi.json", status=200).json == DOCUMENT
    (tmp_path / "openapi.json").write_text("{}")
    assert client_of(TodoMVC(static=tmp_path)).get("/openapi.json").json == DOCUMENT


def test_it_names_what_a_todo_of_todomvc_has():
    for schema in ["Fields", "Todo"]:
        assert {"title", "completed"} <= set(DOCUMENT["components"]["schemas"][schema]["properties"])


def test_it_describes_every_route_and_no_other(application):
    handlers_of = {}
    for path, concrete in EXAMPLES.items():
        matching = [handlers for pattern, handlers in application.routes if pattern.fullmatch(concrete)]
        handlers_of[path] = matching[0] if matching else "the files"
    assert set(DOCUMENT["paths"]) == set(handlers_of)
    assert len({id(handlers) for handlers in handlers_of.values()}) == len(application.routes) + 1


@pytest.mark.parametrize("path", EXAMPLES)
def test_it_has_the_methods_that_each_path_allows(application, path):
    allowed = client_of(application).options(EXAMPLES[path]).headers["Allow"].lower().split(", ")
    assert sorted(method for at, method in operations() if at == path) == sorted(allowed)


@pytest.mark.parametrize(("path", "method"), operations())
def test_each_operation_answers_as_it_says(application, path, method):
    environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "0"}
    status, headers, body = call(application, method.upper(), EXAMPLES[path], **environ)
    response = resolved(DOCUMENT["paths"][path][method]["responses"][status[:3]])
    required = {name for name, header in response["headers"].items() if resolved(header).get("required")}
    assert required <= {name for name, _ in headers} <= {*response["headers"], "Content-Type", "Content-Length"}
    assert bool(response.get("content")) is bool(body) or method == "head"


def test_the_source_raises_no_status_that_it_does_not_describe():
    source = "".join(path.read_text("utf-8") for path in ROOT.glob("todomvc*.py"))
    raised = set(re.findall(r'"([1-5]\d\d) [A-Z]', source)) - OF_THE_COMMAND - OF_A_MOUNT
    described = {code for item in operations() for code in DOCUMENT["paths"][item[0]][item[1]]["responses"]}
    assert raised == described


def test_it_names_every_header_that_the_source_reads():
    source = "".join((ROOT / name).read_text("utf-8") for name in ("todomvc.py", "todomvc_guards.py"))
    read = {name.replace("_", "-").lower() for name in re.findall(r'"HTTP_([A-Z_]+)"', source)}
    known = {name.lower() for name in DOCUMENT["components"]["parameters"]}
    of_browsers = {"access-control-request-headers", "access-control-request-method", "origin", "sec-fetch-site"}
    assert read - known == of_browsers | {"host", "transfer-encoding", "x-forwarded-proto"}
