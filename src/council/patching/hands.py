"""What carries a patch along its way, on a home: staging, the supervisor, the judges, the freeze and the two verifiers.

`way.Way` says what to do next and puts it on record first; here each of these actions is done. All bear being done again, and
none decides: whether the tried generation is good is the judges' word, whether the patch may still go on the core's.
"""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection
from typing import Protocol

from council import care_ports, homes
from council.domain import authz, errors, home, inputs, patches
from council.kit import commits
from council.patching import checking, situation, submitted
from council.upkeep.engine import blueprint, staging
from council.upkeep.engine import inputs as engine_inputs
from council.upkeep.patchctl import freeze, journal, steps
from council.upkeep.patchctl.core import documents

_REASON_CHARS_MAX = 500
# What starts services gives up a pause by itself so much later than we do: it is for when we are gone.
_PAUSE_SPARE_S = 10.0


class Judges(Protocol):
    """What looks at a generation that runs. Each returns what is wrong with it, in one line, or "" where nothing is."""

    async def look(self, base: str) -> None:
        """See the live generation answer while all of it runs, for an examination when it does not."""

    async def examine(self, base: str, target: str, services: Collection[str], *, paused: bool = False) -> str:
        """Compare a generation that runs beside the live one, with these services of its own, with that.

        `paused`: with what the live one was last seen to answer.
        """

    async def settle(self, base: str) -> None:
        """Wait until all that serves has come up, as after a start of everything; not for long, and whatever comes of it."""

    async def bake(self, base: str, target: str) -> str:
        """Watch a generation that serves now, for as long as a bake takes or until something is wrong."""


