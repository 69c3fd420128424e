"""Whether a digest tells of the faults that were put in: each process that was killed, in how often its service began.

The watcher reads every service each five seconds and is itself killed, so only processes that lived while it looked on three
times are held against the digest.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import soak_faults

_SEEN_S = 15.0
_WATCHER = "watcher"


def untold(
    digest: Mapping[str, Any], windows: Sequence[soak_faults.Window], from_s: float, to_s: float
) -> Iterator[str]:
    """Yield a line for each service whose processes a digest does not count, by the kills of a lane between two moments."""
    told = {one["service"]: int(one["begun"]["value"]) for one in digest["services"]}
    for service in soak_faults.SERVICES:
        lives = [
            life
            for life in lives_of(service, windows, from_s, to_s)
            if watched_s(life, windows, from_s, to_s) >= _SEEN_S
        ]
        if told.get(service, 0) < len(lives):
            yield f"the digest tells of {told.get(service, 0)} processes of {service}, and the watcher saw {len(lives)}"


def lives_of(
    service: str, windows: Sequence[soak_faults.Window], from_s: float, to_s: float
) -> list[tuple[float, float]]:
    """Return from when to when each process of a service was up."""
    struck = [one for one in windows if one.service in (service, soak_faults.SUPERVISOR)]
    begins = [from_s, *(one.to_s for one in struck)]
    ends = [*(one.from_s for one in struck), to_s]
    return list(zip(begins, ends, strict=True))


def watched_s(life: tuple[float, float], windows: Sequence[soak_faults.Window], from_s: float, to_s: float) -> float:
    """Return for how long of a life a watcher was up."""
    watchers = lives_of(_WATCHER, windows, from_s, to_s)
    return max((min(life[1], end_s) - max(life[0], begin_s) for begin_s, end_s in watchers), default=0.0)
