"""The bodies that the API takes: JSON objects in UTF-8, declared as JSON, and nothing else."""

import json
import re

import pytest
from conftest import ANY_TAG, client_of
from hypothesis import given, settings
from hypothesis import strategies as st

from todomvc import TodoMVC

MEBIBYTE = 1024 * 1024
WRITES = [("POST", "/todos/"), ("PUT", "/todos/0"), ("PATCH", "/todos/0")]


@pytest.fixture
def one(client):
    client.post_json("/todos/", {"title": "a"})
    return client


def send(client, body, method="POST", path="/todos/", content_type="application/json", **options):
    return client.request(path, method=method, body=body, headers={"Content-Type": content_type}, **options)


def everything(client):
    """Return all that a client can see of the list: what stands in it, and in the page."""
    return client.get("/todos/", status=200).body, client.get("/", status=200).body


# What is refused


NOT_JSON = [
    b"",
    b" ",
    b"{",
    b"}",
    b"{}}",
    b"{} {}",
    b'{"a": 1,}',
    b'{"a"}',
    b'{"a": }',
    b"{a: 1}",
    b"{'a': 1}",
    b"{1: 1}",
    b'{"a": 01}',
    b'{"a": +1}',
    b'{"a": .5}',
    b'{"a": 1.}',
    b'{"a": 0x1}',
    b'{"a": 1_000}',
    b'{"a": True}',
    b'{"a": undefined}',
    b'{"a": 1} // b',
    b'{"a": "\n"}',
    b'{"a": "\0"}',
    b'{"a": "\\x41"}',
    b'{"a": "\\u12"}',
    b'{"a": "b}',
    b"\0{}",
    b"{}\0",
    b"\x0b{}",
    b"title=a",
    b"<todo/>",
    "{\u00a0}".encode(),
    '{"a": \u0661}'.encode(),
]
NOT_AN_OBJECT = [b"[]", b"[{}]", b"null", b"true", b"1", b"-0", b'"a"', b'"{}"']
NOT_FINITE = [b"NaN", b"Infinity", b"-Infinity", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": [-Infinity]}']
NOT_UTF8 = [
    '{"a": "é"}'.encode("latin-1"),
    b'{"a": "\xff"}',
    b'{"a": "\xc0\xaf"}',
    b'{"a": "\xed\xa0\x80"}',
    b'{"a": "\xed\xa0\xbd\xed\xb8\x80"}',
    b'{"a": "\xf4\x90\x80\x80"}',
    b'{"a": "\xe4\xb8',
    '{"a": 1}'.encode("utf-16"),
    '{"a": 1}'.encode("utf-16-le"),
    '{"a": 1}'.encode("utf-16-be"),
    '{"a": 1}'.encode("utf-32"),
    '{"a": 1}'.encode("utf-32-le"),
    b'{"a": "\xef\xbb\xbf'[:8] + b'"}',
]
TOO_DEEP = [b'{"a": ' + b"[" * depth + b"]" * depth + b"}" for depth in [100, 1000, 100_000]] + [
    b'{"a": ' * 101 + b"1" + b"}" * 101,
    b'{"a": ' * 50_000,
    b"[" * 500_000,
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "body", NOT_JSON + NOT_AN_OBJECT + NOT_FINITE + NOT_UTF8 + TOO_DEEP, ids=lambda body: ascii(body)[:30]
)
def test_what_is_not_a_json_object_in_utf8_is_400_and_changes_nothing(one, method, path, body):
    before = everything(one)
    response = send(one, body, method, path, status=400)
    assert response.content_type == "application/problem+json"
    assert everything(one) == before
    assert one.post_json("/todos/", {}).json["id"] == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a": ', "line 1 column 7"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b"[]", "object"),
        (b'{"a": "\xff"}', "byte 7 of the body is not"),
        (b'{"a": ' * 101 + b"1" + b"}" * 101, "100"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "a number of 100000 digits"),
        (b'{"a": -' + b"9" * 5_000 + b"}", "a number of"),
        (b"", "line 1 column 1"),
        (b"{},\n x", "line 1 column 3"),
        (b'{\n "a": x}', "line 2 column 7"),
        (b'{"a": 1, "a": 2}', "a name stands twice"),
        (b"\x1f\x8b\x08\x00", "byte 1 of the body is not"),
    ],
)
def test_the_problem_says_what_is_wrong_with_the_body_in_words_of_its_own(client, body, words):
    detail = send(client, body, status=400).json["detail"]
    assert words in detail
    assert not re.search(r"codec|Expecting|Extra data|sys\.|char \d|delimiter|Exceeds|0x", detail)


