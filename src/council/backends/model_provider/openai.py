"""An OpenAI-compatible server as a model provider; today the packaged model's own process, which says /readyz.

Always asks for a stream, since a stream can be stopped; a stream that ends without `[DONE]` or a finish reason is an error.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import aiohttp
import orjson
from aiohttp import http_exceptions

from council import ports
from council.domain import answers, errors

_LINE_BYTES_MAX = 1024 * 1024
_ERROR_BYTES_MAX = 16 * 1024
_RETRY_AFTER_S = 2
_PING_S = 2.0
# More than any answer has; a larger count would not fit into the ledger.
_TOKENS_MAX = 1 << 40

# What aiohttp raises; a line that is too long is of a family of its own.
_FAULTS = (aiohttp.ClientError, http_exceptions.HttpProcessingError, TimeoutError)


class OpenAIProvider:
    """One model of one server. Implements ports.ModelProvider."""

    def __init__(self, model: str, url: str, key: str, stall_s: float, connections_max: int = 100):
        """Use the server at `url` (without `/v1`); `stall_s` bounds the silence between two pieces."""
        self._model = model
        self._url = url.rstrip("/")
        self._key = key
        self._stall_s = stall_s
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=2.0, sock_read=stall_s)
        self._connections_max = connections_max
        self._session: aiohttp.ClientSession | None = None

    @property
    def model(self) -> str:
        """The name shown to callers."""
        return self._model

    async def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[ports.ModelPiece | ports.ModelEnd, None]:
        """Yield pieces, then one ModelEnd. Raises as ports.ModelProvider says."""
        body = orjson.dumps(_body(self._model, messages, sampling))
        headers = {
            "authorization": f"Bearer {self._key}",
            "content-type": "application/json",
            "x-request-id": request_id,
        }
        # The supervisor keeps the port open while the server is away, so a connection alone says nothing.
        await self.ping()
        try:
            async with self._open().post(self._url + "/v1/chat/completions", data=body, headers=headers) as response:
                if response.status != 200:
                    raise await _refusal(response, self._stall_s)
                async for item in _items(response, self._stall_s):
                    yield item
        except _FAULTS as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error

    async def ping(self) -> None:
        """Return if the server says that it is ready. Raises ModelUnavailableError."""
        try:
            timeout = aiohttp.ClientTimeout(total=_PING_S)
            async with self._open().get(self._url + "/readyz", timeout=timeout) as response:
                if response.status != 200:
                    raise _unavailable(f"/readyz answered {response.status}")
        except _FAULTS as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Give back every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._connections_max)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, read_bufsize=_LINE_BYTES_MAX, trust_env=False
            )
        return self._session


def _body(model: str, messages: Sequence[answers.Message], sampling: answers.Sampling) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.text} for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": sampling.tokens_max,
        "logprobs": True,
    }
    optional = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed}
    body.update({name: value for name, value in optional.items() if value is not None})
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    return body


async def _items(response: aiohttp.ClientResponse, stall_s: float) -> AsyncIterator[ports.ModelPiece | ports.ModelEnd]:
    finish_reason: str | None = None
    usage = answers.Usage()
    async for chunk in _chunks(response, stall_s):
        if chunk.get("error"):
            raise _unavailable(f"error in the stream: {str(chunk['error'])[:500]}")
        try:
            usage = _usage(chunk) or usage
            pieces, finish_reason = _pieces(chunk, finish_reason)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise _unavailable(f"a stream event has another shape: {type(error).__name__}: {error}") from error
        for piece in pieces:
            yield piece
    if finish_reason is None:
        raise _unavailable("the stream ended before the answer did")
    yield ports.ModelEnd(finish_reason, usage)


def _usage(chunk: dict[str, Any]) -> answers.Usage | None:
    """Return the tokens that a chunk counts, if it does; below zero they would be money given back."""
    found = chunk.get("usage")
    if not isinstance(found, dict):
        return None
    counts = (int(found["prompt_tokens"]), int(found["completion_tokens"]))
    return answers.Usage(*(max(0, min(_TOKENS_MAX, count)) for count in counts))


def _pieces(chunk: dict[str, Any], finish_reason: str | None) -> tuple[list[ports.ModelPiece], str | None]:
    """Return the text that a chunk brings, and the reason to finish where it or an earlier one gave one."""
    pieces: list[ports.ModelPiece] = []
    for choice in chunk.get("choices") or ():
        finish_reason = choice.get("finish_reason") or finish_reason
        text = (choice.get("delta") or {}).get("content") or ""
        if not isinstance(text, str) or not isinstance(finish_reason, str | None):
            raise TypeError("content and finish_reason must be texts")
        if text:
            pieces.append(ports.ModelPiece(text, _logprob(choice)))
    return pieces, finish_reason


def _logprob(choice: dict[str, Any]) -> float | None:
    entries = (choice.get("logprobs") or {}).get("content") or ()
    return sum(float(entry["logprob"]) for entry in entries) if entries else None


async def _chunks(response: aiohttp.ClientResponse, stall_s: float) -> AsyncIterator[dict[str, Any]]:
    try:
        while line := await _line(response, stall_s):
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            chunk = orjson.loads(data)
            if not isinstance(chunk, dict):
                raise _unavailable("a stream event is not a JSON object")
            yield chunk
    except (orjson.JSONDecodeError, ValueError) as error:
        raise _unavailable("a stream event is not JSON, or too long") from error


async def _line(response: aiohttp.ClientResponse, stall_s: float) -> bytes:
    """Return the next line, empty at the end.

    With a clock of our own: aiohttp's stops at a chunk that is not HTTP, and then it waits for ever.
    """
    async with asyncio.timeout(stall_s):
        return await response.content.readline()


async def _refusal(response: aiohttp.ClientResponse, stall_s: float) -> errors.CouncilError:
    """Return the error that an unsuccessful response amounts to."""
    async with asyncio.timeout(stall_s):
        raw = await _beginning(response)
    try:
        error = orjson.loads(raw)["error"]
        kind, message = str(error.get("type", "")), str(error.get("message", ""))
        prompt, context = int(error.get("n_prompt_tokens", 0)), int(error.get("n_ctx", 0))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return _unavailable(f"status {response.status} without an error object")
    if kind == "exceed_context_size_error":
        return errors.ContextTooLongError(
            f"The conversation is {prompt} tokens long, {prompt - context} more than the model's context of {context}. "
            "Shorten it, or set a larger `model.context_tokens`, which `model.slots` answers share.",
            parameter="messages",
        )
    if response.status == 503 and kind == "overloaded":
        return errors.OverloadedError(
            "The local model's queue is full. Try again in a few seconds.", retry_after_s=_RETRY_AFTER_S
        )
    if response.status == 400:
        return errors.InvalidRequestError(f"The model refused the request: {message[:300]}")
    return _unavailable(f"status {response.status}: {message[:300]}")


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of a body; it may come in several parts."""
    raw = b""
    while len(raw) < _ERROR_BYTES_MAX and (part := await response.content.read(_ERROR_BYTES_MAX - len(raw))):
        raw += part
    return raw


def _unavailable(detail: str) -> errors.ModelUnavailableError:
    return errors.ModelUnavailableError(
        "The local model is not available; it may be starting again. Try again in a few seconds.",
        detail=detail,
        retry_after_s=_RETRY_AFTER_S,
    )
