"""A home with a signer, and the supervisor and the judges of a patch, played."""

import asyncio
import dataclasses
import shutil
import time
from collections.abc import Collection
from pathlib import Path

import pgp
from council import homes
from council.domain import authz, errors, home, patches
from council.patching import hands, roster
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import freeze, journal, way

# Real time: gpgv reads the machine's clock.
NOW = int(time.time())
ANN = pgp.Owner("Ann", NOW - 1_000_000)
SERVICES = ("store", "recall", "watcher", "gateway")


class CrashedError(Exception):
    """The process that applies patches ended here."""


class House:
    """The supervisor and the judges. What runs beside and what serves outlive whoever applies patches."""

    def __init__(self, where: home.Home):
        self.where = where
        self.beside: set[str] = set()
        self.launched: list[list[str]] = []
        self.problems = {"examine": "", "bake": ""}
        self.unheard: list[str] = []
        self.freezes_at = ""
        self.away = 0
        # Generations that a service began with.
        self.reads: list[str] = []
        # There is no memory for both; and how each launch was asked to make room: for how long, and whether to return.
        self.crowded = self.huge = False
        self.pauses: list[tuple[float, bool]] = []
        self.paused = False
        self.looked = 0
        # Generations whose releases were installed, if any can be; and those live when all was to come to a release.
        self.installed: list[str] = []
        self.returned: list[str] = []
        self.uninstallable = False
        self.renewed: list[str] = []
        self.crash_in = 10**9
        self.book: journal.Journal | None = None
        # The examination begins, and waits for this.
        self.reached = asyncio.Event()
        self.holds: asyncio.Event | None = None

    def touch(self, what: str = "") -> None:
        if what and what == self.freezes_at:
            freeze.freeze(self.where.lineage, freeze.Freeze("Stop.", "ann"))
        self.crash_in -= 1
        if self.crash_in <= 0:
            self.crash_in = 10**9
            raise CrashedError

    async def launch(
        self, generation: str, services: Collection[str], *, pause_s: float = 0.0, returning: bool = False
    ) -> list[str]:
        self.touch("launch")
        if self.crowded and generation not in (blueprint.current(self.where), *self.beside):
            if self.huge:
                raise errors.NoRoomAtAllError("There is no memory even alone. Free some.")
            if not pause_s:
                raise errors.NoRoomError("There is no memory for both. Free some.")
            self.pauses.append((pause_s, returning))
            self.paused = True
        self.launched.append(sorted(services))
        if generation != blueprint.current(self.where):
            self.beside = {generation}
        self.touch()
        return [*services, "gateway"]

    async def promote(self, generation: str) -> list[str]:
        self.touch()
        if generation != blueprint.current(self.where):
            if generation not in self.beside:
                raise errors.UnavailableError("It is not there. Launch it.")
            blueprint.switch(self.where, generation)
            self.beside = set()
            self.paused = False
        self.touch()
        return self.unheard

    async def discard(self, generation: str) -> None:
        self.touch()
        if self.away:
            self.away -= 1
            raise errors.SupervisorUnavailableError("Council is not running. Start it with `council up`.")
        assert generation != blueprint.current(self.where)
        self.beside.discard(generation)
        self.paused = False
        self.touch()

    async def install(self, generation: str, *, returning: bool = False) -> None:
        self.touch("install")
        if self.uninstallable:
            raise errors.InstallError("Release 2.0.0 cannot be installed: no room. Free some.")
        (self.returned if returning else self.installed).append(generation)
        self.touch()

    async def renew(self) -> None:
        self.renewed.append(blueprint.current(self.where))

    async def used(self) -> list[str]:
        return [*self.beside, *self.reads]

    async def look(self, base: str) -> None:
        assert base == blueprint.current(self.where) and not self.paused
        self.looked += 1

    async def examine(self, base: str, target: str, services: Collection[str], *, paused: bool = False) -> str:
        assert paused == self.paused and self.looked >= paused
        assert base == blueprint.current(self.where) and self.beside == {target} and "gateway" in services
        self.touch("examine")
        self.reached.set()
        if self.holds is not None:
            await self.holds.wait()
        return self.problems["examine"]

    async def settle(self, base: str) -> None:
        pass

    async def bake(self, base: str, target: str) -> str:
        assert base != blueprint.current(self.where) == target
        self.touch("bake")
        return self.problems["bake"]


def made_home(folder: Path) -> home.Home:
    """Return a home that lists Ann."""
    made = home.Home(folder)
    homes.prepare(made, {})
    text = roster.with_signer(
        homes.default_files()[authz.FILE], authz.Signer(ANN.fingerprint, "Ann", authz.Kind.HUMAN, ("**",))
    )
    blueprint.commit(made, {authz.FILE: text, f"keys/{ANN.fingerprint}.asc": ANN.certificate()}, "List Ann")
    return made


def copied(listed: home.Home, folder: Path) -> House:
    """Return a house of its own with the same home."""
    return House(home.Home(Path(shutil.copytree(listed.root, folder, symlinks=True))))


NEW = patches.Change("prompts/new.md", patches.Action.PUT, b"Answer shortly.\n", None)


def sent(where: home.Home, change: patches.Change = NEW) -> patches.Submission:
    """Return a patch of Ann's with one change."""
    made = patches.Patch("Ann", NOW - 60, NOW + 3600, blueprint.current(where), "Answer shortly", "So.", (change,), 7)
    document = patches.dump(made)
    return patches.Submission(document, pgp.signature(ANN.primary, document, NOW - 30))


def note(name: str) -> patches.Change:
    """Return a change that writes a prompt of this name."""
    return dataclasses.replace(NEW, path=f"prompts/{name}.md")


def begin(house: House) -> way.Way:
    """Begin as a process does that has just started."""

    async def no_pause(_: float) -> None:
        return

    if house.book is not None:
        # As the end of a process does.
        house.book.close()
    house.book = journal.Journal.open_at(house.where.lineage)
    carried = hands.Hands(house.where, house.book, house, house, SERVICES, time.time)
    return way.Way(house.book, carried, no_pause)


def whole(where: home.Home) -> dict[str, bytes]:
    """Return each file of the live generation."""
    folder = where.current.resolve()
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
