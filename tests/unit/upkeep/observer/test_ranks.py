"""Ranks of sizes, in bounded memory."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.upkeep.observer import ranks


def _taken(sizes: list[float]) -> ranks.Ranks:
    taken = ranks.Ranks()
    for size in sizes:
        taken.add(size)
    return taken


@given(st.lists(st.floats(0, 1e9), max_size=39), st.floats(0, 1e9))
def test_the_surprise_of_few_sizes_is_their_share(sizes: list[float], size: float) -> None:
    at_least = sum(one >= size for one in sizes)
    assert _taken(sizes).surprise(size) == pytest.approx(math.log((len(sizes) + 1) / (at_least + 1)))


def test_among_many_the_rare_ones_are_ranked_exactly() -> None:
    sizes = [float(number) for number in range(10_000)]
    random.Random(2).shuffle(sizes)
    taken = _taken(sizes)
    assert taken.surprise(9_900.0) == pytest.approx(math.log(10_001 / 101))
    assert taken.surprise(5_000.0) == pytest.approx(math.log(2), abs=0.2)
    assert taken.surprise(0.0) == 0.0


def test_a_size_is_the_more_surprising_the_farther_it_is_beyond_all_others() -> None:
    source = random.Random(4)
    taken = _taken([source.expovariate(1) for _ in range(2000)])
    surprises = [taken.surprise(size) for size in (7.0, 8.5, 9.5, 30.0)]
    assert surprises == sorted(surprises)
    assert surprises[2] == pytest.approx(9.5, abs=1.0)
    assert surprises[3] == ranks.SURPRISE_MAX


def test_no_larger_size_is_less_surprising() -> None:
    source = random.Random(5)
    taken = _taken([source.lognormvariate(0, 2) for _ in range(25_000)])
    for size in (0.1, 1.0, 5.0, 20.0, 100.0, 1000.0, 1e4):
        assert taken.surprise(size) <= taken.surprise(size * 1.5) + 0.15


def test_what_was_large_long_ago_counts_less_and_less() -> None:
    taken = _taken([100.0] * 200 + [1.0] * 500)
    before = taken.surprise(100.0)
    for _ in range(60_000):
        taken.add(1.0)
    assert taken.surprise(100.0) > before + 5


@given(st.lists(st.floats(0, 1e9), max_size=600))
def test_a_state_is_all_there_is(sizes: list[float]) -> None:
    taken = _taken(sizes)
    again = ranks.Ranks.from_state(taken.state())
    assert again.state() == taken.state()
    assert [again.surprise(size) for size in (0.0, 1.0, 1e8)] == [taken.surprise(size) for size in (0.0, 1.0, 1e8)]
