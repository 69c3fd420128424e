"""Puts the routes together: FastAPI for the document and /api, Starlette routes for the hot path, the door around all."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import fastapi
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

import council
from council import observing, telemetry
from council.domain import errors, sandbox_wire
from council.gateway import (
    admin,
    door,
    embeddings,
    exchange,
    feedback,
    gates,
    guides,
    health,
    incidents,
    library,
    limits,
    live,
    login,
    memory,
    observer,
    openai,
    openapi,
    overrides,
    page,
    pages,
    parts,
    providers,
    repairs,
    sandbox,
    specialists,
    tokens,
)
from council.gateway import errors as http_errors
from council.gateway.changes import routes as change_routes
from council.gateway.chat import channel
from council.gateway.chat import routes as chat_routes
from council.gateway.drafts import routes as draft_routes
from council.gateway.mcp import routes as mcp_routes
from council.gateway.wire import fields
from council.kit import clock
from council.serving import overrides as in_force

_log = logging.getLogger(__name__)

_SELF_REPORT_S = 5.0


def build(made: parts.Parts, lifespan: Any = None, dashboard: Path = pages.FOLDER) -> door.Door:
    """Return the gateway's ASGI application. `lifespan` opens and closes what parts need, `dashboard` holds the built page."""
    telemetry.begin(made.calls.models)
    vitals, v1 = health.Health(made), openai.OpenAIRoutes(made)
    desk = chat_routes.Desk(made, v1)
    app = fastapi.FastAPI(
        title="Council",
        version=council.__version__,
        description="Answers from your own machine first, with evidence, and keeps count of what each answer cost.",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(made, vitals, desk, lifespan),
    )
    app.router.routes.extend(v1.routes())
    app.router.routes.extend(sandbox.SandboxRoutes(made).routes())
    app.router.routes.extend(vitals.routes())
    seen = gates.Watching(made, vitals)
    _add_dashboard(app, made, vitals, seen, desk, dashboard)
    app.include_router(admin.router(made, vitals))
    app.include_router(memory.router(made))
    app.include_router(feedback.router(made))
    app.include_router(specialists.router(made))
    app.include_router(library.router(made))
    app.include_router(guides.router(made))
    app.include_router(incidents.router(made))
    app.include_router(observer.router(made))
    app.include_router(overrides.router(made))
    app.include_router(repairs.router(made))
    app.include_router(gates.router(made, seen))
    app.router.routes.extend(mcp_routes.McpRoutes(made).routes())
    app.router.routes.extend(embeddings.EmbeddingsRoutes(made).routes())
    app.openapi = lambda: openapi.document(app, v1.model_names(), made.config.sandbox)  # type: ignore[method-assign]
    app.add_exception_handler(errors.CouncilError, _own_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)
    direct = _Shortcut(app, v1.hot_paths())
    return door.Door(
        direct,
        made.config.gateway,
        sandbox_wire.body_bytes_max(made.config.sandbox),
        _template,
        made.closing,
        made.trials.recognise,
        made.relabel,
        made.model_away,
        made.tracing,
        made.in_force.check_path,
        made.guests,
        library.bytes_max(made),
    )


def _add_dashboard(
    app: fastapi.FastAPI,
    made: parts.Parts,
    vitals: health.Health,
    seen: gates.Watching,
    desk: chat_routes.Desk,
    folder: Path,
) -> None:
    """Add what the dashboard is made of, and what it asks for."""
    shown = pages.Pages(page.Plain(made, vitals), folder)
    signing_in = login.LoginRoutes(made, shown.view)
    app.router.routes.extend([*shown.routes(), *signing_in.routes()])
    app.include_router(login.router(made, signing_in))
    app.include_router(chat_routes.router(desk))

    async def stream(socket: WebSocket) -> None:
        try:
            await channel.Channel(desk, socket).run()
        except errors.CouncilError as error:
            # Before it is open this is a 403.
            await socket.close(1008, error.code)

    app.router.routes.append(WebSocketRoute("/api/chat/stream", stream))
    # Before the routes of gates, one of which takes any name.
    app.include_router(live.router(made, live.Live(made, seen)))
    app.include_router(change_routes.router(made))
    for one in (sandbox, tokens, providers, draft_routes):
        app.include_router(one.router(made))


class _Shortcut:
    """Takes questions past the layers that FastAPI puts around every route; what goes wrong there, the door answers."""

    def __init__(self, app: ASGIApp, handlers: Mapping[str, Callable[[Request], Awaitable[Response]]]):
        """`handlers` take POST on exactly their path."""
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        handler = self._handlers.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)


def _lifespan(made: parts.Parts, vitals: health.Health, desk: chat_routes.Desk, inner: Any) -> Any:
    @contextlib.asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        reader = in_force.Reader(made.overrides, made.in_force, clock.SystemClock())
        async with inner(app) if inner else contextlib.nullcontext():
            await reader.look()
            running = [
                asyncio.create_task(reader.keep()),
                asyncio.create_task(made.doorkeeper.keep_fresh()),
                asyncio.create_task(_report_self(made, vitals)),
                asyncio.create_task(made.used.keep()),
                asyncio.create_task(made.keys.keep(made.config.gateway.tokens_refresh_s)),
                asyncio.create_task(desk.turns.end_late(made.config.gateway.drain_s)),
            ]
            try:
                yield
            finally:
                await desk.turns.close()
                for task in running:
                    task.cancel()
                await made.pipeline.close()
                await made.trials.pipeline.close()

    return lifespan


