"""Answers as server-sent events, whatever their source and their wire form.

A *source* is where words come from: the cascade, or a model that was asked by its name. An *outlet* is the wire form in which
they leave. The status waits a while for the first words, so that an error can still become one; comments keep the connection
alive; the last event waits for the ledger; an error after the first byte is an event, and never looks like an end.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from council import ports
from council.domain import answers, errors
from council.gateway import errors as http_errors
from council.gateway import exchange

_log = logging.getLogger(__name__)

# Until then an error can still become an HTTP status; after it the stream opens with comments, so that clients wait on.
_FIRST_EVENT_S = 5.0
_KEEP_ALIVE_S = 10.0
_KEEP_ALIVE = b": still working\n\n"

Said = answers.Delta | ports.ModelEvent


class Source(Protocol):
    """Where words come from."""

    async def open(self) -> None:
        """Return when the first words are there. Raises what should become a status."""
        ...

    async def read(self) -> Sequence[Said]:
        """Return what was said since, at least one; none at the end."""
        ...

    async def finish(self) -> answers.Answer:
        """Return what is told about the answer; its ledger row is committed. After the end of reading."""
        ...

    async def close(self) -> None:
        """Stop; idempotent, and nothing happens after `finish`."""
        ...


class Outlet(Protocol):
    """A wire form of streams. Each method returns the bytes to send, perhaps none."""

    def opening(self) -> bytes:
        """Begin, before any words."""
        ...

    def said(self, parts: Sequence[Said]) -> bytes:
        """Pass words on."""
        ...

    def ending(self, answer: answers.Answer) -> bytes:
        """End, with what is told about the answer."""
        ...

    def failed(self, body: dict[str, Any]) -> bytes:
        """End with an error, given in OpenAI's shape, so that it is never taken for an end."""
        ...


class CascadeSource:
    """The cascade's generator as a source."""

    def __init__(self, events: AsyncGenerator[answers.Delta | answers.Answer, None]):
        self._events = events
        self._first: Sequence[answers.Delta] = ()
        self._answer: answers.Answer | None = None

    async def open(self) -> None:
        """Wait for the first words."""
        self._first = await self._next()

    async def read(self) -> Sequence[answers.Delta]:
        """Return the next words."""
        first, self._first = self._first, ()
        return first or await self._next()

    async def _next(self) -> Sequence[answers.Delta]:
        if self._answer is not None:
            return ()
        event = await anext(self._events)
        if isinstance(event, answers.Answer):
            self._answer = event
            return ()
        return (event,)

    async def finish(self) -> answers.Answer:
        """Return the answer."""
        assert self._answer is not None, "a pipeline ends with an Answer or raises"
        return self._answer

    async def close(self) -> None:
        """End the cascade where it is."""
        await self._events.aclose()


class EventStream(Response):
    """A source through an outlet. A client that leaves ends the work."""

    def __init__(self, source: Source, outlet: Outlet, headers: dict[str, str], request_id: str):
        super().__init__(media_type="text/event-stream", headers=headers)
        # A stream has no length known before.
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        self._source = source
        self._outlet = outlet
        self._request_id = request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the answer ends, an error ends it, or the client leaves."""
        try:
            await exchange.unless_gone(receive, self._produce(scope, send))
        finally:
            await self._source.close()

    async def _produce(self, scope: Scope, send: Send) -> bool:
        """Return whether the answer came to its end. Raises what went wrong before the response began."""
        opening = asyncio.ensure_future(self._source.open())
        try:
            await asyncio.wait({opening}, timeout=_FIRST_EVENT_S)
            if opening.done():
                opening.result()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with _KeepAlive(send) as line:
                return await self._speak(scope, opening, line)
        finally:
            if not opening.done():
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)

    async def _speak(self, scope: Scope, opening: "asyncio.Future[None]", line: "_KeepAlive") -> bool:
        try:
            await line.send(self._outlet.opening())
            await opening
            while parts := await self._source.read():
                await line.send(self._outlet.said(parts))
            answer = await self._source.finish()
            await line.send(self._outlet.ending(answer), more=False)
            return True
        except errors.CouncilError as error:
            if error.detail:
                _log.warning("a stream ended in an error", extra={"code": error.code, "detail": error.detail})
            failure = error
        except Exception as error:  # noqa: BLE001 - logged; the client must not take the end for a clean stop
            _log.exception("a stream failed")
            failure = errors.CouncilError("Internal error.", detail=str(error))
        exchange.note_failure(scope, failure)
        await line.send(self._outlet.failed(http_errors.body_of(failure, self._request_id)), more=False)
        return False


class _KeepAlive:
    """Sends; in a silence now and then a comment, so that nobody on the way gives up. No task of its own while words come."""

    def __init__(self, send: Send):
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._last_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._comment: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "_KeepAlive":
        self._timer = self._loop.call_later(_KEEP_ALIVE_S, self._look)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._comment

    def _look(self) -> None:
        silent_s = self._loop.time() - self._last_s
        if silent_s >= _KEEP_ALIVE_S and (self._comment is None or self._comment.done()):
            self._comment = self._loop.create_task(self.send(_KEEP_ALIVE))
            silent_s = 0.0
        self._timer = self._loop.call_later(_KEEP_ALIVE_S - silent_s, self._look)

    async def send(self, part: bytes, *, more: bool = True) -> None:
        if not part and more:
            return
        self._last_s = self._loop.time()
        await self._send({"type": "http.response.body", "body": part, "more_body": more})
