"""Trier kind `http`: streamed chat completions of a gateway on this machine, over its port or a Unix socket."""

import asyncio
import dataclasses
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from council.domain import baking

_HEADER = "x-council-trial"
_PATH = "/v1/chat/completions"
_REPLY_BYTES_MAX = 1024 * 1024
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_DONE = b"[DONE]"


class HttpTrier:
    """Implements care_ports.Trier.

    A certificate of ours names the public host and not loopback, so it is not checked: the supervisor holds the port.
    """

    def __init__(self, url: str, key: str, *, limit_s: float, tokens_max: int = 32, unix: Path | None = None):
        """`url` is the gateway's; where `unix` is given, its socket is asked, and the URL says only the host's name.

        A question has `limit_s` from its connection to its last byte. A model may say `tokens_max` tokens, which also bounds
        what a paid one could have cost.
        """
        self._url = url.rstrip("/") + _PATH
        self._headers = {_HEADER: key}
        self._limit_s = limit_s
        self._tokens_max = tokens_max
        self._unix = unix
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, question: baking.Question) -> baking.Answer:
        """Put one question. Its wait is counted from when the last byte of it was sent."""
        clock = _Clock(time.monotonic())
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._ask(question, clock)
        except TimeoutError:
            return _unanswered(question, baking.Ending.TIMEOUT, clock)
        except (aiohttp.ClientError, OSError, _OddReplyError):
            return _unanswered(question, baking.Ending.ERROR, clock)

    async def _ask(self, question: baking.Question, clock: "_Clock") -> baking.Answer:
        body = {"model": "council", "messages": [{"role": "user", "content": question.text}], "stream": True}
        asked = self._opened().post(
            self._url,
            json={**body, "max_tokens": self._tokens_max},
            headers=self._headers,
            ssl=_UNCHECKED,
            allow_redirects=False,
            trace_request_ctx=clock,
        )
        async with asked as response:
            if response.status >= _SERVER_ERROR:
                return _unanswered(question, baking.Ending.ERROR, clock)
            if response.status >= _CLIENT_ERROR:
                return _unanswered(question, baking.Ending.REFUSED, clock)
            reply = _Reply(clock)
            async for piece in response.content.iter_any():
                reply.take(piece)
        return reply.answer(question)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_chunk_sent.append(_sent)
            connector = aiohttp.UnixConnector(str(self._unix)) if self._unix else aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
                trace_configs=[trace],
                json_serialize=lambda body: orjson.dumps(body).decode(),
            )
        return self._session

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None


@dataclasses.dataclass(slots=True)
class _Clock:
    """When a request was sent, and when its first content came, by the monotonic clock."""

    sent_s: float
    first_s: float | None = None

    def waited_s(self) -> float:
        """Return the time since the request was sent."""
        return time.monotonic() - self.sent_s


async def _sent(_: object, context: Any, __: object) -> None:
    clock = context.trace_request_ctx
    assert isinstance(clock, _Clock), clock
    clock.sent_s = time.monotonic()


class _OddReplyError(Exception):
    """What came is no whole answer to a marked request."""


class _Reply:
    """A stream of chunks while it comes, up to so many bytes."""

    def __init__(self, clock: _Clock):
        self._clock = clock
        self._rest = b""
        self._bytes = 0
        self._text: list[str] = []
        self._council: Any = None
        self._ended = False

    def take(self, piece: bytes) -> None:
        """Take what has come. Raises _OddReplyError."""
        self._bytes += len(piece)
        if self._bytes > _REPLY_BYTES_MAX:
            raise _OddReplyError("too long")
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line.removeprefix(b"data:").strip())

    def _event(self, data: bytes) -> None:
        if data == _DONE:
            self._ended = True
            return
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _OddReplyError("no JSON") from error
        if not isinstance(chunk, dict) or "error" in chunk:
            raise _OddReplyError("an error, or no chunk")
        self._council = chunk.get("council", self._council)
        for word in _words(chunk):
            if self._clock.first_s is None:
                self._clock.first_s = time.monotonic()
            self._text.append(word)

    def answer(self, question: baking.Question) -> baking.Answer:
        """Return the answer once nothing more comes. Raises _OddReplyError where it is not whole, or not marked."""
        whole_s, text, told = self._clock.waited_s(), "".join(self._text), self._council
        trial = told.get("trial") if isinstance(told, dict) else None
        if not self._ended or not isinstance(trial, dict) or not text:
            raise _OddReplyError("not whole, or not marked")
        asked_model, first_s = told.get("model") is not None, self._clock.first_s
        refused = _of(told, "refused", bool)
        return baking.Answer(
            generation=_of(trial, "generation", str),
            ending=baking.Ending.REFUSED if refused else baking.Ending.ANSWERED,
            latency_s=first_s - self._clock.sent_s if asked_model and first_s is not None else whole_s,
            text_bytes=len(text.encode("utf-8", "surrogatepass")),
            paid=_of(trial, "paid", bool),
            worst_usd_micros=_of(trial, "worst_usd_micros", int),
            calls=_of(trial, "calls", int),
            calls_failed=_of(trial, "calls_failed", int),
            right=False if refused and question.answer else question.right(text),
        )


def _words(chunk: dict[str, Any]) -> Iterator[str]:
    """Yield the text of a chunk. Raises _OddReplyError for another shape."""
    try:
        found = [choice.get("delta", {}).get("content") or "" for choice in chunk.get("choices", ())]
    except (AttributeError, TypeError) as error:
        raise _OddReplyError("a chunk of another shape") from error
    for word in found:
        if not isinstance(word, str):
            raise _OddReplyError("content that is no text")
        if word:
            yield word


def _of(trial: dict[str, Any], name: str, kind: type) -> Any:
    found = trial.get(name)
    if type(found) is not kind:
        raise _OddReplyError(f"{name} is of another kind")
    return found


def _unanswered(question: baking.Question, ending: baking.Ending, clock: _Clock) -> baking.Answer:
    return baking.Answer("", ending, clock.waited_s(), right=False if question.answer else None)


_UNCHECKED = ssl.create_default_context()
_UNCHECKED.check_hostname = False
_UNCHECKED.verify_mode = ssl.CERT_NONE
