"""A PostgreSQL database has an identity, and no version that comes again in another history of it."""

import uuid

import pytest
from conftest import call, client_of
from databases import psycopg

from todomvc import ListUnavailable, TodoMVC
from todomvc_postgres import PostgresTodoList

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


def replace_store(admin):
    """Make the database another one behind the same URL, for connections that are opened from now on."""
    admin.execute("UPDATE todomvc_store SET id = 'another'")


def end_connections(admin):
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
    )


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


def test_a_new_connection_is_checked_and_the_first_request_on_it_refused(todos, admin):
    todos.create({"title": "a"})
    application, before = TodoMVC(todos), todos.identity
    replace_store(admin)
    end_connections(admin)
    status, headers, _ = call(application, "DELETE", "/todos/0", HTTP_TODO_LIST=before)
    assert (status[:3], dict(headers)["Todo-List"]) == ("503", before)
    status, headers, _ = call(application, "DELETE", "/todos/0", HTTP_TODO_LIST=before)
    assert (status[:3], dict(headers)["Todo-List"]) == ("409", todos.identity)
    assert todos.identity != before
    assert todos.read(0) == b'{"title":"a","id":0}'


def test_older_connections_are_not_used_any_more(todos, admin):
    todos.create({})
    pool = todos.database.pool
    first, second = pool.getconn(5), pool.getconn(5)
    replace_store(admin)
    first.close()
    pool.putconn(first)  # which opens another in its place
    newer = pool.getconn(5)
    pool.putconn(newer)
    pool.putconn(second)
    with pytest.raises(ListUnavailable):
        todos.read(0)
    assert [todos.read(0) for _ in range(3)] == [b'{"id":0}'] * 3
    assert (second.closed, newer.closed) == (True, False)


def test_a_renewal_is_seen_at_once_by_its_process_and_by_others_at_a_new_connection(todos, others, admin):
    others.create({})
    before = others.identity
    todos.renew()
    assert todos.identity != before == others.identity
    assert todos.read(0) == b'{"id":0}'
    end_connections(admin)
    with pytest.raises(ListUnavailable):
        others.read(0)
    assert (others.identity, others.read(0)) == (todos.identity, b'{"id":0}')
