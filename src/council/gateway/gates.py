"""The /api/gates and /api/metrics routes: what the watcher saw last, how it came to be so, and the same as it happens."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any

import fastapi
import orjson
import pydantic
from starlette.responses import Response, StreamingResponse

from council.domain import access, errors, sandbox_wire, watching
from council.domain import gates as gates_module
from council.gateway import health, parts
from council.kit import waiting

_FRESH_S = 1.0
_HISTORY_HOURS_MAX = 24 * 400
_STREAMS_MAX = 100
# In a silence this often a comment, so that nobody on the way gives up.
_KEEP_ALIVE_S = 15.0
_NAME_CHARS_MAX = 64


class GateForm(pydantic.BaseModel):
    """A gate and what it says. `value` is null where it is unknown; the verdict holds since `since_us`, microseconds."""

    name: str
    value: float | None
    unit: str
    comparator: str
    threshold: float
    amber: float
    verdict: gates_module.Verdict
    reason: str
    samples: float
    window_s: float
    source: str
    generation: str
    cid: str | None
    since_us: int
    protects: str
    no_data: str
    playbooks: list[str]


class Gates(pydantic.BaseModel):
    """Every gate as it was judged last; `turn` counts the judgements of this watcher, 0 before the first."""

    gates: list[GateForm]
    turn: int
    judged_us: int


class PastForm(pydantic.BaseModel):
    """What a gate said from a moment on, until the next."""

    verdict: gates_module.Verdict
    since_us: int
    value: float | None
    reason: str


class GateHistory(GateForm):
    """A gate over time, oldest first; `values` are pairs of time, microseconds, and number, about one a minute."""

    history: list[PastForm]
    values: list[tuple[int, float]]


class ServiceForm(pydantic.BaseModel):
    """A process as the supervisor sees it."""

    name: str
    state: str
    generation: str
    uptime_s: float
    restarts: int
    reason: str


class FindingForm(pydantic.BaseModel):
    """What a sentinel says of a service."""

    sentinel: str
    service: str
    verdict: gates_module.Verdict
    value: float | None
    unit: str
    reason: str
    since_us: int
    look_next: str


class Metrics(Gates):
    """The service as a whole: gates, sentinels, processes, parts as this gateway reaches them, and the sandbox's layers."""

    findings: list[FindingForm]

    services: list[ServiceForm]
    problem: str
    parts: dict[str, str]
    sandbox: dict[str, Any]


