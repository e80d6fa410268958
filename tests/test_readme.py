"""What README says to type, typed."""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import urllib.request

import pytest
from conftest import ROOT, serve

import todomvc

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = re.findall(r"^    (\S.*)$", README, re.MULTILINE)


def command(beginning):
    """Return the words of the one command that begins so."""
    (line,) = {line for line in COMMANDS if line.startswith(beginning)}
    return shlex.split(line)


def run(words, cwd):
    python = [sys.executable if word == "python3" else word for word in words]
    return subprocess.run(python, cwd=cwd, capture_output=True, text=True, check=True, timeout=60).stdout


def test_its_first_command_serves_at_the_address_that_it_names():
    assert COMMANDS[0] == "python3 todomvc.py"
    parser = todomvc.make_parser({})
    assert f"http://{parser.get_default('host')}:{parser.get_default('port')}/" in README


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_its_curl_creates_a_todo(server, tmp_path):
    words = [word.replace("http://127.0.0.1:8000/", server.url) for word in command("curl")]
    assert json.loads(run(words, tmp_path)) == {"title": "buy some cheese", "id": 0}


def test_its_backup_of_a_live_file_has_the_todos(server, tmp_path):
    todomvc.SQLiteTodoList(tmp_path / "todos.db").create({"title": "kept"})
    run(command('python3 -c "import sqlite3'), tmp_path)
    backup = sqlite3.connect(tmp_path / "backup.db")
    assert backup.execute("SELECT json FROM todo").fetchall() == [('{"title":"kept","id":0}',)]
    backup.close()


def test_its_page_for_another_client_can_be_filled(tmp_path):
    page = "\n".join(line for line in COMMANDS if line.startswith("<script"))
    for folder in ("client/static", "client/templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "client/templates/index.html").write_text(page)
    words = re.search(r"^    python3 todomvc.py (--static .*)$", README, re.MULTILINE)[1].split()
    with serve(*words, cwd=tmp_path) as process, urllib.request.urlopen(process.url) as answer:
        assert answer.read().count(b"<script") == 5


def test_every_flag_and_variable_stands_in_its_table():
    flags = re.findall(r"--[a-z-]+", todomvc.make_parser({}).format_help())
    variables = re.findall(r'"(TODOMVC_[A-Z_]+)"', (ROOT / "todomvc.py").read_text("utf-8"))
    missing = [word for word in {*flags, *variables} - {"--help", "--version"} if f"`{word}" not in README]
    assert missing == []
