"""The servers: the lines by which README starts each, and in what they differ."""

import contextlib
import importlib.util
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATH = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"], "/usr/sbin", "/sbin"])


@dataclass(frozen=True)
class Server:
    """One way to run the application.

    lines: the commands that start it, as README shows them; the last one listens at port 8000, to be replaced.
    needs: the modules and commands without which it cannot run.
    chunked: whether it tells the end of a body that comes without its length.
    keep_alive: whether it takes a second request over one connection.
    location: whether the Location of a 200 reaches the client.
    prefix: where the application is mounted.
    """

    name: str
    lines: tuple
    needs: tuple
    chunked: bool = True
    keep_alive: bool = True
    location: bool = True
    prefix: str = ""

    def missing(self):
        """Return what it needs and this machine lacks."""
        return [need for need in self.needs if not (shutil.which(need, path=PATH) or importlib.util.find_spec(need))]

    @contextlib.contextmanager
    def running(self, folder):
        """Run it in a folder, at ports that are free; give the port."""
        ports = {"8000": free_port(), "8001": free_port()}
        for configuration in HERE.glob("*.conf"):
            (folder / configuration.name).write_text(replace(configuration.read_text(), ports))
        with contextlib.ExitStack() as stack, open(folder / "log", "wb") as log:
            for line in self.lines:
                started = stack.enter_context(process(replace(line, ports), folder, log))
                wait_for(ports["8000" if line is self.lines[-1] else "8001"], started, folder / "log")
            yield int(ports["8000"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def replace(text, words):
    for word, replacement in words.items():
        text = text.replace(word, replacement)
    return text


@contextlib.contextmanager
def process(line, folder, log):
    environ = {**os.environ, "PATH": PATH, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}
    started = subprocess.Popen(command_of(line), cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(20)


def command_of(line):
    """Return the arguments of a command line that may begin with variables, which is what env is for."""
    words = ["env", *shlex.split(line)]
    if "mod_wsgi-express" in words and os.getuid() == 0:  # Apache refuses to be root
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


SERVERS = [
    Server("wsgiref", ("python3 -m todomvc --port 8000",), (), chunked=False, keep_alive=False),
    Server("waitress", ("waitress-serve --listen 127.0.0.1:8000 todomvc:app",), ("waitress",)),
    Server("gunicorn sync", ("gunicorn -b 127.0.0.1:8000 todomvc:app",), ("gunicorn",), keep_alive=False),
    Server("gunicorn gthread", ("gunicorn --threads 8 -b 127.0.0.1:8000 todomvc:app",), ("gunicorn",)),
    Server("gunicorn gevent", ("gunicorn -k gevent -b 127.0.0.1:8000 todomvc:app",), ("gunicorn", "gevent")),
    Server(
        "uWSGI",
        ("uwsgi --http 127.0.0.1:8000 --http-keepalive --threads 8 --master --die-on-term --module todomvc:app",),
        ("uwsgi",),
        chunked=False,
    ),
    Server("cheroot", ("cheroot --bind 127.0.0.1:8000 todomvc:app",), ("cheroot",)),
    Server(
        "bjoern",
        ("""TODOMVC_DB=todos.db python3 -c 'import bjoern, todomvc; bjoern.run(todomvc.app, "127.0.0.1", 8000)'""",),
        ("bjoern",),
    ),
    Server("Granian", ("granian --interface wsgi --port 8000 todomvc:app",), ("granian",)),
    Server(
        "Werkzeug",
        (
            "python3 -c 'import todomvc, werkzeug; "
            'werkzeug.run_simple("127.0.0.1", 8000, todomvc.app, threaded=True)\'',
        ),
        ("werkzeug",),
        keep_alive=False,
    ),
    Server(
        "Tornado",
        (
            "TODOMVC_DB=todos.db python3 -c 'import asyncio, todomvc, tornado.httpserver, tornado.wsgi; "
            'tornado.httpserver.HTTPServer(tornado.wsgi.WSGIContainer(todomvc.app)).listen(8000, "127.0.0.1"); '
            "asyncio.get_event_loop().run_forever()'",
        ),
        ("tornado",),
        chunked=False,
    ),
    Server(
        "Twisted",
        ("twistd -n web --listen tcp:8000:interface=127.0.0.1 --wsgi todomvc.app",),
        ("twisted",),
        chunked=False,
    ),
    Server(
        "uvicorn with a2wsgi",
        (
            "TODOMVC_DB=todos.db python3 -c 'import a2wsgi, todomvc, uvicorn; "
            "uvicorn.run(a2wsgi.WSGIMiddleware(todomvc.app), port=8000)'",
        ),
        ("a2wsgi", "uvicorn"),
        chunked=False,
    ),
    Server(
        "mod_wsgi",
        ("mod_wsgi-express start-server --port 8000 --chunked-request --application-type module todomvc",),
        ("mod_wsgi-express", "apache2"),
        location=False,
    ),
    Server(
        "mod_wsgi at /app",
        (
            "mod_wsgi-express start-server --port 8000 --mount-point /app --chunked-request "
            "--application-type module todomvc",
        ),
        ("mod_wsgi-express", "apache2"),
        location=False,
        prefix="/app",
    ),
    Server(
        "gunicorn behind nginx",
        ("gunicorn --threads 8 -b 127.0.0.1:8001 todomvc:app", "nginx -p . -c nginx-proxy.conf"),
        ("gunicorn", "nginx"),
    ),
    Server(
        "uWSGI behind nginx",
        (
            "uwsgi --socket 127.0.0.1:8001 --threads 8 --master --die-on-term --module todomvc:app",
            "nginx -p . -c nginx-uwsgi.conf",
        ),
        ("uwsgi", "nginx"),
    ),
]
