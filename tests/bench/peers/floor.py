"""The floor: an application that does nothing but return fixed bytes."""

BODY = b'{"title":"Taste JavaScript","order":1,"completed":false,"id":0}'


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))])
    return [BODY]


def make_app(todos, conditional=False):
    return app
