"""The command, as a process of its own: what it says, how it serves, how it ends."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from http.client import HTTPException

import pytest
from command import IN_MEMORY, address_of, answer_to, connect, end_of_sending, heed_ctrl_c, refusal, request, run, until
from conftest import ROOT, serve

from todomvc import __version__

FOR_DEVELOPERS = {"PYTHONDEVMODE", "PYTHONWARNINGS"}
AS_USERS_HAVE = {name: value for name, value in os.environ.items() if name not in FOR_DEVELOPERS}


# What it says


def test_it_serves_the_page_and_the_api_at_the_url_that_it_prints(server):
    assert request(server)[0] == 200
    assert request(server, "/todos/", "POST", b'{"title": "a"}') == (200, b'{"title":"a","id":0}')


def test_it_says_one_line(server):
    assert len(server.said) == 1


def test_port_0_picks_a_free_port_and_prints_it(server):
    host, port = address_of(server)
    assert host == "127.0.0.1"
    assert port > 1023


def test_a_port_that_is_asked_for_is_used(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serve("--port", str(port), cwd=tmp_path) as process:
        assert process.url == f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("word", ["--host", "--port", "--debug", "--version", "127.0.0.1", "8000"])
def test_the_help_names_the_flags_and_what_they_are_by_default(tmp_path, word):
    process = run(tmp_path, "--help")
    assert process.returncode == 0
    assert word in process.stdout


def test_each_request_is_a_line_in_the_common_log_format(tmp_path):
    with serve(cwd=tmp_path, stderr=subprocess.PIPE) as process:
        request(process, "/todos/")
        line = process.stderr.readline()
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4} [\d:]{8}\] "GET /todos/ HTTP/1\.[01]" 200 2\n', line)


def test_version_prints_the_version(tmp_path):
    process = run(tmp_path, "--version")
    assert (process.returncode, process.stdout) == (0, f"todomvc {__version__}\n")


# What it refuses: one clear line, no traceback, an exit status other than 0


def test_a_port_in_use_is_refused(server, tmp_path):
    port = str(address_of(server)[1])
    line = refusal(run(tmp_path, "--port", port))
    assert port in line
    assert "in use" in line


@pytest.mark.parametrize("port", ["x", "", "-1", "+80", "80.5", "1_0", "٣", "65536", "9" * 5000, "http"])
def test_a_port_that_is_none_is_refused(tmp_path, port):
    assert "port" in refusal(run(tmp_path, "--port", port))


@pytest.mark.parametrize(
    "arguments", [["--nope"], ["extra"], ["--port"], ["--host"], ["--debug=1"], ["-x", "--", "y"]], ids=" ".join
)
def test_a_bad_flag_is_refused(tmp_path, arguments):
    refusal(run(tmp_path, *arguments))


@pytest.mark.parametrize("host", ["192.0.2.1", "256.256.256.256", "::g", "x" * 70, "a..b"])
def test_a_host_at_which_nothing_can_listen_is_refused(tmp_path, host):
    assert host in refusal(run(tmp_path, "--port", "0", "--host", host))


@pytest.fixture
def copy(tmp_path):
    """A copy of the program that a test may change."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for module in ROOT.glob("todomvc*.py"):
        shutil.copy(module, folder)
    for name in ["static", "templates"]:
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("missing", ["static", "templates", "templates/index.html"])
def test_a_missing_folder_is_refused(copy, missing):
    (copy / missing).rename(copy / "elsewhere")
    assert missing in refusal(run(copy, "--port", "0", program=copy / "todomvc.py"))


def test_a_python_without_sqlite_is_told_what_works(copy):
    (copy / "sqlite3.py").write_text("raise ImportError('No module named _sqlite3')")
    program = copy / "todomvc.py"
    assert "use :memory:" in refusal(run(copy, "--port", "0", "--db", "todos.db", program=program))
    with serve("--db", ":memory:", cwd=copy, program=program) as process:
        assert request(process)[0] == 200


def test_a_template_that_cannot_be_read_is_refused(copy):
    (copy / "templates/index.html").write_bytes(b"\n\xff")
    assert "index.html, line 2: " in refusal(run(copy, "--port", "0", program=copy / "todomvc.py"))


