"""The tutorial's routes on Bottle."""

import hashlib
import json
import sys

from bottle import Bottle, HTTPResponse, SimpleTemplate, abort, request, response, run, static_file

from tests.bench.peers.files import STATIC, filled_in


def make_app(todos, conditional=False):
    app = Bottle()
    template = SimpleTemplate(filled_in("/", "{{!todos}}"))

    @app.get("/")
    def index():
        return template.render(todos=json.dumps(list(filter(None, todos))).replace("<", "\\u003c"))

    @app.get("/todos/")
    def list_todos():
        response.content_type = "application/json"
        return json.dumps(list(filter(None, todos)))

    @app.post("/todos/")
    def create():
        todo = request.json
        todo["id"] = len(todos)
        todos.append(todo)
        return todo

    @app.delete("/todos/")
    def delete_all():
        deleted = list(filter(None, todos))
        todos[:] = [None] * len(todos)
        response.content_type = "application/json"
        return json.dumps(deleted)

    @app.get("/todos/<id:int>")
    def read(id):
        todo = get_or_404(id)
        return unless_current(todo) if conditional else todo

    @app.route("/todos/<id:int>", method=["PUT", "PATCH"])
    def update(id):
        todo = get_or_404(id)
        todo.update(request.json)
        return todo

    @app.delete("/todos/<id:int>")
    def delete(id):
        todo = get_or_404(id)
        todos[id] = None
        return todo

    @app.get("/<path:path>")
    def static(path):
        return static_file(path, root=STATIC)

    def get_or_404(id):
        if not (0 <= id < len(todos)) or todos[id] is None:
            abort(404, "There is no such todo.")
        return todos[id]

    return app


def unless_current(todo):
    body = json.dumps(todo)
    tag = f'"{hashlib.sha1(body.encode()).hexdigest()}"'
    if request.get_header("If-None-Match") == tag:
        return HTTPResponse(status=304, ETag=tag)
    response.content_type = "application/json"
    response.set_header("ETag", tag)
    return body


app = make_app([])

if __name__ == "__main__":
    run(app, host="127.0.0.1", port=int(sys.argv[1]))
