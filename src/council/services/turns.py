"""Turns that a work takes for as long as its process runs: one that fails is taken again, one that hangs is known to.

A failure is said once, in words that the work's `told` repeats until a turn succeeds.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from council.domain import errors

_Found = TypeVar("_Found")


class Turns:
    """By one task. `problem` is why the last turn failed, "" where it did not."""

    def __init__(
        self,
        log: logging.Logger,
        said: str,
        longest_s: float,
        spare_s: float,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """A turn is cut off after `longest_s` and counts as hung `spare_s` later; `said` is what the log says of a failure."""
        self.problem = ""
        self._log = log
        self._said = said
        self._longest_s = longest_s
        self._spare_s = spare_s
        self._on_failure = on_failure
        # When the turn under way began or the next one is due, by the loop's clock; never, before the first.
        self._began_s = math.inf

    @property
    def is_late(self) -> bool:
        """Whether a turn has begun, or was due, so long ago that it hangs."""
        return asyncio.get_running_loop().time() - self._began_s > self._longest_s + self._spare_s

    async def take(self, turn: Callable[[], Awaitable[_Found]]) -> tuple[_Found | None, float | None]:
        """Take one turn; return what it returned, None where it failed, and how long the failure asked to be left alone."""
        self._began_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._longest_s):
                found = await turn()
        except errors.CouncilError as error:
            self._fail(error.message)
            return None, None if error.retry_after_s is None else float(error.retry_after_s)
        except Exception as error:  # noqa: BLE001 - one bad turn must not end the others
            self._log.exception("a turn failed")
            self._fail(type(error).__name__)
            return None, None
        self.problem = ""
        return found, None

    def due_in(self, wait_s: float) -> None:
        """Note when the next turn is due: until then nothing is late."""
        self._began_s = asyncio.get_running_loop().time() + wait_s

    async def rest(self, wait_s: float) -> None:
        """Wait for the next turn."""
        self.due_in(wait_s)
        await asyncio.sleep(wait_s)

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            self._log.warning(self._said, extra={"reason": problem})
        self.problem = problem
        self._on_failure()
