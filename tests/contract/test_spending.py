"""Holds, charges and budgets in the Records contract, over every kind."""

import collections
import dataclasses
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy
from hypothesis import strategies

from council.backends.records import engines, migrations, sql
from council.domain import access, ledger

MakeRow = Callable[..., ledger.LedgerRow]

AT_US = 1_700_000_000_000_000
DAY, MONTH = "2023-11-14", "2023-11"
DAY_US = 86_400_000_000
END_US = 1 << 62
LIMIT = ledger.Budget("all", "day", 1_000)
_numbers = itertools.count(1)


@pytest.fixture
def raw(records_url: str, records: sql.SqlRecords) -> Iterator[sqlalchemy.Engine]:
    """The same database without our code in between."""
    engine = sqlalchemy.create_engine(records_url)
    yield engine
    engine.dispose()


def hold(request_id: str, usd_micros: int, *budgets: ledger.Budget, **more: Any) -> ledger.Hold:
    usual: dict[str, Any] = {
        "hop": 0, "at_us": AT_US, "expires_us": AT_US + 1_000, "user_id": "ada", "token_id": "tok-1", "model": "m",
        "provider": "p",
    }  # fmt: skip
    return ledger.Hold(request_id=request_id, usd_micros=usd_micros, budgets=budgets, **(usual | more))


def charge(usd_micros: int, held: ledger.Hold | None = None, **more: Any) -> ledger.Charge:
    usual: dict[str, Any] = {
        "hop": held.hop if held else 0, "provider": "p", "model": held.model if held else "m", "deployment": "d",
        "prompt_tokens": 1, "cached_tokens": 0, "completion_tokens": 2, "estimated": False, "outcome": "answered",
    }  # fmt: skip
    return ledger.Charge(cost_usd_micros=usd_micros, hold=held, **(usual | more))


def spent(records: sql.SqlRecords) -> int:
    """What all have spent, which every scope of one token and one model must agree with."""
    found = {
        records.spent(scope, period) for scope in ("all", "token:tok-1", "model:m") for period in (DAY, MONTH)
    }  # fmt: skip
    (one,) = found
    return one


def test_a_hold_counts_as_spent_at_once(records: sql.SqlRecords) -> None:
    assert records.append([], (), [hold("a", 400, LIMIT)]) == [None]
    assert spent(records) == 400


def test_a_hold_without_room_is_refused_with_what_is_left_and_the_others_of_its_batch_are_not(
    records: sql.SqlRecords,
) -> None:
    tried = [hold("a", 900, LIMIT), hold("b", 101, LIMIT), hold("c", 100, LIMIT), hold("d", 1, LIMIT), hold("e", 5)]
    assert records.append([], (), tried) == [
        None, ledger.Refusal(LIMIT, 100), None, ledger.Refusal(LIMIT, 0), None,
    ]  # fmt: skip
    assert spent(records) == 1_005


@pytest.mark.parametrize("scope", ["all", "token:tok-1", "model:m"])
@pytest.mark.parametrize("period", ["day", "month"])
def test_every_budget_is_looked_at_for_itself(records: sql.SqlRecords, scope: str, period: str) -> None:
    tight, wide = ledger.Budget(scope, period, 10), ledger.Budget("all", "month", 10_000)
    assert records.append([], (), [hold("a", 10, wide, tight)]) == [None]
    assert records.append([], (), [hold("b", 1, wide, tight)]) == [ledger.Refusal(tight, 0)]
    other = hold("c", 1, ledger.Budget("token:other", period, 10), token_id="other", model="n")
    assert records.append([], (), [other]) == [None]


def test_a_new_day_has_a_new_budget(records: sql.SqlRecords) -> None:
    assert (
        records.append([], (), [hold("a", 1_000, LIMIT), hold("b", 1_000, LIMIT, at_us=AT_US + DAY_US)]) == [None] * 2
    )


def test_a_budget_that_was_overdrawn_leaves_nothing_and_never_less(records: sql.SqlRecords) -> None:
    records.append([], (), [hold("a", 5_000)])
    assert records.append([], (), [hold("b", 1, LIMIT)]) == [ledger.Refusal(LIMIT, 0)]


