"""gzip, for whoever asks for it (RFC 9110, sections 8.4 and 12.5.3), and what caches are told of it.

By raw calls: WebTest undoes gzip and drops its header.
"""

import gzip

import pytest
from conftest import ROOT, call

from todomvc import TodoMVC

PATHS = ["/", "/todos/", "/css/app.css"]


@pytest.fixture
def application():
    application = TodoMVC()
    application.todos.create({"title": "long " * 500})
    return application


def get(application, path, accept=None, method="GET", **environ):
    """Return the status, the headers as a dict and the body."""
    if accept is not None:
        environ["HTTP_ACCEPT_ENCODING"] = accept
    status, headers, body = call(application, method, path, **environ)
    return int(status[:3]), dict(headers), body


def coding_of(application, path, accept=None):
    return get(application, path, accept)[1].get("Content-Encoding")


WANTED = ["gzip", "GZip", "*", "gzip, deflate, br", "br;q=1.0,gzip;q=0.8, *;q=0.1", "gzip;q=0.001", "gzip ; q=1.000"]
WANTED += ["identity;q=0.5, gzip", "*;q=0.5", "gzip;Q=0.5", "deflate,\tgzip", ", ,gzip", "br;q=0, gzip", "*;q=0, gzip"]
WANTED += ["gzip;q=1, identity;q=1", "identity;q=0, *", "identity;q=0.3, *;q=0.3"]
UNWANTED = [None, "", "identity", "br", "deflate", "gzip;q=0", "gzip;q=0.0", "gzip;q=0.000", "gzip; q=0", "*;q=0"]
UNWANTED += ["gzip;q=0, *", "*, gzip;q=0", "identity, gzip;q=0.5", "gzip;q=0.5, identity;q=0.9", "x-gzipped", "gzippy"]
UNWANTED += [
    "*;q=0.5, identity;q=0.8",
    "gzip;q=2",
    "gzip;q=-1",
    "gzip;q=x",
    "gzip;q=1.0001",
    "gzip;q=1e0",
    "gzip;q=nan",
]
UNWANTED += ["g zip;q=x", "\xe9", "gzip/1", '"gzip"', "gzip;level=9;q=0"]


@pytest.mark.parametrize("accept", WANTED)
@pytest.mark.parametrize("path", PATHS)
def test_gzip_is_sent_to_whoever_likes_it_no_less_than_nothing(application, path, accept):
    _, headers, body = get(application, path, accept)
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == get(application, path)[2]


@pytest.mark.parametrize("accept", UNWANTED)
@pytest.mark.parametrize("path", PATHS)
def test_nobody_else_gets_it(application, path, accept):
    assert coding_of(application, path, accept) is None


@pytest.mark.parametrize("path", PATHS)
def test_gzip_makes_the_answer_shorter_and_its_length_is_told(application, path):
    _, headers, body = get(application, path, "gzip")
    assert int(headers["Content-Length"]) == len(body) < len(get(application, path)[2])


@pytest.mark.parametrize("path", PATHS)
def test_head_tells_what_get_would_send(application, path):
    status, headers, _ = get(application, path, "gzip")
    assert get(application, path, "gzip", "HEAD") == (status, headers, b"")


@pytest.mark.parametrize("accept", [None, "gzip", "identity"])
@pytest.mark.parametrize("path", PATHS)
def test_what_may_be_gzipped_tells_caches_so_in_either_form(application, path, accept):
    assert get(application, path, accept)[1]["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/icon.svg", "/todos/0", "/nothing", "/todos/7"])
def test_what_is_never_gzipped_does_not_vary(application, path):
    _, headers, _ = get(application, path, "gzip")
    assert not {"Vary", "Content-Encoding"} & set(headers)


def test_a_short_list_is_not_gzipped():
    application = TodoMVC()
    application.todos.create({"title": "short"})
    assert coding_of(application, "/todos/", "gzip") is None


def test_the_gzipped_list_and_page_follow_each_change(application):
    for title in ["one", "two"]:
        application.todos.update(0, {"also": title})
        for path in ["/todos/", "/"]:
            assert f'"also":"{title}"'.encode() in gzip.decompress(get(application, path, "gzip")[2])


@pytest.mark.parametrize(
    ("name", "is_gzipped"),
    [
        ("a.css", True),
        ("a.html", True),
        ("a.js", True),
        ("a.json", True),
        ("a.md", True),
        ("a.svg", True),
        ("a.txt", True),
        ("a.webmanifest", True),
        ("a.xml", True),
        ("a.jpg", False),
        ("a.png", False),
        ("a.webp", False),
        ("a.woff2", False),
        ("a.bin", False),
    ],
)
def test_only_files_of_text_are_gzipped(tmp_path, name, is_gzipped):
    (tmp_path / name).write_bytes(b"content " * 500)
    coding = coding_of(TodoMVC(static=tmp_path), f"/{name}", "gzip")
    assert coding == ("gzip" if is_gzipped else None)


def test_the_files_of_the_client_are_gzipped_from_a_kilobyte_on(application):
    for path in (ROOT / "static").rglob("*.*"):
        coding = coding_of(application, f"/{path.relative_to(ROOT / 'static')}", "gzip")
        is_compressed_already = path.suffix == ".png"
        assert coding == ("gzip" if path.stat().st_size > 1000 and not is_compressed_already else None)


def test_a_file_is_gzipped_once_when_it_is_first_asked_for(monkeypatch):
    bodies, compress = [], gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda body, *rest, **more: bodies.append(body) or compress(body))
    application = TodoMVC()
    assert bodies == []
    for _ in range(3):
        assert get(application, "/css/app.css", "gzip")[0] == 200
    assert len(bodies) == 1


def test_the_list_is_gzipped_once_for_each_change(application, monkeypatch):
    bodies, compress = [], gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda body, *rest, **more: bodies.append(body) or compress(body))
    for _ in range(3):
        get(application, "/todos/", "gzip")
    assert len(bodies) == 1


# Cache-Control


@pytest.mark.parametrize("path", [*PATHS, "/todos/0", "/todos", "/nothing", "/todos/7", "/icon.svg"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_no_answer_is_reused_unasked(application, method, path):
    assert get(application, path, method=method)[1]["Cache-Control"] == "no-cache"
