"""Who starts Council again once all of it was killed: systemd, or we after its unit's delay."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from council.domain import home as home_module
from council.supervisor import unit
from council.upkeep.chaos import undoing

_SYSTEMD = Path("/run/systemd/system")
_POLL_S = 0.05
_STOP_S = 60.0
# Longest that the start after a kill is waited for.
_BACK_S = 60.0
_TIED = (
    "import os, signal, sys; from council.kit import process; "
    "process.set_parent_death_signal(signal.SIGTERM); os.execv(sys.argv[1], sys.argv[1:])"
)


def tied(command: Sequence[str]) -> list[str]:
    """Return the command of a process that is told to end once we are gone. Start it in the main thread."""
    return [sys.executable, "-P", "-c", _TIED, *command]


def runs(where: home_module.Home) -> bool:
    """Return whether the supervisor of a home runs."""
    return supervisor(where) is not None


def supervisor(where: home_module.Home) -> int | None:
    """Return the pid of the supervisor of a home, None where it does not run."""
    try:
        pid = int((where.run / "supervisor.lock").read_text())
        # A lock file that was left names a process that is gone, or by now another.
        return pid if b"council" in Path("/proc", str(pid), "cmdline").read_bytes() else None
    except (OSError, ValueError):
        return None


def environment_of(where: home_module.Home) -> dict[str, str] | None:
    """Return what the Council of a home was started with in its environment, None where that cannot be read."""
    try:
        told = Path("/proc", str(supervisor(where)), "environ").read_bytes()
    except OSError:
        return None
    pairs = (os.fsdecode(one).partition("=") for one in told.split(b"\0") if b"=" in one)
    return {name: value for name, _, value in pairs}


def start(
    where: home_module.Home,
    port: int,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start `council up` for a home, in a session of its own. Raises OSError."""
    log = where.logs / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command or up(where, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )


def up(where: home_module.Home, port: int) -> list[str]:
    """Return the command that starts the Council of a home."""
    return [sys.executable, "-P", "-m", "council", "up", "--home", str(where.root), "--port", str(port)]


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

    def again(self) -> undoing.StartAgain | None:
        """Return None: systemd starts it, whatever becomes of us."""
        return None

    async def back(self) -> None:
        """Wait for nothing: systemd goes on without us."""

    async def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)


def systemd_scope(where: home_module.Home) -> str:
    """Return which systemd runs the Council of this home by our unit, `--system` or `--user`; "" where none does."""
    if not _SYSTEMD.is_dir():
        return ""
    for scope in ("--system", "--user"):
        command = ["systemctl", scope, "show", "--property=ActiveState,MainPID", unit.NAME]
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout
            pid = (where.run / "supervisor.lock").read_text().strip()
        except (OSError, subprocess.TimeoutExpired):
            return ""
        if "ActiveState=active" in told and f"MainPID={pid}" in told.splitlines():
            return scope
    return ""


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
        self._where, self._port, self._ends_with_us = where, port, ends_with_us
        command = up(where, port)
        self._command = tied(command) if ends_with_us else command
        self._environment = dict(environment or os.environ)
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
        return runs(self._where)

    def _spawn(self) -> None:
        self._running = start(self._where, self._port, self._environment, self._command)
        self.started_s = time.monotonic()

    def again(self) -> undoing.StartAgain | None:
        """Return what starts it should we be gone; None where it is to end with us."""
        return None if self._ends_with_us else undoing.StartAgain(self._port)

    async def back(self) -> None:
        """Wait until it is there again, for a time: whoever needs it looks for himself."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BACK_S):
                while not await asyncio.to_thread(self._serves):  # noqa: ASYNC110 - a process, which tells no event of ours
                    await asyncio.sleep(_POLL_S)

    def _serves(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), _POLL_S).close()
        except OSError:
            return False
        return runs(self._where)

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
