"""Which way a series goes, and how surely."""

import math
import random

import pytest

from council.domain import evidence
from council.upkeep.observer import trends

NOW_S = 1_800_000_000.0


def track(value, *, hours: float = 48, step_s: float = 600.0, name: str = "a") -> evidence.Track:
    count = int(hours * 3600 / step_s)
    times = [NOW_S - hours * 3600 + step_s * (place + 0.5) for place in range(count)]
    return evidence.Track(name, "svc", "MB", [(at_s, value(at_s)) for at_s in times], (("label", "x"),))


def test_a_line_has_its_slope_and_a_band_of_nothing() -> None:
    one = trends.of(track(lambda at_s: 100 + (at_s - NOW_S) / 86_400 * 12), NOW_S)
    assert (one.name, one.service, one.unit, one.hours) == ("a label=x", "svc", "MB", 24)
    assert one.per_day == pytest.approx(12) and one.low == pytest.approx(12) and one.high == pytest.approx(12)
    assert one.middle == pytest.approx(94, abs=0.3) and one.middle_before == pytest.approx(82, abs=0.3)
    assert one.direction == "rises"


@pytest.mark.parametrize(("per_day", "direction"), [(12.0, "rises"), (-12.0, "falls"), (0.0, "flat")])
def test_noise_and_wild_points_change_no_direction(per_day: float, direction: str) -> None:
    chance = random.Random(7)

    def value(at_s: float) -> float:
        wild = 1000.0 if chance.random() < 0.05 else 0.0
        return 100 + per_day * (at_s - NOW_S) / 86_400 + chance.gauss(0, 1) + wild

    one = trends.of(track(value), NOW_S)
    assert one.direction == direction
    assert one.low is not None and one.high is not None and one.low <= per_day <= one.high


def test_noise_alone_is_seldom_a_direction() -> None:
    chance = random.Random(11)
    for hours in (24, 48):
        found = [trends.of(track(lambda _: chance.gauss(0, 1), hours=hours), NOW_S).direction for _ in range(200)]
        assert found.count("flat") >= 180


@pytest.mark.parametrize("phase", range(8))
def test_a_swing_of_the_day_is_no_direction_once_the_day_before_is_known(phase: int) -> None:
    chance = random.Random(phase)

    def value(at_s: float) -> float:
        return 10 + math.cos((at_s / 86_400 + phase / 8) * 2 * math.pi) + chance.gauss(0, 0.1)

    assert trends.of(track(value), NOW_S).direction == "flat"


def test_before_the_day_before_is_known_a_line_has_its_slope_too() -> None:
    one = trends.of(track(lambda at_s: (at_s - NOW_S) / 3600, hours=8), NOW_S)
    assert (one.direction, one.hours, one.middle_before) == ("rises", 8, None)
    assert one.per_day == pytest.approx(24)


@pytest.mark.parametrize("hours", [5, 0])
def test_too_few_hours_make_no_trend_and_say_so(hours: int) -> None:
    one = trends.of(track(lambda _: 1.0, hours=hours), NOW_S)
    assert (one.per_day, one.direction, one.middle_before) == (None, "unknown", None)
    assert one.why == f"it has values in {hours} of 24 hours, and 6 are needed" and one.hours == hours


def test_what_is_yet_to_come_is_not_looked_at() -> None:
    one = trends.of(evidence.Track("a", "", "", [(NOW_S + at, 1.0) for at in range(0, 90_000, 600)]), NOW_S)
    assert one.hours == 1
