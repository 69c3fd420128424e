"""The Records contract, over every kind: SQLite in a file and a real PostgreSQL."""

import dataclasses
import datetime
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence

import hypothesis
import pytest
import sqlalchemy
from hypothesis import strategies

from council import ports
from council.backends.records import engines, migrations, schema, sql
from council.domain import access, errors, ledger

MakeRow = Callable[..., ledger.LedgerRow]

END_US = 1 << 62
DAY_US = 86_400_000_000

# Examples share one database, whose ledger cannot be emptied: each has a stretch of time of its own, this long.
WINDOW_US = 40 * DAY_US
_windows = itertools.count(1)

same_database = hypothesis.settings(
    max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)

names = strategies.text(strategies.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
rows_of_any_kind = strategies.lists(
    strategies.fixed_dictionaries(
        {
            "at_us": strategies.integers(0, WINDOW_US - 1) | strategies.sampled_from([0, DAY_US - 1, DAY_US]),
            "user_id": names,
            "token_id": strategies.sampled_from(["", "tok-1", "Tok-2", "tok_3"]),
            "route": strategies.sampled_from(["math", "general"]),
            "model": strategies.sampled_from(["", "small", "Ärger", "zoo", "Zoo"]),
            "outcome": strategies.sampled_from(ledger.Outcome),
            "verified": strategies.booleans(),
            "escalated": strategies.booleans(),
            "local": strategies.booleans(),
            "prompt_tokens": strategies.integers(0, 1 << 40),
            "completion_tokens": strategies.integers(0, 1 << 40),
            "cost_usd_micros": strategies.integers(-(1 << 50), 1 << 50),
        }
    ),
    max_size=20,
)


@pytest.fixture
def raw(records_url: str, records: sql.SqlRecords) -> Iterator[sqlalchemy.Engine]:
    """The same database without our code in between."""
    engine = sqlalchemy.create_engine(records_url)
    yield engine
    engine.dispose()


def test_the_implementation_fills_the_port(records: sql.SqlRecords) -> None:
    port: ports.Records = records
    port.ping()


def test_migrating_again_changes_nothing(records: sql.SqlRecords) -> None:
    assert records.migrate() == records.migrate() == len(migrations.STEPS)


def test_processes_that_migrate_at_once_all_succeed(records_url: str) -> None:
    # A connection each, as processes have; SQLite's and PostgreSQL's locks do not care whose threads they are.
    barrier = threading.Barrier(6)
    outcomes: list[object] = []

    def migrate() -> None:
        one = sql.SqlRecords(records_url, busy_s=20.0)
        barrier.wait()
        try:
            outcomes.append(one.migrate())
        except errors.CouncilError as error:
            outcomes.append(error.detail)
        one.close()

    threads = [threading.Thread(target=migrate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [len(migrations.STEPS)] * 6


def test_what_a_newer_release_has_added_is_passed_over(raw: sqlalchemy.Engine, records: sql.SqlRecords) -> None:
    with raw.begin() as connection:
        connection.execute(sqlalchemy.insert(schema.schema_version).values(version=99))
    assert records.migrate() == records.migrate(last=True) == 99
    records.ping()


def _nothing(_: sqlalchemy.Connection) -> None:
    return


def _thumbs_go(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql("DROP TABLE thumbs")


@pytest.fixture
def engine(records_url: str) -> Iterator[sqlalchemy.Engine]:
    """The database as the records' own code opens it."""
    made = engines.open_engine(engines.parse(records_url), 5.0, "NORMAL")
    yield made
    made.dispose()


def test_what_older_releases_read_goes_only_with_the_last_steps(
    engine: sqlalchemy.Engine, records: sql.SqlRecords
) -> None:
    writer, steps = engines.writer(engine), [*migrations.STEPS, _nothing]
    assert migrations.migrate(engine, writer, steps, last_known=1) == len(steps)
    assert sqlalchemy.inspect(engine).has_table("thumbs")
    assert records.migrate() == len(steps)
    for _ in range(2):
        assert migrations.migrate(engine, writer, steps, [_thumbs_go]) == len(steps)
    assert not sqlalchemy.inspect(engine).has_table("thumbs")


def test_records_from_which_something_unknown_was_taken_are_refused(
    engine: sqlalchemy.Engine, records: sql.SqlRecords
) -> None:
    migrations.migrate(engine, engines.writer(engine), migrations.STEPS, [_thumbs_go])
    with pytest.raises(
        errors.RecordsUnavailableError, match=r"1 times, of which this one knows 0\. Start the newer Council"
    ):
        records.migrate()


def test_a_last_step_that_fails_leaves_all_as_it_was(engine: sqlalchemy.Engine, records: sql.SqlRecords) -> None:
    def broken(connection: sqlalchemy.Connection) -> None:
        _thumbs_go(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrations.migrate(engine, engines.writer(engine), migrations.STEPS, [broken])
    assert sqlalchemy.inspect(engine).has_table("thumbs")
    assert records.migrate() == len(migrations.STEPS)


# Those before were released in no Council that another could be put beside.
_ADDED_SINCE = 6


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_step_since_there_are_pins_only_adds(kind: str) -> None:
    said: list[str] = []

    class Heard:
        class dialect:  # noqa: N801 - as SQLAlchemy has it
            name = kind

        def exec_driver_sql(self, statement: str) -> None:
            said.append(" ".join(statement.split()).upper())

    for step in migrations.STEPS[_ADDED_SINCE:]:
        step(Heard())  # type: ignore[arg-type]
    for statement in said:
        assert statement.startswith(("CREATE TABLE ", "CREATE INDEX ", "ALTER TABLE ", "CREATE TRIGGER ")), statement
        if statement.startswith("ALTER TABLE"):
            assert " ADD COLUMN " in statement and ("NOT NULL" not in statement or " DEFAULT " in statement), statement


def test_a_step_that_fails_leaves_nothing_behind(records_url: str, records: sql.SqlRecords) -> None:
    def broken(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half_done (id TEXT)")
        raise ZeroDivisionError

    engine = engines.open_engine(engines.parse(records_url), 5.0, "NORMAL")
    with pytest.raises(ZeroDivisionError):
        migrations.migrate(engine, engines.writer(engine), [*migrations.STEPS, broken])
    assert not sqlalchemy.inspect(engine).has_table("half_done")
    engine.dispose()
    assert records.migrate() == len(migrations.STEPS)


def test_the_migrated_tables_are_those_that_queries_expect(raw: sqlalchemy.Engine) -> None:
    inspector = sqlalchemy.inspect(raw)
    for table in schema.users.metadata.tables.values():
        found = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
        assert found.keys() == {column.name for column in table.c}
        required = {column.name for column in table.c if not column.nullable and not column.primary_key}
        assert required <= {name for name, nullable in found.items() if not nullable}


def test_the_ledger_table_holds_every_field_of_a_row() -> None:
    fields = {field.name for field in dataclasses.fields(ledger.LedgerRow)}
    assert {column.name for column in schema.ledger.c} == fields | {"id"}


def test_a_database_without_tables_is_a_typed_error_that_says_what_creates_them(records_url: str) -> None:
    records = sql.SqlRecords(records_url)
    with pytest.raises(errors.RecordsUnavailableError, match="`council up` creates"):
        records.ping()
    records.close()


@same_database
@hypothesis.given(values=rows_of_any_kind)
def test_rows_come_back_as_they_went_in_oldest_first(
    records: sql.SqlRecords, make_row: MakeRow, values: list[dict[str, int]]
) -> None:
    rows = _append_in_a_window(records, make_row, values)
    found = list(records.rows(*_span(rows)))
    assert [row.at_us for row in found] == sorted(row.at_us for row in rows)
    assert sorted(found, key=lambda row: row.request_id) == sorted(rows, key=lambda row: row.request_id)


@same_database
@hypothesis.given(values=rows_of_any_kind, by=strategies.sampled_from(ledger.GroupBy))
def test_a_report_is_the_sum_of_its_rows(
    records: sql.SqlRecords, make_row: MakeRow, values: list[dict[str, int]], by: ledger.GroupBy
) -> None:
    rows = _append_in_a_window(records, make_row, values)
    assert records.report(by, *_span(rows)) == _summed(rows, by)


def test_the_span_of_a_report_holds_its_start_and_not_its_end(records: sql.SqlRecords, make_row: MakeRow) -> None:
    records.append([make_row(f"r{at_us}", at_us=at_us) for at_us in (99, 100, 199, 200)])
    assert [row.at_us for row in records.rows(100, 200)] == [100, 199]
    assert [line.requests for line in records.report(ledger.GroupBy.ROUTE, 100, 200)] == [2]


def test_rows_of_one_instant_survive_the_page_boundary(records: sql.SqlRecords, make_row: MakeRow) -> None:
    rows = [make_row(f"r{number:05}") for number in range(2_500)]
    records.append(rows)
    assert list(records.rows(0, END_US)) == rows


def test_an_unfinished_reading_holds_no_lock_and_no_connection(records: sql.SqlRecords, make_row: MakeRow) -> None:
    records.append([make_row(f"r{number:05}") for number in range(20)])
    readings = [records.rows(0, END_US) for _ in range(20)]
    for reading in readings:
        next(reading)
    records.append([make_row("later")])


def test_a_request_id_is_written_once_and_never_changed(records: sql.SqlRecords, make_row: MakeRow) -> None:
    first = make_row("one", cost_usd_micros=7)
    records.append([first])
    records.append([make_row("one", cost_usd_micros=8), make_row("two"), make_row("two", cost_usd_micros=9)])
    found = {row.request_id: row.cost_usd_micros for row in records.rows(0, END_US)}
    assert found == {"one": 7, "two": 0}


def test_a_batch_is_written_wholly_or_not_at_all(records: sql.SqlRecords, make_row: MakeRow) -> None:
    with pytest.raises(errors.RecordsUnavailableError, match="does not fit"):
        records.append([make_row("fits"), make_row("too-large", prompt_tokens=1 << 70)])
    assert list(records.rows(0, END_US)) == []
    records.append([make_row("fits")])


def test_an_empty_batch_needs_no_database(records_url: str) -> None:
    sql.SqlRecords(records_url).append([])


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 100_000, "\U0001f600" * 300, "'; DROP TABLE ledger; --"])
def test_hostile_text_cannot_fail_the_rows_beside_it(records: sql.SqlRecords, make_row: MakeRow, text: str) -> None:
    records.append([make_row(text + "1", model=text), make_row(text + "2", route=text), make_row("good")])
    found = list(records.rows(0, END_US))
    assert len({row.request_id for row in found}) == 3
    assert all(len(row.model) <= 256 for row in found)
    assert len(records.report(ledger.GroupBy.MODEL, 0, END_US)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET cost_usd_micros = 0",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
        "INSERT OR REPLACE INTO ledger SELECT id, request_id, 0, user_id, token_id, route, specialist, model, outcome, "
        "level, verified, escalated, 0, 0, 0, 0, 0, generation, local FROM ledger",
        "INSERT INTO ledger SELECT * FROM ledger WHERE true ON CONFLICT (request_id) DO UPDATE SET cost_usd_micros = 0",
    ],
)
def test_the_database_itself_refuses_to_change_the_ledger(
    raw: sqlalchemy.Engine, records: sql.SqlRecords, make_row: MakeRow, statement: str
) -> None:
    row = make_row("kept", cost_usd_micros=12)
    records.append([row])
    try:
        with raw.begin() as connection:
            connection.exec_driver_sql(statement)
    except sqlalchemy.exc.DBAPIError:
        pass  # SQLite ignores a REPLACE where it refuses the others; either way the row stands
    assert list(records.rows(0, END_US)) == [row]


@pytest.mark.parametrize("statement", ["UPDATE ledger SET cost_usd_micros = 0", "DELETE FROM ledger"])
def test_the_refusal_says_why(
    raw: sqlalchemy.Engine, records: sql.SqlRecords, make_row: MakeRow, statement: str
) -> None:
    records.append([make_row("kept")])
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only; a correction is a new row"):
        with raw.begin() as connection:
            connection.exec_driver_sql(statement)


def test_writers_at_once_lose_nothing(records_url: str, records: sql.SqlRecords, make_row: MakeRow) -> None:
    def write(writer: int) -> None:
        mine = sql.SqlRecords(records_url, busy_s=20.0)
        for number in range(25):
            # Every other row is written by all of them.
            mine.append([make_row(f"{writer}-{number}" if number % 2 else f"all-{number}")])
        mine.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(records.rows(0, END_US))) == 4 * 12 + 13


def test_tokens_come_back_oldest_first_with_everything_they_carry(records: sql.SqlRecords) -> None:
    older = access.Token("t-b", "ada", access.Role.ADMIN, "laptop", "hash-1", created_us=5)
    newer = access.Token(
        "t-a", "ada", access.Role.BOT, "nightly", "hash-2", created_us=6, requests_per_minute=3, staging=True
    )
    records.add_token(newer)
    records.add_token(older)
    assert records.tokens() == [older, newer]


def test_what_tokens_may_spend_is_told_of_those_in_force_alone(records: sql.SqlRecords) -> None:
    own = access.Token("own", "ada", access.Role.ADMIN, "laptop", "hash-1", 6, day_usd_micros=3)
    for one in (own, access.Token("gone", "ada", access.Role.BOT, "", "hash-2", 5, month_usd_micros=9)):
        records.add_token(one)
    records.add_token(access.Token("first", "bob", access.Role.VIEWER, "", "hash-3", 4))
    records.revoke_token("gone", 7)
    assert records.token_budgets() == [access.TokenBudget("first", ""), access.TokenBudget("own", "laptop", 3)]


def test_a_token_is_revoked_once(records: sql.SqlRecords) -> None:
    token = access.Token("t", "ada", access.Role.VIEWER, "", "hash", created_us=5)
    records.add_token(token)
    assert records.revoke_token("t", 9)
    assert not records.revoke_token("t", 10)
    assert not records.revoke_token("unknown", 10)
    assert records.tokens() == [dataclasses.replace(token, revoked_us=9)]


def test_the_last_token_of_an_administrator_stays_where_that_is_asked(records: sql.SqlRecords) -> None:
    for token_id, role, staging in (("a", "admin", False), ("s", "admin", True), ("o", "operator", False)):
        records.add_token(access.Token(token_id, "ada", access.Role(role), "", token_id, 5, staging=staging))
    with pytest.raises(errors.ConflictError, match="last token"):
        records.revoke_token("a", 9, keep_admin=True)
    assert records.revoke_token("o", 9, keep_admin=True) and not records.revoke_token("none", 9, keep_admin=True)
    assert records.revoke_token("a", 9)


def test_two_who_revoke_the_last_two_administrators_at_once_leave_one(
    records_url: str, records: sql.SqlRecords
) -> None:
    for number in range(20):
        pair = [f"{number}-a", f"{number}-b"]
        for token_id in pair:
            records.add_token(access.Token(token_id, "ada", access.Role.ADMIN, "", token_id, 5))
        before = {one.id for one in records.tokens() if one.revoked_us is None} - set(pair)
        for token_id in before:
            records.revoke_token(token_id, 6)
        barrier, said = threading.Barrier(2), []

        def revoke(token_id: str, barrier: threading.Barrier = barrier, said: list[bool] = said) -> None:
            mine = sql.SqlRecords(records_url, busy_s=20.0)
            barrier.wait(20)
            try:
                said.append(mine.revoke_token(token_id, 9, keep_admin=True))
            except errors.ConflictError:
                said.append(False)
            mine.close()

        threads = [threading.Thread(target=revoke, args=(token_id,)) for token_id in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said) == [False, True]
        assert len([one for one in records.tokens() if one.revoked_us is None]) == 1


@pytest.mark.parametrize(("token_id", "digest"), [("t", "other"), ("other", "hash")])
def test_a_token_that_is_there_already_is_refused_and_the_old_one_stays(
    records: sql.SqlRecords, token_id: str, digest: str
) -> None:
    token = access.Token("t", "ada", access.Role.VIEWER, "", "hash", created_us=5)
    records.add_token(token)
    with pytest.raises(errors.InvalidRequestError, match="already"):
        records.add_token(access.Token(token_id, "eve", access.Role.ADMIN, "", digest, created_us=6))
    assert records.tokens() == [token]


def test_closing_twice_is_harmless_and_a_later_call_connects_again(records: sql.SqlRecords) -> None:
    records.close()
    records.close()
    records.ping()


def _append_in_a_window(
    records: sql.SqlRecords, make_row: MakeRow, values: Sequence[dict[str, int]]
) -> list[ledger.LedgerRow]:
    window = next(_windows)
    rows = [
        make_row(f"{window}-{number}", **(value | {"at_us": window * WINDOW_US + value["at_us"]}))
        for number, value in enumerate(values)
    ]
    records.append(rows)
    return rows


def _span(rows: Sequence[ledger.LedgerRow]) -> tuple[int, int]:
    if not rows:
        return (0, WINDOW_US)
    since_us = rows[0].at_us // WINDOW_US * WINDOW_US
    return (since_us, since_us + WINDOW_US)


def _summed(rows: Sequence[ledger.LedgerRow], by: ledger.GroupBy) -> list[ledger.LedgerSum]:
    """Return the report in the plainest way there is."""
    groups: dict[str, list[ledger.LedgerRow]] = {}
    for row in rows:
        groups.setdefault(_key(row, by), []).append(row)
    return [
        ledger.LedgerSum(
            key=key,
            requests=len(group),
            answered=sum(row.outcome is ledger.Outcome.ANSWERED for row in group),
            verified=sum(row.verified for row in group),
            local=sum(row.local for row in group),
            prompt_tokens=sum(row.prompt_tokens for row in group),
            completion_tokens=sum(row.completion_tokens for row in group),
            cost_usd_micros=sum(row.cost_usd_micros for row in group),
        )
        for key, group in sorted(groups.items())
    ]


def _key(row: ledger.LedgerRow, by: ledger.GroupBy) -> str:
    if by is ledger.GroupBy.DAY:
        return _day(row.at_us)
    return {
        ledger.GroupBy.MODEL: row.model,
        ledger.GroupBy.ROUTE: row.route,
        ledger.GroupBy.TOKEN: row.token_id or "anonymous",
    }[by]


def _day(at_us: int) -> str:
    return datetime.datetime.fromtimestamp(at_us // 1_000_000, datetime.UTC).date().isoformat()


def test_spend_says_what_every_scope_has_spent_and_holds(records: sql.SqlRecords, make_row: MakeRow) -> None:
    at_us = 4_000 * 366 * DAY_US
    day = ledger.period_of(at_us, "day")
    holds = [
        ledger.Hold(f"spend-{number}", 0, at_us, at_us + DAY_US, "ann", "tok-s", "zoo", "far", 100) for number in (1, 2)
    ]
    assert records.append([], [], holds) == [None, None]
    row = make_row("spend-1", at_us=at_us, token_id="tok-s")
    charge = ledger.Charge(0, "far", "zoo", "zoo-1", 1, 0, 1, 30, False, "answered", holds[0])
    records.append([row], [(row, charge)])
    found = {one.scope: one for one in records.spend(at_us) if one.period == day}
    assert found["all"] == ledger.Spend("all", day, 130, 100)
    assert found["token:tok-s"].held_usd_micros == found["model:zoo"].held_usd_micros == 100
    assert len(records.spend(at_us)) == 6 and records.spend(at_us + 62 * DAY_US) == []
    assert records.settle_expired(at_us + 2 * DAY_US) == 1
    assert {(one.usd_micros, one.held_usd_micros) for one in records.spend(at_us)} == {(130, 0)}
