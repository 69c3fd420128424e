"""Children with a fault inside that stand in for a healthy one: a note that the supervisor reads before it starts a service.

It counts only in a home that is marked, for the service that it names, and until the time that it names. So nothing of a
fault is in the code of a service, and the next child after that is a healthy one.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from council.domain import home as home_module
from council.upkeep.chaos import mark, sealed

FILE = "stand-in.json"
PROGRAM = "council.breaking.stand_in"
# What can be inside, and what its amount means.
SORTS = ("memory", "descriptors", "spin", "deadlock", "clock", "wrong")
_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class StandIn:
    """Which service the child is of, what is wrong with it and how much; until when, epoch seconds, one may be started."""

    service: str
    sort: str
    amount: float
    until_s: float


def write(folder: Path, one: StandIn) -> None:
    """Have the next child of its service be this one. Raises OSError."""
    path = folder / FILE
    partial = path.with_suffix(".partial")
    told = {"service": one.service, "sort": one.sort, "amount": one.amount, "until_s": one.until_s}
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(told, file)
    partial.replace(path)


def read(folder: Path, service: str, now_s: float) -> StandIn | None:
    """Return what stands in for a service, None where nothing does."""
    try:
        # Nearly always there is none, and the mark is not read.
        told = json.loads(sealed.read(folder / FILE, _BYTES_MAX))
        if mark.read(folder) is None:
            return None
        found = StandIn(str(told["service"]), str(told["sort"]), float(told["amount"]), float(told["until_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.service == service and found.sort in SORTS and now_s < found.until_s else None


def command(where: home_module.Home, service: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command by which a service is started: its own, or that of its stand-in."""
    found = read(where.chaos, service, time.time())
    if found is None:
        return tuple(argv)
    return argv[0], "-P", "-m", PROGRAM, found.sort, f"{found.amount:g}", service, "--home", str(where.root)
