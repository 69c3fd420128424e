"""The memory part of the recall process: made beside the rest, so that nothing waits for it that does not need it.

The embedding model is loaded and the records are opened on a thread, again and again until both are there; then the shelves
are filled on another, while calls are answered.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from council import care_telemetry, telemetry
from council.domain import caching, errors
from council.domain import config as config_module
from council.serving.cache import shelf
from council.serving.memory import keeper as keeper_module
from council.serving.memory import operations

_log = logging.getLogger(__name__)

_THREADS = 4
_RETRY_S = 2.0
# A call that comes in before the memory is there waits this long for it.
_WAIT_S = 5.0
# How often it is looked whether searches find what is there.
_PROBE_S = 300.0
# What filling everything anew did not mend, it does not mend a minute later.
_REFILL_S = 3600.0


class Memories:
    """Runs operations of a keeper on threads, a bounded number at once."""

    def __init__(
        self,
        make: Callable[[], keeper_module.Keeper],
        settings: config_module.MemoryConfig,
        answers: caching.CacheConfig,
    ):
        self.shelf = shelf.Shelf(answers, _cosine)
        self._make = make
        self._settings = settings
        self._threads = concurrent.futures.ThreadPoolExecutor(_THREADS, "memory")
        self._keeper: keeper_module.Keeper | None = None
        self._there = asyncio.Event()
        self._waiting = 0
        self._reason = "it is being loaded"
        self._why = "start"
        self._refilled_s = -_REFILL_S
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
                await asyncio.to_thread(self._keeper.note_rebuilt, self._why)
                self._why = "start"
            except errors.CouncilError as error:
                _log.warning("memories could not be read", extra={"code": error.code, "detail": error.detail})
                await asyncio.sleep(_RETRY_S)

    async def probe(self) -> None:
        """Look for ever, now and then, whether searches find what is there; where they do not, fill every shelf anew."""
        while True:
            if self._keeper is None or not self.warm:
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                await self.probe_once()
            except errors.CouncilError as error:
                _log.warning("memories could not be probed", extra={"code": error.code, "detail": error.detail})
            await asyncio.sleep(_PROBE_S)

    async def probe_once(self) -> None:
        """Look once. Raises CouncilError where the records cannot be read."""
        assert self._keeper is not None
        if (share := await self._found_again()) < 1:
            _log.error("searches do not find all that is there", extra={"share": share})
            if time.monotonic() - self._refilled_s < _REFILL_S:
                return
            self._refilled_s = time.monotonic()
            self._why = "probe"
            await self.renew()
            await self._found_again()

    async def _found_again(self) -> float:
        assert self._keeper is not None
        share = await asyncio.to_thread(self._keeper.found_again)
        care_telemetry.MEMORY_MISSED.labels("recall").set(1 - share)
        return share

    async def renew(self) -> None:
        """Read anew what another recall of this home may have changed, and keep no answer that it may have forgotten."""
        self.shelf.clear()
        while self._keeper is not None:
            try:
                await asyncio.to_thread(self._keeper.renew)
                break
            except errors.CouncilError as error:
                _log.warning("memories are not up to date", extra={"code": error.code, "detail": error.detail})
                await asyncio.sleep(_RETRY_S)
        self.warm = False
        await self.keep()

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
            reply = await loop.run_in_executor(self._threads, operations.run, self._keeper, request)
            if request["operation"] in ("forget", "correct"):
                # What is forgotten, or was said before, may stand in an answer.
                self.shelf.forget(str(request.get("user")))
            return reply
        finally:
            self._waiting -= 1

    async def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Find or keep an answer given before. Only meaning needs the embedding model, and goes without while it loads."""
        user, scope, gist, text = (str(request[name]) for name in ("user", "scope", "gist", "text"))
        now_s = time.monotonic()
        if request["answer"] == "keep":
            self.shelf.keep(user, scope, gist, text, request["answer_form"], now_s)
            return {}
        keeper = self._keeper if request.get("semantic") else None
        loop = asyncio.get_running_loop()
        embed = None if keeper is None else (lambda texts: keeper.embed(texts).vectors)
        found = await loop.run_in_executor(self._threads, self.shelf.find, user, scope, gist, text, now_s, embed)
        return {"found": found}

    def close(self) -> None:
        """End what still runs."""
        if self._keeper is not None:
            self._keeper.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _cosine(one: bytes, other: bytes) -> float:
    """Return the cosine of two vectors of length 1, float32."""
    form = f"={len(one) // 4}f"
    return float(sum(a * b for a, b in zip(struct.unpack(form, one), struct.unpack(form, other), strict=True)))
