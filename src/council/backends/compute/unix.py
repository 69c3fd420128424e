"""The worker over its Unix socket: one connection a job, one frame each way."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from council import telemetry
from council.domain import config as config_module
from council.domain import errors
from council.kit import frames, traces

# The worker ends a job at `wall_s` by the kernel's timer; the caller waits a little longer before it gives up.
_GRACE_S = 2.0
# Its clock started a little before the caller's.
_NEARLY = 0.9


class UnixCompute:
    """Implements ports.Compute. At most `worker.queue_max` jobs wait or run for one client at a time."""

    def __init__(self, socket_path: Path, worker: config_module.WorkerConfig):
        self._path = socket_path
        self._wall_s = worker.wall_s
        self._bytes_max = worker.message_bytes_max
        self._places = asyncio.Semaphore(worker.queue_max)

    async def call(self, operation: str, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Run one operation. Raises ComputeLimitError, ComputeUnavailableError, OverloadedError."""
        self._check_places()
        told = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": operation,
            "gen_ai.tool.type": "function",
        }
        with traces.call(f"execute_tool {operation}", traces.Kind.INTERNAL, told) as work:
            frame = _frame(operation, payload, request_id, work.asked())
            if len(frame) > self._bytes_max:
                raise errors.ComputeLimitError(f"The text is over the {self._bytes_max} bytes that the worker accepts.")
            async with self._places:
                with telemetry.network_call():
                    reply = await self._exchange(frame)
            work.hear("worker", reply.pop("spans", None))
            return reply

    async def ping(self) -> None:
        """Return if the worker answers. Raises ComputeUnavailableError."""
        self._check_places()
        async with self._places:
            await self._exchange(_frame("ping", {}, "", {}))

    def _check_places(self) -> None:
        if self._places.locked():
            raise errors.OverloadedError("The worker's queue is full. Try again in a few seconds.", retry_after_s=1)

    async def _exchange(self, frame: bytes) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        began_s: float | None = None
        reply: dict[str, Any] | None = None
        try:
            # First as long as one job ahead may take, then as long as this one may.
            async with asyncio.timeout(self._wall_s + _GRACE_S) as limit:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=self._bytes_max)
                try:
                    writer.write(frame)
                    await writer.drain()
                    if await frames.read(reader, self._bytes_max) is not None:
                        began_s = loop.time()
                        limit.reschedule(began_s + self._wall_s + _GRACE_S)
                        reply = await frames.read(reader, self._bytes_max)
                finally:
                    writer.close()
        except TimeoutError as error:
            raise _unavailable("no reply in time") from error
        except (OSError, frames.FrameError) as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error
        if reply is None:
            if began_s is not None and loop.time() - began_s >= self._wall_s * _NEARLY:
                # The kernel's timer ended the child.
                raise errors.ComputeLimitError(f"The computation did not end within {self._wall_s:g} s.")
            raise _unavailable("the worker ended before or during the job")
        if "over_limit_memory" in reply:
            raise errors.ComputeLimitError("The computation needs more memory than it may take.")
        if "over_limit_bytes" in reply:
            raise errors.ComputeLimitError(f"The result is over the {self._bytes_max} bytes that are passed on.")
        if "error" in reply:
            raise errors.ComputeUnavailableError("The worker failed on this question.", detail=str(reply["error"]))
        return reply


def _frame(operation: str, payload: Mapping[str, Any], request_id: str, trace: Mapping[str, str]) -> bytes:
    return frames.encode({"operation": operation, "payload": payload, "request_id": request_id, **trace})


def _unavailable(detail: str) -> errors.ComputeUnavailableError:
    return errors.ComputeUnavailableError(
        "The worker is not available; it may be starting again. Try again in a few seconds.",
        detail=detail,
        retry_after_s=1,
    )
