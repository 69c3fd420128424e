"""What counters rose by and how often they fell is the same however it is counted."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from council.upkeep.gates import windows

COUNTS = st.lists(st.floats(0, 1e9) | st.integers(0, 9).map(float) | st.just(math.nan), min_size=2, max_size=40)


@given(COUNTS)
def test_each_fall_of_a_counter_is_a_reset(counts: list[float]) -> None:
    points = [(5.0 * place, count) for place, count in enumerate(counts)]
    assert windows.resets(points) == sum(after < before for before, after in itertools.pairwise(counts))


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40))
def test_a_counter_that_fell_rose_from_nought_again(counts: list[int]) -> None:
    points = [(5.0 * place, float(count)) for place, count in enumerate(counts)]
    rose = sum(after - before if after >= before else after for before, after in itertools.pairwise(counts))
    # Sampled from edge to edge, nothing is extended.
    assert windows.increase(points, 0.0, points[-1][0]) == rose
