"""The leak verdict on made processes. The shares for hundreds of runs are in benchmarks/leaks.py."""

import math
import random

import pytest

from council.testing import leaks
from council.upkeep.sentinels import leak

_SEEDS = range(8)


def _verdicts(kind: leaks.Kind, seed: int, hours: float, rate: float = 0.0, from_s: float = 0.0) -> set[str]:
    watched, found = leak.LeakWatch(), set()
    for time_s, size_bytes in leaks.series(kind, seed, hours, rate, from_s):
        watched.add(time_s, size_bytes)
        found.add(watched.judge().verdict)
    return found


@pytest.mark.parametrize("kind", leaks.KINDS)
def test_healthy_processes_are_steady_in_the_end_and_never_leak(kind: leaks.Kind) -> None:
    for seed in _SEEDS:
        assert _verdicts(kind, seed, 4.0) == {"unknown", "steady"}


@pytest.mark.parametrize("kind", ["noise", "autocorrelated", "sawtooth", "warm-up"])
def test_eight_megabytes_an_hour_are_found_within_four_hours(kind: leaks.Kind) -> None:
    assert sum("leak" in _verdicts(kind, seed, 4.0, 8.0) for seed in _SEEDS) >= 7


def test_a_leak_under_a_daily_rhythm_is_found_within_four_hours_once_two_days_are_known() -> None:
    begins_s = 48 * 3600 + leak.WARM_UP_S
    watched, before, after = leak.LeakWatch(), set(), set()
    for time_s, size_bytes in leaks.series("daily", 3, 52.51, 8.0, begins_s):
        watched.add(time_s, size_bytes)
        (before if time_s < begins_s else after).add(watched.judge().verdict)
    assert "leak" not in before
    assert "leak" in after


def test_a_leak_that_is_as_old_as_what_is_known_is_still_called_after_two_days() -> None:
    watched = leak.LeakWatch()
    for time_s, size_bytes in leaks.series("daily", 3, 53, 8.0):
        watched.add(time_s, size_bytes)
    assert watched.judge().verdict == "leak"


def test_four_hundred_megabytes_an_hour_are_called_within_three_minutes() -> None:
    for seed in _SEEDS:
        assert "fast leak" in _verdicts("noise", seed, 3.05, 400.0, 3 * 3600)


def _steady_until(leaks_from_s: float, *, known_each_s: float) -> tuple[leak.LeakWatch, random.Random]:
    """Return a watch of a process of 300 MB that is known up to a moment, and what its noise is drawn from."""
    watched, noise = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S), random.Random(5)
    for step in range(int(leaks_from_s / known_each_s)):
        watched.add(step * known_each_s, int((300 + noise.gauss(0, 0.5)) * leak.MB))
    return watched, noise


@pytest.mark.parametrize("known_each_s", [5.0, 15.0])
def test_four_hundred_megabytes_an_hour_are_called_within_seventy_seconds_where_memory_is_read_each_five(
    known_each_s: float,
) -> None:
    """Also where all that is known of before are the readings that are kept, one in fifteen seconds."""
    watched, noise = _steady_until(7200, known_each_s=known_each_s)
    for step in range(15):
        watched.add(7200 + step * 5.0, int((300 + step * 5.0 / 9 + noise.gauss(0, 0.5)) * leak.MB))
    assert watched.judge().verdict == "fast leak"


def test_a_rise_that_is_half_of_what_was_seen_before_is_no_fast_leak_over_the_short_stretch() -> None:
    watched, noise = _steady_until(7200, known_each_s=5.0)
    said = []
    # A minute up, a minute down, each ten minutes: first by 10 MB and in the end by 15.
    for step in range(720):
        away = step * 5.0 % 600
        height = 15 if step >= 600 else 10
        swing = max(0.0, 1 - abs(away - 60) / 60) * height
        watched.add(7200 + step * 5.0, int((300 + swing + noise.gauss(0, 0.5)) * leak.MB))
        said.append(watched.judge().verdict)
    assert "fast leak" not in said[600:]


