"""Recall over its Unix socket: one connection a search, one frame each way."""

import asyncio
from pathlib import Path

from council.domain import answers, errors
from council.kit import frames

_REPLY_BYTES_MAX = 4 * 1024 * 1024


class UnixRetriever:
    """Implements ports.Retriever."""

    def __init__(self, socket_path: Path, timeout_s: float):
        self._path = socket_path
        self._timeout_s = timeout_s

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        """Return up to `limit` passages, best first. Raises RecallUnavailableError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_REPLY_BYTES_MAX)
                try:
                    writer.write(frames.encode({"query": query[:10_000], "limit": limit, "request_id": request_id}))
                    await writer.drain()
                    reply = await frames.read(reader, _REPLY_BYTES_MAX)
                finally:
                    writer.close()
        except (TimeoutError, OSError, frames.FrameError) as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error
        if reply is None:
            raise _unavailable("recall closed without a reply")
        try:
            return [answers.Passage(**passage) for passage in reply["passages"]]
        except (KeyError, TypeError) as error:
            raise _unavailable(f"not a reply of recall: {type(error).__name__}") from error

    async def ping(self) -> None:
        """Return if recall answers. Raises RecallUnavailableError."""
        await self.search("", 1, "")


def _unavailable(detail: str) -> errors.RecallUnavailableError:
    return errors.RecallUnavailableError(
        "Recall is not available; it may be starting again. Try again in a few seconds.", detail=detail, retry_after_s=1
    )
