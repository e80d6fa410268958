"""The command, ``python3 todomvc.py``: its options and variables, the threaded server, and the restart on change.

`main` is the command. `make_app` makes ``todomvc.app`` from the environment variables alone. The rest is the server: a
thread for each connection, which reads the head of a request strictly and leaves the response to wsgiref.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote
from wsgiref.handlers import SimpleHandler
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from todomvc import (
    HERE,
    AnyTodoList,
    HTTPError,
    ListUnavailable,
    TodoList,
    TodoMVC,
    __version__,
    is_length,
    is_postgres_url,
    open_list,
    problem_response,
    send,
    url_host,
)
from todomvc_guards import guard, is_loopback, require_one_process

__all__ = ["main", "make_app"]


def main(arguments: list[str] | None = None) -> None:
    """Serve the todos until Ctrl-C or SIGTERM.

    arguments: those of the command; by default sys.argv[1:]. Raises SystemExit for one that cannot be used.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            options = make_parser(os.environ).parse_args(arguments)
            options.db = options.db or "todos.db"  # `app` has another default
            todos = open_list(options.db)
            todos.read(0)  # so that an unusable store fails now
            if options.renew:
                todos.renew()
                print("The lists have new identities: pages that are open will not write to them.")
                return
            application = make_application(todos, options)
            server = ThreadingWSGIServer((options.host, options.port), RequestHandler)
        except (OSError, ValueError, ListUnavailable) as error:
            sys.exit(f"todomvc: {error}")
        with server:
            server.application = guard_from_options(application, options, server.server_name)
            serve(server, options)


def serve(server: ThreadingWSGIServer, options: argparse.Namespace) -> None:
    if options.debug:
        arguments = options, server.server_port, modification_times(options)
        threading.Thread(target=restart_on_change, args=arguments, daemon=True).start()
    url = f"http://{server.server_name}:{server.server_port}/"
    print(f"Serving the todos at {url}, kept in {place(options.db)}, until Ctrl-C.", flush=True)
    if not is_loopback(server.server_name):
        print("Anyone who can reach this port can read and change them: see docs/deploy.md for a password.", flush=True)
    server.serve_forever()


def make_app() -> WSGIApplication:
    """Return the application that the environment variables TODOMVC_* describe.

    Raises ValueError or OSError for a variable that cannot be used.
    """
    options = make_parser(os.environ).parse_args([])
    application: WSGIApplication = make_application(open_list(options.db or ":memory:"), options)
    if not options.db:
        application = require_one_process(application)
    return guard_from_options(application, options)


def make_application(todos: AnyTodoList, options: argparse.Namespace) -> TodoMVC:
    folders = options.static, options.templates
    flags = {"debug": options.debug, "todo_backend": options.todo_backend, "offline": not options.no_offline}
    return TodoMVC(todos, *folders, **flags)


