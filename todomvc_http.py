"""A small, strict HTTP/1.1 server (RFC 9112) for a WSGI application (PEP 3333), with a thread for each connection.

It knows nothing of todos, and serves any application until another thread, or a signal handler, calls `stop`::

    server = Server("127.0.0.1", 8000)
    server.serve(application)

`Server` accepts connections, and keeps their number and their memory within bounds. `Connection` is the loop: read a
head, run the application, send its response. `parse_head` decides what a request is. `Body` and `Response` are the two
halves of WSGI.
"""

from __future__ import annotations

import contextlib
import errno
import io
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from wsgiref.handlers import format_date_time
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from todomvc import Header, HTTPError, is_length, problem_response, send, url_host

__all__ = ["Server"]

PATIENCE = 60  # seconds that a client has for the next byte, and for the next MIN_MOVED
MIN_MOVED = 60_000  # bytes
GRACE = 3  # seconds that are left to requests when the server is stopped
LINGER = 2  # seconds for the next byte of a client that was told that the connection ends; ten times that in all
MAX_HEAD = 65536  # bytes of a request line and its header fields
MAX_FIELDS = 100
MAX_DROPPED = 8 * 1024 * 1024  # bytes that are read of a body that the application did not want
MAX_SENDING = 256 * 1024 * 1024  # bytes of the large bodies that are being sent; one that many clients read counts once
MAX_CONNECTIONS = 500
SPARE_DESCRIPTORS = 32  # file descriptors for the rest of the process
PIECE = 65536  # bytes that are received or sent at once
SEND_BUFFER = 131072  # bytes; a larger one would hide for minutes that a slow client makes progress


