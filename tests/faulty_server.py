"""A server on a loopback port or Unix socket that says exactly the bytes it is told, for clients that must bear it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STALL = object()


@dataclass
class Seen:
    """What clients sent, and how many connections have ended."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


def chunked(*parts: bytes) -> bytes:
    """Return parts as chunks of HTTP/1.1, without the last one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part)


def event(text: str | bytes) -> bytes:
    """Return a server-sent event as a chunk."""
    return chunked(b"data: " + (text.encode() if isinstance(text, str) else text) + b"\n\n")


END = b"0\r\n\r\n"


def plain(status: int, body: bytes, kind: str = "application/json") -> bytes:
    """Return a whole response."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


@contextlib.asynccontextmanager
async def http(script: Sequence[bytes | object], *, ready: bool = True) -> AsyncIterator[Seen]:
    """Answer every request with `script`, part by part, then close. STALL says nothing until the client leaves.

    With `ready` the server says at /readyz that it is, and counts no such request.
    """
    seen = Seen()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if ready and head.startswith(b"GET /readyz "):
            writer.write(plain(200, b"{}"))
            return
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        seen.requests.append(head + await reader.readexactly(length))
        for part in script:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
                # Two parts must not arrive as one.
                await asyncio.sleep(0.01)
            else:
                await reader.read()

    async with serving(talk, seen) as seen:
        yield seen


@contextlib.asynccontextmanager
async def serving(talk: Talk, seen: Seen, path: Path | None = None) -> AsyncIterator[Seen]:
    """Serve `talk` until the block ends."""

    talking: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        task.add_done_callback(talking.discard)
        try:
            # The end of the block cancels; asyncio's own streams do not bear a handler that ends cancelled.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.close()
            seen.ended.set()

    if path is None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    else:
        server = await asyncio.start_unix_server(handle, path)
    try:
        yield seen
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking)
        await server.wait_closed()
