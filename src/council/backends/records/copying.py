"""The whole of the records as one SQLite file, as they were at one moment, while others write; and back into a server.

A copy of SQLite is made page by page within one read transaction, which holds up no writer. A server's tables are read within
one transaction that sees one moment, and written into a new SQLite file of the same form: so every copy can be opened without a
server. What was committed before the copy began is in it.
"""

import contextlib
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy
import sqlalchemy.exc

from council.backends.records import engines, faults, migrations, schema
from council.domain import errors

_ROWS = 1_000
# Of a copy people are told how much of these it holds.
_COUNTED = ("ledger", "memories", "users", "tokens", "incidents", "snapshots")
_VERSIONS = frozenset({"schema_version", "schema_last"})


def copy(url: str, busy_s: float, file: Path) -> None:
    """Make `file`, which must not be there, the copy of the records at `url`. Raises RecordsUnavailableError, ConfigError."""
    parsed = engines.parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy_sqlite(Path(parsed.database or ""), file, busy_s)
        else:
            _copy_server(parsed, busy_s, file)
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise faults.unavailable(error, parsed) from error


def _copy_sqlite(source: Path, file: Path, busy_s: float) -> None:
    with contextlib.closing(engines.connect_sqlite(source, busy_s, "NORMAL")) as theirs:
        file.touch(mode=0o600, exist_ok=False)
        with contextlib.closing(sqlite3.connect(file)) as ours:
            theirs.backup(ours)
            # One file, with no log beside it.
            ours.execute("PRAGMA journal_mode = DELETE").close()


def _copy_server(url: sqlalchemy.URL, busy_s: float, file: Path) -> None:
    source = engines.open_engine(url, busy_s, "NORMAL")
    target = _new(file, busy_s)
    try:
        with source.connect().execution_options(isolation_level="REPEATABLE READ") as theirs, target.begin() as ours:
            _check_known(theirs)
            _copy_tables(theirs, ours)
    finally:
        source.dispose()
        target.dispose()
    with contextlib.closing(sqlite3.connect(file)) as made:
        made.execute("PRAGMA journal_mode = DELETE").close()


def _check_known(connection: sqlalchemy.Connection) -> None:
    """Raise RecordsUnavailableError where there is a table of a newer release, which would be missing from the copy."""
    unknown = set(sqlalchemy.inspect(connection).get_table_names()) - set(schema.ledger.metadata.tables) - _VERSIONS
    if newer := sorted(name for name in unknown if not name.startswith("pg_")):
        raise errors.RecordsUnavailableError(
            f"The records hold tables that this release does not know ({', '.join(newer)[:200]}), so a copy would lack "
            "them. Use the release that made them, or give Council a database of its own."
        )


def _new(file: Path, busy_s: float) -> sqlalchemy.Engine:
    """Return an engine on a new file with empty tables."""
    url = engines.parse(f"sqlite:///{file}")
    engines.create_file(file, busy_s)
    engine = engines.open_engine(url, busy_s, "NORMAL")
    migrations.migrate(engine, engines.writer(engine), migrations.STEPS)
    return engines.writer(engine)


def fill(file: Path, url: str, busy_s: float) -> None:
    """Put the records of a copy into an empty database at `url`, all or nothing; one that holds just these is as it should be.

    Raises RecordsUnavailableError, BackupError where the database holds something else, ConfigError.
    """
    parsed = engines.parse(url)
    target = engines.open_engine(parsed, busy_s, "NORMAL")
    source = engines.open_engine(engines.parse(f"sqlite:///{file}"), busy_s, "NORMAL")
    try:
        migrations.migrate(target, engines.writer(target), migrations.STEPS)
        with source.connect() as theirs, engines.writer(target).begin() as ours:
            if any(ours.execute(sqlalchemy.select(table).limit(1)).first() for table in _tables(ours)):
                # A restore that was killed once the records were in is begun anew.
                if _digests(theirs) == _digests(ours):
                    return
                raise errors.BackupError(
                    "The database that the records are to go into holds records already, which would be mixed with "
                    "those of the snapshot. Nothing has changed. Give an empty one with `--records-url`.",
                    reason="not_empty",
                )
            _copy_tables(theirs, ours)
            _go_on_counting(ours)
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise faults.unavailable(error, parsed) from error
    finally:
        source.dispose()
        target.dispose()


def _tables(connection: sqlalchemy.Connection) -> Iterator[sqlalchemy.Table]:
    """Yield every table that is there but those of versions, those that others refer to first."""
    known = schema.ledger.metadata.tables
    # By the database itself: what refers to what is not in `schema`.
    for name, _ in sqlalchemy.inspect(connection).get_sorted_table_and_fkc_names():
        if name is not None and name in known and name not in _VERSIONS:
            yield known[name]


def _copy_tables(source: sqlalchemy.Connection, target: sqlalchemy.Connection) -> None:
    # A server numbers rows itself unless it is told not to.
    keeping = " OVERRIDING SYSTEM VALUE" if target.dialect.name == "postgresql" else ""
    for table in _tables(source):
        names = [column.name for column in table.columns]
        into = f"INSERT INTO {table.name} ({', '.join(names)}){keeping}"  # the names are ours
        insert = sqlalchemy.text(f"{into} VALUES ({', '.join(f':{name}' for name in names)})")
        rows = source.execution_options(yield_per=_ROWS).execute(sqlalchemy.select(table))
        for some in rows.mappings().partitions():
            target.execute(insert, [dict(one) for one in some])


def _digests(connection: sqlalchemy.Connection) -> Mapping[str, tuple[int, int]]:
    """Return of each table that holds any the number of rows, and a sum over them in which their order does not count."""
    found = {}
    for table in _tables(connection):
        count = total = 0
        rows = connection.execution_options(yield_per=_ROWS).execute(
            sqlalchemy.select(*(table.c[name] for name in sorted(table.c.keys())))
        )
        for row in rows:
            count, total = count + 1, total + hash(tuple(map(_comparable, row)))
        if count:
            found[table.name] = (count, total)
    return found


def _comparable(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _go_on_counting(connection: sqlalchemy.Connection) -> None:
    """Have a server's sequences go on behind the rows that brought their own numbers."""
    if connection.dialect.name != "postgresql":
        return
    for table in _tables(connection):
        for column in table.primary_key:
            name = sqlalchemy.func.pg_get_serial_sequence(table.name, column.name)
            sequence = connection.execute(sqlalchemy.select(name)).scalar_one()
            last = connection.execute(sqlalchemy.select(sqlalchemy.func.max(column))).scalar_one()
            if sequence is not None and last is not None:
                connection.execute(sqlalchemy.select(sqlalchemy.func.setval(sequence, last)))


def check(file: Path) -> Mapping[str, int]:
    """Return how many rows a copy has, by table, once it is sound. Raises RecordsUnavailableError."""
    url = engines.parse(f"sqlite:///{file}")
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{urllib.parse.quote(str(file))}?mode=ro&immutable=1", uri=True)
        ) as opened:
            (said,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise sqlite3.DatabaseError(said)
            there = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            # The names are ours.
            return {
                name: opened.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]  # noqa: S608
                for name in _COUNTED
                if name in there
            }
    except sqlite3.Error as error:
        raise faults.unavailable(error, url) from error
