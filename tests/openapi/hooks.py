"""What schemathesis does before each request."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Name no list where a method is tried that a path does not have: that is 409 before it is 405."""
    if case.method.upper() not in {method.upper() for method in case.operation.schema.raw_schema["paths"][case.path]}:
        for name in [name for name in case.headers or {} if name.lower() in ("todo-list", "todo-user")]:
            del case.headers[name]
