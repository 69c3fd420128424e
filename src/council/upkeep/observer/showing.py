"""Shows alarms on the forge: a pull request with the evidence while one lasts, opened once and closed when it is over.

It is for the archive's branch and never for main. What was opened and what is over is announced in the records; whoever is
killed in between finds the pull request by its branch.
"""

import asyncio
import contextlib
import logging

from council import care_ports
from council.domain import errors, forge, incidents, snapshots
from council.upkeep.observer import alarms, archive, archiving, escalating

_log = logging.getLogger(__name__)

_AUTHOR, _EMAIL = "council", "council@localhost"
_NAMES_MAX, _PARCELS_MAX = 200, 500
_TICKS_MAX = 100
# In one turn; the rest in those after it.
_OPENED_MAX = 5
_OVER = "over"


class Showing:
    """Looks when told to. By one task."""

    def __init__(self, parts: archive.Parts, watch: care_ports.Sighting):
        self._parts = parts
        self._watch = watch
        # What was found by the newest tick.
        self._odd_at: tuple[str, float] = "", 0.0
        self._odd_found: list[alarms.Alarm] = []

    async def turn(self) -> None:
        """Open what is to be shown, and close what is over. Raises CouncilError; a later turn goes on."""
        settings = await asyncio.to_thread(self._parts.settings)
        if not settings.archive:
            return
        try:
            lines = (await self._watch.sight()).gates
        except errors.WatcherUnavailableError:
            lines = ()
        if not lines:
            # Nobody can tell what goes on.
            return
        escalated, opened, over = await asyncio.to_thread(self._known)
        odd = {one.name: one for one in await asyncio.to_thread(self._odd, settings.escalate_after_s)}
        going_on = {name for name in escalated | opened if alarms.gate_goes_on(name, lines)}
        for name in sorted(opened - over - going_on - odd.keys()):
            await self._close(name)
        for name in sorted((escalated & going_on) - opened - over)[:_OPENED_MAX]:
            one = await asyncio.to_thread(self._of_gate, name)
            if one is not None:
                await self._open(one)
        for name in sorted(odd.keys() - opened - over)[:_OPENED_MAX]:
            await self._open(odd[name])

    def _known(self) -> tuple[set[str], set[str], set[str]]:
        """Return which gates were escalated, and which alarms were opened and are over."""
        kept = self._parts.snapshots
        opened, over = (
            {name.removeprefix(prefix) for name in kept.announced(prefix, _NAMES_MAX)}
            for prefix in (alarms.OPENED, alarms.OVER)
        )
        return set(kept.announced(escalating.PREFIX, _NAMES_MAX)), opened, over

    def _odd(self, after_s: float) -> list[alarms.Alarm]:
        kept, occasion = self._parts.snapshots, snapshots.Occasion.TICK
        newest = "".join(kept.ids(1, occasion=occasion))
        if (newest, after_s) != self._odd_at:
            ticks = kept.newest(_TICKS_MAX, occasion=occasion)
            self._odd_found = alarms.odd(ticks, after_s)
            self._odd_at = newest, after_s
        return self._odd_found

    def _of_gate(self, name: str) -> alarms.Alarm | None:
        kept = self._parts.incidents
        parcels = (parcel for delivery in incidents.Delivery for parcel in kept.parcels(delivery, _PARCELS_MAX))
        return alarms.of_gate(name, parcels)

    async def _open(self, one: alarms.Alarm) -> None:
        there, name = self._parts.forge, alarms.branch(one.name)
        if not await self._pulls(name, None):
            try:
                base = (await there.commit(archiving.BRANCH)).commit
            except errors.ForgeNotFoundError:
                # The first day makes it.
                return
            at_s = self._parts.clock.now_us() // 1_000_000
            before = ""
            with contextlib.suppress(errors.ForgeNotFoundError):
                before = (await there.commit(name)).commit
            words = forge.Words(one.title, _AUTHOR, _EMAIL, at_s)
            await there.branch(name, base, one.files, words, instead_of=before)
            await there.open_pull(forge.Proposal(name, one.title, one.body, base=archiving.BRANCH))
            _log.warning("an alarm is shown on the forge", extra={"alarm": one.name})
        await self._note(alarms.OPENED, one.name)

    async def _close(self, name: str) -> None:
        there = self._parts.forge
        for pull in await self._pulls(alarms.branch(name), forge.PullState.OPEN):
            await there.comment(pull.number, _OVER, "It is over.")
            await there.close_pull(pull.number)
        await there.delete_branch(alarms.branch(name))
        await self._note(alarms.OVER, name)

    async def _pulls(self, branch: str, state: forge.PullState | None) -> list[forge.Pull]:
        found = await self._parts.forge.pulls(state, limit=forge.ROWS_MAX)
        return [one for one in found if one.branch == branch and one.base == archiving.BRANCH]

    async def _note(self, prefix: str, name: str) -> None:
        at_us = self._parts.clock.now_us()
        await asyncio.to_thread(self._parts.snapshots.announce, f"{prefix}{name}", [], at_us)
