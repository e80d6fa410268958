"""CORS (fetch.spec.whatwg.org): off unless asked for, and then for exactly the origins that are named."""

import pytest
from conftest import call

from todomvc import LazyApplication, TodoMVC
from todomvc_guards import allow_origins, guard

OURS, OTHER = "https://app.example.org", "http://localhost:3000"
PATHS = ["/", "/todos", "/todos/", "/todos/0", "/todos/7", "/css/app.css", "/nothing"]
BODY = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2"}
PREFLIGHT = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}


def application_for(*origins):
    application = TodoMVC()
    application.todos.create({"title": "a"})
    return guard(application, ["*"], origins)


def ask(application, origin, method="GET", path="/todos/", **environ):
    """Return the status, and the headers in lists by their name."""
    if origin is not None:
        environ["HTTP_ORIGIN"] = origin
    status, pairs, _ = call(application, method, path, **environ)
    headers = {}
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    return int(status[:3]), headers


def words(values):
    return {word.strip() for value in values for word in value.split(",")}


def cors(headers):
    return {name for name in headers if name.startswith("Access-Control-")}


# Off


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_without_cors_no_answer_speaks_of_it(method, path):
    _, headers = ask(application_for(), OURS, method, path, **PREFLIGHT)
    assert not cors(headers)
    assert "Origin" not in words(headers.get("Vary", []))


# On


@pytest.mark.parametrize("path", PATHS)
def test_an_origin_that_is_named_may_read_every_answer(path):
    _, headers = ask(application_for(OURS), OURS, path=path)
    assert headers["Access-Control-Allow-Origin"] == [OURS]


@pytest.mark.parametrize("origin", [OURS, OTHER])
def test_several_origins_may_be_named_and_each_gets_its_own_back(origin):
    _, headers = ask(application_for(OURS, OTHER), origin)
    assert headers["Access-Control-Allow-Origin"] == [origin]


NOT_NAMED = [
    None,
    "",
    "null",
    "*",
    "http://app.example.org",
    "https://app.example.org:8443",
    "https://app.example.org:443",
    "https://app.example.org.evil.com",
    "https://evil.com/https://app.example.org",
    "https://xapp.example.org",
    "https://example.org",
    "https://app.example.org/",
    "https://app.example.org ",
    "https://APP.example.org",
    "https://app.example.org, https://evil.com",
    "https://app.example.org\r\nX-Evil: 1",
]


@pytest.mark.parametrize("origin", NOT_NAMED, ids=ascii)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_other_origin_is_allowed_anything(origin, method):
    _, headers = ask(application_for(OURS), origin, method, **PREFLIGHT)
    assert not cors(headers)


@pytest.mark.parametrize("origin", [None, OURS, OTHER])
@pytest.mark.parametrize("path", PATHS)
def test_caches_are_told_that_the_answer_depends_on_the_origin(origin, path):
    _, headers = ask(application_for(OURS), origin, path=path)
    assert "Origin" in words(headers["Vary"])


def test_the_answer_still_varies_by_its_coding():
    _, headers = ask(application_for(OURS), OURS, path="/css/app.css")
    assert words(headers["Vary"]) == {"Accept-Encoding", "Origin"}


@pytest.mark.parametrize("origin", [None, OURS, "null"])
def test_a_star_is_for_every_origin_and_then_nothing_depends_on_it(origin):
    _, headers = ask(application_for("*"), origin)
    assert headers["Access-Control-Allow-Origin"] == ["*"]
    assert "Vary" not in headers


@pytest.mark.parametrize("origins", [[OURS], ["*"]])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_credentials_are_never_allowed(origins, method):
    _, headers = ask(application_for(*origins), OURS, method, **PREFLIGHT)
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_script_sees_the_headers_that_a_client_needs():
    _, headers = ask(application_for(OURS), OURS, "POST", **BODY)
    assert words(headers["Access-Control-Expose-Headers"]) >= {"ETag", "Location", "Retry-After"}


def test_a_304_is_allowed_as_its_200_was():
    status, headers = ask(application_for(OURS), OURS, HTTP_IF_NONE_MATCH="*")
    assert (status, headers["Access-Control-Allow-Origin"]) == (304, [OURS])


def test_a_script_may_read_why_it_was_refused():
    status, headers = ask(application_for(OURS), OURS, "POST", CONTENT_TYPE="application/json", CONTENT_LENGTH="")
    assert (status, headers["Access-Control-Allow-Origin"]) == (411, [OURS])


# Preflight


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_is_answered_whatever_the_path(path):
    status, headers = ask(application_for(OURS), OURS, "OPTIONS", path, **PREFLIGHT)
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, [OURS])


