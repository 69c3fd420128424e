"""The steps of `migrations.py`, each in plain SQL of the day on which it was made. One that was released is never edited."""

from collections.abc import Sequence

import sqlalchemy


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


def first(connection: sqlalchemy.Connection) -> None:
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


def money(connection: sqlalchemy.Connection) -> None:
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


def memories(connection: sqlalchemy.Connection) -> None:
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


def learning(connection: sqlalchemy.Connection) -> None:
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


def incidents(connection: sqlalchemy.Connection) -> None:
    """Incidents, what people were told of them, and about what they are not told."""
    types = _MONEY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _INCIDENT_TABLES])


_STAGING_COLUMNS = ("ALTER TABLE tokens ADD COLUMN staging {boolean} NOT NULL DEFAULT {no}",)


def staging(connection: sqlalchemy.Connection) -> None:
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


def snapshots(connection: sqlalchemy.Connection) -> None:
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


def overrides(connection: sqlalchemy.Connection) -> None:
    """What is changed for a while. Needs none of the steps before."""
    types = _FIRST_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _OVERRIDE_TABLES])


def dashboard(connection: sqlalchemy.Connection) -> None:
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


def backups(connection: sqlalchemy.Connection) -> None:
    """What became of backups and drills. Needs no step before."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _BACKUP_TABLES])


def bot_runs(connection: sqlalchemy.Connection) -> None:
    """What bots did. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _BOT_RUN_TABLES])


def repairs(connection: sqlalchemy.Connection) -> None:
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


def memory_changes(connection: sqlalchemy.Connection) -> None:
    """What was done to memories. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _MEMORY_CHANGE_TABLES])


_USES_TABLES = (
    """CREATE TABLE uses (
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        at_us {integer} NOT NULL,
        told TEXT NOT NULL,
        PRIMARY KEY (kind, name)
    ) {strict}""",
)


def uses(connection: sqlalchemy.Connection) -> None:
    """When tokens and providers were last used. Needs only the first step."""
    types = _MEMORY_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _USES_TABLES])


_REMARK_TABLES = (
    """CREATE TABLE remarks (
        request_id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        at_us {integer} NOT NULL,
        words TEXT NOT NULL
    ) {strict}""",
    "CREATE INDEX remarks_of_user ON remarks (user_id, at_us)",
    "CREATE INDEX remarks_at_us ON remarks (at_us)",
)


def remarks(connection: sqlalchemy.Connection) -> None:
    """What users said beside their thumbs. Needs none of the steps before."""
    types = _FIRST_TYPES[connection.dialect.name]
    _run(connection, [statement.format(**types) for statement in _REMARK_TABLES])
