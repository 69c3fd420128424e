"""Overrides in the records, on both databases."""

import dataclasses
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy

from council.backends.records import overrides as sql_overrides
from council.backends.records import schema, sql
from council.domain import errors, overrides
from council.domain.overrides import Kind, Override

T0 = 1_790_000_000_000_000
MINUTE_US = 60_000_000


@pytest.fixture
def kept(records: sql.SqlRecords, records_url: str) -> Iterator[sql_overrides.SqlOverrides]:
    """No overrides, in migrated records of each kind."""
    made = sql_overrides.SqlOverrides(records_url, 5.0)
    yield made
    made.close()


def override(number: int, **values: object) -> Override:
    usual = Override(
        f"override-{number:02}", Kind.RATE, f"token:t{number}", "30", "A flood, Ünïcode ✓", "repair-1", T0 + number,
        T0 + 10 * MINUTE_US,
    )  # fmt: skip
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def test_an_override_comes_back_as_it_was(kept: sql_overrides.SqlOverrides) -> None:
    assert kept.put(override(1), 9)
    assert kept.put(override(2, kind=Kind.PROVIDERS, target="smol", value="two,-one"), 9)
    assert kept.in_force(T0 + MINUTE_US) == [
        override(1),
        override(2, kind=Kind.PROVIDERS, target="smol", value="two,-one"),
    ]
    assert [one.id for one in kept.newest(1)] == ["override-02"]


def test_an_override_ends_at_its_time(kept: sql_overrides.SqlOverrides) -> None:
    kept.put(override(1), 9)
    assert kept.in_force(T0 + 10 * MINUTE_US - 1) == [override(1)]
    assert kept.in_force(T0 + 10 * MINUTE_US) == []
    assert kept.newest(9) == [override(1)]


def test_an_override_that_is_lifted_is_over_and_is_lifted_once(kept: sql_overrides.SqlOverrides) -> None:
    kept.put(override(1), 9)
    assert kept.lift("override-01", T0 + MINUTE_US)
    assert kept.in_force(T0 + MINUTE_US) == []
    assert kept.newest(9) == [override(1, lifted_us=T0 + MINUTE_US)]
    assert not kept.lift("override-01", T0 + 2 * MINUTE_US)
    assert not kept.lift("never", T0)
    assert not kept.lift("\0", T0)


def test_an_override_that_is_over_cannot_be_lifted(kept: sql_overrides.SqlOverrides) -> None:
    kept.put(override(1), 9)
    assert not kept.lift("override-01", T0 + 10 * MINUTE_US)


def test_a_later_override_of_the_same_kind_and_target_takes_the_place_of_the_first(
    kept: sql_overrides.SqlOverrides,
) -> None:
    kept.put(override(1, target="*"), 1)
    assert kept.put(override(2, target="*", value="10"), 1)
    assert kept.in_force(T0 + MINUTE_US) == [override(2, target="*", value="10")]
    assert kept.newest(9)[1].lifted_us == T0 + 2


def test_the_same_override_put_twice_is_one_and_a_lifted_one_is_not_raised_again(
    kept: sql_overrides.SqlOverrides,
) -> None:
    assert kept.put(override(1), 9) and kept.put(override(1), 9)
    assert len(kept.newest(9)) == 1
    kept.lift("override-01", T0 + MINUTE_US)
    assert kept.put(override(1), 9)
    assert kept.in_force(T0 + MINUTE_US) == []


def test_no_more_than_so_many_are_in_force_at_once(kept: sql_overrides.SqlOverrides) -> None:
    assert [kept.put(override(number), 3) for number in range(5)] == [True, True, True, False, False]
    assert len(kept.newest(9)) == 3
    # One that is over leaves its place.
    assert kept.put(override(6, began_us=T0 + 11 * MINUTE_US, until_us=T0 + 12 * MINUTE_US), 3)


def test_of_many_that_are_put_at_once_no_more_than_so_many_are_in_force(
    kept: sql_overrides.SqlOverrides, records_url: str
) -> None:
    done: list[bool] = []

    def put(number: int) -> None:
        one = sql_overrides.SqlOverrides(records_url, 5.0)
        done.append(one.put(override(number), 2))
        one.close()

    threads = [threading.Thread(target=put, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 4 + [True] * 2
    assert len(kept.in_force(T0 + MINUTE_US)) == 2


def test_an_override_of_a_wrong_form_is_refused(kept: sql_overrides.SqlOverrides) -> None:
    for wrong in (override(1, value="many"), override(1, until_us=T0 + 25 * 60 * MINUTE_US), override(1, target="")):
        with pytest.raises(errors.InvalidRequestError):
            kept.put(wrong, 9)
    assert kept.newest(9) == []


def test_an_override_that_ends_later_than_any_may_is_not_in_force(kept: sql_overrides.SqlOverrides) -> None:
    # Begun while the clock was a day ahead.
    kept.put(override(1, began_us=T0 + 24 * 60 * MINUTE_US, until_us=T0 + 25 * 60 * MINUTE_US), 9)
    assert kept.in_force(T0) == []
    assert override(1, until_us=T0 + overrides.SPAN_US_MAX + 1).in_force(T0) is False


def test_what_a_newer_release_wrote_is_left_out(
    kept: sql_overrides.SqlOverrides, records: sql.SqlRecords, caplog: pytest.LogCaptureFixture
) -> None:
    kept.put(override(1), 9)
    row = {**dataclasses.asdict(override(2)), "kind": "rate"}
    with records._writer.begin() as connection:
        connection.execute(
            sqlalchemy.insert(schema.overrides), [{**row, "kind": "colour"}, {**row, "id": "3", "value": "x"}]
        )
    assert kept.in_force(T0 + MINUTE_US) == [override(1)]
    assert kept.newest(9) == [override(1)]
    assert kept.in_force(T0 + MINUTE_US) == kept.newest(9, kind=Kind.RATE) == [override(1)]
    assert kept.newest(9, kind=Kind.WORKERS) == []
    assert caplog.text.count("cannot be read") == 2


def test_trimming_keeps_the_newest_and_all_that_are_in_force(kept: sql_overrides.SqlOverrides) -> None:
    for number in range(1, 6):
        kept.put(override(number), 9)
    for number in (1, 3, 4):
        kept.lift(f"override-0{number}", T0 + MINUTE_US)
    assert kept.trim(2, T0 + MINUTE_US) == 2
    assert [one.id for one in kept.newest(9)] == ["override-05", "override-04", "override-02"]
