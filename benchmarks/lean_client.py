"""A client for load: a connection that is kept, bytes made beforehand, times taken as they come. 40 us of CPU a request.

aiohttp as load generator would cost as much as some of the gateways that are measured.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import cast

import httptools


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a POST as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{lines}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One request at a time. After `ask`: status, request id, the body where it is kept, and when each piece of it came."""

    def __init__(self, *, keep_body: bool = False):
        self.status = 0
        self.request_id = ""
        self.body: list[bytes] = []
        self.came_s: list[float] = []
        self.began_s = 0.0
        self._keep_body = keep_body
        self._keep_alive = True
        self._leave_after = 0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._done: asyncio.Future[float] | None = None

    async def ask(self, port: int, asked: bytes, *, leave_after: int = 0) -> float:
        """Return the seconds to the last byte; `leave_after` pieces of the body the connection is closed instead.

        Connects where no connection is open. Raises ConnectionError where it breaks, TimeoutError after two minutes.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            self._done = None
            await loop.create_connection(lambda: self, "127.0.0.1", port)
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._done = loop.create_future()
        self._leave_after = leave_after
        self.status, self.request_id, self.body, self.came_s = 0, "", [], []
        self.began_s = time.perf_counter()
        self._transport.write(asked)
        async with asyncio.timeout(120):
            took_s = await self._done
        if not self._keep_alive:
            self.close()
        return took_s

    def close(self) -> None:
        """Close it. The next `ask` connects again."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by descent.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the reply is no HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(ConnectionError("the connection ended before the reply did"))

    def _fail(self, error: Exception) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 12 and name.lower() == b"x-request-id":
            self.request_id = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.came_s.append(time.perf_counter())
        if self._keep_body or self.status != 200:
            self.body.append(body)
        if self._leave_after and len(self.came_s) >= self._leave_after:
            self._keep_alive = False
            self._end()

    def on_message_complete(self) -> None:
        self._keep_alive = self._parser.should_keep_alive()
        self._end()

    def _end(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(time.perf_counter() - self.began_s)
