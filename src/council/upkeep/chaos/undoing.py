"""How a fault is undone, as data that survives whoever put it in: written down before each step of the fault itself.

Every step can be carried out twice, and once nothing is left to undo it does nothing. Pure; `breaking.undo` carries them out.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import errors


@dataclass(frozen=True, slots=True)
class Resume:
    """Have a stopped process go on."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class End:
    """Kill a process."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Limit:
    """Give a process a limit of resources; `resource` is the system's number of it, -1 stands for no limit."""

    pid: int
    start_ticks: int
    resource: int
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file. Paths are relative to the home."""

    path: str


@dataclass(frozen=True, slots=True)
class RemoveDamaged:
    """Remove a file if its head, as long as the damage, is still the damage, by its SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Put a file's content back from a copy, and remove the copy."""

    path: str
    copy: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Cut a file back to a size, if what comes after that is still what was appended."""

    path: str
    size_bytes: int
    appended: str


@dataclass(frozen=True, slots=True)
class Behave:
    """Have the scripted upstream behave."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revoke a token."""

    token_id: str


@dataclass(frozen=True, slots=True)
class StartAgain:
    """Start Council on this port, should it not run; as whoever undoes it, with the settings of that one's environment."""

    port: int


Step = Resume | End | Limit | Remove | RemoveDamaged | Restore | Cut | Behave | Revoke | StartAgain
_KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (Resume, End, Limit, Remove, RemoveDamaged, Restore, Cut, Behave, Revoke, StartAgain)
}


@dataclass(frozen=True, slots=True)
class Pending:
    """A fault that is in: until when, epoch seconds, who put it in, and what undoes it, the last step first.

    Pids mean something only until the machine starts anew, which `boot_id` shows.
    """

    fault: str
    service: str
    until_s: float
    boot_id: str
    pid: int
    start_ticks: int
    steps: Sequence[Step] = ()


def encoded(one: Pending) -> bytes:
    """Return it as JSON."""
    steps = [{"kind": type(step).__name__.lower(), **dataclasses.asdict(step)} for step in one.steps]
    told = {name: getattr(one, name) for name in ("fault", "service", "until_s", "boot_id", "pid", "start_ticks")}
    return json.dumps(told | {"steps": steps}).encode()


def decoded(raw: bytes) -> Pending:
    """Return what was encoded. Raises SetupError."""
    try:
        told = json.loads(raw)
        steps = tuple(_step(dict(one)) for one in told.pop("steps"))
        return Pending(steps=steps, **told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.SetupError("The note of a fault that is in cannot be read. Start Council anew.") from error


def _step(told: dict[str, Any]) -> Step:
    made: Step = _KINDS[told.pop("kind")](**told)
    return made