class Watching:
    """Asks the watcher; one question serves all callers of a second, and so does one that got no answer."""

    def __init__(self, made: parts.Parts, vitals: health.Health):
        self._parts = made
        self._vitals = vitals
        self._sight: watching.Sight | errors.WatcherUnavailableError | None = None
        self._asked_s = float("-inf")
        self._asking = asyncio.Lock()
        self._whole: dict[str, Any] = {}
        self._whole_s = float("-inf")
        self._gathering = asyncio.Lock()
        self._streams = 0
        # Whoever looks on must leave room for those who ask.
        self._streams_max = min(_STREAMS_MAX, max(1, made.config.gateway.concurrent_max // 2))

    async def sight(self) -> watching.Sight:
        """Return what the watcher saw last. Raises WatcherUnavailableError."""
        async with self._asking:
            if self._sight is None or time.monotonic() - self._asked_s > _FRESH_S:
                try:
                    self._sight = await self._parts.watch.sight()
                except errors.WatcherUnavailableError as error:
                    # Those who wait behind this one would each wait as long for the same.
                    self._sight = error
                self._asked_s = time.monotonic()
            if isinstance(self._sight, errors.WatcherUnavailableError):
                raise self._sight.with_traceback(None)
            return self._sight

    async def metrics(self) -> dict[str, Any]:
        """Return the service as a whole. What cannot be asked is said to be so."""
        async with self._gathering:
            if time.monotonic() - self._whole_s > _FRESH_S:
                self._whole = await self._gathered()
                self._whole_s = time.monotonic()
            return self._whole

    async def _gathered(self) -> dict[str, Any]:
        try:
            sight = await self.sight()
        except errors.WatcherUnavailableError as error:
            sight = watching.Sight(0, 0.0, problem=error.message)
        return {
            **_sight_form(sight),
            "findings": [since_us(one) for one in sight.findings],
            "services": [_service_form(one) for one in sight.services],
            "problem": sight.problem,
            "parts": await self._vitals.states(),
            "sandbox": await self._sandbox(),
        }

    async def events(self, last_id: str, is_welcome: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield an event each time the watcher has judged anew, until this process stops or the caller is welcome no more.

        An event's id is the moment of the judgement, microseconds.
        """
        if self._streams >= self._streams_max:
            raise errors.OverloadedError(
                f"{self._streams_max} streams are open already. Close one, or ask /api/metrics without a stream.",
                retry_after_s=5,
            )
        return self._events(last_id, is_welcome)

    async def _events(self, last_id: str, is_welcome: Callable[[], bool]) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            told, spoke_s = last_id, time.monotonic()
            while not self._parts.closing.is_set():
                body = await self.metrics()
                if not is_welcome():
                    break
                # A watcher that began anew counts from one again, and one that is away has no turn.
                current = f"{body['judged_us']}"
                if current != told:
                    told, spoke_s = current, time.monotonic()
                    yield b"id: %s\nevent: metrics\ndata: %s\n\n" % (current.encode(), orjson.dumps(body))
                elif time.monotonic() - spoke_s > _KEEP_ALIVE_S:
                    spoke_s = time.monotonic()
                    yield b": still here\n\n"
                await waiting.within(self._parts.closing, _FRESH_S)
        finally:
            self._streams -= 1

    async def _sandbox(self) -> Mapping[str, Any]:
        try:
            return sandbox_wire.state_form(await self._parts.sandbox.status())
        except errors.CouncilError as error:
            return {"problem": error.message}


def router(made: parts.Parts, seen: Watching) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(tags=["gates"])

    @routes.get("/api/gates", response_model=Gates)
    async def now(request: fastapi.Request) -> Any:
        """Return what each gate says now."""
        made.doorkeeper.admit(request, access.Right.READ)
        return _sight_form(await seen.sight())

    @routes.get("/api/gates/{name}", response_model=GateHistory)
    async def one(
        request: fastapi.Request,
        name: Annotated[str, fastapi.Path(min_length=1, max_length=_NAME_CHARS_MAX)],
        hours: Annotated[float, fastapi.Query(gt=0, le=_HISTORY_HOURS_MAX)] = 24.0,
    ) -> Any:
        """Return one gate with what it said in the last hours."""
        made.doorkeeper.admit(request, access.Right.READ)
        sight = await seen.sight()
        line = next((line for line in sight.gates if line.name == name), None)
        if line is None:
            raise errors.NotFoundError("There is no gate of this name. GET /api/gates lists them.")
        past = await made.watch.history(name, sight.at_s - hours * 3600)
        return {
            **since_us(line),
            "history": [since_us(one) for one in past.verdicts],
            "values": [(_us(at_s), value) for at_s, value in past.values],
        }

    @routes.get("/api/metrics", response_model=Metrics, responses={200: {"content": {"text/event-stream": {}}}})
    async def metrics(
        request: fastapi.Request,
        last_event_id: Annotated[str, fastapi.Header(max_length=40)] = "",
    ) -> Any:
        """Return the service as a whole; as a stream of events where `Accept` asks for `text/event-stream`."""
        made.doorkeeper.admit(request, access.Right.READ)
        if "text/event-stream" not in request.headers.get("accept", ""):
            return await seen.metrics()

        def is_welcome() -> bool:
            # A token may be revoked while the stream goes on.
            try:
                made.doorkeeper.admit(request, access.Right.READ)
            except (errors.UnauthenticatedError, errors.ForbiddenError):
                return False
            return True

        events = await seen.events(last_event_id, is_welcome)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response: Response = StreamingResponse(events, media_type="text/event-stream", headers=headers)
        return response

    return routes


def _sight_form(sight: watching.Sight) -> dict[str, Any]:
    return {"gates": [since_us(one) for one in sight.gates], "turn": sight.turn, "judged_us": _us(sight.at_s)}


def since_us(told: watching.GateLine | watching.Finding | watching.Past) -> dict[str, Any]:
    """Return what was told as its form has it: times in microseconds, here too where no model checks it, as in a stream."""
    fields = dataclasses.asdict(told)
    return fields | {"since_us": _us(fields.pop("since_s"))}


def _service_form(one: Any) -> dict[str, Any]:
    return {field: getattr(one, field) for field in ServiceForm.model_fields}


def _us(at_s: float) -> int:
    return round(at_s * 1e6)
