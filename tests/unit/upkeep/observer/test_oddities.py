"""Detectors are shown each point once, whoever shows it to them, and forget nothing by a restart."""

import random
from collections.abc import Mapping
from typing import Any

import orjson

import band
from council.domain import evidence
from council.upkeep.observer import oddities

T = 1_800_000_000.0


def track(points: list[tuple[float, float]], service: str = "gateway") -> evidence.Track:
    return evidence.Track("open_fds_total", service, "", points, ())


def steady(count: int, seed: int = 1) -> list[tuple[float, float]]:
    chance = random.Random(seed)
    return [(T + 15 * place, 50 + chance.gauss(0, 1)) for place in range(count)]


def test_a_value_far_from_those_before_is_told_with_what_was_expected() -> None:
    points = [*steady(100), (T + 1500, 500.0), (T + 1515, 500.0)]
    (one,), _ = oddities.look([track(points)], {}, band.Band, T + 1520)
    assert (one.name, one.service, one.at_s, one.value, one.score) == (
        "open_fds_total",
        "gateway",
        T + 1500,
        500.0,
        1.0,
    )
    assert one.low is not None and one.high is not None and 30 < one.low < 50 < one.high < 70


def test_in_pieces_and_over_restarts_the_same_is_found_as_at_once() -> None:
    points = [*steady(100), (T + 1500, 500.0), *((at_s + 1600, value) for at_s, value in steady(30, 2))]
    at_once, _ = oddities.look([track(points)], {}, band.Band, T + 3000)
    learned: dict[str, Any] = {}
    found = []
    for end in range(0, len(points) + 7, 7):
        # Each time with all that came before, and what was learned as the records keep it.
        told, learned = oddities.look([track(points[:end])], orjson.loads(orjson.dumps(learned)), band.Band, T + 3000)
        found += told
    assert found == at_once and len(found) == 1


def test_what_another_version_learned_is_begun_anew() -> None:
    strange = {"open_fds_total svc=gateway": {"at_s": T, "state": {"other": 1}}}
    found, learned = oddities.look([track(steady(70))], strange, band.Band, T + 2000)
    assert found == [] and len(learned["open_fds_total svc=gateway"]["state"]["values"]) == 69


def test_a_series_that_is_long_gone_is_forgotten_and_one_of_today_is_not() -> None:
    learned = {name: {"at_s": T - days * 86_400, "state": {}} for name, days in (("old", 8), ("new", 6))}
    _, known = oddities.look([], learned, band.Band, T)
    assert known.keys() == {"new"}


def test_a_clock_that_was_set_back_makes_nothing_that_comes_after_old() -> None:
    points = steady(80)
    _, learned = oddities.look([track(points)], {}, band.Band, T + 2000)
    ahead = {"open_fds_total svc=gateway": learned["open_fds_total svc=gateway"] | {"at_s": T + 999_999}}
    _, known = oddities.look([track([(T + 2001, 50.0)])], ahead, band.Band, T + 2000)
    assert known["open_fds_total svc=gateway"]["at_s"] == T + 2001


class Nervous:
    """Alarms at everything, the more the larger."""

    def __init__(self, _: Mapping[str, Any] | None):
        pass

    def take(self, at_s: float, value: float) -> band.Read:
        return band.Read(value / 1000, alarm="always")

    def state(self) -> dict[str, Any]:
        return {}


def test_of_too_many_the_oddest_are_told_in_order_of_time() -> None:
    points = [(T + place, float(place * 7 % 1000)) for place in range(1000)]
    found, _ = oddities.look([track(points)], {}, Nervous, T + 2000)
    assert len(found) == oddities.ANOMALIES_MAX and min(one.value for one in found) == 950
    assert [one.at_s for one in found] == sorted(one.at_s for one in found)


def test_of_the_past_that_a_new_detector_learns_from_only_the_last_stretch_is_told() -> None:
    points = [
        *steady(100),
        (T + 1500, 500.0),
        *((at_s + 1515, value) for at_s, value in steady(100, 2)),
        (T + 3020, 500.0),
    ]
    found, learned = oddities.look([track(points)], {}, band.Band, T + 3030, T + 3000)
    assert [one.at_s for one in found] == [T + 3020]
    later = [(T + 3035, 50.0), (T + 3050, 900.0)]
    again, _ = oddities.look([track([*points, *later])], learned, band.Band, T + 3060, T + 3055)
    assert [one.at_s for one in again] == [T + 3050]
