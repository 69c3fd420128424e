"""The answers given before, in recall's memory, over its Unix socket: one connection a call, one frame each way."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from council import telemetry
from council.domain import errors
from council.kit import frames, traces

_FRAME_BYTES_MAX = 1024 * 1024


class UnixAnswerCache:
    """Implements ports.AnswerCache."""

    def __init__(self, socket_path: Path, timeout_s: float):
        self._path = socket_path
        self._timeout_s = timeout_s

    async def find(
        self, user_id: str, scope: str, gist: str, text: str, semantic: bool, request_id: str
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return how a question was found, and its answer."""
        reply = await self._call("find", user_id, scope, gist, text, request_id, semantic=semantic)
        found = reply.get("found")
        return (str(found[0]), found[1]) if found else None

    async def keep(
        self, user_id: str, scope: str, gist: str, text: str, answer: Mapping[str, Any], request_id: str
    ) -> None:
        """Keep an answer."""
        await self._call("keep", user_id, scope, gist, text, request_id, answer_form=answer)

    async def _call(
        self, name: str, user_id: str, scope: str, gist: str, text: str, request_id: str, **more: Any
    ) -> dict[str, Any]:
        request = {
            "answer": name,
            "user": user_id,
            "scope": scope,
            "gist": gist,
            "text": text,
            "request_id": request_id,
            **more,
        }
        with traces.call(f"answer_cache {name}", traces.Kind.CLIENT) as work:
            with telemetry.network_call():
                reply = await self._exchange({**request, **work.asked()})
            work.hear("recall", reply.pop("spans", None))
            return reply

    async def _exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_FRAME_BYTES_MAX)
                try:
                    writer.write(frames.encode(request))
                    await writer.drain()
                    reply = await frames.read(reader, _FRAME_BYTES_MAX)
                finally:
                    writer.close()
        except (TimeoutError, OSError, frames.FrameError, TypeError) as error:
            raise _away(f"{type(error).__name__}: {error}") from error
        if reply is None or "error" in reply:
            raise _away("recall has no answer cache now")
        return reply


def _away(detail: str) -> errors.RecallUnavailableError:
    return errors.RecallUnavailableError(
        "The answer cache is not available. Try again in a few seconds.", detail=detail
    )
