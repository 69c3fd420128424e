"""Holds what this process opens of the embedded records to what it may reach there.

SQLite asks its authorizer about each statement as that is compiled, table by table and column by column, and never again
while the compiled statement is used. What is not named is refused: other tables, other databases (`ATTACH`), tables that are
made or dropped, and every pragma but those below.

This keeps a mistake, or SQL that somebody slipped in, from what the process has no business with. It is no wall against code
that runs in the process: that can open the file by itself. Record 0047.
"""

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from council.domain import reach

if TYPE_CHECKING:
    import sqlite3

# What the log says of a refusal.
REFUSED = "a statement on the records was refused"

_log = logging.getLogger(__name__)

# The log's own, and what SQLAlchemy asks of a new connection; none of them shows a row.
_PRAGMAS = frozenset({"wal_checkpoint", "wal_autocheckpoint", "read_uncommitted"})


class _Process:
    """The limit of this process, and which process it was that opened the records: not the child that it forked."""

    limit: reach.Reach | None = None
    opened_by = 0


class _Refused(threading.local):
    """What was last refused on this thread: the driver's error names no table where one was to be written."""

    told = ""


_refused = _Refused()


def limit(to: reach.Reach) -> None:
    """Hold every connection that this process opens from now on to `to`. Before the first, or it would go on without."""
    assert _Process.opened_by != os.getpid(), "the records were opened before the process was limited"
    _Process.limit = to


def hold(connection: "sqlite3.Connection") -> None:
    """Hold a new connection to this process's limit, if it has one. After its own settings are made."""
    _Process.opened_by = os.getpid()
    if _Process.limit is not None:
        connection.set_authorizer(functools.partial(_answer, _Process.limit))


@contextlib.contextmanager
def lifted(connection: "sqlite3.Connection") -> Iterator[None]:
    """Let a connection do what goes over the whole file, as `VACUUM` does, which copies every table by statements."""
    connection.set_authorizer(None)
    try:
        yield
    finally:
        hold(connection)


def refused() -> str:
    """Return what was last refused on this thread, by process and table."""
    return _refused.told


def _answer(
    may: reach.Reach, action: int, first: str | None, second: str | None, database: str | None, inner: str | None
) -> int:
    """Answer SQLite, see sqlite.org/c3ref/c_alter_table.html for what `first` and `second` are."""
    import sqlite3

    table = first or ""
    match action:
        case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_TRANSACTION | sqlite3.SQLITE_SAVEPOINT | sqlite3.SQLITE_RECURSIVE:
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_FUNCTION:
            # Loading another library is off in the driver.
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_READ if may.may_read(table, second or ""):
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_INSERT | sqlite3.SQLITE_UPDATE | sqlite3.SQLITE_DELETE if may.may_write(table):
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_PRAGMA if table in _PRAGMAS:
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_READ:
            does = f"read `{second}` of the table `{table}`" if table in may.reads else f"read the table `{table}`"
        case sqlite3.SQLITE_INSERT | sqlite3.SQLITE_UPDATE | sqlite3.SQLITE_DELETE:
            does = f"write the table `{table}`"
        case _:
            does = f"do that to the records (SQLite's action {action})"
    _refused.told = f"The process `{may.process}` may not {does}."
    _log.error(REFUSED, extra={"held": may.process, "refused": does})
    return sqlite3.SQLITE_DENY
