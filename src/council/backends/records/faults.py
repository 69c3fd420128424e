"""What a database driver's error means to a person. One place, so that every message says what to do next."""

import sqlite3

import sqlalchemy
import sqlalchemy.exc

from council.backends.records import guard
from council.domain import errors

_DETAIL_CHARS_MAX = 500

# By the start of SQLite's error name (sqlite.org/rescode.html).
_SQLITE_ADVICE = {
    "SQLITE_FULL": "The disk is full. Free some space; writing goes on by itself.",
    "SQLITE_READONLY": "The database is read-only. Make the file and its folder writable for this user.",
    "SQLITE_BUSY": "Another process holds the database's lock. Try again; `fuser` on the file names the holder.",
    "SQLITE_LOCKED": "Another process holds the database's lock. Try again; `fuser` on the file names the holder.",
    "SQLITE_CORRUPT": "The database file is damaged. Stop Council, put a good copy in its place, and start again.",
    "SQLITE_NOTADB": "The file is not a database. Stop Council, put a good copy in its place, and start again.",
    "SQLITE_CANTOPEN": "The database cannot be opened. `council up` creates it; check that its folder can be written.",
    "SQLITE_IOERR": "The disk refuses to read or write. Check its space and health (`df`, `dmesg`); then try again.",
}

# By SQLSTATE or its class (postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL_ADVICE = {
    "25006": "The database is read-only. Point `records.url` at the primary server.",
    "28": "The server refuses the login. Check the user and password in `records.url`.",
    "3D": "The server has no such database. Create it, or correct `records.url`.",
    "42501": "The database user lacks the rights. Grant it the schema's tables.",
    "42P01": "The database has no Council tables yet. `council up` creates them.",
    "53": "The server is out of disk, memory or connections. Free some; writing goes on by itself.",
    "55P03": "Another session holds a lock on the table. Try again.",
    "57": "The server is stopping or starting. Try again when it is up.",
}

_NO_TABLES = "The database has no Council tables yet. `council up` creates them."
_NO_ANSWER = "The server does not answer or refuses the connection. Check that it runs, and `records.url`."
_POOL_EMPTY = "Every connection is in use. Try again."
_NOT_STORABLE = "A value does not fit the database. Report this with the operator's log."
_REFUSED = "This is a fault in Council, or somebody misused it. Report it with the operator's log."
_OTHER = "Reading or writing failed. Run `council doctor`."


def unavailable(error: Exception, url: sqlalchemy.URL) -> errors.RecordsUnavailableError:
    """Return the typed error for what a driver raised.

    The message may reach a caller of the API, so where the database is stands in the detail. The password stands in neither.
    """
    cause = getattr(error, "orig", None) or error
    detail = f"{_place(url)}: {type(cause).__name__}: {cause}"
    if url.password:
        detail = detail.replace(str(url.password), "***")
    return errors.RecordsUnavailableError(
        f"The records cannot be used. {_advice(error, cause, url)}", detail=detail[:_DETAIL_CHARS_MAX]
    )


def _place(url: sqlalchemy.URL) -> str:
    """Return where the database is, without user, password or options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or url.query.get("host", "localhost")
    return f"PostgreSQL database {url.database} on {host}{f':{url.port}' if url.port else ''}"


def _advice(error: Exception, cause: object, url: sqlalchemy.URL) -> str:
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return _POOL_EMPTY
    if isinstance(error, (OverflowError, sqlalchemy.exc.DataError)):
        return _NOT_STORABLE
    if url.get_backend_name() == "sqlite":
        return _sqlite_advice(cause)
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return _NO_ANSWER if isinstance(error, sqlalchemy.exc.OperationalError) else _OTHER
    return next((advice for start, advice in _POSTGRESQL_ADVICE.items() if state.startswith(start)), _OTHER)


def _sqlite_advice(cause: object) -> str:
    if isinstance(cause, sqlite3.OperationalError) and "no such table" in str(cause):
        return _NO_TABLES
    if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
        return f"{guard.refused()} {_REFUSED}"
    name = getattr(cause, "sqlite_errorname", "")
    return next((advice for start, advice in _SQLITE_ADVICE.items() if name.startswith(start)), _OTHER)
