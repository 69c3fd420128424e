"""Things that should not pile up: threads, children, sockets, temporary files, rows in a queue; and zombies.

A count is judged by its least value in each five minutes of the last hour: what is given back between is no pile. It must
rise nearly always, and by enough to matter.
"""

import itertools
from collections import deque

from council.upkeep.sentinels import findings

ZOMBIE_S = 60.0
ZOMBIES_RED = 10

_BUCKETS = 12
# Of eleven steps: one may stand still or fall.
_RISES_MIN = 10


class GrowthWatch:
    """Judges one count of one service: amber when it piles up over the last hour, red when that doubled it."""

    def __init__(self, sentinel: str, service: str, look_next: str, *, bucket_s: float = 300.0, rise_min: int = 12):
        """`rise_min` is the least rise over the whole time that is worth a word. A queue may want a shorter `bucket_s`."""
        self._name, self._bucket_s, self._rise_min = sentinel, bucket_s, rise_min
        self._since = findings.Since(sentinel, service, "", look_next)
        self._floors: deque[int] = deque(maxlen=_BUCKETS)
        self._open: tuple[int, int] | None = None

    def judge(self, time_s: float, count: int | None, unknown: str = "") -> findings.Finding:
        """Take a sample and return the finding; None for what could not be read, with the reason in `unknown`."""
        if count is None:
            return self._since.say(time_s, "unknown", None, unknown or "No figure.")
        self._take(int(time_s // self._bucket_s), count)
        if len(self._floors) < _BUCKETS:
            left_min = round((_BUCKETS - len(self._floors)) * self._bucket_s / 60)
            return self._since.say(time_s, "unknown", count, f"{count} now. Growth can be told in {left_min} minutes.")
        first, last = self._floors[0], self._floors[-1]
        rises = sum(later > earlier for earlier, later in itertools.pairwise(self._floors))
        if last - first < self._rise_min or rises < _RISES_MIN:
            return self._since.say(time_s, "green", count, f"{count} now.")
        minutes = round(_BUCKETS * self._bucket_s / 60)
        verdict: findings.Verdict = "red" if last >= 2 * first else "amber"
        reason = f"The least number of {self._name} rose from {first} to {last} within {minutes} minutes."
        return self._since.say(time_s, verdict, count, reason)

    def _take(self, bucket: int, count: int) -> None:
        if self._open is not None and self._open[0] == bucket:
            self._open = (bucket, min(count, self._open[1]))
            return
        if self._open is not None:
            if bucket - self._open[0] > 2:
                self._floors.clear()
            else:
                self._floors.append(self._open[1])
        self._open = (bucket, count)


class ZombieWatch:
    """Judges children that have ended and that nobody collects."""

    def __init__(self, service: str):
        self._since = findings.Since(
            "zombies", service, "", "Its parent does not wait for its children: ps -o pid,ppid,stat,comm --ppid PID."
        )
        self._first_s: float | None = None

    def judge(self, time_s: float, zombies: int | None, unknown: str = "") -> findings.Finding:
        """Take a sample and return the finding. One that is collected within a minute is no finding."""
        if zombies is None:
            self._first_s = None
            return self._since.say(time_s, "unknown", None, unknown or "No figure.")
        if zombies == 0:
            self._first_s = None
            return self._since.say(time_s, "green", 0, "None.")
        self._first_s = time_s if self._first_s is None else self._first_s
        if time_s - self._first_s < ZOMBIE_S:
            return self._since.say(time_s, "green", zombies, f"{zombies}, for less than a minute.")
        verdict: findings.Verdict = "red" if zombies >= ZOMBIES_RED else "amber"
        return self._since.say(time_s, verdict, zombies, f"{zombies} that nobody collected for a minute.")
