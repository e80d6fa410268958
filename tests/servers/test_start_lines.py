"""The lines by which each server was started are those that README shows."""

import re

import pytest
from servers import HERE, ROOT, SERVERS

README = (ROOT / "README.md").read_text("utf-8")
LINES = sorted({line for server in SERVERS for line in server.lines if "nginx -p" not in line and "/app" not in line})


@pytest.mark.parametrize("line", LINES)
def test_the_readme_shows_the_line_that_was_tested(line):
    assert f"`{line}`" in " ".join(README.split())


@pytest.mark.parametrize("name", ["nginx-proxy.conf", "nginx-uwsgi.conf"])
def test_the_readme_shows_the_location_that_was_tested(name):
    (location,) = re.findall(r"location / \{.*?\}", (HERE / name).read_text(), re.DOTALL)
    assert " ".join(location.split()) in " ".join(README.split())