# How it ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("flags", [IN_MEMORY, [*IN_MEMORY, "--debug"]], ids=["plain", "debug"])
def test_ctrl_c_and_sigterm_end_it_without_a_warning(tmp_path, number, flags):
    with serve(*flags, cwd=tmp_path, stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c) as process:
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.stderr.read() == process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_cleanly_with_a_file(tmp_path, number):
    options = {"cwd": tmp_path, "env": AS_USERS_HAVE, "stderr": subprocess.PIPE, "preexec_fn": heed_ctrl_c}
    with serve(**options) as process:
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.stderr.read() == process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_with_connections_held(tmp_path, number):
    with serve(cwd=tmp_path, stderr=subprocess.PIPE, preexec_fn=heed_ctrl_c) as process:
        with connect(process), connect(process) as half_sent:
            half_sent.sendall(b"POST /todos/ HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
            assert request(process)[0] == 200
            process.send_signal(number)
            assert process.wait(5) == 0
        assert "Traceback" not in process.stderr.read()


def test_its_port_can_be_used_again_at_once(tmp_path):
    with serve(cwd=tmp_path) as process:
        request(process)
        port = address_of(process)[1]
    with serve("--port", str(port), cwd=tmp_path) as process:
        assert request(process)[0] == 200


# How it serves


def test_200_idle_connections_hold_up_no_request(server):
    with contextlib.ExitStack() as held:
        for _ in range(200):
            connection = held.enter_context(socket.socket())
            connection.setblocking(False)
            connection.connect_ex(address_of(server))
        assert request(server)[0] == 200


TODO = (
    b"POST /todos/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)


def test_128_connections_can_wait_for_a_server_that_is_busy(server):
    server.send_signal(signal.SIGSTOP)
    try:
        with contextlib.ExitStack() as waiting:
            for _ in range(128):
                waiting.enter_context(connect(server))
    finally:
        server.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("sent", [0, 1, 30, len(TODO) - 2, len(TODO) - 1])
def test_a_slow_client_holds_up_nobody_and_gets_its_answer(server, sent):
    def look_around(connection):
        assert request(server)[0] == 200
        connection.sendall(TODO[sent:])

    assert answer_to(server, TODO[:sent], then=look_around).endswith(b'{"id":0}')


def test_requests_at_once_lose_nothing(server):
    def create(number):
        for n in range(10):
            assert request(server, "/todos/", "POST", b'{"title": "%d %d"}' % (number, n))[0] == 200

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    todos = request(server, "/todos/")[1]
    assert re.findall(rb'"id":(\d+)', todos) == [b"%d" % id for id in range(80)]
    assert len(set(re.findall(rb'"title":"(\d+ \d+)"', todos))) == 80


def test_a_body_that_ends_before_its_length_is_400(server):
    head = b"POST /todos/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    assert b" 400 Bad Request\r\n" in answer_to(server, head, b"{}", then=end_of_sending)


@pytest.mark.parametrize(("content_type", "status"), [("application/json", 413), ("text/plain", 415)])
def test_a_refusal_reaches_a_client_that_sends_its_whole_body_first(server, content_type, status):
    assert request(server, "/todos/", "POST", b"x" * 7_500_000, {"Content-Type": content_type})[0] == status


@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0", "/css/app.css", "/nothing"])
def test_nothing_follows_the_headers_of_an_answer_to_head(server, path):
    answer = answer_to(server, b"HEAD %s HTTP/1.0\r\nHost: localhost\r\n\r\n" % path.encode())
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/todos/", "/todos/0", "/css/app.css"])
def test_an_answer_of_304_has_no_body_and_no_length_of_it(server, path, method):
    request(server, "/todos/", "POST", b"{}")
    lines = f"{method} {path} HTTP/1.0\r\nHost: localhost\r\nIf-None-Match: *\r\n\r\n"
    assert_empty(answer_to(server, lines.encode()), b" 304 Not Modified\r\n")


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css"])
def test_an_answer_of_204_has_no_body_and_no_length_of_it(server, path):
    assert_empty(
        answer_to(server, f"OPTIONS {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()), b" 204 No Content\r\n"
    )


def assert_empty(answer, status):
    """Assert that an answer ends with its headers, and that none of them is Content-Length (RFC 9110, section 8.6)."""
    assert status in answer
    assert answer.index(b"\r\n\r\n") == len(answer) - 4
    assert b"content-length:" not in answer.lower()


def test_a_path_in_any_language_is_found(copy, tmp_path):
    (copy / "static/é 世界.txt").write_text("hello")
    with serve(cwd=tmp_path, program=copy / "todomvc.py") as process:
        assert request(process, "/%C3%A9%20%E4%B8%96%E7%95%8C.txt") == (200, b"hello")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/../todomvc.py", 400),
        ("/..%2ftodomvc.py", 400),
        ("/%2e%2e/todomvc.py", 400),
        ("//etc/passwd", 404),
        ("/js/../../todomvc.py", 400),
        ("/todomvc.py", 404),
    ],
)
def test_no_path_leads_out_of_the_folder(server, path, status):
    assert request(server, path)[0] == status


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_host_may_be_an_ipv6_address(tmp_path):
    with serve("--host", "::1", cwd=tmp_path) as process:
        assert re.fullmatch(r"http://\[::1]:\d+/", process.url)
        assert request(process)[0] == 200


def test_a_host_may_be_a_name(tmp_path):
    with serve("--host", "localhost", cwd=tmp_path) as process:
        assert request(process)[0] == 200


def test_its_own_module_is_the_command_too(tmp_path):
    with serve(*IN_MEMORY, cwd=tmp_path, program=ROOT / "todomvc_server.py") as process:
        assert request(process, "/todos/", "POST", b"{}") == (200, b'{"id":0}')


def test_it_may_be_run_from_anywhere(copy, tmp_path):
    with serve(cwd=tmp_path, program=os.path.relpath(copy / "todomvc.py", tmp_path)) as process:
        assert request(process, "/js/app.js")[0] == 200


# Tracebacks


@pytest.fixture
def failing(tmp_path):
    """The command, with a page that fails."""
    program = tmp_path / "failing.py"
    program.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport todomvc, todomvc_server\n"
        "def fail(*arguments): raise RuntimeError('boom <b>')\n"
        "todomvc.TodoMVC.page = fail\ntodomvc_server.main()\n"
    )
    return program


