"""The servers: each is started as docs/ say, and here is in what they differ."""

import contextlib
import importlib.util
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from readme import ROOT, block, replace, span, start_line

HERE = Path(__file__).resolve().parent
PATH = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"], "/usr/sbin", "/sbin"])


@dataclass(frozen=True)
class Server:
    """One way to run the application.

    needs: the modules and commands without which it cannot run.
    lines: the commands that start it; the last one listens at port 8000, to be replaced.
    files: what stands in the folder where it is started, by name.
    chunked: whether it tells the end of a body that comes without its length.
    keep_alive: whether it takes a second request over one connection.
    location: whether the Location of a 200 reaches the client.
    prefix: where the application is mounted.
    """

    name: str
    needs: tuple
    lines: tuple
    files: dict = field(default_factory=dict)
    chunked: bool = True
    keep_alive: bool = True
    location: bool = True
    prefix: str = ""

    @contextlib.contextmanager
    def running(self):
        """Run it in a folder of its own; give the port. It must end without a traceback in its log."""
        self.require_what_it_needs()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o777)  # Apache runs as another user
            with self.running_in(folder) as port:
                yield port
            log = (folder / "log").read_text()
            assert "Traceback" not in log, log

    def require_what_it_needs(self):
        missing = [need for need in self.needs if not (shutil.which(need, path=PATH) or importlib.util.find_spec(need))]
        if missing:
            reason = f"{' and '.join(missing)} not found"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    @contextlib.contextmanager
    def running_in(self, folder):
        ports = {"8000": free_port(), "8001": free_port()}
        for name, text in self.files.items():
            (folder / name).write_text(replace(text, {**ports, **paths_in(folder)}))
        with contextlib.ExitStack() as stack, open(folder / "log", "wb") as log:
            for line in self.lines:
                started = stack.enter_context(process(replace(line, ports), folder, log))
                wait_for(ports["8000" if line is self.lines[-1] else "8001"], started, folder / "log")
            yield int(ports["8000"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def paths_in(folder):
    """Return what the paths of docs/ become in a folder of ours."""
    return {"/opt/todomvc": folder, "/var/lib/todomvc": folder, "/etc/htpasswd": folder / "htpasswd"}


@contextlib.contextmanager
def process(line, folder, log):
    started = subprocess.Popen(command_of(line), cwd=folder, env=environ_in(folder), stdout=log, stderr=log)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(20)


def environ_in(folder):
    return {**os.environ, "PATH": PATH, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}


def command_of(line):
    """Return the arguments of a command line that may begin with variables, which is what env is for."""
    words = ["env", *shlex.split(line)]
    if {"apache2", "mod_wsgi-express"} & set(words) and os.getuid() == 0:  # Apache refuses to be root
        capability = "+dac_override"  # the tests may be where only root may look
        user = ["--reuid=www-data", "--regid=www-data", "--clear-groups", "--securebits=+no_setuid_fixup"]
        return ["setpriv", *user, f"--inh-caps={capability}", f"--ambient-caps={capability}", *words]
    return words


def wait_for(port, started, log):
    """Wait until a process listens at a port. Raise AssertionError with what it said if it does not within 30 s."""
    deadline = time.monotonic() + 30
    while started.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def in_table(name, *needs, **differences):
    """Return the server of a row of the table in docs/servers.md."""
    return Server(name, needs, (start_line(name),), **differences)


def with_other(name, row, words, others, *needs, **differences):
    """Return the server of a row of the table in docs/servers.md, started with other words in its line."""
    line = start_line(row)
    assert words in line
    return Server(name, needs, ("TODOMVC_DB=todos.db " + line.replace(words, others, 1),), **differences)


def behind_nginx(name, line, *needs, location, files=(), **differences):
    """Return a server that a line starts, with nginx before it."""
    files = {"nginx.conf": (HERE / "nginx.conf").read_text(), "location.conf": location, **dict(files)}
    return Server(name, (*needs, "nginx"), (line, "nginx -p . -c nginx.conf"), files, **differences)


def in_location(location, lines):
    """Return a location of nginx with more lines in it."""
    return location.rstrip("}\n") + "\n" + lines + "}\n"


MOD_WSGI = ("mod_wsgi-express", "apache2")
PROXY, UWSGI = block("location / {\n    proxy_pass"), block("location / {\n    uwsgi_pass")
TO_GUNICORN = span("TODOMVC_HOSTS=todos.example.org gunicorn --threads 8 -b 127.0.0.1:8001 todomvc:app")
TO_UWSGI = span("TODOMVC_HOSTS=todos.example.org uwsgi --socket")
TO_COMMAND = span("python3 -m todomvc --port 8001 --allow-host todos.example.org")

SERVERS = [
    in_table("the command"),
    in_table("wsgiref", chunked=False, keep_alive=False),
    in_table("waitress", "waitress"),
    in_table("gunicorn, sync", "gunicorn", keep_alive=False),
    in_table("gunicorn, threads", "gunicorn"),
    in_table("gunicorn, gevent", "gunicorn", "gevent"),
    in_table("uWSGI", "uwsgi", chunked=False),
    in_table("cheroot", "cheroot"),
    in_table("bjoern", "bjoern"),
    in_table("Granian", "granian"),
    in_table("Werkzeug", "werkzeug", keep_alive=False),
    in_table("Tornado", "tornado", chunked=False),
    in_table("Twisted", "twisted", chunked=False),
    in_table("uvicorn, by a2wsgi", "a2wsgi", "uvicorn", chunked=False),
    in_table("mod_wsgi", *MOD_WSGI),
    with_other("mod_wsgi at /app", "mod_wsgi", "--port", f"{span('--mount-point')} --port", *MOD_WSGI, prefix="/app"),
    with_other("mod_wsgi, daemon mode", "mod_wsgi", span("--embedded-mode"), "", *MOD_WSGI, location=False),
    with_other(
        "gunicorn, 4 processes", "gunicorn, sync", "gunicorn", span("gunicorn -w 4"), "gunicorn", keep_alive=False
    ),
    with_other("uWSGI, 4 processes", "uWSGI", "uwsgi", span("uwsgi --processes 4"), "uwsgi", chunked=False),
    behind_nginx("the command behind nginx", TO_COMMAND, location=PROXY),
    behind_nginx("gunicorn behind nginx", TO_GUNICORN, "gunicorn", location=PROXY),
    behind_nginx("uWSGI behind nginx", TO_UWSGI, "uwsgi", location=UWSGI),
    behind_nginx(
        "gunicorn behind nginx at /app",
        span("TODOMVC_HOSTS=todos.example.org gunicorn --threads 8 -b 127.0.0.1:8001 prefixed"),
        "gunicorn",
        "werkzeug",
        location=block("location /app/ {"),
        files={"prefixed.py": block("from todomvc import app\n")},
        prefix="/app",
    ),
]
