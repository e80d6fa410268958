"""A password in front, as docs/deploy.md has it: whoever knows one has a list, and no other's."""

import base64
import contextlib
import json
import shlex
import subprocess

import pytest
from connection import Client
from readme import block, replace, span
from servers import HERE, MOD_WSGI, PROXY, TO_UWSGI, UWSGI, Server, behind_nginx, environ_in, in_location, paths_in

BROWSER = {"Host": "todos.example.org", "Origin": "http://todos.example.org", "Sec-Fetch-Site": "same-origin"}
NAMES = ["alice", "bob", "zoë", "爱丽丝"]


class Guarded(Server):
    """A server that asks for a password."""

    @contextlib.contextmanager
    def running_in(self, folder):
        for name in NAMES:
            command = span("htpasswd -c").replace("alice", name)
            run(command if name == NAMES[0] else command.replace("-c ", ""), folder, f"{name}'s\n" * 2)
        if "apache.conf" in self.files:
            (folder / "wsgi.conf").write_text(run(span("mod_wsgi-express module-config"), folder))
        with super().running_in(folder) as port:
            yield port


def run(command, folder, typed=""):
    """Run a command of docs/deploy.md in a folder, with what is typed into it; return what it says."""
    words = shlex.split(replace(command, paths_in(folder)))
    options = {"stdout": subprocess.PIPE, "start_new_session": True}  # without a terminal, it reads from its input
    return subprocess.run(words, env=environ_in(folder), input=typed, check=True, text=True, **options).stdout


def with_password(name, line, *needs, location, lines):
    behind = behind_nginx(name, line, *needs, "htpasswd", location=in_location(location, lines))
    return Guarded(name, behind.needs, behind.lines, behind.files)


FOR_PROXY = block('auth_basic "todos";\nauth_basic_user_file /etc/htpasswd;\nproxy_set_header')
FOR_UWSGI = block('auth_basic "todos";\nauth_basic_user_file /etc/htpasswd;\nuwsgi_param')
APACHE = {
    "apache.conf": (HERE / "apache.conf").read_text(),
    "site.conf": block("WSGIScriptAlias"),
    "application.py": block("from todomvc import TodoMVC, open_list\nfrom todomvc_guards import guard"),
}
GUARDED = [
    with_password(
        "the command behind nginx",
        span("python3 -m todomvc --port 8001 --allow-host todos.example.org --user-header"),
        location=PROXY,
        lines=FOR_PROXY,
    ),
    with_password(
        "gunicorn behind nginx",
        span("TODOMVC_HOSTS=todos.example.org TODOMVC_USER_HEADER="),
        "gunicorn",
        location=PROXY,
        lines=FOR_PROXY,
    ),
    with_password("uWSGI behind nginx", TO_UWSGI, "uwsgi", location=UWSGI, lines=FOR_UWSGI),
    Guarded("Apache", (*MOD_WSGI, "htpasswd"), ("apache2 -d . -f apache.conf -DFOREGROUND",), APACHE),
]


class User(Client):
    """What a browser sends for a user who has typed name and password."""

    def __init__(self, port, name, password=None):
        super().__init__(port)
        secret = base64.b64encode(f"{name}:{password or name + chr(39) + 's'}".encode()).decode()
        self.own = {**BROWSER, "Authorization": f"Basic {secret}"} if name else BROWSER

    def request(self, method, path, body=None, headers=None, **options):
        super().request(method, path, body, {**self.own, **(headers or {})}, **options)


@pytest.fixture(scope="module", params=GUARDED, ids=lambda server: server.name)
def port(request):
    with request.param.running() as port:
        yield port


@pytest.fixture
def user(port):
    """Make the client of a user, whose list is empty."""
    with contextlib.ExitStack() as stack:

        def make(name):
            user = stack.enter_context(contextlib.closing(User(port, name)))
            assert user.ask("DELETE", "/todos/", If_Match="*").status == 200
            return user

        yield make


@pytest.fixture
def alice(user):
    return user("alice")


@pytest.fixture
def bob(user):
    return user("bob")


@pytest.mark.parametrize("who", [("",), ("alice", "bob's"), ("nobody", "bob's"), ("alice", "-")])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/todos/"), ("POST", "/todos/"), ("GET", "/css/app.css")]
)
def test_without_the_password_nothing_is_answered(port, alice, who, method, path):
    with contextlib.closing(User(port, *who)) as stranger:
        answer = stranger.ask(method, path, b"{}" if method == "POST" else None, Content_Type="application/json")
    assert answer.status == 401
    assert alice.titles() == []


def test_with_the_password_the_page_comes_with_the_list(alice):
    alice.create(title="on the page of alice")
    page = alice.ask("GET", "/")
    assert (page.status, b"on the page of alice" in page.body) == (200, True)
    assert alice.ask("GET", "/js/app.js").status == 200


def test_with_the_password_a_browser_makes_changes_and_deletes(alice):
    todo = alice.create(title="a")
    assert json.loads(alice.send_json("PATCH", todo, {"title": "b"}).body)["title"] == "b"
    assert alice.titles() == ["b"]
    assert alice.ask("DELETE", todo).status == 200
    assert alice.ask("GET", todo).status == 404


def test_the_password_does_not_let_the_page_of_another_site_in(alice):
    elsewhere = {"Origin": "http://elsewhere.example", "Sec_Fetch_Site": "cross-site"}
    assert alice.send_json("POST", "/todos/", {}, **elsewhere).status == 403
    assert alice.titles() == []


def test_each_user_has_a_list_of_their_own(alice, bob):
    todo = alice.create(title="of alice")
    bob.ask("DELETE", "/todos/", If_Match="*")
    assert bob.create(title="of bob")
    assert (alice.titles(), bob.titles()) == (["of alice"], ["of bob"])
    assert b"of alice" not in bob.ask("GET", "/").body
    assert json.loads(alice.ask("GET", todo).body)["title"] == "of alice"


@pytest.mark.parametrize("header", ["X-Remote-User", "X_Remote_User", "x-remote-user", "Remote-User", "REMOTE_USER"])
@pytest.mark.parametrize("name", ["bob", "", "alice, bob"])
def test_who_says_to_be_another_is_not_believed(alice, bob, header, name):
    bob.create(title="of bob")
    alice.create(title="of alice")
    alice.own = {**alice.own, header: name}
    assert alice.titles() == ["of alice"]
    assert b"of bob" not in alice.ask("GET", "/").body


def test_names_of_any_script_have_a_list_each(user):
    users = [user(name) for name in NAMES]
    for name, one in zip(NAMES, users, strict=True):
        one.create(title=f"of {name}")
    assert [one.titles() for one in users] == [[f"of {name}"] for name in NAMES]