class Hands:
    """way.Hands on one home. `services` are the names of all services that run; `now` returns Unix seconds."""

    def __init__(
        self,
        where: home.Home,
        book: journal.Journal,
        generations: care_ports.Generations,
        judges: Judges,
        services: Collection[str],
        now: Callable[[], float],
    ) -> None:
        self._where = where
        self._book = book
        self._generations = generations
        self._judges = judges
        self._services = services
        self._now = now

    async def carry_out(self, action: steps.Action, state: steps.State) -> steps.Ended:
        """Do what an action says about the patch of the state. Raises OSError where the disk refuses what must be on it."""
        try:
            return await self._do(action, state)
        except errors.CouncilError as error:
            return _failed(error)

    async def _do(self, action: steps.Action, state: steps.State) -> steps.Ended:
        match action:
            case steps.Action.STAGE:
                target = await asyncio.to_thread(self._stage, state)
                return steps.Done(target, installs=self._is_other_release(state.base, target))
            case steps.Action.INSTALL:
                return await self._install(state)
            case steps.Action.LAUNCH:
                return await self._launch(state)
            case steps.Action.PAUSE:
                await self._generations.launch(
                    state.target, await self._touched(state), pause_s=self._pause_s(state) + _PAUSE_SPARE_S
                )
            case steps.Action.EXAMINE:
                return await self._examine(state)
            case steps.Action.CHECK:
                return await self._check(state)
            case steps.Action.PROMOTE:
                return await self._promote(state)
            case steps.Action.BAKE:
                return await self._bake(state)
            case steps.Action.RETURN:
                try:
                    await self._take_back(state)
                except errors.NoRoomError:
                    return steps.Crowded()
            case steps.Action.YIELD:
                await self._take_back(state, self._pause_s(state) + _PAUSE_SPARE_S)
            case steps.Action.DISCARD:
                await self._take_back(state)
        return steps.Done()

    def _is_other_release(self, before: str, after: str) -> bool:
        """Return whether the two are not of one release; which is the newer one is not known. Raises ConfigError."""
        return homes.load_pin(self._where, after) != homes.load_pin(self._where, before)

    async def _install(self, state: steps.State) -> steps.Ended:
        try:
            await self._generations.install(state.target)
        except errors.InstallError as error:
            return steps.Failed(f"{patches.Reason.NOT_INSTALLED}: {error.message}"[:_REASON_CHARS_MAX])
        return steps.Done()

    async def _launch(self, state: steps.State) -> steps.Ended:
        try:
            await self._generations.launch(state.target, await self._touched(state))
        except errors.NoRoomAtAllError as error:
            return steps.Failed(f"{patches.Reason.NO_ROOM}: {error.message}")
        except errors.NoRoomError as error:
            if state.trial:
                return steps.Failed(
                    f"{patches.Reason.NO_ROOM}: {error.message} What is only tried stops nothing that serves."
                )
            windows = (await asyncio.to_thread(situation.look, self._where)).policy.windows
            if not authz.may_pause(windows, self._now()):
                return steps.Failed(_outside(windows, self._now()))
            await self._judges.look(state.base)
            return steps.Crowded()
        return steps.Done()

    async def _examine(self, state: steps.State) -> steps.Ended:
        touched = await self._generations.launch(state.target, await self._touched(state))
        paused_s, left_s = self._paused_s(state.digest), None
        if paused_s is not None:
            left_s = max(0.0, paused_s + self._pause_s(state) - self._now())
        try:
            async with asyncio.timeout(left_s):
                examining = self._judges.examine(state.base, state.target, touched, paused=paused_s is not None)
                return _judged(await examining)
        except TimeoutError:
            return steps.Failed(
                f"what stopped for it was away for {self._pause_s(state):.0f} s, as long as `bake.pause_s` allows, and the "
                "examination had not ended"
            )

    def _pause_s(self, state: steps.State) -> float:
        return homes.load_config(self._where, state.base, os.environ, {}).bake.pause_s

    def _paused_s(self, digest: str) -> int | None:
        """Return since when what has no room beside the patch at work is away, Unix seconds; None where nothing is."""
        for one in reversed(self._book.records):
            if one.get("phase") in (steps.Phase.PAUSING, steps.Phase.STAGING) and one["patch"] == digest:
                return int(one["at"]) if one["phase"] == steps.Phase.PAUSING else None
        return None

    def _stage(self, state: steps.State) -> str:
        sent = submitted.find(self._where, state.digest)
        rules = situation.look(self._where).policy
        patch = documents.parse(sent.document, rules.sizes)
        came_s = self._time_of(steps.Phase.STAGING, state.digest)
        pair = sent.document, sent.signature
        whole = staging.Patch(*pair, patch.base, patch.title, came_s, patch.changes, sent.cosignatures)
        return staging.stage(self._where, whole)

    def _time_of(self, phase: steps.Phase, digest: str) -> int:
        """Return when a phase of the patch at work began, by the journal: to do it again must give the same commit."""
        for one in reversed(self._book.records):
            if one.get("phase") == phase and one["patch"] == digest:
                return int(one["at"])
        raise errors.JournalError(
            f"The journal does not say when {patches.cid(digest)} came to {phase}. Submit it again."
        )

    async def _touched(self, state: steps.State) -> list[str]:
        return await asyncio.to_thread(self.touched, state.base, state.target)

    def touched(self, before: str, after: str) -> list[str]:
        """Return the services that use what differs between two generations. Blocking. Raises BlueprintError."""
        folders = [self._where.generations / name for name in (before, after)]
        read = [engine_inputs.read(folder, homes.parse_settings) for folder in folders]
        return sorted(inputs.touched(self._services, *read))

    async def _check(self, state: steps.State) -> steps.Done | steps.Failed:
        """Judge once more, by what is so now, and compare what was staged with its commit."""
        sent = submitted.find(self._where, state.digest)
        seen = await asyncio.to_thread(situation.look, self._where)
        at = dataclasses.replace(situation.situation(self._where, seen, self._now()), spends=not state.trial)
        found = await checking.check(sent, seen, at, self._where.generations / seen.live)
        if found.reason:
            return steps.Failed(found.reason)
        await asyncio.to_thread(staging.verify, self._where, state.target)
        return steps.Done()

    async def _promote(self, state: steps.State) -> steps.Done | steps.Failed:
        """Switch while nobody can freeze, and nobody commits to the blueprint: both hold the locks while they do."""
        held = contextlib.ExitStack()
        try:
            for lock in (freeze.lock(self._where.lineage), blueprint.locked(self._where)):
                await asyncio.to_thread(held.enter_context, lock)
            if situation.stopped(self._where) is not None:
                return steps.Failed(patches.Reason.FROZEN, untouched=True)
            if not await asyncio.to_thread(blueprint.may_follow, self._where, state.target):
                return steps.Failed(patches.Reason.STALE_BASE, untouched=True)
            unheard = await self._generations.promote(state.target)
        finally:
            await asyncio.to_thread(held.close)
        if unheard:
            return steps.Failed(f"{', '.join(unheard)} did not say that they heard of the switch")
        return steps.Done()

    async def _bake(self, state: steps.State) -> steps.Done | steps.Failed:
        """Watch it serve. What others pushed onto the branch meanwhile was made without it and stands: it gives way."""
        if state.restarts:
            # Everything may have started anew with us, and is not to be judged before it is there.
            await self._judges.settle(state.base)
        found = _judged(await self._judges.bake(state.base, state.target))
        if isinstance(found, steps.Done) and not await asyncio.to_thread(
            blueprint.is_awaited, self._where, state.target
        ):
            return steps.Failed(patches.Reason.STALE_BASE)
        return found

    async def _take_back(self, state: steps.State, pause_s: float = 0.0) -> None:
        """Have what was before the target serve, if it does not, and leave nothing of the target. Raises NoRoomError."""
        live = blueprint.current(self._where)
        # By its tree: after a later patch was taken back, what serves has another name.
        if state.target and state.target in situation.Bases(self._where, live):
            before = await asyncio.to_thread(self._before, state)
            touched = await asyncio.to_thread(self.touched, live, before)
            if self._is_other_release(live, before):
                # It is there, unless somebody removed it. The records are left alone: it passes over what it does not know.
                await self._generations.install(before, returning=True)
            await self._generations.launch(before, touched, pause_s=pause_s, returning=True)
            await self._generations.promote(before)
        if commits.is_commit(state.target):
            await self._generations.discard(state.target)
        await asyncio.to_thread(self._forget, state)

    def _forget(self, state: steps.State) -> None:
        # What the branch leads through stays, as each generation that was applied.
        if not state.target or not blueprint.holds(self._where, state.target):
            staging.discard(self._where, state.digest, state.target)

    def _before(self, state: steps.State) -> str:
        """Return the generation that serves after the target: the base, or its tree again where the branch holds the target."""
        live = blueprint.current(self._where)
        # Where others moved the branch, no commit of ours goes on from its end.
        if not (blueprint.holds(self._where, state.target) and blueprint.ends_in(self._where, live)):
            return state.base
        return blueprint.revert(self._where, state.target, self._time_of(steps.Phase.RETURNING, state.digest))


