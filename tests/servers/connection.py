"""A client that writes to its socket what it is told to."""

import http.client
import json
import socket


class Client(http.client.HTTPConnection):
    """One connection; paths are those of the application, wherever it is mounted."""

    def __init__(self, port, prefix=""):
        super().__init__("127.0.0.1", port, timeout=20)
        self.prefix = prefix

    def ask(self, method, path, body=None, **headers):
        """Send a request; return the answer, with its body in `body`."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request(method, self.prefix + path, body, headers)
        answer = self.getresponse()
        answer.body = answer.read()
        return answer

    def send_json(self, method, path, value, **headers):
        return self.ask(method, path, json.dumps(value).encode(), Content_Type="application/json", **headers)

    def create(self, **fields):
        """Create a todo; return its path."""
        answer = self.send_json("POST", "/todos/", fields)
        assert answer.status == 200, answer.body
        return f"/todos/{json.loads(answer.body)['id']}"

    def titles(self):
        return [todo.get("title") for todo in json.loads(self.ask("GET", "/todos/").body)]

    def write(self, data, *, half=False):
        """Write a request as it stands, over a connection of its own; return all that comes back until it is closed.

        half: whether it stops in the middle.
        """
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            connection.sendall(data.replace(b" /", b" %s/" % self.prefix.encode(), 1))
            if half:
                connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()
