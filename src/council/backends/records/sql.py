"""Records on SQLAlchemy Core: one implementation for SQLite and PostgreSQL.

What differs between the two is in `engines.py` (connections), `migrations.py` (DDL) and `faults.py` (errors); every query
here is the same on both.
"""

import contextlib
import datetime
import hashlib
import logging
import operator
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
import sqlalchemy.exc

from council.backends.records import engines, faults, migrations, prepared, schema, spending
from council.domain import access, errors, ledger

_DAY_US = 86_400_000_000
_PAGE_ROWS = 1_000
_TEXT_CHARS_MAX = 256
_EPOCH = datetime.date(1970, 1, 1)
_ANONYMOUS = "anonymous"

_log = logging.getLogger(__name__)


class SqlRecords:
    """ports.Records on `sqlite:////path` or `postgresql+psycopg://user:password@host/database`.

    Connects on first use and again after a failure, so the database may come and go. `busy_s` bounds the wait for a lock, a
    free connection, or a server that accepts none. `synchronous` is SQLite's: NORMAL survives the end of any process, FULL
    a power cut too. Safe to share between threads. Raises ConfigError or SetupError for a URL that cannot be used.
    """

    def __init__(self, url: str, busy_s: float = 5.0, *, synchronous: engines.Synchronous = "NORMAL"):
        self._url = engines.parse(url)
        self._busy_s = busy_s
        self.after_close: Callable[[], object] = lambda: None
        self._reader = engines.open_engine(self._url, busy_s, synchronous)
        self._writer = engines.writer(self._reader)
        self._append = prepared.Prepared(
            insert_if_new(self._reader, schema.ledger, "request_id"), self._reader, _ROW_NAMES
        )
        self._money = spending.Spending(self._reader)
        # A commit that waits for the disk (FULL) or for a server has no place on an event loop.
        quick = self._reader.dialect.name == "sqlite" and synchronous == "NORMAL"
        self._immediate = engines.Immediate(Path(self._url.database or "")) if quick else None
        self._add_user = insert_if_new(self._reader, schema.users, "id")

    def ping(self) -> None:
        """Return if a read would succeed; a database without tables does not count."""
        with self._typed(), self._reader.connect() as connection:
            connection.execute(sqlalchemy.select(schema.ledger.c.id).limit(1)).first()

    def migrate(self, *, last: bool = False) -> int:
        """Bring the schema up to date and return its version; a missing SQLite file is created.

        `last` also takes away what only older releases still read.
        """
        with self._typed():
            if self._reader.dialect.name == "sqlite":
                engines.create_file(Path(self._url.database or ""), self._busy_s)
            return migrations.migrate(
                self._reader, self._writer, migrations.STEPS, migrations.LAST_STEPS if last else None
            )

    def append(
        self,
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]] = (),
        holds: Sequence[ledger.Hold] = (),
    ) -> list[ledger.Refusal | None]:
        """Commit all rows and charges, then the holds there is room for, or nothing; return the holds' refusals.

        Text that a database cannot hold is replaced and cut at 256 characters, so that one hostile value cannot fail the
        rows beside it.
        """
        if not (rows or charges or holds):
            return []
        return self._in_one(lambda: engines.writing(self._reader), rows, charges, holds)

    def append_at_once(
        self,
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: Sequence[ledger.Hold],
    ) -> list[ledger.Refusal | None] | None:
        """As `append`, but never waits: None, and nothing written, where it would have to. By one thread at a time."""
        if self._immediate is None:
            return None
        try:
            return self._in_one(self._immediate.writing, rows, charges, holds)
        except engines.LockedError:
            return None

    def _in_one(
        self,
        writing: Callable[[], contextlib.AbstractContextManager[Any]],
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: Sequence[ledger.Hold],
    ) -> list[ledger.Refusal | None]:
        values = [_ledger_values(row) for row in rows]
        with self._typed():
            for careful in (False, True):
                try:
                    with writing() as cursor:
                        self._append.run(cursor, values)
                        return self._money.settle(cursor, charges, holds, careful=careful)
                except spending.RepeatedError:
                    assert not careful, "the careful way looks at each row"
        raise AssertionError("one of the two ways returns or raises")

    def checkpoint(self) -> None:
        """Take into the database file what `append_at_once` left in SQLite's log. Waits for the disk."""
        if self._immediate is not None:
            with self._typed():
                self._immediate.checkpoint()

    def settle_expired(self, now_us: int) -> int:
        """Turn holds that expired into unsettled rows with a charge each, at most a page of them; return how many."""
        with self._typed(), self._writer.begin() as connection:
            holds = self._money.expired(connection, now_us, _PAGE_ROWS)
            if holds:
                cursor = connection.connection.cursor()
                self._append.run(cursor, [_ledger_values(row) for row in spending.unsettled(holds)])
                self._money.write_off(cursor, holds)
            return len(holds)

    def spent(self, scope: str, period: str) -> int:
        """Return what a scope has spent and holds in a day or month, micro-dollars."""
        with self._typed(), engines.reading(self._reader) as cursor:
            return self._money.spent(cursor, scope, period)

    def spend(self, at_us: int) -> list[ledger.Spend]:
        """Return what every scope has spent and holds in the day and the month of a moment."""
        with self._typed(), self._reader.connect() as connection:
            return self._money.spend(connection, at_us)

    def charges(self, since_us: int, until_us: int) -> list[tuple[str, ledger.Charge]]:
        """Return (request_id, charge) of a time, in order of time and hop."""
        with self._typed(), self._reader.connect() as connection:
            return self._money.charges(connection, since_us, until_us)

    def report(self, by: ledger.GroupBy, since_us: int, until_us: int) -> list[ledger.LedgerSum]:
        """Sum the rows with since_us <= at_us < until_us; rows without a token have the key `anonymous`."""
        with self._typed(), self._reader.connect() as connection:
            found: Sequence[Any] = connection.execute(_report_query(by, since_us, until_us)).all()
            if by is ledger.GroupBy.MODEL:
                found = spending.by_model(connection, found, since_us, until_us)
        sums = [ledger.LedgerSum(_report_key(by, key), *(int(total) for total in totals)) for key, *totals in found]
        # Sorted here, because databases sort text by their own locale.
        return sorted(sums, key=operator.attrgetter("key"))

    def rows(self, since_us: int, until_us: int) -> Iterator[ledger.LedgerRow]:
        """Yield the rows with since_us <= at_us < until_us, oldest first.

        Read in pages, each in a transaction of its own: a slow reader holds no lock and no connection.
        """
        last = (since_us, -1)
        while True:
            with self._typed(), self._reader.connect() as connection:
                page = connection.execute(_page_query(last, until_us)).all()
            for position, *values in page:
                yield _ledger_row(values)
                last = (values[_AT_US], position)
            if len(page) < _PAGE_ROWS:
                return

    def tokens(self) -> list[access.Token]:
        """Return every token, revoked ones too, oldest first."""
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(sqlalchemy.select(*_TOKEN_COLUMNS)).all()
        known = [row for row in found if row[2] in _ROLES]
        if len(known) < len(found):
            # Written by a newer version; a role that is not understood gives no rights.
            _log.warning("tokens of unknown roles are left out", extra={"tokens": len(found) - len(known)})
        tokens = [access.Token(token_id, user_id, access.Role(role), *rest) for token_id, user_id, role, *rest in known]
        return sorted(tokens, key=lambda token: (token.created_us, token.id))

    def token_budgets(self) -> list[access.TokenBudget]:
        """Return what each token in force may spend, oldest first."""
        token = schema.tokens.c
        known = sqlalchemy.and_(token.revoked_us.is_(None), token.role.in_(sorted(_ROLES)))
        query = sqlalchemy.select(*_BUDGET_COLUMNS).where(known).order_by(token.created_us, token.id)
        with self._typed(), self._reader.connect() as connection:
            return [access.TokenBudget(*row) for row in connection.execute(query)]

    def add_token(self, token: access.Token) -> None:
        """Store a token and, if new, its user. Raises InvalidRequestError if its id or its secret is there already."""
        values = {column.name: getattr(token, column.name) for column in _TOKEN_COLUMNS}
        values |= {"role": token.role.value, "label": plain_text(token.label)}
        with self._typed():
            try:
                with self._writer.begin() as connection:
                    connection.execute(self._add_user, {"id": token.user_id, "created_us": token.created_us})
                    connection.execute(sqlalchemy.insert(schema.tokens), values)
            except sqlalchemy.exc.IntegrityError as error:
                raise errors.InvalidRequestError(
                    f"There is a token with the id {token.id!r} or its secret already. Create one with a new id."
                ) from error

    def revoke_token(self, token_id: str, at_us: int, *, keep_admin: bool = False) -> bool:
        """Mark a token revoked; False if there is none of that id in force.

        With `keep_admin` the last one that administers stays, whoever revokes another at this moment. Raises ConflictError.
        """
        token = schema.tokens.c
        statement = (
            sqlalchemy.update(schema.tokens)
            .where(token.id == token_id, token.revoked_us.is_(None))
            .values(revoked_us=at_us)
        )
        # The rows are held until the end, so that the next to ask reads what became of them.
        admins = sqlalchemy.select(token.id).where(_ADMINISTERS, token.revoked_us.is_(None)).with_for_update()
        with self._typed(), self._writer.begin() as connection:
            if keep_admin and connection.execute(admins.order_by(token.id)).scalars().all() == [token_id]:
                raise errors.ConflictError(
                    "This is the last token of an administrator, by which the `council` command works, too. Make another first."
                )
            return connection.execute(statement).rowcount == 1

    def close(self) -> None:
        """Give back every connection. Idempotent; a later call connects again."""
        self._reader.dispose()
        if self._immediate is not None:
            self._immediate.close()
        self.after_close()

    @contextlib.contextmanager
    def _typed(self) -> Iterator[None]:
        """Turn whatever a driver raises into RecordsUnavailableError."""
        try:
            yield
        except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, OSError, OverflowError, UnicodeError) as error:
            if self._reader.dialect.name == "sqlite":
                # A connection that saw a damaged or vanished file may go on seeing it after the file is mended.
                self._reader.dispose()
            raise faults.unavailable(error, self._url) from error


