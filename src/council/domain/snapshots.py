"""A snapshot: what was so at one moment, kept so that what happened can be read later. Pure.

One is kept at each tick of a grid on the clock, and one when an incident begins. Its id begins with its time, so that ids sort
by time, and is the same however often it is taken: of two takings the records keep the first. Times are seconds since the
Unix epoch.
"""

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from council.domain import evidence, incidents, patches, watching
from council.domain import gates as gates_module

ID_CHARS_MAX = 96
# What is announced under this stays for ever: since when there is an observer here.
BEGAN_PREFIX = "began:"
# The newest announcements stay however old they are, so that what was told is not told again after a long silence.
ANNOUNCED_KEPT = 2000
_STAMP = "%Y%m%dT%H%M%SZ"
_UNEXPLAINED = evidence.Explanation(())
_UNKNOWN_COSTS = evidence.Costs()


class Occasion(enum.StrEnum):
    """Why a snapshot was taken."""

    TICK = "tick"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class Missed:
    """Ticks at which nobody took a snapshot, from the first to the last of them, and why as far as is known."""

    count: int
    first_s: float
    last_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A value that its series did not lead one to expect. `score` is 0 to 1; `low` and `high` bound what was expected."""

    name: str
    service: str
    unit: str
    at_s: float
    value: float
    score: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Trend:
    """Which way a series went over 24 hours, against the 24 before.

    `per_day` is how much more or less a day, `low` and `high` its band, 95 %; None where there is too little, as `why` says.
    `middle` is the median of the day and `middle_before` that of the day before. `hours` counts those with a value.
    """

    name: str
    service: str
    unit: str
    per_day: float | None
    low: float | None
    high: float | None
    middle: float | None
    middle_before: float | None
    hours: int
    why: str = ""

    @property
    def direction(self) -> str:
        """`rises` or `falls` where the whole band is on one side of nothing, `flat` where it is not, `unknown`."""
        if self.low is None or self.high is None:
            return "unknown"
        return "rises" if self.low > 0 else "falls" if self.high < 0 else "flat"


@dataclass(frozen=True, slots=True)
class Wrong:
    """An incident in one line. `repaired_s` is 0 while it is open."""

    id: str
    title: str
    standing: incidents.Standing
    severity: incidents.Severity
    began_s: float
    detected_s: float
    repaired_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was so. `at_s` is the moment that it is of, `taken_s` when it was really taken; `span` is what it tells of."""

    id: str
    at_s: float
    taken_s: float
    occasion: Occasion
    span: evidence.Span
    label: patches.Label
    incident_id: str = ""
    missed: Missed | None = None
    metrics: Sequence[evidence.Fact] = ()
    anomalies: Sequence[Anomaly] = ()
    trends: Sequence[Trend] = ()
    explanation: evidence.Explanation = _UNEXPLAINED
    gates: Sequence[watching.GateLine] = ()
    findings: Sequence[watching.Finding] = ()
    incidents: Sequence[Wrong] = ()
    patches: Sequence[evidence.PatchRow] = ()
    costs: evidence.Costs = _UNKNOWN_COSTS
    missing: Sequence[evidence.Missing] = ()

    def named(self, verdict: gates_module.Verdict) -> tuple[str, ...]:
        """Return the gates that said this."""
        return tuple(one.name for one in self.gates if one.verdict is verdict)


@dataclass(frozen=True, slots=True)
class Brief:
    """A snapshot in one line, for lists."""

    id: str
    at_s: float
    occasion: Occasion
    incident_id: str
    generation: str
    cid: str | None
    green: int
    red: tuple[str, ...]
    unknown: tuple[str, ...]
    anomalies: int
    incidents_open: int
    missed: int
    missing: int
    happened: str


def brief(one: Snapshot) -> Brief:
    """Return a snapshot in one line."""
    return Brief(
        id=one.id,
        at_s=one.at_s,
        occasion=one.occasion,
        incident_id=one.incident_id,
        generation=one.label.generation,
        cid=one.label.cid,
        green=len(one.named(gates_module.Verdict.GREEN)),
        red=one.named(gates_module.Verdict.RED),
        unknown=one.named(gates_module.Verdict.UNKNOWN),
        anomalies=len(one.anomalies),
        incidents_open=sum(each.standing is incidents.Standing.OPEN for each in one.incidents),
        missed=one.missed.count if one.missed else 0,
        missing=len(one.missing),
        happened=one.explanation.happened[0].text if one.explanation.happened else "",
    )


def wrong(one: incidents.Incident) -> Wrong:
    """Return an incident in one line."""
    times = (one.began_us / 1e6, one.detected_us / 1e6, one.repaired_us / 1e6)
    return Wrong(one.id, one.title, one.standing, one.severity, *times)


def identifier(at_s: float, incident_id: str = "") -> str:
    """Return the id of the snapshot of a moment, or of an incident that was noticed then."""
    stamp = datetime.datetime.fromtimestamp(int(at_s), datetime.UTC).strftime(_STAMP)
    return f"{stamp}-{incident_id}" if incident_id else stamp


def moment_s(identifier_: str) -> float:
    """Return the moment of a snapshot by its id, in whole seconds. Raises ValueError."""
    stamp = datetime.datetime.strptime(identifier_.partition("-")[0], _STAMP)
    return stamp.replace(tzinfo=datetime.UTC).timestamp()
