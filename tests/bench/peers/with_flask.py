"""The tutorial's server.py, "Flask TodoMVC 2: Backbone Sync", with the collection added."""

import sys

from flask import Flask, abort, jsonify, render_template, request
from jinja2 import DictLoader

from tests.bench.peers.files import STATIC, filled_in


def make_app(TODOS, conditional=False):  # noqa: N803, the tutorial's name
    """Return the application over a list of dicts.

    conditional: whether it answers If-None-Match, which the tutorial's does not.
    """
    app = Flask(__name__, static_folder=STATIC, static_url_path="")
    app.jinja_loader = DictLoader({"index.html": filled_in("{{ url_for('index') }}", "{{ todos|tojson }}")})

    @app.route("/")
    def index():
        return render_template("index.html", todos=list(filter(None, TODOS)))

    @app.route("/todos/")
    def todo_list():
        return jsonify(list(filter(None, TODOS)))

    @app.route("/todos/", methods=["POST"])
    def todo_create():
        todo = request.get_json()
        todo["id"] = len(TODOS)
        TODOS.append(todo)
        return _todo_response(todo)

    @app.route("/todos/", methods=["DELETE"])
    def todo_delete_all():
        deleted = list(filter(None, TODOS))
        TODOS[:] = [None] * len(TODOS)
        return jsonify(deleted)

    @app.route("/todos/<int:id>")
    def todo_read(id):
        todo = _todo_get_or_404(id)
        return _todo_response(todo)

    @app.route("/todos/<int:id>", methods=["PUT", "PATCH"])
    def todo_update(id):
        todo = _todo_get_or_404(id)
        todo.update(request.get_json())
        return _todo_response(todo)

    @app.route("/todos/<int:id>", methods=["DELETE"])
    def todo_delete(id):
        todo = _todo_get_or_404(id)
        TODOS[id] = None
        return _todo_response(todo)

    def _todo_get_or_404(id):
        if not (0 <= id < len(TODOS)) or TODOS[id] is None:
            abort(404)
        return TODOS[id]

    def _todo_response(todo):
        return jsonify(**todo)

    if conditional:

        @app.after_request
        def answer_conditionally(response):
            response.add_etag()
            return response.make_conditional(request)

    return app


app = make_app([])

if __name__ == "__main__":
    app.run(port=int(sys.argv[1]))
