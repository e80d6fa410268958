"""The folders of the examples, and what npm installs in them."""

import functools
import subprocess

from conftest import ROOT

EXAMPLES = ROOT / "examples"


@functools.cache
def installed(npm, folder):
    """Install what the lock file of a folder names, once."""
    done, lock = folder / "node_modules/.package-lock.json", folder / "package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True, timeout=600)
    return folder
