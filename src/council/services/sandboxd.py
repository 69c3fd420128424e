"""The sandbox service: takes jobs on a Unix socket and hands them to the front, which queues, records and runs them.

Two servers in one process. Jobs come over the Unix socket alone, which only the gateway's user and the owner can open; the
TCP port, which every user of the machine can reach, has other routes: health and metrics.
"""

import contextlib
import logging
import socket
import urllib.parse
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import app, homes, observing, ports, telemetry
from council.domain import config as config_module
from council.domain import errors, home, sandbox, sandbox_wire
from council.gateway import errors as http_errors
from council.gateway import exchange
from council.kit import traces
from council.services import harness, rights, second_port, tracing

_log = logging.getLogger(__name__)

_BODY_S = 20.0
_REASON_BYTES_MAX = 4096
_RECORDS_MAX = 100


def main(config: config_module.Config, where: home.Home) -> int:
    """Serve until told to stop, then finish running jobs."""
    environment = harness.begin("sandboxd", traceable=True)
    harness.setup_logging(environment.name)
    # Wired first: confined, Python could not keep what it compiled.
    front = app.sandbox_front(config, where)
    jobs = environment.unix_socket("jobs", where.socket("sandboxd"))
    health = environment.tcp_socket("health", "127.0.0.1", config.sandboxd_port)
    observing.tell_inputs(environment.name, homes.inputs_digest(where, environment.generation, environment.name))
    rights.confine_service("sandboxd", config, where)
    tracing.listen()
    service = _Service(front, config.sandbox, health, environment)
    harness.serve(service.application(), jobs, environment, drain_s=config.gateway.drain_s, second=service.health)
    return 0


class _Service:
    def __init__(
        self,
        opening: contextlib.AbstractAsyncContextManager[ports.Sandbox],
        settings: config_module.SandboxConfig,
        health: socket.socket,
        environment: harness.ServiceEnvironment,
    ) -> None:
        self._opening = opening
        self._settings = settings
        self._environment = environment
        self.health = second_port.SecondPort(self._health_application(), health, environment.successor_of(health))
        self._defaults = sandbox_wire.default_limits(settings)
        self._reading = 0
        self._front: ports.Sandbox

    def application(self) -> Starlette:
        """Return what the Unix socket serves; its lifespan opens the front and serves the health port."""
        return Starlette(
            routes=[
                Route("/run", self.run, methods=["POST"]),
                Route("/sessions", self.open_session, methods=["POST"]),
                Route("/sessions/{session}/run", self.run_in_session, methods=["POST"]),
                Route("/sessions/{session}", self.close_session, methods=["DELETE"]),
                Route("/status", self.status, methods=["GET"]),
                Route("/kill", self.kill, methods=["POST"]),
                Route("/lift", self.lift, methods=["POST"]),
                Route("/audit", self.audit, methods=["GET"]),
                Route("/ping", self.ping, methods=["GET"]),
            ],
            exception_handlers={errors.CouncilError: _refusal, Exception: _unforeseen},
            lifespan=self._lifespan,
        )

    async def run(self, request: Request) -> Response:
        return await _followed(request, self._run(request))

    async def _run(self, request: Request) -> Response:
        job = sandbox_wire.job_of(await self._body(request), self._defaults)
        return await _unless_gone(request, self._front.run(job, *_who(request)))

    async def run_in_session(self, request: Request) -> Response:
        return await _followed(request, self._run_in_session(request))

    async def _run_in_session(self, request: Request) -> Response:
        session = request.path_params["session"]
        job = sandbox_wire.job_of(await self._body(request), self._defaults)
        return await _unless_gone(request, self._front.run_in_session(session, job, *_who(request)))

    async def open_session(self, request: Request) -> Response:
        limits = sandbox_wire.session_limits_of(await self._body(request), self._defaults)
        # A caller that leaves would never learn its id.
        session = await exchange.unless_gone(request.receive, self._front.open_session(limits, *_who(request)))
        return (
            Response(status_code=exchange.CLIENT_GONE) if session is None else exchange.json_response({"id": session})
        )

    async def close_session(self, request: Request) -> Response:
        await self._front.close_session(request.path_params["session"], *_who(request))
        return exchange.json_response({})

    async def status(self, _: Request) -> Response:
        return exchange.json_response(sandbox_wire.state_form(await self._front.status()))

    async def kill(self, request: Request) -> Response:
        return exchange.json_response({"killed": await self._front.kill(*_who(request), await _reason(request))})

    async def lift(self, request: Request) -> Response:
        await self._front.lift(*_who(request), await _reason(request))
        return exchange.json_response({})

    async def audit(self, request: Request) -> Response:
        limit, before = (int(request.query_params.get(name, "0")) for name in ("limit", "before"))
        page = await self._front.audit(min(max(limit, 1), _RECORDS_MAX), before)
        records = [sandbox_wire.record_form(one) for one in page.records]
        return exchange.json_response({"records": records, "before": page.before})

    async def ping(self, _: Request) -> Response:
        await self._front.ping()
        return exchange.json_response({})

    async def _body(self, request: Request) -> Any:
        # Each may be as large as a job may be, and none of them is in the front's queue yet.
        if self._reading >= self._settings.concurrent_max + self._settings.queue_max:
            raise errors.OverloadedError(
                "The sandbox is reading too many jobs. Try again in a second.", retry_after_s=1
            )
        self._reading += 1
        try:
            return await exchange.json_body(request, _BODY_S, sandbox_wire.body_bytes_max(self._settings))
        finally:
            self._reading -= 1

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            try:
                self._front = await stack.enter_async_context(self._opening)
            except errors.CouncilError as error:
                _log.error("the sandbox cannot be opened", extra={"error": error.message, "detail": error.detail})
                raise
            await stack.enter_async_context(self.health.serving())
            yield

    def _health_application(self) -> Starlette:
        async def live(_: Request) -> Response:
            return JSONResponse({"live": True, "generation": self._environment.generation})

        async def ready(_: Request) -> Response:
            try:
                await self._front.ping()
            except errors.CouncilError as error:
                return JSONResponse({"ready": False, "reason": error.code}, 503)
            return JSONResponse({"ready": True, "inputs_digest": observing.inputs_of("sandboxd")})

        async def metrics(_: Request) -> Response:
            observing.observe_process("sandboxd", self._environment.generation)
            return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

        return Starlette(routes=[Route("/livez", live), Route("/readyz", ready), Route("/metrics", metrics)])


