"""The sandbox service over its Unix socket: HTTP with the JSON of `domain.sandbox_wire`, one connection a call.

A kept connection would save a tenth of a millisecond, and may end just when a call is sent on it; only `run` may be sent twice.
"""

import asyncio
import contextlib
import re
import urllib.parse
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import http_exceptions

from council import telemetry
from council.domain import config as config_module
from council.domain import errors, sandbox, sandbox_wire
from council.kit import traces

# What aiohttp and the socket raise.
_FAULTS = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError)

# Beside waiting and running: a sandbox made, the job killed, its files read, the record written.
_GRACE_S = 10.0
_CALL_S = 10.0
_PING_S = 2.0
# The walls are tried first, at most twice.
_LIFT_S = 25.0
_RETRY_AFTER_S = 1
_REPLY_BYTES_MAX = 1024 * 1024
# A control character of output takes six bytes in JSON.
_BYTES_A_BYTE = 6
_CALLER_MAX = 300
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,100}")


class _BrokenError(Exception):
    """The exchange ended without a reply of the service."""


class UnixSandbox:
    """Implements ports.Sandbox."""

    def __init__(self, socket_path: Path, settings: config_module.SandboxConfig):
        self._path = socket_path
        self._settings = settings
        self._defaults = sandbox_wire.default_limits(settings)
        # More wait or run nowhere: the service would turn them away.
        self._jobs_max = settings.concurrent_max + settings.queue_max
        self._jobs = 0
        self._session: aiohttp.ClientSession | None = None

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a job; it is sent once more if the service ended on the way, since it has no effect outside its sandbox."""
        return await self._run("/run", job, caller, request_id, again=True)

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        """Open a session and return its id."""
        body = orjson.dumps({} if limits is None else {"limits": sandbox_wire.limits_form(limits)})
        reply = await self._call("POST", "/sessions", caller, request_id, body)
        return str(_field(reply, "id", str))

    async def run_in_session(self, session: str, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a call in a session of the same caller."""
        return await self._run(f"{_session_path(session)}/run", job, caller, request_id, again=False)

    async def close_session(self, session: str, caller: str, request_id: str) -> None:
        """End a session of the same caller."""
        await self._call("DELETE", _session_path(session), caller, request_id)

    async def status(self) -> sandbox.State:
        """Return the state of pool, queue, layers and kill switch."""
        reply = await self._call("GET", "/status", "gateway", "")
        try:
            return sandbox_wire.state_of(reply)
        except errors.InvalidRequestError as error:
            raise _unavailable(f"not a state: {error.message}") from error

    async def kill(self, caller: str, request_id: str, reason: str = "") -> int:
        """Throw the kill switch."""
        body = orjson.dumps({"reason": reason})
        return int(_field(await self._call("POST", "/kill", caller, request_id, body, again=True), "killed", int))

    async def lift(self, caller: str, request_id: str, reason: str = "") -> None:
        """Lift the kill switch."""
        body = orjson.dumps({"reason": reason})
        await self._call("POST", "/lift", caller, request_id, body, limit_s=_LIFT_S, again=True)

    async def audit(self, limit: int, before: int = 0) -> sandbox.Page:
        """Return lines of the audit trail, newest first."""
        reply = await self._call("GET", f"/audit?limit={limit}&before={before}", "gateway", "")
        try:
            records = [sandbox_wire.record_of(one) for one in _field(reply, "records", list)]
            return sandbox.Page(records, None if reply.get("before") is None else _field(reply, "before", int))
        except errors.InvalidRequestError as error:
            raise _unavailable(f"not a record: {error.message}") from error

    async def ping(self) -> None:
        """Return if a job would be taken now."""
        await self._call("GET", "/ping", "gateway", "", limit_s=_PING_S, counted=False)

    async def close(self) -> None:
        """Give back every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _run(self, path: str, job: sandbox.Job, caller: str, request_id: str, *, again: bool) -> sandbox.Result:
        if self._jobs >= self._jobs_max:
            raise errors.OverloadedError(
                "The sandbox's queue is full. Try again in a few seconds.", retry_after_s=_RETRY_AFTER_S
            )
        limits = job.limits or self._defaults
        body = _encoded(job, sandbox_wire.body_bytes_max(self._settings))
        output_bytes = 2 * limits.output_bytes + (limits.files_bytes if job.collect else 0)
        self._jobs += 1
        try:
            reply = await self._call(
                "POST", path, caller, request_id, body,
                limit_s=self._settings.queue_wait_s + limits.wall_s + _GRACE_S,
                bytes_max=_BYTES_A_BYTE * output_bytes + _REPLY_BYTES_MAX,
                again=again,
            )  # fmt: skip
        finally:
            self._jobs -= 1
        try:
            return sandbox_wire.result_of(reply)
        except errors.InvalidRequestError as error:
            raise _unavailable(f"not a result: {error.message}") from error

    async def _call(
        self,
        method: str,
        path: str,
        caller: str,
        request_id: str,
        body: bytes = b"",
        *,
        limit_s: float = _CALL_S,
        bytes_max: int = _REPLY_BYTES_MAX,
        again: bool = False,
        counted: bool = True,
    ) -> Any:
        """Return the parsed reply to one call, sent at most twice. Raises what the service answered."""
        with telemetry.network_call() if counted else contextlib.nullcontext():
            reply = await self._exchanged(
                method, path, caller, request_id, body, limit_s=limit_s, bytes_max=bytes_max, again=again
            )
        if isinstance(reply, errors.CouncilError):
            # It has no sandbox, or none to spare, or may not run it: whatever it says, it was there to say it.
            raise reply
        return reply

    async def _exchanged(
        self,
        method: str,
        path: str,
        caller: str,
        request_id: str,
        body: bytes,
        *,
        limit_s: float,
        bytes_max: int,
        again: bool,
    ) -> Any:
        """Return the parsed reply, or the error that the service answered."""
        headers = {
            sandbox_wire.CALLER_HEADER: urllib.parse.quote(caller, safe="")[:_CALLER_MAX],
            "x-request-id": urllib.parse.quote(request_id, safe=""),
            "content-type": "application/json",
        }
        try:
            async with asyncio.timeout(limit_s):
                try:
                    return await self._exchange(method, path, headers, body, bytes_max)
                except _BrokenError:
                    if not again:
                        raise
                return await self._exchange(method, path, headers, body, bytes_max)
        except TimeoutError as error:
            raise _unavailable("no reply in time") from error
        except _BrokenError as error:
            raise _unavailable(str(error)) from error

    async def _exchange(self, method: str, path: str, headers: dict[str, str], body: bytes, bytes_max: int) -> Any:
        try:
            status, raw = await self._send(method, path, headers, body, bytes_max)
            reply = orjson.loads(raw)
        except (*_FAULTS, orjson.JSONDecodeError) as error:
            raise _BrokenError(f"{type(error).__name__}: {error}") from error
        if status == 200:
            return reply
        try:
            return sandbox_wire.error_of(reply)
        except errors.InvalidRequestError as error:
            raise _BrokenError(f"status {status} without an error object") from error

    async def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes, bytes_max: int
    ) -> tuple[int, bytearray]:
        told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "sandbox", "gen_ai.tool.type": "function"}
        with traces.call("execute_tool sandbox", traces.Kind.INTERNAL, told) as work:
            if carried := work.carried():
                headers = {**headers, "traceparent": carried}
            async with self._open().request(method, f"http://sandboxd{path}", data=body, headers=headers) as response:
                raw = bytearray()
                async for part in response.content.iter_any():
                    raw += part
                    if len(raw) > bytes_max:
                        raise _unavailable(f"a reply over {bytes_max} bytes")
                if spans := response.headers.get(sandbox_wire.SPANS_HEADER):
                    with contextlib.suppress(ValueError):
                        work.hear("sandboxd", orjson.loads(spans))
                if response.status != 200:
                    work.fail(str(response.status))
                return response.status, raw

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No bound here, or a full queue would keep the kill switch waiting; jobs are counted in `_run`.
            connector = aiohttp.UnixConnector(str(self._path), limit=0, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def _encoded(job: sandbox.Job, bytes_max: int) -> bytes:
    try:
        body = orjson.dumps(sandbox_wire.job_form(job))
    except TypeError as error:
        raise errors.InvalidRequestError("The job holds text that is not Unicode. Send it as UTF-8.") from error
    if len(body) > bytes_max:
        raise errors.BodyTooLargeError(
            f"The job takes {len(body)} bytes, more than the {bytes_max} that the sandbox reads. "
            "Send less, or raise `sandbox.job_bytes_max`."
        )
    return body


def _session_path(session: str) -> str:
    """Return the path of a session. What cannot be an id of one must not become part of a path."""
    if not _SESSION.fullmatch(session):
        raise errors.NotFoundError("There is no such session. Open one with POST /v1/sandbox/sessions.")
    return f"/sessions/{session}"


def _field(reply: Any, name: str, kind: type) -> Any:
    if not isinstance(reply, dict) or not isinstance(reply.get(name), kind):
        raise _unavailable(f"a reply without `{name}`")
    return reply[name]


def _unavailable(detail: str) -> errors.SandboxUnavailableError:
    return errors.SandboxUnavailableError(
        "The sandbox is not available; it may be starting again. Try again in a few seconds.",
        detail=detail,
        retry_after_s=_RETRY_AFTER_S,
    )
