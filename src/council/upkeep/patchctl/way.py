"""Takes one patch along its way: what `steps` says is put on record, then done, until no patch is at work.

It holds no state but the journal's, so it may be killed anywhere: `recover` at the next start goes on. Whatever the disk
refuses ends the process, since nobody knows then what is on it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from council.kit import backoff
from council.upkeep.patchctl import journal, steps

_log = logging.getLogger(__name__)

_PAUSE_FIRST_S = 0.5
_PAUSE_CEILING_S = 10.0
# Looking on can be broken off, and so can an installation, which takes minutes and which nothing uses yet; what changes
# something is finished first.
_LOOKING = frozenset({steps.Action.EXAMINE, steps.Action.BAKE, steps.Action.INSTALL})
_BACK = frozenset({steps.Action.DISCARD, steps.Action.RETURN, steps.Action.YIELD})


class Hands(Protocol):
    """What carries out actions. Each bears being done twice, or again after it was done in part."""

    async def carry_out(self, action: steps.Action, state: steps.State) -> steps.Ended:
        """Do what an action of `steps` says about the patch of the state; return how it went. Raises OSError."""


class Way:
    """One patch after the other; by one task at a time. `now` returns Unix seconds, for the records."""

    def __init__(
        self,
        book: journal.Journal,
        hands: Hands,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        now: Callable[[], float] = time.time,
        on_step: Callable[[steps.State], None] = lambda _: None,
    ) -> None:
        """`on_step` is called with each state once it is on record."""
        self._book = book
        self._hands = hands
        self._pause = pause
        self._now = now
        self._on_step = on_step
        self._unwanted = ""
        self._looking: asyncio.Task[steps.Ended] | None = None
        self.state = steps.replay(book.records)

    async def apply(self, digest: str, base: str, about: Mapping[str, Any], *, trial: bool = False) -> steps.State:
        """Take a patch that was found to be allowed from its staging to its end; return that.

        `about` is what the journal keeps of it beside its way: who signed it, when it came, what it says of itself. A `trial`
        never serves.
        """
        return await self._go_on(steps.Submitted(digest, base, trial), about)

    async def roll_back(self, unwanted: steps.Unwanted, about: Mapping[str, Any]) -> steps.State:
        """Have the generation before an applied patch serve again. `about` says who wants it."""
        return await self._go_on(unwanted, about)

    async def recover(self, live: str) -> steps.State:
        """End what was begun before this process began. `live` is the generation that serves now."""
        return self.state if self.state.phase is steps.Phase.IDLE else await self._go_on(steps.Restarted(live))

    def give_up(self, reason: str) -> None:
        """Have the patch at work undone, or taken back where it serves already. Whoever takes it along sees the end.

        Only where one is at work, by `state`: the next one would be given up.
        """
        self._unwanted = reason
        if self._looking is not None:
            self._looking.cancel()

    async def _go_on(self, event: steps.Event, about: Mapping[str, Any] | None = None) -> steps.State:
        waits = backoff.Backoff(_PAUSE_FIRST_S, _PAUSE_CEILING_S, float("inf"))
        while True:
            after, record, action = steps.step(self.state, event)
            if after != self.state:
                self._book.append({"at": int(self._now()), **(about or {}), **record})
                about = None
            self.state = after
            self._on_step(after)
            if action is None:
                # Not at the beginning: what a crash has left may be given up before anybody goes on with it.
                self._unwanted = ""
                return after
            event = await self._carried_out(action, after)
            if isinstance(event, steps.Failed) and action in _BACK:
                # There is nothing to fall back to but trying again.
                _log.error("a patch is not undone yet", extra={"patch": after.digest, "reason": event.reason})
                await self._pause(waits.after_failure(0.0))

    async def _carried_out(self, action: steps.Action, state: steps.State) -> steps.Ended:
        if action not in _LOOKING:
            done = await self._hands.carry_out(action, state)
        else:
            done = await self._looked(action, state)
        if self._unwanted and steps.may_fail(state):
            return steps.Failed(self._unwanted, isinstance(done, steps.Failed) and done.untouched)
        return done

    async def _looked(self, action: steps.Action, state: steps.State) -> steps.Ended:
        self._looking = asyncio.create_task(self._hands.carry_out(action, state))
        try:
            with contextlib.suppress(asyncio.CancelledError):
                return await asyncio.shield(self._looking)
            if not self._unwanted:
                # This task itself was cancelled, as at the end of the process.
                self._looking.cancel()
                raise asyncio.CancelledError
            return steps.Failed(self._unwanted)
        finally:
            self._looking = None