def insert_if_new(engine: sqlalchemy.Engine, table: sqlalchemy.Table, key: str) -> sqlalchemy.Insert:
    """Return an insert that leaves a row whose `key` is there as it is."""
    # The dialect that is not in use costs a tenth of a second to import.
    if engine.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table).on_conflict_do_nothing(index_elements=[key])
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table).on_conflict_do_nothing(index_elements=[key])


_ROW_COLUMNS = tuple(column for column in schema.ledger.c if column.name != "id")
_ROW_NAMES = tuple(column.name for column in _ROW_COLUMNS)
_AT_US = _ROW_NAMES.index("at_us")
_TEXT_NAMES = tuple(column.name for column in _ROW_COLUMNS if isinstance(column.type, sqlalchemy.Text))
_ROLES = frozenset(role.value for role in access.Role)
_row_fields = operator.attrgetter(*_ROW_NAMES)
_TOKEN_COLUMNS = tuple(schema.tokens.c)
_BUDGET_COLUMNS = (
    *(schema.tokens.c.id, schema.tokens.c.label),
    *(schema.tokens.c.day_usd_micros, schema.tokens.c.month_usd_micros),
)
# As `access.Token.rights` has it.
_ADMINISTERS = sqlalchemy.and_(
    schema.tokens.c.role.in_(
        [role.value for role, rights in access.RIGHTS.items() if access.Right.ADMINISTER in rights]
    ),
    schema.tokens.c.staging.is_(False),
)
_GROUPS: dict[ledger.GroupBy, sqlalchemy.ColumnElement[Any]] = {
    ledger.GroupBy.DAY: schema.ledger.c.at_us // sqlalchemy.literal_column(str(_DAY_US)),
    ledger.GroupBy.MODEL: schema.ledger.c.model,
    ledger.GroupBy.ROUTE: schema.ledger.c.route,
    ledger.GroupBy.TOKEN: schema.ledger.c.token_id,
}


