"""The memory part of the recall process: made beside the rest, so that nothing waits for it that does not need it.

The embedding model is loaded and the records are opened on a thread, again and again until both are there; then the shelves
are filled on another, while calls are answered.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from council import telemetry
from council.domain import config as config_module
from council.domain import errors
from council.serving.memory import keeper as keeper_module
from council.serving.memory import operations

_log = logging.getLogger(__name__)

_THREADS = 4
_RETRY_S = 2.0
# A call that comes in before the memory is there waits this long for it.
_WAIT_S = 5.0


class Memories:
    """Runs operations of a keeper on threads, a bounded number at once."""

    def __init__(self, make: Callable[[], keeper_module.Keeper], settings: config_module.MemoryConfig):
        self._make = make
        self._settings = settings
        self._threads = concurrent.futures.ThreadPoolExecutor(_THREADS, "memory")
        self._keeper: keeper_module.Keeper | None = None
        self._there = asyncio.Event()
        self._waiting = 0
        self._reason = "it is being loaded"
        self.warm = False

    async def keep(self) -> None:
        """Make the keeper and fill its shelves; return then. Never gives up."""
        while self._keeper is None:
            try:
                self._keeper = await asyncio.to_thread(self._make)
            except errors.CouncilError as error:
                self._reason = error.message
                _log.warning(
                    "no memory yet", extra={"code": error.code, "reason": error.message, "detail": error.detail}
                )
                await asyncio.sleep(_RETRY_S)
        self._there.set()
        while not self.warm:
            try:
                began_s = time.monotonic()
                await asyncio.to_thread(self._keeper.warm)
                self.warm = True
                telemetry.MEMORY_REBUILD_SECONDS.set(time.monotonic() - began_s)
                _log.info("all memories are ready")
            except errors.CouncilError as error:
                _log.warning("memories could not be read", extra={"code": error.code, "detail": error.detail})
                await asyncio.sleep(_RETRY_S)

    async def reply(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the reply to one call."""
        if self._waiting >= self._settings.queue_max:
            return operations.error_form(
                errors.OverloadedError(f"{self._waiting} calls wait for the memory already. Try again in a second.")
            )
        self._waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WAIT_S):
                    await self._there.wait()
            if self._keeper is None:
                return operations.error_form(
                    errors.RecallUnavailableError(
                        f"There is no memory now: {self._reason.rstrip('.')}. Try again soon."
                    )
                )
            known = operations.at_once(self._keeper, request)
            if known is not None:
                return known
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, operations.run, self._keeper, request)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End what still runs."""
        if self._keeper is not None:
            self._keeper.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
