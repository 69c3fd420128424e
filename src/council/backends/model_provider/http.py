"""What all model servers share: one HTTP exchange, bounded in time and bytes, its errors put into Council's own.

Foreign servers are not trusted: every read has a limit and a clock, redirects are not followed, and what they say in an error
is cut before it is passed on.
"""

import asyncio
import email.utils
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yarl
from aiohttp import http_exceptions

import council
from council import ports, telemetry
from council.backends.model_provider import forms, sse
from council.domain import config as config_module
from council.domain import errors, providers

# What is said of a server that took too long.
LATE = "did not answer in time"

# What aiohttp raises; a line that is too long is of a family of its own.
FAULTS = (aiohttp.ClientError, http_exceptions.HttpProcessingError, TimeoutError, OSError)

# Nothing was asked yet, so nothing can have been made.
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

_ERROR_BYTES_MAX = 16 * 1024
# What somebody on the way says, and no model.
_PAGE = "text/html"
_READ_BYTES = 128 * 1024
_PING_S = 2.0
_LIST_S = 10.0
_LISTED_MAX = 10_000
_MESSAGE_CHARS_MAX = 300
_TOO_LONG = re.compile(
    r"context[ _]length|context window|maximum context|too many tokens|prompt is too long", re.IGNORECASE
)
_NUMBERS = re.compile(r"\d[\d,]{2,}")


