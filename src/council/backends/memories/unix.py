"""Recall's memory part over its Unix socket: one connection a call, one frame each way."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from council import telemetry
from council.domain import config as config_module
from council.domain import errors, memory, memory_wire
from council.kit import frames, traces

FRAME_BYTES_MAX = 16 * 1024 * 1024

_QUERY_CHARS_MAX = 10_000

_KINDS: dict[str, type[errors.CouncilError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidRequestError,
        errors.NotFoundError,
        errors.ConflictError,
        errors.OverloadedError,
        errors.RecordsUnavailableError,
    )
}

# As OpenTelemetry's conventions for generative AI call what is asked.
_OPERATIONS = {
    "remember": "upsert_memory",
    "recall": "search_memory",
    "search": "search_memory",
    "entries": "search_memory",
    "forget": "delete_memory",
    "correct": "upsert_memory",
    "import": "upsert_memory",
    "embed": "embeddings",
}


class UnixMemories:
    """Implements ports.Memories."""

    def __init__(self, socket_path: Path, settings: config_module.MemoryConfig):
        self._path = socket_path
        self._settings = settings

    async def remember(self, user_id: str, session_id: str, text: str, request_id: str) -> list[memory.Memory]:
        """Keep what the user said, and the facts in it; return what is new and committed."""
        reply = await self._call("remember", user_id, request_id, session=session_id, text=text)
        with _reading():
            return [memory_wire.memory_of(one, user_id) for one in reply["memories"]]

    async def recall(self, user_id: str, session_id: str, query: str, limit: int, request_id: str) -> memory.Recalled:
        """Return what is known for a question."""
        wait_s = self._settings.recall_s
        asked = {"session": session_id, "query": query[:_QUERY_CHARS_MAX], "limit": limit}
        reply = await self._call("recall", user_id, request_id, wait_s, **asked)
        with _reading():
            return memory_wire.recalled_of(reply, user_id)

    async def search(self, user_id: str, query: str, limit: int, request_id: str) -> list[memory.Found]:
        """Return up to `limit` memories that fit a query, best first."""
        reply = await self._call("search", user_id, request_id, query=query[:_QUERY_CHARS_MAX], limit=limit)
        with _reading():
            return [memory_wire.found_of(one, user_id) for one in reply["found"]]

    async def entries(
        self, user_id: str, selection: memory.Selection, limit: int, request_id: str
    ) -> list[memory.Memory]:
        """Return up to `limit` memories, oldest first."""
        chosen = memory_wire.selection_form(selection)
        reply = await self._call("entries", user_id, request_id, selection=chosen, limit=limit)
        with _reading():
            return [memory_wire.memory_of(one, user_id) for one in reply["memories"]]

    async def forget(self, user_id: str, selection: memory.Selection, request_id: str) -> int:
        """Delete memories for good; return how many."""
        chosen = memory_wire.selection_form(selection)
        reply = await self._call("forget", user_id, request_id, selection=chosen)
        with _reading():
            return int(reply["forgotten"])

    async def correct(self, user_id: str, identifier: str, text: str, request_id: str) -> memory.Memory:
        """Have a memory say something else; return it."""
        reply = await self._call("correct", user_id, request_id, id=identifier, text=text)
        with _reading():
            return memory_wire.memory_of(reply["memory"], user_id)

    async def take_in(self, user_id: str, rows: Sequence[memory.Memory], request_id: str) -> int:
        """Import memories; return how many were new."""
        forms = [memory_wire.form(row) for row in rows]
        reply = await self._call("import", user_id, request_id, memories=forms)
        with _reading():
            return int(reply["imported"])

    async def embed(self, texts: Sequence[str], request_id: str) -> memory.Embedded:
        """Return a vector for each text."""
        reply = await self._call("embed", "", request_id, texts=list(texts))
        with _reading():
            return memory_wire.embedded_of(reply)

    async def _call(
        self, operation: str, user_id: str, request_id: str, wait_s: float | None = None, **more: Any
    ) -> Mapping[str, Any]:
        request = {"operation": operation, "user": user_id, "request_id": request_id, **more}
        told = {"gen_ai.operation.name": _OPERATIONS[operation]}
        with traces.call(_OPERATIONS[operation], traces.Kind.CLIENT, told) as work:
            with telemetry.network_call():
                timeout_s = wait_s or self._settings.timeout_s
                reply = _checked(await self._exchange({**request, **work.asked()}, timeout_s))
            work.hear("recall", reply.get("spans"))
            return reply

    async def _exchange(self, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=FRAME_BYTES_MAX)
                try:
                    writer.write(frames.encode(request))
                    await writer.drain()
                    return await frames.read(reader, FRAME_BYTES_MAX)
                finally:
                    writer.close()
        except (TimeoutError, OSError, frames.FrameError, TypeError) as error:
            raise unavailable(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Take whatever does not look like a reply for a recall that is away."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, errors.InvalidRequestError) as error:
        raise unavailable(f"not a reply of recall: {type(error).__name__}") from error


def _checked(reply: dict[str, Any] | None) -> Mapping[str, Any]:
    if reply is None:
        raise unavailable("recall closed without a reply")
    error = reply.get("error")
    if error is None:
        return reply
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        raise unavailable("not a reply of recall")
    kind = _KINDS.get(str(error.get("code")), errors.RecallUnavailableError)
    parameter = error.get("parameter")
    raise kind(
        error["message"],
        detail=str(error.get("detail", "")),
        parameter=parameter if isinstance(parameter, str) else None,
    )


def unavailable(detail: str) -> errors.RecallUnavailableError:
    """Return the error for a recall that does not answer."""
    return errors.RecallUnavailableError(
        "The memory is not available; it may be starting again. Try again in a few seconds.",
        detail=detail,
        retry_after_s=1,
    )
