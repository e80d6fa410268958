"""The application within others: under a prefix, beside another of its kind, behind what changes the environ."""

import re
import subprocess
import sys
from urllib.parse import urljoin
from wsgiref.util import shift_path_info

import pytest
from conftest import ROOT, call, client_of
from readme import block

from todomvc import TodoList, TodoMVC
from todomvc_guards import guard
from todomvc_sqlite import SQLiteTodoList

werkzeug_dispatcher = pytest.importorskip("werkzeug.middleware.dispatcher")
DispatcherMiddleware = werkzeug_dispatcher.DispatcherMiddleware
IMPORT, *PARTS = block("from werkzeug.middleware.dispatcher import DispatcherMiddleware").split("\n\n# ")


def host(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"host"]


def run_lines(framework, application, **names):
    """Run the lines by which README mounts the application in a framework; return what the names are then."""
    (lines,) = [part for part in PARTS if part.startswith(framework)]
    names["TodoMVC"] = lambda: application
    exec(f"{IMPORT}\n# {lines}", names)
    return names


def in_any(application):
    return run_lines("any WSGI application", application, others=host)["application"]


def in_rewriting(application):
    def rewriting(environ, start_response):
        if not re.match("/app(/|$)", environ["PATH_INFO"]):
            return host(environ, start_response)
        shift_path_info(environ)
        return application(environ, start_response)

    return rewriting


def in_flask(application):
    flask = pytest.importorskip("flask").Flask("host")
    flask.add_url_rule("/", view_func=lambda: "host")
    return run_lines("Flask", application, flask_app=flask)["flask_app"]


def in_django(application):
    django = pytest.importorskip("django")
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    if not settings.configured:
        urls = type("urls", (), {"urlpatterns": [path("", lambda request: HttpResponse("host"))]})
        settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="-")
        django.setup()
    return run_lines("Django", application, get_wsgi_application=get_wsgi_application)["application"]


def in_pyramid(application):
    config = pytest.importorskip("pyramid.config").Configurator()
    from pyramid.httpexceptions import HTTPPermanentRedirect
    from pyramid.response import Response
    from pyramid.wsgi import wsgiapp2

    config.add_route("host", "/")
    config.add_view(lambda request: Response("host"), route_name="host")
    names = {"wsgiapp2": wsgiapp2, "HTTPPermanentRedirect": HTTPPermanentRedirect}
    run_lines("Pyramid", application, config=config, **names)
    return config.make_wsgi_app()


@pytest.fixture(params=[in_any, in_rewriting, in_flask, in_django, in_pyramid])
def mounted(request):
    """A client of another application, which has ours at /app."""
    return client_of(request.param(TodoMVC()))


# Under a prefix


def test_the_host_keeps_its_own_addresses(mounted):
    assert mounted.get("/").body == b"host"


def test_every_address_in_the_page_has_the_prefix_and_is_served(mounted):
    page = mounted.get("/app/", status=200).text
    addresses = [urljoin("/app/", address) for address in re.findall(r'(?:href|src)="([^"#]+)"', page)]
    assert "/app/js/app.js" in addresses
    for address in addresses:
        mounted.get(address, status=200)


def test_the_page_tells_the_client_where_the_list_is(mounted):
    assert 'data-url="/app/todos/"' in mounted.get("/app/").text


def test_location_has_the_prefix(mounted):
    location = mounted.post_json("/app/todos/", {"title": "a"}).headers["Location"]
    assert location.endswith("/app/todos/0")
    assert mounted.get(location).json == {"title": "a", "id": 0}


@pytest.mark.parametrize(("path", "location"), [("/app", "/app/"), ("/app?a=%20", "/app/?a=%20")])
def test_a_redirect_has_the_prefix(mounted, path, location):
    assert mounted.get(path, status=308).headers["Location"].endswith(location)


def test_a_todo_is_changed_and_deleted(mounted):
    mounted.post_json("/app/todos/", {"title": "a"})
    assert mounted.patch_json("/app/todos/0", {"title": "é"}).json["title"] == "é"
    mounted.delete("/app/todos/0", status=200)
    mounted.get("/app/todos/0", status=404)


def test_an_error_page_leads_back_to_the_prefix(mounted):
    assert '<a href="/app/">' in mounted.get("/app/nothing", status=404).text


@pytest.mark.parametrize("prefix", ["/a/b", "/é", "/a b", "/%41", "/a&b"])
def test_a_prefix_of_any_letters_is_kept_in_addresses(prefix):
    name = prefix.encode().decode("latin-1")
    status, headers, _ = call(TodoMVC(), "GET", "", SCRIPT_NAME=name)
    quoted = {"/é": "/%C3%A9", "/a b": "/a%20b", "/%41": "/%2541", "/a&b": "/a%26b"}.get(prefix, prefix)
    assert (status[:3], dict(headers)["Location"]) == ("308", f"{quoted}/")


# Two in one process


def test_two_applications_share_no_todos():
    client = client_of(DispatcherMiddleware(TodoMVC(), {"/other": TodoMVC()}))
    client.post_json("/todos/", {"title": "a"}, headers={"Idempotency-Key": "1"})
    assert client.get("/other/todos/").json == []
    other = client.post_json("/other/todos/", {"title": "b"}, headers={"Idempotency-Key": "1"})
    assert other.json == {"title": "b", "id": 0}


def test_two_applications_share_no_page():
    client = client_of(DispatcherMiddleware(TodoMVC(), {"/other": TodoMVC()}))
    client.post_json("/todos/", {"title": "only here"})
    assert "only here" in client.get("/").text
    assert "only here" not in client.get("/other/").text


