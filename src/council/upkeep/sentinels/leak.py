"""Does a process leak memory? A verdict from samples of its size, taken as they come.

Most of what grows is no leak: caches fill, collectors let garbage pile up, load swings with the day. So the rule for slow
leaks looks only at the least size in each ten minutes, leaves out the first half hour of a process, takes single jumps
out, and asks that growth is steady: a robust slope above 5 MB an hour, whose lower bound, and whose halves, are clearly
above nothing. Once two days are known, each time of day is compared with the same time on the days before.

Fast leaks cannot wait for that. They are called when three minutes grow by more than this process ever does on its own,
not in one jump. See docs/explanation/how-leaks-are-told.md for how often each rule is right.
"""

import itertools
import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MB = 1_000_000

WARM_UP_S = 1800.0
BUCKET_S = 600.0
_BUCKETS_A_DAY = 144
# Four hours less the warm-up, and a bucket that is still open.
_BUCKETS_MIN = 20
_BUCKETS_WINDOW = 24
# Two days before the window.
_BUCKETS_MAX = 2 * _BUCKETS_A_DAY + _BUCKETS_WINDOW

SLOW_MB_PER_HOUR = 5.0
# Of the slow rate: what growth is at least, 98 % sure.
_SURELY_SHARE = 0.4
# One-sided, 98 %.
_SURE_Z = 2.054

FAST_MB_PER_HOUR = 100.0
_FAST_S = 180.0
_FAST_STEP_S = 9.0
_SAMPLES_MAX = 32
_GROWTHS_MAX = 240
_GROWTHS_MIN = 40
_FAST_SAMPLES_MIN = 8
_FAST_Z = 5.0
_JUMPS_EDGE = 1.35