class HttpProvider:
    """One server. The kinds add their own headers; see ports.ModelProvider.

    `probe` is a path that says whether the server is there, asked before every call: where a supervisor holds the port
    open, a connection alone says nothing. `path` is a Unix socket on which it is asked, whatever host its URL names.
    """

    def __init__(
        self,
        provider: providers.Provider,
        headers: Mapping[str, str],
        forms_spoken: frozenset[str],
        calls: config_module.CallsConfig,
        probe: str = "",
        path: Path | None = None,
    ):
        self._provider = provider
        self._loopback = provider.loopback
        self._path = path
        self._calls = calls
        self._forms = forms_spoken
        self._secrets = [
            value.removeprefix("Bearer ") for name, value in headers.items() if name in ("authorization", "x-api-key")
        ]
        self._headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": f"council/{council.__version__}",
            **headers,
        }
        base = provider.url.rstrip("/")
        self._urls = {form: yarl.URL(base + forms.PATHS[form]) for form in forms_spoken}
        # One page of Anthropic's list; the others know no pages.
        self._list = yarl.URL(base + "/models") % ({"limit": "1000"} if provider.kind == "anthropic" else {})
        self._probe = yarl.URL(base).with_path(probe) if probe else None
        self._turns = asyncio.Semaphore(provider.concurrent_max)
        self._waiting = 0
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._provider.name

    @property
    def loopback(self) -> bool:
        """Whether it runs on this machine."""
        return self._loopback

    @property
    def forms(self) -> frozenset[str]:
        """The wire forms that pass through as they are."""
        return self._forms

    async def whole(self, call: ports.ModelCall) -> ports.ModelReply:
        """Return the whole reply. Raises as ports.ModelProvider says."""
        begun = False
        await self._take_turn()
        try:
            async with asyncio.timeout(self._provider.whole_s):
                response = await self._post(call)
                try:
                    await self._check(response)
                    begun = response.content_type != _PAGE
                    raw = await _read(response, self._calls.reply_bytes_max)
                finally:
                    # Read to its end, it has given its connection back already.
                    response.close()
        except FAULTS as error:
            raise self.broken(error, begun=begun) from error
        finally:
            self._turns.release()
        if raw is None:
            raise self.error("sent more than `calls.reply_bytes_max` allows", begun=begun)
        try:
            data = orjson.loads(raw)
            forms.check_whole(call.form, data)
        except ValueError as error:
            raise self.error(f"did not send a reply ({_kind(error)})", detail=str(error), begun=begun) from error
        return ports.ModelReply(raw, data, forms.usage_of(call.form, data))

    async def open(self, call: ports.ModelCall) -> ports.ModelStream:
        """Return a stream whose answer has begun. Raises as ports.ModelProvider says."""
        response: aiohttp.ClientResponse | None = None
        await self._take_turn()
        try:
            async with asyncio.timeout(self._provider.first_byte_s):
                response = await self._post(call)
                await self._check(response, "text/event-stream")
        except BaseException as error:
            if response is not None:
                response.close()
            self._turns.release()
            if isinstance(error, FAULTS):
                raise self.broken(error) from error
            raise
        return HttpStream(self, call.form, response, self._turns.release, self._provider, self._calls)

    async def ping(self) -> None:
        """Return if the server says that it is there; without a probe there is nothing to ask."""
        if self._probe is None:
            return
        try:
            async with self._open().get(self._probe, timeout=aiohttp.ClientTimeout(total=_PING_S)) as response:
                if response.status != 200:
                    raise self.error("is not ready", detail=f"{self._probe.path} answered {response.status}")
        except FAULTS as error:
            raise self.broken(error) from error

    async def models(self) -> list[str] | None:
        """Return the names of the models that the server lists; None where it has no list."""
        try:
            async with asyncio.timeout(_LIST_S):
                async with self._open().get(self._list, headers=self._headers, allow_redirects=False) as response:
                    if response.status in (404, 405):
                        return None
                    await self._check(response)
                    raw = await _read(response, self._calls.reply_bytes_max)
        except FAULTS as error:
            raise self.broken(error, begun=False) from error
        try:
            listed = orjson.loads(raw or b"")["data"]
            return sorted({str(one["id"])[:_MESSAGE_CHARS_MAX] for one in listed[:_LISTED_MAX]})
        except (ValueError, KeyError, TypeError) as error:
            raise self.error("did not send a list of models", detail=f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Give back every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def error(self, what: str, *, detail: str = "", begun: bool = False, **more: Any) -> errors.ModelUnavailableError:
        """Return the error that says what this server did."""
        then = "Use another model" if more.get("lasting") else "Try again in a few seconds, or another model"
        return errors.ProviderError(
            f"The provider {self.name} {what}. {then}.",
            detail=detail,
            begun=begun,
            **{"retryable": True, "faulty": True, **more},
        )

    async def _take_turn(self) -> None:
        """Take one of the provider's places, to be released. Raises ProviderError where too many wait already."""
        if not self._turns.locked():
            await self._turns.acquire()
            return
        if self._waiting >= self._provider.queue_max:
            raise self.error("has its hands full here (`concurrent_max`, `queue_max`)", faulty=False)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._provider.first_byte_s):
                await self._turns.acquire()
        except TimeoutError:
            raise self.error("had no place for this call in time (`concurrent_max`)", faulty=False) from None
        finally:
            self._waiting -= 1

    async def _post(self, call: ports.ModelCall) -> aiohttp.ClientResponse:
        if self._probe is not None:
            await self.ping()
        headers = {**self._headers, **call.headers, "x-request-id": call.request_id}
        return await self._open().post(
            self._urls[call.form],
            data=orjson.dumps(fitted(call.body, self._provider.omit)),
            headers=headers,
            allow_redirects=False,
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = _connector(self._path, self._provider.concurrent_max)
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._provider.connect_s)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                read_bufsize=_READ_BYTES,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[] if self._loopback else [_counted(self.name)],
            )
        return self._session

    async def _check(self, response: aiohttp.ClientResponse, content_type: str = "") -> None:
        """Raise the error that an unsuccessful response amounts to, or one of another type than was asked for."""
        status = response.status
        if status == 200:
            if content_type and response.content_type != content_type:
                begun = response.content_type != _PAGE
                raise self.error(f"sent {response.content_type[:60]} instead of a stream", begun=begun)
            return
        raw = await _read(response, _ERROR_BYTES_MAX, cut=True) or b""
        message, told = _told(raw)
        # Never the message: foreign servers repeat keys and prompts in it.
        detail = f"status {status}, type {told.get('type')!s:.60}, code {told.get('code')!s:.60}"
        if status in (401, 403):
            refused = "refused the key (`council providers key` gives it another)"
            raise self.error(refused, detail=detail, lasting=True)
        if status == 503 and told.get("type") == "overloaded":
            raise errors.OverloadedError(
                "The local model's queue is full. Try again in a few seconds.", retry_after_s=2
            )
        if status in (400, 413, 422):
            raise self._refusal(message, told)
        if status == 404:
            raise self.error("does not know the model or the path", detail=detail, lasting=True)
        if status == 429:
            wait_s = retry_after_s(response.headers.get("retry-after"), time.time())
            raise self.error("asks to be left alone for a while", detail=detail, wait_s=wait_s, faulty=False)
        raise self.error(f"answered with status {status}", detail=detail)

    def _refusal(self, message: str, told: Mapping[str, Any]) -> errors.CouncilError:
        """Return what a refused request amounts to: too long for the model, or wrong in another way."""
        if told.get("type") == "exceed_context_size_error" or told.get("code") == "context_length_exceeded":
            return _too_long(message, told)
        if _TOO_LONG.search(message):
            return _too_long(message, told)
        for secret in self._secrets:
            message = message.replace(secret, "[key]")
        return errors.InvalidRequestError(
            f"The provider {self.name} refused the request: {message or 'it did not say why'}"
        )

    def broken(self, error: BaseException, *, begun: bool = False) -> errors.ModelUnavailableError:
        """Return the error that a failed exchange amounts to. Whoever was connected may have made something, and bill it."""
        what = LATE if isinstance(error, TimeoutError) else "broke the connection"
        if isinstance(error, _NOT_CONNECTED):
            what = "cannot be reached"
        begun = begun or not isinstance(error, _NOT_CONNECTED)
        return self.error(what, detail=f"{type(error).__name__}: {error}"[:_MESSAGE_CHARS_MAX], begun=begun)


