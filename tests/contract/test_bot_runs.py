"""What bots did, in the records, on both databases."""

from collections.abc import Iterator

import pytest

from council.backends.records import bot_runs as sql_bot_runs
from council.backends.records import sql
from council.domain import bots


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_bot_runs.SqlBotRuns]:
    """No runs, in migrated records of each kind."""
    made = sql_bot_runs.SqlBotRuns(records_url, 5.0)
    yield made
    made.close()


def run(number: int, bot: str = "cost", outcome: bots.Outcome = bots.Outcome.NOTHING) -> bots.Run:
    return bots.Run(
        f"01{number:04d}", bot, number, number + 1, outcome, "subject", "why", "reason", "ab", 7, "m", "p", "r"
    )


def test_a_run_comes_back_with_all_that_it_holds(kept: sql_bot_runs.SqlBotRuns) -> None:
    kept.add(run(1, outcome=bots.Outcome.PROPOSED))
    assert kept.newest(5) == [run(1, outcome=bots.Outcome.PROPOSED)]


def test_runs_come_newest_first_of_one_bot_and_after_an_id(kept: sql_bot_runs.SqlBotRuns) -> None:
    for number in range(4):
        kept.add(run(number, "docs" if number % 2 else "cost"))
    assert [one.began_us for one in kept.newest(3)] == [3, 2, 1]
    assert [one.began_us for one in kept.newest(9, bot="docs")] == [3, 1]
    assert [one.began_us for one in kept.newest(9, after="010001")] == [3, 2]
    assert kept.newest(9, bot="\0") == []


def test_the_oldest_go(kept: sql_bot_runs.SqlBotRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bots, "ROWS_KEPT", 2)
    for number in range(4):
        kept.add(run(number))
    assert [one.began_us for one in kept.newest(9)] == [3, 2]
