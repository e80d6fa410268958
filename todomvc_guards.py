"""Guards: WSGI middleware (PEP 3333) around an application that browsers reach.

The command and ``todomvc:app`` put them around TodoMVC by `guard`. Use
them one by one for a different combination. Or write one more: a function that takes an application and returns one.
"""

from __future__ import annotations

import functools
import re
import socket
from collections.abc import Callable, Container, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from todomvc import Header, HTTPError, Response, error_response, is_loopback, send, url_host

__all__ = [
    "allow_origins",
    "guard",
    "refuse_cross_origin_writes",
    "require_host",
    "require_one_process",
    "trust_forwarded_scheme",
    "trust_user_header",
]


def guard(
    application: WSGIApplication,
    hosts: Iterable[str] = (),
    origins: Container[str] = (),
    user_header: str | None = None,
) -> WSGIApplication:
    """Return the application wrapped in the guards that it needs if browsers can reach it.

    hosts: the names that it answers to besides addresses and the names of the machine, as `require_host` takes them, or
        "*" for any.
    origins: the origins whose scripts may use it, as browsers write them ("https://example.org"), or "*" for all. By
        default, only its own.
    user_header: the header field in which a proxy names the user; None if there is no such proxy.

    Raises TypeError if hosts or origins is a single string.
    """
    if isinstance(hosts, str) or isinstance(origins, str):  # each of its parts would pass for a name
        raise TypeError("hosts and origins are collections of strings")
    names = set(hosts)
    if user_header:
        application = trust_user_header(application, user_header)
    application = refuse_cross_origin_writes(trust_forwarded_scheme(application), origins)
    if origins:
        application = allow_origins(application, origins)
    return application if "*" in names else require_host(application, names)


def require_host(application: WSGIApplication, hosts: Iterable[str] = ()) -> WSGIApplication:
    """Answer 421 to a Host that is not a name of this server, against DNS rebinding.

    hosts: its names, without a port; ".example.org" is every name that ends so. IP addresses, which nobody can rebind,
    localhost and the names of the machine are answered as well.
    """
    names = {host.lower().removesuffix(".") for host in hosts if host and not is_address(host)}
    names |= own_names()
    domains = tuple(name for name in names if name.startswith("."))

    @functools.lru_cache(maxsize=256)
    def is_known(host: str) -> bool:
        name = host_name(host.lower())
        return is_address(name) or name.removesuffix(".") in names or name.removesuffix(".").endswith(domains)

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_known(environ.get("HTTP_HOST", "localhost")):  # no browser leaves Host out
            return application(environ, start_response)
        detail = "This server goes by another name: allow this one with --allow-host or TODOMVC_HOSTS."
        return refuse("421 Misdirected Request", detail, environ, start_response)

    return guarded


def own_names() -> set[str]:
    """Return the names of this machine. DNS is not asked, as what it says can be another's."""
    name = socket.gethostname().lower().removesuffix(".")
    label = name.partition(".")[0]
    return {"localhost", name, label, f"{label}.local"} if label else {"localhost"}


def is_address(name: str) -> bool:
    """Tell whether a host in a URL is an IPv4 address, or an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    is_ipv6 = name.startswith("[") and name.endswith("]")
    try:
        socket.inet_pton(socket.AF_INET6 if is_ipv6 else socket.AF_INET, name[1:-1] if is_ipv6 else name)
    except (OSError, ValueError):
        return False
    return True


def refuse_cross_origin_writes(application: WSGIApplication, origins: Container[str] = ()) -> WSGIApplication:
    """Answer 403 to a cross-site request that could change something (CSRF), as Go's http.CrossOriginProtection does.

    origins: those whose scripts may send such requests, or "*".
    """

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS") or is_same_origin(environ):
            return application(environ, start_response)
        if "*" in origins or environ.get("HTTP_ORIGIN") in origins:
            return application(environ, start_response)
        detail = "Pages of other sites may not change anything here: start the server with --cors to let one."
        return refuse("403 Forbidden", detail, environ, start_response)

    return guarded


def is_same_origin(environ: WSGIEnvironment) -> bool:
    """Tell whether a request comes from a page of this server, from the user directly, or from no browser at all."""
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site:
        return site in ("same-origin", "none")
    origin = environ.get("HTTP_ORIGIN")
    return not origin or origin.partition("://")[1:] == ("://", environ.get("HTTP_HOST"))  # it may be "null"


def allow_origins(application: WSGIApplication, origins: Container[str]) -> WSGIApplication:
    """Let scripts of these origins, or of all for "*", use the application (CORS: fetch.spec.whatwg.org)."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        origin = "*" if "*" in origins else environ.get("HTTP_ORIGIN", "")
        is_allowed = origin in origins
        added = [("Access-Control-Allow-Origin", origin), EXPOSED_HEADERS] if is_allowed else []
        if origin != "*":
            added.append(("Vary", "Origin"))

        def start(status: str, headers: list[Header], *exc_info: Any) -> Callable[[bytes], object]:
            has_one = any(name == "Access-Control-Allow-Origin" for name, _ in headers)  # two would be invalid
            return start_response(status, headers if has_one else headers + added, *exc_info)

        if is_allowed and is_preflight(environ):
            return send(Response("204 No Content", preflight_headers(environ), b""), environ, start)
        return application(environ, start)

    return guarded


def is_preflight(environ: WSGIEnvironment) -> bool:
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def preflight_headers(environ: WSGIEnvironment) -> list[Header]:
    """Allow the methods of the API, and the header fields that the script asks for, or those of the API."""
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    allowed = asked if is_list_of_names(asked) else API_HEADERS
    return [("Access-Control-Allow-Headers", allowed), ("Vary", "Access-Control-Request-Headers"), *PREFLIGHT_HEADERS]


def trust_forwarded_scheme(application: WSGIApplication) -> WSGIApplication:
    """Take the scheme of URLs from X-Forwarded-Proto, if a proxy on this machine has sent the request."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scheme = environ.get("HTTP_X_FORWARDED_PROTO")
        if scheme in ("http", "https") and is_loopback(url_host(environ.get("REMOTE_ADDR", ""))):
            environ["wsgi.url_scheme"] = scheme
        return application(environ, start_response)

    return guarded


def trust_user_header(application: WSGIApplication, name: str) -> WSGIApplication:
    """Take REMOTE_USER from a header field. The proxy in front must set it, and strip it from what clients send."""
    variable = "HTTP_" + name.upper().replace("-", "_")

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_USER"] = environ.get(variable, "")
        return application(environ, start_response)

    return guarded


def require_one_process(application: WSGIApplication) -> WSGIApplication:
    """Answer 500 where the server has several processes: each would have a list in memory of its own."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["wsgi.multiprocess"]:
            return application(environ, start_response)
        detail = "The server has several processes: set TODOMVC_DB to a file that they share."
        return refuse("500 Internal Server Error", detail, environ, start_response)

    return guarded


def refuse(status: str, detail: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return send(error_response(HTTPError(status, detail), environ), environ, start_response)


def host_name(host: str) -> str:
    """Return the name in a Host header field, without the port."""
    return re.sub(r":[0-9]*\Z", "", host)


is_list_of_names = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z, -]+").fullmatch  # of header fields
EXPOSED_HEADERS = ("Access-Control-Expose-Headers", "ETag, Location, Retry-After, Todo-List")
API_HEADERS = "Content-Type, Idempotency-Key, If-Match, If-None-Match, Todo-List, Todo-User"
PREFLIGHT_HEADERS = [
    ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"),
    ("Access-Control-Max-Age", "3600"),
]
