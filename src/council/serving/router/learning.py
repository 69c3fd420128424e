"""Keeps how questions went, beside the work: no answer waits for it, and where it cannot be kept it is lost and counted.

A question is kept where its last message alone says what it is about, and its asker has a token, since nobody else could have
it forgotten. What is too old or too much goes now and then, whether anything is being kept or not.
"""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from council import ports, telemetry
from council.domain import answering, answers, errors, learning
from council.kit import clock as clock_module
from council.serving.router import decision, features, lessons

_log = logging.getLogger(__name__)

_WAITING_MAX = 256
_TRIM_S = 600.0
_TRIM_ROWS = 200
_DAY_US = 86_400_000_000
_SETTLED_S = 5.0

_T = TypeVar("_T")


class Learning:
    """Keeps rows where it is on; and thumbs. One for each gateway process."""

    def __init__(
        self,
        records: ports.LearningRecords,
        settings: answering.LearningRowsConfig,
        clock: clock_module.Clock,
        *,
        on: bool,
    ):
        self.on = on
        self._records = records
        self._settings = settings
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[answers.Question, learning.Row]] = asyncio.Queue(_WAITING_MAX)
        self._tasks: list[asyncio.Task[None]] = []
        # One thread, so that what was begun ends before the records are closed, even where its task was cancelled.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "learning")

    async def _on_thread(self, call: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    def start(self) -> None:
        """Begin to keep and to trim. Once, on the loop that serves."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._trim_now_and_then())]

    def note(self, question: answers.Question, row: learning.Row) -> None:
        """Keep a row, soon; its features are made then. Never waits."""
        if not self.on or not _stands_alone(question):
            return
        try:
            self._waiting.put_nowait((question, row))
        except asyncio.QueueFull:
            telemetry.of(telemetry.LEARNING_ROWS, "lost").inc()

    async def judge(self, thumb: learning.Thumb, words: str = "") -> None:
        """Keep what somebody thinks of an answer to them, and what they say beside it.

        Raises ForbiddenError, NotFoundError, RecordsUnavailableError.
        """
        if not self.on:
            raise errors.ForbiddenError(
                "Nothing is learned here, so feedback is not kept. Set `learning: true` in council.yaml to have it kept."
            )
        taken = await self._on_thread(self._records.judge, thumb, words)
        if taken is learning.Taken.UNKNOWN:
            raise errors.NotFoundError(
                "You made no request of that id. It stands in an answer's `council.request_id` and `x-request-id`."
            )
        if taken is learning.Taken.NEW and thumb.verdict is learning.Verdict.DOWN:
            telemetry.MARKED_WRONG.inc()

    async def opinions(self, user_id: str | None, limit: int, before_us: int = 0) -> list[learning.Opinion]:
        """Return what a user, or everybody, thinks of answers, newest first. Raises RecordsUnavailableError."""
        return await self._on_thread(self._records.opinions, user_id, limit, before_us)

    async def kept(self, user_id: str) -> learning.Kept:
        """Return how much is kept of a user. Raises RecordsUnavailableError."""
        return await self._on_thread(self._records.kept, user_id)

    async def forget(self, user_id: str) -> int:
        """Delete all that is kept of a user; return how many rows and thumbs. Raises RecordsUnavailableError.

        What waits to be kept is kept first, so that it does not come back.
        """
        await self._settled()
        return await self._on_thread(self._records.forget, user_id)

    async def close(self) -> None:
        """Keep what waits, within a bound; then end."""
        await self._settled()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._on_thread(self._records.close)
        self._thread.shutdown(wait=False)

    async def _settled(self) -> None:
        if self._tasks:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SETTLED_S):
                    await self._waiting.join()

    async def _keep(self) -> None:
        since_trim = 0
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                await self._on_thread(self._write, batch)
                since_trim += len(batch)
                if since_trim >= _TRIM_ROWS:
                    since_trim = 0
                    await self._trim()
            except errors.RecordsUnavailableError as error:
                telemetry.of(telemetry.LEARNING_ROWS, "lost").inc(len(batch))
                _log.warning("what was learned is not kept", extra={"code": error.code, "detail": error.detail})
            finally:
                for _ in batch:
                    self._waiting.task_done()

    def _write(self, batch: list[tuple[answers.Question, learning.Row]]) -> None:
        rows = []
        for question, row in batch:
            seen = lessons.packed(features.of(question.text))
            if seen is None:
                telemetry.of(telemetry.LEARNING_ROWS, "lost").inc()
            else:
                rows.append(dataclasses.replace(row, features=seen))
        self._records.keep(rows)
        telemetry.of(telemetry.LEARNING_ROWS, "kept").inc(len(rows))

    async def _trim_now_and_then(self) -> None:
        while True:
            try:
                await self._trim()
            except errors.RecordsUnavailableError as error:
                _log.warning("old learning rows could not be deleted", extra={"code": error.code})
            await asyncio.sleep(_TRIM_S)

    async def _trim(self) -> None:
        settings = self._settings
        before_us = self._clock.now_us() - round(settings.days * _DAY_US)
        await self._on_thread(self._records.trim, learning.Bounds(before_us, settings.rows_user_max, settings.rows_max))


def _stands_alone(question: answers.Question) -> bool:
    said = sum(message.role == "user" for message in question.messages)
    return said == 1 or not decision.follows_on(question.text)
