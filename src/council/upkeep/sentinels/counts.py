"""Rules over counts that should not pile up: threads, children, sockets, tasks, and what waits in a queue.

A count is judged by its least value in each bucket of time: what is given back between is no pile.
"""

import itertools
import statistics
from collections import deque

from council.domain import gates, sentinels
from council.upkeep.sentinels import findings

_BUCKETS = 12
# Of eleven steps: one may stand still or fall.
_RISES_MIN = 10
_QUEUE_BUCKETS = 10
# After so long without a sample, what was before says nothing about now.
_GAP_BUCKETS_MAX = 2


class Floors:
    """The least value in each bucket of time that has ended, oldest first; a long gap begins anew."""

    def __init__(self, bucket_s: float, buckets: int):
        self._bucket_s = bucket_s
        self.ended: deque[float] = deque(maxlen=buckets)
        self._open: tuple[int, float] | None = None

    def take(self, time_s: float, value: float) -> None:
        """Take a sample."""
        bucket = int(time_s // self._bucket_s)
        if self._open is not None and self._open[0] == bucket:
            self._open = (bucket, min(value, self._open[1]))
            return
        if self._open is not None:
            if bucket - self._open[0] > _GAP_BUCKETS_MAX:
                self.ended.clear()
            else:
                self.ended.append(self._open[1])
        self._open = (bucket, value)

    @property
    def missing_s(self) -> float:
        """How long it takes until there are as many as there may be."""
        return ((self.ended.maxlen or 0) - len(self.ended)) * self._bucket_s


class PileWatch:
    """Judges a count that should not rise for an hour, by enough to matter."""

    def __init__(self, rule: sentinels.Pile, what: str):
        self._rule, self._what = rule, what
        self._floors = Floors(rule.bucket_s, _BUCKETS)

    def judge(self, time_s: float, count: float) -> findings.Said:
        """Take a sample."""
        self._floors.take(time_s, count)
        if self._floors.missing_s > 0:
            left_min = round(self._floors.missing_s / 60)
            return findings.Said(
                gates.Verdict.UNKNOWN, count, f"{count:g} now. Growth can be told in {left_min} minutes."
            )
        floors = self._floors.ended
        first, last = floors[0], floors[-1]
        rises = sum(later > earlier for earlier, later in itertools.pairwise(floors))
        if last - first < self._rule.rise_min or rises < _RISES_MIN:
            return findings.Said(gates.Verdict.GREEN, count, f"{count:g} now.")
        minutes = round(_BUCKETS * self._rule.bucket_s / 60)
        verdict = gates.Verdict.RED if last >= 2 * first else gates.Verdict.AMBER
        reason = f"The least number of {self._what} rose from {first:g} to {last:g} within {minutes} minutes."
        return findings.Said(verdict, count, reason)


class QueueWatch:
    """Judges a queue: it grows where it is never empty, and its floor is higher in the last third than in the first."""

    def __init__(self, rule: sentinels.Queue):
        self._rule = rule
        self._floors = Floors(rule.window_s / _QUEUE_BUCKETS, _QUEUE_BUCKETS)

    def judge(self, time_s: float, count: float) -> findings.Said:
        """Take a sample. An empty queue is well at once; a full one is told once the window has passed."""
        self._floors.take(time_s, count)
        floors = list(self._floors.ended)
        if count == 0 or len(floors) < _QUEUE_BUCKETS or min(floors) == 0:
            return findings.Said(gates.Verdict.GREEN, count, f"{count:g} wait now.")
        third = _QUEUE_BUCKETS // 3
        first, last = statistics.median(floors[:third]), statistics.median(floors[-third:])
        if last <= first:
            return findings.Said(gates.Verdict.GREEN, count, f"{count:g} wait now, and it does not get longer.")
        verdict = gates.Verdict.RED if min(floors[-third:]) >= self._rule.red else gates.Verdict.AMBER
        reason = f"It was never empty for {self._rule.window_s:g} s, and its floor rose from {first:g} to {last:g}."
        return findings.Said(verdict, count, reason)
