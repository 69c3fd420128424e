"""Fast leaks: growth over minutes against what is usual for this process, and rather a line than two jumps.

Growth is looked at over two stretches: three minutes, in which 100 MB an hour can be told, and half of that, in which
what grows more than twice as fast is told sooner. The short one asks for more in every way.

The more samples there are, the better a line can be told from jumps under noise. Sixty in three minutes, one each three
seconds, find what twelve miss; more often than that is not looked at.
"""

import itertools
import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

FAST_MB_PER_HOUR = 100.0
_STEP_S = 2.5
_SAMPLES_MAX = 80
_GROWTHS_MAX = 240
_GROWTHS_MIN = 40
# A growth is usual only once it is so old that a leak would have been found, so that a leak's own start is not usual yet.
_USUAL_AFTER_S = 180.0
_EDGE_MAX = 1.35


@dataclass(frozen=True, slots=True)
class _Stretch:
    """How long growth is looked at, and what makes it unusual.

    `rate_share` is the least rate, as a share of the rate that is called fast; `spreads_min` is how far above the median of
    what is usual it must be. With fewer samples than `dense`, it must be `most_times` the most that was usual, too. Fewer
    than `samples_min` say nothing, and fewer than `alarm_min` say what is usual and raise no alarm.
    """

    window_s: float
    samples_min: int
    alarm_min: int
    rate_share: float
    spreads_min: float
    dense: int
    most_times: float


_STRETCHES = (
    _Stretch(180.0, samples_min=8, alarm_min=8, rate_share=0.8, spreads_min=5.0, dense=30, most_times=1.2),
    # Seven samples of one each fifteen seconds, as they are kept for who watches next, lie within it. They are too few for an
    # alarm, and even one each three seconds is not dense here.
    _Stretch(95.0, samples_min=6, alarm_min=12, rate_share=2.4, spreads_min=8.0, dense=_SAMPLES_MAX, most_times=2.0),
)
_WINDOW_S = max(one.window_s for one in _STRETCHES)


class FastWatch:
    """Takes samples of one process in order; bounded in memory, and in time a sample."""

    def __init__(self, fast_mb_per_hour: float = FAST_MB_PER_HOUR) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES_MAX)
        self._growths = [_Growth(one, fast_mb_per_hour) for one in _STRETCHES]
        self._rate: float | None = None

    def add(self, time_s: float, size_mb: float, warm: bool) -> float | None:
        """Take a sample; return the rate in MB an hour if this is a fast leak. None before the process is `warm`."""
        samples = self._samples
        if samples and time_s - samples[-1][0] < _STEP_S:
            return self._rate
        samples.append((time_s, size_mb))
        while time_s - samples[0][0] > _WINDOW_S:
            samples.popleft()
        # Each is to know what is usual, whatever the other says.
        rates = [growth.judge(samples) for growth in self._growths] if warm else []
        self._rate = next((rate for rate in rates if rate is not None), None)
        return self._rate


class _Growth:
    """Growth over one stretch, and what is usual of it."""

    def __init__(self, stretch: _Stretch, fast_mb_per_hour: float) -> None:
        self._stretch = stretch
        self._growth_min = stretch.rate_share * fast_mb_per_hour * stretch.window_s / 3600
        # One figure a minute, taken late.
        self._usual: deque[float] = deque(maxlen=_GROWTHS_MAX)
        self._waiting: deque[tuple[float, float]] = deque(maxlen=8)

    def judge(self, samples: Sequence[tuple[float, float]]) -> float | None:
        """Return the rate in MB an hour if the newest of the samples grow as of a leak."""
        stretch, time_s = self._stretch, samples[-1][0]
        newest = [one for one in samples if time_s - one[0] <= stretch.window_s]
        covered_s = time_s - newest[0][0]
        if len(newest) < stretch.samples_min or covered_s < stretch.window_s * 0.9:
            return None
        growth = _least_squares(newest) * covered_s
        alarm = (
            len(newest) >= stretch.alarm_min
            and self._is_unusual(growth, len(newest))
            and _is_rather_a_line([size for _, size in newest])
        )
        if alarm:
            # What is alarming must not become usual.
            self._waiting.clear()
        elif not self._waiting or time_s - self._waiting[-1][0] >= 60:
            self._waiting.append((time_s, growth))
            while self._waiting and time_s - self._waiting[0][0] > _USUAL_AFTER_S:
                self._usual.append(self._waiting.popleft()[1])
        return growth / covered_s * 3600 if alarm else None

    def _is_unusual(self, growth: float, samples: int) -> bool:
        if len(self._usual) < _GROWTHS_MIN or growth < self._growth_min:
            return False
        middle = statistics.median(self._usual)
        spread = 1.4826 * statistics.median(abs(one - middle) for one in self._usual)
        if growth < middle + self._stretch.spreads_min * spread:
            return False
        # With few samples one large jump of before must still count as usual.
        return samples >= self._stretch.dense or growth >= self._stretch.most_times * max(self._usual)


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
