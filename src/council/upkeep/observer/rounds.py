"""What the observer has to do now: the tick that is due, the ticks that nobody took, and the incidents that began. Pure.

Ticks are the whole multiples of the interval since the epoch, whoever runs and since when. What was taken is known by the ids
in the records alone, so that a process that is killed at any moment leaves the next one with the same to do, or with nothing.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from council.domain import incidents, snapshots

# An incident that began longer ago than this, and that nobody took a snapshot of, gets none any more.
INCIDENT_BACK_S = 86_400.0
# In one round; the rest in those after it.
INCIDENTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Due:
    """A snapshot that is to be taken: of the moment `at_s`, of what came after `from_s`."""

    occasion: snapshots.Occasion
    at_s: float
    from_s: float
    incident_id: str = ""
    missed: snapshots.Missed | None = None

    @property
    def id(self) -> str:
        """The id that it will have."""
        return snapshots.identifier(self.at_s, self.incident_id)


def tick_s(now_s: float, interval_s: float) -> float:
    """Return the last tick that is not in the future."""
    return math.floor(now_s / interval_s) * interval_s


def tick(now_s: float, interval_s: float, last_s: float | None, began_s: float) -> Due | None:
    """Return the tick that is due, None where the last one was taken.

    `last_s` is the newest tick that was taken and is not later than now, None for none; `began_s` is since when this process
    takes them, by which it says why some were missed.
    """
    at_s = tick_s(now_s, interval_s)
    if last_s is not None and last_s >= at_s:
        return None
    if last_s is None:
        return Due(snapshots.Occasion.TICK, at_s, at_s - interval_s)
    first_s = tick_s(last_s, interval_s) + interval_s
    count = round((at_s - first_s) / interval_s)
    missed = snapshots.Missed(count, first_s, at_s - interval_s, _why(first_s, began_s)) if count > 0 else None
    return Due(snapshots.Occasion.TICK, at_s, last_s, missed=missed)


def _why(first_s: float, began_s: float) -> str:
    if first_s < began_s:
        return "the steward was not running"
    return "the records were away, the machine slept, its clock or the interval was set, or the steward hung"


def begun(now_s: float, newest: Sequence[incidents.Incident], taken: Collection[str]) -> list[Due]:
    """Return the incidents of which a snapshot is to be taken, oldest first. `taken` are the ids of those that there are."""
    found = [
        Due(snapshots.Occasion.INCIDENT, one.detected_us / 1e6, one.began_us / 1e6, one.id)
        for one in newest
        if 0 <= now_s - one.detected_us / 1e6 < INCIDENT_BACK_S
    ]
    return sorted((one for one in found if one.incident_id not in taken), key=lambda one: one.at_s)[:INCIDENTS_MAX]