def test_a_preflight_allows_the_methods_of_the_api():
    _, headers = ask(application_for(OURS), OURS, "OPTIONS", **PREFLIGHT)
    assert words(headers["Access-Control-Allow-Methods"]) >= {"GET", "POST", "PUT", "PATCH", "DELETE"}


def test_a_preflight_allows_the_headers_of_the_api():
    _, headers = ask(application_for(OURS), OURS, "OPTIONS", **PREFLIGHT)
    needed = {"Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"}
    assert words(headers["Access-Control-Allow-Headers"]) >= needed


@pytest.mark.parametrize("origins", [[OURS], ["*"]])
@pytest.mark.parametrize(
    "asked", ["authorization", "content-type,traceparent", "x-requested-with, x-csrf-token,pragma"]
)
def test_a_preflight_allows_the_headers_that_it_asks_for(origins, asked):
    _, headers = ask(application_for(*origins), OURS, "OPTIONS", HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked, **PREFLIGHT)
    assert words(headers["Access-Control-Allow-Headers"]) == words([asked])
    assert "Access-Control-Request-Headers" in words(headers["Vary"])


@pytest.mark.parametrize("asked", ["", "a\r\nX-Evil: 1", "a: b", "\xe9", "a;b", "<script>"])
def test_what_are_no_names_of_headers_is_not_repeated(asked):
    _, headers = ask(application_for(OURS), OURS, "OPTIONS", HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked, **PREFLIGHT)
    assert "Content-Type" in words(headers["Access-Control-Allow-Headers"])
    assert "Vary" in headers


def test_to_another_origin_no_header_is_allowed():
    environ = {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "authorization"}
    assert not cors(ask(application_for(OURS), OTHER, "OPTIONS", **environ)[1])


def test_a_preflight_is_remembered_and_depends_on_the_origin():
    _, headers = ask(application_for(OURS), OURS, "OPTIONS", **PREFLIGHT)
    assert int(headers["Access-Control-Max-Age"][0]) > 0
    assert "Origin" in words(headers["Vary"])


def test_an_options_that_is_no_preflight_says_what_the_path_allows():
    status, headers = ask(application_for(OURS), OURS, "OPTIONS")
    assert (status, headers["Allow"]) == (204, ["DELETE, GET, HEAD, OPTIONS, POST"])
    assert headers["Access-Control-Allow-Origin"] == [OURS]


# Together with the other guards


@pytest.mark.parametrize(("origin", "status"), [(OURS, 200), (OTHER, 403), ("null", 403)])
@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_only_an_origin_that_is_named_may_write(origin, site, status):
    environ = {} if site is None else {"HTTP_SEC_FETCH_SITE": site}
    assert ask(application_for(OURS), origin, "DELETE", path="/todos/0", **environ)[0] == status


@pytest.mark.parametrize("origin", [OURS, OTHER, "null"])
def test_a_star_lets_every_origin_write(origin):
    assert ask(application_for("*"), origin, "DELETE", "/todos/0", HTTP_SEC_FETCH_SITE="cross-site")[0] == 200


def test_two_layers_of_cors_make_one_header_each():
    application = allow_origins(allow_origins(TodoMVC(), ["*"]), ["*"])
    _, headers = ask(application, OURS)
    assert [len(headers[name]) for name in cors(headers)] == [1, 1]


# The application that a server imports


@pytest.mark.parametrize("value", [f"{OURS} {OTHER}", f"{OURS},{OTHER}", f" {OURS} ,, {OTHER} "])
def test_the_environment_may_name_them_for_the_command_and_for_app(monkeypatch, value):
    monkeypatch.setenv("TODOMVC_CORS", value)
    for origin in [OURS, OTHER]:
        _, headers = ask(LazyApplication(), origin)
        assert headers["Access-Control-Allow-Origin"] == [origin]


def test_an_origin_is_compared_as_browsers_write_it_in_lower_case(monkeypatch):
    monkeypatch.setenv("TODOMVC_CORS", "HTTPS://App.Example.Org")
    assert ask(LazyApplication(), OURS)[1]["Access-Control-Allow-Origin"] == [OURS]


def test_a_script_may_name_its_list_and_user_and_read_the_identity():
    application = application_for(OURS)
    _, headers = ask(application, OURS, "OPTIONS", **PREFLIGHT)
    assert {"Todo-List", "Todo-User"} <= words(headers["Access-Control-Allow-Headers"])
    _, headers = ask(application, OURS)
    assert "Todo-List" in words(headers["Access-Control-Expose-Headers"]) & set(headers)
