"""Recall over its Unix socket: one connection a search, one frame each way."""

import asyncio
import base64
from pathlib import Path
from typing import Any

from council import telemetry
from council.domain import answers, errors
from council.domain import documents as documents_module
from council.kit import frames, traces

_REPLY_BYTES_MAX = 4 * 1024 * 1024
_QUERY_CHARS_MAX = 10_000
# Beside reading the document, a look at the library may be under way.
_LIBRARY_S = 30.0


class UnixRetriever:
    """Implements ports.Retriever and dashboard_ports.Library."""

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

    async def documents(self, request_id: str) -> documents_module.Listing:
        """Return what is known of the documents, by name. Raises RecallUnavailableError."""
        reply = await self._library({"library": "list", "request_id": request_id})
        try:
            return documents_module.Listing(tuple(map(_document, reply["documents"])), int(reply["more"]))
        except (KeyError, TypeError, ValueError) as error:
            raise _unavailable(f"not a reply of recall: {type(error).__name__}") from error

    async def put(
        self, name: str, content: bytes, *, replace: bool, request_id: str
    ) -> tuple[documents_module.Document, bool]:
        """Keep a document; return how it was read, and whether it took the place of another one.

        Raises InvalidRequestError, ConflictError, RecallUnavailableError.
        """
        asked = {"library": "put", "name": name, "replace": replace, "request_id": request_id}
        reply = await self._library({**asked, "content": base64.b64encode(content).decode()})
        try:
            return _document(reply["document"]), bool(reply["replaced"])
        except (KeyError, TypeError, ValueError) as error:
            raise _unavailable(f"not a reply of recall: {type(error).__name__}") from error

    async def delete(self, name: str, request_id: str) -> None:
        """Delete a document. Raises NotFoundError, RecallUnavailableError."""
        await self._library({"library": "delete", "name": name, "request_id": request_id})

    async def ping(self) -> None:
        """Return if recall answers. Raises RecallUnavailableError."""
        _passages(await self._exchange({"query": "", "limit": 1, "request_id": ""}))

    async def _library(self, request: dict[str, Any]) -> dict[str, Any]:
        reply = await self._ask(request, _LIBRARY_S)
        error = reply.get("error")
        if error is None:
            return reply
        kind = errors.BY_CODE.get(str(error.get("code")), errors.RecallUnavailableError)
        raise kind(str(error.get("message")), detail=str(error.get("detail")), parameter=error.get("parameter"))

    async def _ask(self, request: dict[str, Any], timeout_s: float | None = None) -> dict[str, Any]:
        told = {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "recall"}
        with traces.call("retrieval recall", traces.Kind.CLIENT, told) as work:
            with telemetry.network_call():
                reply = await self._exchange({**request, **work.asked()}, timeout_s)
            work.hear("recall", reply.pop("spans", None))
            return reply

    async def _exchange(self, request: dict[str, Any], timeout_s: float | None = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s):
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


def _document(found: dict[str, Any]) -> documents_module.Document:
    return documents_module.Document(**{**found, "state": documents_module.State(found["state"])})


def _unavailable(detail: str) -> errors.RecallUnavailableError:
    return errors.RecallUnavailableError(
        "Recall is not available; it may be starting again. Try again in a few seconds.", detail=detail, retry_after_s=1
    )