Verdict = Literal["unknown", "steady", "leak", "fast leak"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the samples say now. `reason` is a sentence for people; rates are None where nothing could be computed.

    `naive_alarm` is what "grew by more than 5 MB in an hour" would say of the same samples.
    """

    verdict: Verdict
    reason: str
    rate_mb_per_hour: float | None = None
    lower_mb_per_hour: float | None = None
    naive_alarm: bool | None = None


@dataclass(frozen=True, slots=True)
class Slope:
    """A robust slope and what it is at least, 98 % sure, in MB an hour."""

    middle: float
    lower: float


def slope(values_mb: Sequence[float], step_s: float = BUCKET_S) -> Slope:
    """Return Theil and Sen's slope of evenly spaced values, with Sen's lower bound. Takes n * n / 2 steps."""
    count = len(values_mb)
    rises = sorted(
        (later - earlier) / (apart * step_s) * 3600
        for apart in range(1, count)
        for earlier, later in zip(values_mb, itertools.islice(values_mb, apart, None), strict=False)
    )
    spread = _SURE_Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    lowest = max(0, math.floor((len(rises) - spread) / 2))
    return Slope(statistics.median(rises), rises[lowest])


class LeakWatch:
    """Takes samples of one process in order and judges. Keeps at most 52 hours, as one figure for ten minutes."""

    def __init__(
        self,
        age_at_start_s: float = 0.0,
        slow_mb_per_hour: float = SLOW_MB_PER_HOUR,
        fast_mb_per_hour: float = FAST_MB_PER_HOUR,
    ):
        """`age_at_start_s` says how long the process had run at the first sample: an old one needs no warm-up."""
        self._slow_mb_per_hour = slow_mb_per_hour
        self._born_s: float | None = None
        self._age_at_start_s = age_at_start_s
        self._buckets: deque[float] = deque(maxlen=_BUCKETS_MAX)
        self._open_bucket = -1
        self._open_mb = math.inf
        self._slow = Judgement("unknown", "No sample yet.")
        self._naive = _Naive()
        self._fast = _Fast(fast_mb_per_hour)
        self._fast_rate: float | None = None

    def add(self, time_s: float, size_bytes: int) -> None:
        """Take one sample. Times must not go back; a gap of more than half an hour begins anew."""
        size_mb = size_bytes / MB
        if self._born_s is None:
            self._born_s = time_s - self._age_at_start_s
        age_s = time_s - self._born_s
        self._naive.add(time_s, size_mb)
        self._fast_rate = self._fast.add(time_s, size_mb, age_s >= WARM_UP_S)
        if age_s < WARM_UP_S:
            left_min = math.ceil((WARM_UP_S - age_s) / 60)
            self._slow = Judgement("unknown", f"The process is warming up, {left_min} minutes left.")
            return
        self._add_to_bucket(int(age_s // BUCKET_S), size_mb)

    def judge(self) -> Judgement:
        """Return what is to be said now."""
        if self._fast_rate is not None:
            rate = self._fast_rate
            return Judgement(
                "fast leak",
                f"Memory grows by {rate:.0f} MB an hour, more than this process does on its own.",
                rate,
                None,
                self._naive.alarm,
            )
        slow = self._slow
        return Judgement(slow.verdict, slow.reason, slow.rate_mb_per_hour, slow.lower_mb_per_hour, self._naive.alarm)

    def _add_to_bucket(self, bucket: int, size_mb: float) -> None:
        if bucket == self._open_bucket:
            self._open_mb = min(self._open_mb, size_mb)
            return
        if self._open_bucket >= 0:
            missed = bucket - self._open_bucket - 1
            if missed > WARM_UP_S / BUCKET_S:
                self._buckets.clear()
            else:
                self._buckets.extend([self._open_mb] * (missed + 1))
            self._slow = judge_buckets(self._buckets, self._slow_mb_per_hour)
        self._open_bucket, self._open_mb = bucket, size_mb


def judge_buckets(buckets_mb: Sequence[float], slow_mb_per_hour: float = SLOW_MB_PER_HOUR) -> Judgement:
    """Judge slow growth from the least size in each ten minutes, oldest first, warm-up left out."""
    values = list(buckets_mb)
    if len(values) < _BUCKETS_MIN:
        left_min = round((_BUCKETS_MIN - len(values)) * BUCKET_S / 60)
        return Judgement("unknown", f"Slow growth can be told in {left_min} minutes.")
    window = values[-_BUCKETS_WINDOW:]
    if len(values) < _BUCKETS_A_DAY + _BUCKETS_WINDOW:
        return _judge_window(window, slow_mb_per_hour)
    if len(values) < _BUCKETS_MAX:
        yesterday = values[-_BUCKETS_WINDOW - _BUCKETS_A_DAY : -_BUCKETS_A_DAY]
        return _judge_with_yesterday(window, yesterday, slow_mb_per_hour)
    standing = _judge_days(values, slow_mb_per_hour)
    if standing is not None:
        return standing
    before = values[:-_BUCKETS_WINDOW]
    usual = [
        (before[-2 * _BUCKETS_A_DAY + place] + before[-_BUCKETS_A_DAY + place]) / 2 for place in range(_BUCKETS_WINDOW)
    ]
    return _judge_window([now - then for now, then in zip(window, usual, strict=True)], slow_mb_per_hour)


def _judge_with_yesterday(window: list[float], yesterday: list[float], slow_mb_per_hour: float) -> Judgement:
    """Judge a window, but take no rise for a leak that came at the same time yesterday and went away since."""
    judged = _judge_window(window, slow_mb_per_hour)
    more = [now - then for now, then in zip(window, yesterday, strict=True)]
    surely = _SURELY_SHARE * slow_mb_per_hour
    rises_more = slope(more).middle > surely or statistics.median(more) / 24 > slow_mb_per_hour
    if judged.verdict != "leak" or rises_more:
        return judged
    reason = "It rises as it did at the same time yesterday."
    return Judgement("steady", reason, judged.rate_mb_per_hour, judged.lower_mb_per_hour)


def _judge_days(values: list[float], slow_mb_per_hour: float) -> Judgement | None:
    """Find growth from day to day: the same hours, a day and two days before."""
    now = statistics.median(values[-_BUCKETS_WINDOW:])
    day = statistics.median(values[-_BUCKETS_WINDOW - _BUCKETS_A_DAY : -_BUCKETS_A_DAY])
    two_days = statistics.median(values[:_BUCKETS_WINDOW])
    last, before = (now - day) / 24, (day - two_days) / 24
    if last <= slow_mb_per_hour or before <= _SURELY_SHARE * slow_mb_per_hour:
        return None
    return Judgement(
        "leak", f"Memory grew by {last:.1f} MB an hour against the same hours yesterday.", last, min(last, before)
    )


def _judge_window(window: list[float], slow_mb_per_hour: float) -> Judgement:
    surely = _SURELY_SHARE * slow_mb_per_hour
    raw = slope(window)
    smooth = _without_jumps(window)
    steady = slope(smooth)
    half, third = len(smooth) // 2, len(smooth) // 3
    halves = [slope(smooth[:half]).middle, slope(smooth[-half:]).middle]
    thirds = [slope(smooth[-2 * third : -third]).middle, slope(smooth[-third:]).middle]
    rate, lower = steady.middle, steady.lower
    if rate <= slow_mb_per_hour or lower <= surely:
        return Judgement("steady", f"The floor moves by {raw.middle:.1f} MB an hour.", rate, lower)
    if raw.middle <= surely:
        return Judgement("steady", "What grows is given back in jumps.", rate, lower)
    slows = halves[1] < halves[0] * 0.35 and thirds[1] < thirds[0] * 0.4
    if min(halves) <= surely or slows:
        return Judgement("steady", "Growth slows down, as of a cache that fills.", rate, lower)
    return Judgement("leak", f"The floor of memory rises by {rate:.1f} MB an hour, at least {lower:.1f}.", rate, lower)


def _without_jumps(values: list[float]) -> list[float]:
    """Return the values with single jumps replaced by the usual change, so that a cache that was filled is no slope."""
    changes = [later - earlier for earlier, later in itertools.pairwise(values)]
    usual = statistics.median(changes)
    spread = 1.4826 * statistics.median(abs(change - usual) for change in changes)
    bound = max(4 * spread, 2.0)
    kept = (change if abs(change - usual) <= bound else usual for change in changes)
    return list(itertools.accumulate(kept, initial=values[0]))


class _Fast:
    """Growth over three minutes against what is usual for this process."""

    def __init__(self, fast_mb_per_hour: float) -> None:
        self._growth_min = 0.8 * fast_mb_per_hour * _FAST_S / 3600
        self._samples: deque[tuple[float, float]] = deque(maxlen=_SAMPLES_MAX)
        # One figure a minute, taken only after it is three minutes old, so that a leak's own start is not usual yet.
        self._growths: deque[float] = deque(maxlen=_GROWTHS_MAX)
        self._waiting: deque[tuple[float, float]] = deque(maxlen=8)
        self._rate: float | None = None

    def add(self, time_s: float, size_mb: float, warm: bool) -> float | None:
        """Take a sample; return the rate in MB an hour if this is a fast leak."""
        samples = self._samples
        # More often tells nothing more, and what is looked at has a bound.
        if samples and time_s - samples[-1][0] < _FAST_STEP_S:
            return self._rate
        samples.append((time_s, size_mb))
        self._rate = self._judge(time_s, warm)
        return self._rate

    def _judge(self, time_s: float, warm: bool) -> float | None:
        samples = self._samples
        while time_s - samples[0][0] > _FAST_S:
            samples.popleft()
        covered_s = time_s - samples[0][0]
        if not warm or len(samples) < _FAST_SAMPLES_MIN or covered_s < _FAST_S * 0.9:
            return None
        growth = _least_squares(samples) * covered_s
        alarm = self._unusual(growth)
        if alarm:
            # What is alarming must not become usual.
            self._waiting.clear()
        elif not self._waiting or time_s - self._waiting[-1][0] >= 60:
            self._waiting.append((time_s, growth))
            while self._waiting and time_s - self._waiting[0][0] > _FAST_S:
                self._growths.append(self._waiting.popleft()[1])
        return growth / covered_s * 3600 if alarm else None

    def _unusual(self, growth: float) -> bool:
        if len(self._growths) < _GROWTHS_MIN or growth < self._growth_min:
            return False
        usual = statistics.median(self._growths)
        spread = 1.4826 * statistics.median(abs(one - usual) for one in self._growths)
        if growth < usual + _FAST_Z * spread or growth < 1.2 * max(self._growths):
            return False
        return _is_rather_a_line([size for _, size in self._samples])


def _least_squares(samples: Sequence[tuple[float, float]]) -> float:
    middle_s = statistics.fmean(time_s for time_s, _ in samples)
    spread = sum((time_s - middle_s) ** 2 for time_s, _ in samples)
    return sum((time_s - middle_s) * size for time_s, size in samples) / spread


def _is_rather_a_line(sizes: list[float]) -> bool:
    """Say whether a line fits the sizes about as well as the best two jumps, which have more to fit with."""
    places = [float(place) for place in range(len(sizes))]
    rate = _least_squares(list(zip(places, sizes, strict=True)))
    from_line = _squares([size - rate * place for place, size in zip(places, sizes, strict=True)])
    from_jumps = min(
        _squares(sizes[:first]) + _squares(sizes[first:second]) + _squares(sizes[second:])
        for first, second in itertools.combinations(range(1, len(sizes)), 2)
    )
    return from_line < _JUMPS_EDGE * from_jumps


def _squares(values: list[float]) -> float:
    middle = statistics.fmean(values)
    return sum((value - middle) ** 2 for value in values)


class _Naive:
    """The rule that everybody writes first: more than 5 MB in an hour."""

    def __init__(self) -> None:
        # A figure a minute is enough for a rule of an hour.
        self._sizes: deque[tuple[float, float]] = deque(maxlen=64)
        self.alarm: bool | None = None

    def add(self, time_s: float, size_mb: float) -> None:
        sizes = self._sizes
        if not sizes or time_s - sizes[-1][0] >= 60:
            sizes.append((time_s, size_mb))
        while time_s - sizes[0][0] > 3600:
            sizes.popleft()
        self.alarm = size_mb - sizes[0][1] > SLOW_MB_PER_HOUR if time_s - sizes[0][0] >= 3500 else None
