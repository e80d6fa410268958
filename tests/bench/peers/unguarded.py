"""todomvc.py's application as one may embed it: without the guards."""

from tests.bench.peers.ours import list_of
from todomvc import TodoMVC


def make_app(todos, conditional=True):
    return TodoMVC(list_of(todos))
