"""Shows each series' new points to its detector, and keeps what the detectors have learned. Pure.

What was learned is JSON: by the key of each series its detector's state, and the time up to which it was shown. So whoever
begins anew goes on where another ended, and no point is shown twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from council.domain import evidence, snapshots
from council.upkeep.observer import behaviour

# The most that one snapshot tells; the oddest.
ANOMALIES_MAX = 50
# A series that was not told for so long is forgotten.
_FORGOTTEN_S = 7 * 86_400.0


class Reads(Protocol):
    """What a detector says of one point: how odd it is, 0 to 1, and between what it was expected, None before it knows."""

    @property
    def score(self) -> float:
        """0 to 1."""

    @property
    def low(self) -> float | None:
        """The least that was expected."""

    @property
    def high(self) -> float | None:
        """The most that was expected."""

    @property
    def alarm(self) -> object | None:
        """Something where it is an anomaly, None where it is none."""


class Detects(Protocol):
    """A detector of one series."""

    def take(self, at_s: float, value: float) -> Reads:
        """Take the next point."""

    def state(self) -> dict[str, Any]:
        """Return what it has learned, as JSON."""


# Makes a detector of what one had learned, a new one of None. Raises ValueError, KeyError, TypeError for what is none of its.
MakeDetector = Callable[[Mapping[str, Any] | None], Detects]


def look(
    tracks: Sequence[evidence.Track], learned: Mapping[str, Any], make: MakeDetector, now_s: float, from_s: float = 0.0
) -> tuple[list[snapshots.Anomaly], dict[str, Any]]:
    """Return the anomalies among what is new, oldest first, and what is known after it.

    A detector that begins learns from all of its series' past; of that nothing before `from_s` is told.
    """
    known: dict[str, Any] = {name: one for name, one in learned.items() if _is_state(one)}
    found: list[snapshots.Anomaly] = []
    for track in tracks:
        name = behaviour.key(track)
        before = known.get(name)
        detector = _made(make, before)
        shown_s = float(before["at_s"]) if before else 0.0
        # A clock that was set back must not make everything after it old.
        fresh = behaviour.since(track, min(shown_s, now_s))
        for at_s, value in fresh.points:
            reads = detector.take(at_s, value)
            if reads.alarm is not None and (before or at_s > from_s):
                found.append(_anomaly(track, at_s, value, reads))
        if fresh.points:
            known[name] = {"at_s": fresh.points[-1][0], "state": detector.state()}
    known = {name: one for name, one in known.items() if now_s - one["at_s"] < _FORGOTTEN_S}
    oddest = sorted(found, key=lambda one: one.score, reverse=True)[:ANOMALIES_MAX]
    return sorted(oddest, key=lambda one: one.at_s), known


def _is_state(one: Any) -> bool:
    """Whether this is of the form in which states are kept, and not another version's."""
    return isinstance(one, Mapping) and isinstance(one.get("at_s"), int | float) and "state" in one


def _made(make: MakeDetector, before: Mapping[str, Any] | None) -> Detects:
    try:
        return make(before["state"] if before else None)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Another version's: to begin anew is what an hour mends.
        return make(None)


def _anomaly(track: evidence.Track, at_s: float, value: float, reads: Reads) -> snapshots.Anomaly:
    name = " ".join([track.name, *(f"{label}={text}" for label, text in track.labels)])
    return snapshots.Anomaly(name, track.service, track.unit, at_s, value, reads.score, reads.low, reads.high)
