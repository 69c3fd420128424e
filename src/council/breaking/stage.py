"""What faults are put into: one running Council, with whatever of its surroundings is ours to break."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from council import care_app, ports
from council.breaking import asking, managers, undo
from council.domain import config as config_module
from council.domain import errors, states
from council.domain import home as home_module
from council.kit import process
from council.supervisor import ownership
from council.upkeep.chaos import catalogue, outcome, undoing

_POLL_S = 0.05
_START_S = 90.0
# Longest wait for the lock of the records.
LOCK_S = 5.0


class CannotError(Exception):
    """A fault cannot be put in here; the text says why."""


class Manager(Protocol):
    """Who starts Council again once all of it is gone."""

    name: str
    # When it last started Council again, monotonic seconds.
    started_s: float | None

    def begin(self) -> None:
        """Have Council started again, as often as that takes."""

    def again(self) -> undoing.StartAgain | None:
        """Return what starts it without us, None where that is not ours to do."""

    async def back(self) -> None:
        """Wait until it is there again, where we are who starts it."""

    async def close(self) -> None:
        """Start it no more."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The scripted upstream that the home's models are of."""

    url: str
    key: str


class Signer(Protocol):
    """Makes patches that are taken."""

    async def apply_bad(self) -> str:
        """Submit a patch that must not last; return its CID."""

    async def came_to(self, cid: str) -> str:
        """Return how a patch ended and why, "" while it is on its way."""

    async def take_back(self) -> None:
        """Have taken back whatever is on its way."""


@dataclass(slots=True)
class Stage:
    """A home, how it is asked, and what else is ours. `note` is of the fault that is in."""

    where: home_module.Home
    config: config_module.Config
    chance: random.Random
    asker: asking.Asker
    manager: Manager
    upstream: Upstream | None = None
    small_disk: bool = False
    signer: Signer | None = None
    note: undo.Note | None = None
    remarks: list[str] = field(default_factory=list)
    # Whether what the fault did is still there, for one that Council itself may end.
    still_in: Callable[[], bool] = lambda: False
    # Since when the last fault is out, monotonic seconds.
    out_s: float = 0.0
    _works: set["asyncio.Task[None]"] = field(default_factory=set)
    _files: list[Any] = field(default_factory=list)
    _before_out: Callable[[], Awaitable[None]] | None = None
    _expected: list[Callable[[], str]] = field(default_factory=list)

    @property
    def has(self) -> frozenset[catalogue.Need]:
        """What there is of what faults may need."""
        there = {
            catalogue.Need.UPSTREAM: self.upstream is not None,
            catalogue.Need.DISK: self.small_disk,
            catalogue.Need.SIGNER: self.signer is not None,
        }
        return frozenset(need for need, is_there in there.items() if is_there)

    @property
    def runtime(self) -> ports.Runtime:
        """The supervisor."""
        return care_app.runtime(self.where)

    async def rows(self) -> Sequence[states.ServiceStatus]:
        """Return every service's state, nothing while the supervisor is away."""
        try:
            return list(await self.runtime.status(memory=False))
        except errors.CouncilError:
            return []

    def process(self, service: str) -> tuple[int, int]:
        """Return pid and start ticks of a service's process. Raises CannotError."""
        for name, pid, ticks in ownership.noted_children(self.where):
            if name.partition(":")[0] == service and undo.is_alive(pid, ticks):
                return pid, ticks
        raise CannotError(f"{service} does not run")

    def undone_by(self, step: undoing.Step) -> None:
        """Write down what undoes the next thing that is done."""
        assert self.note is not None
        self.note.add(step)

    def remark(self, text: str) -> None:
        """Say something in the report of this fault."""
        if text not in self.remarks:
            self.remarks.append(text)

    def go_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for as long as the fault is in."""
        self._works.add(asyncio.create_task(work))

    def hold(self, closeable: Any) -> None:
        """Keep something open for as long as the fault is in, which also ends with this process."""
        self._files.append(closeable)

    def expect(self, look: Callable[[], str]) -> None:
        """Have this looked at once the fault is out: it says what should have come of it and did not, "" where all is well."""
        self._expected.append(look)

    def gently(self, first: Callable[[], Awaitable[None]]) -> None:
        """Have done this first, where we are there to take the fault out: it costs less than what undoes it without us."""
        self._before_out = first

    async def take_out(self) -> list[str]:
        """Take the fault out; return what could not be undone. Idempotent."""
        first, self._before_out = self._before_out, None
        if first is not None and self.still_in():
            with contextlib.suppress(errors.CouncilError):
                await first()
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        self._works.clear()
        for one in self._files:
            one.close()
        self._files.clear()
        for look in self._expected:
            if missed := look():
                self.remark(f"{outcome.UNEXPECTED}: {missed}")
        self._expected.clear()
        note, self.note = self.note, None
        if note is None:
            return []
        starts = any(isinstance(step, undoing.StartAgain) for step in note.pending.steps)
        if starts:
            self.out_s = time.monotonic()
            # Before it is undone without us, which would start a second.
            await self.manager.back()
        failed = await asyncio.to_thread(note.close)
        self.out_s = self.out_s if starts else time.monotonic()
        return failed

    def signal(self, service: str, number: signal.Signals) -> None:
        """Send a signal to a service, should it run."""
        with contextlib.suppress(CannotError, ProcessLookupError):
            os.kill(self.process(service)[0], number)

    async def replaced(self, service: str, old: int) -> int:
        """Return the pid of a service's next process once that is ready. Raises CannotError."""
        async with _within(_START_S, f"{service} was not started again"):
            while True:
                for row in await self.rows():
                    if row.name.partition(":")[0] == service and row.state == "ready" and row.pid not in (None, old):
                        assert row.pid is not None
                        return row.pid
                await asyncio.sleep(_POLL_S)

    def tree(self) -> list[int]:
        """Return the supervisor, first, and everything under it. Raises CannotError."""
        root = managers.supervisor(self.where)
        if root is None:
            raise CannotError("Council does not run")
        table: Mapping[int, process.Stat] = process.table()
        found = [root]
        for pid in found:
            found += [one.pid for one in table.values() if one.parent_pid == pid]
        return found


@contextlib.asynccontextmanager
async def _within(limit_s: float, otherwise: str) -> Any:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise CannotError(f"{otherwise} within {limit_s:g} s") from error
