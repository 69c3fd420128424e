"""Since when a level is another one."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import anomalies as told
from council.upkeep.observer import change_points


def _changes(value: Callable[[int], float], rows: int = 960) -> list[told.ChangePoint]:
    return change_points.change_points([(row * 60.0, value(row)) for row in range(rows)])


def _noise(spread: float = 1.0) -> Callable[[int], float]:
    source = random.Random(9)
    return lambda _row: source.gauss(0, spread)


def test_noise_has_none() -> None:
    noise = _noise()
    assert not _changes(noise)


def test_a_step_is_found_to_the_minute() -> None:
    noise = _noise()
    [change] = _changes(lambda row: noise(row) + (6 if row >= 613 else 0))
    assert abs(change.at_s - 613 * 60) <= 60
    assert (round(change.before), round(change.after)) == (0, 6)
    assert change.spreads > 3


def test_what_went_up_and_came_down_again_is_two_changes() -> None:
    noise = _noise()
    found = _changes(lambda row: noise(row) + (6 if 300 <= row < 450 else 0))
    assert [round(change.at_s / 3600) for change in found] == [5, 8]


def test_a_flat_line_has_none_and_its_step_is_one() -> None:
    assert not _changes(lambda _row: 5.0)
    assert [change.at_s for change in _changes(lambda row: 5.0 if row < 333 else 6.0)] == [333 * 60.0]


@pytest.mark.parametrize(
    "value",
    [
        lambda row: 100.0 if row in (400, 401) else 5.0,
        lambda row: row * 0.1,
        lambda row: math.sin(2 * math.pi * row / 960),
        lambda row: float(row % 50),
    ],
    ids=["spike", "trend", "day", "sawtooth"],
)
def test_what_is_no_change_of_level_is_none(value: Callable[[int], float]) -> None:
    noise = _noise(0.02)
    assert not _changes(lambda row: value(row) + noise(row))


def test_few_points_say_nothing() -> None:
    assert not _changes(lambda row: 0.0 if row < 7 else 9.0, 15)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=60))
def test_nothing_that_comes_breaks_it(points: list[tuple[float, float]]) -> None:
    for change in change_points.change_points(points):
        assert math.isfinite(change.at_s)
        assert change.spreads >= 2