def test_a_charge_takes_the_place_of_its_hold(records: sql.SqlRecords, make_row: MakeRow) -> None:
    held = hold("a", 400, LIMIT)
    records.append([], (), [held])
    row = make_row("a", at_us=AT_US, cost_usd_micros=30)
    paid = charge(30, held)
    records.append([row], [(row, paid)])
    assert spent(records) == 30
    assert records.charges(0, END_US) == [("a", dataclasses.replace(paid, hold=None))]
    assert records.append([], (), [hold("b", 970, LIMIT)]) == [None]


def test_a_batch_frees_before_it_holds(records: sql.SqlRecords, make_row: MakeRow) -> None:
    held = hold("a", 1_000, LIMIT)
    records.append([], (), [held])
    row = make_row("a", at_us=AT_US)
    assert records.append([row], [(row, charge(1, held))], [hold("b", 999, LIMIT)]) == [None]
    assert spent(records) == 1_000


def test_what_is_recorded_again_is_counted_once(records: sql.SqlRecords, make_row: MakeRow) -> None:
    held = hold("a", 400)
    records.append([], (), [held])
    records.append([], (), [held])
    assert spent(records) == 400
    row = make_row("a", at_us=AT_US)
    records.append([row, row], [(row, charge(30, held)), (row, charge(30, held))])
    records.append([row], [(row, charge(30, held))])
    records.append([row], [(row, charge(30))])
    assert spent(records) == 30 and len(records.charges(0, END_US)) == 1


def test_a_charge_that_nothing_was_held_for_counts_where_it_was_made(
    records: sql.SqlRecords, make_row: MakeRow
) -> None:
    row = make_row("a", at_us=AT_US, token_id="")
    records.append([row], [(row, charge(7))])
    assert records.spent("token:anonymous", DAY) == records.spent("model:m", MONTH) == 7


def test_holds_that_expire_become_one_unsettled_row_a_request_and_stay_spent(records: sql.SqlRecords) -> None:
    records.append([], (), [hold("a", 400), hold("a", 50, hop=1), hold("b", 9), hold("c", 1, expires_us=END_US)])
    assert records.settle_expired(AT_US) == 0
    assert records.settle_expired(AT_US + 1_000) == 3
    assert records.settle_expired(AT_US + 1_000) == 0
    assert spent(records) == 460
    rows = {row.request_id: row for row in records.rows(0, END_US)}
    assert {name: row.cost_usd_micros for name, row in rows.items()} == {"a": 450, "b": 9}
    assert {row.outcome for row in rows.values()} == {ledger.Outcome.UNSETTLED}
    assert [(name, one.hop, one.cost_usd_micros, one.estimated) for name, one in records.charges(0, END_US)] == [
        ("a", 0, 400, True), ("a", 1, 50, True), ("b", 0, 9, True),
    ]  # fmt: skip


def test_a_charge_that_comes_after_its_hold_expired_changes_nothing(records: sql.SqlRecords, make_row: MakeRow) -> None:
    held = hold("a", 400)
    records.append([], (), [held])
    records.settle_expired(END_US)
    row = make_row("a", at_us=AT_US)
    records.append([row], [(row, charge(30, held))])
    assert spent(records) == 400
    assert [one.cost_usd_micros for _, one in records.charges(0, END_US)] == [400]


def test_more_holds_expire_than_fit_a_page_and_every_request_keeps_its_sum(records: sql.SqlRecords) -> None:
    requests = 1_100
    records.append([], (), [hold(f"r{number}", 1, hop=hop) for number in range(requests) for hop in (0, 1)])
    settled = 0
    while found := records.settle_expired(END_US):
        settled += found
    assert settled == 2 * requests
    assert {row.cost_usd_micros for row in records.rows(0, END_US)} == {2}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE charges SET cost_usd_micros = 0",
        "DELETE FROM charges",
        "TRUNCATE charges",
        "INSERT OR REPLACE INTO charges SELECT request_id, hop, at_us, provider, model, deployment, 0, 0, 0, 0, estimated, "
        "outcome FROM charges",
        "INSERT INTO charges SELECT * FROM charges WHERE true ON CONFLICT (request_id, hop) DO UPDATE SET "
        "cost_usd_micros = 0",
    ],
)
def test_the_database_itself_refuses_to_change_a_charge(
    raw: sqlalchemy.Engine, records: sql.SqlRecords, make_row: MakeRow, statement: str
) -> None:
    row = make_row("kept")
    records.append([row], [(row, charge(12))])
    try:
        with raw.begin() as connection:
            connection.exec_driver_sql(statement)
    except sqlalchemy.exc.DBAPIError:
        pass  # SQLite ignores a REPLACE where it refuses the others; either way the charge stands
    assert [one.cost_usd_micros for _, one in records.charges(0, END_US)] == [12]


