"""Puts each day into the forge's archive, once, and reads it back. The edge of `archiving`.

A day is proposed on a branch of its own for the branch `observer-archive`, which shares no history with main; what the forge
then holds is read back and looked at, and merged if it is sound. Each step is the same when it is taken twice, and what is in
the archive is known by its files, so whoever is killed in between is followed by one who goes on. main is never written.
"""

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from council import care_ports, kept_ports
from council.domain import errors, forge, incidents, observe, schedule, snapshots
from council.kit import clock as clock_module
from council.upkeep.observer import archiving, posting

_log = logging.getLogger(__name__)

CHECK = "council/archive"
_AUTHOR, _EMAIL = "council", "council@localhost"
_FINDINGS = "archive"
_NAMES_MAX = 2 * archiving.CAUGHT_UP_MAX
_IDS_MAX = 20_000
_INCIDENTS_PAGE, _INCIDENTS_PAGES_MAX = 200, 20
_PARCELS_MAX = 500
_PROBLEMS_MAX = 10
# Of one command.
_DAYS_READ_MAX = 62


@dataclass(frozen=True, slots=True)
class Parts:
    """What the archive is made of. `settings` are read anew for each turn, and may raise CouncilError."""

    forge: care_ports.Forge
    incidents: kept_ports.Incidents
    snapshots: kept_ports.Snapshots
    settings: Callable[[], observe.ObserveConfig]
    clock: clock_module.Clock


