"""What the peers serve: the page and the static files of todomvc.py, the page as a template of Jinja's."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STATIC = str(ROOT / "static")
HTML = (ROOT / "templates/index.html").read_text("utf-8")


def filled_in(root, todos):
    """Return the page with these words in the places of $root, $url and $todos."""
    return HTML.replace("$url", root + "todos/").replace("$todos", todos)
