"""The documents, as what they tell their readers to type."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parent.parent
PATHS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PATHS += sorted((ROOT / "examples").glob("*/README.md"))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PATHS}
FENCED = re.compile(r"^```(.*)\n(?:.*\n)*?```$", re.MULTILINE)  # drawings and output: nothing in them is typed
INDENTED = re.compile(r"^    .*\n(?:\n*    .*\n)*", re.MULTILINE)


def blocks_of(text):
    return [dedent(block) for block in INDENTED.findall(FENCED.sub("", text))]


def spans_of(text):
    prose = INDENTED.sub("", FENCED.sub("", text))
    return [" ".join(span.split()) for span in re.findall("`([^`]+)`", prose)]


BLOCKS = [block for text in TEXTS.values() for block in blocks_of(text)]
SPANS = [span for text in TEXTS.values() for span in spans_of(text)]


def block(beginning):
    """Return the one block of lines that begins so."""
    (found,) = {block for block in BLOCKS if block.startswith(beginning)}
    return found


def span(beginning):
    """Return what stands between backticks in the text and is this, or else the one thing that begins so."""
    (found,) = {span for span in SPANS if span == beginning} or {span for span in SPANS if span.startswith(beginning)}
    return found


def table(heading):
    """Return the rows of the one table whose heading begins so, each as the list of its cells."""
    (found,) = [table for text in TEXTS.values() for table in text.split("\n\n") if table.startswith(heading)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def start_line(server):
    """Return the command that starts a server of the table of servers."""
    (line,) = [line for name, line, _ in table("| server | ") if name == server]
    return line.strip("`")


def replace(text, words):
    for word, replacement in words.items():
        text = text.replace(word, str(replacement))
    return text
