"""What the journal's records tell of repairs: each step that the steward had kept, as it came. Pure.

The records stand beside those of patches and change nothing about them: a release from before there were repairs passes over
them, as over all records without a phase, so they are no new form of the journal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

KIND = "repair"
# So many steps may be kept within an hour; the healer itself is bounded to far fewer repairs.
HOURLY_MAX = 500
_HOUR_S = 3600
FIELDS = ("id", "step", "playbook", "action", "component", "by", "why", "incident", "outcome", "told", "cid")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a repair; `at_s` in Unix seconds, when patchctl heard of it."""

    id: str
    step: str
    at_s: int
    playbook: str = ""
    action: str = ""
    component: str = ""
    by: str = ""
    why: str = ""
    incident: str = ""
    outcome: str = ""
    told: str = ""
    cid: str = ""

    @property
    def line(self) -> str:
        """The step in one line."""
        whom = "everything" if self.component == "*" else self.component
        said = self.outcome if self.step == "ended" else self.step
        more = self.told if self.step == "ended" else self.why
        return (
            f"repair:{self.id} - {self.playbook}{f' of {whom}' if whom else ''}: {said}{f' ({more})' if more else ''}"
        )


def record(told: Mapping[str, str], now: float) -> dict[str, Any]:
    """Return the record of a step; `now` in Unix seconds."""
    assert told.keys() <= set(FIELDS), told.keys()
    return {"kind": KIND, "at": int(now), "repair": {name: told.get(name, "") for name in FIELDS}}


def steps(records: Iterable[Mapping[str, Any]]) -> list[Step]:
    """Return every step of a repair that the records tell of, in the order in which they came."""
    found = []
    for one in records:
        told = one.get("repair")
        if one.get("kind") == KIND and isinstance(told, Mapping):
            found.append(Step(at_s=int(one.get("at", 0)), **{name: str(told.get(name, "")) for name in FIELDS}))
    return found


def is_known(records: Iterable[Mapping[str, Any]], identifier: str, step: str) -> bool:
    """Return whether a step is on record."""
    return any((one.id, one.step) == (identifier, step) for one in steps(records))


def lately(records: Iterable[Mapping[str, Any]], now: float) -> int:
    """Return how many steps came within the last hour."""
    return sum(now - one.at_s < _HOUR_S for one in steps(records))


def told(one: Step) -> dict[str, Any]:
    """Return a step as programs get it."""
    return {"kind": KIND, "line": one.line, **asdict(one)}