class Archive:
    """Writes the archive. By one task."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._made_s: dict[datetime.date, float] = {}

    async def turn(self) -> int:
        """Archive the days that are due, the oldest first; return how many. Raises CouncilError; a later turn goes on."""
        settings = await asyncio.to_thread(self._parts.settings)
        when = schedule.schedule(settings.digest_at, settings.digest_zone)
        due = await asyncio.to_thread(self._due, when) if settings.archive else []
        if not due:
            return 0
        try:
            head = await self._begun(when.moment_s(due[0].day))
        except errors.ForgeNotFoundError:
            # Its main has not been put there yet.
            return 0
        done, failed = 0, None
        for one in due:
            try:
                head = await self._keep(one, head, settings)
                await asyncio.to_thread(self._note, one.day)
                done += 1
            except errors.CouncilError as error:
                # One that cannot be kept must not hold up the others.
                failed = error
        if failed is not None:
            raise failed
        return done

    def _due(self, when: schedule.Schedule) -> list[archiving.Day]:
        kept, now_s = self._parts.snapshots, self._parts.clock.now_us() / 1e6
        began = kept.announced(posting.BEGAN_PREFIX, posting.BEGAN_MAX)
        if not began:
            # The observer has not looked yet.
            return []
        archived = posting.days(kept.announced(archiving.PREFIX, _NAMES_MAX))
        told = posting.days(kept.announced(posting.PREFIX, _NAMES_MAX))
        return archiving.due(when, now_s, archived, told, posting.began_s(began, now_s))

    async def _begun(self, at_s: float) -> forge.Commit:
        """Return the commit that the archive leads to, which begins with a page that lists nothing."""
        there = self._parts.forge
        try:
            return await there.commit(archiving.BRANCH)
        except errors.ForgeNotFoundError:
            # Without main, too, there is no forge yet.
            await there.head()
        words = forge.Words("Begin the observer's archive", _AUTHOR, _EMAIL, round(at_s))
        changes = {archiving.README: forge.File(archiving.readme(()))}
        return await there.commit(await there.branch(archiving.BRANCH, "", changes, words))

    async def _keep(self, one: archiving.Day, base: forge.Commit, settings: observe.ObserveConfig) -> forge.Commit:
        """Have the archive hold a day; return the commit that it leads to then."""
        there, name = self._parts.forge, archiving.branch(one.day)
        held = await there.files(base.commit)
        if strange := archiving.strangers(held):
            raise errors.ForgeConflictError(
                f"The branch {archiving.BRANCH} holds {strange[0]!r}, which is not the observer's, so nothing is put there. "
                "Give that branch another name; Council makes its own."
            )
        if archiving.path("days", one.day) in held:
            # Whoever merged it was killed then.
            await there.delete_branch(name)
            return base
        changes = await self._changes(one, base, held, settings)
        message = f"Archive {one.day.isoformat()}"
        words = forge.Words(message, _AUTHOR, _EMAIL, round(one.span.end_s))
        before = ""
        with contextlib.suppress(errors.ForgeNotFoundError):
            before = (await there.commit(name)).commit
        head = await there.branch(name, base.commit, changes, words, instead_of=before)
        body = "What the observer kept of a day. Council merges it once its check is green; it changes nothing that serves."
        number = await there.open_pull(forge.Proposal(name, message, body, base=archiving.BRANCH))
        await self._check(one, number, base, head)
        made = await there.merge(number, head, message, body)
        await there.delete_branch(name)
        _log.info("a day is archived", extra={"day": one.day.isoformat(), "commit": made})
        return await there.commit(made)

    async def _changes(
        self, one: archiving.Day, base: forge.Commit, held: Mapping[str, forge.Entry], settings: observe.ObserveConfig
    ) -> dict[str, forge.File | None]:
        """Return what the archive gains by a day, and what it forgets."""
        added = await asyncio.to_thread(self._files, one)
        removed = archiving.too_old(held, one.day, settings.archive_days)
        for day in await self._old(one.day, base, set(held) - set(removed), settings.archive_full_days):
            index, taken = await self._read(base, archiving.path("days", day)), b""
            with contextlib.suppress(errors.ForgeNotFoundError):
                taken = await self._read(base, archiving.path("snapshots", day))
            added |= archiving.compacted(day, index, taken)
        after = (held.keys() - set(removed)) | added.keys()
        added[archiving.README] = archiving.readme(after)
        return {**{place: forge.File(content) for place, content in added.items()}, **dict.fromkeys(removed)}

    async def _old(
        self, day: datetime.date, base: forge.Commit, held: set[str], full_days: int
    ) -> Sequence[datetime.date]:
        """Return which days are to be compacted: those that have just become old enough, by what their files say."""
        found = [
            one
            for one in archiving.old_enough(held, day, full_days)
            if not archiving.is_compacted(await self._read(base, archiving.path("days", one)))
        ]
        return found[: archiving.COMPACTED_MAX]

    async def _read(self, commit: forge.Commit, place: str) -> bytes:
        return (await self._parts.forge.file(place, commit.commit)).content

    def _files(self, one: archiving.Day) -> dict[str, bytes]:
        """Return the files of a day, of what the records hold."""
        kept = self._parts.snapshots
        before = snapshots.identifier(one.span.end_s)
        ids = archiving.chosen(kept.ids(_IDS_MAX, before=before), one.span)
        few = ids[: archiving.ROWS_MAX]
        taken = [found for identifier in few if (found := kept.find(identifier)) is not None]
        parcels = (
            parcel
            for delivery in (incidents.Delivery.SENT, incidents.Delivery.WAITING, incidents.Delivery.FAILED)
            for parcel in self._parts.incidents.parcels(delivery, _PARCELS_MAX)
        )
        digest = archiving.digest_of(one.day, parcels)
        # The same at each try, or what others found of it would be of another commit.
        made_s = self._made_s.setdefault(one.day, self._parts.clock.now_us() / 1e6)
        return archiving.files(one, taken, self._incidents(one), digest, made_s, more=len(ids) - len(few))

    def _incidents(self, one: archiving.Day) -> list[incidents.Incident]:
        """Return those that began or ended on a day, oldest first."""
        found: list[incidents.Incident] = []
        before = ""
        for _ in range(_INCIDENTS_PAGES_MAX):
            page = self._parts.incidents.newest(_INCIDENTS_PAGE, before=before)
            found += [
                each for each in page if one.span.holds(each.began_us / 1e6) or one.span.holds(each.repaired_us / 1e6)
            ]
            if len(page) < _INCIDENTS_PAGE:
                break
            before = page[-1].id
        return found[::-1]

    async def _check(self, one: archiving.Day, number: int, base: forge.Commit, head: str) -> None:
        """Look at what the forge holds of a day now, and tell it. Raises ForgeConflictError where it is not sound."""
        there = self._parts.forge
        found = await self._problems(one, base, head)
        others = [each for each in await there.checks(head) if each.name != CHECK]
        fine = (forge.CheckState.SUCCESS, forge.CheckState.NEUTRAL)
        bad = [f"the check {each.name} is {each.state}" for each in others if each.state not in fine]
        state = forge.CheckState.FAILURE if found else forge.CheckState.SUCCESS
        await there.set_check(
            head, forge.Check(CHECK, state, found[0] if found else "Sound, and of the archive alone.")
        )
        if found:
            told = "\n".join(f"- {each}" for each in found[:_PROBLEMS_MAX])
            await there.comment(number, _FINDINGS, told)
        if found or bad:
            raise errors.ForgeConflictError(
                f"The archive of {one.day.isoformat()} is not merged: {'; '.join([*found, *bad][:3])}. Look at pull request "
                f"{number} on the forge; what stands in the way there is looked at anew each minute."
            )

    async def _problems(self, one: archiving.Day, base: forge.Commit, head: str) -> list[str]:
        there = self._parts.forge
        found = await there.commit(head)
        if found.parents != (base.commit,):
            return ["it is not one commit upon the archive"]
        before, after = await there.files(base.commit), await there.files(head)
        if odd := [place for place, entry in after.items() if entry.executable]:
            return [f"{odd[0]!r} may be executed"]
        differing = [place for place in {*before, *after} if before.get(place) != after.get(place)]
        if large := [
            place for place in differing if place in after and after[place].size_bytes > archiving.FILE_BYTES_MAX
        ]:
            return [f"{large[0]!r} is too large"]
        changed = {place: await self._read(found, place) if place in after else None for place in sorted(differing)}
        return await asyncio.to_thread(archiving.problems, one.day, changed, after.keys())

    def _note(self, day: datetime.date) -> None:
        self._parts.snapshots.announce(f"{archiving.PREFIX}{day.isoformat()}", [], self._parts.clock.now_us())


class Reader:
    """Reads the archive back. Every method raises ForgeError; ForgeNotFoundError where there is no archive yet."""

    def __init__(self, there: care_ports.Forge):
        self._forge = there

    async def newest(
        self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None
    ) -> list[snapshots.Snapshot]:
        """Return up to `limit` snapshots, newest first; only those whose ids sort before `before`, if any."""
        found: list[snapshots.Snapshot] = []
        head, days = await self._days()
        for day in [one for one in days if not before or archiving.begins(one) < before][:_DAYS_READ_MAX]:
            rows = await self._snapshots(head, day)
            found += [one for one in rows if (not before or one.id < before) and occasion in (None, one.occasion)]
            if len(found) >= limit:
                break
        return found[:limit]

    async def find(self, identifier: str) -> snapshots.Snapshot | None:
        """Return the snapshot of this id."""
        head, days = await self._days()
        for day in [one for one in days if archiving.may_hold(one, identifier)]:
            for one in await self._snapshots(head, day):
                if one.id == identifier:
                    return one
        return None

    async def explained(self, start_s: float, end_s: float) -> dict[str, float]:
        """Return when the patches that ended in a span were put into the archive, by CID, Unix seconds."""
        first, last = archiving.around(start_s, end_s)
        head, days = await self._days()
        found: dict[str, float] = {}
        for day in [one for one in days if first <= one <= last][:_DAYS_READ_MAX]:
            index = (await self._forge.file(archiving.path("days", day), head)).content
            for cid, at_s in archiving.explained(index, day).items():
                found[cid] = min(at_s, found.get(cid, at_s))
        return found

    async def _days(self) -> tuple[str, list[datetime.date]]:
        head = (await self._forge.commit(archiving.BRANCH)).commit
        return head, archiving.days(await self._forge.files(head))

    async def _snapshots(self, head: str, day: datetime.date) -> list[snapshots.Snapshot]:
        try:
            content = (await self._forge.file(archiving.path("snapshots", day), head)).content
        except errors.ForgeNotFoundError:
            return []
        return archiving.read_snapshots(content)