def settle(where: home.Home, state: steps.State) -> None:
    """Have the blueprint's branch end in the generation that serves once its patch is applied, or taken back. Idempotent.

    Not before: the start of a Council goes on with a generation that is ahead of the branch, and a patch that turns bad while
    it bakes must leave the branch where it was. Raises BlueprintError, with the reason `stale_base` where others moved it.
    """
    if state.digest:
        submitted.drop(where, state.digest)
    if state.last in (steps.Outcome.APPLIED, steps.Outcome.ROLLED_BACK):
        blueprint.adopt(where, blueprint.current(where))


async def follow(where: home.Home, generations: care_ports.Generations, state: steps.State) -> None:
    """Have what could not be tried beside the live one come to its release, after a way has ended. Idempotent.

    This process may be among it, and is told to end then. A trial that was passed has no one come to another release, and
    what it had installed is left for the patch itself until the next way ends. Raises CouncilError.
    """
    if state.phase is steps.Phase.IDLE and state.last is not steps.Outcome.TRIED and where.releases.exists():
        await generations.renew()


async def thin_out(where: home.Home, generations: care_ports.Generations) -> list[str]:
    """Remove generations beyond `patch.kept_generations` that no service reads; return them. Only while no patch is at work.

    Fewer are kept where they pin so many releases that no other could be installed. What was removed can be returned to all
    the same: it is written anew out of git. Raises CouncilError.
    """
    used = await generations.used()
    config = homes.load_config(where, blueprint.current(where), os.environ, {})
    # One more is to fit beside them.
    releases = config.supervisor.releases_max - 1
    return await asyncio.to_thread(staging.prune, where, used, config.patch.kept_generations, releases)


def _outside(windows: Collection[authz.Window], now: float) -> str:
    opens = authz.next_window_s(windows, now)
    then = (
        "No window of `authz.yaml` ever opens; have one opened by a patch of that file."
        if opens is None
        else f"The next window opens at {patches.time_text(opens)}: submit the same patch again then."
    )
    return (
        f"{patches.Reason.OUTSIDE_WINDOW}: memory lacks to start it beside what serves, which would have to stop first, and no "
        f"window for that is open. {then}"
    )


def _judged(problem: str) -> steps.Done | steps.Failed:
    return steps.Failed(problem[:_REASON_CHARS_MAX]) if problem else steps.Done()


def _failed(error: errors.CouncilError) -> steps.Failed:
    return steps.Failed((error.reason or f"{error.code}: {error.message}")[:_REASON_CHARS_MAX])
