"""What the detector tells and what it does not. How often it is right on many series is in benchmarks/anomalies.py."""

import json
import math
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import anomalies as told
from council.testing import anomalies as made
from council.upkeep.observer import anomalies

_STEP_S = 300.0
_DAY_ROWS = 288


def _noise(level: float = 100.0, spread: float = 5.0) -> Callable[[int], float]:
    source = random.Random(7)
    return lambda _row: level + source.gauss(0, spread)


def _day(row: int) -> float:
    return 100 + 50 * math.sin(2 * math.pi * row / _DAY_ROWS)


def _noisy_day() -> Callable[[int], float]:
    noise = _noise(0.0, 2.0)
    return lambda row: _day(row) + noise(row)


def _readings(value: Callable[[int], float], rows: int, step_s: float = _STEP_S) -> list[told.Reading]:
    detector = anomalies.Detector()
    return [detector.take(row * step_s, value(row)) for row in range(rows)]


def _alarms(value: Callable[[int], float], rows: int) -> dict[int, told.Anomaly]:
    """Return the alarms of what is said once three days are known."""
    return {row: one.alarm for row, one in enumerate(_readings(value, rows)) if one.alarm and row > 3 * _DAY_ROWS}


def _from(
    row: int, usual: Callable[[int], float], other: Callable[[int, float], float], until: int = 10**9
) -> Callable[[int], float]:
    """Return a series that is another one from a row on."""
    return lambda place: other(place, usual(place)) if row <= place < until else usual(place)


def test_a_level_shift_is_told_at_its_first_value_and_not_again_while_it_lasts() -> None:
    alarms = _alarms(_from(1500, _noise(), lambda _row, value: value + 60), 1800)
    assert list(alarms) == [1500]
    assert (alarms[1500].side, round(alarms[1500].expected, -1)) == ("above", 100)


def test_a_fall_is_told_as_below() -> None:
    alarms = _alarms(_from(1500, _noise(), lambda _row, value: value - 60), 1600)
    assert [(row, one.side) for row, one in alarms.items()] == [(1500, "below")]


def test_a_single_spike_is_told_when_it_comes() -> None:
    alarms = _alarms(_from(1500, _noise(), lambda _row, value: value + 100, 1501), 1800)
    assert list(alarms) == [1500]


def test_a_drift_is_told_while_it_goes_on() -> None:
    alarms = _alarms(_from(1500, _noise(), lambda row, value: value + (row - 1500) * 0.3), 1700)
    assert alarms
    assert min(alarms) > 1500
    assert next(iter(alarms.values())).channel == "hours"


def test_a_season_is_none_once_it_is_known() -> None:
    assert not _alarms(_noisy_day(), 8 * _DAY_ROWS)


def test_a_day_without_its_season_is_told_though_no_value_of_it_is_unusual() -> None:
    begins = 6 * _DAY_ROWS
    noise = _noise(0.0, 2.0)
    alarms = _alarms(_from(begins, _noisy_day(), lambda row, _value: 100.0 + noise(row)), begins + _DAY_ROWS)
    assert alarms
    assert min(alarms) >= begins


def test_a_flat_line_is_never_an_anomaly_and_its_first_change_is_one() -> None:
    alarms = _alarms(_from(2000, lambda _row: 0.1, lambda _row, _value: 0.2), 2400)
    assert list(alarms) == [2000]


def test_a_flat_line_of_rounding_errors_is_still_flat() -> None:
    source = random.Random(3)
    assert not _alarms(lambda _row: 1e9 + source.choice((0.0, 1e-7)), 2000)


def test_what_happened_a_little_while_ago_is_no_news_and_long_after_it_is() -> None:
    def spikes(row: int, value: float) -> float:
        return value + (100 if row in (1500, 1530, 2600) else 0)

    assert list(_alarms(_from(1500, _noise(), spikes), 2700)) == [1500, 2600]


def test_what_comes_back_every_day_becomes_usual() -> None:
    noise = _noise()
    alarms = _alarms(lambda row: noise(row) + (80 if row % _DAY_ROWS == 100 else 0), 12 * _DAY_ROWS)
    assert not [row for row in alarms if row > 5 * _DAY_ROWS]


def test_a_gap_is_no_anomaly_nor_is_the_first_value_after_it() -> None:
    detector, value = anomalies.Detector(), _noisy_day()
    rows = [row for row in range(8 * _DAY_ROWS) if not 6 * _DAY_ROWS < row < 6 * _DAY_ROWS + 150]
    alarms = [row for row in rows if detector.take(row * _STEP_S, value(row)).alarm]
    assert not [row for row in alarms if row > 3 * _DAY_ROWS]


