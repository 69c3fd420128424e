"""Engines for the two databases, set up for durability and bounded waits. Nothing here knows the tables."""

import contextlib
import os
import sqlite3
import stat
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
import sqlalchemy.exc
import sqlalchemy.pool

from council.backends.records import guard
from council.domain import errors

Synchronous = Literal["NORMAL", "FULL"]

_CONNECTIONS_MAX = 8
_WAL_BYTES_KEPT_MAX = 64 * 1024 * 1024
_WRITES = "council_writes"
# A checkpoint waits so long for a writer to end, and then, with writers kept out, so long for readers of an older state.
_CHECKPOINT_S = 0.05


def parse(url: str) -> sqlalchemy.URL:
    """Return the parsed URL, its driver made explicit. Raises ConfigError, without the password."""
    parsed = _parsed(url)
    kind = parsed.get_backend_name() if parsed else ""
    if parsed and kind == "sqlite" and parsed.database not in (None, "", ":memory:") and not parsed.query:
        return parsed.set(database=str(Path(parsed.database or "").absolute()))
    if parsed and kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise errors.ConfigError(
        "`records.url` must be `sqlite:////path/to/file` or `postgresql+psycopg://user:password@host:port/database`."
    )


def _parsed(url: str) -> sqlalchemy.URL | None:
    try:
        return sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return None


def open_engine(url: sqlalchemy.URL, busy_s: float, synchronous: Synchronous) -> sqlalchemy.Engine:
    """Return an engine that has not connected yet. Raises SetupError where the driver is missing."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(Path(url.database or ""), busy_s, synchronous)
    return _postgresql(url, busy_s)


def writer(engine: sqlalchemy.Engine) -> sqlalchemy.Engine:
    """Return a view of `engine` whose transactions take the write lock when they begin.

    A transaction that reads first and asks for SQLite's lock later can fail at once without waiting its turn.
    """
    return engine.execution_options(**{_WRITES: True})


@contextlib.contextmanager
def writing(engine: sqlalchemy.Engine) -> Iterator[Any]:
    """Give the driver's own cursor in a transaction that holds the write lock. Raises SQLAlchemy's errors."""
    with _wrapped(engine):
        connection = engine.raw_connection()
    try:
        with _wrapped(engine):
            cursor = connection.cursor()
            if engine.dialect.name == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            connection.commit()
    except BaseException:
        # A closed SQLite connection keeps its lock while a cursor of it lives; and what broke may be the connection itself.
        with contextlib.suppress(engine.dialect.loaded_dbapi.Error):
            connection.rollback()
        connection.invalidate()
        raise
    finally:
        connection.close()


@contextlib.contextmanager
def reading(engine: sqlalchemy.Engine) -> Iterator[Any]:
    """Give the driver's own cursor for a statement that only reads. Raises SQLAlchemy's errors."""
    with _wrapped(engine):
        connection = engine.raw_connection()
    try:
        with _wrapped(engine):
            yield connection.cursor()
    except BaseException:
        connection.invalidate()
        raise
    finally:
        connection.close()


@contextlib.contextmanager
def _wrapped(engine: sqlalchemy.Engine) -> Iterator[None]:
    dbapi = engine.dialect.loaded_dbapi
    try:
        yield
    except dbapi.Error as error:
        raise sqlalchemy.exc.DBAPIError.instance(
            None, None, error, dbapi.Error, hide_parameters=True, dialect=engine.dialect
        ) from error


class LockedError(Exception):
    """Somebody else writes to the database just now."""


class Immediate:
    """One connection to a SQLite database that never waits for a lock, for short transactions on an event loop.

    It makes no checkpoints by itself, since they wait for the disk.
    """

    def __init__(self, path: Path):
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """Give a cursor in a transaction that holds the write lock. Raises LockedError, sqlite3.Error."""
        cursor = self._connected().cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise LockedError from error
            self.close()
            raise
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            # A closed connection keeps its lock while a cursor of it lives; and what broke may be the connection itself.
            cursor.close()
            self.close()
            raise
        cursor.close()

    def checkpoint(self) -> None:
        """Take SQLite's log into the database, so that it is written from its beginning again. Raises sqlite3.Error.

        Most is done beside writers; but while they go on the log never ends, so for the rest they are kept out, for little
        longer than _CHECKPOINT_S. On a connection of its own, so that another thread may write meanwhile.
        """
        with contextlib.closing(connect_sqlite(self._path, _CHECKPOINT_S, "NORMAL")) as connection:
            for kind in ("PASSIVE", "RESTART"):
                connection.execute(f"PRAGMA wal_checkpoint({kind})").close()

    def close(self) -> None:
        """Give the connection back; a later call connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        # What is written to a file that was removed or replaced under an open connection is lost without an error.
        found = _identity(self._path)
        if self._connection is None or found != self._file:
            self.close()
            self._connection = connect_sqlite(self._path, 0.0, "NORMAL")
            self._connection.execute("PRAGMA wal_autocheckpoint = 0").close()
            self._file = found
        return self._connection


