"""A service as its runtime sees it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as the supervisor sees it. Memory is of the process and its children, shared pages in parts."""

    name: str
    state: str
    pid: int | None
    generation: str
    uptime_s: float
    restarts: int
    memory_bytes: int
    reason: str = ""