def _report_query(by: ledger.GroupBy, since_us: int, until_us: int) -> sqlalchemy.Select[Any]:
    row = schema.ledger.c
    count = sqlalchemy.func.count
    return (
        sqlalchemy.select(
            _GROUPS[by],
            count(),
            count().filter(row.outcome == ledger.Outcome.ANSWERED.value),
            count().filter(row.verified),
            count().filter(row.local),
            sqlalchemy.func.sum(row.prompt_tokens),
            sqlalchemy.func.sum(row.completion_tokens),
            sqlalchemy.func.sum(row.cost_usd_micros),
        )
        .where(row.at_us >= since_us, row.at_us < until_us)
        .group_by(_GROUPS[by])
    )


def _report_key(by: ledger.GroupBy, key: Any) -> str:
    if by is ledger.GroupBy.DAY:
        return (_EPOCH + datetime.timedelta(days=int(key))).isoformat()
    return str(key) or (_ANONYMOUS if by is ledger.GroupBy.TOKEN else "")


def _page_query(last: tuple[int, int], until_us: int) -> sqlalchemy.Select[Any]:
    row = schema.ledger.c
    return (
        sqlalchemy.select(row.id, *_ROW_COLUMNS)
        .where(sqlalchemy.tuple_(row.at_us, row.id) > last, row.at_us < until_us)
        .order_by(row.at_us, row.id)
        .limit(_PAGE_ROWS)
    )


def _ledger_values(row: ledger.LedgerRow) -> dict[str, Any]:
    values = dict(zip(_ROW_NAMES, _row_fields(row), strict=True))
    for name in _TEXT_NAMES:
        values[name] = plain_text(values[name])
    if values["request_id"] != row.request_id:
        # Two ids that become the same text would count as one request.
        values["request_id"] = hashlib.sha256(row.request_id.encode("utf-8", "surrogatepass")).hexdigest()
    return values


def _ledger_row(values: Sequence[Any]) -> ledger.LedgerRow:
    found = dict(zip(_ROW_NAMES, values, strict=True))
    found["outcome"] = ledger.Outcome(found["outcome"])
    return ledger.LedgerRow(**found)


def plain_text(value: str) -> str:
    """Return `value` as plain text that both databases can hold: no lone surrogate, no NUL, short enough for an index."""
    if value.__class__ is str and value.isascii() and len(value) <= _TEXT_CHARS_MAX and "\0" not in value:
        return value
    return value[:_TEXT_CHARS_MAX].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def whole_text(value: str) -> str:
    """Return `value` as `plain_text` does, but all of it: for what no index holds."""
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
