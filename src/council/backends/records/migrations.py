"""Numbered steps that bring a database to the form in `schema.py`, and those that take away what older releases still read.

A step, once released, is never edited: a later change is a later step. Steps are written as plain SQL, so that they do not
change when `schema.py` does. Each runs in a transaction of its own together with the line that says it ran. Both databases
have transactional DDL, so a step happens wholly or not at all.

While one release gives way to another both work on the same records, and the older one may come back. So `STEPS`, which run
before a release is launched, only add: tables, indexes, columns with a default. A release passes over steps that it does not
know. What nobody reads any more goes by `LAST_STEPS`, which are numbered apart, and run once no older release is left to return
to; a release refuses records of which such a step that it does not know has taken something away. None of `STEPS` may need one
of `LAST_STEPS`. Record 0030.
"""

from collections.abc import Callable, Sequence

import sqlalchemy

from council.backends.records import schema, steps
from council.domain import errors

Step = Callable[[sqlalchemy.Connection], None]

# Any constant will do, as long as nothing else in the database takes the same advisory lock.
_LOCK_KEY = 6_102_538_117
# Made by the first of LAST_STEPS, so it is no part of the form that queries expect.
_LAST_TABLE = "schema_last"


def migrate(
    reader: sqlalchemy.Engine,
    writer: sqlalchemy.Engine,
    steps: Sequence[Step],
    last_steps: Sequence[Step] | None = None,
    *,
    last_known: int | None = None,
) -> int:
    """Run the steps that are missing; return the version, which is a higher one where a newer release has added to it.

    `last_steps` None runs none of those. `last_known` is how many of them this release knows, as many as there are if None.
    An up-to-date database is only read, so that a read-only replica or a busy writer does not stop a start. Raises
    RecordsUnavailableError where a newer release has taken away what this one may read.
    """
    known = len(LAST_STEPS if last_steps is None else last_steps) if last_known is None else last_known
    with reader.connect() as connection:
        taken = _version(connection, _LAST_TABLE)
        version = _version(connection, schema.schema_version.name)
    if taken > known:
        raise errors.RecordsUnavailableError(
            f"A newer Council has taken away from the records what this one may still read: {taken} times, of which this one "
            f"knows {known}. Start the newer Council that did, or restore a copy from before it."
        )
    version = _run_missing(writer, steps, version, schema.schema_version.name)
    if last_steps is not None:
        _run_missing(writer, last_steps, taken, _LAST_TABLE)
    return version


def _run_missing(writer: sqlalchemy.Engine, steps: Sequence[Step], version: int, table: str) -> int:
    for _ in range(len(steps) + 1):
        if version >= len(steps):
            return version
        version = _advance(writer, steps, table)
    raise AssertionError("every pass advances by one or ends")


def _advance(writer: sqlalchemy.Engine, steps: Sequence[Step], table: str) -> int:
    """Run one missing step, if another process has not done so meanwhile; return the version after it."""
    with writer.begin() as connection:
        _lock(connection)
        connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table} (version INTEGER PRIMARY KEY)")
        version = _version(connection, table)
        if version >= len(steps):
            return version
        steps[version](connection)
        connection.exec_driver_sql(f"INSERT INTO {table} (version) VALUES ({version + 1})")  # noqa: S608 - our own names
    return version + 1


def _lock(connection: sqlalchemy.Connection) -> None:
    # SQLite's write transaction is already exclusive.
    if connection.dialect.name == "postgresql":
        connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_LOCK_KEY)))


def _version(connection: sqlalchemy.Connection, table: str) -> int:
    if not sqlalchemy.inspect(connection).has_table(table):
        return 0
    newest = connection.exec_driver_sql(f"SELECT MAX(version) FROM {table}")  # noqa: S608 - our own names
    return newest.scalar_one() or 0


STEPS: tuple[Step, ...] = (
    *(steps.first, steps.money, steps.memories, steps.learning, steps.incidents, steps.staging, steps.snapshots),
    *(steps.overrides, steps.memory_changes, steps.backups, steps.bot_runs, steps.repairs, steps.dashboard),
    *(steps.uses, steps.remarks),
)
# Empty until something is to go; see above.
LAST_STEPS: tuple[Step, ...] = ()
