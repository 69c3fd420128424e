"""The outermost layer of the gateway: request id, Host and Origin checks, body limit, counting, and the last resort for errors.

Plain ASGI, since it runs for every request and every chunk.
"""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from council import telemetry
from council.domain import config as config_module
from council.domain import errors, patches
from council.gateway import errors as http_errors
from council.gateway import exchange, guests, limits, presence, spans, trial
from council.kit import ids, json_logs, traces

_log = logging.getLogger(__name__)

SANDBOX = "/v1/sandbox/"
LIBRARY = "/api/library/documents/"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LENGTH_DIGITS_MAX = 20
# nginx's number for a caller who left.
_GONE = 499
_OURS = ("/v1", "/api", "/mcp")
_STATE = (
    *("/api/status", "/api/gates", "/api/metrics", "/api/incidents", "/v1/sandbox/status"),
    *("/api/live", "/api/changes"),
)
# By this name alone, since another path begins so.
_WHO = "/api/me"
_ALWAYS = frozenset({"/metrics", "/livez"})
_EVERYWHERE = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)


class Door:
    """Wraps the application. `template_of` maps a path to the closed set of metric labels.

    Jobs for the sandbox may be larger than questions: `job_bytes_max` bounds what is sent below `SANDBOX`.
    """

    def __init__(
        self,
        app: ASGIApp,
        gateway: config_module.GatewayConfig,
        job_bytes_max: int,
        template_of: Callable[[str], str],
        closing: asyncio.Event,
        recognise: Callable[[Scope], telemetry.Apart | None] = lambda _: None,
        relabel: Callable[[patches.Label], None] = lambda _: None,
        model_away: Callable[[float], None] = lambda _: None,
        tracing: spans.Tracing | None = None,
        refuse: Callable[[str], None] = lambda _: None,
        guests: guests.Guests | None = None,
        document_bytes_max: int = 0,
    ):
        """`recognise` says of marked exchanges where they count. Raises ForbiddenError, InvalidRequestError.

        `relabel` has answers and figures name another generation from now on. `model_away` has whatever needs the local model
        refused at once for so many seconds. `tracing` follows exchanges. `refuse` raises ShedError for a path's label whose
        requests are shed; marked ones never are. `guests` are signed-in browsers. `document_bytes_max` bounds what is sent
        below `LIBRARY`.
        """
        self._document_bytes_max = document_bytes_max
        self.tracing = tracing
        self._refuse = refuse
        self.guests = guests
        self.relabel = relabel
        self.model_away = model_away
        self._app = app
        self._closing = closing
        self._gateway = gateway
        self._job_bytes_max = job_bytes_max
        self._template_of = template_of
        self._recognise = recognise
        self._users = _Room(gateway.concurrent_max)
        self._trial = _Room(trial.PLACES)
        self._crowd = presence.Crowd()
        self._allowed_hosts = frozenset(name.lower() for name in gateway.allowed_hosts)

    def drain(self) -> None:
        """Say that this process stops: streams that would never end by themselves end now."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        assert scope["type"] == "http", scope["type"]
        await _Exchange(self, scope, receive, send).run()

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket; whoever may not open one is refused with 403 before it is open."""
        request_id = ids.ulid(time.time_ns() // 1_000)
        scope.setdefault("state", {})["request_id"] = request_id
        token = json_logs.request_id.set(request_id)
        try:
            headers = Headers(scope=scope)
            self._check_host(headers)
            if headers.get("origin") is not None and not guests.is_own(headers, scope):
                raise _foreign(headers["origin"])
            if self.guests is not None:
                await self.guests.greet(scope)
            await self._serve(scope, receive, send, self._users)
        except errors.CouncilError as error:
            _log.info("a WebSocket was refused", extra={"code": error.code, "path": self.label(scope["path"])})
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        finally:
            json_logs.request_id.reset(token)

    async def enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check what every request must satisfy, then pass it on. Raises CouncilError."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        self._check_origin(scope, headers)
        length = headers.get("content-length", "0")
        # Python refuses to read a number of thousands of digits.
        if length.isdecimal() and int(length[:_LENGTH_DIGITS_MAX]) > self.body_bytes_max(scope["path"]):
            raise self.too_large(scope["path"])
        apart = self._recognise(scope)
        if apart is not None and (trace := traces.current()) is not None:
            trace.drop()
        if apart is None:
            self._refuse(self.label(scope["path"]))
            if self.guests is not None:
                await self.guests.greet(scope)
        room = self._users if apart is None else self._trial
        with telemetry.counting(apart):
            await self._serve(scope, receive, send, room)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, room: "_Room") -> None:
        # Who watches must not lose sight of a gateway that is full.
        if room.taken >= room.places and scope["path"] not in _ALWAYS:
            raise errors.OverloadedError(
                "Too many requests are being answered. Try again in a second.", retry_after_s=1
            )
        room.taken += 1
        telemetry.of(telemetry.HTTP_IN_FLIGHT).inc()
        if asks(self.label(scope["path"])):
            self._crowd.expect(scope)
        try:
            await self._app(scope, receive, send)
        finally:
            self._crowd.part(scope)
            room.taken -= 1
            telemetry.of(telemetry.HTTP_IN_FLIGHT).dec()

    def too_large(self, path: str) -> errors.BodyTooLargeError:
        """Return the error for a body over the limit."""
        setting = "gateway.body_bytes_max"
        if path.startswith((SANDBOX, LIBRARY)):
            setting = "sandbox.job_bytes_max" if path.startswith(SANDBOX) else "recall.file_bytes_max"
        return errors.BodyTooLargeError(
            f"The body is over the limit of {self.body_bytes_max(path)} bytes (`{setting}`). Send less."
        )

    def body_bytes_max(self, path: str) -> int:
        """Return the largest body, bytes."""
        if path.startswith(SANDBOX):
            return self._job_bytes_max
        return self._document_bytes_max if path.startswith(LIBRARY) else self._gateway.body_bytes_max

    def label(self, path: str) -> str:
        """Return the metric label of a path."""
        return self._template_of(path)

    def _check_host(self, headers: Headers) -> None:
        """Refuse foreign names, so that a web page cannot reach us through a name that it makes resolve to us."""
        host = _host_name(headers.get("host", ""))
        if host in _LOOPBACK_NAMES or host == self._gateway.host.lower() or host in self._allowed_hosts:
            return
        telemetry.of(telemetry.UNAUTHORISED, "host").inc()
        raise errors.ForbiddenError(
            f"The host name {host[:100]!r} is not one of this service's. Add it to `gateway.allowed_hosts` if it should be."
        )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Refuse state changes that a browser makes for another site."""
        if scope["method"] in _SAFE_METHODS:
            return
        origin = headers.get("origin")
        if origin is None:
            foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        else:
            own = f"{scope['scheme']}://{headers.get('host', '')}"
            foreign = origin != own and origin not in self._gateway.allowed_origins
        if foreign:
            raise _foreign(origin or "of another origin")


@dataclasses.dataclass(slots=True)
class _Room:
    """How many exchanges may be open at once, and how many are."""

    places: int
    taken: int = 0


def _foreign(origin: str) -> errors.ForbiddenError:
    telemetry.of(telemetry.UNAUTHORISED, "origin").inc()
    return errors.ForbiddenError(
        f"Requests from the site {origin[:100]!r} are refused. "
        "Add it to `gateway.allowed_origins` if it should be allowed."
    )


def names_loopback(header: str) -> bool:
    """Return whether a Host header names this machine by a loopback name."""
    return _host_name(header) in _LOOPBACK_NAMES


def _host_name(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def asks(label: str) -> bool:
    """Return whether exchanges of this label ask Council for something other than how it is.

    Who watches does so without end: counted, they would make a few questions that fail look like a small share.
    """
    return label.startswith(_OURS) and not label.startswith(_STATE) and label != _WHO


class _Exchange:
    """One request and its response, as seen from the door."""

    def __init__(self, door: Door, scope: Scope, receive: Receive, send: Send):
        self._door = door
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = ids.ulid(time.time_ns() // 1_000)
        self._began_s = time.monotonic()
        self._status = 0
        self._body_bytes = 0
        self._received_bytes = 0

    async def run(self) -> None:
        token = json_logs.request_id.set(self._request_id)
        trace = self._begin_trace()
        self._scope.setdefault("state", {})["request_id"] = self._request_id
        try:
            with traces.following(trace):
                await self._guarded(trace)
            if self._door.guests is not None:
                await self._door.guests.settle(self._scope, self._status or _GONE)
        finally:
            json_logs.request_id.reset(token)

    def _begin_trace(self) -> traces.Trace | None:
        tracing, path = self._door.tracing, self._door.label(self._scope["path"])
        if tracing is None or not asks(path):
            return None
        return tracing.begin(self._scope, path, _method(self._scope), self._request_id)

    async def _guarded(self, trace: traces.Trace | None) -> None:
        try:
            await self._door.enter(self._scope, self._receive_some, self._send_some)
        except errors.CouncilError as error:
            await self._fail(error)
        except asyncio.CancelledError:
            # The drain's time is up. Whoever has heard nothing yet is told; a stream that began is cut.
            stopping = errors.UnavailableError("The service is stopping. Try again in a moment.", retry_after_s=5)
            exchange.note_failure(self._scope, stopping)
            if self._status:
                raise
            await self._fail(stopping)
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and the client gets our shape
            _log.exception("a request failed", extra={"path": self._door.label(self._scope["path"])})
            await self._fail(errors.CouncilError("Internal error.", detail=str(error)))
        finally:
            if trace is not None:
                failure = exchange.failure_code(self._scope, http_errors.status_of)
                spans.end(trace, self._status, failure)
            with telemetry.counting(trial.apart(self._scope)):
                self._count(trace)

    async def _receive_some(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received_bytes += len(message.get("body", b""))
            path = self._scope["path"]
            if self._received_bytes > self._door.body_bytes_max(path):
                raise self._door.too_large(path)
        return message

    async def _send_some(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self._request_id.encode())]
            if self._scope["path"] == limits.MESSAGES:
                # By this name Anthropic's clients look for it.
                headers.append((b"request-id", self._request_id.encode()))
            present = {name for name, _ in headers}
            headers += [header for header in _EVERYWHERE if header[0] not in present]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self._body_bytes += len(message.get("body", b""))
        await self._send(message)

    async def _fail(self, error: errors.CouncilError) -> None:
        exchange.note_failure(self._scope, error)
        if error.detail:
            _log.warning("a request was refused", extra={"code": error.code, "detail": error.detail})
        if self._status:
            return  # the response began; whoever streams has already said what went wrong
        told = self._scope["state"].get(limits.STATE, {})
        response = http_errors.response_of(error, self._request_id, self._scope["path"], told=told)
        await response(self._scope, self._receive, self._send_some)

    def _count(self, trace: traces.Trace | None) -> None:
        path = self._door.label(self._scope["path"])
        method = _method(self._scope)
        status = str(self._status or 499)
        took_s = time.monotonic() - self._began_s
        telemetry.of(telemetry.HTTP_RESPONSES, path, method, status).inc()
        telemetry.of(telemetry.HTTP_SECONDS, path).observe(took_s)
        telemetry.of(telemetry.HTTP_RESPONSE_BYTES, path).observe(self._body_bytes)
        if asks(path) and not exchange.is_shed(self._scope):
            outcome = exchange.outcome(self._scope, self._status, http_errors.status_of)
            telemetry.of(telemetry.EXCHANGES, outcome).inc()
        if path.startswith(_OURS):
            fields: dict[str, Any] = {"path": path, "method": method, "status": self._status or 499}
            fields |= {"took_ms": round(took_s * 1000, 1), "bytes": self._body_bytes}
            if trace is not None:
                fields |= spans.told(trace)
            _log.info("request", extra=fields)


def _method(scope: Scope) -> str:
    """Return the metric label of a method."""
    return scope["method"] if scope["method"] in _METHODS else "other"
