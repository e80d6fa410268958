"""The tutorial's routes on Falcon, with Jinja2 for the page, as is usual: Falcon has no templates of its own.

Its wheel has in C what pays: since 4.1 that is `falcon.cyutil` (falconry/falcon #2470). Compiled whole, as 4.0.2 is, it
was slower in each operation here.
"""

import hashlib
import json
import sys
from wsgiref.simple_server import make_server

import falcon
from jinja2 import DictLoader, Environment

from tests.bench.peers.files import STATIC, filled_in


class Index:
    def __init__(self, todos):
        self.todos = todos
        jinja = Environment(loader=DictLoader({"index.html": filled_in("/", "{{ todos|tojson }}")}), autoescape=True)
        self.template = jinja.get_template("index.html")

    def on_get(self, req, resp):
        resp.content_type = falcon.MEDIA_HTML
        resp.text = self.template.render(todos=list(filter(None, self.todos)))


class Todos:
    def __init__(self, todos):
        self.todos = todos

    def on_get(self, req, resp):
        resp.media = list(filter(None, self.todos))

    def on_post(self, req, resp):
        todo = req.get_media()
        todo["id"] = len(self.todos)
        self.todos.append(todo)
        resp.media = todo

    def on_delete(self, req, resp):
        resp.media = list(filter(None, self.todos))
        self.todos[:] = [None] * len(self.todos)


class Todo:
    def __init__(self, todos):
        self.todos = todos

    def on_get(self, req, resp, id):
        resp.media = self.get_or_404(id)

    def on_put(self, req, resp, id):
        todo = self.get_or_404(id)
        todo.update(req.get_media())
        resp.media = todo

    on_patch = on_put

    def on_delete(self, req, resp, id):
        resp.media = self.get_or_404(id)
        self.todos[id] = None

    def get_or_404(self, id):
        if id >= len(self.todos) or self.todos[id] is None:
            raise falcon.HTTPNotFound
        return self.todos[id]


class ConditionalTodo(Todo):
    def on_get(self, req, resp, id):
        resp.text = json.dumps(self.get_or_404(id))
        resp.etag = hashlib.sha1(resp.text.encode()).hexdigest()
        if req.if_none_match and resp.etag in [tag.dumps() for tag in req.if_none_match]:
            resp.status = falcon.HTTP_304


def make_app(todos, conditional=False):
    app = falcon.App()
    app.add_static_route("/", STATIC)
    app.add_route("/", Index(todos))
    app.add_route("/todos/", Todos(todos))
    app.add_route("/todos/{id:int(min=0)}", ConditionalTodo(todos) if conditional else Todo(todos))
    return app


app = make_app([])

if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), app) as server:
        server.serve_forever()