class Server:
    """Listens at an address, and serves each connection in a thread.

    host: a name or an address; port: 0 is any free one. The attributes `name` and `port` say where it listens, the name
    as URLs have it. Raises OSError if it cannot listen there.
    """

    def __init__(self, host: str, port: int) -> None:
        is_ipv6 = ":" in host
        family, dual = socket.AF_INET6 if is_ipv6 else socket.AF_INET, is_ipv6 and socket.has_dualstack_ipv6()
        try:  # create_server sets SO_REUSEADDR, but not on Windows, where two servers could then share a port
            self.socket = socket.create_server((host, port), family=family, backlog=128, dualstack_ipv6=dual)
        except (OSError, UnicodeError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).partition(" (")[0]
            raise OSError(f"cannot listen at port {port} of {host}: {reason}") from None
        self.socket.settimeout(0.25)  # how often `serve` looks whether it is to stop
        address, self.port = self.socket.getsockname()[:2]
        self.name = url_host(address)
        self.environ: WSGIEnvironment = {"SERVER_NAME": self.name, "SERVER_PORT": str(self.port), **ENVIRON}
        self.max_connections = min(MAX_CONNECTIONS, max(8, max_descriptors() - SPARE_DESCRIPTORS))
        self.connections: dict[Connection, None] = {}  # the oldest first
        self.lock = threading.Lock()  # of the connections
        self.is_stopping = False

    def serve(self, application: WSGIApplication) -> None:
        """Serve the application until `stop` is called. Then finish the responses that have begun, and return.

        `connections` is empty then, unless the application takes too long: it may be running still.
        """
        self.application = application
        with self.socket:
            while not self.is_stopping:
                self.accept()
        for connection in self.open_connections():
            if connection.is_idle:
                connection.shut_down(socket.SHUT_RD)
        self.wait_for_end(GRACE)
        for connection in self.open_connections():
            connection.shut_down(reason="the server was stopped")
        self.wait_for_end(1)

    def wait_for_end(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.connections and time.monotonic() < end:
            time.sleep(0.02)

    def stop(self) -> None:
        """Let `serve` return soon. This only sets a flag: a signal handler may call it at any moment."""
        self.is_stopping = True

    def accept(self) -> None:
        try:
            client, address = self.socket.accept()
        except TimeoutError:
            return
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self.make_room()
                time.sleep(0.05)  # the connection that makes room needs a moment to close
            return
        if len(self.open_connections()) >= self.max_connections:
            self.make_room()
        connection = Connection(self, client, address[0])
        with self.lock:
            self.connections[connection] = None
        try:
            threading.Thread(target=connection.run, daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            self.make_room()
            connection.close()

    def make_room(self) -> None:
        """Shut down the connection that has been idle for longest, or the oldest one if none has been for a second."""
        connections, now = self.open_connections(), time.monotonic()
        idle = [connection for connection in connections if connection.is_idle and now - connection.since > 1]
        if idle:
            min(idle, key=lambda connection: connection.since).shut_down()
        elif connections:
            connections[0].shut_down(reason="there were too many")

    def bound_bodies(self, newest: bytes) -> None:
        """Shut down the oldest connections that send another large body than the newest, until the rest is bounded.

        A list that changes has a new body each time. An old one stays in memory until its slowest reader has it.
        """
        readers = [(connection, connection.body) for connection in self.open_connections() if connection.body]
        for reader in [reader for reader in readers if reader[1] is not newest]:
            if sum({id(body): len(body) for _, body in readers if body}.values()) <= MAX_SENDING:
                return
            readers.remove(reader)
            reader[0].shut_down(reason="it was slow to read an old version of a large response")

    def open_connections(self) -> list[Connection]:
        with self.lock:
            return [connection for connection in self.connections if not connection.is_shut_down]

    def forget(self, connection: Connection) -> None:
        with self.lock:
            self.connections.pop(connection, None)


def max_descriptors() -> int:
    """Return how many file descriptors the process may have, if that is less than the server could use."""
    try:
        import resource
    except ImportError:  # on Windows
        return MAX_CONNECTIONS + SPARE_DESCRIPTORS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS + SPARE_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


class Disconnected(ConnectionError):
    """The client has gone, or is too slow."""


class Connection:
    """A connection. Its requests are read and answered one after the other."""

    def __init__(self, server: Server, client: socket.socket, address: str) -> None:
        self.server, self.socket, self.address = server, client, address
        self.buffer = b""  # what was received, and is not read yet
        self.body: bytes | None = None  # a large one, while it is sent
        self.is_idle = True  # it waits for a request, of which nothing has come
        self.is_shut_down = False
        self.start_clock()

    def run(self) -> None:
        try:
            self.socket.settimeout(PATIENCE)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            while self.exchange():
                self.start_clock()
            self.end_gently()
        except OSError:
            pass  # the client has gone, or is too slow
        finally:
            self.close()

    def exchange(self) -> bool:
        """Answer the next request. Return whether another one may follow."""
        environ, line, body, goes_on = {**self.server.environ, "REMOTE_ADDR": self.address}, "", None, False
        application = self.server.application
        try:
            head = self.read_head()
            if not head:
                return False
            line = head.partition("\r\n")[0]
            environ.update(parse_head(head))
            body, goes_on = body_of(environ, self), is_persistent(environ)
        except HTTPError as error:
            application = refusal(error)
            line = line or self.buffer.partition(b"\n")[0].rstrip(b"\r").decode("latin-1")
            environ["REQUEST_METHOD"] = line.partition(" ")[0]  # a refused HEAD has no body either
        environ["wsgi.input"] = io.BufferedReader(body) if body else io.BytesIO()
        response = Response(self, environ, body, goes_on)
        try:
            response.run(application)
        finally:  # what was carried out is in the log, also if its client has gone
            log_request(self.address, line, response)
        return response.goes_on and (body is None or body.drop())

    def read_head(self) -> str:
        """Return the head of the next request: all before its body. Return nothing if the client sends no more.

        Raises HTTPError 400, 414, 431 or 505 for what is no head, as soon as that can be told.
        """
        self.is_idle, may_skip, new = True, True, self.buffer
        if self.server.is_stopping:
            self.shut_down(socket.SHUT_RD)
        while True:
            if may_skip and self.buffer.startswith(b"\r\n"):  # some clients send one after a body (RFC 9112, 2.2)
                self.buffer, may_skip = self.buffer[2:], False
            end = self.buffer.find(b"\r\n\r\n", 0, MAX_HEAD) + 4
            if end >= 4:
                head, self.buffer = self.buffer[:end], self.buffer[end:]
                self.is_idle = False
                return head.decode("latin-1")
            if self.buffer and (b"\n" in new or len(self.buffer) >= MAX_HEAD):
                refuse_bad_beginning(self.buffer)
            new = self.receive()
            if not new:
                if self.buffer:
                    raise HTTPError("400 Bad Request", "Send the whole request: the connection ended within its head.")
                return ""

    def read_line(self) -> str:
        """Return the next line within a chunked body. Raise HTTPError 400 for a long one."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > MAX_HEAD:
                raise HTTPError("400 Bad Request", BAD_CHUNK)
            self.receive_more()
        line, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
        return line.decode("latin-1")

    def read(self, size: int) -> bytes:
        """Return the next bytes of a body, at least one."""
        if not self.buffer:
            self.receive_more()
        piece, self.buffer = self.buffer[:size], self.buffer[size:]
        return piece

    def receive_more(self) -> None:
        if not self.receive():
            raise Disconnected("the client has sent less than it said")

    def receive(self) -> bytes:
        """Add what comes next to the buffer, and return it: nothing if the client sends no more."""
        try:
            piece = self.socket.recv(PIECE)
        except OSError as error:
            raise Disconnected from error
        if self.is_idle and piece:
            self.is_idle = False
            self.start_clock()
        self.keep_pace(len(piece))
        self.buffer += piece
        return piece

    def send(self, head: bytes, body: bytes) -> None:
        """Send a head and a body. No time is set for a large one as a whole, but for each piece of it."""
        self.start_clock()
        if len(body) < PIECE:
            self.socket.sendall(head + body)
            return
        self.body = body
        self.server.bound_bodies(body)
        self.socket.sendall(head)
        rest = memoryview(body)
        while rest:
            sent = self.socket.send(rest[:PIECE])
            self.keep_pace(sent)
            rest = rest[sent:]
        self.body = None

    def start_clock(self) -> None:
        self.since, self.moved = time.monotonic(), 0

    def keep_pace(self, size: int) -> None:
        """Count bytes that were received or sent. Raise Disconnected if they were too few in the last minute."""
        self.moved += size
        if time.monotonic() - self.since > PATIENCE:
            if self.moved < MIN_MOVED:
                log.write(f"todomvc: closed a connection of {self.address}: it was too slow\n")
                raise Disconnected
            self.start_clock()

    def shut_down(self, how: int = socket.SHUT_RDWR, reason: str = "") -> None:
        """End the connection from another thread: the one that uses it then reads nothing more, or has an OSError."""
        self.is_shut_down = True
        if reason:
            log.write(f"todomvc: closed a connection of {self.address}: {reason}\n")
        with contextlib.suppress(OSError):
            self.socket.shutdown(how)

    def end_gently(self) -> None:
        """Read on for a while: to close on unread bytes could cost the client the response (RFC 9112, 9.6)."""
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(LINGER)
        self.start_clock()
        while self.socket.recv(PIECE) and time.monotonic() - self.since < 10 * LINGER:
            pass

    def close(self) -> None:
        self.socket.close()
        self.server.forget(self)


def parse_head(head: str) -> WSGIEnvironment:
    """Return the environ variables of a request line and header fields (RFC 3875, section 4.1).

    Raises HTTPError 400, 431 or 505 for what RFC 9112 does not allow, and for what two programs could read in two ways.
    """
    method, host, path, query, version, lines = match_or_refuse(head)
    environ = {"REQUEST_METHOD": method, "SERVER_PROTOCOL": version, "QUERY_STRING": query or ""}
    environ["PATH_INFO"] = unquote(path, "latin-1") if "%" in path else path
    if "/../" in f"{environ['PATH_INFO']}/":
        raise HTTPError("400 Bad Request", "Send the path without dot segments.")
    for line in lines.split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        variable, value = variable_of(name), value.strip(" ")  # a tab would be part of it for nginx
        if variable in environ:
            if variable in SINGLE:
                raise HTTPError("400 Bad Request", f"Send {name} once.")
            value = f"{environ[variable]},{value}"
        environ[variable] = value
    environ.pop(IGNORED, None)
    if not is_authority(environ.get("HTTP_HOST", "")) and ("HTTP_HOST" in environ or version != "HTTP/1.0"):
        raise HTTPError("400 Bad Request", "Send one Host: the name of the server.")
    if host:  # it replaces Host (RFC 9112, section 3.2.2)
        environ["HTTP_HOST"] = host
    return environ


def match_or_refuse(head: str) -> tuple[str, ...]:
    """Return the parts of a head. Raise HTTPError if it is none."""
    if head.count("\n") > MAX_FIELDS + 2:
        raise HTTPError(TOO_LARGE, f"Send at most {MAX_FIELDS} header fields.")
    match = match_head(head)
    if match:
        return match.groups()
    if match_other_version(head):
        raise HTTPError("505 HTTP Version Not Supported", "Send a request of HTTP/1.1.")
    raise HTTPError("400 Bad Request", "Send a request as HTTP/1.1 defines it: this is not one.")


def refuse_bad_beginning(beginning: bytes) -> None:
    """Raise HTTPError if what has come so far can become no head."""
    if len(beginning) >= MAX_HEAD:
        status = TOO_LARGE if b"\n" in beginning[:MAX_HEAD] else "414 URI Too Long"
        raise HTTPError(status, f"Send a request line and header fields of less than {MAX_HEAD} bytes.")
    lines = beginning[: beginning.rfind(b"\n") + 1].decode("latin-1")
    match_or_refuse(f"{lines}\r\n")


@lru_cache(maxsize=1000)
def variable_of(name: str) -> str:
    """Return the environ variable of a header field; a name with "_" would pass for the one with "-"."""
    variable = name.upper().replace("-", "_")
    if "_" in name:
        return IGNORED
    return variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"


def body_of(environ: WSGIEnvironment, connection: Connection) -> Body | None:
    """Return the body of a request. Raise HTTPError 400, 417 or 501 if it cannot be told where it ends."""
    length, coding = environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
    is_old, expected = environ["SERVER_PROTOCOL"] == "HTTP/1.0", environ.get("HTTP_EXPECT")
    if expected is not None and expected.lower() != "100-continue":
        raise HTTPError("417 Expectation Failed", "Expect nothing but 100-continue.")
    if coding is None:
        if length is None:
            return None
        if not is_length(length):
            raise HTTPError("400 Bad Request", "Send a Content-Length that is a number of bytes.")
        return Body(connection, int(length), bool(expected) and not is_old)
    if length is not None or is_old:
        raise HTTPError("400 Bad Request", "Send Transfer-Encoding without Content-Length, and in HTTP/1.1.")
    if coding.lower() != "chunked":
        raise HTTPError("501 Not Implemented", "Send no Transfer-Encoding but chunked.")
    return Body(connection, None, bool(expected))


def is_persistent(environ: WSGIEnvironment) -> bool:
    """Tell whether the client wants the connection to go on (RFC 9112, section 9.3)."""
    return environ["SERVER_PROTOCOL"] != "HTTP/1.0" and "close" not in environ.get("HTTP_CONNECTION", "").lower()


def refusal(error: HTTPError) -> WSGIApplication:
    """Return an application that answers with the error."""
    response = problem_response(error)  # made now: the error's traceback keeps what was read of the head in memory

    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send(response, environ, start_response)

    return refuse


class Body(io.RawIOBase):
    """The body of a request: it ends where Content-Length says, or after the last chunk (RFC 9112, section 7.1).

    length: in bytes; None if it comes in chunks. is_awaited: whether the client may wait for the word to send it
    (RFC 9110, section 10.1.1). Reading raises HTTPError 400 for bad chunks, and OSError if the client breaks off.
    """

    def __init__(self, connection: Connection, length: int | None, is_awaited: bool) -> None:
        self.connection, self.is_awaited = connection, is_awaited
        self.is_chunked, self.is_first, self.is_broken = length is None, True, False
        self.left = length or 0  # bytes of the body, or of this chunk
        self.extensions = 0  # characters of them all, which nobody here wants (RFC 9112, section 7.1.1)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.is_awaited:
            self.is_awaited = False
            self.connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.is_broken = True  # if the next lines raise an exception
        if self.is_chunked and not self.left:
            self.begin_chunk()
        piece = self.connection.read(min(self.left, len(buffer))) if self.left else b""
        self.is_broken = False
        buffer[: len(piece)] = piece
        self.left -= len(piece)
        return len(piece)

    def begin_chunk(self) -> None:
        read_line = self.connection.read_line
        end_of_last, self.is_first = "" if self.is_first else read_line(), False
        line = read_line()
        size = match_chunk(line)
        if end_of_last or not size:
            raise HTTPError("400 Bad Request", BAD_CHUNK)
        self.left = int(size[1], 16)
        self.extensions += len(line) - len(size[1])
        if self.extensions > MAX_HEAD:
            raise HTTPError("400 Bad Request", f"Send chunk extensions of at most {MAX_HEAD} bytes in all.")
        if not self.left:
            self.is_chunked = False
            fields = 0  # after the body: nobody here wants them
            while line := read_line():
                fields += 1
                if not is_field(line) or fields > MAX_FIELDS:
                    raise HTTPError("400 Bad Request", BAD_CHUNK)

    def is_droppable(self) -> bool:
        """Tell whether the next request can come after this body, although nobody reads it."""
        return not (self.is_awaited or self.is_broken) and self.left <= MAX_DROPPED

    def drop(self) -> bool:
        """Read what is left, in pieces. Return whether that was all of it."""
        dropped = 0
        with contextlib.suppress(HTTPError):
            while dropped <= MAX_DROPPED:
                piece = self.read(PIECE)
                if not piece:
                    return True
                dropped += len(piece)
        return False


class Response:
    """The response to one request, from an application to a connection (PEP 3333).

    goes_on: whether the connection may have more requests; it becomes False for a response that has to end it.
    """

    def __init__(self, connection: Connection, environ: WSGIEnvironment, body: Body | None, goes_on: bool) -> None:
        self.connection, self.environ, self.body, self.goes_on = connection, environ, body, goes_on
        self.status, self.headers, self.bytes_sent = "", list[Header](), 0
        self.length: str | None = None  # as the application declares it
        self.is_head_sent = self.has_body = False

    def run(self, application: WSGIApplication) -> None:
        try:
            blocks = application(self.environ, self.start)
            try:
                for block in blocks:
                    if block:
                        self.send(block)
                if not self.is_head_sent:
                    self.send(b"")
                if self.has_body and self.length != str(self.bytes_sent):
                    self.goes_on = False  # the client cannot tell where the next response begins
            finally:
                if hasattr(blocks, "close"):
                    blocks.close()
        except Disconnected:
            raise
        except Exception:
            log.write(traceback.format_exc())
            if self.is_head_sent:
                raise Disconnected from None  # the client must see that the body is not whole
            self.goes_on = False
            self.run(refusal(HTTPError("500 Internal Server Error", "The server failed, and its log says why.")))

    def start(self, status: str, headers: list[Header], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info and self.is_head_sent:
            raise exc_info[1]
        self.status, self.headers = status, headers
        return self.send

    def send(self, block: bytes) -> None:
        head = b"" if self.is_head_sent else self.head()
        self.is_head_sent = True
        block = block if self.has_body else b""
        try:
            self.connection.send(head, block)
        except OSError as error:
            raise Disconnected from error
        self.bytes_sent += len(block)

    def head(self) -> bytes:
        if not self.status:
            raise RuntimeError("the application has not called start_response")
        self.length = next((value for name, value in self.headers if name.lower() == "content-length"), None)
        self.has_body = self.environ["REQUEST_METHOD"] != "HEAD" and self.status[:3] not in ("204", "304")
        has_end = not self.has_body or self.length is not None
        is_clean = self.body is None or self.body.is_droppable()
        self.goes_on = self.goes_on and has_end and is_clean and not self.connection.server.is_stopping
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        if not fields.count("\r") == fields.count("\n") == len(self.headers) or not self.status.isprintable():
            raise ValueError("the application has sent a header with a line break in it")
        end = "\r\n" if self.goes_on else "Connection: close\r\n\r\n"
        date = http_date(int(time.time()))
        return f"HTTP/1.1 {self.status}\r\nServer: todomvc\r\nDate: {date}\r\n{fields}{end}".encode("latin-1")


@lru_cache(maxsize=1)
def http_date(second: int) -> str:
    return format_date_time(second)


def log_request(address: str, line: str, response: Response) -> None:
    """Write a request to the log, with control characters and quotes escaped (log injection)."""
    line = line[:MAX_LOGGED].encode("unicode_escape").decode().replace('"', r"\x22")
    now = log_date(int(time.time()))
    log.write(f'{address} - - [{now}] "{line}" {response.status[:3] or "-"} {response.bytes_sent}\n')


@lru_cache(maxsize=1)
def log_date(second: int) -> str:
    return time.strftime("%d/%b/%Y %H:%M:%S", time.localtime(second))


class Log:
    """Standard error, for wsgi.errors. It stops nothing: not if it is closed, nor if its disk is full."""

    def write(self, text: str) -> None:
        with contextlib.suppress(AttributeError, OSError, ValueError):  # it is None, cannot write, or is closed
            sys.stderr.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        with contextlib.suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()


log = Log()
FIELD_NAME = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
FIELD_VALUE = r"[\t\x20-\x7e\x80-\xff]*"
CHARACTERS = "[!-$&->@-~]*"  # of a path, but "%" and "?"
AUTHORITY = r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"
match_head = re.compile(
    rf"""
    ([A-Z_-]{{3,20}})[ ]                  # the method, as nginx and gunicorn take it
    (?=[/Hh])                             # neither "*" nor an authority: RFC 9112, section 3.2
    (?:(?i:https?)://(?![^/?]*_)({AUTHORITY}))?
    ((?:/{CHARACTERS}(?:%(?!00)[0-9A-Fa-f]{{2}}{CHARACTERS})*)?)  # the path
    (?:\?([!-~]*))?
    [ ](HTTP/1\.[01])\r\n
    ((?:{FIELD_NAME}:{FIELD_VALUE}\r\n)*)             # the header fields
    \r\n
    """,
    re.VERBOSE,
).fullmatch
match_other_version = re.compile(rf"{FIELD_NAME} [^ \r\n]+ HTTP/(?!1\.[01])[0-9]\.[0-9]\r\n").match
is_field = re.compile(f"{FIELD_NAME}:{FIELD_VALUE}").fullmatch
match_chunk = re.compile(rf"([0-9A-Fa-f]{{1,15}})[ \t]*(?:;{FIELD_VALUE})?").fullmatch
is_authority = re.compile(AUTHORITY).fullmatch
SINGLE = {
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "HTTP_AUTHORIZATION",
    "HTTP_CONTENT_RANGE",
    "HTTP_EXPECT",
    "HTTP_HOST",
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_TRANSFER_ENCODING",
    "HTTP_X_FORWARDED_PROTO",
}
IGNORED = ""  # the variable of a header field that is none
TOO_LARGE = "431 Request Header Fields Too Large"
BAD_CHUNK = "Send chunks as HTTP/1.1 defines them."
MAX_LOGGED = 2000  # characters of a request line
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "todomvc",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": log,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "todomvc.drops_body": True,
}
