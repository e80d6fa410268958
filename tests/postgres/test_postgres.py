"""The list in PostgreSQL: what holds for every list, --store=postgres shows; here is what is about the database."""

import collections
import io
import json
import os
import re
import shutil
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from conftest import client_of
from databases import own_server, psycopg
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from model import TwoLists
from stress import small_file_system, wait_until

import todomvc_postgres
from todomvc import KeyReused, ListFull, ListUnavailable, TodoMVC, Unconfirmed
from todomvc_postgres import MAX_CONNECTIONS, PostgresTodoList


@pytest.fixture
def todos(database):
    return PostgresTodoList(database)


@pytest.fixture
def others(database):
    """The same list, as another server has it."""
    return PostgresTodoList(database)


@pytest.fixture
def admin(database):
    """A connection of whoever looks after the database."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def parsed(todos):
    return [json.loads(todo) for todo in todos]


class ListsInPostgres(TwoLists):
    """Does the same to a list in memory and, by way of two servers, to one in PostgreSQL."""

    def __init__(self, url):
        super().__init__()
        self.url, self.user = url, uuid.uuid4().hex

    def open(self):
        return PostgresTodoList(self.url).of(self.user)


def test_it_answers_as_the_list_in_memory_does(database):
    few = settings(max_examples=25, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(lambda: ListsInPostgres(database), settings=few)


# The first use


def test_nothing_is_asked_of_the_database_before_the_first_use():
    todos = PostgresTodoList("postgresql://nobody@127.0.0.1:1/nothing").of("alice")
    with pytest.raises(ListUnavailable, match="Connection refused"):
        todos.version  # noqa: B018


@pytest.mark.parametrize("url", ["postgresql://localhost/x?no_such_option=1", "postgresql://[/x"])
def test_what_is_no_url_of_a_database_is_a_value_error(url):
    with pytest.raises(ValueError, match="URI"):
        PostgresTodoList(url)


@pytest.mark.parametrize("parameter", ["pgbouncer=true", "schema=public", "connection_limit=1"])
def test_a_parameter_that_only_other_clients_know_is_named(parameter):
    with pytest.raises(ValueError, match="URI") as caught:
        PostgresTodoList(f"postgresql://me:secret@db.example.org/todo?sslmode=require&{parameter}")
    assert parameter.partition("=")[0] in str(caught.value)
    assert "secret" not in str(caught.value)


def test_servers_that_make_the_tables_at_once_all_have_them(database):
    start = threading.Barrier(8)

    def work(_):
        todos = PostgresTodoList(database)
        start.wait()
        return todos.create({})[0]

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, range(8))) == list(range(8))


@pytest.mark.parametrize("by", ["variable", "url"])
def test_a_client_without_an_encoding_makes_no_difference(database, monkeypatch, by):
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII" if by == "variable" else "UTF8")
    again = PostgresTodoList(database + ("&client_encoding=SQL_ASCII" if by == "url" else ""))
    assert again.create({"title": "a"}, "k") == again.create({"title": "a"}, "k") == (0, again.read(0))
    assert list(again) == [b'{"title":"a","id":0}'] == [again.delete(0)]


def test_tables_that_another_program_has_locked_keep_the_first_request_for_seconds(todos, database, admin):
    todos.version  # noqa: B018, so that they are there
    with admin.transaction():
        admin.execute("LOCK TABLE todomvc_schema IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(ListUnavailable):
            PostgresTodoList(database).create({})
    assert PostgresTodoList(database).create({}) == (0, b'{"id":0}')


def test_requests_that_come_first_and_at_once_take_no_more_connections_than_others(database, admin):
    first, most = PostgresTodoList(database), 0
    with ThreadPoolExecutor(150) as pool:
        creates = [pool.submit(first.of(f"user {number}").create, {}) for number in range(150)]
        while not all(create.done() for create in creates):
            most = max(most, len(admin.execute(f"SELECT FROM {OTHERS}").fetchall()))
    assert [create.result()[0] for create in creates] == [0] * 150
    assert 0 < most <= MAX_CONNECTIONS


def test_tables_without_a_version_are_refused(todos, others, admin):
    todos.version  # noqa: B018, so that they are there
    version = admin.execute("DELETE FROM todomvc_schema RETURNING version").fetchone()
    for _ in range(2):
        with pytest.raises(ListUnavailable, match="incomplete"):
            others.create({})
    admin.execute("INSERT INTO todomvc_schema VALUES (%s)", version)
    assert others.create({}) == (0, b'{"id":0}')


def test_tables_of_a_newer_version_are_refused(todos, others, admin):
    todos.create({})
    admin.execute("INSERT INTO todomvc_schema VALUES (1 + (SELECT max(version) FROM todomvc_schema))")
    with pytest.raises(ListUnavailable, match="newer version"):
        others.create({})
    assert parsed(todos) == [{"id": 0}]


def test_who_may_not_make_the_tables_is_told(database, admin):
    name = f"guest_{uuid.uuid4().hex}"
    admin.execute(f"CREATE ROLE {name} LOGIN")
    with pytest.raises(ListUnavailable, match="no schema has been selected"):
        PostgresTodoList(f"{database}&user={name}").create({})
    admin.execute(f"DROP ROLE {name}")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_list_used_before_a_fork_is_used_after_it_by_both_at_once(todos):
    todos.create({"by": "both"})
    child = os.fork()
    if child == 0:
        try:
            create(todos, 100, "child")
            os._exit(0)
        finally:
            os._exit(1)
    create(todos, 100, "parent")
    assert os.waitpid(child, 0)[1] == 0
    assert [todo["id"] for todo in parsed(todos)] == list(range(201))
    assert sorted(todo["by"] for todo in parsed(todos)) == ["both", *["child"] * 100, *["parent"] * 100]


def create(todos, count, name):
    for _ in range(count):
        todos.create({"by": name})


# One owner


OF_ALL = {"SCHEMA", "OWNERS", "LOCK", "COPY", "COUNT", "WRONG_LENGTHS"}  # not of a request


def test_every_statement_names_its_owner_by_equality():
    """So a database that is split by owner, as Citus does it, has each of them done by one machine."""
    statements = [
        text
        for name, text in vars(todomvc_postgres).items()
        if name.isupper() and name not in OF_ALL and isinstance(text, str) and re.search("todomvc_(lists|todos)", text)
    ]
    assert len(statements) == 8
    for statement in statements:
        uses = len(re.findall("todomvc_(?:lists|todos)", statement))
        inserts = len(re.findall(r"INSERT INTO todomvc_(?:lists|todos)(?: AS list)?\s+SELECT %\(owner\)s", statement))
        conditions = len(re.findall(r"(?:WHERE|ON) (?:todos\.)?owner = %\(owner\)s", statement))
        assert inserts + conditions == uses, statement


def test_every_unique_index_begins_with_the_owner(todos, admin):
    todos.version  # noqa: B018, so that the tables are there
    indexes = admin.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() "
        "AND tablename IN ('todomvc_lists', 'todomvc_todos') AND indexdef LIKE '%UNIQUE%'"
    ).fetchall()
    assert len(indexes) == 3
    assert all(" (owner" in index for (index,) in indexes)


def test_a_list_does_not_read_what_was_deleted(todos, admin):
    todos.version  # noqa: B018, so that the tables are there
    admin.execute("INSERT INTO todomvc_todos SELECT '', id FROM generate_series(0, 9999) AS id")
    admin.execute("INSERT INTO todomvc_lists VALUES ('', 10000, 1)")
    todos.create({})
    admin.execute("VACUUM ANALYZE todomvc_todos")
    values = {"owner": b"", "store": todos.store_id}
    plan = admin.execute(f"EXPLAIN {todomvc_postgres.LIVE}", values).fetchall()
    assert "todomvc_todos_live" in str(plan)
    assert list(todos) == [b'{"id":10000}']


# Durable


NOTE_SETTINGS = """
    CREATE TABLE seen (kind TEXT, synchronous_commit TEXT, lock_timeout TEXT);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen SELECT TG_OP, current_setting('synchronous_commit'), current_setting('lock_timeout');
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE ON todomvc_todos
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()
"""


@pytest.mark.parametrize(("default", "used"), [("off", "on"), ("on", "on"), ("local", "local")])
def test_a_commit_is_flushed_even_where_that_is_not_the_default(database, admin, default, used):
    todos = PostgresTodoList(f"{database}{quote(f' -csynchronous_commit={default}')}")
    todos.version  # noqa: B018, so that the tables are there
    admin.execute(NOTE_SETTINGS)
    todos.create({})
    todos.update(0, {"a": 1})
    todos.delete(0)
    todos.create({})
    todos.delete_all()
    at_commit = admin.execute("SELECT kind, synchronous_commit FROM seen").fetchall()
    assert at_commit == [(kind, used) for kind in ["INSERT", "UPDATE", "UPDATE", "INSERT", "UPDATE"]]
    assert admin.execute("SELECT DISTINCT lock_timeout > '0' FROM seen").fetchall() == [(True,)]
    after = todos.database.read("SELECT current_setting('synchronous_commit'), current_setting('lock_timeout')", {})
    assert after == [(default, "0")]


# Several servers


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_at_every_isolation_level_servers_make_gapless_ids_and_lose_no_field(database, level):
    url = f"{database}{quote(' -cdefault_transaction_isolation=' + level.replace(' ', '%5C%20'), safe='%')}"
    servers = [PostgresTodoList(url) for _ in range(4)]
    servers[0].create({})

    def work(number):
        todos = servers[number % 4]
        todos.update(0, {f"field {number}": number})
        return todos.create({})[0]

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, range(200))) == list(range(1, 201))
    assert json.loads(servers[0].read(0)) == {"id": 0, **{f"field {n}": n for n in range(200)}}


class Meddler:
    """A check during which somebody else changes the list, the first time that it is called."""

    def __init__(self, change):
        self.change, self.seen = change, []

    def __call__(self, body):
        self.seen.append(json.loads(body))
        if len(self.seen) == 1:
            self.change()


def test_an_update_is_decided_on_what_it_changes(todos, others):
    todos.create({})
    meddler = Meddler(lambda: others.update(0, {"b": 2}))
    assert json.loads(todos.update(0, {"a": 1}, meddler)) == {"id": 0, "a": 1, "b": 2}
    assert meddler.seen == [{"id": 0}, {"id": 0, "b": 2}]


def test_a_delete_is_decided_on_what_it_deletes(todos, others):
    todos.create({})
    meddler = Meddler(lambda: others.update(0, {"b": 2}))
    assert json.loads(todos.delete(0, meddler)) == {"id": 0, "b": 2}
    assert meddler.seen == [{"id": 0}, {"id": 0, "b": 2}]


def test_deleting_all_is_decided_on_what_is_deleted(todos, others):
    todos.create({})
    meddler = Meddler(lambda: others.create({}))
    assert parsed(todos.delete_all(meddler)) == [{"id": 0}, {"id": 1}] == meddler.seen[1]
    assert list(todos) == []


def test_what_another_deletes_in_between_is_not_brought_back(todos, others):
    todos.create({})
    assert todos.update(0, {"a": 1}, Meddler(lambda: others.delete(0))) is None
    assert todos.read(0) is None


def test_one_key_given_to_two_servers_at_once_makes_one_todo(todos, others):
    def work(number):
        return (todos, others)[number % 2].create({"n": number // 8}, f"key {number // 8}")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(work, range(160)))
    assert made == [answer for answer in made[::8] for _ in range(8)]
    assert sorted(id for id, _ in made[::8]) == list(range(20))


def test_a_key_is_one_of_its_list_only(todos):
    assert [todos.of(user).create({"of": user}, "k")[0] for user in ("a", "b")] == [0, 0]
    with pytest.raises(KeyReused):
        todos.of("a").create({"of": "b"}, "k")


def test_a_writer_waits_for_five_seconds_and_others_not_at_all(todos, admin):
    todos.create({})
    with admin.transaction():
        admin.execute("SELECT FROM todomvc_lists FOR UPDATE")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(todos.create, {})
            assert parsed(todos) == [{"id": 0}]
            assert todos.of("alice").create({})[0] == 0
            assert not waiting.done()
            with pytest.raises(ListUnavailable, match="lock timeout"):
                waiting.result(10)
    assert todos.create({})[0] == 1


# The connection is lost


def hang_up(admin):
    """End the other connections to the database; tell whether there were any."""
    return admin.execute(f"SELECT pg_terminate_backend(pid) FROM {OTHERS}").fetchall()


def is_waiting(admin):
    return admin.execute(f"SELECT FROM {OTHERS} AND wait_event_type = 'Lock'").fetchall()


OTHERS = "pg_stat_activity WHERE application_name = current_setting('application_name') AND pid != pg_backend_pid()"


@pytest.mark.parametrize("operation", ["create", "read"])
def test_a_connection_lost_while_nobody_used_it_is_not_noticed(todos, admin, operation):
    todos.create({})
    for _ in range(3):
        wait_until(lambda: not hang_up(admin))
        todos.create({}) if operation == "create" else todos.read(0)


def interrupted(operation, admin, lock):
    """Return the outcome of an operation whose connection is lost while it waits for a lock on the tables."""
    with ThreadPoolExecutor(1) as pool:
        with admin.transaction():
            admin.execute(f"LOCK TABLE todomvc_lists, todomvc_todos IN {lock} MODE")
            outcome = pool.submit(operation)
            wait_until(lambda: is_waiting(admin))
            assert hang_up(admin)
        return outcome.result(20)


def test_a_read_whose_connection_is_lost_is_tried_again(todos, admin):
    todos.create({})
    assert interrupted(lambda: list(todos), admin, "ACCESS EXCLUSIVE") == [b'{"id":0}']


def test_a_create_with_a_key_whose_connection_is_lost_is_tried_again(todos, admin):
    todos.create({})
    assert interrupted(lambda: todos.create({}, "k"), admin, "EXCLUSIVE") == (1, b'{"id":1}')
    assert parsed(todos) == [{"id": 0}, {"id": 1}]


@pytest.mark.parametrize(
    "write",
    [
        lambda todos: todos.create({}),
        lambda todos: todos.update(0, {"a": 1}),
        lambda todos: todos.delete(0),
        lambda todos: todos.delete_all(),
    ],
    ids=["create", "update", "delete", "delete_all"],
)
def test_any_other_write_whose_connection_is_lost_is_not_tried_again(todos, admin, write):
    todos.create({})
    with pytest.raises(Unconfirmed):
        interrupted(lambda: write(todos), admin, "EXCLUSIVE")
    assert parsed(todos) == [{"id": 0}]


def test_an_answer_to_a_change_whose_connection_is_lost_does_not_say_that_nothing_was_changed(todos, admin):
    client = client_of(TodoMVC(todos), **{"wsgi.errors": io.StringIO()})
    client.post_json("/todos/", {})
    response = interrupted(lambda: client.delete("/todos/0", status=503), admin, "EXCLUSIVE")
    assert "Nobody can tell" in response.json["detail"]
    assert response.headers["Retry-After"] == "1"


def test_a_database_that_stops_and_starts_again_is_used_again():
    with own_server() as server:
        todos = PostgresTodoList(server.url)
        todos.create({})
        server.stop()
        with pytest.raises(ListUnavailable):
            todos.create({})
        server.start()
        assert todos.create({})[0] == 1


# No room


def test_a_full_disk_is_list_full_reads_go_on_and_writes_work_again():
    with own_server() as server, small_file_system(server.folder / "small") as disk:
        shutil.chown(disk, server.folder.owner(), server.folder.group())
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        todos = PostgresTodoList(f"{server.url}&options={quote('-cdefault_tablespace=small')}")
        todos.create({"title": "a"})
        (disk / "filler").write_bytes(bytes(1024 * 1024))
        count = fill(todos)
        assert len(list(todos)) == count
        (disk / "filler").unlink()
        assert todos.create({})[0] == count


def fill(todos):
    """Create todos until there is no more room; return how many there are."""
    title = uuid.uuid4().hex * 1000
    with pytest.raises(ListFull, match="No space left"):
        collections.deque(todos.create({"title": title}) for _ in range(10_000))
    return len(list(todos))
