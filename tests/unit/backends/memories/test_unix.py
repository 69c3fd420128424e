"""The client of recall's memory part against a scripted other side."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from council.backends.memories import unix
from council.domain import config, errors, memory
from council.kit import frames

SETTINGS = config.MemoryConfig(timeout_s=0.5, recall_s=0.2)


@contextlib.asynccontextmanager
async def scripted(path: Path, reply: Callable[[dict[str, Any]], bytes | None]) -> AsyncIterator[list[dict[str, Any]]]:
    """Serve one reply a connection; None holds it open without a word."""
    asked: list[dict[str, Any]] = []
    ends = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await frames.read(reader, 1 << 24)
        assert request is not None
        asked.append(request)
        raw = reply(request)
        if raw is None:
            await ends.wait()
        else:
            writer.write(raw)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield asked
    finally:
        ends.set()
        server.close()
        await server.wait_closed()


async def test_every_call_names_its_user_and_operation(tmp_path: Path) -> None:
    empty = frames.encode(
        {"memories": [], "found": [], "facts": [], "session": [], "complete": True, "forgotten": 0, "imported": 0,
         "vectors": [], "width": 0, "tokens": 0}
    )  # fmt: skip
    async with scripted(tmp_path / "s", lambda _: empty) as asked:
        client = unix.UnixMemories(tmp_path / "s", SETTINGS)
        await client.remember("ada", "s", "x", "r")
        await client.recall("ada", "s", "x", 1, "r")
        await client.search("ada", "x", 1, "r")
        await client.entries("ada", memory.Selection(), 1, "r")
        await client.forget("ada", memory.Selection(), "r")
        await client.take_in("ada", [], "r")
        await client.embed(["x"], "r")
    assert [(one["operation"], one["user"]) for one in asked] == [
        ("remember", "ada"), ("recall", "ada"), ("search", "ada"), ("entries", "ada"), ("forget", "ada"),
        ("import", "ada"), ("embed", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_request", errors.InvalidRequestError),
        ("not_found", errors.NotFoundError),
        ("overloaded", errors.OverloadedError),
        ("records_unavailable", errors.RecordsUnavailableError),
        ("recall_unavailable", errors.RecallUnavailableError),
        ("anything else", errors.RecallUnavailableError),
    ],
)
async def test_an_error_of_recall_comes_out_as_its_own_kind(tmp_path: Path, code: str, kind: type[Exception]) -> None:
    raw = frames.encode({"error": {"code": code, "message": "Do this.", "detail": "because"}})
    async with scripted(tmp_path / "s", lambda _: raw):
        with pytest.raises(kind, match="Do this"):
            await unix.UnixMemories(tmp_path / "s", SETTINGS).search("ada", "x", 1, "r")


HOSTILE = {
    "nothing": b"",
    "cut": b"\0\0\0\x09{",
    "not JSON": b"\0\0\0\x02{{",
    "no object": b"\0\0\0\x02[]",
    "too large": b"\xff\xff\xff\xff",
    "an error without words": frames.encode({"error": {"code": "not_found"}}),
    "fields missing": frames.encode({"nothing": 1}),
    "of the wrong types": frames.encode(
        {"memories": [{"id": 1}], "found": 7, "facts": None, "session": 1, "complete": 0, "forgotten": "many",
         "imported": [], "vectors": ["~"], "width": "w", "tokens": {}}
    ),
}  # fmt: skip
CALLS: dict[str, Callable[[unix.UnixMemories], Awaitable[Any]]] = {
    "remember": lambda client: client.remember("ada", "s", "x", "r"),
    "recall": lambda client: client.recall("ada", "s", "x", 1, "r"),
    "search": lambda client: client.search("ada", "x", 1, "r"),
    "entries": lambda client: client.entries("ada", memory.Selection(), 1, "r"),
    "forget": lambda client: client.forget("ada", memory.Selection(), "r"),
    "import": lambda client: client.take_in("ada", [], "r"),
    "embed": lambda client: client.embed(["x"], "r"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_is_no_reply_counts_as_away(tmp_path: Path, call: str, hostile: str) -> None:
    async with scripted(tmp_path / "s", lambda _: HOSTILE[hostile]):
        with pytest.raises(errors.RecallUnavailableError):
            await CALLS[call](unix.UnixMemories(tmp_path / "s", SETTINGS))


async def test_a_recall_that_says_nothing_is_given_up_on(tmp_path: Path) -> None:
    async with scripted(tmp_path / "s", lambda _: None):
        with pytest.raises(errors.RecallUnavailableError):
            await unix.UnixMemories(tmp_path / "s", SETTINGS).recall("ada", "", "x", 1, "r")
