"""A PostgreSQL database has an identity, and no version that comes again in another history of it."""

import collections
import io
import json
import shlex
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import call, client_of
from databases import psycopg
from readme import block
from stress import wait_until

from todomvc import ListUnavailable, TodoMVC, list_identity
from todomvc_postgres import SCHEMA, PostgresTodoList

FIRST_VERSION = """
    CREATE TABLE todomvc_schema (version INTEGER PRIMARY KEY);
    CREATE TABLE todomvc_lists (owner BYTEA PRIMARY KEY, length BIGINT NOT NULL, version BIGINT NOT NULL);
    CREATE TABLE todomvc_todos (
        owner BYTEA, id BIGINT, todo TEXT, key TEXT, digest TEXT, PRIMARY KEY (owner, id)
    );
    CREATE UNIQUE INDEX todomvc_todos_by_key ON todomvc_todos (owner, key) WHERE key IS NOT NULL;
    INSERT INTO todomvc_schema VALUES (1);
    INSERT INTO todomvc_lists VALUES ('', 1, 1);
    INSERT INTO todomvc_todos VALUES ('', 0, '{"title":"a","id":0}')
"""
CREATE_OF_THE_FIRST_VERSION = """
    WITH list AS (
        INSERT INTO todomvc_lists AS list VALUES (%(owner)s, 1, 1)
        ON CONFLICT (owner) DO UPDATE SET length = list.length + 1, version = list.version + 1
        RETURNING length - 1 AS id
    )
    INSERT INTO todomvc_todos SELECT %(owner)s, id, '{"id":' || id || '}', NULL, NULL FROM list RETURNING id
"""


@pytest.fixture
def todos(database):
    return PostgresTodoList(database)


@pytest.fixture
def others(database):
    """The same list, as another server has it."""
    return PostgresTodoList(database)


@pytest.fixture
def admin(database):
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def go_back(admin, length, version):
    """Put the list back to an earlier state, as a restore does."""
    admin.execute("DELETE FROM todomvc_todos WHERE id >= %s", (length,))
    admin.execute("UPDATE todomvc_lists SET length = %s, version = %s", (length, version))


def replace_store(admin, id="another"):
    """Make the database another one behind the same URL, as a restore and `--renew` do. Wait for what is under way."""
    with admin.transaction():
        admin.execute("LOCK TABLE todomvc_store")
        admin.execute("UPDATE todomvc_store SET id = %s", (id,))


def is_waiting(admin):
    admin.execute("SELECT pg_stat_clear_snapshot()")
    return admin.execute(
        "SELECT FROM pg_stat_activity WHERE application_name = current_setting('application_name') "
        "AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'"
    ).fetchall()


def test_all_servers_have_one_identity_that_stays(todos, others, database):
    before = todos.identity, todos.of("alice").identity
    todos.create({})
    assert (others.identity, others.of("alice").identity) == before
    assert PostgresTodoList(database).identity == before[0] != before[1]


def test_tables_of_the_first_version_get_one_in_place(admin, todos, others):
    admin.execute(FIRST_VERSION)
    assert todos.identity == others.identity
    assert (list(todos), admin.execute("SELECT version FROM todomvc_schema").fetchall()) == (
        [b'{"title":"a","id":0}'],
        [(1,)],
    )


def test_the_index_that_tables_of_the_first_version_lack_is_added_while_servers_run(admin, todos):
    admin.execute(FIRST_VERSION)
    todos.create({})
    admin.execute(shlex.split(block("psql -c 'CREATE INDEX"))[2])
    (index,) = admin.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'todomvc_todos_live'").fetchone()
    made = SCHEMA.partition("CREATE INDEX ")[2].partition(";")[0]
    assert f"{index.partition(' ON ')[0]} ON {made.partition(' ON ')[2]}" == f"CREATE INDEX {made}"
    assert list(todos) == [b'{"title":"a","id":0}', b'{"id":1}']


def test_servers_of_the_first_version_go_on_beside_it(admin, todos):
    todos.create({})
    versions = [todos.version]
    assert admin.execute(CREATE_OF_THE_FIRST_VERSION, {"owner": b""}).fetchall() == [(1,)]
    versions.append(todos.version)
    assert todos.create({}) == (2, b'{"id":2}')
    versions.append(todos.version)
    assert len(set(versions)) == 3


