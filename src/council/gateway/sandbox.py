"""The /v1/sandbox routes: run code, keep sessions, show the state, throw and lift the kill switch; and the audit trail."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any

import fastapi
import orjson
import pydantic
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from council.domain import access, errors, sandbox, sandbox_wire
from council.gateway import errors as http_errors
from council.gateway import exchange, limits, parts

_BUSY_STATUS = 429
_REASON_BYTES_MAX = 4096
# Nobody who throws the kill switch waits longer for the words that come with it.
_REASON_S = 1.0
_LINES_MAX = 100

_Handler = Callable[[Request], Awaitable[Response]]


class SandboxRoutes:
    """Handlers for /v1/sandbox. Running code needs a token, since a web page may reach loopback without one."""

    def __init__(self, made: parts.Parts):
        self._parts = made
        self._defaults = sandbox_wire.default_limits(made.config.sandbox)

    def routes(self) -> list[Route]:
        """Return Starlette routes."""
        return [
            Route("/v1/sandbox/run", _busy_is_429(self.run), methods=["POST"]),
            Route("/v1/sandbox/sessions", _busy_is_429(self.open_session), methods=["POST"]),
            Route("/v1/sandbox/sessions/{id}", self.close_session, methods=["DELETE"]),
            Route("/v1/sandbox/sessions/{id}/run", _busy_is_429(self.run_in_session), methods=["POST"]),
            Route("/v1/sandbox/status", self.status, methods=["GET"]),
            Route("/v1/sandbox/kill", self.kill, methods=["POST"]),
            Route("/v1/sandbox/lift", self.lift, methods=["POST"]),
        ]

    async def run(self, request: Request) -> Response:
        """Run a job in a sandbox of its own."""
        caller, headers = await self._admit(request)
        job = sandbox_wire.job_of(await self._body(request), self._defaults)
        work = self._parts.sandbox.run(job, caller, request.state.request_id)
        return await _result(request, work, headers)

    async def run_in_session(self, request: Request) -> Response:
        """Run a job in the sandbox of an open session."""
        caller, headers = await self._admit(request)
        job = sandbox_wire.job_of(await self._body(request), self._defaults)
        session = request.path_params["id"]
        work = self._parts.sandbox.run_in_session(session, job, caller, request.state.request_id)
        return await _result(request, work, headers)

    async def open_session(self, request: Request) -> Response:
        """Open a session."""
        caller, headers = await self._admit(request)
        wanted = sandbox_wire.session_limits_of(await self._body(request), self._defaults)
        opening = self._parts.sandbox.open_session(wanted, caller, request.state.request_id)
        session = await exchange.unless_gone(request.receive, opening)
        if session is None:
            return Response(status_code=exchange.CLIENT_GONE)
        return exchange.json_response({"id": session}, headers)

    async def close_session(self, request: Request) -> Response:
        """End a session."""
        caller, headers = await self._admit(request)
        session = request.path_params["id"]
        await self._parts.sandbox.close_session(session, caller, request.state.request_id)
        return exchange.json_response({"id": session, "closed": True}, headers)

    async def status(self, request: Request) -> Response:
        """Show pool, queue, layers and kill switch."""
        self._parts.doorkeeper.admit(request, access.Right.READ)
        return exchange.json_response(sandbox_wire.state_form(await self._parts.sandbox.status()))

    async def kill(self, request: Request) -> Response:
        """Throw the kill switch. Never rate-limited."""
        caller = _caller(self._parts.doorkeeper.admit(request, access.Right.OPERATE))
        killed = await self._parts.sandbox.kill(caller, request.state.request_id, await self._said(request))
        return exchange.json_response({"stopped": True, "killed": killed})

    async def lift(self, request: Request) -> Response:
        """Lift the kill switch."""
        caller = _caller(self._parts.doorkeeper.admit(request, access.Right.OPERATE))
        await self._parts.sandbox.lift(caller, request.state.request_id, await self._said(request))
        return exchange.json_response({"stopped": False})

    async def _admit(self, request: Request) -> tuple[str, dict[str, str]]:
        """Return who may run code here, and the headers about what is left to them. Before the body is read."""
        principal = self._parts.doorkeeper.admit(request, access.Right.EXECUTE)
        return _caller(principal), limits.tell(request, await self._parts.limiter.admit(principal))

    async def _said(self, request: Request) -> str:
        """Return the reason that a body gives. Before there was one any body was taken, so what cannot be read says nothing."""
        try:
            raw = await exchange.body(request, _REASON_S, _REASON_BYTES_MAX)
            return sandbox_wire.reason_of(orjson.loads(raw)) if raw.strip() else ""
        except (orjson.JSONDecodeError, errors.InvalidRequestError):
            return ""

    async def _body(self, request: Request) -> Any:
        config = self._parts.config
        return await exchange.json_body(
            request, config.gateway.body_timeout_s, sandbox_wire.body_bytes_max(config.sandbox)
        )


def _busy_is_429(handler: _Handler) -> _Handler:
    """Answer a full queue as a rate limit is answered: come back later."""

    async def handled(request: Request) -> Response:
        try:
            return await handler(request)
        except errors.OverloadedError as error:
            told = request.scope["state"].get(limits.STATE, {})
            return http_errors.response_of(error, request.state.request_id, request.url.path, _BUSY_STATUS, told)

    return handled


async def _result(request: Request, work: Coroutine[Any, Any, sandbox.Result], headers: dict[str, str]) -> Response:
    """Return the job's result; a caller that leaves ends the job."""
    result = await exchange.unless_gone(request.receive, work)
    if result is None:
        return Response(status_code=exchange.CLIENT_GONE)
    return exchange.json_response(sandbox_wire.result_form(result), headers)


def _caller(principal: access.Principal) -> str:
    """Return who asks as the audit trail keeps it. A session belongs to the token that opened it."""
    return f"{principal.user_id}/{principal.token_id}"


class TrailLine(pydantic.BaseModel):
    """A line of the audit trail: a job, a session, the kill switch. What it does not tell of is "" or null."""

    id: str
    at_us: int
    event: str
    caller: str
    request_id: str
    session: str
    language: str
    status: str
    limit: str
    exit_code: int | None
    wall_s: float | None
    cpu_s: float | None
    memory_peak_bytes: int | None
    blocked: Mapping[str, int]
    reason: str


class Trail(pydantic.BaseModel):
    """Lines, newest first; `before` is what asks for the next page, null at the end."""

    rows: list[TrailLine]
    before: str | None


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the /api routes."""
    routes = fastapi.APIRouter(prefix="/api/sandbox", tags=["dashboard"])

    @routes.get("/audit", response_model=Trail)
    async def audit(
        request: Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LINES_MAX)] = 50,
        before: Annotated[str, fastapi.Query(pattern=r"^[0-9]{0,15}$")] = "",
    ) -> Any:
        """Show what ran in the sandbox, newest first. Whether the trail is whole, `council sandbox audit` says."""
        made.doorkeeper.admit(request, access.Right.OPERATE)
        found = await made.sandbox.audit(limit, int(before or 0))
        rows = [{**sandbox_wire.record_form(one), "id": str(one.id)} for one in found.records]
        return {"rows": rows, "before": None if found.before is None else str(found.before)}

    return routes
