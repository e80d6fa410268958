"""What importing the module does: it loads the standard library, and it does nothing."""

import subprocess
import sys

import pytest
from conftest import ROOT

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


def run(program, *flags):
    """Run a program in an interpreter that has nothing installed; return the lines that it says."""
    command = [sys.executable, "-S", "-B", *flags, "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout.split("\n")


def test_importing_needs_nothing_but_the_standard_library():
    assert run("import todomvc; print(todomvc.__version__)")[0]


def test_importing_loads_nothing_but_the_standard_library():
    assert run(STRANGERS)[:2] == ["todomvc", ""]


@pytest.mark.skipif(not hasattr(sys, "addaudithook"), reason="this Python has no audit hooks")
def test_importing_opens_no_file_and_no_socket_and_starts_no_thread():
    assert run(DEEDS)[:2] == ["[]", "1"]


NEEDED_LATER = ["email", "html", "http.client", "shutil", "sqlite3", "ssl", "traceback", "zipfile"]
STARTED = """
import sys, todomvc
options = todomvc.make_parser({}).parse_args(["--db", ":memory:"])
todomvc.make_application(todomvc.open_list(options.db), options)
print(*sorted(name for name in sys.argv[1:] if name in sys.modules))
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy loads some of it by itself")
def test_a_start_loads_nothing_that_a_list_in_memory_and_answers_without_errors_do_without():
    command = [sys.executable, "-S", "-c", STARTED, *NEEDED_LATER]
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
    assert run("from todomvc import *; print(TodoMVC, TodoList, app, application)")[0]


def test_importing_touches_no_disk(tmp_path):
    program = "import sys; sys.path.append(sys.argv[1]); import todomvc; print(todomvc.app)"
    environ = {"TODOMVC_DB": "todos.db", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [sys.executable, "-c", program, str(ROOT)], cwd=tmp_path, env=environ, check=True, stdout=subprocess.PIPE
    )
    assert list(tmp_path.iterdir()) == []
