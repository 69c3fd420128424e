"""Who starts Council again once all of it was killed: systemd, or we after its unit's delay."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from council.domain import home as home_module
from council.supervisor import unit

_POLL_S = 0.05
_STOP_S = 60.0
_TIED = (
    "import os, signal, sys; from council.kit import process; "
    "process.set_parent_death_signal(signal.SIGTERM); os.execv(sys.argv[1], sys.argv[1:])"
)
_UP = (sys.executable, "-P", "-m", "council", "up")


def tied(command: Sequence[str]) -> list[str]:
    """Return the command of a process that is told to end once we are gone. Start it in the main thread."""
    return [sys.executable, "-P", "-c", _TIED, *command]


class Systemd:
    """The unit of `council service install`; nothing is left for us to do."""

    name = "systemd"

    def __init__(self, where: home_module.Home):
        self.started_s: float | None = None
        self._lock = where.run / "supervisor.lock"
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on for when it is started again."""
        try:
            before = self._lock.read_text()
        except OSError:
            before = ""
        self._watching = asyncio.create_task(self._watch(before))

    async def _watch(self, before: str) -> None:
        while True:
            with contextlib.suppress(OSError):
                if (now := self._lock.read_text()) and now != before:
                    self.started_s = time.monotonic()
                    return
            await asyncio.sleep(_POLL_S)

    async def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)


def systemd_runs(where: home_module.Home) -> bool:
    """Return whether systemd runs the Council of this home by our unit."""
    if not Path("/run/systemd/system").is_dir():
        return False
    for scope in ("--system", "--user"):
        command = ["systemctl", scope, "show", "--property=ActiveState,MainPID", unit.NAME]
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
            pid = (where.run / "supervisor.lock").read_text().strip()
        except (OSError, subprocess.TimeoutExpired):
            return False
        if "ActiveState=active" in told and f"MainPID={pid}" in told.splitlines():
            return True
    return False


class Restarter:
    """Starts `council up` as often as it ends, after the delay of the unit. For a home of our own also the first time."""

    name = f"the command, after the unit's {unit.RESTART_S} s"

    def __init__(
        self,
        where: home_module.Home,
        port: int,
        environment: Mapping[str, str] | None = None,
        *,
        ends_with_us: bool = False,
    ):
        """With `ends_with_us` what is started is told to end should we be killed. Start it in the main thread then."""
        self.started_s: float | None = None
        command = [*_UP, "--home", str(where.root), "--port", str(port)]
        self._command = tied(command) if ends_with_us else command
        self._environment = dict(environment or os.environ)
        self._log = where.logs / "up.log"
        self._lock = where.run / "supervisor.lock"
        self._running: subprocess.Popen[bytes] | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it now, and from then on as often as it ends."""
        self._spawn()
        self.begin()

    def begin(self) -> None:
        """Start it again as often as it ends, from the end of the one that runs now."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            while self._is_running():  # noqa: ASYNC110 - the end of a process, which tells no event of ours
                await asyncio.sleep(_POLL_S)
            await asyncio.sleep(unit.RESTART_S)
            self._spawn()

    def _is_running(self) -> bool:
        if self._running is not None:
            return self._running.poll() is None
        # One that somebody else had started.
        try:
            os.kill(int(self._lock.read_text()), 0)
        except (OSError, ValueError):
            return False
        return True

    def _spawn(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._running = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        self.started_s = time.monotonic()

    async def close(self) -> None:
        """Start it no more; what runs goes on."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
            self._keeping = None

    async def stop(self) -> None:
        """End what was started, as Ctrl-C does."""
        await self.close()
        one = self._running
        if one is None or one.poll() is not None:
            return
        one.terminate()
        try:
            await asyncio.to_thread(one.wait, _STOP_S)
        except subprocess.TimeoutExpired:
            one.kill()
            await asyncio.to_thread(one.wait)
