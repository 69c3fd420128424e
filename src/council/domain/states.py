"""Services as their runtime sees them, and by which limits it starts and stops them."""

from dataclasses import dataclass
from typing import Literal

from council.domain.options import option

Place = Literal["live", "beside", "leaving"]


@dataclass(frozen=True, slots=True)
class SupervisorConfig:
    """Starting, watching and stopping services."""

    backoff_first_s: float = option(
        0.5, "Wait before the first restart, seconds; doubles with each.", low=0.01, high=60
    )
    backoff_ceiling_s: float = option(30.0, "Longest wait before a restart, seconds.", low=0.1, high=3600)
    backoff_forgive_s: float = option(60.0, "A run this long starts the back-off over, seconds.", low=0.1, high=86_400)
    ready_s: float = option(60.0, "Longest a service may take to be ready, seconds.", low=1, high=3600)
    silent_s: float = option(
        15.0, "A service whose event loop has not turned for this long is `hung`, seconds.", low=1, high=3600
    )
    stop_s: float = option(
        40.0, "Wait after SIGTERM before SIGKILL, seconds; longer than the gateway's drain.", low=0.1, high=3600
    )
    install_s: float = option(
        1800.0, "Longest the installation of a pinned release may take, seconds.", low=10, high=7200
    )
    releases_max: int = option(
        4, "Environments of pinned releases on disk at most, 700 MiB or so each.", low=3, high=100
    )
    log_bytes_max: int = option(
        10 << 20, "A log file is turned over at this size, one older file kept.", low=4096, high=1 << 32
    )


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
