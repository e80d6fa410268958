"""static/openapi.json, as the tests read it."""

import json

from conftest import ROOT

DOCUMENT = json.loads((ROOT / "static/openapi.json").read_text("utf-8"))
METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]


def operations():
    return [(path, method) for path, item in DOCUMENT["paths"].items() for method in item if method in METHODS]
