"""What the gates said over a soak, and whether that is a pass.

A soak passes only if every gate that applies was judged, and none was red or unknown once it had warmed up. A watcher that does
not answer, or judges nothing new, makes every gate unknown: silence is not health. A gate that needs longer than the soak
ran is `not judged`, which is told and is no failure.
"""

import array
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from council.domain import gates, watching

# A sight this much older than it is looked at says nothing of now.
STALE_S = 30.0
_CHANGES_MAX = 1000
_ORDER = tuple(gates.Verdict)


class Outcome(enum.StrEnum):
    """What a soak says of one gate."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not judged"
    NOT_APPLICABLE = "not applicable"


@dataclass(slots=True)
class Course:
    """One gate over time: a verdict and a number, NaN where there is none, for each second of `Record.times_s`."""

    line: watching.GateLine
    first: int
    verdicts: bytearray = field(default_factory=bytearray)
    values: "array.array[float]" = field(default_factory=lambda: array.array("d"))
    changes: list[tuple[float, gates.Verdict, str]] = field(default_factory=list)

    def verdict(self, place: int) -> gates.Verdict:
        """Return the verdict at a place of the record."""
        return _ORDER[self.verdicts[place - self.first]]

    def add(self, at_s: float, verdict: gates.Verdict, value: float | None, reason: str) -> None:
        """Add what the gate says next."""
        if (not self.changes or self.changes[-1][1] is not verdict) and len(self.changes) < _CHANGES_MAX:
            self.changes.append((at_s, verdict, reason))
        self.verdicts.append(_ORDER.index(verdict))
        self.values.append(math.nan if value is None else value)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a soak says of one gate and why. `seen` counts readings after warm-up, by verdict; `low` and `high` its number."""

    gate: str
    outcome: Outcome
    why: str
    seen: Mapping[gates.Verdict, int]
    low: float | None
    high: float | None

    @property
    def span(self) -> str:
        """Between what its number was, "" where it had none."""
        if self.low is None or self.high is None:
            return ""
        low, high = f"{self.low:.4g}", f"{self.high:.4g}"
        return low if low == high else f"{low} to {high}"


class Record:
    """Readings of all gates, in seconds since the soak began."""

    def __init__(self) -> None:
        self.times_s: array.array[float] = array.array("d")
        self.courses: dict[str, Course] = {}
        # How often the watcher said nothing, or nothing new.
        self.blind = 0

    def take(self, at_s: float, sight: watching.Sight, age_s: float) -> None:
        """Add what the watcher sees, `age_s` after it saw it."""
        if not sight.turn or age_s > STALE_S:
            why = f"the watcher judged last {age_s:.0f} s ago" if sight.turn else "the watcher has judged nothing yet"
            self.miss(at_s, why)
            return
        place = len(self.times_s)
        self.times_s.append(at_s)
        told = {one.name for one in sight.gates}
        for line in sight.gates:
            course = self.courses.setdefault(line.name, Course(line, place))
            course.line = line
            course.add(at_s, line.verdict, line.value, line.reason)
        for name in self.courses.keys() - told:
            self.courses[name].add(at_s, gates.Verdict.UNKNOWN, None, "the watcher no longer knows it")

    def miss(self, at_s: float, why: str) -> None:
        """Add that nothing could be seen."""
        self.blind += 1
        self.times_s.append(at_s)
        for course in self.courses.values():
            course.add(at_s, gates.Verdict.UNKNOWN, None, why)

    def rulings(self, warm_up_s: float, needs_s: Mapping[str, float]) -> list[Ruling]:
        """Return what is said of each gate. `needs_s` is how long a gate cannot say anything after a start of everything."""
        return [self._ruling(one, warm_up_s, needs_s.get(one.line.name, 0.0)) for one in self.courses.values()]

    def _ruling(self, course: Course, warm_up_s: float, needs_s: float) -> Ruling:
        places = [
            place for place in range(course.first, len(self.times_s)) if self.times_s[place] >= warm_up_s
        ]  # fmt: skip
        seen = dict.fromkeys(gates.Verdict, 0)
        early = 0
        for place in places:
            verdict = course.verdict(place)
            if verdict is gates.Verdict.UNKNOWN and self.times_s[place] < needs_s:
                early += 1
            else:
                seen[verdict] += 1
        numbers = [
            value for place in places if math.isfinite(value := course.values[place - course.first])
        ]  # fmt: skip
        outcome, why = _ruled(course, seen, early, needs_s)
        return Ruling(course.line.name, outcome, why, seen, min(numbers, default=None), max(numbers, default=None))


def _ruled(course: Course, seen: Mapping[gates.Verdict, int], early: int, needs_s: float) -> tuple[Outcome, str]:
    for verdict in (gates.Verdict.RED, gates.Verdict.UNKNOWN):
        if seen[verdict]:
            at_s, _, reason = next(one for one in reversed(course.changes) if one[1] is verdict)
            readings = f"{seen[verdict]} reading{'s' if seen[verdict] > 1 else ''}"
            since = f"last from {at_s:.0f} s on" if at_s >= 1 else "from the start on"
            return Outcome.FAILED, f"{verdict} for {readings}, {since}: {reason}"
    if seen[gates.Verdict.NOT_APPLICABLE]:
        return Outcome.NOT_APPLICABLE, course.line.reason
    if seen[gates.Verdict.GREEN] or seen[gates.Verdict.AMBER]:
        amber = f", {seen[gates.Verdict.AMBER]} of them amber" if seen[gates.Verdict.AMBER] else ""
        return Outcome.PASSED, f"{seen[gates.Verdict.GREEN] + seen[gates.Verdict.AMBER]} readings{amber}"
    if early:
        return (
            Outcome.NOT_JUDGED,
            f"not decided within this duration: it needs {needs_s / 60:.0f} minutes from a start on",
        )
    return Outcome.NOT_JUDGED, "there is no reading after warm-up"


def needs_s(gate: gates.Gate) -> float:
    """Return for how long after a start a gate cannot say anything, whatever is asked."""
    if isinstance(gate.form, gates.Slope):
        return gate.windows_s[-1] + gate.form.warm_up_s
    return 0.0