def guard_from_options(
    application: WSGIApplication, options: argparse.Namespace, bound_to: str | None = None
) -> WSGIApplication:
    """Return the application with its guards.

    bound_to: the address that the server listens at, if it is known. Without --allow-host, any Host is accepted unless
    this is a loopback address.
    """
    hosts = options.allow_host or None
    if bound_to is not None and is_loopback(bound_to):
        hosts = [*options.allow_host, url_host(options.host.lower())]
    return guard(application, hosts, ["*"] if options.todo_backend else options.cors, options.user_header)


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the command's options. The variables of the environ are their defaults."""
    parser = Parser("todomvc", description="Serve TodoMVC: the page and its REST backend.")
    add = parser.add_argument
    add("--version", action="version", version=f"todomvc {__version__}")
    add("--host", default="127.0.0.1", help="the address to listen at (%(default)s)")
    add("--port", default=8000, type=port_number, help="the port to listen at; 0 is any free one (%(default)s)")
    add(
        "--db",
        default=environ.get("TODOMVC_DB"),
        help="the file of the todos, a postgresql:// URL, or :memory: (todos.db)",
    )
    add("--renew", action="store_true", help="give the lists new identities, as after a restored backup, and exit")
    add("--static", metavar="FOLDER", default=environ.get("TODOMVC_STATIC"), help="the files of another client")
    add("--templates", metavar="FOLDER", default=environ.get("TODOMVC_TEMPLATES"), help="the page of another client")
    add("--allow-host", metavar="NAME", default=environ.get("TODOMVC_HOSTS", ""), type=host_names,
        help="another name of this server; separate several with commas")  # fmt: skip
    add("--cors", metavar="ORIGIN", default=environ.get("TODOMVC_CORS", ""), type=origins,
        help="an origin whose scripts may use the API, or *; separate several with commas")  # fmt: skip
    add("--user-header", metavar="NAME", default=environ.get("TODOMVC_USER_HEADER"), type=header_name,
        help="the header in which the proxy names the user; each user then has a list")  # fmt: skip
    add("--todo-backend", action="store_true", default=is_set(environ, "TODOMVC_TODO_BACKEND"),
        help="answer as the Todo-Backend specification asks")  # fmt: skip
    add("--no-offline", action="store_true", default=environ.get("TODOMVC_OFFLINE") == "0",
        help="let browsers keep no copy of the page for when the server is away")  # fmt: skip
    add("--debug", action="store_true", default=is_set(environ, "TODOMVC_DEBUG"),
        help="show tracebacks in the browser, and start again when a file has changed")  # fmt: skip
    return parser


class Parser(argparse.ArgumentParser):
    """A parser that raises ValueError with one line, and does not exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def is_set(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "") not in ("", "0")


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
host_names = list_of_words(HOST, "a name without a port, such as todos.example.org")
origins = list_of_words(rf"\*|[a-z][a-z0-9+.-]*://{HOST}(?::[0-9]+)?", "an origin, such as https://example.org, or *")


def place(db: str) -> str:
    """Say where the todos are kept, without the URL of a database: there can be a password in it."""
    if is_postgres_url(db):
        return "PostgreSQL"
    return "memory" if db == ":memory:" else os.path.abspath(db)


class ThreadingWSGIServer(socketserver.ThreadingTCPServer):
    """A server with a thread for each connection, as browsers open connections that they send nothing on.

    address: host and port to listen at; handler: RequestHandler. Raises OSError if it cannot listen there.

    A connection is closed after MAX_CONNECTION_SECONDS. When there are MAX_CONNECTIONS, the oldest makes room for a new
    one.
    """

    daemon_threads = allow_reuse_address = True
    request_queue_size = 128
    application: WSGIApplication

    def __init__(self, address: tuple[str, int], handler: type[RequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.connections: dict[socket.socket, float] = {}  # when each began, the oldest first
        try:
            super().__init__(address, handler)
        except OSError as error:
            raise OSError(f"cannot listen at port {address[1]} of {address[0]}: {error.strerror}") from None
        name, self.server_port = self.socket.getsockname()[:2]
        self.server_name = url_host(name)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Shut down the connections that have lasted too long or are too many. Then their threads end."""
        connections, now = list(self.connections.copy().items()), time.monotonic()
        too_many = len(connections) - MAX_CONNECTIONS
        for number, (connection, began) in enumerate(connections):
            if number < too_many or now - began > MAX_CONNECTION_SECONDS:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        self.connections.pop(request, None)
        super().shutdown_request(request)


