"""The tutorial's routes on Werkzeug alone, as its own tutorial builds an application."""

import json
import sys

from jinja2 import DictLoader, Environment
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.routing import Map, Rule
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

from tests.bench.peers.files import STATIC, filled_in


class Todos:
    """The application over a list of dicts."""

    def __init__(self, todos, conditional):
        self.todos, self.conditional = todos, conditional
        jinja = Environment(loader=DictLoader({"index.html": filled_in("/", "{{ todos|tojson }}")}), autoescape=True)
        self.template = jinja.get_template("index.html")
        self.url_map = Map(
            [
                Rule("/", endpoint="index", methods=["GET"]),
                Rule("/todos/", endpoint="list", methods=["GET"]),
                Rule("/todos/", endpoint="create", methods=["POST"]),
                Rule("/todos/", endpoint="delete_all", methods=["DELETE"]),
                Rule("/todos/<int:id>", endpoint="read", methods=["GET"]),
                Rule("/todos/<int:id>", endpoint="update", methods=["PUT", "PATCH"]),
                Rule("/todos/<int:id>", endpoint="delete", methods=["DELETE"]),
            ]
        )

    def __call__(self, environ, start_response):
        request = Request(environ)
        response = self.dispatch_request(request)
        if self.conditional:
            response.add_etag()
            response.make_conditional(request)
        return response(environ, start_response)

    def dispatch_request(self, request):
        adapter = self.url_map.bind_to_environ(request.environ)
        try:
            endpoint, values = adapter.match()
            return getattr(self, f"on_{endpoint}")(request, **values)
        except HTTPException as error:
            return error.get_response(request.environ)

    def on_index(self, request):
        return Response(self.template.render(todos=list(filter(None, self.todos))), mimetype="text/html")

    def on_list(self, request):
        return json_response(list(filter(None, self.todos)))

    def on_create(self, request):
        todo = request.get_json()
        todo["id"] = len(self.todos)
        self.todos.append(todo)
        return json_response(todo)

    def on_delete_all(self, request):
        deleted = list(filter(None, self.todos))
        self.todos[:] = [None] * len(self.todos)
        return json_response(deleted)

    def on_read(self, request, id):
        return json_response(self.get_or_404(id))

    def on_update(self, request, id):
        todo = self.get_or_404(id)
        todo.update(request.get_json())
        return json_response(todo)

    def on_delete(self, request, id):
        todo = self.get_or_404(id)
        self.todos[id] = None
        return json_response(todo)

    def get_or_404(self, id):
        if not (0 <= id < len(self.todos)) or self.todos[id] is None:
            raise NotFound
        return self.todos[id]


def json_response(value):
    return Response(json.dumps(value), mimetype="application/json")


def make_app(todos, conditional=False):
    return SharedDataMiddleware(Todos(todos, conditional), {"/": STATIC})


app = make_app([])

if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), app)
