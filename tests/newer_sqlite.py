"""The command, on the SQLite that the package apsw brings in place of Python's: `python newer_sqlite.py --port 0 ...`

This module stands in for `sqlite3`, and has what todomvc uses of it.
"""

import sys
from pathlib import Path

import apsw

Error = apsw.Error
OperationalError = (apsw.CantOpenError, apsw.BusyError, apsw.ReadOnlyError, apsw.IOError)
ProgrammingError = apsw.ConnectionClosedError
sqlite_version = apsw.sqlite_lib_version()
SQLITE_FULL = apsw.SQLITE_FULL
Error.sqlite_errorcode = property(lambda error: error.result)


class Connection(apsw.Connection):
    """apsw's connection in the manner of sqlite3, with text as bytes."""

    def __init__(self, path, timeout=5, **options):
        super().__init__(path, apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        self.set_busy_timeout(1000 * timeout)
        self.row_trace = lambda cursor, row: tuple(v.encode() if isinstance(v, str) else v for v in row)
        self.executescript = self.execute


def connect(path, factory=Connection, **options):
    return factory(path, **options)


if __name__ == "__main__":
    sys.modules["sqlite3"] = sys.modules["__main__"]
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from todomvc_server import main

    main()
