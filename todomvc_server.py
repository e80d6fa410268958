"""The command, ``python3 todomvc.py``: its options and variables, and the restart on change.

`main` is the command, on the server of todomvc_http.py. `make_app` makes ``todomvc.app`` from the environment variables
alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import NoReturn
from wsgiref.types import WSGIApplication

from todomvc import (
    HERE,
    AnyTodoList,
    HTTPError,
    ListUnavailable,
    TodoList,
    TodoMVC,
    __version__,
    is_loopback,
    is_postgres_url,
    open_list,
    url_host,
)
from todomvc_guards import guard, require_one_process
from todomvc_http import Server, refusal

__all__ = ["main", "make_app"]


def main(arguments: list[str] | None = None) -> None:
    """Serve the todos until Ctrl-C or SIGTERM.

    arguments: those of the command; by default sys.argv[1:]. Raises SystemExit for one that cannot be used.
    """
    try:
        options = make_parser(os.environ).parse_args(arguments)
        options.db = options.db or "todos.db"  # `app` has another default
        if has_job(options):
            from todomvc_jobs import run

            run(options)
            return
        todos = open_list(options.db)
        todos.read(0)  # so that an unusable store fails now
        application = guard_from_options(make_application(todos, options), options)
        server = Server(options.host, options.port)
    except (OSError, ValueError, ListUnavailable) as error:
        sys.exit(f"todomvc: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    serve(server, application, options)
    if not server.connections:  # else a request may be using the todos still
        todos.close()


def serve(server: Server, application: WSGIApplication, options: argparse.Namespace) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, lambda *_: server.stop())  # an exception raised here could be lost
    if options.debug:
        arguments = options, server.port, modification_times()
        threading.Thread(target=restart_on_change, args=arguments, daemon=True).start()
    say(f"Serving the todos at http://{server.name}:{server.port}/, kept in {place(options.db)}, until Ctrl-C.")
    if not is_loopback(server.name):
        say("Anyone who can reach this port can read and change them: see docs/deploy.md for a password.")
    if "*" in origins_from_options(options):
        say("Every web page can read and change them, as --todo-backend or --cors '*' says.")
    server.serve(application)


def say(text: str) -> None:
    """Print a line, whatever its characters are. If it cannot be printed, nothing is lost."""
    with contextlib.suppress(AttributeError, OSError, ValueError):  # there is no stdout, or nobody reads it
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def make_app() -> WSGIApplication:
    """Return the application that the environment variables TODOMVC_* describe.

    If one cannot be used, the log says so once, and every response is 500.
    """
    try:
        options = make_parser(os.environ).parse_args([])
        application: WSGIApplication = make_application(open_list(options.db or ":memory:"), options)
        if not options.db:
            application = require_one_process(application)
        return guard_from_options(application, options)
    except (OSError, ValueError) as error:
        print(f"todomvc: {error}", file=sys.stderr, flush=True)
        return refusal(
            HTTPError("500 Internal Server Error", "A setting of the server is wrong, and its log says which.")
        )


def make_application(todos: AnyTodoList, options: argparse.Namespace) -> TodoMVC:
    folders = options.static, options.templates
    flags = {"debug": options.debug, "todo_backend": options.todo_backend, "offline": not options.no_offline}
    return TodoMVC(todos, *folders, **flags)


def guard_from_options(application: WSGIApplication, options: argparse.Namespace) -> WSGIApplication:
    hosts = [*options.allow_host, url_host(options.host)]
    return guard(application, hosts, origins_from_options(options), options.user_header)


def origins_from_options(options: argparse.Namespace) -> list[str]:
    return ["*"] if options.todo_backend else options.cors


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the command's options. The variables of the environ are their defaults.

    Raises ValueError for a variable that is neither true nor false, but should be.
    """
    parser = Parser("todomvc", description="Serve TodoMVC: the page and its REST backend.")
    add, variables = parser.add_argument, {name: value.strip() for name, value in environ.items()}
    text = variables.get
    add("--version", action="version", version=f"todomvc {__version__}")
    add("--host", default="127.0.0.1", help="the address to listen at (%(default)s)")
    add("--port", default=8000, type=port_number, help="the port to listen at; 0 is any free one (%(default)s)")
    add(
        "--db",
        default=text("TODOMVC_DB"),
        type=str.strip,
        help="the file of the todos, a postgresql:// URL, or :memory: (todos.db)",
    )
    add_jobs(parser)
    add("--static", metavar="FOLDER", default=text("TODOMVC_STATIC"), help="the files of another client")
    add("--templates", metavar="FOLDER", default=text("TODOMVC_TEMPLATES"), help="the page of another client")
    add("--allow-host", metavar="NAME", default=text("TODOMVC_HOSTS", ""), type=host_names,
        help="another name of this server than the machine's own; .example.org is every name that ends so, * any name; "
        "separate several with commas")  # fmt: skip
    add("--cors", metavar="ORIGIN", default=text("TODOMVC_CORS", ""), type=origins,
        help="an origin whose pages may read and change the todos, or *, which opens them to every web page; separate "
        "several with commas")  # fmt: skip
    add("--user-header", metavar="NAME", default=text("TODOMVC_USER_HEADER"), type=header_name,
        help="the header in which the proxy names the user; each user then has a list")  # fmt: skip
    add("--todo-backend", action="store_true", default=is_true(variables, "TODOMVC_TODO_BACKEND"),
        help="answer as the Todo-Backend specification asks; this opens the todos to every web page")  # fmt: skip
    offline = {"TODOMVC_OFFLINE": text("TODOMVC_OFFLINE") or "1"}
    add("--no-offline", action="store_true", default=not is_true(offline, "TODOMVC_OFFLINE"),
        help="let browsers keep no copy of the page for when the server is away")  # fmt: skip
    add("--debug", action="store_true", default=is_true(variables, "TODOMVC_DEBUG"),
        help="show tracebacks to browsers on this machine, and take up changes of the program's files")  # fmt: skip
    return parser


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add the options that ask for something else than to serve: those of todomvc_jobs."""
    group = parser.add_argument_group("instead of serving")
    add = group.add_mutually_exclusive_group().add_argument
    add("--backup", metavar="FILE", help="write a copy of the SQLite file to a new file, also while it is served")
    add("--check", action="store_true", help="check that what is stored is sound")
    add("--export", metavar="FILE", help="write the lists to a new file of JSON Lines, or to standard output (-)")
    add("--import", metavar="FILE", dest="load", help="read such a file, or standard input (-), into an empty store")
    add("--renew", action="store_true", help="give the lists new identities, as after a restored backup")
    group.add_argument("--user", metavar="NAME", help="export or import the list of this user only")
    group.add_argument("--keep-identity", action="store_true",
        help="import the identities, too, as the lists move and are not served from the old store again")  # fmt: skip


def has_job(options: argparse.Namespace) -> bool:
    names = options.backup, options.export, options.load, options.user  # of which one may be empty
    return options.check or options.renew or options.keep_identity or any(name is not None for name in names)


class Parser(argparse.ArgumentParser):
    """A parser that raises ValueError with one line, in which there is no password, and does not exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(re.sub(r"://\S*@", "://...@", message))


