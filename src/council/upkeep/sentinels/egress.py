"""The rule over what leaves the machine, by destination: one to which nothing ever went, and far more than ever.

It knows what is counted for models' servers alone: what other programs send, or what a service sends past its providers, it
does not see.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from council.domain import gates, sentinels
from council.upkeep.sentinels import findings

_HOUR_S = 3600.0
_HOURS_MAX = 168
LEARN_S = 86_400.0
# Labels come from the providers that the settings name; more than these are counted as one.
DESTINATIONS_MAX = 64
OTHERS = "others"


@dataclass(slots=True)
class _Destination:
    """What is known of one destination: its counter, what went there in this hour, and in hours before."""

    first_s: float
    counter: float
    sent: float = 0.0
    hours: deque[float] = field(default_factory=lambda: deque(maxlen=_HOURS_MAX))

    @property
    def most(self) -> float:
        return max(self.hours, default=0.0)


class PatternWatch:
    """Judges what went where. Its value is the most that went to one destination in this hour."""

    def __init__(self, rule: sentinels.Pattern, what: str):
        """`what` is counted, as bytes."""
        self._rule, self._what = rule, what
        self._first_s: float | None = None
        self._hour = 0
        self._known: dict[str, _Destination] = {}

    def judge(self, time_s: float, counters: Mapping[str, float]) -> findings.Said:
        """Take a sample of counters, which begin at nought when their process does."""
        first = self._first_s is None
        if self._first_s is None:
            self._first_s, self._hour = time_s, int(time_s // _HOUR_S)
        self._end_hours(int(time_s // _HOUR_S))
        for name, value in _bounded(counters, self._known).items():
            self._count(name, value, time_s, first)
        return self._said(time_s)

    def _count(self, name: str, value: float, time_s: float, first: bool) -> None:
        if value <= 0:
            return  # a series that begins at nought, of a destination to which nothing went yet
        if name not in self._known:
            # What was counted before anybody looked is none of this hour's.
            self._known[name] = _Destination(time_s, value if first else 0.0)
        known = self._known[name]
        known.sent += value - known.counter if value >= known.counter else value
        known.counter = value

    def _end_hours(self, hour: int) -> None:
        for _ in range(min(hour - self._hour, _HOURS_MAX)):
            for known in self._known.values():
                # What is alarming becomes usual slowly: twice as much with each hour that it lasts.
                usual = max(2 * known.most, self._rule.least)
                known.hours.append(min(known.sent, usual))
                known.sent = 0.0
        self._hour = hour

    def _said(self, time_s: float) -> findings.Said:
        assert self._first_s is not None
        most = max((known.sent for known in self._known.values()), default=0.0)
        for name, known in self._known.items():
            learned = time_s - known.first_s >= LEARN_S
            if learned and known.sent >= self._rule.least and known.sent > self._rule.times * known.most:
                reason = (
                    f"{known.sent:,.0f} {self._what} to {name} in this hour; the most in any before: {known.most:,.0f}."
                )
                return findings.Said(gates.Verdict.RED, known.sent, reason)
        for name, known in self._known.items():
            if known.first_s - self._first_s >= LEARN_S and time_s - known.first_s < _HOUR_S:
                reason = f"{known.sent:,.0f} {self._what} went to {name}, to which nothing ever went before."
                return findings.Said(gates.Verdict.AMBER, known.sent, reason)
        if time_s - self._first_s < LEARN_S:
            left_h = (LEARN_S - (time_s - self._first_s)) / _HOUR_S
            return findings.Said(gates.Verdict.UNKNOWN, most, f"What is usual is known in {left_h:.1f} hours.")
        return findings.Said(gates.Verdict.GREEN, most, "It goes where it went before, and not much more.")


def _bounded(counters: Mapping[str, float], known: Mapping[str, object]) -> dict[str, float]:
    """Return the counters of so many destinations at most, over all time; those beyond are summed."""
    kept: dict[str, float] = {}
    room = DESTINATIONS_MAX - len(known)
    for name, value in sorted(counters.items()):
        if name in known:
            kept[name] = value
        elif room > 0:
            kept[name] = value
            room -= 1
        else:
            kept[OTHERS] = kept.get(OTHERS, 0.0) + value
    return kept
