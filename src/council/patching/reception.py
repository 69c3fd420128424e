"""Where patches come in: each is judged, put on record, and taken along its way while nobody else's is.

What is refused costs little and changes nothing. Of signers that were proven it is kept in the journal, of others in the log;
both up to `REFUSALS_KEPT` a minute for one reason, and beyond that they are counted alone.
"""

import asyncio
import contextlib
import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council import care_ports, homes
from council.domain import authz, errors, home, patches
from council.kit import chain
from council.patching import checking, overriding, recorded, situation, submitted
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import freeze, history, journal, lineage, repair_steps, steps, way
from council.upkeep.patchctl.core import judging, quota

_log = logging.getLogger(__name__)

REFUSALS_KEPT = 10
BUSY = "busy"
# Somebody who reads slowly loses the oldest, and sees the newest.
_NEWS_MAX = 64
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are. `at_work` is the row of the patch on its way, if any; `used` what counts of today's quota."""

    serving: str
    at_work: history.Row | None
    freeze: freeze.Freeze | None
    used: quota.Used
    policy: authz.Policy


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reception leans on. `check` raises JournalError for a journal that is not what was written; `settle` does what
    is left after a way, and raises CouncilError. `seal` signs the journal's head where that is due.
    """

    where: home.Home
    book: journal.Journal
    hands: way.Hands
    generations: care_ports.Generations
    touched: Callable[[str, str], Sequence[str]]
    check: Callable[[], Awaitable[None]]
    settle: Callable[[steps.State], Awaitable[None]]
    now: Callable[[], float]
    seal: Callable[[], Awaitable[object]] | None = None


class Reception:
    """From one event loop. `serving` says which generation serves, by the supervisor's last word."""

    def __init__(self, parts: Parts, serving: Callable[[], str], on_end: Callable[[history.Row], None]) -> None:
        """`on_end` is called with the row of each patch that has come to its end, or was refused."""
        self._parts = parts
        self._serving = serving
        self._on_end = on_end
        self._way = way.Way(parts.book, parts.hands, now=parts.now, on_step=self._stepped)
        self._entering = asyncio.Lock()
        self._going: asyncio.Task[None] | None = None
        self._seen: tuple[tuple[str, chain.Point], situation.Sight, judging.Situation] | None = None
        self._distrusted = ""
        self._unkept: OSError | None = None
        self._refused: Counter[tuple[int, str]] = Counter()
        self._listeners: set[asyncio.Queue[history.Row | None]] = set()
        self._rows: tuple[chain.Point | None, list[history.Row]] = (None, [])

    @property
    def is_busy(self) -> bool:
        """Whether a patch is on its way."""
        return self._going is not None and not self._going.done()

    @property
    def failure(self) -> BaseException | None:
        """What ended a way that has no end yet, or kept a record from the journal: nobody knows then what is on disk, and this
        process must begin anew.
        """
        if self._unkept is not None:
            return self._unkept
        done = self._going is not None and self._going.done() and not self._going.cancelled()
        return self._going.exception() if done and self._going is not None else None

    async def begin(self) -> None:
        """End what was begun before this process began."""
        self._take_along(self._recover())

    async def close(self) -> None:
        """Leave what is at work to the next start. Idempotent."""
        if self._going is not None:
            self._going.cancel()
            await asyncio.gather(self._going, return_exceptions=True)

    def standing(self) -> Standing:
        """Return how things are. Raises ConfigError, BlueprintError, SetupError."""
        seen, at = self._look()
        row = self._row(self._way.state.digest) if self._way.state.phase is not steps.Phase.IDLE else None
        return Standing(self._serving(), row, seen.freeze, at.tally.used(at.now), seen.policy)

    def rows(self) -> list[history.Row]:
        """Return every patch that the journal tells of, oldest first. Made anew where the journal has grown."""
        if self._rows[0] != self._parts.book.head:
            self._rows = self._parts.book.head, history.rows(self._parts.book.records)
        return self._rows[1]

    def mark(self, live: str) -> str:
        """Return a word that is another one wherever `rows` would be, or what is proven of the line that ends in `live`."""
        at_work = self._way.state
        return f"{live}:{self._parts.book.head.seq}:{self._parts.book.head.digest}:{at_work.phase}:{at_work.target}"

    def latest(self) -> list[history.Row]:
        """Return the row of the patch on its way, or last there, and that which came last, if it is another."""
        rows = self.rows()[-1:]
        digest = self._way.state.digest
        return rows if not digest or any(row.digest == digest for row in rows) else [self._row(digest), *rows]

    async def check(self, sent: patches.Submission, *, trial: bool = False) -> checking.Checked:
        """Return what would become of it. Changes nothing."""
        seen, at = self._look()
        at = dataclasses.replace(at, spends=not trial)
        return await checking.check(sent, seen, at, self._parts.where.generations / seen.live)

    async def submit(self, sent: patches.Submission, *, trial: bool = False) -> checking.Checked:
        """Judge what was sent, and begin its way where it is allowed; then the reason of what is returned is empty.

        Raises OverloadedError while another is on its way, and UnavailableError where what serves is not the blueprint.
        """
        # Most of what is refused is refused here, without waiting for anybody.
        _, at = self._look()
        verdict = judging.judge(sent, dataclasses.replace(at, spends=not trial))
        if verdict.reason:
            proven = verdict.signer is not None
            checked = checking.Checked(
                verdict, verdict.reason, verdict.message, checking.step_of(verdict.reason, proven=proven)
            )
            self._refuse(checked)
            return checked
        async with self._entering:
            self._check_free()
            await self._align()
            checked = await self.check(sent, trial=trial)
            if checked.reason:
                self._refuse(checked)
                return checked
            try:
                digest = await asyncio.to_thread(submitted.keep, self._parts.where, sent)
            except OSError as error:
                raise _refused_by_disk(error) from error
            about = history.about(checked.verdict, self._parts.now())
            patch = checked.verdict.patch
            assert patch is not None
            # Bases are compared by tree; what the patch is put upon is what serves.
            live = blueprint.current(self._parts.where)
            self._take_along(self._go(self._way.apply(digest, live, about, trial=trial)))
        return checked

    async def roll_back(self, cid: str, by: str, reason: str) -> history.Row:
        """Take back the patch on its way, or else the newest that was applied; `cid` says which one is meant, "" either.

        Returns its row as it is; the rest goes on. Raises OverloadedError, NotFoundError, InvalidRequestError, and InstallError
        where the release cannot be had that would serve then.
        """
        why = f"{by}: {reason}"
        if self.is_busy:
            if self._way.state.phase is steps.Phase.IDLE:
                # It has ended, or has not begun: what came of it is seen in a moment.
                raise _busy(None)
            row = self._row(self._way.state.digest)
            if cid and not row.digest.startswith(cid):
                raise _busy(row)
            self._way.give_up(why)
            return row
        async with self._entering:
            self._check_free()
            row = self._newest(cid)
            if not (self._parts.where.generations / row.base).is_dir():
                await asyncio.to_thread(self._materialise, row.base)
            # Not once it is begun: then there is no way but on.
            if homes.load_pin(self._parts.where, row.base) is not None:
                await self._parts.generations.install(row.base, returning=True)
            about = {"by": by, "asked": reason}
            unwanted = steps.Unwanted(row.digest, row.base, row.target, why)
            self._take_along(self._go(self._way.roll_back(unwanted, about)))
        return row

    async def override(self, document: bytes, signature: bytes) -> overriding.Override:
        """Raise today's limits as a person's signed statement says. Raises PatchRefusedError."""
        async with self._entering:
            if self._distrusted:
                raise errors.JournalError(self._distrusted)
            seen, at = self._look()
            found = overriding.judge(document, signature, at, self._parts.book.records)
            await overriding.ask_second(document, signature, found, seen)
            self._keep({"at": int(at.now), **overriding.record(found)})
        return found

    async def put_settings_back(self) -> str:
        """Put settings that cannot be read back as the generation that serves was made with them; return what was done.

        The owner may have made another the live one already, which comes to serve at the next start.

        Also while a patch is on its way, which looks at commits, and not at this. Raises as `recorded.put_back` does, and
        JournalError.
        """
        if self._distrusted:
            raise errors.JournalError(self._distrusted)
        told = await asyncio.to_thread(recorded.put_back, self._parts.where, os.environ, self._serving() or None)
        self._seen = None
        return told

    async def keep_repair(self, told: Mapping[str, str]) -> None:
        """Put a step of a repair on record, once. Raises OverloadedError beyond `HOURLY_MAX` an hour, JournalError."""
        if self._distrusted:
            raise errors.JournalError(self._distrusted)
        records, now = self._parts.book.records, self._parts.now()
        if repair_steps.is_known(records, told["id"], told["step"]):
            return
        if repair_steps.lately(records, now) >= repair_steps.HOURLY_MAX:
            raise errors.OverloadedError(
                f"{repair_steps.HOURLY_MAX} steps of repairs came within the hour, and no more are kept. Send it again later.",
                retry_after_s=60,
            )
        self._keep(repair_steps.record(told, now))
        if self._parts.seal is not None and not self.is_busy and lineage.is_due(self._parts.book.entries):
            await self._parts.seal()

    @contextlib.contextmanager
    def news(self) -> Iterator["asyncio.Queue[history.Row | None]"]:
        """Have rows come into a queue: of the patch at work at each step, of each that was refused, and None at `wake`."""
        queue: asyncio.Queue[history.Row | None] = asyncio.Queue(_NEWS_MAX)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def wake(self) -> None:
        """Have whoever listens look up."""
        self._tell(None)

    def _look(self) -> tuple[situation.Sight, judging.Situation]:
        """Return what is so now. Files are read again only when another generation is live or the journal has grown."""
        where, now = self._parts.where, self._parts.now()
        key = (blueprint.current(where), self._parts.book.head)
        if self._seen is None or self._seen[0] != key:
            seen = situation.look(where, self._parts.book.entries)
            self._seen = (key, seen, situation.situation(where, seen, now))
        _, seen, at = self._seen
        frozen = situation.stopped(where)
        return (
            dataclasses.replace(seen, freeze=frozen),
            dataclasses.replace(at, now=now, frozen=frozen is not None),
        )

    def _check_free(self) -> None:
        if self._distrusted:
            raise errors.JournalError(self._distrusted)
        if self.is_busy:
            raise _busy(self._row(self._way.state.digest) if self._way.state.digest else None)
        if self.failure is not None:
            raise errors.UnavailableError(
                "What takes patches in has failed and begins anew. Try again in a minute; its log under logs/ says why."
            )

    async def _align(self) -> None:
        """Have what serves bear the name of the live generation, where the owner changed what no service uses."""
        live, serving = blueprint.current(self._parts.where), self._serving()
        await asyncio.to_thread(self._rejoin, live)
        if live == serving:
            return
        touched = await asyncio.to_thread(self._parts.touched, serving, live)
        if touched:
            raise errors.UnavailableError(
                f"The blueprint has changed since Council started, and {', '.join(touched)} would have to start anew for it. "
                "Run `council down` and `council up`, then submit the patch again."
            )
        await self._parts.generations.launch(live, ())
        await self._parts.generations.promote(live)

    def _take_along(self, going: Coroutine[Any, Any, None]) -> None:
        self._going = asyncio.create_task(going)
        self._going.add_done_callback(_log_failure)

    async def _go(self, going: Coroutine[Any, Any, steps.State]) -> None:
        await self._ended(await going)

    async def _recover(self) -> None:
        try:
            await self._parts.check()
        except errors.JournalError as error:
            self._trust_lost(error)
            return
        state = self._way.state
        if state.phase is not steps.Phase.IDLE:
            _log.warning("going on with a patch", extra={"cid": patches.cid(state.digest), "phase": state.phase})
            state = await self._way.recover(blueprint.current(self._parts.where))
            await self._ended(state)
        elif await self._settle(state) is not state:
            # The end was on record, and what comes after it not done.
            self._on_end(self._row(state.digest))

    async def _ended(self, state: steps.State) -> None:
        await self._settle(state)
        self._on_end(self._row(state.digest))

    async def _settle(self, state: steps.State) -> steps.State:
        """Do what is left after a way; return the state after that, another one where the patch had to go after all."""
        try:
            await self._parts.settle(state)
        except errors.JournalError as error:
            self._trust_lost(error)
        except errors.CouncilError as error:
            _log.error("a patch is through, but not all is settled", extra={"error": error.message})
            moved = error.reason == patches.Reason.STALE_BASE
            if moved and state.last is steps.Outcome.APPLIED:
                # The branch was moved between the last look at it and now, and what ends it serves at the next start: without
                # the patch. So that is not said to be in force.
                row = self._row(state.digest)
                unwanted = steps.Unwanted(row.digest, row.base, row.target, patches.Reason.STALE_BASE)
                return await self._settle(await self._way.roll_back(unwanted, {}))
        return state

    def _rejoin(self, live: str) -> None:
        """Have the branch end in what serves: a disk that refused may have left it behind.

        Raises UnavailableError where somebody else moved it, BlueprintError.
        """
        where = self._parts.where
        try:
            blueprint.adopt(where, live)
        except errors.BlueprintError as error:
            if error.reason != patches.Reason.STALE_BASE:
                raise
            raise _moved(live) from error
        if not blueprint.ends_in(where, live):
            raise _moved(live)

    def _trust_lost(self, error: errors.JournalError) -> None:
        """Take nothing more, and go on with nothing, until a person has looked."""
        self._distrusted = error.message
        _log.error("the journal is not trusted", extra={"error": error.message})

    def _stepped(self, state: steps.State) -> None:
        _log.info("patch", extra={"cid": patches.cid(state.digest), "phase": state.phase, "why": state.reason})
        self._tell(self._row(state.digest))

    def _refuse(self, checked: checking.Checked) -> None:
        verdict, now = checked.verdict, self._parts.now()
        minute = int(now) // _MINUTE_S
        if any(one != minute for one, _ in self._refused):
            self._refused.clear()
        who = verdict.signer.fingerprint if verdict.signer else ""
        self._refused[minute, who + checked.reason] += 1
        if self._refused[minute, who + checked.reason] <= REFUSALS_KEPT:
            if verdict.signer is None:
                _log.warning("refused", extra={"cid": verdict.cid, "reason": checked.reason})
            else:
                self._keep({**history.refusal(verdict, now), history.REFUSED: checked.reason})
        kind = verdict.signer.kind.value if verdict.signer else ""
        row = history.Row(
            verdict.digest, kind=kind, outcome=steps.Outcome.REFUSED, reason=checked.reason, at_s=int(now)
        )
        if verdict.patch is not None:
            row = dataclasses.replace(row, title=verdict.patch.title, ticket=verdict.patch.ticket)
        self._on_end(row)
        if verdict.signer is not None:
            self._tell(row)

    def _keep(self, record: Mapping[str, Any]) -> None:
        try:
            self._parts.book.append(record)
        except OSError as error:
            self._unkept = error
            _log.error("a record was not kept, and this process must begin anew", exc_info=error)
            raise _refused_by_disk(error) from error

    def _tell(self, row: history.Row | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(row)

    def _row(self, digest: str) -> history.Row:
        for row in reversed(self.rows()):
            if row.digest == digest:
                return row
        return history.Row(digest)

    def _newest(self, cid: str) -> history.Row:
        live = situation.Bases(self._parts.where, blueprint.current(self._parts.where))
        standing = [row for row in self.rows() if row.outcome == steps.Outcome.APPLIED and not row.trial]
        named = [row for row in standing if cid and row.digest.startswith(cid)]
        if cid and not named:
            raise errors.NotFoundError(f"No patch {cid!r} is in force. `council patch history` shows all.")
        found = next((row for row in reversed(standing) if row.target in live), None)
        if found is None:
            raise errors.InvalidRequestError(
                "What serves was not made by a patch, so there is none to roll back. Make a patch that undoes the change."
            )
        if named and named[-1] is not found:
            raise errors.InvalidRequestError(
                f"Only the newest patch can be rolled back, and that is {found.cid}. Roll that back first, or make a patch "
                "that undoes the change."
            )
        return found

    def _materialise(self, generation: str) -> None:
        with blueprint.locked(self._parts.where):
            blueprint.materialise(self._parts.where, generation)


def _log_failure(going: asyncio.Task[None]) -> None:
    if not going.cancelled() and (error := going.exception()) is not None:
        _log.error("the way of a patch broke off, and this process must begin anew", exc_info=error)


def _busy(row: history.Row | None) -> errors.OverloadedError:
    which = f"Patch {row.cid}" if row is not None and row.digest else "Another patch"
    return errors.OverloadedError(
        f"{which} is on its way, and only one goes at a time. Submit again when it has ended: `council patch history`.",
        reason=BUSY,
        retry_after_s=5,
    )


def _moved(live: str) -> errors.UnavailableError:
    return errors.UnavailableError(
        f"Somebody else moved the branch of the blueprint, as by `git push`, and what serves is generation {live[:8]} still. "
        "Run `council down` and `council up`, which have the branch's end serve, then make the patch anew."
    )


def _refused_by_disk(error: OSError) -> errors.UnavailableError:
    return errors.UnavailableError(
        f"The disk does not take what must be kept of it ({error.strerror or error}). Nothing has changed. Make room under the "
        "home, or mend the disk, and try again."
    )
