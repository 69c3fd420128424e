"""How questions went, in the records, on both databases."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest

from council.backends.records import learning as sql_learning
from council.backends.records import sql
from council.domain import answers, errors, learning, ledger

T0 = 1_790_000_000_000_000
MANY = learning.Bounds(0, 1_000, 1_000)


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_learning.SqlLearning]:
    """Empty rows beside migrated records of each kind."""
    made = sql_learning.SqlLearning(records_url, 5.0)
    yield made
    made.close()


def row(number: int, user: str = "ada", **values: object) -> learning.Row:
    usual = learning.Row(
        request_id=f"request-{number}",
        user_id=user,
        at_us=T0 + number,
        features=bytes([0, 255, number % 256]),
        specialist=answers.Route.MATH,
        level=answers.Level.COMPUTED,
        confidence=1.0,
        escalated=False,
    )
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def thumb(
    number: int, user: str = "ada", verdict: learning.Verdict = learning.Verdict.UP, route: answers.Route | None = None
) -> learning.Thumb:
    return learning.Thumb(f"request-{number}", user, T0 + number, verdict, route)


def test_rows_come_back_as_they_were_oldest_first_and_the_newest_of_them(kept: sql_learning.SqlLearning) -> None:
    passed_on = (answers.Route.MATH, answers.Route.LOGIC)
    last = row(3, "bob", specialist=answers.Route.GENERAL, passed_on=passed_on, escalated=True, confidence=0.25)
    kept.keep([row(2), last, row(1)])
    assert kept.learned(10) == [(row(1), None), (row(2), None), (last, None)]
    assert kept.learned(2) == [(row(2), None), (last, None)]


def test_the_same_request_twice_is_one_row(kept: sql_learning.SqlLearning) -> None:
    kept.keep([row(1)])
    kept.keep([row(1, confidence=0.5), row(2)])
    assert [one.confidence for one, _ in kept.learned(10)] == [1.0, 1.0]


def test_a_thumb_needs_a_request_of_the_same_user_in_the_ledger(
    records: sql.SqlRecords, kept: sql_learning.SqlLearning, make_row: Callable[..., ledger.LedgerRow]
) -> None:
    records.append([make_row("request-1", user_id="ada")])
    kept.keep([row(1)])
    assert kept.judge(thumb(2)) is learning.Taken.UNKNOWN
    assert kept.judge(thumb(1, "bob")) is learning.Taken.UNKNOWN
    assert kept.learned(10) == [(row(1), None)]
    assert kept.judge(thumb(1)) is learning.Taken.NEW
    assert kept.learned(10) == [(row(1), thumb(1))]


def test_a_second_thumb_takes_the_place_of_the_first(
    records: sql.SqlRecords, kept: sql_learning.SqlLearning, make_row: Callable[..., ledger.LedgerRow]
) -> None:
    records.append([make_row("request-1", user_id="ada")])
    kept.keep([row(1)])
    said = thumb(1, verdict=learning.Verdict.DOWN, route=answers.Route.LOGIC)
    assert [kept.judge(one) for one in (thumb(1), said, said)] == [
        learning.Taken.NEW, learning.Taken.NEW, learning.Taken.SAME,
    ]  # fmt: skip
    assert kept.learned(10) == [(row(1), said)]
    assert kept.kept("ada") == learning.Kept(1, 1, T0 + 1)


def test_words_come_and_go_with_their_thumb_and_only_opinions_hold_them(
    records: sql.SqlRecords, kept: sql_learning.SqlLearning, make_row: Callable[..., ledger.LedgerRow]
) -> None:
    records.append([make_row(f"request-{number}", user_id="ada") for number in (1, 2)])
    kept.keep([row(1), row(2)])
    assert kept.judge(thumb(9), "Nobody asked.") is learning.Taken.UNKNOWN
    kept.judge(thumb(1), "Wrong.")
    kept.judge(thumb(2), "Too long.")
    both = [learning.Opinion(thumb(2), "Too long."), learning.Opinion(thumb(1), "Wrong.")]
    assert kept.opinions("ada", 10) == kept.opinions(None, 10) == both and kept.opinions("bob", 10) == []
    assert kept.opinions("ada", 10, T0 + 2) == both[1:] and kept.opinions("ada", 1) == both[:1]
    assert kept.learned(10) == [(row(1), thumb(1)), (row(2), thumb(2))]
    assert kept.judge(thumb(1)) is learning.Taken.SAME
    assert kept.opinions("ada", 10) == [both[0], learning.Opinion(thumb(1))]
    assert kept.trim(dataclasses.replace(MANY, before_us=T0 + 3)) == 4
    assert kept.opinions(None, 10) == []
    kept.judge(thumb(1), "Again.")
    assert kept.forget("ada") == 1
    kept.judge(thumb(1))
    assert kept.opinions("ada", 10) == [learning.Opinion(thumb(1))]


def test_what_is_too_old_goes_and_its_thumb_with_it(
    records: sql.SqlRecords, kept: sql_learning.SqlLearning, make_row: Callable[..., ledger.LedgerRow]
) -> None:
    records.append([make_row(f"request-{number}", user_id="ada") for number in (1, 2)])
    kept.keep([row(1), row(2)])
    assert kept.judge(thumb(1)) and kept.judge(thumb(2))
    assert kept.trim(dataclasses.replace(MANY, before_us=T0 + 2)) == 2
    assert kept.learned(10) == [(row(2), thumb(2))]
    assert kept.trim(dataclasses.replace(MANY, before_us=T0 + 2)) == 0


def test_the_oldest_go_where_one_user_or_all_have_too_many(kept: sql_learning.SqlLearning) -> None:
    kept.keep([*(row(number) for number in range(5)), *(row(10 + number, "bob") for number in range(3))])
    assert kept.trim(learning.Bounds(0, 3, 100)) == 2
    assert [one.at_us - T0 for one, _ in kept.learned(10)] == [2, 3, 4, 10, 11, 12]
    assert kept.trim(learning.Bounds(0, 3, 4)) == 2
    assert [one.at_us - T0 for one, _ in kept.learned(10)] == [4, 10, 11, 12]


def test_forgetting_takes_the_rows_and_thumbs_of_one_user(
    records: sql.SqlRecords, kept: sql_learning.SqlLearning, make_row: Callable[..., ledger.LedgerRow]
) -> None:
    records.append([make_row("request-1", user_id="ada"), make_row("request-2", user_id="bob")])
    kept.keep([row(1), row(2, "bob")])
    assert kept.judge(thumb(1)) and kept.judge(thumb(2, "bob"))
    assert kept.forget("ada") == 2
    assert kept.kept("ada") == learning.Kept(0, 0, 0)
    assert kept.learned(10) == [(row(2, "bob"), thumb(2, "bob"))]


def test_a_database_without_tables_is_an_error_of_ours(records_url: str) -> None:
    bare = sql_learning.SqlLearning(records_url, 0.2)
    with pytest.raises(errors.RecordsUnavailableError):
        bare.keep([row(1)])
    bare.close()
