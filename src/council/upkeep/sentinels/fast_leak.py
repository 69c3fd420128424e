"""Fast leaks: growth over three minutes against what is usual for this process, and rather a line than two jumps.

The more samples there are, the better a line can be told from jumps under noise. Sixty, one each three seconds, find what
twelve miss; more often than that is not looked at.
"""

import itertools
import math
import statistics
from collections import deque
from collections.abc import Sequence

FAST_MB_PER_HOUR = 100.0
_WINDOW_S = 180.0
_STEP_S = 2.5
_SAMPLES_MAX = 80
_SAMPLES_MIN = 8
# With fewer, one large jump of before must still count as usual.
_SAMPLES_DENSE = 30
_GROWTHS_MAX = 240
_GROWTHS_MIN = 40
_SPREADS_MIN = 5.0
_EDGE_MAX = 1.35


class FastWatch:
    """Takes samples of one process in order; bounded in memory, and in time a sample."""

    def __init__(self, fast_mb_per_hour: float = FAST_MB_PER_HOUR) -> None:
        self._growth_min = 0.8 * fast_mb_per_hour * _WINDOW_S / 3600
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES_MAX)
        # One figure a minute, taken only after it is three minutes old, so that a leak's own start is not usual yet.
        self._growths: deque[float] = deque(maxlen=_GROWTHS_MAX)
        self._waiting: deque[tuple[float, float]] = deque(maxlen=8)
        self._rate: float | None = None

    def add(self, time_s: float, size_mb: float, warm: bool) -> float | None:
        """Take a sample; return the rate in MB an hour if this is a fast leak. None before the process is `warm`."""
        samples = self._samples
        if samples and time_s - samples[-1][0] < _STEP_S:
            return self._rate
        samples.append((time_s, size_mb))
        self._rate = self._judge(time_s, warm)
        return self._rate

    def _judge(self, time_s: float, warm: bool) -> float | None:
        samples = self._samples
        while time_s - samples[0][0] > _WINDOW_S:
            samples.popleft()
        covered_s = time_s - samples[0][0]
        if not warm or len(samples) < _SAMPLES_MIN or covered_s < _WINDOW_S * 0.9:
            return None
        growth = _least_squares(samples) * covered_s
        alarm = self._unusual(growth)
        if alarm:
            # What is alarming must not become usual.
            self._waiting.clear()
        elif not self._waiting or time_s - self._waiting[-1][0] >= 60:
            self._waiting.append((time_s, growth))
            while self._waiting and time_s - self._waiting[0][0] > _WINDOW_S:
                self._growths.append(self._waiting.popleft()[1])
        return growth / covered_s * 3600 if alarm else None

    def _unusual(self, growth: float) -> bool:
        if len(self._growths) < _GROWTHS_MIN or growth < self._growth_min:
            return False
        usual = statistics.median(self._growths)
        spread = 1.4826 * statistics.median(abs(one - usual) for one in self._growths)
        if growth < usual + _SPREADS_MIN * spread:
            return False
        if len(self._samples) < _SAMPLES_DENSE and growth < 1.2 * max(self._growths):
            return False
        return _is_rather_a_line([size for _, size in self._samples])


def _least_squares(samples: Sequence[tuple[float, float]]) -> float:
    middle_s = sum([time_s for time_s, _ in samples]) / len(samples)
    from_middle = [time_s - middle_s for time_s, _ in samples]
    spread = sum([away * away for away in from_middle])
    return sum([away * size for away, (_, size) in zip(from_middle, samples, strict=True)]) / spread


def _is_rather_a_line(sizes: Sequence[float]) -> bool:
    """Say whether a line fits the sizes about as well as the best two jumps, which have three figures more to fit with."""
    count = len(sizes)
    middle = (count - 1) / 2
    spread = count * (count * count - 1) / 12
    rate = sum((place - middle) * size for place, size in enumerate(sizes)) / spread
    squares = _Squares(sizes)
    from_line = squares.between(0, count) - rate * rate * spread
    from_jumps = min(
        squares.between(0, first) + squares.between(first, second) + squares.between(second, count)
        for first, second in itertools.combinations(range(1, count), 2)
    )
    # What three figures more may win by chance, as the Bayesian information criterion counts it.
    edge = min(_EDGE_MAX, math.exp(3 * math.log(count) / count))
    return from_line < edge * from_jumps


class _Squares:
    """The squares of what values differ from their mean, of any stretch of them, at the price of one step."""

    def __init__(self, values: Sequence[float]):
        # From the first on, so that little is lost where values are large and differ little.
        shifted = [value - values[0] for value in values]
        self._sums = [0.0, *itertools.accumulate(shifted)]
        self._squares = [0.0, *itertools.accumulate(value * value for value in shifted)]

    def between(self, first: int, end: int) -> float:
        total = self._sums[end] - self._sums[first]
        return self._squares[end] - self._squares[first] - total * total / (end - first)
