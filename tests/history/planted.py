"""The command with a fault in it, to show that the check of histories can fail: `python planted.py --port 0 ...`

The environment variable PLANTED names the fault. Each is a mistake that somebody could make. A pause in the right place
lets it show within a few requests.
"""

import itertools
import os
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import todomvc
import todomvc_sqlite
from todomvc import ListUnavailable, Response, TodoList, json_array, merge
from todomvc_sqlite import SQLiteTodoList, TodoFile, Write

PAUSE = 0.005  # seconds


# In memory


def id_from_a_stale_length():
    create = TodoList.create

    def with_stale_id(self, fields, key=None):
        id = len(self.todos)
        time.sleep(PAUSE)
        made, todo = create(self, fields, key)
        return (made, todo) if key else (id, merge(todo, {}, id))

    TodoList.create = with_stale_id


def lost_update():
    def update(self, id, fields, check=None, *options):
        old = self.read(id)
        time.sleep(PAUSE)
        return self.replace(id, check, lambda _: merge(old, fields, id, *options))[1]

    TodoList.update = update


def delete_that_comes_back():
    update = TodoList.update

    def update_or_make_again(self, id, fields, *options):
        old = self.read(id)
        time.sleep(PAUSE)
        new = update(self, id, fields, *options)
        if old and not new:
            new = self.todos[id] = merge(old, fields, id)
            self.version += 1
        return new

    TodoList.update = update_or_make_again


def delete_all_one_by_one():
    def delete_all(self, check=None):
        if check:
            check(json_array(self))
        deleted = []
        for id in range(len(self.todos)):
            time.sleep(PAUSE)
            deleted.append(self.delete(id))
        return list(filter(None, deleted))

    TodoList.delete_all = delete_all


def list_of_several_moments():
    def read_one_by_one(self):
        for id in range(len(self.todos)):
            time.sleep(PAUSE)
            if self.todos[id]:
                yield self.todos[id]

    TodoList.__iter__ = read_one_by_one


def not_modified_for_an_old_tag():
    unless_current, given_out = todomvc.unless_current, set()

    def unless_ever_current(response, environ):
        given_out.add(dict(response.headers)["ETag"])
        asked = environ.get("HTTP_IF_NONE_MATCH")
        if asked in given_out:
            return Response("304 Not Modified", [("ETag", asked)], b"")
        return unless_current(response, environ)

    todomvc.unless_current = unless_ever_current


# In a file


def acknowledged_before_the_commit():
    write = TodoFile.write

    def write_without_waiting(self, operation):
        outcome = Future()

        def operate(database):
            try:
                outcome.set_result(operation(database))
            except Exception as error:
                outcome.set_exception(error)
            time.sleep(PAUSE)

        threading.Thread(target=write, args=(self, operate)).start()
        return outcome.result(timeout=10)

    TodoFile.write = write_without_waiting


def check_outside_the_write():
    replace = SQLiteTodoList.replace

    def check_and_replace(self, id, check, make):
        old = self.read(id)
        if old and check:
            check(old)
            time.sleep(PAUSE)
        return replace(self, id, None, make)

    SQLiteTodoList.replace = check_and_replace


def stale_cache():
    refresh = TodoFile.refresh

    def refresh_now_and_then(self):
        if time.monotonic() > getattr(self, "refreshed", 0) + 10 * PAUSE:
            refresh(self)
            self.refreshed = time.monotonic()

    TodoFile.refresh = refresh_now_and_then


def key_that_another_process_does_not_know():
    create = SQLiteTodoList.create
    SQLiteTodoList.create = lambda self, fields, key=None: create(self, fields, key and f"{os.getpid()} {key}")


def id_that_is_given_again():
    todomvc_sqlite.SELECT_NEXT_ID = "SELECT count(*) FROM todo WHERE user = ? AND json IS NOT NULL"
    todomvc_sqlite.INSERT = todomvc_sqlite.INSERT.replace("INSERT", "INSERT OR REPLACE", 1)


def refused_and_carried_out():
    outcome, writes = Write.outcome, itertools.count(1)

    def refuse_some(self):
        result = outcome(self)
        if next(writes) % 10 == 0:
            raise ListUnavailable("the disk has failed")
        return result

    Write.outcome = refuse_some


# In PostgreSQL


def acknowledged_before_it_is_on_the_disk():
    replace_in_constants("'off', 'on'", "'on', 'off'")


def update_of_what_has_changed():
    import todomvc_postgres

    replace_in_constants("AND todo = %(old)s", "")
    merge = todomvc_postgres.merge

    def merge_slowly(*arguments):
        time.sleep(PAUSE)
        return merge(*arguments)

    todomvc_postgres.merge = merge_slowly


def delete_all_of_what_has_changed():
    import todomvc_postgres

    replace_in_constants("AND version = %(version)s", "")
    write = todomvc_postgres.PostgresTodoList.write

    def write_slowly(self, query, *arguments, **values):
        if query is todomvc_postgres.DELETE_ALL:
            time.sleep(10 * PAUSE)
        return write(self, query, *arguments, **values)

    todomvc_postgres.PostgresTodoList.write = write_slowly


def replace_in_constants(old, new):
    import todomvc_postgres

    constants = {name: value for name, value in vars(todomvc_postgres).items() if name.isupper() and old in str(value)}
    assert constants, f"no constant has {old} in it"
    for name, value in constants.items():
        setattr(todomvc_postgres, name, value.replace(old, new))


FAULTS = {
    "memory": [
        id_from_a_stale_length,
        lost_update,
        delete_that_comes_back,
        delete_all_one_by_one,
        list_of_several_moments,
        not_modified_for_an_old_tag,
    ],
    "sqlite": [
        acknowledged_before_the_commit,
        check_outside_the_write,
        stale_cache,
        key_that_another_process_does_not_know,
        id_that_is_given_again,
        refused_and_carried_out,
    ],
    "postgres": [
        acknowledged_before_it_is_on_the_disk,
        update_of_what_has_changed,
        delete_all_of_what_has_changed,
    ],
}

if __name__ == "__main__":
    from todomvc_server import main

    globals()[os.environ["PLANTED"]]()
    main()