def create_file(path: Path, busy_s: float) -> None:
    """Make an empty database in WAL mode, mode 0600, unless the file is there; its folder too, but no deeper one.

    The file is linked into place complete, because two processes that switch one file to WAL at the same moment can fail.
    An existing file is never opened here: closing a descriptor of it would drop SQLite's locks in this process.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if os.path.lexists(path):
        _close_to_others(path)
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with contextlib.closing(connect_sqlite(draft, busy_s, "FULL")):
            pass
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _close_to_others(path: Path) -> None:
    """Take the rights of group and others from a database file. Raises RecordsUnavailableError for a link.

    The folder may belong to the gateway's user while root runs this, so the file is held first and changed through the
    descriptor, which only names it and so drops no lock. A file with a second name may be anybody's and stays as it is.
    Where the folder itself is wholly open to its group, as to gateway and recall, so may the file be.
    """
    group = path.parent.stat().st_mode & stat.S_IRWXG
    shared = group if group == stat.S_IRWXG else 0
    with _held(path) as descriptor:
        status = os.fstat(descriptor)
        if status.st_nlink == 1 and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~shared:
            mode = 0o600 | status.st_mode & shared & ~stat.S_IXGRP
            with contextlib.suppress(PermissionError):
                os.chmod(f"/proc/self/fd/{descriptor}", mode)  # noqa: PTH101 - a descriptor, not a path of ours


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Hold a plain file without opening it. Raises RecordsUnavailableError for anything else, OSError if it is missing."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise errors.RecordsUnavailableError(
                f"The records cannot be used: `{path.name}` is a link or no plain file, which Council does not follow. Find "
                "out who put it there; put the database itself in its place, or name that in `records.url`.",
                detail=str(path),
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _sqlite(path: Path, busy_s: float, synchronous: Synchronous) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        "sqlite://",
        creator=lambda: connect_sqlite(path, busy_s, synchronous),
        poolclass=sqlalchemy.pool.QueuePool,
        pool_size=_CONNECTIONS_MAX,
        max_overflow=0,
        pool_timeout=busy_s,
        pool_use_lifo=True,
        hide_parameters=True,
    )

    def note_file(connection: Any, record: Any) -> None:
        record.info["file"] = _identity(path)

    def check_file(connection: Any, record: Any, proxy: Any) -> None:
        # What is written to a file that was removed or replaced under an open connection is lost without an error.
        if record.info.get("file") != _identity(path):
            raise sqlalchemy.exc.DisconnectionError("the database file was replaced")

    def begin(connection: sqlalchemy.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sqlalchemy.event.listen(engine, "connect", note_file)
    sqlalchemy.event.listen(engine, "checkout", check_file)
    sqlalchemy.event.listen(engine, "begin", begin)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def connect_sqlite(path: Path, busy_s: float, synchronous: Synchronous) -> sqlite3.Connection:
    """Open an existing file, for what this process may reach of it (`guard`).

    A missing one is an error: only `create_file` makes a database. A link is never followed.
    """
    with contextlib.suppress(OSError), _held(path):
        pass
    connection = sqlite3.connect(
        f"file:{urllib.parse.quote(str(path))}?mode=rw",
        uri=True,
        timeout=busy_s,
        isolation_level=None,  # the `begin` listener says which kind of transaction
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )
    try:
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            f"journal_size_limit = {_WAL_BYTES_KEPT_MAX}",
            "secure_delete = ON",  # what is deleted is overwritten; the ledger never deletes, so it costs nothing there
        ):
            connection.execute(f"PRAGMA {pragma}").close()
        guard.hold(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _postgresql(url: sqlalchemy.URL, busy_s: float) -> sqlalchemy.Engine:
    busy_ms = max(1, round(busy_s * 1_000))
    settings = {
        "connect_timeout": max(2, round(busy_s)),  # libpq takes whole seconds, at least 2
        "tcp_user_timeout": busy_ms,
        "keepalives_idle": 10,
        "options": f"-c lock_timeout={busy_ms} -c timezone=UTC",
        "application_name": "council",
    }
    try:
        return sqlalchemy.create_engine(
            url,
            connect_args={key: value for key, value in settings.items() if key not in url.query},
            pool_pre_ping=True,
            pool_size=_CONNECTIONS_MAX,
            max_overflow=0,
            pool_timeout=busy_s,
            pool_use_lifo=True,
            hide_parameters=True,
        )
    except ModuleNotFoundError as error:
        raise errors.SetupError(
            "PostgreSQL needs the `psycopg` driver. Install it with `pip install 'council-cloud[postgres]'`."
        ) from error