class RequestHandler(socketserver.StreamRequestHandler):
    """A connection. It reads the head of one request strictly (RFC 9112) and leaves the response to wsgiref."""

    timeout = 30  # seconds for the next bytes
    timeout_of_closing = 2  # the same, once the response is sent
    server: ThreadingWSGIServer

    def handle(self) -> None:
        name, port = self.server.server_name, str(self.server.server_port)
        environ = {"SERVER_NAME": name, "SERVER_PORT": port, "REMOTE_ADDR": self.client_address[0], **DEFAULTS}
        with contextlib.suppress(OSError):  # the client has gone, or said nothing for too long
            try:
                line = environ["todomvc.request_line"] = read_line(self.rfile, "414 URI Too Long")
                if not line.strip():
                    return
                request = parse_request_line(line)
                environ.update(request)  # now, because a refused HEAD must have no body either
                fields = read_fields(self.rfile)
                refuse_ambiguity(request["SERVER_PROTOCOL"], fields)
                environ = {**environ, **header_variables(fields), **request}
                application = self.server.application
            except HTTPError as error:
                application = refusal(error)
            ResponseWriter(self.rfile, self.wfile, sys.stderr, environ).run(application)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Close in two steps: what a client still sends could otherwise cost it the response (RFC 9112, 9.6)."""
        super().finish()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(self.timeout_of_closing)
            while self.connection.recv(MAX_HEAD):
                pass


class ResponseWriter(SimpleHandler):
    """wsgiref's way to run an application and send its response, with a log line for each."""

    environ: WSGIEnvironment
    status: str | None
    bytes_sent: int
    server_software = "todomvc"
    os_environ = {}  # noqa: RUF012, the variables of the process do not belong to a request

    def set_content_length(self) -> None:
        """Leave Content-Length to the application: wsgiref would add one to 204 and 304 (RFC 9110, section 8.6)."""

    def log_exception(self, exc_info: Any) -> None:
        if not isinstance(exc_info[1], OSError):  # which only says that the client has gone
            super().log_exception(exc_info)

    def close(self) -> None:
        """Write a line to the log, with control characters and quotes escaped (log injection)."""
        line = self.environ["todomvc.request_line"].rstrip().decode("latin-1").encode("unicode_escape").decode()
        line = line.replace('"', r"\x22")
        client, now = self.environ["REMOTE_ADDR"], time.strftime("%d/%b/%Y %H:%M:%S")
        self.get_stderr().write(f'{client} - - [{now}] "{line}" {str(self.status)[:3]} {self.bytes_sent}\n')
        super().close()


def read_line(file: io.BufferedIOBase, too_long: str) -> bytes:
    """Return the next line, or nothing at the end. Raise HTTPError with the status `too_long` for a long one."""
    line = file.readline(MAX_HEAD + 1)
    if len(line) > MAX_HEAD:
        raise HTTPError(too_long, f"Send a request line, and header fields, of at most {MAX_HEAD} bytes each.")
    return line