@pytest.mark.parametrize("body", NOT_JSON + NOT_FINITE + NOT_UTF8 + TOO_DEEP, ids=lambda body: ascii(body)[:30])
def test_no_problem_repeats_what_python_says(client, body):
    detail = send(client, body, status=400).json["detail"]
    assert re.fullmatch(r"Send [^\n]{10,150}\.", detail)
    assert not re.search(r"codec|Expecting|Extra data|sys\.|\(char|delimiter|Exceeds|0x|Invalid", detail)


# What is taken


@pytest.mark.parametrize(
    "text",
    [
        ' \t\r\n{ "a" : 1 }\r\n',
        '{"a": "\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\"}',
        '{"\\u0061": "é😀\u007f\u2028"}',
        '{"a": -0}',
        '{"a": -0.0}',
        '{"a": [1, 1.0, 1e0, 1E+2, 1e-400, 0.1, 123456789012345678901234567890]}',
        '{"a": [null, true, false, "", [], {}]}',
        '{"": {"": {"": ""}}}',
        '{"__proto__": 1, "constructor": {"prototype": 2}}',
        '{"a": 1.7976931348623157e308, "b": 5e-324}',
        '{"a": ' + "[" * 99 + "]" * 99 + "}",
        '{"a": "' + "[{" * 1000 + '"}',
        "{" + ", ".join(f'"{n}": {n}' for n in range(1000)) + "}",
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_a_json_object_comes_out_as_it_went_in(client, text):
    send(client, text.encode(), status=200)
    assert same(client.get("/todos/0").text, text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\ud800"}',
        '{"a": "\\udc00\\ud800"}',
        '{"\\ud83d": 1}',
        '{"a": "x\\udfff", "b": ["\\ud800x"]}',
        '{"a": 1, "a": 2}',
        '{"a": 1, "\\u0061": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"id": 1, "id": 2}',
        '{"__proto__": {}, "__proto__": {}}',
        '{"a": 1e999}',
        '{"a": [-1e999]}',
        '{"a": 1' + "0" * 400 + ".5}",
        '{"a": ' + "9" * 4_000 + "}",
        '{"a": -' + "9" * 4_301 + "}",
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": ' + "9" * 100_000 + "}",
        '{"a": 1e' + "9" * 5_000 + "}",
        '{"a": 0.' + "3" * 5_000 + "}",
    ],
    ids=lambda text: f"{ascii(text)[:30]} {len(text)}",
)
def test_what_python_cannot_keep_is_400_and_all_else_comes_out_as_it_went_in(client, text):
    response = send(client, text.encode(), expect_errors=True)
    assert response.status_int == 400 or same(client.get("/todos/0", status=200).text, text)
    everything(client)


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"a": ' + "9" * 4_000 + "}", '{"a": ' + "9" * 4_301 + "}"])
def test_a_todo_that_was_taken_can_be_changed(client, text):
    taken = send(client, text.encode(), expect_errors=True).status_int == 200
    client.patch_json("/todos/0", {"b": 1}, status=200 if taken else 404)


def test_a_deep_todo_can_be_changed(client):
    deep = '{"a": ' + "[" * 99 + "]" * 99 + "}"
    send(client, deep.encode(), status=200)
    client.patch_json("/todos/0", {"b": 1}, status=200)
    send(client, deep.encode(), "PATCH", "/todos/0", status=200)


def same(one, other):
    """Tell whether two JSON texts say the same, but for the id: type by type, 1 is not 1.0, and in the same order."""
    members = [
        json.loads(text, object_pairs_hook=list, parse_int=digits, parse_constant=no_json) for text in (one, other)
    ]
    return members[0][-1][0] == "id" and repr(members[0][:-1]) == repr([m for m in members[1] if m[0] != "id"])


def no_json(name):
    raise AssertionError(f"{name} is no JSON")


def digits(text):
    """Keep an integer as its digits, for Python turns only some thousands of them into a number; -0 is 0 to it."""
    return "0" if text == "-0" else text


STRINGS = st.text(st.characters())  # lone surrogates among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STRINGS,
    lambda values: st.lists(values) | st.dictionaries(STRINGS, values),
    max_leaves=10,
)
OBJECTS = st.dictionaries(STRINGS.filter(lambda name: name != "id"), VALUES)


