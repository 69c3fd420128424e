"""What a computing operation can say, and its JSON on the way to the gateway."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from council.domain import answers, ways


@dataclass(frozen=True, slots=True)
class Solved:
    """An answer with its evidence.

    `reading` is the problem as understood, shown back to the user. `check` says which independent check held. `steps` are
    lines for people. Only a level that the check supports may be given.
    """

    answer: str
    reading: str
    level: answers.Level
    check: str
    steps: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassedOn:
    """The text is not (wholly) in the grammar, or has no answer that a check confirms: some other specialist should try."""

    reason: str
    why: ways.Why = ways.Why.UNREAD


@dataclass(frozen=True, slots=True)
class Refused:
    """The text was understood, and the answer is a clear no: too large, undefined, contradictory."""

    reason: str
    reading: str = ""


Result = Solved | PassedOn | Refused


def to_json(result: Result) -> dict[str, Any]:
    """Return `result` as JSON with a `kind`."""
    kind = {Solved: "solved", PassedOn: "passed_on", Refused: "refused"}[type(result)]
    return {"kind": kind, **asdict(result)}
