"""The page: the live todos in it, harmless whatever they say, and its URLs right wherever it is mounted."""

import json
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from conftest import call, client_of

from todomvc import TodoMVC

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "</SCRIPT ><script>alert(1)</script>",
    "<!--<script>",
    "-->]]>",
    "$title",
    "${x}",
    "$",
    "$$",
    "$todos ${url} $root",
    "&lt;b&gt; &amp; &#60; &",
    "'\"`\\ \\u003c \\\\u003c",
    "\u2028\u2029\0\x7f\ufeff\ufffd",
    "世界 🎉 é",
    "{{x}} {% x %} %s %(x)s {0}",
]


class Page(HTMLParser):
    """What a browser sees of a page: its elements, and the texts of those that have one."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data

    @property
    def data(self):
        """The attributes and the text of the one element that holds the todos."""
        kept = zip(self.elements, self.texts, strict=True)
        (found,) = [(element[1], text) for element, text in kept if element[1].get("type") == "application/json"]
        return found

    @property
    def todos(self):
        return json.loads(self.data[1])

    @property
    def links(self):
        return [
            value for _, attributes in self.elements for name, value in attributes.items() if name in {"src", "href"}
        ]


def page_of(client):
    return Page(client.get("/", status=200).text)


# The todos in it


def test_the_page_is_html_in_utf8(client):
    response = client.get("/", status=200)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text.startswith("<!doctype html>")


def test_the_page_of_an_empty_list_holds_an_empty_array(client):
    assert page_of(client).todos == []


def test_the_page_holds_the_live_todos_in_the_order_of_their_ids(client):
    for title in "abc":
        client.post_json("/todos/", {"title": title})
    client.delete("/todos/1")
    assert page_of(client).todos == client.get("/todos/").json == [{"title": "a", "id": 0}, {"title": "c", "id": 2}]


@pytest.mark.parametrize(
    "change",
    [
        lambda client: client.post_json("/todos/", {"title": "b"}),
        lambda client: client.put_json("/todos/0", {"title": "z"}),
        lambda client: client.patch_json("/todos/0", {"completed": True}),
        lambda client: client.delete("/todos/0"),
        lambda client: client.delete("/todos/", headers={"If-Match": "*"}),
    ],
    ids=["create", "put", "patch", "delete", "delete all"],
)
def test_a_reload_shows_every_change(client, change):
    client.post_json("/todos/", {"title": "a"})
    before = page_of(client).todos
    change(client)
    assert before != page_of(client).todos == client.get("/todos/").json


MANY = 250
CHANGES_OF_A_LONG_LIST = {
    "the first": lambda todos: todos.update(0, {"title": "new"}),
    "one in the middle": lambda todos: todos.update(MANY + 1, {"title": "new"}),
    "the last": lambda todos: todos.update(2 * MANY, {"title": "new"}),
    "one more": lambda todos: todos.create({"title": "new"}),
    "one less": lambda todos: todos.delete(1),
    "the last less": lambda todos: todos.delete(2 * MANY),
    "none left": lambda todos: todos.delete_all(),
    "none left, then one": lambda todos: todos.delete_all() and todos.create({"title": "new"}),
}


@pytest.mark.parametrize("change", CHANGES_OF_A_LONG_LIST.values(), ids=CHANGES_OF_A_LONG_LIST)
def test_the_page_of_a_long_list_is_after_a_change_what_a_server_that_has_just_started_sends(change):
    application = TodoMVC()
    for _ in range(2 * MANY + 1):
        application.todos.create({"title": "old"})
    pages = [call(application, "GET", "/")]
    change(application.todos)
    pages.append(call(application, "GET", "/"))
    assert pages[0] != pages[1] == call(TodoMVC(application.todos), "GET", "/")
    assert Page(pages[1][2].decode()).todos == json.loads(call(application, "GET", "/todos/")[2])


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, MANY + 1, 3 * MANY])
def test_the_page_holds_every_todo_of_a_long_list(application, count):
    for _ in range(count):
        application.todos.create({})
    assert Page(call(application, "GET", "/")[2].decode()).todos == [{"id": id} for id in range(count)]


@pytest.mark.parametrize("template", ["", "a", "$todos", "a$todos", "$todos-b", "a $todos b $todos c", "$todos$todos"])
def test_a_template_may_hold_the_todos_any_number_of_times(tmp_path, template):
    (tmp_path / "index.html").write_text(template)
    application = TodoMVC(templates=tmp_path)
    application.todos.create({})
    assert call(application, "GET", "/")[2].decode() == template.replace("$todos", '[{"id":0}]')


def page_and_tag(todos, folder, template, **environ):
    folder.mkdir(exist_ok=True)
    (folder / "index.html").write_text(template)
    status, headers, body = call(TodoMVC(todos, templates=folder), "GET", "/", **environ)
    return status, dict(headers)["ETag"], body


def test_pages_that_hold_the_todos_in_other_places_have_other_tags(application, tmp_path):
    application.todos.create({})
    templates = ["a$todos", "${todos}a", "$todos a $todos", "a$todos$todos", "a[{"]
    assert len({page_and_tag(application.todos, tmp_path / "t", template)[1] for template in templates}) == 5


def test_a_page_without_the_todos_stays_the_same_when_they_change(application, tmp_path):
    tag = page_and_tag(application.todos, tmp_path / "t", "a")[1]
    application.todos.create({})
    assert page_and_tag(application.todos, tmp_path / "t", "a", HTTP_IF_NONE_MATCH=tag)[0] == "304 Not Modified"


def test_lists_of_the_same_todos_have_the_same_page_whatever_was_deleted_behind_them(todos):
    todos.create({})
    before = call(TodoMVC(todos), "GET", "/")
    for _ in range(2 * MANY):
        todos.create({})
    for id in range(1, 2 * MANY + 1):
        todos.delete(id)
    assert call(TodoMVC(todos), "GET", "/") == before


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "make", [lambda text: {"title": text}, lambda text: {text: [{text: text}]}], ids=["title", "keys"]
)
def test_any_text_comes_through_unchanged(client, text, make):
    client.post_json("/todos/", make(text))
    assert page_of(client).todos == [{**make(text), "id": 0}]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_adds_an_element_to_the_page(client, text):
    before = page_of(client).elements
    client.post_json("/todos/", {text: text})
    assert page_of(client).elements == before


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_brings_markup_into_the_element_that_holds_it(client, text):
    client.post_json("/todos/", {text: text})
    _, json_and_rest = client.get("/").text.split(page_of(client).data[1][:2], 1)
    assert not set("<>&") & set(json_and_rest.split("</script>")[0])


# Its URLs


MOUNTS = [
    ("", "/"),
    ("/app", "/app/"),
    ("/a/b", "/a/b/"),
    ("//evil.com", "/evil.com/"),
    ("/\\evil.com", "/%5Cevil.com/"),
    ("/app/", "/app/"),
    ("/caf\u00c3\u00a9", "/caf%C3%A9/"),
    ("/a b", "/a%20b/"),
    ("/a\"><script>'&amp;", "/a%22%3E%3Cscript%3E%27%26amp%3B/"),
    ("/$title${x}", "/%24title%24%7Bx%7D/"),
    ("/a\r\nb: c", "/a%0D%0Ab%3A%20c/"),
]


@pytest.mark.parametrize(("script_name", "root"), MOUNTS)
def test_the_page_names_the_collection_where_it_is_mounted(application, script_name, root):
    page = page_of(client_of(application, SCRIPT_NAME=script_name))
    assert page.data[0]["data-url"] == f"{root}todos/"


@pytest.mark.parametrize(("script_name", "root"), MOUNTS)
def test_the_page_loads_its_files_from_where_it_is_mounted(application, script_name, root):
    page = page_of(client_of(application, SCRIPT_NAME=script_name))
    links = [urljoin(root, link) for link in page.links if not link.startswith("#")]
    assert f"{root}js/app.js" in links
    assert [link for link in links if not link.startswith(root)] == []


@pytest.mark.parametrize(("script_name", "root"), MOUNTS)
def test_location_begins_where_the_application_is_mounted(application, script_name, root):
    environ = {"SCRIPT_NAME": script_name, "CONTENT_TYPE": "application/json"}
    client = client_of(application, **environ)
    assert path_of(client.post_json("/todos/", {})) == f"{root}todos/0"


def path_of(response):
    return response.headers["Location"].replace("http://localhost:80", "").replace("http://localhost", "")


@pytest.mark.parametrize("path_info", [None, ""])
def test_a_mount_without_its_slash_redirects_to_it(application, path_info):
    response = client_of(application, SCRIPT_NAME="/app", PATH_INFO=path_info).get("/?a=1", status=308)
    assert path_of(response) == "/app/?a=1"


@pytest.mark.parametrize("path_info", [None, ""])
def test_the_root_without_its_slash_is_the_page(application, path_info):
    client_of(application, PATH_INFO=path_info).get("/", status=200).mustcontain("<title>TodoMVC</title>")


def test_one_application_can_be_mounted_at_two_places(application):
    for root in ["/a", "/b", "/a"]:
        assert page_of(client_of(application, SCRIPT_NAME=root)).data[0]["data-url"] == f"{root}/todos/"


def test_every_file_that_the_page_names_is_there(client):
    for link in page_of(client).links:
        if not link.startswith("#"):
            client.get(urljoin("/", link), status=200)


def test_nothing_in_the_page_is_a_script_but_its_modules(client):
    scripts = [attributes for tag, attributes in page_of(client).elements if tag == "script"]
    assert [script for script in scripts if script["type"] != "application/json" and "src" not in script] == []


def test_no_element_of_the_page_carries_a_handler_or_a_style(client):
    names = {name for _, attributes in page_of(client).elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]


def test_the_page_of_an_error_escapes_what_it_shows(application):
    client = client_of(application, SCRIPT_NAME='/"><b>')
    assert "<b>" not in client.get("/x", status=404).text


# Folders of one's own


@pytest.fixture
def templates(tmp_path):
    (tmp_path / "index.html").write_text("$url|$root|$todos|$5|\u00e9", "utf-8")
    return tmp_path


@pytest.mark.parametrize("as_given", [str, lambda path: path], ids=["str", "Path"])
def test_a_folder_of_templates_of_ones_own_is_used(templates, as_given):
    client = client_of(TodoMVC(templates=as_given(templates)))
    client.post_json("/todos/", {"title": "a"})
    assert client.get("/").text == '/todos/|/|[{"title":"a","id":0}]|$5|\u00e9'


def test_a_template_of_ones_own_gets_its_urls_ready_for_html(templates):
    body = call(TodoMVC(templates=templates), "GET", "/", SCRIPT_NAME="/'&")[2]
    assert body.decode().startswith("/%27%26/todos/|/%27%26/|")


def test_a_template_need_not_use_all_that_it_is_given(templates):
    (templates / "index.html").write_text("hello")
    assert client_of(TodoMVC(templates=templates)).get("/").text == "hello"


LEFT_ALONE = [
    "$(function () { $('#a').hide(); $.ajax({}); jQuery(window.$); })",  # jQuery
    '<button @click="add($event)">{{ $t("a") }}</button> this.$root.$emit("x"); vm.$root; $el $refs $data',  # Vue
    "$scope.$apply(); $rootScope.$broadcast('x'); ng-repeat='x in xs track by $index'; $scope.$root",  # AngularJS
    "`${url} ${root}todos ${ todos } ${list.length} ${user}`",  # template literals
    "US$ 5, $5, $$, $$5, 5$, $",
    "/^[a-z]+$/.test(x) /$/ $& $1 $` a$$b",
    "$title $URL $Url $rooted $url_ $urls $todosé $user2 $todo $lists",
    "${url ${} $}",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
@pytest.mark.parametrize("argument", ["static", "templates"])
def test_a_dollar_sign_that_names_nothing_is_left_alone(templates, argument, text):
    (templates / "index.html").write_text(text, "utf-8")
    assert client_of(TodoMVC(**{argument: templates})).get("/").text == text


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("$root", "/"),
        ("$url", "/todos/"),
        ("$user", ""),
        ("$todos", "[]"),
        ('"$url"', '"/todos/"'),
        ("$url?a=1", "/todos/?a=1"),
        ("$url$root", "/todos//"),
        ("http://a.example$url", "http://a.example/todos/"),
        ("$$url", "$url"),
        ("$$todos $todos", "$todos []"),
        ("$$$url", "$$url"),
        ("$$urls", "$$urls"),
        ("$(x) $url", "$(x) /todos/"),
    ],
)
def test_a_name_is_filled_in_where_it_stands_whole(templates, text, page):
    (templates / "index.html").write_text(text)
    assert client_of(TodoMVC(templates=templates)).get("/").text == page


def test_line_breaks_of_a_page_stay_as_they_are(templates):
    (templates / "index.html").write_bytes(b"a\r\nb\n$url\r")
    assert client_of(TodoMVC(templates=templates)).get("/").body == b"a\r\nb\n/todos/\r"


def test_the_error_of_a_page_names_the_file_the_line_and_the_cure(templates):
    page = templates / "index.html"
    page.write_bytes(b"<p>\n<p>\ncaf\xe9")
    with pytest.raises(ValueError, match=r"index\.html, line 3: .+: save the page as UTF-8") as error:
        TodoMVC(templates=templates)
    assert str(error.value).startswith(str(page))


@pytest.mark.parametrize("folder", ["nowhere", "empty", "index.html"])
def test_a_folder_without_the_template_is_refused_at_the_start(templates, folder):
    (templates / "empty").mkdir()
    with pytest.raises(OSError, match=folder):
        TodoMVC(templates=templates / folder)


@pytest.mark.parametrize("user", [None, ""])
def test_no_user_is_named_by_a_variable_without_a_name(user):
    application = TodoMVC()
    application.todos.create({"title": "shared"})
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "REMOTE_USER": user, "wsgi.errors": sys.stderr}
    pages = []
    body = application(environ, lambda status, headers: pages.append(status))
    assert pages == ["200 OK"]
    assert b"shared" in b"".join(body)


def test_a_document_larger_than_the_cache_is_still_rendered_once_for_each_change(monkeypatch):
    monkeypatch.setattr("todomvc.MAX_CACHED", 3000)
    application, rendered = TodoMVC(), []
    monkeypatch.setattr("todomvc.json_array", lambda todos: rendered.append(1) or b"[%s]" % b",".join(todos))
    application.todos.create({"title": "x" * 10_000})
    for _ in range(3):
        assert call(application, "GET", "/")[0] == "200 OK"
    assert len(rendered) == 1