def test_who_may_not_add_the_table_is_told(database, admin):
    admin.execute(FIRST_VERSION)
    role = f"reader_{uuid.uuid4().hex}"
    schema = admin.execute("SELECT current_schema()").fetchone()[0]
    admin.execute(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}")
    admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
    try:
        with pytest.raises(ListUnavailable, match="permission denied"):
            PostgresTodoList(f"{database}&user={role}").identity  # noqa: B018
    finally:
        admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_no_version_comes_again_after_a_return_to_an_earlier_state(todos, admin):
    todos.create({})
    first = todos.version
    versions = {first}
    for change in [
        lambda: todos.create({}),
        lambda: todos.update(0, {"x": 1}),
        lambda: todos.delete(0),
        lambda: todos.delete_all(),
    ]:
        change()
        versions.add(todos.version)
    assert len(versions) == 5
    go_back(admin, 1, first)
    todos.create({})
    assert todos.version not in versions


@pytest.mark.parametrize("path", ["/", "/todos/"])
def test_no_server_shows_a_list_that_is_gone(todos, others, admin, path):
    client, other = client_of(TodoMVC(todos)), client_of(TodoMVC(others))
    client.post_json("/todos/", {"title": "kept"})
    version = todos.version
    client.post_json("/todos/", {"title": "only the old primary knows"})
    tag = client.get(path).headers["ETag"]
    go_back(admin, 1, version)
    other.post_json("/todos/", {"title": "of the new primary"})
    response = client.get(path, headers={"If-None-Match": tag}, status=200)
    assert "of the new primary" in response.text
    assert "only the old primary knows" not in response.text
    assert response.headers["ETag"] == other.get(path).headers["ETag"]


# The database becomes another one under a running server


def test_every_server_sees_a_renewal_at_once(todos, others):
    application, before = TodoMVC(others), others.identity
    others.create({"title": "a"})
    todos.renew()
    status, headers, _ = call(application, "DELETE", "/todos/0", HTTP_TODO_LIST=before)
    assert (status[:3], dict(headers)["Todo-List"]) == ("409", todos.identity)
    status, headers, body = call(application, "GET", "/todos/0")
    assert (status, dict(headers)["Todo-List"], body) == ("200 OK", todos.identity, b'{"title":"a","id":0}')
    assert todos.identity != before