def test_a_report_by_model_gives_each_model_its_own_charges(records: sql.SqlRecords, make_row: MakeRow) -> None:
    fallback = make_row("a", model="small", cost_usd_micros=12)
    plain = make_row("b", model="small", cost_usd_micros=3)
    local = make_row("c", model="packaged", cost_usd_micros=0)
    charges = [
        (fallback, charge(5, model="large", outcome="failed")),
        (fallback, charge(7, model="small", hop=1)),
        (plain, charge(3, model="small")),
    ]
    records.append([fallback, plain, local], charges)
    found = {one.key: (one.requests, one.cost_usd_micros) for one in records.report(ledger.GroupBy.MODEL, 0, END_US)}
    assert found == {"large": (0, 5), "small": (2, 10), "packaged": (1, 0)}
    (day,) = records.report(ledger.GroupBy.DAY, 0, END_US)
    assert day.cost_usd_micros == 15


def test_a_database_of_the_first_version_keeps_what_it_holds(records_url: str, make_row: MakeRow) -> None:
    records = sql.SqlRecords(records_url)
    if records_url.startswith("sqlite"):
        engines.create_file(Path(engines.parse(records_url).database or ""), 5.0)
    engine = engines.open_engine(engines.parse(records_url), 5.0, "NORMAL")
    assert migrations.migrate(engine, engines.writer(engine), migrations.STEPS[:1]) == 1
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO users VALUES ('ada', 1)")
        connection.exec_driver_sql("INSERT INTO tokens VALUES ('t', 'ada', 'viewer', '', 'hash', 2, NULL, NULL)")
        connection.exec_driver_sql(
            "INSERT INTO ledger (request_id, at_us, user_id, token_id, route, specialist, model, outcome, level, "
            "verified, escalated, prompt_tokens, completion_tokens, cost_usd_micros, first_us, total_us, generation) "
            "VALUES ('old', 1, 'ada', 't', 'math', 'math', 'x', 'answered', 'computed', "
            + ("1, 0" if records_url.startswith("sqlite") else "true, false")
            + ", 1, 2, 3, 4, 5, 'g')"
        )
    engine.dispose()
    assert records.migrate() == len(migrations.STEPS)
    assert [(row.request_id, row.cost_usd_micros, row.local) for row in records.rows(0, END_US)] == [("old", 3, True)]
    assert records.tokens() == [access.Token("t", "ada", access.Role.VIEWER, "", "hash", 2)]
    assert records.append([], (), [hold("a", 1, LIMIT)]) == [None]
    records.close()


# Writers at once

