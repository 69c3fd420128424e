"""The faults of a soak lane: kill -9 of a process at seeded moments, and how long its service then takes to be ready."""

import asyncio
import contextlib
import dataclasses
import json
import os
import random
import signal
import time
from collections.abc import Sequence

import councils
from council.backends.runtime import local
from council.domain import errors, states
from council.domain import home as home_module
from council.kit import process, waiting

SUPERVISOR = "supervisor"
SERVICES = ("store", "model", "worker", "recall", "zygote", "sandboxd", "watcher", "gateway")
# The longest that a service may take to be ready again, starts of everything at once on a busy machine included.
RECOVERY_MAX_S = 45.0
# The supervisor waits before it starts a service again, longer with each failure. Hours of kills would measure that wait,
# so a lane shortens its ceiling and says so.
SETTINGS = {"COUNCIL_SUPERVISOR_BACKOFF_CEILING_S": "2"}
_POLL_S = 0.05


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A time in which a fault explains what clients see, monotonic seconds."""

    service: str
    from_s: float
    to_s: float


class NotRecoveredError(Exception):
    """A service was not ready again in time."""


class Lane:
    """The processes of one Council, some of which are killed now and then."""

    def __init__(self, where: home_module.Home, port: int, chance: random.Random):
        self.where = where
        self.windows: list[Window] = []
        self.recoveries_s: dict[str, list[float]] = {}
        self._command = [*councils.COMMAND, "up", "--home", str(where.root), "--port", str(port)]
        self._chance = chance
        self._runtime = local.LocalRuntime(where)
        self.council = self._started()

    def _started(self) -> councils.Foreground:
        return councils.Foreground(self._command, self.where.logs / "up.log", councils.environment(**SETTINGS))

    async def until_ready(self) -> float:
        """Return the seconds from the start of the supervisor to its ready line. Raises councils.NotReadyError."""
        return await asyncio.to_thread(self.council.until_ready)

    async def run(self, stop: asyncio.Event, between_s: tuple[float, float], targets: Sequence[str]) -> None:
        """Kill in turn, in an order that the seed gives, waiting for each recovery. Raises NotRecoveredError."""
        bag: list[str] = []
        while True:
            if await waiting.within(stop, self._chance.uniform(*between_s)):
                return
            if not bag:
                bag = list(targets)
                self._chance.shuffle(bag)
            await self._strike(bag.pop())

    async def _strike(self, target: str) -> None:
        began_s = time.monotonic()
        # Open before the kill, since clients see it at once; closed below when all is well again.
        self.windows.append(Window(target, began_s, float("inf")))
        if target == SUPERVISOR:
            await self._kill_supervisor()
        else:
            await self._kill_service(target)
        took_s = time.monotonic() - began_s
        self.recoveries_s.setdefault(target, []).append(took_s)
        self.windows[-1] = Window(target, began_s, time.monotonic() + 1.0)

    async def _kill_supervisor(self) -> None:
        self.council.process.kill()
        await asyncio.to_thread(self.council.process.wait)
        self.council = self._started()
        try:
            await self.until_ready()
        except councils.NotReadyError as error:
            raise NotRecoveredError(f"after kill -9 of the supervisor Council did not start: {error}") from error

    async def _kill_service(self, name: str) -> None:
        pid = self._noted_pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline_s = time.monotonic() + RECOVERY_MAX_S
        while time.monotonic() < deadline_s:
            rows = [row for row in await self.status() if row.name == name]
            if rows and all(row.state == "ready" and row.pid not in (None, pid) for row in rows):
                return
            await asyncio.sleep(_POLL_S)
        raise NotRecoveredError(f"{name} was not ready {RECOVERY_MAX_S:g} s after kill -9")

    def _noted_pid(self, name: str) -> int | None:
        """Return the pid of a service, only if it is still the process that the supervisor started."""
        try:
            noted = json.loads((self.where.run / "children.json").read_text())["children"]
        except (OSError, ValueError):
            return None
        for one in noted:
            found = process.stat(one["pid"])
            if one["service"] == name and found is not None and found.start_ticks == one["start_ticks"]:
                return int(one["pid"])
        return None

    async def status(self) -> Sequence[states.ServiceStatus]:
        """Return every service's state, nothing while the supervisor is away."""
        try:
            return list(await self._runtime.status())
        except errors.CouncilError:
            return []

    def explains(self, at_s: float) -> bool:
        """Return whether connections may have broken at that moment: the gateway or everything was being killed."""
        return any(
            window.from_s - 0.5 <= at_s <= window.to_s
            for window in self.windows
            if window.service in ("gateway", SUPERVISOR)
        )
