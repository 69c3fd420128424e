"""One connection of HTTP/1.1: reads requests, and takes the steps of each reply in turn.

No task and no stream reader: a callback a step, so that the upstream is not what a benchmark measures.
"""

import asyncio
import collections
import dataclasses
import socket
import struct
from collections.abc import Iterator
from typing import Protocol, cast

import httptools

from council.testing.upstream import replies, steps, tally

BODY_BYTES_MAX = 64 * 1024 * 1024
PIPELINED_MAX = 16
STALL_S_MAX = 900.0
_RESET = struct.pack("ii", 1, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What arrived. Names of headers are in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class Call(Protocol):
    """Who is told how a request went. The connection tells it once how it ended."""

    request_id: str
    steps: Iterator[steps.Step]

    def end(self, outcome: tally.Outcome, *, begun: bool, tokens: int, reported: bool) -> None:
        """Note the end: whether the head was written, the tokens that were said, whether their usage was told."""


class Application(Protocol):
    """Where requests go."""

    def call(self, request: Request) -> Call:
        """Return how to answer."""

    def opened(self, connection: "Connection") -> None:
        """Note a connection."""

    def closed(self, connection: "Connection") -> None:
        """Note its end."""


class Connection(asyncio.Protocol):
    """One at a time; requests that come before the reply to the one before has ended wait."""

    def __init__(self, application: Application, loop: asyncio.AbstractEventLoop):
        self._application = application
        self._loop = loop
        self._transport = cast(asyncio.Transport, None)
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._waiting: collections.deque[Request] = collections.deque()
        self._call: Call | None = None
        self._keep_alive = True
        self._begun = False
        self._reported = False
        self._tokens = 0
        self._held = b""
        self._next: asyncio.Handle | None = None
        self._full = False
        self._starved = False

    # Reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._application.opened(self)

    def data_received(self, data: bytes) -> None:
        """Parse; what is no HTTP ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url = b""
        self._headers = {}
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Let a caller go on that asks first."""
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > BODY_BYTES_MAX:
            self._transport.close()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, or wait for the reply before to end."""
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._url.decode("latin-1"),
            self._headers,
            b"".join(self._body),
            self._parser.should_keep_alive(),
        )
        if self._call is None:
            self._take(request)
            self._advance()
        elif len(self._waiting) < PIPELINED_MAX:
            self._waiting.append(request)
        else:
            self._transport.close()

    # Answering

    def _take(self, request: Request) -> None:
        self._call = self._application.call(request)
        self._keep_alive = request.keep_alive
        self._begun = self._reported = False
        self._tokens = 0

    def _advance(self) -> None:
        """Take steps until one of them has to wait."""
        self._next = None
        while self._call is not None:
            if self._full:
                self._starved = True
                return
            step = next(self._call.steps)
            if isinstance(step, steps.Say):
                self._tokens += step.tokens
                self._reported = self._reported or step.reports
                if step.data:
                    self._write(step.data)
                if step.turn:
                    self._next = self._loop.call_soon(self._advance)
                    return
            elif isinstance(step, steps.Open):
                self._begun = True
                self._held = b"%bx-request-id: %b\r\n\r\n" % (step.head, self._call.request_id.encode("latin-1"))
            elif isinstance(step, steps.Wait):
                self._write(b"")
                if step.seconds is None:
                    self._next = self._loop.call_later(STALL_S_MAX, self._transport.close)
                else:
                    self._next = self._loop.call_later(step.seconds, self._advance)
                return
            else:
                self._end(step)

    def _write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        if data:
            self._transport.write(data)

    def _end(self, step: steps.End) -> None:
        self._write(b"")
        self._finish(step.outcome)
        if step.after is steps.After.RESET:
            # Close at once and let the kernel say RST.
            opened: socket.socket = self._transport.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
        elif step.after is steps.After.CLOSE or not self._keep_alive:
            self._transport.close()
        elif self._waiting:
            self._take(self._waiting.popleft())

    def _finish(self, outcome: tally.Outcome) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.end(outcome, begun=self._begun, tokens=self._tokens, reported=self._reported)

    # The transport's word

    def pause_writing(self) -> None:
        """The caller reads too slowly."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on."""
        self._full = False
        if self._starved:
            self._starved = False
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever left before the end has aborted."""
        if self._next is not None:
            self._next.cancel()
        self._waiting.clear()
        self._finish(tally.Outcome.ABORTED)
        self._application.closed(self)

    def close(self) -> None:
        """Close, for the server that ends."""
        self._transport.abort()


def answer(status: int, body: bytes, outcome: tally.Outcome) -> Iterator[steps.Step]:
    """Return the steps of a plain reply in JSON."""
    fields = [("content-type", "application/json"), ("content-length", str(len(body)))]
    return iter([steps.Open(replies.head(status, fields)), steps.Say(body), steps.End(outcome)])