def _who(request: Request) -> tuple[str, str]:
    """Return caller and request id, which the gateway says in headers."""
    caller = urllib.parse.unquote(request.headers.get(sandbox_wire.CALLER_HEADER, ""))
    if not caller:
        raise errors.InvalidRequestError(f"The header `{sandbox_wire.CALLER_HEADER}` is missing. Use the gateway.")
    request_id = urllib.parse.unquote(request.headers.get("x-request-id", ""))
    harness.request_id.set(request_id)
    return caller, request_id


async def _reason(request: Request) -> str:
    """Return why the switch is thrown or lifted. An older gateway says none, and what cannot be read holds nobody up."""
    try:
        raw = await exchange.body(request, _BODY_S, _REASON_BYTES_MAX)
        return sandbox_wire.reason_of(orjson.loads(raw)) if raw else ""
    except (ValueError, errors.InvalidRequestError):
        return ""


async def _followed(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Return a response with what is to be told of the caller's trace."""
    with traces.answering(request.headers.get("traceparent"), "sandboxd", "job") as answer:
        response = await work
    if told := answer.told():
        response.headers[sandbox_wire.SPANS_HEADER] = orjson.dumps(told["spans"]).decode()
    return response


async def _unless_gone(request: Request, work: Coroutine[Any, Any, sandbox.Result]) -> Response:
    """Return the job's result; a caller that leaves ends the job."""
    result = await exchange.unless_gone(request.receive, work)
    if result is None:
        return Response(status_code=exchange.CLIENT_GONE)
    return exchange.json_response(sandbox_wire.result_form(result))


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CouncilError)
    return JSONResponse(sandbox_wire.error_form(error), http_errors.status_of(error))


async def _unforeseen(_: Request, error: Exception) -> Response:
    """Answer for errors that nobody foresaw; Starlette raises them again, and uvicorn logs them."""
    return JSONResponse(sandbox_wire.error_form(errors.CouncilError("Internal error.", detail=str(error)[:500])), 500)
