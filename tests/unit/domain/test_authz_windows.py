"""Windows are of the UTC day and week: when one is open, and when the next one opens."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from council.domain import authz

MONDAY, SATURDAY, SUNDAY = 0, 5, 6
EVERY_DAY = frozenset(range(7))
NIGHT = authz.Window(EVERY_DAY, 23 * 60 + 30, 60)
SUNDAYS = authz.Window(frozenset({SUNDAY}), 3 * 60, 4 * 60)


def at(text: str) -> float:
    """Return Unix seconds of a UTC time. 29 November 2026 is a Sunday."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        ("2026-11-29T23:29:59", False),
        ("2026-11-29T23:30:00", True),
        ("2026-11-30T00:59:59", True),
        ("2026-11-30T01:00:00", False),
    ],
)
def test_a_window_over_midnight_is_open_from_its_first_second_to_before_its_end(now: str, inside: bool) -> None:
    assert authz.in_window([NIGHT], at(now)) is inside


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"])
def test_no_window_falls_out_or_comes_twice_when_clocks_change(anywhere: None, day: str) -> None:
    # Each is a Sunday on which clocks change in Europe or in the United States.
    open_min = [minute for minute in range(24 * 60) if authz.in_window([SUNDAYS], at(f"{day}T00:00") + minute * 60)]
    assert open_min == list(range(3 * 60, 4 * 60))


@pytest.mark.parametrize(
    ("windows", "now", "opens"),
    [
        ([SUNDAYS], "2026-11-29T02:59:59", "2026-11-29T03:00"),
        ([SUNDAYS], "2026-11-29T04:00:00", "2026-12-06T03:00"),
        ([SUNDAYS], "2026-11-30T12:00:00", "2026-12-06T03:00"),
        ([SUNDAYS, NIGHT], "2026-11-30T12:00:00", "2026-11-30T23:30"),
        ([NIGHT], "2026-12-31T23:30:00", "2027-01-01T23:30"),
        ([authz.Window(frozenset({MONDAY, SATURDAY}), 0, 0)], "2026-11-29T23:59:59", "2026-11-30T00:00"),
    ],
)
def test_the_next_window_is_the_first_that_begins_later(windows: list[authz.Window], now: str, opens: str) -> None:
    assert authz.next_window_s(windows, at(now)) == at(opens)


def test_a_next_window_is_open_when_it_begins_and_was_not_the_second_before() -> None:
    now = at("2026-11-29T12:34:56")
    for _ in range(20):
        opens = authz.next_window_s([SUNDAYS, NIGHT], now)
        assert opens is not None and opens > now
        assert authz.in_window([SUNDAYS, NIGHT], opens) and not authz.in_window([SUNDAYS, NIGHT], opens - 1)
        now = opens


def test_windows_of_no_day_never_open_and_without_windows_a_pause_may_come_at_any_time() -> None:
    never = authz.Window(frozenset(), 0, 60)
    assert authz.next_window_s([never], at("2026-11-29T12:00")) is None
    assert not authz.may_pause([never], at("2026-11-29T00:30"))
    assert authz.may_pause([], at("2026-11-29T12:00"))
    assert authz.may_pause([SUNDAYS], at("2026-11-29T03:30"))
    assert not authz.may_pause([SUNDAYS], at("2026-11-29T04:30"))
