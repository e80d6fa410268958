"""What importing the module does: it loads the standard library, and it does nothing."""

import ast
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from textwrap import dedent

import pytest
from conftest import ROOT

from todomvc import __version__

STRANGERS = """
import sys, sysconfig
library = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
import todomvc
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name != "__main__"}
print(*sorted(name for name, file in files.items() if file and not file.startswith(tuple(library))))
print(*sorted(name for name, file in files.items() if file and "site-packages" in file))
"""

DEEDS = """
import sys, threading
deeds = []
def watch(event, arguments):
    if event.split(".")[0] in {"socket", "subprocess", "sqlite3", "os", "shutil", "tempfile", "signal"}:
        deeds.append((event, arguments))
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc")) and not isinstance(arguments[0], int):
        deeds.append((event, arguments))
sys.addaudithook(watch)
import todomvc
ours = [(event, arguments) for event, arguments in deeds if event != "os.listdir" and ".so" not in str(arguments[0])]
print(ours)
print(threading.active_count())
"""


SOURCE = (ROOT / "todomvc.py").read_text("utf-8")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def ask_patiently(port, method, path, body=None):
    """Return the body of a response, from a server that may be starting."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method=method)
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read()
        except urllib.error.URLError:
            assert time.monotonic() < end
            time.sleep(0.05)


def run(program, *flags):
    """Run a program in an interpreter that has nothing installed; return the lines that it says."""
    command = [sys.executable, "-S", "-B", *flags, "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.split("\n")


def test_importing_needs_nothing_but_the_standard_library():
    assert run("import todomvc; print(todomvc.__version__)")[0]


def test_importing_loads_nothing_but_the_standard_library():
    assert run(STRANGERS)[:2] == ["todomvc", ""]


def test_importing_loads_no_sibling():
    loaded = "print(*[name for name in sys.modules if name.startswith('todomvc')])"
    assert run(f"import sys, todomvc; {loaded}")[0] == "todomvc"


def test_importing_opens_no_file_and_no_socket_and_starts_no_thread():
    assert run(DEEDS)[:2] == ["[]", "1"]


NEEDED_BY_OTHERS = [
    "email",
    "http.client",
    "psycopg",
    "sqlite3",
    "ssl",
    "todomvc_postgres",
    "todomvc_sqlite",
    "todomvc_sqlite_file",
]
STARTED = """
import sys, todomvc, todomvc_server
options = todomvc_server.make_parser({}).parse_args(["--db", ":memory:"])
todomvc_server.make_application(todomvc.open_list(options.db), options)
print(*sorted(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_a_list_in_memory_loads_nothing_that_only_other_lists_and_clients_need():
    command = [sys.executable, "-S", "-c", STARTED, *NEEDED_BY_OTHERS]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout == "\n"


def test_importing_gives_no_warning():
    assert run("import todomvc; print('fine')", "-W", "error", "-X", "dev")[0] == "fine"


def test_importing_needs_no_folder_beside_the_file(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from todomvc import TodoMVC, TodoList, app; print('fine')"
    )
    command = [sys.executable, "-S", "-c", program]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60).stdout == "fine\n"


def test_the_names_that_the_readme_gives_are_public():
    assert run("from todomvc import *; print(TodoMVC, TodoList, app, open_list)")[0]


def test_importing_touches_no_disk(tmp_path):
    program = "import sys; sys.path.append(sys.argv[1]); import todomvc; print(todomvc.app)"
    environ = {"TODOMVC_DB": "todos.db", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [sys.executable, "-c", program, str(ROOT)], cwd=tmp_path, env=environ, check=True, stdout=subprocess.PIPE
    )
    assert list(tmp_path.iterdir()) == []


# The core alone


@pytest.fixture
def alone(tmp_path):
    """A folder with what the core needs, and none of its siblings."""
    shutil.copy(ROOT / "todomvc.py", tmp_path)
    for folder in ("static", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_the_server_in_the_docstring_serves_a_list_in_memory_by_the_core_alone(alone):
    (example,) = re.findall(r"    from wsgiref.*?serve_forever\(\)", ast.get_docstring(ast.parse(SOURCE)), re.DOTALL)
    lines = dedent(example).replace("8000", "int(sys.argv[1])")
    port = free_port()
    process = subprocess.Popen([sys.executable, "-S", "-c", f"import sys\n{lines}", str(port)], cwd=alone)
    try:
        assert ask_patiently(port, "POST", "/todos/", b'{"title": "a"}') == b'{"title":"a","id":0}'
        assert b'[{"title":"a","id":0}]</script>' in ask_patiently(port, "GET", "/")
        assert ask_patiently(port, "GET", "/js/app.js") == (ROOT / "static/js/app.js").read_bytes()
    finally:
        process.terminate()
        process.wait(10)


def test_run_as_a_script_the_core_alone_says_in_one_line_what_is_missing(alone):
    done = subprocess.run([sys.executable, "todomvc.py"], cwd=alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "todomvc_server" in done.stderr


@pytest.mark.parametrize(("name", "missing"), [("todos.db", "todomvc_sqlite"), ("postgres://a/b", "todomvc_postgres")])
def test_a_list_whose_module_is_not_there_is_an_error_that_names_it(alone, name, missing):
    program = f"from todomvc import open_list; open_list({name!r})"
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=alone, capture_output=True, text=True, timeout=60)
    assert re.search(f"^ValueError: .*{missing}", done.stderr, re.MULTILINE)


# One copy of each class


AT_EXIT = """
import atexit, sys
def tell():
    ours = {name: module for name, module in sys.modules.items() if name.startswith("todomvc")}
    print("todomvc_server" in ours, ours["todomvc"] is sys.modules["__main__"])
atexit.register(tell)
"""


def test_run_as_a_script_no_module_is_loaded_twice(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(AT_EXIT)
    command = [sys.executable, "todomvc.py", "--version"]
    environ = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n")[1:] == ["True True", ""]


LOADED_BY_ANOTHER_NAME = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("another_name", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
said = []
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/todos/", "wsgi.errors": sys.stderr, "wsgi.multiprocess": False}
module.application(environ, lambda status, headers: said.append(status))
unusable = module.TodoMVC(module.open_list("/nowhere/todos.db"))
unusable(environ, lambda status, headers: said.append(status))
print(said)
"""


def test_a_server_that_loads_the_file_by_another_name_from_another_folder_can_use_it(tmp_path):
    command = [sys.executable, "-c", LOADED_BY_ANOTHER_NAME, str(ROOT / "todomvc.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "['200 OK', '503 Service Unavailable']\n"


@pytest.mark.parametrize("flag", ["-P", "-I"])
def test_the_command_finds_its_modules_without_its_folder_on_the_path(tmp_path, flag):
    command = [sys.executable, flag, str(ROOT / "todomvc.py"), "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"todomvc {__version__}\n"