def test_a_fast_leak_is_said_for_as_long_as_it_lasts_and_no_longer() -> None:
    watched, said = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S), []
    for step in range(1_200):
        time_s = step * 15.0
        leaked = min(max(0.0, time_s - 7200), 3600) / 3600 * 400
        watched.add(time_s, int((300 + leaked + step % 7 / 7) * leak.MB))
        said.append((time_s, watched.judge().verdict == "fast leak"))
    assert all(fast for time_s, fast in said if 7200 + 180 <= time_s <= 7200 + 3600)
    assert not any(fast for time_s, fast in said if time_s < 7200 or time_s > 7200 + 3600 + 180)


def test_a_jump_is_no_fast_leak() -> None:
    watched = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S)
    for step in range(1_000):
        watched.add(step * 15.0, (300 + (100 if step >= 500 else 0)) * leak.MB + step % 3 * 100_000)
        assert watched.judge().verdict != "fast leak"


def test_a_young_process_is_unknown_and_says_for_how_long() -> None:
    watched = leak.LeakWatch()
    watched.add(1000.0, 300 * leak.MB)
    assert watched.judge().reason == "The process is warming up, 30 minutes left."
    watched.add(1000.0 + leak.WARM_UP_S, 300 * leak.MB)
    assert watched.judge().verdict == "unknown"


def test_the_naive_rule_takes_a_warm_up_for_a_leak() -> None:
    watched, naive = leak.LeakWatch(), False
    for time_s, size_bytes in leaks.series("warm-up", 1, 4.0):
        watched.add(time_s, size_bytes)
        naive = naive or bool(watched.judge().naive_alarm)
    assert naive
    assert watched.judge().verdict == "steady"


def test_a_long_gap_begins_anew() -> None:
    watched = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S)
    for step in range(1_000):
        watched.add(step * 15.0, 300 * leak.MB)
    assert watched.judge().verdict == "steady"
    watched.add(30_000.0, 900 * leak.MB)
    watched.add(30_700.0, 900 * leak.MB)
    assert watched.judge().verdict == "unknown"


def test_the_slope_of_a_line_is_its_slope() -> None:
    found = leak.slope([300 + place for place in range(24)])
    assert math.isclose(found.middle, 6.0)
    assert math.isclose(found.lower, 6.0)


def test_what_is_kept_has_a_bound() -> None:
    watched = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S)
    for step in range(30_000):
        watched.add(step * 60.0, 300 * leak.MB)
    assert len(watched._buckets) == 2 * 144 + 24


def test_a_rise_that_came_at_the_same_time_yesterday_is_no_leak_though_it_is_steep() -> None:
    watched, found = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S), set()
    for step in range(52 * 240):
        time_s = step * 15.0
        # Six hours up by 60 MB, six hours down, twelve hours still.
        hour = time_s / 3600 % 24
        size_mb = 300 + 10 * max(0.0, min(hour, 12 - hour))
        watched.add(time_s, int(size_mb * leak.MB))
        if time_s > 28 * 3600:
            found.add(watched.judge().verdict)
    assert found == {"steady"}


def test_a_slow_leak_that_begins_after_one_day_is_found_within_four_hours() -> None:
    watched = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S)
    for time_s, size_bytes in leaks.series("noise", 1, 36.5, 8.0, 32 * 3600):
        watched.add(time_s, size_bytes)
    assert watched.judge().verdict == "leak"


def test_two_jumps_within_three_minutes_are_no_fast_leak_where_memory_is_read_each_three_seconds() -> None:
    for seed in _SEEDS:
        watched, noise = leak.LeakWatch(age_at_start_s=leak.WARM_UP_S), random.Random(seed)
        for step in range(1600):
            jumped = 4.0 * sum(step >= at for at in (1_500, 1_530))
            watched.add(step * 3.0, int((300 + jumped + noise.gauss(0, 1)) * leak.MB))
            assert watched.judge().verdict != "fast leak"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["noise", "warm-up", "steps", "daily"])
def test_most_leaks_of_120_mb_an_hour_are_found_within_three_minutes_where_memory_is_read_each_three_seconds(
    kind: leaks.Kind,
) -> None:
    found = 0
    for seed in _SEEDS:
        watched = leak.LeakWatch()
        for time_s, size_bytes in leaks.series(kind, seed, 3.05, 120.0, 3 * 3600, sample_s=3.0):
            watched.add(time_s, size_bytes)
            found += watched.judge().verdict == "fast leak" and time_s == 3 * 3600 + 180
    assert found >= len(_SEEDS) - 1
