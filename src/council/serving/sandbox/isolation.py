"""The isolation self-test: a job of our own that tries to get out, again and again.

What a runner says of its layers is what it set up; this is what a job meets. It goes past queue, audit trail and kill switch,
so that it is known whether the walls hold while nothing else is run. A wall that does not hold twice in a row is broken: the
front refuses every job from then on, and `council_sandbox_walls_broken` brings the sentinel `isolation`.
"""

import asyncio
import dataclasses
import json
import logging
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from council import care_telemetry, ports
from council.domain import config, errors, sandbox, sandbox_wire
from council.kit import process
from council.serving.sandbox import tries

_log = logging.getLogger(__name__)

EVERY_S = 15.0
# Of one try, with the sandbox made for it.
_TRY_S = 10.0
_PROGRAMS = "/usr"
# Which layer each wall is of. Where a runner has not that layer, nobody says that the wall is there.
LAYER_BY_WALL: Mapping[str, str] = {
    "files": "read-only root",
    "root": "read-only root",
    "processes": "private /proc",
    "network": "net namespace",
    "calls": "seccomp",
    "rights": "no capabilities",
}
# gVisor's filter binds gVisor: a job's calls end in a kernel of its own.
_CALLS_KIND = "namespaces"


@dataclass(frozen=True, slots=True)
class Outside:
    """What no job may reach: a folder of the home by device and inode, this process by its start, and its port."""

    path: str
    file: tuple[int, int]
    pid: int
    start_ticks: int
    port: int


def outside(folder: Path, port: int) -> Outside:
    """Return what is outside, seen from this process. Raises SandboxUnavailableError."""
    pid = os.getpid()
    try:
        found, here = folder.stat(), process.stat(pid)
    except OSError as error:
        raise errors.SandboxUnavailableError(
            f"The folder of the sandbox cannot be seen: {error.strerror}. Mend its rights, then start Council anew.",
            detail=str(error),
        ) from error
    return Outside(str(folder), (found.st_dev, found.st_ino), pid, -1 if here is None else here.start_ticks, port)


class SelfTest:
    """Tries the walls of a runner. For one event loop."""

    def __init__(self, runner: ports.SandboxRunner, settings: config.SandboxConfig, beyond: Outside):
        self._runner = runner
        self._beyond = beyond
        self._kind = settings.kind
        self._limits = sandbox_wire.default_limits(settings)
        self._code = Path(tries.__file__).read_text()
        self._taking = asyncio.Lock()
        self.broken: tuple[str, ...] = ()
        # How many jobs of the runner are ours now.
        self.running = 0

    @property
    def problem(self) -> str:
        """Why no job may be run, "" where the walls hold as far as anybody knows."""
        if not self.broken:
            return ""
        return (
            f"A self-test got out of the sandbox through: {', '.join(self.broken)}. See `council doctor`, mend the layer, and "
            "start Council anew; then `council sandbox lift` tries again."
        )

    async def keep(self) -> None:
        """Take it for ever."""
        while True:
            try:
                await self.take()
            except Exception:  # noqa: BLE001 - logged; whatever fails once, the next one is taken
                _log.exception("the isolation self-test failed")
            await asyncio.sleep(EVERY_S)

    async def take(self) -> bool:
        """Try each wall once, and again where one does not hold; return whether all held.

        Where nothing can be run that is not known, which is no: what was known stays. Where no wall is said to be there, none
        can fall.
        """
        async with self._taking:
            if not self._walls():
                return True
            found = await self._through()
            if found:
                again = await self._through()
                found = found if again is None else found & again
            if found is None:
                care_telemetry.SANDBOX_SELF_TESTS.labels("unknown").inc()
                return False
            care_telemetry.SANDBOX_SELF_TESTS.labels("broken" if found else "held").inc()
            care_telemetry.SANDBOX_WALLS_BROKEN.set(len(found))
            broken = tuple(sorted(found))
            if broken != self.broken:
                _log.error("what a job gets through has changed", extra={"walls": broken or "none"})
            self.broken = broken
            return not broken

    def _walls(self) -> list[str]:
        layers: Collection[str] = self._runner.layers
        return [
            wall
            for wall, layer in LAYER_BY_WALL.items()
            if layer in layers and (wall != "calls" or self._kind == _CALLS_KIND)
        ]

    async def _through(self) -> set[str] | None:
        """Return which walls a job gets through, None where nobody can tell."""
        walls, nonce = self._walls(), secrets.token_hex(8)
        asked = {**dataclasses.asdict(self._beyond), "programs": _PROGRAMS, "walls": walls, "nonce": nonce}
        job = sandbox.Job("python", self._code, json.dumps(asked).encode(), limits=self._limits)
        self.running += 1
        try:
            async with asyncio.timeout(_TRY_S):
                result = await self._runner.run(job)
        except (errors.CouncilError, TimeoutError) as error:
            _log.info("no isolation self-test could be taken", extra={"reason": str(error)})
            return None
        finally:
            self.running -= 1
        return _told(result, nonce, walls)


def _told(result: sandbox.Result, nonce: str, walls: Collection[str]) -> set[str] | None:
    """Return what a try printed; None for whatever it is not sure that it is ours."""
    try:
        match json.loads(result.stdout):
            case {"nonce": said, "through": [*names]} if said == nonce:
                return {name for name in names if name in walls}
    except ValueError:
        pass
    _log.warning("an isolation self-test told nothing", extra={"status": result.status.value, "limit": result.limit})
    return None