@pytest.fixture(scope="module")
def long_lived():
    """Return a client that all examples share: Hypothesis calls a test many times, but its fixtures once."""
    return client_of(TodoMVC())


@given(todo=OBJECTS, ascii_only=st.booleans())
@settings(deadline=None)
def test_any_json_object_comes_out_as_it_went_in(long_lived, todo, ascii_only):
    created = long_lived.post("/todos/", encode(todo, ascii_only), content_type="application/json", status=200)
    read = long_lived.get(created.headers["Location"])
    assert created.body == read.body == long_lived.delete("/todos/", headers=ANY_TAG).body[1:-1]
    assert same(read.text, json.dumps(todo))


@given(before=OBJECTS, after=OBJECTS, method=st.sampled_from(["put", "patch"]))
@settings(deadline=None)
def test_any_two_json_objects_merge(long_lived, before, after, method):
    url = long_lived.post_json("/todos/", before).headers["Location"]
    merged = getattr(long_lived, f"{method}_json")(url, after, status=200).json
    del merged["id"]
    assert json.dumps(merged) == json.dumps({**before, **after})


@given(body=st.binary() | st.text().map(str.encode))
@settings(deadline=None)
def test_no_body_whatever_makes_the_server_fail(long_lived, body):
    response = send(long_lived, body, expect_errors=True)
    assert response.status_int in {200, 400}


def encode(todo, ascii_only):
    """Return the JSON of a todo; UTF-8 has no bytes for a lone surrogate, which is then escaped."""
    try:
        return json.dumps(todo, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return json.dumps(todo).encode()


# How it is declared


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; charset=UTF-8; x=y",
        'application/json; charset="utf-8"',
        "application/json;",
    ],
)
def test_a_body_declared_as_json_is_taken(one, method, path, content_type):
    send(one, b"{}", method, path, content_type, status=200)


NOT_DECLARED = [
    "",
    "application",
    "application/",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/json5",
    "application/xjson",
    "application/json+xml",
    "application/json, text/plain",
    "application/x/y+json",
    "text/plain; application/json",
    "text/plain;a=application/json",
    "x-application/json",
    "json",
    "*/*",
    "application/*",
    "application/vnd.api+json",
    "application/ld+json",
    "application/problem+json",
    "application/json-patch+json",
    "application/json-seq",
    "application/merge-patch+json+x",
    "text/merge-patch+json",
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("content_type", NOT_DECLARED)
def test_a_body_not_declared_as_json_is_415_and_changes_nothing(one, method, path, content_type):
    before = everything(one)
    response = send(one, b'{"title": "z"}', method, path, content_type, status=415)
    assert "application/json" in response.json["detail"]
    assert response.headers["Accept-Patch"] == "application/json, application/merge-patch+json"
    assert everything(one) == before


@pytest.mark.parametrize(("method", "path"), WRITES[:2])
@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "Application/Merge-Patch+JSON; v=1"])
def test_a_merge_patch_that_is_not_sent_by_patch_is_415(one, method, path, content_type):
    before = everything(one)
    assert "Accept-Patch" in send(one, b'{"title": null}', method, path, content_type, status=415).headers
    assert everything(one) == before


def test_options_names_the_media_types_of_a_patch(one):
    assert one.options("/todos/0").headers["Accept-Patch"] == "application/json, application/merge-patch+json"
    assert "Accept-Patch" not in one.options("/todos/").headers


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_byte_order_mark_is_read_past(one, method, path):
    todo = send(one, b'\xef\xbb\xbf{"title": "\xef\xbb\xbfb"}', method, path, status=200).json
    assert todo["title"] == "\ufeffb"


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(
    "coding", ["gzip", "br", "deflate", "x-gzip", "identity, gzip", "gzip, identity", "aws-chunked"]
)
def test_a_content_coding_is_415_and_changes_nothing(one, method, path, coding):
    before = everything(one)
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    response = one.request(path, method=method, body=b"{}", headers=headers, status=415)
    assert response.headers["Accept-Encoding"] == "identity"
    assert "Content-Encoding" in response.json["detail"]
    assert everything(one) == before


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_identity_is_no_coding(one, method, path, coding):
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    one.request(path, method=method, body=b"{}", headers=headers, status=200)


