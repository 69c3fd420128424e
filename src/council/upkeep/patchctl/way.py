"""Takes one patch along its way: what `steps` says is put on record, then done, until no patch is at work.

It holds no state but the journal's, so it may be killed anywhere: `recover` at the next start goes on. Whatever the disk
refuses ends the process, since nobody knows then what is on it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from council.kit import backoff
from council.upkeep.patchctl import journal, steps

_PAUSE_FIRST_S = 0.5
_PAUSE_CEILING_S = 10.0


class Hands(Protocol):
    """What carries out actions. Each bears being done twice, or again after it was done in part."""

    async def carry_out(self, action: steps.Action, state: steps.State) -> steps.Done | steps.Failed:
        """Do what an action of `steps` says about the patch of the state; return how it went. Raises OSError."""


class Way:
    """One patch after the other; by one task at a time."""

    def __init__(
        self, book: journal.Journal, hands: Hands, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._book = book
        self._hands = hands
        self._pause = pause
        self.state = steps.replay(book.records)

    async def apply(self, digest: str, base: str, about: Mapping[str, Any]) -> steps.State:
        """Take a patch that was found to be allowed from its staging to its end; return that.

        `about` is what the journal keeps of it beside its way: who signed it, when it came, what it says of itself.
        """
        return await self._go_on(steps.Submitted(digest, base), about)

    async def recover(self, live: str) -> steps.State:
        """End what was begun before this process began. `live` is the generation that serves now."""
        return self.state if self.state.phase is steps.Phase.IDLE else await self._go_on(steps.Restarted(live))

    async def _go_on(self, event: steps.Event, about: Mapping[str, Any] | None = None) -> steps.State:
        waits = backoff.Backoff(_PAUSE_FIRST_S, _PAUSE_CEILING_S, float("inf"))
        while True:
            after, record, action = steps.step(self.state, event)
            if after != self.state:
                self._book.append({**(about or {}), **record})
                about = None
            self.state = after
            if action is None:
                return after
            event = await self._hands.carry_out(action, after)
            if isinstance(event, steps.Failed) and action in (steps.Action.DISCARD, steps.Action.RETURN):
                # There is nothing to fall back to but trying again.
                await self._pause(waits.after_failure(0.0))
