"""Repairs: what the healer did, or was asked to do, about what is wrong; and what people had to do themselves.

Times are microseconds since the Unix epoch, 0 where it has not happened. A repair is written down before it is carried out, so
that none is done twice: one that was under way when the steward ended is judged by what came of it, and not begun again.
"""

import enum
from dataclasses import dataclass, replace

from council.domain.options import option

HEALER = "healer"
ID_CHARS_MAX = 64
NAME_CHARS_MAX = 128
TEXT_CHARS_MAX = 500
EVIDENCE_MAX = 30
# Longest a repair that a person asks for waits to be taken up.
WANTED_S = 120.0


@dataclass(frozen=True, slots=True)
class HealingConfig:
    """The healer. Read anew for every look from the generation that serves."""

    on: bool = option(True, "Whether what is wrong is repaired, as playbooks.yaml says.")
    look_s: float = option(2.0, "How often it is looked at what is wrong, seconds.", low=0.5, high=60)
    repairs_per_hour: int = option(
        12, "Most repairs of all within an hour; after that a person is called.", low=0, high=500
    )
    # The healer looks at the newest thousand, in which those that only tell of something are, too.
    repairs_per_day: int = option(60, "Most repairs of all within 24 hours.", low=0, high=500)
    at_once_max: int = option(3, "Most repairs that go on beside each other.", low=1, high=20)
    blame_s: float = option(
        600.0,
        "What goes wrong so soon after a patch came to serve is blamed on it first, seconds.",
        low=0,
        high=86_400,
    )
    blame_unseen_s: float = option(
        3600.0,
        "The same where no request was judged until it went wrong, so that nobody saw earlier what the patch does, seconds.",
        low=0,
        high=86_400,
    )
    repairs_max: int = option(5000, "Repairs kept, the oldest removed.", low=1000, high=1_000_000)


class Outcome(enum.StrEnum):
    """How a repair ended. `wanted`: a person asked for it, and it has not begun."""

    WANTED = "wanted"
    UNDER_WAY = "under way"
    HELPED = "helped"
    DID_NOT_HELP = "did not help"
    FAILED = "failed"
    HANDED_ON = "handed on"
    CALLED = "a person was called"


# Those that change nothing by themselves, and count for no limit.
_TELL_ONLY = frozenset({Outcome.CALLED, Outcome.HANDED_ON, Outcome.WANTED})


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair of a component, for an alert of an incident; both "" where a person asked for it without one.

    `acted_us` is when the action had been carried out, `until_us` when it is too late for it to have helped. `before` are the
    PIDs of the component's processes then. `overrides` are the ids of what it put. `told` is what came of it, in a line.
    `lineage` are its steps that the lineage knows of.
    """

    id: str
    playbook: str
    action: str
    component: str
    proof: str
    by: str
    why: str
    began_us: int
    until_us: int
    incident_id: str = ""
    alert: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    outcome: Outcome = Outcome.UNDER_WAY
    acted_us: int = 0
    ended_us: int = 0
    undone_us: int = 0
    cid: str = ""
    before: tuple[int, ...] = ()
    overrides: tuple[str, ...] = ()
    told: str = ""
    evidence: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()

    @property
    def is_under_way(self) -> bool:
        """Whether it has begun and has no end."""
        return self.outcome is Outcome.UNDER_WAY

    @property
    def counts(self) -> bool:
        """Whether it is one for the limits: it did something, whoever asked for it."""
        return self.outcome not in _TELL_ONLY and not (
            self.outcome is Outcome.FAILED and self.until_us == self.began_us
        )

    @property
    def took_s(self) -> float | None:
        """Seconds from its beginning to its end; None while it goes on."""
        return (self.ended_us - self.began_us) / 1e6 if self.ended_us else None

    @property
    def title(self) -> str:
        """What was done, for people."""
        whom = "everything" if self.component == "*" else self.component
        return f"{self.playbook} of {whom}" if whom else self.playbook


def ended(one: Repair, outcome: Outcome, told: str, at_us: int) -> Repair:
    """Return a repair as it ended."""
    return replace(one, outcome=outcome, told=told[:TEXT_CHARS_MAX], ended_us=at_us)


class InterventionKind(enum.StrEnum):
    """What a person had to do: decision 23."""

    ALERT = "alert"
    ROLLBACK = "rollback"
    OVERRIDE = "override"
    UNFREEZE = "unfreeze"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Intervention:
    """Something that a person did because Council did not do it by itself."""

    id: str
    kind: InterventionKind
    at_us: int
    who: str
    what: str