@pytest.mark.parametrize(
    ("at_s", "value"), [(5000.0, math.nan), (5000.0, math.inf), (math.nan, 1.0), (4000.0, 1.0), (0.0, 1.0)]
)
def test_what_is_no_number_or_comes_late_is_left_out(at_s: float, value: float) -> None:
    detector = anomalies.Detector()
    for row in range(101):
        detector.take(row * 40.0, 50.0 + row % 3)
    before = detector.state()
    reading = detector.take(at_s, value)
    assert (reading.score, reading.alarm) == (0.0, None)
    assert reading.low is not None
    assert detector.state() == before


def test_nothing_is_said_before_an_hour_and_a_day_is_known_after_a_day() -> None:
    readings = _readings(_noise(), 26 * 60, 60.0)
    assert all(one == told.Reading(0.0, None, None, False, None) for one in readings[:60])
    assert all(one.low is not None and one.high is not None for one in readings[60:])
    assert [one.learned for one in readings].index(True) == 24 * 60


def test_the_band_holds_nearly_all_values() -> None:
    value = _noisy_day()
    values = [value(row) for row in range(12 * _DAY_ROWS)]
    readings = _readings(values.__getitem__, len(values))
    inside = [
        one.low <= x <= one.high
        for one, x in zip(readings, values, strict=True)
        if one.low and one.high and one.learned
    ]
    assert 0.96 < sum(inside) / len(inside) < 0.995


def test_the_unit_of_a_series_does_not_matter() -> None:
    series = made.series("rate", 5, 1200, 300.0, 1)
    detectors = [anomalies.Detector(), anomalies.Detector()]
    for at_s, value in zip(series.times_s, series.values, strict=True):
        one, other = detectors[0].take(at_s, value), detectors[1].take(at_s, value * 1024)
        assert one.score == other.score


def _made() -> Iterator[tuple[str, made.Made]]:
    return ((kind, made.series(kind, 11, 1500, 300.0, 2)) for kind in made.KINDS)


@pytest.mark.parametrize("cut", [1, 500])
def test_a_restart_forgets_nothing(cut: int) -> None:
    for kind, series in _made():
        whole, before = anomalies.Detector(), anomalies.Detector()
        points = list(zip(series.times_s, series.values, strict=True))[: cut + 300]
        expected = [whole.take(*point) for point in points]
        for point in points[:cut]:
            before.take(*point)
        after = anomalies.Detector.from_state(json.loads(json.dumps(before.state())))
        assert [after.take(*point) for point in points[cut:]] == expected[cut:], kind
        assert after.state() == whole.state()


def test_the_state_stays_small_however_long_the_series_is() -> None:
    detector, source = anomalies.Detector(), random.Random(1)
    sizes = []
    for row in range(12_000):
        detector.take(row * 60.0, source.gauss(0, 1) * 10 ** source.uniform(-3, 3))
        if row % 2400 == 2399:
            sizes.append(len(json.dumps(detector.state())))
    assert max(sizes) < 40_000
    assert sizes[-1] < sizes[0] * 1.2


@pytest.mark.parametrize(
    "harm",
    [
        {"version": 0},
        {"ranks": []},
        {"ranks": [{}, {}, {}]},
        {"season": [1.0]},
        {"season": None},
        {"figures": {}},
        {"ranks": [{"count": 1, "largest": [1.0, 2.0], "newest": []}] * 3},
    ],
)
def test_a_damaged_state_is_refused(harm: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"state|season|ranks"):
        anomalies.Detector.from_state(anomalies.Detector().state() | harm)


_ANY = st.floats(allow_nan=True, allow_infinity=True)
_STEPS = st.floats(min_value=-1e4, max_value=1e7, allow_nan=False)


@given(st.lists(st.tuples(_STEPS, _ANY), max_size=80), st.integers(0, 80))
def test_nothing_that_comes_breaks_it(steps: list[tuple[float, float]], cut: int) -> None:
    eager = told.Settings(
        useful_after_s=0.0, useful_rows=2, learned_after_s=10.0, alarm_score=0.5, early_alarm_score=0.5
    )
    detector, at_s = anomalies.Detector(eager), 0.0
    for place, (step, value) in enumerate(steps):
        if place == cut:
            state = json.loads(json.dumps(detector.state(), allow_nan=False))
            detector = anomalies.Detector.from_state(state, eager)
        at_s += step
        reading = detector.take(at_s, value)
        assert 0.0 <= reading.score <= 1.0
        assert (reading.low is None) == (reading.high is None)
        if reading.low is not None and reading.high is not None:
            assert math.isfinite(reading.low)
            assert reading.low <= reading.high < math.inf
        if reading.alarm:
            assert reading.alarm.score == reading.score