async def _report_self(made: parts.Parts, vitals: health.Health) -> None:
    """Keep this worker's own gauges fresh: a scrape reaches only one of several workers."""
    while True:
        observing.observe_process("gateway", made.label.generation)
        vitals.providers()
        await asyncio.sleep(_SELF_REPORT_S)


_PATHS = frozenset(
    {
        "/",
        "/login",
        *(f"/{name}" for name in (*pages.VIEWS, *pages.NAMED)),
        "/api/login",
        "/api/logout",
        "/api/me",
        "/api/audit",
        "/api/live",
        "/api/sandbox/audit",
        "/api/tokens",
        "/api/providers",
        "/api/policy",
        "/api/blueprint/files",
        "/api/drafts",
        "/api/library/documents",
        "/api/gates/history",
        "/api/changes",
        "/api/freeze",
        "/api/chat/sessions",
        "/api/chat/stream",
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/models",
        "/v1/sandbox/run",
        "/v1/sandbox/sessions",
        "/v1/sandbox/status",
        "/v1/sandbox/kill",
        "/v1/sandbox/lift",
        "/api/budget",
        "/api/status",
        "/api/token",
        "/api/incidents",
        "/api/observer/snapshots",
        "/api/observer/digests",
        "/api/observer/figures",
        "/api/coverage",
        "/api/changes/quarantine",
        "/api/overrides",
        "/api/repairs",
        "/api/gates",
        "/api/guides",
        "/api/metrics",
        "/api/ledger/report",
        "/api/ledger/export",
        "/v1/embeddings",
        "/api/calculate",
        "/api/solve",
        "/api/search",
        "/api/library/search",
        "/mcp",
        "/api/memory",
        "/api/memory/search",
        "/api/memory/export",
        "/api/memory/import",
        "/api/feedback",
        "/api/learning",
    }
)


_SESSIONS = "/v1/sandbox/sessions/"


def _template(path: str) -> str:
    """Return the metric label of a path, from a closed set."""
    if path in _PATHS:
        return path
    if path.startswith(_SESSIONS):
        return f"{_SESSIONS}{{id}}/run" if path.endswith("/run") else f"{_SESSIONS}{{id}}"
    if (found := _dashboard_template(path)) is not None:
        return found
    if path.startswith("/api/gates/"):
        return "/api/gates/{name}"
    if path.startswith("/api/guides/"):
        return "/api/guides/{slug}"
    if path.startswith("/api/incidents/"):
        return "/api/incidents/{id}"
    if path.startswith("/api/observer/snapshots/"):
        return "/api/observer/snapshots/{id}" + ("/anomalies/{place}" if "/anomalies/" in path else "")
    if path.startswith("/api/observer/digests/"):
        return "/api/observer/digests/{day}"
    if path.startswith("/api/library/passages/"):
        return "/api/library/passages/{id}"
    if path.startswith("/api/memory/"):
        return "/api/memory/sessions/{id}" if path.startswith("/api/memory/sessions/") else "/api/memory/{id}"
    return "/v1/models/{name}" if path.startswith("/v1/models/") else "other"


_ROLLBACK = "/rollback"


def _dashboard_template(path: str) -> str | None:
    if path.startswith("/assets/"):
        return "/assets/{name}"
    if path.startswith("/api/tokens/"):
        return "/api/tokens/{id}"
    if path.startswith("/api/providers/"):
        return "/api/providers/{name}/key"
    if path.startswith(door.LIBRARY):
        return "/api/library/documents/{file}"
    if path.startswith("/api/changes/"):
        return "/api/changes/{cid}" + (_ROLLBACK if path.endswith(_ROLLBACK) else "")
    for start in ("/api/chat/sessions/", "/api/chat/turns/"):
        if path.startswith(start):
            rest = path.removeprefix(start).partition("/")[2]
            return f"{start}{{id}}" + (f"/{rest}" if rest in ("turns", "export", "events") else "")
    view = path.split("/", 2)[1] if path.startswith("/") else ""
    return f"/{view}" if view in pages.VIEWS else None


async def _own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CouncilError)
    exchange.note_failure(request.scope, error)
    if error.detail:
        _log.warning("a request was refused", extra={"code": error.code, "detail": error.detail})
    told = request.scope["state"].get(limits.STATE, {})
    return http_errors.response_of(error, request.state.request_id, request.url.path, told=told)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    raised = errors.InvalidRequestError(
        f"`{place}`: {fields.worded(first)}. Correct it and send again.", parameter=place
    )
    return http_errors.response_of(raised, request.state.request_id, request.url.path)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        raised: errors.CouncilError = errors.NotFoundError(
            "There is nothing at this path. /openapi.json lists all paths."
        )
    elif error.status_code == 405:
        raised = errors.MethodNotAllowedError(f"This path does not take {request.method[:20]}.")
    else:
        raised = errors.InvalidRequestError(str(error.detail)[:200])
    response = http_errors.response_of(raised, request.state.request_id, request.url.path)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _unforeseen(request: Request, error: Exception) -> Response:
    """Answer for errors that nobody foresaw; Starlette raises them again, and the door logs them."""
    return http_errors.response_of(errors.CouncilError("Internal error."), request.state.request_id, request.url.path)