OPERATIONS = {
    "version": lambda todos: todos.version,
    "list": list,
    "read": lambda todos: todos.read(0),
    "create": lambda todos: todos.create({}),
    "create again": lambda todos: todos.create({"title": "a"}, "key"),
    "update": lambda todos: todos.update(0, {"a": 1}),
    "delete": lambda todos: todos.delete(0),
    "delete all": lambda todos: todos.delete_all(),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_object_is_the_list_of_one_identity(todos, admin, operation):
    todos.create({"title": "a"}, "key")
    replace_store(admin)
    with pytest.raises(ListUnavailable, match="new id"):
        operation(todos)
    assert list(todos.of("")) == [b'{"title":"a","id":0}']
    assert operation(todos.of("")) is not None


class Body(io.BytesIO):
    """The body of a request. Something happens as it is read."""

    def __init__(self, body, event):
        super().__init__(body)
        self.event = event

    def read(self, *size):
        self.event()
        return super().read(*size)


@pytest.mark.parametrize(("method", "path"), [("POST", "/todos/"), ("PUT", "/todos/0"), ("PATCH", "/todos/0")])
def test_a_write_that_was_compared_with_one_list_does_not_reach_another(todos, admin, method, path):
    todos.create({})
    application, identity = TodoMVC(todos), todos.identity
    environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2", "HTTP_TODO_LIST": identity}
    body = Body(b"{}", lambda: replace_store(admin))
    log = io.StringIO()
    status, headers, _ = call(application, method, path, **environ, **{"wsgi.input": body, "wsgi.errors": log})
    assert (status[:3], dict(headers)["Todo-List"]) == ("503", identity)
    assert "new id" in log.getvalue()
    assert list(todos.of("")) == [b'{"id":0}']


def test_a_write_that_waits_for_a_renewal_is_not_carried_out(todos, admin):
    todos.create({})
    with ThreadPoolExecutor(1) as pool:
        with admin.transaction():
            admin.execute("LOCK TABLE todomvc_store")
            write = pool.submit(todos.create, {})
            wait_until(lambda: is_waiting(admin))
            admin.execute("UPDATE todomvc_store SET id = 'another'")
        with pytest.raises(ListUnavailable, match="new id"):
            write.result(20)
    assert list(todos.of("")) == [b'{"id":0}']


def test_a_renewal_that_waits_for_too_long_changes_nothing(todos, admin):
    before = todos.identity
    with admin.transaction():
        admin.execute("SELECT FROM todomvc_store")
        with pytest.raises(ListUnavailable, match="lock timeout"):
            todos.renew()
    assert todos.of("").identity == before


def test_a_renewal_waits_for_the_writes_that_are_under_way(todos, others, admin):
    todos.create({})
    with ThreadPoolExecutor(2) as pool:
        with admin.transaction():
            admin.execute("SELECT FROM todomvc_lists FOR UPDATE")
            write = pool.submit(todos.create, {})
            wait_until(lambda: len(is_waiting(admin)) == 1)
            renewal = pool.submit(others.renew)
            wait_until(lambda: len(is_waiting(admin)) == 2)
        assert write.result(20) == (1, b'{"id":1}')
        renewal.result(20)
    assert others.identity == todos.of("").identity != todos.identity


def test_under_load_no_todo_is_written_to_another_list_than_that_it_was_made_for(database, admin):
    servers, is_over = [TodoMVC(PostgresTodoList(database)) for _ in range(2)], threading.Event()

    def work(number):
        statuses, application = collections.Counter(), servers[number % 2]
        while not is_over.is_set():
            identity = dict(call(application, "GET", "/todos/nothing")[1]).get("Todo-List", "")
            body = json.dumps({"for": identity}).encode()
            environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "HTTP_TODO_LIST": identity}
            streams = {"wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO()}
            statuses[call(application, "POST", "/todos/", **environ, **streams)[0][:3]] += 1
        return statuses

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(work, number) for number in range(4)]
        wait_until(lambda: servers[0].todos.of("").read(3))
        for number in range(20):
            with admin.transaction():  # a restore of a backup that has no todos
                admin.execute("LOCK TABLE todomvc_store")
                ((store,),) = admin.execute("SELECT id FROM todomvc_store").fetchall()
                rows = admin.execute("SELECT todo FROM todomvc_todos").fetchall()
                assert {json.loads(todo)["for"] for (todo,) in rows} <= {list_identity(store, b"")}
                admin.execute("DELETE FROM todomvc_todos; DELETE FROM todomvc_lists")
                admin.execute("UPDATE todomvc_store SET id = %s", (f"store {number}",))
            wait_until(lambda: servers[0].todos.of("").read(3))
        is_over.set()
        statuses = sum((done.result(60) for done in work), collections.Counter())
    assert statuses["200"] >= 80
    assert statuses.keys() <= {"200", "409", "503"}


def test_a_backup_of_the_first_version_that_is_put_back_under_a_server_becomes_another_list(todos, admin):
    todos.create({"title": "lost"})
    application, before = TodoMVC(todos), todos.identity
    with admin.transaction():
        admin.execute("DROP TABLE todomvc_schema, todomvc_lists, todomvc_todos, todomvc_store")
        admin.execute(FIRST_VERSION)
    assert call(application, "GET", "/todos/", **{"wsgi.errors": io.StringIO()})[0][:3] == "503"
    status, headers, body = call(application, "GET", "/todos/")
    assert (status, body) == ("200 OK", b'[{"title":"a","id":0}]')
    assert dict(headers)["Todo-List"] != before
    assert call(application, "DELETE", "/todos/0", HTTP_TODO_LIST=before)[0][:3] == "409"


@pytest.mark.parametrize("tables", ["todomvc_store", "todomvc_schema, todomvc_lists, todomvc_todos, todomvc_store"])
def test_a_restore_that_is_not_complete_is_waited_for(todos, admin, tables):
    """Nothing is made in a database that others are making: they would fail."""
    todos.create({"title": "a"})
    application, before = TodoMVC(todos), todos.identity
    for table in tables.split(", "):
        admin.execute(f"ALTER TABLE {table} RENAME TO kept_{table}")
    if tables == "todomvc_store":
        admin.execute("CREATE TABLE todomvc_store (id TEXT PRIMARY KEY)")
    for _ in range(3):
        assert call(application, "GET", "/todos/", **{"wsgi.errors": io.StringIO()})[0][:3] == "503"
    if tables == "todomvc_store":
        admin.execute("DROP TABLE todomvc_store")
    for table in tables.split(", "):
        admin.execute(f"ALTER TABLE kept_{table} RENAME TO {table}")
    status, headers, body = call(application, "GET", "/todos/")
    assert (status, dict(headers)["Todo-List"], body) == ("200 OK", before, b'[{"title":"a","id":0}]')