# A merge patch, as RFC 7396 says

MERGE_PATCHES = [  # those of its appendix A in which todo and patch are objects, and more
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
    ("{}", '{"a":[null,{"b":null}]}', '{"a":[null,{"b":null}]}'),
    ('{"a":{"b":1}}', "{}", '{"a":{"b":1}}'),
    ('{"a":1}', '{"a":{"b":null,"c":2}}', '{"a":{"c":2}}'),
    ('{"due":"x","meta":{"a":1,"b":2}}', '{"due":null,"meta":{"a":null}}', '{"meta":{"b":2}}'),
    ('{"a":1}', '{"id":null}', '{"a":1}'),
    ('{"a":1}', '{"id":7,"gone":null}', '{"a":1}'),
    ('{"a":{"id":1}}', '{"a":{"id":null}}', '{"a":{}}'),
]


@pytest.mark.parametrize(("todo", "patch", "merged"), MERGE_PATCHES)
@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "Application/Merge-Patch+JSON; v=1"])
def test_a_merge_patch_is_carried_out(client, todo, patch, merged, content_type):
    send(client, todo.encode(), status=200)
    answer = send(client, patch.encode(), "PATCH", "/todos/0", content_type, status=200)
    expected = {**json.loads(merged), "id": 0}
    assert answer.json == client.get("/todos/0").json == expected
    assert answer.headers["ETag"] == client.get("/todos/0").headers["ETag"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_json_merges_fields_alone_as_in_the_tutorial(client, method):
    send(client, b'{"due": "x", "meta": {"a": 1, "b": 2}}')
    merged = send(client, b'{"due": null, "meta": {"a": null}}', method, "/todos/0", status=200).json
    assert merged == {"due": None, "meta": {"a": None}, "id": 0}


def test_a_merge_patch_takes_if_match(one):
    patch = "application/merge-patch+json"
    headers = {"Content-Type": patch, "If-Match": '"0"'}
    one.request("/todos/0", method="PATCH", body=b'{"title": null}', headers=headers, status=412)
    assert one.get("/todos/0").json == {"title": "a", "id": 0}


@pytest.mark.parametrize("body", NOT_AN_OBJECT)
def test_a_merge_patch_that_is_no_object_would_leave_no_todo_and_is_400(one, body):
    send(one, body, "PATCH", "/todos/0", "application/merge-patch+json", status=400)
    assert one.get("/todos/0").json == {"title": "a", "id": 0}


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_without_a_content_type_is_415(one, application, method, path):
    client = client_of(application, CONTENT_TYPE=None)
    assert send(client, b"{}", method, path, status=415).content_type == "application/problem+json"


def test_deleting_needs_no_content_type(one):
    one.delete("/todos/0", status=200)


# How long it is


def todo_of_length(length):
    return b'{"title": "%s"}' % (b"x" * (length - 13))


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_of_1_mib_is_taken(one, method, path):
    assert len(send(one, todo_of_length(MEBIBYTE), method, path, status=200).json["title"]) == MEBIBYTE - 13


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("length", [MEBIBYTE + 1, 3 * MEBIBYTE])
def test_a_body_over_1_mib_is_413_and_changes_nothing(one, method, path, length):
    before = everything(one)
    assert send(one, todo_of_length(length), method, path, status=413).content_type == "application/problem+json"
    assert everything(one) == before


@pytest.mark.parametrize("title", ["[" * 1000, '"[{' * 1000, '\\"[' * 1000, "[\\" * 1000])
def test_brackets_in_a_string_are_no_arrays(one, title):
    assert send(one, json.dumps({"title": title}).encode(), status=200).json["title"] == title


def test_any_number_of_arrays_may_stand_beside_each_other(one):
    send(one, b'{"a": [' + b"[[]]," * 1000 + b"{}]}", status=200)
