"""Leaks of a process that has just begun: growth by a megabyte a second or more, in a line, half a minute long.

Of a young process nobody knows what is usual, and what begins takes memory by and by. So this rule asks for growth that is far
beyond the fast rate and nearly the same at each reading, which most of it is not; and it is asked only once a service has read
what it reads as it begins, for reading can be as even as a leak.
"""

import itertools
from collections import deque

# Until then `fast_leak` does not know what is usual: its warm-up, and the minutes of which it needs to have seen growth.
YOUNG_S = 4500.0
# Of the rate that is called fast.
_TIMES = 36
_STEP_S = 2.5
_WINDOW_S, _COVERED_MIN_S, _SAMPLES_MIN = 32.0, 24.0, 6
# Growth between two readings, as a share of what it is on the whole.
_STEP_LEAST, _STEP_MOST = 0.4, 2.0


class FreshWatch:
    """Takes samples of one process in order, from its beginning on; bounded in memory, and in time a sample."""

    def __init__(self, fast_mb_per_hour: float) -> None:
        self._rate_min = _TIMES * fast_mb_per_hour
        self._samples: deque[tuple[float, float]] = deque()
        self._rate: float | None = None

    def add(self, time_s: float, size_mb: float) -> float | None:
        """Take a sample; return the rate in MB an hour if this is a leak."""
        samples = self._samples
        if samples and time_s - samples[-1][0] < _STEP_S:
            return self._rate
        samples.append((time_s, size_mb))
        while time_s - samples[0][0] > _WINDOW_S:
            samples.popleft()
        self._rate = self._judged()
        return self._rate

    def _judged(self) -> float | None:
        (first_s, first_mb), (last_s, last_mb) = self._samples[0], self._samples[-1]
        covered_s = last_s - first_s
        if len(self._samples) < _SAMPLES_MIN or covered_s < _COVERED_MIN_S:
            return None
        a_second = (last_mb - first_mb) / covered_s
        if a_second * 3600 < self._rate_min:
            return None
        steps = [
            (later_mb - mb) / (later_s - at_s) / a_second
            for (at_s, mb), (later_s, later_mb) in itertools.pairwise(self._samples)
        ]
        is_line = min(steps) >= _STEP_LEAST and max(steps) <= _STEP_MOST
        return a_second * 3600 if is_line else None