def is_true(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "").lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("", "0", "false", "no", "off"):
        return False
    raise ValueError(f"{name}: {value!r} is neither 1, true, yes, on, nor 0, false, no, off")


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def header_name(text: str) -> str:
    if text and not re.fullmatch("[A-Za-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a header, such as X-Remote-User")
    return text


def list_of_words(pattern: str, kind: str) -> Callable[[str], list[str]]:
    """Return an argparse type: words with commas or spaces between them, each of which must match the pattern."""

    def parse(text: str) -> list[str]:
        found = text.lower().replace(",", " ").split()
        for word in found:
            if not re.fullmatch(pattern, word):
                raise argparse.ArgumentTypeError(f"{word!r} is not {kind}")
        return found

    return parse


HOST = r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])"
host_names = list_of_words(rf"\*|{HOST}", "a name without a port, such as todos.example.org, or *")
origins = list_of_words(rf"\*|[a-z][a-z0-9+.-]*://{HOST}(?::[0-9]+)?", "an origin, such as https://example.org, or *")


def place(db: str) -> str:
    """Say where the todos are kept, without the URL of a database: there can be a password in it."""
    if is_postgres_url(db):
        return "PostgreSQL"
    return "memory" if db == ":memory:" else os.path.abspath(db)


def restart_on_change(options: argparse.Namespace, port: int, before: dict[str, int]) -> None:
    """Start the program again at the same port when one of its modules has changed and all can be used.

    The page and the static files need no restart: TodoMVC reads them again itself.
    """
    now = before
    while True:
        time.sleep(0.25)
        now, last = modification_times(), now
        if now == last != before:  # not while a file is still being written
            before = now
            if is_usable(options):
                os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "--port", str(port)])


def modification_times() -> dict[str, int]:
    times = {}
    for file in [str(sys.modules[name].__file__) for name in own_modules()]:
        with contextlib.suppress(OSError):  # an editor replaces it
            times[file] = os.stat(file).st_mtime_ns
    return times


def own_modules() -> list[str]:
    """Return the names of the modules in use: todomvc and its siblings."""
    return [name for name in list(sys.modules) if re.fullmatch("todomvc(_.*)?", name)]


def is_usable(options: argparse.Namespace) -> bool:
    """Tell whether the program would start. Print the error if it would not."""
    imports = f"import sys; sys.path.insert(0, {str(HERE)!r}); import {', '.join(own_modules())}"
    try:
        make_application(TodoList(), options)
        return subprocess.run([sys.executable, "-c", imports], timeout=30).returncode == 0
    except (OSError, ValueError, subprocess.TimeoutExpired):
        sys.excepthook(*sys.exc_info())
        return False


if __name__ == "__main__":
    sys.modules["todomvc_server"] = sys.modules["__main__"]
    main()
