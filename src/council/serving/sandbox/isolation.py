"""The isolation self-test: a job of our own that tries to get out, again and again.

What a runner says of its layers is what it set up; this is what a job meets. It goes past queue, audit trail and kill switch,
so that it is known whether the walls hold while nothing else is run. A wall that does not hold twice in a row is broken: the
front refuses every job from then on, over restarts too, until a self-test holds, and `council_sandbox_walls_broken` brings the
sentinel `isolation`. Until a self-test of this process has told that the walls hold the front refuses every job as well, unless
`sandbox.allow_missing` names the self-test. Later ones that tell nothing keep nobody from running code, but not for long
without a word: `council_sandbox_walls_untried_seconds` brings `isolation_untried`.
"""

import asyncio
import contextlib
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
from council.kit import clock as clocks
from council.kit import process
from council.serving.sandbox import switch, tries

_log = logging.getLogger(__name__)

EVERY_S = 15.0
# Until the first self-test has told something it is taken again after this, then after twice as long each time: soon where
# the runner is still beginning, and seldom where there will be none.
FIRST_AGAIN_S = 1.0
# What stands in `sandbox.allow_missing`, beside layers, for whoever runs code though no self-test tells anything.
ALLOWED = "self-test"
# Which walls are broken, beside the kill switch's file.
NAME = "walls.json"
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
_SEPARATOR = ", "
_UNREAD = "one that its file no longer names"
_NOT_YET = (
    "The walls of the sandbox have not been tried since it started, and nothing runs before that. Try again in some seconds; "
    "`council sandbox status` says how it stands."
)
_UNTOLD = (
    "No self-test has told since the sandbox started whether its walls hold, so nothing runs. It is taken again within "
    f"{EVERY_S:g} s; sandboxd's log under logs/ says how it ended. To run code all the same, add `{ALLOWED}` to the setting "
    "`sandbox.allow_missing`."
)


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
    """Tries the walls of a runner; what it knows to be broken is kept in `folder`. For one event loop."""

    def __init__(
        self,
        runner: ports.SandboxRunner,
        kind: str,
        beyond: Outside,
        folder: Path,
        clock: clocks.Clock,
        *,
        needed: bool = True,
    ):
        """`needed`: no job runs until a self-test has told that the walls hold."""
        self._runner = runner
        self._beyond = beyond
        self._kind = kind
        self._clock = clock
        # Its own, since the settings may leave a job too little to tell anything.
        self._limits = sandbox_wire.default_limits(config.SandboxConfig())
        self._code = Path(tries.__file__).read_text()
        self._taking = asyncio.Lock()
        self._kept = switch.KillSwitch(folder, NAME)
        self._is_saved = True
        self._told_s = clock.monotonic_s()
        self.broken = _names(self._kept.stopped_by())
        care_telemetry.SANDBOX_WALLS_BROKEN.set(len(self.broken))
        # How the last self-test ended; before the first, "".
        self.outcome = ""
        self._needed = needed
        # Whether one has told something since the start, and whether jobs need wait no longer for that.
        self._has_told = False
        self.first = asyncio.Event()
        # Why the last self-test could not be taken, "" where it could: then no other job can be run either.
        self.away = ""
        # How many jobs of the runner are ours now.
        self.running = 0

    @property
    def untried_s(self) -> float:
        """Seconds since a self-test told something, or since the start."""
        return self._clock.monotonic_s() - self._told_s

    @property
    def refuses_anyway(self) -> bool:
        """Whether every job is refused for something else than that nothing was tried: a broken wall, or no runner."""
        return bool(self.broken) or (not self.outcome and bool(self.away))

    @property
    def problem(self) -> str:
        """Why no job may be run, "" where the walls hold as far as anybody knows."""
        if not self.broken and not self.outcome:
            return _NOT_YET
        if not self.broken:
            return _UNTOLD if self._needed and not self._has_told else ""
        return (
            f"A self-test got out of the sandbox through: {', '.join(self.broken)}. See `council doctor`, mend the layer, and "
            "start Council anew; then `council sandbox lift` tries again."
        )

    async def keep(self) -> None:
        """Take it for ever."""
        again_s = FIRST_AGAIN_S
        while True:
            try:
                await self.take()
            except Exception:  # noqa: BLE001 - logged; whatever fails once, the next one is taken
                _log.exception("the isolation self-test failed")
            await asyncio.sleep(EVERY_S if self._has_told else again_s)
            again_s = min(EVERY_S, 2 * again_s)

    async def take(self) -> bool:
        """Try each wall once, and again where one does not hold; return whether all held.

        Where nobody can tell that is not known, which is no: what was known stays. Where no wall is said to be there, none can
        fall.
        """
        async with self._taking:
            try:
                found = await self._through()
            except errors.SandboxUnavailableError as error:
                # Nor can any other job be run, so that it is no first self-test.
                if str(error) != self.away:
                    _log.info("no isolation self-test could be taken", extra={"reason": str(error)})
                self.away = str(error)
                self._count("unknown" if self.outcome else "")
                return False
            self.away = ""
            if found:
                with contextlib.suppress(errors.SandboxUnavailableError):
                    again = await self._through()
                    found = found if again is None else found & again
            if found is None:
                self._count("unknown")
                return False
            self._count("broken" if found else "held")
            self._told_s = self._clock.monotonic_s()
            self._learn(tuple(sorted(found)))
            return not found

    def _count(self, outcome: str) -> None:
        self.outcome = outcome
        self._has_told = self._has_told or outcome in ("held", "broken")
        if outcome and (self._has_told or not self._needed):
            self.first.set()
        care_telemetry.SANDBOX_SELF_TESTS.labels(outcome or "unknown").inc()

    def _learn(self, broken: tuple[str, ...]) -> None:
        """Know which walls are broken, after a restart too."""
        if broken != self.broken:
            _log.error("what a job gets through has changed", extra={"walls": broken or "none"})
        self.broken = broken
        care_telemetry.SANDBOX_WALLS_BROKEN.set(len(broken))
        kept = self._kept.stopped_by()
        try:
            if broken and (not self._is_saved or _names(kept) != broken):
                self._is_saved = False
                self._kept.throw(_SEPARATOR.join(broken))
                self._kept.save(_SEPARATOR.join(broken), self._clock.now_us())
            elif kept and not broken:
                self._kept.lift()
            self._is_saved = True
        except errors.SandboxUnavailableError as error:
            # It holds here all the same, and the next self-test saves it again.
            _log.warning("which walls are broken could not be saved", extra={"reason": error.detail})

    def _walls(self) -> list[str]:
        layers: Collection[str] = self._runner.layers
        return [
            wall
            for wall, layer in LAYER_BY_WALL.items()
            if layer in layers and (wall != "calls" or self._kind == _CALLS_KIND)
        ]

    async def _through(self) -> set[str] | None:
        """Return which walls a job gets through, None where nobody can tell. Raises SandboxUnavailableError."""
        if not self._runner.layers:
            raise errors.SandboxUnavailableError("The runner names no layer: it is away. Try again when it is there.")
        walls, nonce = self._walls(), secrets.token_hex(8)
        if not walls:
            return set()
        asked = {**dataclasses.asdict(self._beyond), "programs": _PROGRAMS, "walls": walls, "nonce": nonce}
        job = sandbox.Job("python", self._code, json.dumps(asked).encode(), limits=self._limits)
        self.running += 1
        try:
            async with asyncio.timeout(_TRY_S):
                result = await self._runner.run(job)
        except errors.SandboxUnavailableError:
            raise
        except (errors.CouncilError, TimeoutError) as error:
            _log.info("an isolation self-test could not be ended", extra={"reason": str(error)})
            return None
        finally:
            self.running -= 1
        return _told(result, nonce, walls)


def _names(kept: str) -> tuple[str, ...]:
    """Return the walls that a file names."""
    return (_UNREAD,) if kept == switch.UNREADABLE else tuple(kept.split(_SEPARATOR)) if kept else ()


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
