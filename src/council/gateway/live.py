"""/api/live: the state of the service as it changes; and /api/gates/history: how the gates came to be so.

One poller a process serves everybody who looks on: what they see is put together once a second, made into bytes once where it
has changed, and every stream sends the same bytes. Where nobody looks on, nobody polls.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import fastapi
import orjson
import pydantic
from starlette.responses import Response, StreamingResponse

import council
from council.domain import access, errors, incidents, incidents_wire, standing, watching
from council.domain import gates as gates_module
from council.gateway import gates, overrides, parts
from council.gateway import incidents as incident_routes
from council.gateway.changes import rows as change_rows
from council.kit import waiting

_TICK_S = 0.5
_FRESH_S = 0.9
_KEEP_ALIVE_S = 15.0
_INCIDENTS_MAX = 20
_ID_DIGITS = 20
_POINTS_MAX = 300
_RANGES = {"1h": 3600.0, "24h": 86_400.0, "8d": 8 * 86_400.0}
# The histories of all gates are asked for once in so long.
_PAST_FRESH_S = 5.0


class Frozen(pydantic.BaseModel):
    """Why no patches are taken."""

    reason: str
    by: str
    since_us: int


class Quota(pydantic.BaseModel):
    """Patches of bots today, and how many there may be."""

    used: int
    limit: int


class LiveState(gates.Metrics):
    """The state of the service. `since_us` is null where nobody knows; `frozen`, `at_work` and `quota` where there is none."""

    sentence: str
    verdict: gates_module.Verdict
    since_us: int | None
    at_us: int
    version: str
    generation: str
    cid: str | None
    incidents: list[incident_routes.IncidentLine]
    overrides: list[overrides.OverrideForm]
    frozen: Frozen | None
    at_work: change_rows.ChangeRow | None
    quota: Quota | None


class PastGate(gates.GateForm):
    """A gate over time; `values` are rows of time, least and greatest number of a stretch, oldest first."""

    history: list[gates.PastForm]
    values: list[tuple[int, float, float]]


class Past(pydantic.BaseModel):
    """Gates over a range of time."""

    range: str
    from_us: int
    gates: list[PastGate]


class Live:
    """Puts the state together, and tells those who look on when it has changed."""

    def __init__(self, made: parts.Parts, seen: gates.Watching):
        self._parts = made
        self._seen = seen
        # By whether the caller may operate.
        self._bodies: dict[bool, dict[str, Any]] = {}
        self._frames: dict[bool, bytes] = {}
        self._id = ""
        self._gathered_s = float("-inf")
        self._gathering = asyncio.Lock()
        self._news = asyncio.Event()
        self._watchers = 0
        self._polling: asyncio.Task[None] | None = None
        self._streams_max = max(1, made.config.gateway.concurrent_max // 2)
        self._pasts: dict[str, tuple[float, dict[str, Any]]] = {}

    async def state(self, *, whole: bool) -> dict[str, Any]:
        """Return the state, a second old at most; `whole` for who may operate."""
        async with self._gathering:
            if time.monotonic() - self._gathered_s > _FRESH_S:
                await self._gather()
            return self._bodies[whole]

    async def events(
        self, last_id: str, is_welcome: Callable[[], bool], *, whole: bool = False
    ) -> AsyncIterator[bytes]:
        """Return events, one whenever the state has changed, until this process stops or the caller is welcome no more.

        `whole` for who may operate. Raises OverloadedError.
        """
        if self._watchers >= self._streams_max:
            raise errors.OverloadedError(
                f"{self._streams_max} streams are open already. Close one, or ask without a stream.", retry_after_s=5
            )
        return self._events(last_id, is_welcome, whole=whole)

    async def _events(self, last_id: str, is_welcome: Callable[[], bool], *, whole: bool) -> AsyncIterator[bytes]:
        self._watchers += 1
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            await self.state(whole=whole)
            told = last_id
            while not self._parts.closing.is_set() and is_welcome():
                news = self._news
                if self._id != told:
                    told = self._id
                    yield self._frames[whole]
                    continue
                if not await waiting.within(news, _KEEP_ALIVE_S):
                    yield b": still here\n\n"
        finally:
            self._watchers -= 1

    async def _poll(self) -> None:
        """Look again and again while anybody looks on; at the end wake all, so that they see that this process stops."""
        try:
            while self._watchers and not self._parts.closing.is_set():
                await self.state(whole=True)
                await waiting.within(self._parts.closing, _TICK_S)
        finally:
            self._news.set()

    async def _gather(self) -> None:
        whole, found, changes = await asyncio.gather(self._seen.metrics(), self._incidents(), self._changes())
        label, now_s = self._parts.label, time.time()
        at_work = changes.get("at_work")
        stands = standing.standing(
            await self._sight(whole), label.generation, now_s, at_work,
            frozen=bool(changes.get("frozen")), open_incidents=found,
        )  # fmt: skip
        body = {
            "sentence": stands.sentence,
            "verdict": stands.verdict,
            "since_us": None if stands.since_s is None else round(stands.since_s * 1e6),
            "at_us": whole["judged_us"],
            "version": council.__version__,
            "generation": label.generation,
            "cid": label.cid,
            **whole,
            "incidents": [incidents_wire.line(one) for one in found],
            "overrides": self._overrides(whole=True),
            "frozen": change_rows.frozen(changes),
            "at_work": None if at_work is None else change_rows.row(at_work, label.generation),
            "quota": change_rows.quota(changes),
        }
        self._gathered_s = time.monotonic()
        bodies = {True: body, False: {**body, "overrides": self._overrides(whole=False)}}
        steady = {**body, "services": [{**one, "uptime_s": 0} for one in body["services"]]}
        identifier = hashlib.sha256(orjson.dumps(steady)).hexdigest()[:_ID_DIGITS]
        self._bodies = bodies
        if identifier != self._id:
            self._id = identifier
            frame = b"id: %s\nevent: live\ndata: %s\n\n"
            self._frames = {whole: frame % (identifier.encode(), orjson.dumps(told)) for whole, told in bodies.items()}
            self._news.set()
            self._news = asyncio.Event()

    def _overrides(self, *, whole: bool) -> list[dict[str, Any]]:
        return [one.model_dump() for one in overrides.forms(self._parts, whole=whole)]

    async def _sight(self, whole: Mapping[str, Any]) -> watching.Sight:
        try:
            return await self._seen.sight()
        except errors.WatcherUnavailableError:
            return watching.Sight(0, 0.0, problem=str(whole["problem"]))

    async def _incidents(self) -> Sequence[incidents.Incident]:
        try:
            kept, opened = self._parts.incidents, incidents.Standing.OPEN
            return await asyncio.to_thread(kept.newest, _INCIDENTS_MAX, standing=opened)
        except errors.RecordsUnavailableError:
            return ()

    async def _changes(self) -> Mapping[str, Any]:
        try:
            return await self._parts.changes.standing()
        except errors.CouncilError:
            return {}

    async def past(self, name: str, span: str) -> dict[str, Any]:
        """Return how a gate, or each, came to be as it is. Raises WatcherUnavailableError, NotFoundError."""
        sight = await self._seen.sight()
        lines = [line for line in sight.gates if name in ("", line.name)]
        if not lines:
            raise errors.NotFoundError("There is no gate of this name. GET /api/gates lists them.")
        start_s = sight.at_s - _RANGES[span]
        told = [await self._past_of(line, span, start_s) for line in lines]
        return {"range": span, "from_us": round(start_s * 1e6), "gates": told}

    async def _past_of(self, line: watching.GateLine, span: str, start_s: float) -> dict[str, Any]:
        key = f"{span} {line.name}"
        asked_s, kept = self._pasts.get(key, (float("-inf"), {}))
        if time.monotonic() - asked_s > _PAST_FRESH_S:
            found = await self._parts.watch.history(line.name, start_s)
            history = [gates.since_us(one) for one in found.verdicts]
            kept = {"history": history, "values": thinned(found.values, start_s, _RANGES[span])}
            # As many keys as there are gates and ranges.
            self._pasts[key] = time.monotonic(), kept
        return {**gates.since_us(line), **kept}


def thinned(values: Sequence[tuple[float, float]], start_s: float, span_s: float) -> list[tuple[int, float, float]]:
    """Return times, microseconds, with the least and the greatest number of each of so many stretches. Pure."""
    step_s = span_s / _POINTS_MAX
    found: dict[int, tuple[float, float, float]] = {}
    for at_s, value in values:
        place = min(_POINTS_MAX - 1, max(0, int((at_s - start_s) / step_s)))
        first_s, low, high = found.get(place, (at_s, value, value))
        found[place] = (min(first_s, at_s), min(low, value), max(high, value))
    return [(round(at_s * 1e6), low, high) for _, (at_s, low, high) in sorted(found.items())]


def router(made: parts.Parts, live: Live) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(tags=["dashboard"])

    @routes.get("/api/live", response_model=LiveState, responses={200: {"content": {"text/event-stream": {}}}})
    async def state(request: fastapi.Request, last_event_id: Annotated[str, fastapi.Header(max_length=40)] = "") -> Any:
        """Return the state of the service; as a stream of events where `Accept` asks for `text/event-stream`."""
        whole = overrides.may_see_whole(made.doorkeeper.admit(request, access.Right.READ))
        if "text/event-stream" not in request.headers.get("accept", ""):
            return await live.state(whole=whole)

        def is_welcome() -> bool:
            # A token may be revoked, a session end, and who may operate may do so no more, while the stream goes on.
            try:
                caller = made.doorkeeper.admit(request, access.Right.READ)
            except (errors.UnauthenticatedError, errors.ForbiddenError):
                return False
            return overrides.may_see_whole(caller) == whole

        events = await live.events(last_event_id, is_welcome, whole=whole)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response: Response = StreamingResponse(events, media_type="text/event-stream", headers=headers)
        return response

    @routes.get("/api/gates/history", response_model=Past)
    async def past(
        request: fastapi.Request,
        gate: Annotated[str, fastapi.Query(max_length=64)] = "",
        span: Annotated[Literal["1h", "24h", "8d"], fastapi.Query(alias="range")] = "1h",
    ) -> Any:
        """Return how each gate came to be as it is, or one of them."""
        made.doorkeeper.admit(request, access.Right.READ)
        return await live.past(gate, span)

    return routes