def test_with_debug_the_browser_shows_the_traceback(failing, tmp_path):
    with serve("--debug", cwd=tmp_path, program=failing, stderr=subprocess.PIPE) as process:
        status, body = request(process)
    assert status == 500
    assert b"RuntimeError: boom &lt;b&gt;" in body


def test_without_debug_the_traceback_is_in_the_log_only(failing, tmp_path):
    with serve(cwd=tmp_path, program=failing, stderr=subprocess.PIPE) as process:
        status, body = request(process)
        process.terminate()
        log = process.stderr.read()
    assert (status, b"boom" in body, b"Traceback" in body) == (500, False, False)
    assert "RuntimeError: boom <b>" in log


# --debug restarts


@pytest.fixture
def debugged(copy):
    program, log = copy / "todomvc.py", copy / "log"
    with log.open("w") as stderr, serve("--debug", *IN_MEMORY, cwd=copy, program=program, stderr=stderr) as process:
        process.source, process.template, process.log = program, copy / "templates/index.html", log
        yield process
        print(process.poll(), log.read_text())


def answers(process, path, word):
    """Tell whether the answer holds a word; a server that is just starting again gives none."""
    try:
        return word in request(process, path)[1]
    except (OSError, HTTPException):
        return False


def change(process, old, new):
    text = process.source.read_text("utf-8")
    assert old in text
    process.source.write_text(text.replace(old, new), "utf-8")


def test_debug_restarts_when_the_source_changes(debugged):
    change(debugged, "There is nothing at this address.", "Nobody is at home.")
    until(lambda: answers(debugged, "/nothing", b"Nobody is at home."))


def test_debug_shows_a_template_that_changes_without_a_restart(debugged):
    request(debugged, "/todos/", "POST", b"{}")
    debugged.template.write_text("hello $todos")
    until(lambda: answers(debugged, "/", b'hello [{"id":0}]'))


def test_debug_shows_a_static_file_that_comes_or_goes(debugged):
    file = debugged.source.parent / "static/new.txt"
    file.write_text("hello")
    until(lambda: answers(debugged, "/new.txt", b"hello"))
    file.unlink()
    until(lambda: answers(debugged, "/new.txt", b"nothing at this address"))


