"""The OpenAI-compatible routes: chat completions, plain and streamed, and the list of models."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from council.domain import access, answers, errors
from council.gateway import errors as http_errors
from council.gateway import exchange, limits, memory, parts, wire
from council.serving import pipeline as pipeline_module

_log = logging.getLogger(__name__)

CASCADE = "council"
_CREATED_S = 1_767_225_600  # 2026-01-01, the models' nominal birthday
# Until then an error can still become an HTTP status; after it the stream opens with comments, so that clients wait on.
_FIRST_EVENT_S = 5.0
_KEEP_ALIVE_S = 10.0
_CLIENT_GONE = 499

_Events = AsyncGenerator[answers.Delta | answers.Answer, None]


class OpenAIRoutes:
    """Handlers for /v1."""

    def __init__(self, made: parts.Parts):
        self._parts = made

    def routes(self) -> list[Route]:
        """Return Starlette routes: FastAPI's validation would cost a tenth of a millisecond a request here."""
        return [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/models/{name:path}", self.model, methods=["GET"]),
        ]

    async def models(self, request: Request) -> Response:
        """List the models: the cascade, each specialist, the packaged model."""
        self._parts.doorkeeper.admit(request, access.Right.READ)
        return exchange.json_response({"object": "list", "data": [_model_object(name) for name in self._names()]})

    async def model(self, request: Request) -> Response:
        """Show one model."""
        self._parts.doorkeeper.admit(request, access.Right.READ)
        name = request.path_params["name"]
        if name not in self._names():
            raise self._unknown(name)
        return exchange.json_response(_model_object(name))

    async def chat(self, request: Request) -> Response:
        """Answer a conversation, whole or streamed."""
        principal = self._parts.doorkeeper.admit(request, access.Right.CHAT)
        admission = await self._parts.limiter.admit(principal)
        settings = self._parts.config.gateway
        raw = await exchange.body(request, settings.body_timeout_s, settings.body_bytes_max)
        asked = wire.parse_chat(raw, settings.messages_max)
        question = self._question(asked, request.state.request_id)
        asker = pipeline_module.Asker(
            principal.user_id,
            principal.token_id,
            ("store: rate limits count here only",) if admission.degraded else (),
            *memory.wish(request, principal, asked.memory, asked.session),
        )
        events = self._parts.pipeline.answer(question, asker)
        headers = limits.headers(admission)
        if asked.stream:
            include_usage = bool(asked.stream_options and asked.stream_options.include_usage)
            chunks = wire.Chunks(question.request_id, asked.model, int(time.time()), include_usage)
            return _EventStream(events, chunks, headers, question.request_id)
        answer = await exchange.unless_gone(request.receive, _whole(events))
        if answer is None:
            return Response(status_code=exchange.CLIENT_GONE)
        return exchange.json_response(wire.completion(answer, asked.model, int(time.time())), headers)

    def _question(self, asked: wire.ChatRequest, request_id: str) -> answers.Question:
        named = self._names()
        if asked.model not in named:
            raise self._unknown(asked.model)
        bare_model = asked.model == self._parts.config.model.name
        return answers.Question(
            request_id=request_id,
            messages=[
                answers.Message("system" if message.role == "developer" else message.role, message.text())
                for message in asked.messages
            ],
            model=asked.model,
            sampling=asked.sampling(self._parts.config.model.tokens_max_default),
            route=named[asked.model],
            specialists=not bare_model,
        )

    def model_names(self) -> list[str]:
        """Return every name that callers may ask for."""
        return list(self._names())

    def _names(self) -> dict[str, answers.Route | None]:
        """Map each model name to the route that it forces; None lets Council choose."""
        specialists = {f"{CASCADE}/{route}": route for route in answers.Route}
        return {CASCADE: None, **specialists, self._parts.config.model.name: answers.Route.GENERAL}

    def _unknown(self, name: str) -> errors.ModelNotFoundError:
        known = ", ".join(self._names())
        return errors.ModelNotFoundError(f"There is no model {name[:100]!r}. Use one of: {known}.", parameter="model")


class _EventStream(Response):
    """Server-sent events. The status waits for the first event; a client that leaves cancels the work."""

    def __init__(self, events: _Events, chunks: wire.Chunks, headers: dict[str, str], request_id: str):
        super().__init__(media_type="text/event-stream", headers=headers)
        # A stream has no length known before.
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        self._events = events
        self._chunks = chunks
        self._request_id = request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the answer ends, an error ends it, or the client leaves."""
        await exchange.unless_gone(receive, self._produce(send))

    async def _produce(self, send: Send) -> bool:
        """Return whether the answer came to its end. Raises what went wrong before the response began."""
        async with contextlib.aclosing(self._events) as events:
            first = asyncio.ensure_future(anext(events))
            try:
                await asyncio.wait({first}, timeout=_FIRST_EVENT_S)
                if first.done():
                    first.result()
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await _send_part(send, self._chunks.opening())
                return await self._speak(first, events, send)
            finally:
                await _abandon(first)

    async def _speak(self, pending: "asyncio.Task[Any]", events: _Events, send: Send) -> bool:
        """Send the events; an error becomes the last one, without [DONE], so that it is never taken for a clean stop."""
        try:
            while True:
                event = await self._next(pending, send)
                if isinstance(event, answers.Answer):
                    await _send_part(send, self._chunks.ending(event), more=False)
                    return True
                await _send_part(send, self._chunks.delta(event.text))
                pending = asyncio.ensure_future(anext(events))
        except errors.CouncilError as error:
            if error.detail:
                _log.warning("a stream ended in an error", extra={"code": error.code, "detail": error.detail})
            await _send_part(send, wire.error_event(http_errors.body_of(error, self._request_id)), more=False)
            return False
        except Exception as error:  # noqa: BLE001 - logged; the client must not take the end for a clean stop
            _log.exception("a stream failed")
            wrapped = errors.CouncilError("Internal error.", detail=str(error))
            await _send_part(send, wire.error_event(http_errors.body_of(wrapped, self._request_id)), more=False)
            return False
        finally:
            await _abandon(pending)

    async def _next(self, pending: "asyncio.Task[Any]", send: Send) -> answers.Delta | answers.Answer:
        """Return the next event, with a comment sent now and then so that nobody on the way gives up."""
        while not pending.done():
            done, _ = await asyncio.wait({pending}, timeout=_KEEP_ALIVE_S)
            if not done:
                await _send_part(send, wire.KEEP_ALIVE)
        event: answers.Delta | answers.Answer = pending.result()
        return event


async def _abandon(task: "asyncio.Task[Any]") -> None:
    """Cancel a task that nobody waits for any more, and wait until it has ended."""
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _whole(events: _Events) -> answers.Answer:
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, answers.Answer):
                return event
    raise AssertionError("a pipeline ends with an Answer or raises")


async def _send_part(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


def _model_object(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED_S, "owned_by": "council"}