class HttpStream:
    """Implements ports.ModelStream."""

    def __init__(
        self,
        server: HttpProvider,
        form: str,
        response: aiohttp.ClientResponse,
        release: Callable[[], None],
        provider: providers.Provider,
        calls: config_module.CallsConfig,
    ):
        self._server = server
        self._form = form
        self._response = response
        self._release: Callable[[], None] | None = release
        self._splitter = sse.Splitter(calls.event_bytes_max)
        self._left_bytes = calls.stream_bytes_max
        self._wait_s = provider.first_byte_s
        self._stall_s = provider.stall_s
        self._progress = forms.Progress(form)
        self._done = False

    async def read(self) -> Sequence[ports.ModelEvent]:
        """Return the events that have come; none at an end that is one."""
        while not self._done:
            try:
                # With a clock of our own: aiohttp's stops at a chunk that is not HTTP, and then it waits for ever.
                async with asyncio.timeout(self._wait_s):
                    part = await self._response.content.readany()
            except FAULTS as error:
                raise self._server.broken(error, begun=True) from error
            self._wait_s = self._stall_s
            events = self._events(part)
            if not part:
                self._done = True
            if self._done and not self._progress.finished:
                raise self._server.error("ended its stream before the answer did", begun=True)
            if events:
                return events
        await self.close()
        return ()

    def _events(self, part: bytes) -> list[ports.ModelEvent]:
        self._left_bytes -= len(part)
        if self._left_bytes < 0:
            raise self._server.error("sent more than `calls.stream_bytes_max` allows", begun=True)
        events: list[ports.ModelEvent] = []
        try:
            last = None if part else self._splitter.last()
            for raw, data in self._splitter.feed(part) if part else [last] if last else []:
                event = _event(self._form, raw, data)
                events.append(event)
                if event.data:
                    self._progress.note(event.data)
                if event.done:
                    self._done = True
                    break
        except ValueError as error:
            raise self._server.error(f"broke its stream ({_kind(error)})", detail=str(error), begun=True) from error
        return events

    async def close(self) -> None:
        """Close the connection; one whose answer came to its end is kept for the next call."""
        if self._done:
            self._response.release()
        else:
            self._response.close()
        release, self._release = self._release, None
        if release is not None:
            release()


