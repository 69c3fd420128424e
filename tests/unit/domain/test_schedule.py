import datetime
import itertools
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import errors, schedule

# Half hours, an hour that is doubled at midnight, a day that was left out, no change at all, and changes of half an hour.
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
)
WHEN = st.builds(schedule.Schedule, st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES))
MOMENTS = st.floats(1_300_000_000, 1_900_000_000)
DAY_S = 86_400.0


def _utc(text: str) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()


def _days(*dates: str) -> list[datetime.date]:
    return [datetime.date.fromisoformat(one) for one in dates]


def test_it_is_due_at_three_utc_and_not_before() -> None:
    when = schedule.Schedule()
    assert schedule.due(when, _utc("2026-11-30T02:59:59"), (), _utc("2026-11-29T12:00:00")) == []
    assert schedule.due(when, _utc("2026-11-30T03:00:00"), (), _utc("2026-11-29T12:00:00")) == _days("2026-11-30")


def test_what_was_sent_is_not_due_again() -> None:
    when = schedule.Schedule()
    assert schedule.due(when, _utc("2026-11-30T23:00:00"), {"2026-11-30"}, _utc("2026-11-29T12:00:00")) == []


def test_what_was_missed_is_caught_up_oldest_first() -> None:
    when = schedule.Schedule()
    found = schedule.due(when, _utc("2026-11-30T09:00:00"), {"2026-11-27"}, _utc("2026-11-01T00:00:00"))
    assert found[-3:] == _days("2026-11-28", "2026-11-29", "2026-11-30")
    assert len(found) == schedule.CAUGHT_UP_MAX - 1


def test_days_before_council_was_there_have_no_digest() -> None:
    assert schedule.due(schedule.Schedule(), _utc("2026-11-30T02:00:00"), (), _utc("2026-11-30T01:00:00")) == []


def test_where_the_clock_is_put_forward_over_it_it_is_due_an_hour_later_by_the_clock() -> None:
    when = schedule.Schedule(2, 30, "Europe/Paris")
    there = datetime.datetime.fromtimestamp(
        when.moment_s(datetime.date(2026, 3, 29)), zoneinfo.ZoneInfo("Europe/Paris")
    )
    assert there.strftime("%H:%M") == "03:30"


def test_where_the_clock_is_put_back_it_is_due_the_first_time_alone() -> None:
    when = schedule.Schedule(2, 30, "Europe/Paris")
    first = _utc("2026-10-25T00:30:00")
    assert when.moment_s(datetime.date(2026, 10, 25)) == first
    sent = {"2026-10-25"}
    assert not any(schedule.due(when, first + minutes * 60, sent, first - 60) for minutes in range(0, 180, 7))


def test_a_day_of_the_change_has_23_or_25_hours() -> None:
    when = schedule.Schedule(3, 0, "Europe/Paris")
    spans = [when.span_s(datetime.date(2026, *day)) for day in ((3, 29), (10, 25), (6, 1))]
    assert [round((end_s - start_s) / 3600) for start_s, end_s in spans] == [23, 25, 24]


def test_a_day_that_a_zone_left_out_is_told_of_once() -> None:
    when = schedule.Schedule(3, 0, "Pacific/Apia")
    begun_s, sent = when.moment_s(datetime.date(2011, 12, 28)), []
    for hour in range(120):
        sent += [day.isoformat() for day in schedule.due(when, begun_s + hour * 3600, sent, begun_s)]
    assert sent == ["2011-12-28", "2011-12-29", "2011-12-30", "2012-01-01", "2012-01-02"]


@pytest.mark.parametrize("at", ["", "3:00", "24:00", "03:60", "03:00:00", "noon", "\u0660\u0663:\u0660\u0660"])
def test_a_time_that_is_none_is_an_error(at: str) -> None:
    with pytest.raises(errors.ConfigError, match="03:00"):
        schedule.schedule(at, "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime"])
def test_a_zone_that_is_none_is_an_error(zone: str) -> None:
    with pytest.raises(errors.ConfigError, match="time zone"):
        schedule.schedule("03:00", zone)


def test_the_settings_make_a_schedule() -> None:
    assert schedule.schedule("07:30", "Asia/Kolkata") == schedule.Schedule(7, 30, "Asia/Kolkata")


@settings(max_examples=30, deadline=None)
@given(when=WHEN, now_s=MOMENTS)
def test_the_next_lies_ahead_and_within_two_days(when: schedule.Schedule, now_s: float) -> None:
    # Apia left a day out, and so has one that is twice as long.
    assert now_s < schedule.next_s(when, now_s) <= now_s + 2 * DAY_S + 3600


@settings(max_examples=30, deadline=None)
@given(when=WHEN, start_s=MOMENTS, steps=st.lists(st.floats(1, 4 * DAY_S), max_size=30))
def test_however_often_somebody_looks_each_day_is_sent_once_and_in_order(
    when: schedule.Schedule, start_s: float, steps: list[float]
) -> None:
    now_s, sent = start_s, []
    for step_s in [*steps, 0.0]:
        for day in schedule.due(when, now_s, sent, start_s):
            assert when.moment_s(day) <= now_s
            sent.append(day.isoformat())
        assert not schedule.due(when, now_s, sent, start_s)
        now_s += step_s
    assert sent == sorted(set(sent))


@settings(max_examples=15, deadline=None)
@given(when=WHEN, start_s=MOMENTS, hours=st.integers(1, 150))
def test_who_looks_every_hour_leaves_no_day_out(when: schedule.Schedule, start_s: float, hours: int) -> None:
    sent: list[str] = []
    for hour in range(hours):
        sent += [day.isoformat() for day in schedule.due(when, start_s + hour * 3600, sent, start_s)]
    moments = [when.moment_s(datetime.date.fromisoformat(day)) for day in sent]
    assert all(before < after <= before + 2 * DAY_S + 3600 for before, after in itertools.pairwise(moments))


@settings(max_examples=30, deadline=None)
@given(when=WHEN, at_s=MOMENTS)
def test_spans_follow_each_other_without_a_gap(when: schedule.Schedule, at_s: float) -> None:
    day = when.day_of(at_s)
    assert when.span_s(day)[1] == when.span_s(day + datetime.timedelta(days=1))[0]
