"""What a store is filled with, to see that another takes over all of it."""

FIELDS = {"id": 5, "a": [1.5, 1e300, None], "é<": "\ud800</script>", "big": 10**40, "title": "a"}
USERS = ["", "alice", "\udce9\U0001f600", "x" * 500]


def fill(todos):
    """Give users a list each: a todo made by a key, a tombstone with a key, the deepest todo, a change, a tombstone."""
    for user in USERS:
        mine = todos.of(user)
        mine.create(FIELDS, "k")
        mine.create({"title": "gone"}, "gone")
        mine.delete(1)
        deep = {}
        for _ in range(98):
            deep = {"a": deep}
        mine.create(deep)
        mine.update(0, {"n": 1})
        mine.create({})
        mine.delete(3)


def contents(todos):
    return sorted(todos.rows())