def test_two_applications_share_no_file(tmp_path):
    lists = [SQLiteTodoList(tmp_path / name) for name in ["one.db", "two.db"]]
    client = client_of(DispatcherMiddleware(TodoMVC(lists[0]), {"/other": TodoMVC(lists[1])}))
    client.post_json("/todos/", {"title": "a"})
    assert (len(client.get("/todos/").json), client.get("/other/todos/").json) == (1, [])


def test_two_applications_over_one_list_show_the_same():
    todos = TodoList()
    client = client_of(DispatcherMiddleware(TodoMVC(todos), {"/other": TodoMVC(todos)}))
    client.post_json("/other/todos/", {"title": "shared"})
    assert "shared" in client.get("/").text


def test_one_application_at_two_prefixes_shows_the_addresses_of_each():
    application = TodoMVC()
    client = client_of(DispatcherMiddleware(application, {"/other": application}))
    for _ in range(2):
        assert 'data-url="/todos/"' in client.get("/").text
        assert 'data-url="/other/todos/"' in client.get("/other/").text


# The environ of others


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/css/app.css"), ("GET", "/todos/"), ("POST", "/todos/")]
)
def test_the_environ_is_left_alone_but_for_the_body_that_was_read(method, path):
    kept = []

    def remembering(environ, start_response):
        environ.update(REMOTE_USER="me", HTTP_X_OTHER="x", **{"other.key": kept})
        before = dict(environ)
        answer = guard(TodoMVC())(environ, start_response)
        kept.extend(name for name in {**before, **environ} if before.get(name) is not environ.get(name))
        return answer

    client_of(remembering, CONTENT_TYPE="application/json").request(path, method=method, body=b"{}")
    assert set(kept) <= {"wsgi.input"}


def test_a_body_can_be_read_again_by_what_is_around():
    def reading(environ, start_response):
        answer = TodoMVC()(environ, start_response)
        assert environ["wsgi.input"].read() == b'{"title": "a"}'
        return answer

    client_of(reading).post_json("/todos/", {"title": "a"}, status=200)


def test_how_the_server_knows_a_user_changes_nothing():
    known = {"AUTH_TYPE": "Basic", "REMOTE_IDENT": "you", "HTTP_AUTHORIZATION": "Basic eW91OnlvdQ=="}
    application = TodoMVC()  # one, as another list would have another identity
    answers = [call(application, "GET", "/", REMOTE_USER="me", **more) for more in ({}, known)]
    assert answers[0] == answers[1]


# Behind a proxy


@pytest.fixture
def proxied():
    fix = pytest.importorskip("werkzeug.middleware.proxy_fix").ProxyFix
    client = client_of(fix(guard(TodoMVC(todo_backend=True), ["todos.example"]), x_proto=1, x_host=1, x_prefix=1))
    client.extra_environ.update(
        HTTP_X_FORWARDED_PROTO="https", HTTP_X_FORWARDED_HOST="todos.example", HTTP_X_FORWARDED_PREFIX="/app"
    )
    return client


def test_the_prefix_that_a_proxy_tells_is_in_addresses(proxied):
    assert 'data-url="/app/todos/"' in proxied.get("/").text
    assert proxied.post_json("/todos/", {}).headers["Location"].endswith("/app/todos/0")


def test_the_scheme_and_name_that_a_proxy_tells_are_in_absolute_addresses(proxied):
    assert proxied.post_json("/todos/", {}).json["url"] == "https://todos.example/app/todos/0"


@pytest.mark.parametrize(("origin", "status"), [("https://todos.example", 200), ("http://localhost:80", 403)])
def test_a_page_is_of_the_same_origin_as_the_name_that_a_proxy_tells(proxied, origin, status):
    proxied.post_json("/todos/", {}, headers={"Origin": origin}, status=status)


# What patches the standard library, and what does not


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import json, sys, urllib.request
import gevent
from gevent.pywsgi import WSGIServer
from todomvc import TodoList, TodoMVC
from todomvc_sqlite import SQLiteTodoList

todos = SQLiteTodoList(sys.argv[1]) if sys.argv[1:] else TodoList()
server = WSGIServer(("127.0.0.1", 0), TodoMVC(todos), log=None)
server.start()
url = f"http://127.0.0.1:{server.server_port}/todos/"

def create(_):
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]

ids = [job.get() for job in [gevent.spawn(create, i) for i in range(50)]]
print(sorted(ids) == list(range(50)))
"""


def python(program, *arguments):
    """Run a program with the application on its path; return what it says."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("files", [[], ["todos.db"]], ids=["in memory", "in a file"])
def test_greenlets_that_create_at_once_get_an_id_each(files, tmp_path):
    pytest.importorskip("gevent")
    assert python(GREENLETS, *[tmp_path / file for file in files]) == "True"


PATCHES = """
import sys, io
import argparse, gzip, hashlib, html, json, socketserver, sqlite3, string, tempfile, traceback, wsgiref.simple_server
import zipfile, urllib.parse, fcntl, concurrent.futures
def attributes():
    return {(name, key): id(value) for name, module in modules.items() for key, value in vars(module).items()}
modules = {name: module for name, module in sys.modules.items() if name != "__main__"}
before = attributes()
import todomvc
todomvc.TodoMVC()
modules_loaded = {(name.rpartition(".")[0], name.rpartition(".")[2]) for name in sys.modules}
after = attributes()
print(sorted(key for key in after if before.get(key) != after[key] and key not in modules_loaded))
"""


def test_nothing_of_the_standard_library_is_patched():
    assert python(PATCHES) == "[]"