def parse_request_line(line: bytes) -> dict[str, str]:
    """Return the environ variables of a request line. Raise HTTPError 400, or 505 for another version of HTTP."""
    request = match_request_line(line.decode("latin-1"))
    if not request:
        raise HTTPError("400 Bad Request", "Send an HTTP/1.1 request: this is not one.")
    method, target, version = request.groups()
    if not version.startswith("HTTP/1."):
        raise HTTPError("505 HTTP Version Not Supported", "Send a request of HTTP/1.1.")
    environ = {"REQUEST_METHOD": method, "SERVER_PROTOCOL": version}
    absolute = match_absolute(target)
    if absolute:  # it replaces Host (RFC 9112, section 3.2.2)
        environ["HTTP_HOST"], target = absolute.groups()
    path, _, query = target.partition("?")
    return {**environ, "PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query}


def read_fields(file: io.BufferedIOBase) -> list[tuple[str, str]]:
    """Return the header fields: names in lower case, and values. Raise HTTPError 400, or 431 if they are too many."""
    fields: list[tuple[str, str]] = []
    size = 0
    while True:
        line = read_line(file, TOO_MUCH)
        if line in (b"\r\n", b"\n"):
            return fields
        found = match_field(line.decode("latin-1"))
        if not found:
            raise HTTPError(
                "400 Bad Request", "Send header fields as HTTP/1.1 defines them: one on each line, then an empty line."
            )
        fields.append((found[1].lower(), found[2].strip(" \t")))
        size += len(line)
        if size > MAX_HEAD or len(fields) > MAX_FIELDS:
            raise HTTPError(TOO_MUCH, f"Send at most {MAX_FIELDS} header fields, of {MAX_HEAD} bytes in all.")


def refuse_ambiguity(version: str, fields: list[tuple[str, str]]) -> None:
    """Raise HTTPError 400 for what a proxy in front could understand in another way (RFC 9112, 3.2 and 6.3)."""
    hosts, lengths, codings = (
        [value for name, value in fields if name == wanted]
        for wanted in ("host", "content-length", "transfer-encoding")
    )
    if len(hosts) > 1 or not (hosts or version == "HTTP/1.0"):
        raise HTTPError("400 Bad Request", "Send one Host.")
    if len(lengths + codings) > 1 or not all(map(is_length, lengths)):
        raise HTTPError("400 Bad Request", "Send one Content-Length, a number of bytes, or one Transfer-Encoding.")


def header_variables(fields: list[tuple[str, str]]) -> dict[str, str]:
    """Return the environ variables of header fields (RFC 3875, section 4.1.18)."""
    variables: dict[str, str] = {}
    for name, value in fields:
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = "HTTP_" + variable
        if "_" not in name:  # else it would pass for the one with "-", such as X-Remote-User
            variables[variable] = f"{variables[variable]},{value}" if variable in variables else value
    return variables


def refusal(error: HTTPError) -> WSGIApplication:
    """Return an application that answers every request with the error."""
    response = problem_response(error)  # made now: the error's traceback keeps what was read of the head in memory

    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send(response, environ, start_response)

    return refuse


FIELD_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
match_request_line = re.compile(rf"({FIELD_NAME}) ([!-~\x80-\xff]+) (HTTP/[0-9]\.[0-9])\r?\n").fullmatch
match_field = re.compile(rf"({FIELD_NAME}):([^\r\n\0]*)\r?\n").fullmatch
match_absolute = re.compile("https?://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL).fullmatch
DEFAULTS = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.0", "todomvc.request_line": b""}
TOO_MUCH = "431 Request Header Fields Too Large"
MAX_HEAD = 65536  # bytes of a request line, and of all headers
MAX_FIELDS = 100
MAX_CONNECTIONS = 500
MAX_CONNECTION_SECONDS = 120


def restart_on_change(options: argparse.Namespace, port: int, before: dict[Path, int]) -> None:
    """Start the program again at the same port when one of its files has changed and all can be used."""
    now = before
    while True:
        time.sleep(0.25)
        now, last = modification_times(options), now
        if now == last != before:  # not while a file is still being written
            before = now
            if is_usable(options):
                os.execv(sys.executable, [sys.executable, *sys.argv, "--port", str(port)])


def modification_times(options: argparse.Namespace) -> dict[Path, int]:
    folders = Path(options.static or HERE / "static"), Path(options.templates or HERE / "templates")
    files = [*own_files(), *(file for folder in folders for file in folder.rglob("*"))]
    return {file: file.stat().st_mtime_ns for file in files if file.exists()}


def own_files() -> list[Path]:
    """Return the files of the modules in use: todomvc.py and its siblings."""
    modules = [module for name, module in list(sys.modules.items()) if re.fullmatch("todomvc(_.*)?", name)]
    return [Path(module.__file__) for module in modules if module.__file__ and os.path.isfile(module.__file__)]


def is_usable(options: argparse.Namespace) -> bool:
    """Tell whether the program would start. Print the error if it would not."""
    try:
        for file in own_files():
            compile(file.read_bytes(), file, "exec")
        make_application(TodoList(), options)
    except (OSError, SyntaxError, ValueError):
        sys.excepthook(*sys.exc_info())
        return False
    return True
