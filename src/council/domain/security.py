"""What a look at the machine's safety finds. Pure.

A *finding* says what is wrong, what shows it and what to do next. What nobody could look at is *unknown*, with the reason, and
never counts as nothing found. Times are seconds since the Unix epoch.
"""

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from council.domain import config

SCHEMA = "council.security/1"
DAY_S = 86_400.0


class Severity(enum.StrEnum):
    """How bad it is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


RANKS: Mapping[Severity, int] = {one: place for place, one in enumerate(Severity)}


class Check(enum.StrEnum):
    """What is looked at."""

    PACKAGES = "packages"
    SETTINGS = "settings"
    FILES = "files"
    KEYS = "keys"
    SIGNERS = "signers"
    PORTS = "ports"
    SECRETS = "secrets"
    CONFINEMENT = "confinement"


@dataclass(frozen=True, slots=True)
class SetTo:
    """A setting of council.yaml whose value would mend a finding."""

    key: str
    value: bool | int | str


# The settings that a patch mends, with the one value that each gets: whatever asks for another is no mending.
MENDS: Mapping[str, bool | int | str] = {
    "gateway.anonymous_loopback": False,
    "patch.needs_token": True,
    "budget.day_usd_micros": config.BudgetConfig().day_usd_micros,
}


def mend(key: str) -> SetTo:
    """Return what mends a setting of `MENDS`."""
    return SetTo(key, MENDS[key])


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A package of which another version would mend a finding; `fixed` are the first without it, () if none is known."""

    package: str
    version: str
    fixed: tuple[str, ...] = ()


Mend = SetTo | Upgrade


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `evidence` is what was seen, `mend` what a patch could change, None for what no patch can."""

    check: Check
    severity: Severity
    subject: str
    text: str
    evidence: str
    next_step: str
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be looked at, and why."""

    check: Check
    why: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """Where advisories came from. `as_of_s` is the newest that stands in them, None where they do not say."""

    name: str
    advisories: int
    is_whole: bool
    as_of_s: float | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What one check came to."""

    findings: tuple[Finding, ...] = ()
    unknown: tuple[Unknown, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All checks together. `expiries` is when the first key of each kind ends, of kinds that have one that does."""

    at_s: float
    findings: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]
    data: tuple[Data, ...] = ()
    expiries: tuple[tuple[str, float], ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each severity, noughts too, and of how many things nothing is known."""
        found = Counter(one.severity for one in self.findings)
        return {severity.value: found[severity] for severity in Severity} | {"unknown": len(self.unknown)}


@dataclass(frozen=True, slots=True)
class Mended:
    """The files of a patch that would mend findings, by path, with the words for it; `settings` are those that it sets."""

    files: Mapping[str, bytes]
    title: str
    reason: str
    settings: Mapping[str, bool | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotMended:
    """Why there is no such patch."""

    why: str


def together(at_s: float, looked: tuple[Looked, ...], data: tuple[Data, ...] = ()) -> Report:
    """Return one report, the worst first."""
    findings = [one for each in looked for one in each.findings]
    findings.sort(key=lambda one: (RANKS[one.severity], one.check, one.subject))
    return Report(at_s, tuple(findings), tuple(one for each in looked for one in each.unknown), data)
