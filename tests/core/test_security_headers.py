"""The headers by which a browser is told what an answer may do, and what no answer tells of the server."""

import re

import pytest
from conftest import call, client_of

from todomvc import TodoMVC
from todomvc_guards import guard

PAGES = ["/", "/nothing", "/css/app.css", "/icon.svg"]
API = ["/todos", "/todos/", "/todos/0", "/todos/7", "/todos/x"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
WORDS = re.compile(r"'none'|'self'")


@pytest.fixture(scope="module")
def application():
    return TodoMVC()


def headers_of(application, path, method="GET", **environ):
    return dict(call(application, method, path, **environ)[1])


def policy_of(headers):
    """Return the Content-Security-Policy as a dict of directives."""
    directives = [directive.split() for directive in headers["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in directives}


@pytest.mark.parametrize("path", PAGES + API)
@pytest.mark.parametrize("method", METHODS)
def test_every_answer_says_that_its_type_is_not_to_be_guessed(application, path, method):
    assert headers_of(application, path, method)["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES + API)
@pytest.mark.parametrize("method", METHODS)
def test_every_answer_keeps_its_address_from_other_sites(application, path, method):
    assert headers_of(application, path, method)["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES + API)
@pytest.mark.parametrize("method", METHODS)
def test_no_answer_can_be_embedded_by_other_sites(application, path, method):
    assert headers_of(application, path, method)["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES + API)
@pytest.mark.parametrize("method", METHODS)
def test_no_answer_can_be_framed_so_that_no_page_can_count_the_todos(application, path, method):
    assert headers_of(application, path, method)["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0", "/css/app.css"])
def test_a_304_cannot_be_framed_or_embedded_either(path):
    application = TodoMVC()
    application.todos.create({})
    status, headers, _ = call(application, "GET", path, HTTP_IF_NONE_MATCH="*")
    assert status.startswith("304")
    assert dict(headers)["X-Frame-Options"] == "DENY"
    assert dict(headers)["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES + API)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("user", "caching"), [("alice", "private, no-cache"), ("", "no-cache"), (None, "no-cache")])
def test_no_shared_cache_may_store_what_is_for_a_user(application, path, method, user, caching):
    environ = {} if user is None else {"REMOTE_USER": user}
    assert headers_of(application, path, method, **environ)["Cache-Control"] == caching


@pytest.mark.parametrize("environ", [{"HTTP_HOST": "evil.com"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}])
@pytest.mark.parametrize("path", ["/", "/todos/"])
def test_an_answer_of_a_guard_says_the_same(application, path, environ):
    headers = headers_of(guard(application, []), path, "POST", **environ)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"


# What a browser shows


@pytest.mark.parametrize("path", PAGES)
def test_nothing_that_is_shown_can_be_framed_or_reached_by_its_opener(application, path):
    headers = headers_of(application, path)
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert policy_of(headers)["frame-ancestors"] == ["'none'"]


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_allows_nothing_but_what_it_names(application, path):
    policy = policy_of(headers_of(application, path))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == ["'none'"]


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_allows_only_this_origin_and_nothing_unsafe(application, path):
    values = [value for values in policy_of(headers_of(application, path)).values() for value in values]
    assert all(WORDS.fullmatch(value) for value in values)


@pytest.mark.parametrize("path", ["/nothing", "/"])
@pytest.mark.parametrize("environ", [{"HTTP_HOST": "evil.com"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}])
def test_the_page_of_a_refusal_has_the_policy_too(application, path, environ):
    assert "default-src" in policy_of(headers_of(guard(application, []), path, "POST", **environ))


def test_a_304_needs_no_policy_since_the_page_that_is_kept_has_it(application):
    assert "Content-Security-Policy" not in headers_of(application, "/", HTTP_IF_NONE_MATCH="*")


def test_another_client_brings_a_policy_of_its_own(tmp_path):
    (tmp_path / "index.html").write_text("<script>1</script>$todos")
    headers = headers_of(TodoMVC(templates=tmp_path), "/")
    assert "Content-Security-Policy" not in headers
    assert headers["X-Frame-Options"] == "DENY"


# What is shown of the input


@pytest.mark.parametrize("path", ["/<script>alert(1)</script>", "/\"'><b>", "/&lt;b&gt;", "/\r\nX-Evil: 1", "/\x1b\0"])
@pytest.mark.parametrize("script_name", ["", "/<b>\"'\r\n"])
def test_the_page_of_an_error_shows_nothing_of_the_path_as_it_is(application, path, script_name):
    client = client_of(application, PATH_INFO=path, SCRIPT_NAME=script_name)
    answer = client.get("/", status=404)
    assert not re.search(r"""<script>|<b>|alert|Evil|"'|\x1b|\0""", answer.text)
