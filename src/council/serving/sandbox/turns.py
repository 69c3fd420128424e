"""Turns: so many at once, so many waiting, first come first served."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator

from council.domain import errors
from council.kit import traces

RETRY_AFTER_S = 1


class Turns:
    """Lets `concurrent_max` in at once and `queue_max` wait, each for `wait_s` at most. For one event loop."""

    def __init__(self, concurrent_max: int, queue_max: int, wait_s: float):
        self._concurrent_max = concurrent_max
        self._queue_max = queue_max
        self._wait_s = wait_s
        self._running = 0
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()

    @property
    def running(self) -> int:
        """How many have their turn now."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many wait for theirs."""
        return len(self._waiting)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it for the block. Raises OverloadedError, or what `turn_away` was told."""
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    def turn_away(self, error: type[errors.CouncilError], message: str) -> int:
        """Have all that wait raise this error; return how many they were."""
        away = [place for place in self._waiting if not place.done()]
        self._waiting.clear()
        for place in away:
            place.set_exception(error(message))
        return len(away)

    async def _enter(self) -> None:
        if self._running < self._concurrent_max and not self._waiting:
            self._running += 1
            return
        if len(self._waiting) >= self._queue_max:
            raise errors.OverloadedError(
                "Too many jobs wait for the sandbox. Try again in a moment.", retry_after_s=RETRY_AFTER_S
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            with traces.call("wait for a turn", traces.Kind.INTERNAL):
                async with asyncio.timeout(self._wait_s):
                    await place
        except BaseException as error:
            self._give_up(place)
            if isinstance(error, TimeoutError):
                raise errors.OverloadedError(
                    f"The sandbox had no turn for this job within {self._wait_s:g} s. Try again in a moment.",
                    retry_after_s=RETRY_AFTER_S,
                ) from error
            raise

    def _give_up(self, place: asyncio.Future[None]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
        elif place.done() and not place.cancelled() and place.exception() is None:
            self._leave()  # the turn came in the very moment of giving up

    def _leave(self) -> None:
        """Hand the turn to whoever has waited longest, so that no newcomer overtakes."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._running -= 1
