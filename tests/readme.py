"""README, as what it tells its readers to type."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")
INDENTED = re.compile(r"^    .*\n(?:\n*    .*\n)*", re.MULTILINE)
BLOCKS = [dedent(block) for block in INDENTED.findall(TEXT)]
SPANS = [" ".join(span.split()) for span in re.findall("`([^`]+)`", INDENTED.sub("", TEXT))]


def block(beginning):
    """Return the one block of lines that begins so."""
    (found,) = [block for block in BLOCKS if block.startswith(beginning)]
    return found


def span(beginning):
    """Return what stands between backticks in the text and is this, or else the one thing that begins so."""
    (found,) = {span for span in SPANS if span == beginning} or {span for span in SPANS if span.startswith(beginning)}
    return found


def start_line(server):
    """Return the line by which the table of servers starts one."""
    (line,) = re.findall(rf"^\| {re.escape(server)} \| `([^`]+)` \|", TEXT, re.MULTILINE)
    return line


def replace(text, words):
    for word, replacement in words.items():
        text = text.replace(word, str(replacement))
    return text
