"""A whole Council with one signer of patches: patches made, signed and sent over HTTP, and their ways followed from outside."""

import asyncio
import contextlib
import dataclasses
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pysequoia

import councils
import figures
import patch_load
import provider_homes
from council import care_app, homes
from council.domain import authz, errors, patches, states
from council.domain import home as home_module
from council.patching import drafting, roster, situation
from council.upkeep.engine import blueprint
from peers import processes

_APPLY_S = 300.0
_ALIKE_S = 15.0
_POLL_S = 0.01
_LASTS_S = 3600


def prepare(root: Path, port: int, upstream_port: int) -> tuple[home_module.Home, "Signer"]:
    """Make a home whose model `near` is the scripted upstream's, with one person whose signature counts."""
    where = provider_homes.prepare(root, port, upstream_port, patch_load.MODELS)
    subprocess.run(
        [*councils.COMMAND, "models", "prepare", "--home", str(root)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=councils.environment(COUNCIL_PORT=str(port)),
    )
    return where, Signer(where)


@contextlib.contextmanager
def serving(where: home_module.Home, port: int, settings: Mapping[str, str]) -> Iterator[str]:
    """Run a prepared Council, and beside it the scripted upstream, whose URL is yielded."""
    with contextlib.ExitStack() as stack:
        upstream = processes.scripted(port + 10, provider_homes.KEY)
        stack.callback(upstream.close)
        stack.enter_context(councils.running(where, port, PYTHONPATH=str(figures.ROOT / "src"), **settings))
        yield upstream.url


class Signer:
    """Ann, who may change everything."""

    def __init__(self, where: home_module.Home):
        self._where = where
        self._count = 0
        self._key = pysequoia.Tsk.generate("Ann", profile=pysequoia.Profile.RFC4880)
        self._other = pysequoia.Tsk.generate("Bob", profile=pysequoia.Profile.RFC4880)
        certificate = self._key.extract_certificate()
        name = str(certificate.fingerprint)
        signer = authz.Signer(name, "Ann", authz.Kind.HUMAN, ("**",))
        text = roster.with_signer(homes.default_files()[authz.FILE], signer)
        listed = {authz.FILE: text, authz.certificate_path(name): str(certificate).encode()}
        blueprint.commit(where, listed, "List Ann")

    def patch(self, title: str, puts: Mapping[str, bytes]) -> patches.Submission:
        """Return a patch of the live generation that puts these files, signed."""
        self._count += 1
        seen = situation.look(self._where)
        live, now = self._where.generations / seen.live, int(time.time())
        with tempfile.TemporaryDirectory() as folder:
            sources = {path: Path(folder, str(number)) for number, path in enumerate(puts)}
            for path, source in sources.items():
                source.write_bytes(puts[path])
            given = drafting.of_files(live, sources, (), seen.policy.sizes)
        words = drafting.Words("Ann", f"{title} {self._count}", "To measure it.", now - 60, now + _LASTS_S)
        checker = situation.checker(self._where, seen.live)
        document = drafting.document(words, seen.live, given, seen.policy, checker)
        return patches.Submission(document, self._signed(document, self._key))

    def bad(self, good: patches.Submission) -> dict[str, patches.Submission]:
        """Return submissions that must be refused, by what is wrong with them."""
        document = good.document
        return {
            "of an unlisted key": patches.Submission(document, self._signed(document, self._other)),
            "of other bytes": patches.Submission(document + b" ", good.signature),
            "signed and malformed": patches.Submission(document[:-3], self._signed(document[:-3], self._key)),
            "no signature": patches.Submission(document, b"\xff" * 200),
        }

    def _signed(self, document: bytes, key: "pysequoia.Tsk") -> bytes:
        return bytes(pysequoia.sign(key.signer(), document, mode=pysequoia.SignatureMode.DETACHED, armor=False))


@dataclasses.dataclass(slots=True)
class Way:
    """The way of one patch as seen from outside. Times on the monotonic clock; `steps` by when its event came.

    `live_s` is when the pointer led to the new generation, `back_s` when it led to the old one again.
    """

    submitted_s: float
    steps: list[tuple[str, float]] = dataclasses.field(default_factory=list)
    row: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    live_s: float | None = None
    back_s: float | None = None

    @property
    def ended_s(self) -> float:
        """When its last event came, or the last look at it."""
        return self.steps[-1][1] if self.steps else self.submitted_s

    def began(self, phase: str) -> float | None:
        """Return when a phase began, None where it was not seen."""
        return next((at_s for name, at_s in self.steps if name == phase), None)

    def lasted(self, phase: str) -> float | None:
        """Return how long a phase lasted, seconds, None where it was not seen."""
        for number, (name, at_s) in enumerate(self.steps[:-1]):
            if name == phase:
                return self.steps[number + 1][1] - at_s
        return None

    @property
    def lasted_s(self) -> dict[str, float]:
        """How long each phase lasted, seconds."""
        names = [name for name, _ in self.steps[:-1]]
        return {name: round(took_s, 4) for name in names if (took_s := self.lasted(name)) is not None}


class NotAppliedError(Exception):
    """A patch did not come to an end, or was refused at once; the text says why."""


class Follower:
    """Sends patches to patchctl's port and follows each to its end."""

    def __init__(self, where: home_module.Home, port: int):
        self._where = where
        self._runtime = care_app.runtime(where)
        self._service = care_app.patch_service(where, port + 1)

    async def close(self) -> None:
        """Close every connection."""
        await self._service.close()

    async def roll_back(self, reason: str) -> None:
        """Take back what is on its way."""
        await self._service.roll_back("", "ann", reason)

    @contextlib.asynccontextmanager
    async def following(self, sent: patches.Submission, *, trial: bool = False) -> AsyncIterator[Way]:
        """Submit a patch and yield its way, which goes on growing; at the block's end wait until the patch has ended.

        Raises NotAppliedError.
        """
        base = self._live()
        way = Way(time.monotonic())
        digest = patches.digest(sent.document)
        following = asyncio.create_task(self._follow(way, digest))
        pointing = asyncio.create_task(self._point(way, base))
        try:
            # The stream is open before there is anything to miss.
            await asyncio.sleep(0.2)
            way.submitted_s = time.monotonic()
            told = await self._service.apply(sent, trial=trial)
            if not told.success:
                raise NotAppliedError(f"{told.reason}: {told.message}")
            yield way
            async with asyncio.timeout(_APPLY_S):
                await following
        except TimeoutError as error:
            raise NotAppliedError(f"it has not ended after {_APPLY_S:g} s; its steps: {way.steps}") from error
        finally:
            for task in (following, pointing):
                task.cancel()
            await asyncio.gather(following, pointing, return_exceptions=True)

    async def _follow(self, way: Way, digest: str) -> None:
        while not way.row.get("outcome"):
            try:
                async for row in self._service.follow():
                    if row["digest"] != digest:
                        continue
                    phase = row["outcome"] or row["phase"]
                    if not way.steps or way.steps[-1][0] != phase:
                        way.steps.append((phase, time.monotonic()))
                    way.row = row
                    if row["outcome"]:
                        return
            except errors.CouncilError:
                await asyncio.sleep(0.1)

    async def _point(self, way: Way, base: str) -> None:
        while True:
            live = self._live()
            if way.live_s is None:
                way.live_s = time.monotonic() if live != base else None
            elif way.back_s is None and live == base:
                way.back_s = time.monotonic()
            await asyncio.sleep(_POLL_S)

    def _live(self) -> str:
        return self._where.current.readlink().name

    async def pid(self, service: str, generation: str = "") -> int | None:
        """Return the process of a service, of that generation where one is named."""
        for one in await self._status():
            if one.name.partition(":")[0] == service and (not generation or one.generation == generation):
                return one.pid
        return None

    async def live(self) -> str:
        """Return the generation that the pointer leads to."""
        return self._live()

    async def mixed(self) -> str:
        """Return which services do not tell of the live generation though they had time to, nothing where all do."""
        deadline_s, odd = time.monotonic() + _ALIKE_S, ["the supervisor does not answer"]
        while time.monotonic() < deadline_s:
            rows, live = await self._status(), self._live()
            if rows:
                odd = [
                    f"{one.name} {one.state} of {one.generation[:8]}"
                    for one in rows
                    if one.generation != live or one.state != "ready"
                ]
                if not odd:
                    return ""
            await asyncio.sleep(0.2)
        return ", ".join(odd)

    async def _status(self) -> list[states.ServiceStatus]:
        try:
            return list(await self._runtime.status(memory=False))
        except errors.CouncilError:
            return []
