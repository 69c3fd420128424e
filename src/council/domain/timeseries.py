"""Samples of one series over time, and how one finds the newest: the form in which gates and sentinels are given them."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# How far back an instant query looks for a sample. Prometheus has the same by default.
LOOKBACK_S = 300.0
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one series, by time. At each time of `ends_s` its source could not be read, or no longer told it."""

    labels: Mapping[str, str]
    times_s: Sequence[float]
    values: Sequence[float]
    ends_s: Sequence[float] = field(default=())

    def last(self, now_s: float, lookback_s: float = LOOKBACK_S) -> tuple[float, float] | None:
        """Return time and value of the newest sample, None where there is none or the series ended after it."""
        place = bisect.bisect_right(self.times_s, now_s) - 1
        if place < 0 or self.times_s[place] < now_s - lookback_s:
            return None
        ended = bisect.bisect_right(self.ends_s, now_s) - 1
        if ended >= 0 and self.ends_s[ended] > self.times_s[place]:
            return None
        return self.times_s[place], self.values[place]

    def within(self, start_s: float, end_s: float) -> Points:
        """Return the samples of a window, oldest first."""
        low, high = bisect.bisect_left(self.times_s, start_s), bisect.bisect_right(self.times_s, end_s)
        return list(zip(self.times_s[low:high], self.values[low:high], strict=True))
