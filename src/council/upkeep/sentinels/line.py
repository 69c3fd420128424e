"""Whether the last readings of a figure rise in a line, and how fast: nearly as much at any of them as at any other.

What begins, what fills and what comes in a burst rises in jumps, or slower and slower. What leaks rises as it is read.
"""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# Readings that come sooner after one another say more about when they were taken than about what rises.
_STEP_S = 2.0
_SAMPLES_MAX = 16


@dataclass(frozen=True, slots=True)
class Form:
    """How long a line must be, in readings and in seconds, and how even.

    All readings of the last `window_s` must lie in it: only of what has just begun there are fewer. `step_least` and
    `step_most` are what it rises by between two readings, as shares of what it rises by on the whole, and `late_least` what
    it rises by in its second half, as a share of the first.
    """

    samples_min: int
    covered_min_s: float
    window_s: float
    step_least: float
    step_most: float
    late_least: float


class Line:
    """Takes readings of one figure in order; bounded in memory, and in time a reading."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES_MAX)

    def add(self, time_s: float, value: float) -> None:
        """Take a reading."""
        if not self._samples or time_s - self._samples[-1][0] >= _STEP_S:
            self._samples.append((time_s, value))

    def a_second(self, form: Form) -> float | None:
        """Return by how much it rises a second, None where the last readings are no line."""
        samples = [one for one in self._samples if self._samples[-1][0] - one[0] <= form.window_s]
        if len(samples) < form.samples_min:
            return None
        (first_s, first), (last_s, last) = samples[0], samples[-1]
        if last_s - first_s < form.covered_min_s or last <= first:
            return None
        a_second = (last - first) / (last_s - first_s)
        return a_second if _is_even(samples, a_second, form) else None


def _is_even(samples: Sequence[tuple[float, float]], a_second: float, form: Form) -> bool:
    steps = [
        (later - value) / (later_s - at_s) / a_second for (at_s, value), (later_s, later) in itertools.pairwise(samples)
    ]
    half = len(steps) // 2
    is_even = min(steps) >= form.step_least and max(steps) <= form.step_most
    return is_even and sum(steps[-half:]) >= form.late_least * sum(steps[:half])