def test_debug_survives_a_syntax_error_and_takes_up_its_correction(debugged):
    change(debugged, "There is nothing at this address.", 'Nobody is "at" home.')
    until(lambda: "SyntaxError" in debugged.log.read_text())
    assert answers(debugged, "/nothing", b"nothing at this address")
    change(debugged, 'Nobody is "at" home.', "Nobody is at home.")
    until(lambda: answers(debugged, "/nothing", b"Nobody is at home."))


def test_debug_waits_for_the_end_of_a_file_that_is_being_written(debugged):
    text = debugged.source.read_text("utf-8").replace("There is nothing at this address.", "Nobody is at home.")
    with debugged.source.open("w") as source:  # empty now, which is a program too: it would end at once
        for _ in range(15):
            os.utime(debugged.source)
            time.sleep(0.1)
        source.write(text)
    until(lambda: answers(debugged, "/nothing", b"Nobody is at home."))


def test_debug_survives_a_broken_template_and_takes_up_its_correction(debugged):
    debugged.template.write_bytes(b"hello \xff")
    until(lambda: answers(debugged, "/", b"<title>TodoMVC</title>") and "UTF-8" in debugged.log.read_text())
    debugged.template.write_text("hello $todos")
    until(lambda: answers(debugged, "/", b"hello []"))


def test_debug_survives_a_module_that_cannot_be_imported_and_takes_up_its_correction(debugged):
    module = debugged.source.parent / "todomvc_guards.py"
    text = module.read_text("utf-8")
    module.write_text(text + "\nraise RuntimeError('it cannot be imported')\n")
    until(lambda: "RuntimeError: it cannot be imported" in debugged.log.read_text())
    assert answers(debugged, "/nothing", b"nothing at this address")
    module.write_text(text)
    change(debugged, "There is nothing at this address.", "Nobody is at home.")
    until(lambda: answers(debugged, "/nothing", b"Nobody is at home."))


def test_debug_survives_a_module_that_goes_and_comes_back(debugged):
    module = debugged.source.parent / "todomvc_guards.py"
    module.rename(debugged.source.parent / "elsewhere.py")
    until(lambda: "No module named 'todomvc_guards'" in debugged.log.read_text())
    assert answers(debugged, "/nothing", b"nothing at this address")
    (debugged.source.parent / "elsewhere.py").rename(module)
    change(debugged, "There is nothing at this address.", "Nobody is at home.")
    until(lambda: answers(debugged, "/nothing", b"Nobody is at home."))


def test_debug_restarts_with_the_options_of_the_interpreter(copy):
    program, log = copy / "todomvc.py", copy / "log"
    options = {"interpreter": ["-X", "utf8=1", "-O", "-W", "ignore"], "cwd": copy, "program": program}
    with log.open("w") as stderr, serve("--debug", stderr=stderr, **options) as process:
        process.source = program
        said = 'str((sys.flags.optimize, "utf8" in sys._xoptions, "ignore" in sys.warnoptions))'
        change(process, '"There is nothing at this address."', said)
        until(lambda: answers(process, "/nothing", b"(1, True, True)"))


def test_debug_restarts_what_was_given_as_text(copy):
    log = copy / "log"
    options = {"interpreter": ["-c"], "cwd": copy, "program": "import todomvc_server; todomvc_server.main()"}
    with log.open("w") as stderr, serve("--debug", stderr=stderr, **options) as process:
        process.source = copy / "todomvc.py"
        change(process, "There is nothing at this address.", "Nobody is at home.")
        until(lambda: answers(process, "/nothing", b"Nobody is at home."))


def test_without_debug_no_change_is_taken_up(copy):
    with serve(cwd=copy, program=copy / "todomvc.py") as process:
        (copy / "templates/index.html").write_text("hello $todos")
        time.sleep(1.5)  # three times the interval at which --debug looks
        assert answers(process, "/", b"<title>TodoMVC</title>")


@pytest.mark.parametrize("path", ["/", "/todos/", "/css/app.css", "/nothing", "/todos/x", "*"])
def test_the_server_names_no_version(server, path):
    answer = answer_to(server, f"GET {path} HTTP/1.0\r\n\r\n".encode())
    assert b"\r\nServer: todomvc\r\n" in answer
    assert b"python" not in answer.split(b"\r\n\r\n")[0].lower()


def test_an_answer_to_what_is_not_http_names_no_version_either(server):
    answer = answer_to(server, b"\x16\x03\x01\r\n\r\n")
    assert b"\r\nServer: todomvc\r\n" in answer
    assert b"Python" not in answer
