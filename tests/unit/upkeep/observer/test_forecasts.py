"""When a limit will be reached."""

import math
import random

from hypothesis import example, given
from hypothesis import strategies as st

from council.upkeep.observer import forecasts

_HOUR_S = 3600.0
_YEAR_S = 365 * 24 * _HOUR_S


def _line(slope: float, noise: float, rows: int = 120, seed: int = 1, alike: float = 0.0) -> list[tuple[float, float]]:
    """A level from 0 on, with so much more each hour, one value in five minutes."""
    source, off = random.Random(seed), 0.0
    points = []
    for row in range(rows):
        off = alike * off + source.gauss(0, noise * math.sqrt(1 - alike * alike))
        points.append((row * 300.0, slope * row / 12 + off))
    return points


def test_a_disk_that_fills_is_forecast_with_bounds() -> None:
    found = forecasts.forecast(_line(2.0, 0.5), 50.0, 48 * _HOUR_S)
    assert found is not None
    assert abs(found.at_s - 25 * _HOUR_S) < _HOUR_S
    assert found.earliest_s < found.at_s < (found.latest_s or 0)
    assert found.earliest_s > 119 * 300.0


def test_a_budget_that_runs_out_is_forecast_downwards() -> None:
    points = [(at_s, 100 - value) for at_s, value in _line(2.0, 0.5)]
    found = forecasts.forecast(points, 0.0, 96 * _HOUR_S)
    assert found is not None
    assert found.slope_per_s < 0
    assert abs(found.at_s - 50 * _HOUR_S) < 3 * _HOUR_S


def test_what_moves_away_stands_or_is_far_off_is_none() -> None:
    assert forecasts.forecast(_line(-2.0, 0.5), 50.0, _YEAR_S) is None
    assert forecasts.forecast(_line(0.0, 0.0), 50.0, _YEAR_S) is None
    assert forecasts.forecast(_line(2.0, 0.5), 5000.0, 48 * _HOUR_S) is None
    assert forecasts.forecast(_line(2.0, 0.5, rows=7), 50.0, _YEAR_S) is None


def test_what_is_given_back_in_jumps_is_none() -> None:
    assert forecasts.forecast([(row * 300.0, float(row % 17)) for row in range(200)], 100.0, _YEAR_S) is None


def test_one_burst_moves_the_forecast_hardly() -> None:
    points = _line(2.0, 0.5)
    burst = [(at_s, value + (300 if 60 <= row < 64 else 0)) for row, (at_s, value) in enumerate(points)]
    plain, moved = forecasts.forecast(points, 50.0, _YEAR_S), forecasts.forecast(burst, 50.0, _YEAR_S)
    assert plain is not None
    assert moved is not None
    assert abs(moved.at_s - plain.at_s) < _HOUR_S


def test_the_bounds_hold_the_truth_nine_times_in_ten() -> None:
    held = []
    for seed in range(60):
        found = forecasts.forecast(_line(2.0, 1.0, 60, seed, 0.7 * (seed % 2)), 30.0, _YEAR_S)
        if found is not None:
            held.append(found.earliest_s <= 15 * _HOUR_S and (found.latest_s is None or found.latest_s >= 15 * _HOUR_S))
    assert len(held) > 50
    assert sum(held) / len(held) >= 0.9


def test_noise_alone_is_hardly_ever_a_forecast() -> None:
    false = [forecasts.forecast(_line(0.0, 1.0, 60, seed, 0.7), 20.0, 24 * _HOUR_S) is not None for seed in range(60)]
    assert sum(false) <= 3


# Moments that are one beside the last.
@example([*((float(place), 0.0) for place in range(8)), (1e17, 0.0)], 1.0)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=40), st.floats(-1e12, 1e12))
def test_nothing_that_comes_breaks_it(points: list[tuple[float, float]], limit: float) -> None:
    found = forecasts.forecast(points, limit, _YEAR_S)
    if found is not None:
        assert found.earliest_s <= found.at_s
        assert found.latest_s is None or found.latest_s >= found.earliest_s
