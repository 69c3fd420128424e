"""Recall over its Unix socket: one connection a search, one frame each way."""

import asyncio
from pathlib import Path
from typing import Any

from council import telemetry
from council.domain import answers, errors
from council.kit import frames, traces

_REPLY_BYTES_MAX = 4 * 1024 * 1024
_QUERY_CHARS_MAX = 10_000


class UnixRetriever:
    """Implements ports.Retriever."""

    def __init__(self, socket_path: Path, timeout_s: float):
        self._path = socket_path
        self._timeout_s = timeout_s

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        """Return up to `limit` passages by words, best first. Raises RecallUnavailableError."""
        reply = await self._ask({"query": query[:_QUERY_CHARS_MAX], "limit": limit, "request_id": request_id})
        return _passages(reply)

    async def find(self, query: str, limit: int, request_id: str) -> answers.Searched:
        """Return up to `limit` passages by words or meaning, best first. Raises RecallUnavailableError."""
        asked = {"query": query[:_QUERY_CHARS_MAX], "limit": limit, "request_id": request_id, "meanings": True}
        reply = await self._ask(asked)
        try:
            return answers.Searched(_passages(reply), answers.Meanings(**reply["meanings"]), str(reply["note"]))
        except (KeyError, TypeError) as error:
            raise _unavailable(f"not a reply of recall: {type(error).__name__}") from error

    async def guides(self, query: str, request_id: str) -> list[answers.Passage]:
        """Return passages of guides by words, best first. Raises RecallUnavailableError."""
        return _passages(await self._ask({"guides": query[:_QUERY_CHARS_MAX], "request_id": request_id}))

    async def passage(self, identifier: str, request_id: str) -> answers.Passage | None:
        """Return the passage of this `id`, or None if it is no more. Raises RecallUnavailableError."""
        found = _passages(await self._ask({"passage": identifier[:100], "request_id": request_id}))
        return found[0] if found else None

    async def ping(self) -> None:
        """Return if recall answers. Raises RecallUnavailableError."""
        _passages(await self._exchange({"query": "", "limit": 1, "request_id": ""}))

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        told = {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "recall"}
        with traces.call("retrieval recall", traces.Kind.CLIENT, told) as work:
            with telemetry.network_call():
                reply = await self._exchange({**request, **work.asked()})
            work.hear("recall", reply.pop("spans", None))
            return reply

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_REPLY_BYTES_MAX)
                try:
                    writer.write(frames.encode(request))
                    await writer.drain()
                    reply = await frames.read(reader, _REPLY_BYTES_MAX)
                finally:
                    writer.close()
        except (TimeoutError, OSError, frames.FrameError) as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error
        if reply is None:
            raise _unavailable("recall closed without a reply")
        return reply


def _passages(reply: dict[str, Any]) -> list[answers.Passage]:
    try:
        return [answers.Passage(**passage) for passage in reply["passages"]]
    except (KeyError, TypeError) as error:
        raise _unavailable(f"not a reply of recall: {type(error).__name__}") from error


def _unavailable(detail: str) -> errors.RecallUnavailableError:
    return errors.RecallUnavailableError(
        "Recall is not available; it may be starting again. Try again in a few seconds.", detail=detail, retry_after_s=1
    )
