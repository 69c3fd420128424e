"""A service as its runtime sees it."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["live", "beside", "leaving"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as the supervisor sees it. Memory is of the process and its children, shared pages in parts.

    `crashes` counts how often it ended unasked within the last hour; `crash_reasons` says why the last times. `place` is
    `live`, `beside` for one of a generation that is tried, `leaving` for one that finishes what it has begun.
    """

    name: str
    state: str
    pid: int | None
    generation: str
    uptime_s: float
    restarts: int
    memory_bytes: int
    reason: str = ""
    crashes: int = 0
    crash_reasons: str = ""
    place: Place = "live"
