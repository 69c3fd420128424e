"""Does a process leak memory? A verdict from samples of its size, taken as they come.

Most of what grows is no leak: caches fill, collectors let garbage pile up, load swings with the day. So the rule for slow
leaks looks only at the least size in each ten minutes, leaves out the first half hour of a process, takes single jumps
out, and asks that growth is steady: a robust slope above 5 MB an hour, whose lower bound, and whose halves, are clearly
above nothing. Once two days are known, each time of day is compared with the same time on the days before.

Fast leaks cannot wait for that: see `fast_leak`, and `fresh_leak` for a process that has just begun. How often each rule is
right is in docs/explanation/how-leaks-are-told.md.
"""

import itertools
import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from council.upkeep.sentinels import fast_leak, fresh_leak

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
        fast_mb_per_hour: float = fast_leak.FAST_MB_PER_HOUR,
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
        self._fast = fast_leak.FastWatch(fast_mb_per_hour)
        self._fast_rate: float | None = None
        self._fresh = fresh_leak.FreshWatch(fast_mb_per_hour)
        self._fresh_rate: float | None = None

    def add(self, time_s: float, size_bytes: int, *, is_settled: bool = False) -> None:
        """Take one sample. Times must not go back; a gap of more than half an hour begins anew.

        `is_settled`: it reads nothing large any more, as it may when it begins, so that even growth says something at once.
        """
        size_mb = size_bytes / MB
        if self._born_s is None:
            self._born_s = time_s - self._age_at_start_s
        age_s = time_s - self._born_s
        self._naive.add(time_s, size_mb)
        self._fast_rate = self._fast.add(time_s, size_mb, age_s >= WARM_UP_S)
        is_young = is_settled and age_s < fresh_leak.YOUNG_S
        self._fresh_rate = self._fresh.add(time_s, size_mb) if is_young else None
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
        if self._fresh_rate is not None:
            rate = self._fresh_rate
            reason = f"Memory grows evenly by {rate:.0f} MB an hour, in a process that has just begun."
            return Judgement("fast leak", reason, rate, None, self._naive.alarm)
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
