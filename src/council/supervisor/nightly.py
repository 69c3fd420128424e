"""Starts, now and then, the process that makes the night's snapshot if one is due. ADR 0040.

It ends by itself, and one that hangs is ended. Where nobody wants snapshots, nothing is started.
"""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

from council.domain import backup, errors
from council.domain import home as home_module
from council.supervisor import children, logs, service, specs

_log = logging.getLogger(__name__)

# All begins at once, and a snapshot can wait.
FIRST_S = 120.0
LOOK_S = 900.0
# At least so often between two snapshots, where they are made by the hour or more often.
_LOOKS = 4
# A run and a drill, each with its bound, and time to begin and to end.
_SPARE_S = 600.0
_WHY_CHARS = 300


class Nightly:
    """At most one process at a time. Use it from the supervisor's event loop."""

    def __init__(self, home: home_module.Home, settings: backup.BackupConfig, around: service.Surroundings) -> None:
        self._home = home
        self._settings = settings
        self._around = around
        self._python = ""
        self._generation = ""
        self._child: children.ChildProcess | None = None
        self._looking: asyncio.Task[None] | None = None
        self._told = ""

    @property
    def log_file(self) -> Path:
        """Where the process writes."""
        return self._home.logs / f"{specs.BACKUP}.log"

    def follow(self, generation: str, python: str) -> None:
        """Start what is of this generation, by its release's interpreter, from now on."""
        self._generation, self._python = generation, python

    def begin(self) -> None:
        """Look from now on, where snapshots are wanted."""
        if self._settings.target:
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Look no more, and end what is under way: what it has kept so far it goes on from."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        if self._child is not None:
            self._child.destroy()

    def processes(self) -> Iterator[tuple[str, children.ChildProcess]]:
        """Yield the process, where there is one, by its name."""
        if self._child is not None:
            yield specs.BACKUP, self._child

    async def _look(self) -> None:
        await asyncio.sleep(wait_s(self._settings, FIRST_S))
        while True:
            try:
                self.start()
            except (OSError, errors.SetupError) as error:
                _log.error("no backup can be started", extra={"reason": str(error)})
            await asyncio.sleep(wait_s(self._settings, LOOK_S))

    def start(self) -> None:
        """Start the process unless it runs. Raises OSError."""
        if self._child is not None:
            return
        order = children.Order(specs.backup(self._home, self._python), 0, self._generation, {}, self.log_file)
        self._child = children.ChildProcess(order, on_ready=lambda: None, on_exit=self._ended)
        self._around.on_change()
        asyncio.get_running_loop().call_later(2 * self._settings.limit_s + _SPARE_S, self._child.destroy)

    def _ended(self, reason: str) -> None:
        self._child = None
        self._around.on_change()
        self._around.after_exit()
        told = "" if reason == children.ENDED_WELL else logs.last_error(self.log_file, _WHY_CHARS)
        if reason != children.ENDED_WELL and told != self._told:
            self._around.say(specs.BACKUP, f"failed: {told or reason}; `council backup list` says more")
        self._told = told


def wait_s(settings: backup.BackupConfig, longest_s: float) -> float:
    """Return how long until the next look: often enough that no snapshot is late by more than a part of its time."""
    return min(longest_s, settings.every_h * 3600.0 / _LOOKS)
