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

from council.backends.records import schema
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


def _run(connection: sqlalchemy.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


_FIRST_TABLES = (
    "CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, created_us {integer} NOT NULL) {strict}",
    """CREATE TABLE tokens (
        id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES users (id),
        role TEXT NOT NULL,
        label TEXT NOT NULL,
        secret_sha256 TEXT NOT NULL UNIQUE,
        created_us {integer} NOT NULL,
        requests_per_minute {integer},
        revoked_us {integer}
    ) {strict}""",
    """CREATE TABLE ledger (
        id {identity},
        request_id TEXT NOT NULL UNIQUE,
        at_us {integer} NOT NULL,
        user_id TEXT NOT NULL,
        token_id TEXT NOT NULL,
        route TEXT NOT NULL,
        specialist TEXT NOT NULL,
        model TEXT NOT NULL,
        outcome TEXT NOT NULL,
        level TEXT NOT NULL,
        verified {boolean} NOT NULL,
        escalated {boolean} NOT NULL,
        prompt_tokens {integer} NOT NULL,
        completion_tokens {integer} NOT NULL,
        cost_usd_micros {integer} NOT NULL,
        first_us {integer} NOT NULL,
        total_us {integer} NOT NULL,
        generation TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX ledger_at_us ON ledger (at_us, id)",
)

_FIRST_TYPES = {
    "sqlite": {"integer": "INTEGER", "boolean": "INTEGER", "identity": "INTEGER PRIMARY KEY", "strict": "STRICT"},
    "postgresql": {
        "integer": "BIGINT",
        "boolean": "BOOLEAN",
        "identity": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "strict": "",
    },
}

# The third trigger closes a side door: INSERT OR REPLACE deletes the old row without firing delete triggers.
_FIRST_GUARDS = {
    "sqlite": (
        "CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only; a correction is a new row'); END",
        "CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only; a correction is a new row'); END",
        "CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger "
        "WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id OR request_id = NEW.request_id) "
        "BEGIN SELECT RAISE(IGNORE); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'the ledger is append-only; a correction is a new row'; END $$",
        "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()",
    ),
}


def _first(connection: sqlalchemy.Connection) -> None:
    """Users, tokens, ledger."""
    kind = connection.dialect.name
    _run(connection, [statement.format(**_FIRST_TYPES[kind]) for statement in _FIRST_TABLES])
    _run(connection, _FIRST_GUARDS[kind])


_MONEY_TABLES = (
    "ALTER TABLE tokens ADD COLUMN day_usd_micros {integer}",
    "ALTER TABLE tokens ADD COLUMN month_usd_micros {integer}",
    "ALTER TABLE ledger ADD COLUMN local {boolean} NOT NULL DEFAULT {true}",
    """CREATE TABLE charges (
        request_id TEXT NOT NULL,
        hop {small} NOT NULL,
        at_us {integer} NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        deployment TEXT NOT NULL,
        prompt_tokens {integer} NOT NULL,
        cached_tokens {integer} NOT NULL,
        completion_tokens {integer} NOT NULL,
        cost_usd_micros {integer} NOT NULL,
        estimated {boolean} NOT NULL,
        outcome TEXT NOT NULL,
        PRIMARY KEY (request_id, hop)
    ) {strict}""",
    "CREATE INDEX charges_at_us ON charges (at_us)",
    """CREATE TABLE holds (
        request_id TEXT NOT NULL,
        hop {small} NOT NULL,
        at_us {integer} NOT NULL,
        expires_us {integer} NOT NULL,
        user_id TEXT NOT NULL,
        token_id TEXT NOT NULL,
        model TEXT NOT NULL,
        provider TEXT NOT NULL,
        usd_micros {integer} NOT NULL,
        PRIMARY KEY (request_id, hop)
    ) {strict}""",
    """CREATE TABLE spend (
        scope TEXT NOT NULL,
        period TEXT NOT NULL,
        usd_micros {integer} NOT NULL,
        PRIMARY KEY (scope, period)
    ) {strict}""",
)

_MONEY_TYPES = {
    "sqlite": {"integer": "INTEGER", "small": "INTEGER", "boolean": "INTEGER", "true": "1", "strict": "STRICT"},
    "postgresql": {"integer": "BIGINT", "small": "INTEGER", "boolean": "BOOLEAN", "true": "true", "strict": ""},
}

_MONEY_GUARDS = {
    "sqlite": (
        "CREATE TRIGGER charges_no_update BEFORE UPDATE ON charges "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only; a correction is a new row'); END",
        "CREATE TRIGGER charges_no_delete BEFORE DELETE ON charges "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only; a correction is a new row'); END",
        "CREATE TRIGGER charges_no_replace BEFORE INSERT ON charges "
        "WHEN EXISTS (SELECT 1 FROM charges WHERE request_id = NEW.request_id AND hop = NEW.hop) "
        "BEGIN SELECT RAISE(IGNORE); END",
    ),
    "postgresql": (
        "CREATE TRIGGER charges_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON charges "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()",
    ),
}


def _money(connection: sqlalchemy.Connection) -> None:
    """Charges, holds and what is spent; budgets of tokens; whether an answer was made on this machine."""
    kind = connection.dialect.name
    _run(connection, [statement.format(**_MONEY_TYPES[kind]) for statement in _MONEY_TABLES])
    _run(connection, _MONEY_GUARDS[kind])


# Nothing of a memory's text stands in an index: an index moves its entries about, and leaves copies behind.
_MEMORY_TABLES = (
    """CREATE TABLE memories (
        number {identity},
        id TEXT NOT NULL UNIQUE,
        user_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        attribute TEXT NOT NULL,
        value TEXT NOT NULL,
        text TEXT NOT NULL,
        source TEXT NOT NULL,
        confidence {real} NOT NULL,
        at_us {integer} NOT NULL,
        superseded_by TEXT NOT NULL,
        superseded_us {integer} NOT NULL,
        vector {bytes} NOT NULL,
        vector_model TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX memories_of_user ON memories (user_id, id)",
    "ALTER TABLE tokens ADD COLUMN memory {boolean} NOT NULL DEFAULT {no}",
)

_MEMORY_TYPES = {
    "sqlite": {**_FIRST_TYPES["sqlite"], "real": "REAL", "bytes": "BLOB", "no": "0"},
    "postgresql": {**_FIRST_TYPES["postgresql"], "real": "DOUBLE PRECISION", "bytes": "BYTEA", "no": "FALSE"},
}


def _memories(connection: sqlalchemy.Connection) -> None:
    """What is remembered of users, and which tokens have it on. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _MEMORY_TABLES])


_LEARNING_TABLES = (
    """CREATE TABLE learning (
        request_id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        at_us {integer} NOT NULL,
        features {bytes} NOT NULL,
        specialist TEXT NOT NULL,
        level TEXT NOT NULL,
        confidence {real} NOT NULL,
        escalated {boolean} NOT NULL,
        passed_on TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX learning_of_user ON learning (user_id, at_us)",
    "CREATE INDEX learning_at_us ON learning (at_us)",
    """CREATE TABLE thumbs (
        request_id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        at_us {integer} NOT NULL,
        verdict TEXT NOT NULL,
        route TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX thumbs_of_user ON thumbs (user_id, at_us)",
    "CREATE INDEX thumbs_at_us ON thumbs (at_us)",
)


def _learning(connection: sqlalchemy.Connection) -> None:
    """How questions went, and what users thought of the answers."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _LEARNING_TABLES])


_INCIDENT_TABLES = (
    """CREATE TABLE incidents (
        id TEXT NOT NULL PRIMARY KEY,
        standing TEXT NOT NULL,
        severity TEXT NOT NULL,
        began_us {integer} NOT NULL,
        detected_us {integer} NOT NULL,
        repaired_us {integer} NOT NULL,
        body TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX incidents_standing ON incidents (standing, id)",
    """CREATE TABLE notices (
        id TEXT NOT NULL,
        channel TEXT NOT NULL,
        delivery TEXT NOT NULL,
        tries {small} NOT NULL,
        next_us {integer} NOT NULL,
        reason TEXT NOT NULL,
        notice TEXT NOT NULL,
        PRIMARY KEY (id, channel)
    ) {strict}""",
    "CREATE INDEX notices_delivery ON notices (delivery, id)",
    """CREATE TABLE silences (
        name TEXT NOT NULL PRIMARY KEY,
        until_us {integer} NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        at_us {integer} NOT NULL
    ) {strict}""",
)


def _incidents(connection: sqlalchemy.Connection) -> None:
    """Incidents, what people were told of them, and about what they are not told."""
    types = _MONEY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _INCIDENT_TABLES])


_STAGING_COLUMNS = ("ALTER TABLE tokens ADD COLUMN staging {boolean} NOT NULL DEFAULT {no}",)


def _staging(connection: sqlalchemy.Connection) -> None:
    """Which tokens may only have patches tried. Needs only the steps before that change tokens."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _STAGING_COLUMNS])


_SNAPSHOT_TABLES = (
    """CREATE TABLE snapshots (
        id TEXT NOT NULL PRIMARY KEY,
        occasion TEXT NOT NULL,
        at_us {integer} NOT NULL,
        body {bytes} NOT NULL
    ) {strict}""",
    "CREATE INDEX snapshots_occasion ON snapshots (occasion, id)",
    "CREATE TABLE observer_state (name TEXT NOT NULL PRIMARY KEY, at_us {integer} NOT NULL, body {bytes} NOT NULL) {strict}",
    "CREATE TABLE announcements (name TEXT NOT NULL PRIMARY KEY, at_us {integer} NOT NULL) {strict}",
)


def _snapshots(connection: sqlalchemy.Connection) -> None:
    """What the observer saw, what it has learned, and what it has had people told. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _SNAPSHOT_TABLES])


_OVERRIDE_TABLES = (
    """CREATE TABLE overrides (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        value TEXT NOT NULL,
        reason TEXT NOT NULL,
        "by" TEXT NOT NULL,
        began_us {integer} NOT NULL,
        until_us {integer} NOT NULL,
        lifted_us {integer} NOT NULL
    ) {strict}""",
    "CREATE INDEX overrides_until ON overrides (until_us)",
)


_BACKUP_TABLES = (
    """CREATE TABLE backups (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        outcome TEXT NOT NULL,
        body TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX backups_kind ON backups (kind, outcome, id)",
)


_BOT_RUN_TABLES = (
    """CREATE TABLE bot_runs (
        id TEXT NOT NULL PRIMARY KEY,
        bot TEXT NOT NULL,
        outcome TEXT NOT NULL,
        began_us {integer} NOT NULL,
        body TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX bot_runs_bot ON bot_runs (bot, id)",
)


_DASHBOARD_TABLES = (
    """CREATE TABLE login_codes (
        secret_sha256 TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        role TEXT NOT NULL,
        created_us {integer} NOT NULL,
        expires_us {integer} NOT NULL
    ) {strict}""",
    """CREATE TABLE sessions (
        id TEXT NOT NULL PRIMARY KEY,
        secret_sha256 TEXT NOT NULL UNIQUE,
        user_id TEXT NOT NULL,
        role TEXT NOT NULL,
        token_id TEXT NOT NULL,
        created_us {integer} NOT NULL,
        expires_us {integer} NOT NULL
    ) {strict}""",
    """CREATE TABLE audit (
        id TEXT NOT NULL PRIMARY KEY,
        at_us {integer} NOT NULL,
        user_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        role TEXT NOT NULL,
        action TEXT NOT NULL,
        status {integer}
    ) {strict}""",
    """CREATE TABLE conversations (
        id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        title TEXT NOT NULL,
        memory {boolean} NOT NULL,
        created_us {integer} NOT NULL,
        updated_us {integer} NOT NULL,
        turns {integer} NOT NULL
    ) {strict}""",
    "CREATE INDEX conversations_of_user ON conversations (user_id, updated_us, id)",
    """CREATE TABLE messages (
        id TEXT NOT NULL PRIMARY KEY,
        conversation_id TEXT NOT NULL,
        parent TEXT NOT NULL,
        role TEXT NOT NULL,
        text TEXT NOT NULL,
        model TEXT NOT NULL,
        state TEXT NOT NULL,
        at_us {integer} NOT NULL,
        touched_us {integer} NOT NULL,
        error TEXT NOT NULL,
        council TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX messages_of_conversation ON messages (conversation_id, id)",
)


def _overrides(connection: sqlalchemy.Connection) -> None:
    """What is changed for a while. Needs none of the steps before."""
    types = _FIRST_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _OVERRIDE_TABLES])


def _dashboard(connection: sqlalchemy.Connection) -> None:
    """Who is signed in with a browser, what they did, and their conversations. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _DASHBOARD_TABLES])


_REPAIR_TABLES = (
    """CREATE TABLE repairs (
        id TEXT NOT NULL PRIMARY KEY,
        incident_id TEXT NOT NULL,
        component TEXT NOT NULL,
        outcome TEXT NOT NULL,
        began_us {integer} NOT NULL,
        body TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX repairs_incident ON repairs (incident_id, id)",
    "CREATE INDEX repairs_outcome ON repairs (outcome, component)",
    """CREATE TABLE interventions (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        at_us {integer} NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX interventions_at_us ON interventions (at_us)",
)


def _backups(connection: sqlalchemy.Connection) -> None:
    """What became of backups and drills. Needs no step before."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _BACKUP_TABLES])


def _bot_runs(connection: sqlalchemy.Connection) -> None:
    """What bots did. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _BOT_RUN_TABLES])


def _repairs(connection: sqlalchemy.Connection) -> None:
    """Repairs, and what people did themselves. Needs none of the steps before."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _REPAIR_TABLES])


_MEMORY_CHANGE_TABLES = (
    """CREATE TABLE memory_changes (
        number {identity},
        at_us {integer} NOT NULL,
        user_id TEXT NOT NULL,
        did TEXT NOT NULL,
        count {integer} NOT NULL,
        source TEXT NOT NULL
    ) {strict}""",
)


def _memory_changes(connection: sqlalchemy.Connection) -> None:
    """What was done to memories. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _MEMORY_CHANGE_TABLES])


STEPS: tuple[Step, ...] = (
    *(_first, _money, _memories, _learning, _incidents, _staging, _snapshots),
    *(_overrides, _memory_changes, _backups, _bot_runs, _repairs, _dashboard),
)
# Empty until something is to go; see above.
LAST_STEPS: tuple[Step, ...] = ()
