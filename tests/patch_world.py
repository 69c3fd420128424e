"""A world for the way of a patch: a disk, a supervisor and generations, all in memory, that can end at any effect.

`World.carry_out` is written as the real one must be: each effect is a call of `touch`, at which a crash may be told to come,
and what was not done by then is not done.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from council.upkeep.patchctl import steps, way

CRASHES_MAX = 12


class CrashedError(Exception):
    """The process ended here."""


@dataclass
class World:
    """What outlives a crash of the process that applies patches. `bad` names the targets that fail while baking."""

    draw: random.Random
    live: str = "g0"
    written: set[str] = field(default_factory=lambda: {"g0"})
    running: set[str] = field(default_factory=lambda: {"g0"})
    records: list[dict[str, Any]] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    lame: set[str] = field(default_factory=set)
    # Those that have no memory to run beside another, and whether what serves has stopped for one.
    crowded: set[str] = field(default_factory=set)
    # Those of another release, of which some cannot be installed; and what has been.
    released: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    installed: set[str] = field(default_factory=set)
    paused: bool = False
    crash_in: int = 10**9
    served: list[str] = field(default_factory=list)
    # So many times the disk or the supervisor refuses to discard or to return.
    refusals: int = 0
    paused_s: float = 0.0

    def touch(self) -> None:
        """An effect on the outside: whoever asks meanwhile is served by the live generation alone."""
        assert self.live in self.running, "nothing serves"
        self.served.append(self.live)
        self.crash_in -= 1
        if self.crash_in <= 0:
            self.crash_in = 10**9
            raise CrashedError

    def append(self, record: dict[str, Any]) -> None:
        """Sync a record. A crash comes before or after it is on disk."""
        self.touch()
        self.records.append(record)
        self.touch()

    async def pause(self, seconds: float) -> None:
        """Wait, which takes no time here."""
        self.paused_s += seconds

    async def carry_out(self, action: steps.Action, state: steps.State) -> steps.Ended:
        """Do what the action says, in the world; return what came of it."""
        target = "g" + state.digest
        match action:
            case steps.Action.STAGE:
                self.touch()
                self.written.add(target)
                self.touch()
                return steps.Done(target, installs=target in self.released)
            case steps.Action.INSTALL:
                self.touch()
                if target in self.broken:
                    return steps.Failed("not_installed: no room")
                self.installed.add(target)
                self.touch()
                return steps.Done()
            case steps.Action.LAUNCH if target in self.released - self.installed:
                raise AssertionError("it was not installed")
            case steps.Action.LAUNCH if target in self.crowded:
                self.touch()
                return steps.Crowded()
            case steps.Action.LAUNCH:
                self.touch()
                self.running.add(target)
                self.touch()
                return steps.Done()
            case steps.Action.PAUSE:
                self.touch()
                self.paused = True
                self.touch()
                self.running.add(target)
                self.touch()
                return steps.Done()
            case steps.Action.EXAMINE:
                self.touch()
                return steps.Failed("a gate is red") if target in self.lame else steps.Done()
            case steps.Action.CHECK:
                self.touch()
                return steps.Done()
            case steps.Action.PROMOTE:
                self.touch()
                if target not in self.running:
                    return steps.Failed("it does not run")
                self.live, self.paused = target, False
                self.touch()
                return steps.Done()
            case steps.Action.BAKE:
                self.touch()
                if target in self.bad:
                    return steps.Failed("a gate is red")
                self.running &= {target}
                return steps.Done()
            case steps.Action.RETURN | steps.Action.YIELD | steps.Action.DISCARD if self.refusals:
                self.refusals -= 1
                return steps.Failed("the supervisor is away")
            case steps.Action.RETURN if target in self.crowded and self.live == target:
                self.touch()
                return steps.Crowded()
            case steps.Action.RETURN | steps.Action.YIELD:
                self.touch()
                if self.live == target:
                    self.paused = action is steps.Action.YIELD
                    self.touch()
                    self.running.add(state.base)
                    self.live, self.paused = state.base, False
                self.touch()
                self._remove(target)
                return steps.Done()
            case steps.Action.DISCARD:
                self._remove(target)
                return steps.Done()

    def _remove(self, target: str) -> None:
        self.touch()
        self.running.discard(target)
        # What had stopped for it starts again.
        self.paused = False
        self.touch()
        self.written.discard(target)
        self.touch()


class Book:
    """The journal of a world."""

    def __init__(self, world: World):
        self._world = world
        self.records = world.records

    def append(self, record: dict[str, Any]) -> None:
        self._world.append(record)


def way_of(world: World) -> way.Way:
    """Return what takes patches along, as a process that has just begun."""
    return way.Way(Book(world), world, pause=world.pause)  # type: ignore[arg-type]


def run(world: World, digest: str) -> steps.State:
    """Apply a patch. Raises CrashedError."""
    return asyncio.run(way_of(world).apply(digest, world.live, {"signer": "ann"}))


def recover(world: World) -> steps.State:
    """Begin anew after a crash. Raises CrashedError."""
    return asyncio.run(way_of(world).recover(world.live))


def apply(world: World, digest: str) -> steps.State:
    """Submit a patch, and begin anew after each crash, as the supervisor would."""
    try:
        return run(world, digest)
    except CrashedError:
        pass
    for _ in range(CRASHES_MAX + 1):
        try:
            return recover(world)
        except CrashedError:
            world.crash_in = world.draw.choice([10**9, world.draw.randint(1, 12)])
    world.crash_in = 10**9
    return recover(world)


def live_through(seed: int) -> int:
    """Have a world of this seed go through some patches with crashes, and look after each; return how many there were."""
    draw = random.Random(seed)
    world = World(draw)
    count = draw.randint(2, 8)
    for number in range(1, count):
        target = f"g{number}"
        kind = draw.choice(["good", "lame", "bad"])
        if kind != "good":
            getattr(world, kind).add(target)
        if draw.random() < 0.3:
            world.crowded.add(target)
        world.crash_in = draw.choice([10**9, draw.randint(1, 30)])
        before = world.live
        state = apply(world, str(number))
        assert state.phase is steps.Phase.IDLE
        # A crash may come before anything of the patch is on disk.
        applied = state.digest == str(number) and state.last is steps.Outcome.APPLIED
        assert world.live == (target if applied else before)
        assert kind == "good" or not applied
        check(world)
    return count - 1


def check(world: World) -> None:
    """What must hold whenever no patch is at work."""
    assert world.live in world.written
    assert world.running == {world.live}
    assert not world.paused
    for earlier, later in zip(world.records, world.records[1:], strict=False):
        ended = earlier["phase"] == "idle"
        assert ended == (later["phase"] == "staging"), (earlier, later)
    assert all(("signer" in one) == (one["phase"] == "staging") for one in world.records)