def fitted(body: Mapping[str, Any], omit: Collection[str]) -> Mapping[str, Any]:
    """Return a request without the fields that a server refuses; a limit on the answer is kept by its older name."""
    if not omit:
        return body
    kept = {name: value for name, value in body.items() if name not in omit}
    if "max_completion_tokens" in omit and body.get("max_completion_tokens") is not None:
        kept["max_tokens"] = body["max_completion_tokens"]
    return kept


def _counted(name: str) -> aiohttp.TraceConfig:
    """Return what counts bodies as they are handed to a connection: what nobody could be reached for went nowhere."""

    async def count(_session: object, _context: object, part: aiohttp.TraceRequestChunkSentParams) -> None:
        telemetry.of(telemetry.PROVIDER_SENT_BYTES, name).inc(len(part.chunk))

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(count)
    return trace


def _event(form: str, raw: bytes, data: bytes) -> ports.ModelEvent:
    if data == sse.DONE:
        return ports.ModelEvent(raw, {}, done=True)
    parsed = orjson.loads(data)
    forms.check_event(form, parsed)
    usage = forms.usage_of(form, parsed)
    return ports.ModelEvent(raw, parsed, usage, forms.ends(form, parsed), forms.done(form, parsed))


def _kind(error: ValueError) -> str:
    """Return what is wrong with a reply, in words that hold nothing of it."""
    if isinstance(error, sse.TooLongError):
        return "an event over `calls.event_bytes_max`"
    if isinstance(error, sse.StrayError):
        return "bytes between its events"
    return "another shape" if isinstance(error, forms.ShapeError) else "not JSON"


def _connector(path: Path | None, limit: int) -> aiohttp.BaseConnector:
    if path is None:
        return aiohttp.TCPConnector(limit=limit, ttl_dns_cache=60)
    return aiohttp.UnixConnector(str(path), limit=limit)


async def _read(response: aiohttp.ClientResponse, bytes_max: int, *, cut: bool = False) -> bytes | None:
    """Return the body, at most `bytes_max` of it; a longer one is None unless it may be cut."""
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > bytes_max:
            return b"".join(parts)[:bytes_max] if cut else None
    return b"".join(parts)


def _told(raw: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the message in an error's body, cut, and the error object; empty where there is none."""
    try:
        body = orjson.loads(raw)
        error = body.get("error", body)
        if isinstance(error, str):
            return error[:_MESSAGE_CHARS_MAX], {}
        return str(error.get("message", ""))[:_MESSAGE_CHARS_MAX], error
    except (ValueError, AttributeError):
        return "", {}


def _too_long(message: str, told: Mapping[str, Any]) -> errors.ContextTooLongError:
    """Say how much too long, where the server told."""
    limit, size = told.get("n_ctx"), told.get("n_prompt_tokens")
    if not isinstance(limit, int) or not isinstance(size, int):
        numbers = [int(found.replace(",", "")) for found in _NUMBERS.findall(message)]
        limit, size = (min(numbers), max(numbers)) if len(numbers) > 1 else (None, None)
    if limit is None or size is None or size <= limit:
        text = "The conversation is longer than the model's context."
    else:
        text = f"The conversation is {size:,} tokens long, {size - limit:,} more than the model's context of {limit:,}."
    return errors.ContextTooLongError(f"{text} Shorten it, or use a model with a larger context.", parameter="messages")


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Return how long a Retry-After header asks to wait, in seconds or as a date; None for none or nonsense."""
    if not header:
        return None
    try:
        wait_s = float(header)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(header).timestamp() - now_s
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, wait_s) if wait_s == wait_s else None  # noqa: PLR0124 - NaN is not itself
