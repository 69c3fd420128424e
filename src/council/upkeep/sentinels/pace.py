"""Rules over what comes to an end at the pace of now: a disk that fills, a day's quota that is spent.

Two paces are looked at. The slow one is a median slope over an hour, so that single files and calls say little. The fast one
is that of the last four minutes, and counts only where it went on in each of them.
"""

import itertools

from council.domain import gates, sentinels
from council.upkeep.sentinels import counts, findings, leak

_SLOW_BUCKET_S, _SLOW_BUCKETS, _SLOW_BUCKETS_MIN = 300.0, 12, 6
_FAST_BUCKET_S, _FAST_BUCKETS = 60.0, 5
_DAY_S = 86_400.0
# Before a tenth of a quota is spent, a pace says too little about the day.
_DRIFT_SHARE_MIN = 0.1
_HOUR_S = 3600.0


class Pace:
    """How fast a figure rises, a second, or None: by the slow and by the fast way."""

    def __init__(self) -> None:
        self._slow = counts.Floors(_SLOW_BUCKET_S, _SLOW_BUCKETS)
        self._fast = counts.Floors(_FAST_BUCKET_S, _FAST_BUCKETS)

    def take(self, time_s: float, value: float) -> None:
        """Take a sample."""
        self._slow.take(time_s, value)
        self._fast.take(time_s, value)

    def slow(self) -> float | None:
        """Return the median slope of the last hour's slower half, after half an hour: one large file is in one half alone."""
        floors = list(self._slow.ended)
        if len(floors) < _SLOW_BUCKETS_MIN:
            return None
        half = len(floors) // 2
        return min(leak.slope(one, _SLOW_BUCKET_S).middle for one in (floors[:half], floors[-half:])) / _HOUR_S

    def fast(self) -> float | None:
        """Return the pace of the last minutes if each of them rose, 0 if not, None before."""
        floors = list(self._fast.ended)
        if len(floors) < _FAST_BUCKETS:
            return None
        if any(later <= earlier for earlier, later in itertools.pairwise(floors)):
            return 0.0
        return (floors[-1] - floors[0]) / ((_FAST_BUCKETS - 1) * _FAST_BUCKET_S)


class FillsWatch:
    """Judges how soon something is full. Its value is in hours."""

    def __init__(self, rule: sentinels.Fills):
        self._rule = rule
        self._pace = Pace()

    def judge(self, time_s: float, used: float, size: float) -> findings.Said:
        """Take a sample. The fast pace must bring the end an eighth of the hours near: much is written for minutes only."""
        self._pace.take(time_s, used)
        slow, fast = self._pace.slow(), self._pace.fast()
        if slow is None and fast is None:
            return findings.Said(gates.Verdict.UNKNOWN, None, "Growth can be told after five minutes.")
        left = max(0.0, size - used)
        slow_h, fast_h = _hours(left, slow), _hours(left, fast)
        soonest_h = min(slow_h, fast_h)
        verdict = gates.Verdict.GREEN
        if slow_h < self._rule.red_h or fast_h < self._rule.red_h / 8:
            verdict = gates.Verdict.RED
        elif slow_h < self._rule.amber_h or fast_h < self._rule.amber_h / 8:
            verdict = gates.Verdict.AMBER
        if verdict is gates.Verdict.GREEN:
            return findings.Said(
                verdict, None if soonest_h == float("inf") else soonest_h, f"{left / 1e9:.1f} GB are free."
            )
        return findings.Said(
            verdict, soonest_h, f"{left / 1e9:.1f} GB are free, and used up in {_told(soonest_h)} at the pace of now."
        )


class DriftWatch:
    """Judges what is spent of a day's quota against the time of day. Its value is the share expected by midnight UTC."""

    def __init__(self, rule: sentinels.Drift):
        self._rule = rule
        self._pace = Pace()
        self._day = -1

    def judge(self, time_s: float, spent: float, quota: float) -> findings.Said:
        """Take a sample of what was spent since midnight UTC."""
        if quota <= 0:
            return findings.Said(
                gates.Verdict.NOT_APPLICABLE, None, "There is no quota for a day. `budget.day_usd_micros` sets one."
            )
        day = int(time_s // _DAY_S)
        if day != self._day:
            self._day, self._pace = day, Pace()
        self._pace.take(time_s, spent)
        passed_s = time_s % _DAY_S
        share = spent / quota
        if share >= 1:
            return findings.Said(gates.Verdict.RED, 100 * share, f"{share:.0%} of today's quota is spent.")
        slow, fast = self._pace.slow(), self._pace.fast()
        # Early in the day the day so far is all there is; the pace of now counts where it is known.
        pace = slow if slow is not None else spent / max(passed_s, _HOUR_S)
        expected = (spent + pace * (_DAY_S - passed_s)) / quota
        gone_h = _hours(quota - spent, fast)
        told = f"{share:.0%} of today's quota is spent when {passed_s / _DAY_S:.0%} of the day is over"
        if gone_h < self._rule.red_h:
            return findings.Said(
                gates.Verdict.RED, 100 * expected, f"{told}; at the pace of now it is used up in {_told(gone_h)}."
            )
        if expected > 1 and share >= _DRIFT_SHARE_MIN:
            return findings.Said(gates.Verdict.AMBER, 100 * expected, f"{told}; at this pace it does not last.")
        return findings.Said(gates.Verdict.GREEN, 100 * expected, f"{told}.")


def _hours(left: float, a_second: float | None) -> float:
    return left / a_second / _HOUR_S if a_second is not None and a_second > 0 else float("inf")


def _told(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