_WRITER = """
import sys, threading
sys.path.insert(0, sys.argv[3])
from council.backends.records import sql
import test_spending as bench
def write(thread):
    mine = sql.SqlRecords(sys.argv[1], busy_s=30.0)
    for number in range(30):
        bench.hold_or_settle(mine, f"{sys.argv[2]}-{thread}-{number}")
    mine.close()
threads = [threading.Thread(target=write, args=(thread,)) for thread in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def hold_or_settle(records: sql.SqlRecords, request_id: str) -> None:
    """Hold 7 of a budget of 1,000; every third hold is settled at 5, every other is left."""
    held = hold(request_id, 7, LIMIT)
    (refusal,) = records.append([], (), [held])
    if refusal is None and int(request_id.rpartition("-")[2]) % 3 == 0:
        row = ledger.LedgerRow(
            request_id, AT_US, "ada", "tok-1", "general", "general", "m", ledger.Outcome.ANSWERED, "none", False, False,
            1, 2, 5, 1, 1, "g", False,
        )  # fmt: skip
        records.append([row], [(row, charge(5, held))])


def test_a_budget_is_exact_with_writers_in_several_threads_and_processes(
    records_url: str, records: sql.SqlRecords, raw: sqlalchemy.Engine, request: pytest.FixtureRequest
) -> None:
    command = [sys.executable, "-c", _WRITER, records_url]
    folder = str(request.path.parent)
    others = [subprocess.Popen([*command, f"process{number}", folder], stderr=subprocess.PIPE) for number in range(3)]
    threads = [
        threading.Thread(target=lambda name=name: [hold_or_settle(records, f"{name}-{number}") for number in range(30)])
        for name in ("x", "y")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        _, told = other.communicate(timeout=120)
        assert other.returncode == 0, told.decode()
    with raw.connect() as connection:
        held = connection.exec_driver_sql("SELECT coalesce(sum(usd_micros), 0) FROM holds").scalar()
        charged = connection.exec_driver_sql("SELECT coalesce(sum(cost_usd_micros), 0) FROM charges").scalar()
    assert spent(records) == held + charged
    # 240 calls of 7 cannot fit, and nobody was refused while there was room.
    assert 1_000 - 7 < spent(records) <= 1_000


# Any interleaving

operations = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["hold", "settle", "expire"]),
        strategies.integers(0, 3),
        strategies.integers(0, 1),
        strategies.integers(0, 50),
        strategies.booleans(),
    ),
    max_size=25,
)


@hypothesis.settings(
    max_examples=40, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(steps=operations, limit=strategies.integers(0, 120))
def test_what_is_spent_is_the_sum_of_charges_and_holds_whatever_happens(
    records: sql.SqlRecords, make_row: MakeRow, steps: list[tuple[str, int, int, int, bool]], limit: int
) -> None:
    number = next(_numbers)
    # Examples share one database: each has a day, a month, a token and a model of its own.
    at_us = AT_US + number * 31 * DAY_US
    token, model = f"tok-{number}", f"model-{number}"
    budget = ledger.Budget(f"token:{token}", "day", limit)
    holds: dict[tuple[str, int], ledger.Hold] = {}
    charged: dict[tuple[str, int], int] = {}

    def total() -> int:
        return sum(one.usd_micros for one in holds.values()) + sum(charged.values())

    for kind, request, hop, usd_micros, with_hold in steps:
        call = (f"{number}-{request}", hop)
        if kind == "hold":
            made = hold(
                call[0], usd_micros, budget, hop=hop, token_id=token, model=model, at_us=at_us,
                expires_us=at_us + request,
            )  # fmt: skip
            refused = usd_micros > limit - total()
            assert records.append([], (), [made]) == [
                ledger.Refusal(budget, max(0, limit - total())) if refused else None
            ]
            if not refused:
                holds.setdefault(call, made)
        elif kind == "settle":
            row = make_row(call[0], at_us=at_us, token_id=token)
            own = holds.get(call) if with_hold else None
            records.append([row], [(row, charge(usd_micros, own, hop=hop, model=model))])
            charged.setdefault(call, usd_micros)
            if own is not None:
                del holds[call]
        else:
            records.settle_expired(at_us + usd_micros % 4)
            for expired in [one for one, held in holds.items() if held.expires_us <= at_us + usd_micros % 4]:
                charged.setdefault(expired, holds.pop(expired).usd_micros)
        day = ledger.period_of(at_us, "day")
        found = {
            records.spent(scope, period)
            for scope in ("all", f"token:{token}", f"model:{model}")
            for period in (day, day[:7])
        }
        assert found == {total()}


def test_scopes_of_a_hold_are_those_that_budgets_can_name() -> None:
    counted = collections.Counter(ledger.scopes(hold("a", 1)))
    assert counted == {
        (scope, period): 1 for scope in ("all", "token:tok-1", "model:m") for period in (DAY, MONTH)
    }  # fmt: skip
