"""What came of one fault, and the one rule by which it ended well. Pure."""

import dataclasses
import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from council.upkeep.chaos import catalogue

# In remarks: what must not have been; what should have been and was not; what is still in.
OBEYED, UNEXPECTED, NOT_UNDONE = "OBEYED", "UNEXPECTED", "not undone"
_BAD_REMARKS = (OBEYED, UNEXPECTED, NOT_UNDONE)
# Of what nobody should notice, more than this share of questions lost was noticed by those who asked.
_LOST_SHARE = 0.25


# Alerts of what nobody in particular is at fault for, by whose lasting a lost question shows as nothing new.
_OF_REQUESTS = frozenset(
    {"http_5xx", "latency", "error_rate", "latency_p95", "local_processing", "network_errors", "success_rate"}
)


def hides(name: str, labels: Mapping[str, str], parts: Collection[str]) -> bool:
    """Return whether an alert that fires already is the one by which a fault of these parts would show.

    It is one of a part, or one of all requests, which is of no part.
    """
    service = labels.get("svc", "")
    return service in parts if service else name in _OF_REQUESTS


class End(enum.StrEnum):
    """How a fault ended. The first three are well; of the fourth nobody can say; the others are not well."""

    HEALED = "healed"
    WITHSTOOD = "withstood"
    CALLED = "a person was called"
    HIDDEN = "an alert before hid it"
    UNNOTICED = "nobody noticed"
    NOT_REPAIRED = "neither repaired nor a person called"
    NOT_WELL = "not well in time"


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault that was put in. Seconds are from when it was in, `working_s` of one that was held from when it was out.

    `noticed_s` is when the first of supervisor, service manager and alerts knew (`noticed_by`), `alerted_s` when the first
    alert fired, `working_s` when every service was ready and its own questions were answered again. `undone` says that its
    limit was up before Council had repaired it, `called` that the healer called a person after it was in, with evidence, for
    an alert that fired because of it. Own questions needed a part of the fault's, other ones did not. An alert that
    `fired_before` it is one by which it would have shown, and can fire for no second reason, so that nobody can say whether
    this fault would have been noticed.
    """

    fault: str
    service: str
    at_s: float
    noticed_s: float | None = None
    noticed_by: str = ""
    alerted_s: float | None = None
    working_s: float | None = None
    undone: bool = False
    called: bool = False
    fired_before: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    own_asked: int = 0
    own_lost: int = 0
    others_asked: int = 0
    others_lost: int = 0
    gates_before: Mapping[str, str] = field(default_factory=dict)
    gates_after: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    cannot: str = ""

    @property
    def end(self) -> End:
        """How it ended."""
        lasts = catalogue.BY_NAME[self.fault].lasts
        if self.working_s is None or any(word in one for word in _BAD_REMARKS for one in self.remarks):
            return End.NOT_WELL
        if self.fault in catalogue.QUIET:
            lost, asked = self.own_lost + self.others_lost, self.own_asked + self.others_asked
            return End.NOT_WELL if lost > _LOST_SHARE * asked else End.WITHSTOOD
        unnoticed = End.HIDDEN if self.fired_before else End.UNNOTICED
        if lasts is catalogue.Lasts.REPAIRED and self.undone:
            if self.called:
                return End.CALLED
            return End.UNNOTICED if self.noticed_s is None else End.NOT_REPAIRED
        if self.noticed_s is not None:
            return End.HEALED
        return unnoticed if self.own_lost else End.WITHSTOOD

    @property
    def shown_s(self) -> float | None:
        """Seconds until it was noticed, None where there was nothing to notice: an alert then was of something else."""
        return None if self.end is End.WITHSTOOD else self.noticed_s

    @property
    def repair_s(self) -> float | None:
        """Seconds of repair: from when it was noticed, or from when it was taken out, until all worked again.

        None where there was nothing to repair, or Council did not.
        """
        if (
            self.working_s is None
            or self.end is End.WITHSTOOD
            or (self.undone and catalogue.BY_NAME[self.fault].lasts is catalogue.Lasts.REPAIRED)
        ):
            return None
        if catalogue.BY_NAME[self.fault].lasts is catalogue.Lasts.HELD:
            return self.working_s
        return max(0.0, self.working_s - (self.noticed_s or 0.0))


def form(one: Struck) -> dict[str, Any]:
    """Return it for JSON, with how it ended."""
    return dataclasses.asdict(one) | {"end": one.end.value, "repair_s": one.repair_s}


def of_form(told: Mapping[str, Any]) -> Struck:
    """Return what was told as JSON."""
    known = {item.name for item in dataclasses.fields(Struck)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in told.items() if name in known
    }
    return Struck(**values)
