"""Any OpenAI-compatible server as a model provider, the packaged model's own process among them.

Always asks for a stream, since a stream can be stopped; a stream that ends without `[DONE]` or a finish reason is an error.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import aiohttp
import orjson

from council import ports
from council.domain import answers, errors

_LINE_BYTES_MAX = 1024 * 1024
_ERROR_BYTES_MAX = 16 * 1024
_RETRY_AFTER_S = 2


class OpenAIProvider:
    """One model of one server. Implements ports.ModelProvider."""

    def __init__(self, model: str, url: str, key: str, stall_s: float, connections_max: int = 100):
        """Use the server at `url` (without `/v1`); `stall_s` bounds the silence between two pieces."""
        self._model = model
        self._url = url.rstrip("/")
        self._key = key
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
        try:
            async with self._open().post(self._url + "/v1/chat/completions", data=body, headers=headers) as response:
                if response.status != 200:
                    raise await _refusal(response)
                async for item in _items(response):
                    yield item
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error

    async def ping(self) -> None:
        """Return if the server says that it is ready. Raises ModelUnavailableError."""
        try:
            timeout = aiohttp.ClientTimeout(total=2.0)
            async with self._open().get(self._url + "/readyz", timeout=timeout) as response:
                if response.status != 200:
                    raise _unavailable(f"/readyz answered {response.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
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


async def _items(response: aiohttp.ClientResponse) -> AsyncIterator[ports.ModelPiece | ports.ModelEnd]:
    finish_reason: str | None = None
    usage = answers.Usage()
    async for chunk in _chunks(response):
        if "error" in chunk:
            raise _unavailable(f"error in the stream: {str(chunk['error'])[:500]}")
        if isinstance(found := chunk.get("usage"), dict):
            usage = answers.Usage(int(found.get("prompt_tokens", 0)), int(found.get("completion_tokens", 0)))
        for choice in chunk.get("choices") or ():
            finish_reason = choice.get("finish_reason") or finish_reason
            if text := (choice.get("delta") or {}).get("content"):
                yield ports.ModelPiece(text, _logprob(choice))
    if finish_reason is None:
        raise _unavailable("the stream ended before the answer did")
    yield ports.ModelEnd(finish_reason, usage)


def _logprob(choice: dict[str, Any]) -> float | None:
    entries = (choice.get("logprobs") or {}).get("content") or ()
    return sum(float(entry["logprob"]) for entry in entries) if entries else None


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    try:
        async for line in response.content:
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


async def _refusal(response: aiohttp.ClientResponse) -> errors.CouncilError:
    """Return the error that an unsuccessful response amounts to."""
    raw = await response.content.read(_ERROR_BYTES_MAX)
    try:
        error = orjson.loads(raw)["error"]
        kind, message = str(error.get("type", "")), str(error.get("message", ""))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return _unavailable(f"status {response.status} without an error object")
    if kind == "exceed_context_size_error":
        prompt, context = int(error.get("n_prompt_tokens", 0)), int(error.get("n_ctx", 0))
        return errors.ContextTooLongError(
            f"The conversation is {prompt} tokens long, {prompt - context} more than the model's context of {context}. "
            "Shorten it, or set a larger `model.context_tokens`.",
            parameter="messages",
        )
    if response.status == 503 and kind == "overloaded":
        return errors.OverloadedError(
            "The local model's queue is full. Try again in a few seconds.", retry_after_s=_RETRY_AFTER_S
        )
    if response.status == 400:
        return errors.InvalidRequestError(f"The model refused the request: {message[:300]}")
    return _unavailable(f"status {response.status}: {message[:300]}")


def _unavailable(detail: str) -> errors.ModelUnavailableError:
    return errors.ModelUnavailableError(
        "The local model is not available; it may be starting again. Try again in a few seconds.",
        detail=detail,
        retry_after_s=_RETRY_AFTER_S,
    )
