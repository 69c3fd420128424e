"""What a connection does to give a reply, one after the other."""

import dataclasses
import enum

from council.testing.upstream import tally


@dataclasses.dataclass(frozen=True, slots=True)
class Open:
    """Write the head, all but the request id and the empty line. From here on the prompt is billed."""

    head: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Say:
    """Write bytes, which are worth so many tokens. `turn` leaves them a segment of their own; `reports` tells the usage."""

    data: bytes
    tokens: int = 0
    turn: bool = False
    reports: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a time; None is until the caller leaves."""

    seconds: float | None


class After(enum.Enum):
    """What becomes of the connection."""

    KEEP = enum.auto()
    CLOSE = enum.auto()
    RESET = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """The reply ends."""

    outcome: tally.Outcome
    after: After = After.KEEP


Step = Open | Say | Wait | End
STALL = Wait(None)
