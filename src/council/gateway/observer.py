"""The /api/observer and /api/coverage routes: what the observer saw and made of it, kept so that it can be read later."""

import asyncio
import enum
import functools
from typing import Annotated, Any, Literal, TypeVar

import fastapi
import pydantic

from council.domain import access, coverage, coverage_table, digests, errors, evidence, reports, schedule, snapshots
from council.gateway import parts
from council.kit import clock, contents, plain
from council.upkeep.observer import nearby

_LIMIT_MAX = 100
_DAY = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"
_NEWEST = "newest"
_Kind = TypeVar("_Kind")


class Snapshots(pydantic.BaseModel):
    """Snapshots in a line each, newest first; `before` is what asks for the next page, null at the end."""

    snapshots: list[snapshots.Brief]
    before: str | None


class DigestLine(pydantic.BaseModel):
    """The digest of a day, which is that of its end; `made_s` is when it was made."""

    date: str
    made_s: float


class Digests(pydantic.BaseModel):
    """The days that have a digest, newest first; `before` asks for the next page.

    `next_s` is when the next one is made, null until the steward has looked.
    """

    digests: list[DigestLine]
    before: str | None
    next_s: float | None


class Days(enum.IntEnum):
    """Of how many days figures are kept ready."""

    DAY = 1
    WEEK = 7
    FOUR_WEEKS = 28


class Figures(pydantic.BaseModel):
    """Figures of the last `days` days before `made_s`, against the time of the same length before."""

    days: int
    made_s: float
    span: evidence.Span
    before: evidence.Span
    lines: list[reports.Compared]


class CellForm(pydantic.BaseModel):
    """A cell of the matrix, as `council coverage --json` has it."""

    component: coverage.Component
    column: coverage.Column
    title: str
    mechanism: str
    metric: str
    document: str
    tests: list[str]
    fault: str | None
    state: Literal["proven", "failed", "stale", "not proven"]
    proven: bool
    proven_at: str | None
    by: str | None


class Coverage(pydantic.BaseModel):
    """How the 24 cells stand by what `council coverage` or a campaign told last, at `looked_s`; null where none ever did."""

    proven: int
    looked_s: float | None
    cells: list[CellForm]


_Identifier = Annotated[str, fastapi.Path(min_length=1, max_length=snapshots.ID_CHARS_MAX)]


class ObserverRoutes:
    """What the routes tell. Blocking."""

    def __init__(self, made: parts.Parts):
        self._parts = made
        self._clock = clock.SystemClock()

    def page(self, limit: int, before: str, occasion: snapshots.Occasion | None) -> dict[str, Any]:
        """Return a page of snapshots in a line each."""
        found = self._parts.snapshots.newest(limit, before=before, occasion=occasion)
        return {
            "snapshots": [snapshots.brief(one) for one in found],
            "before": found[-1].id if len(found) == limit else None,
        }

    def one(self, identifier: str) -> snapshots.Snapshot:
        """Return one snapshot. Raises NotFoundError."""
        if identifier == _NEWEST:
            found = next(iter(self._parts.snapshots.newest(1)), None)
        else:
            found = self._parts.snapshots.find(identifier)
        if found is None:
            raise errors.NotFoundError("There is no such snapshot. GET /api/observer/snapshots lists the newest.")
        return found

    def explained(self, identifier: str, place: int) -> evidence.Explanation:
        """Return what is known of one anomaly of a snapshot. Raises NotFoundError."""
        seen = self.one(identifier)
        if place >= len(seen.anomalies):
            raise errors.NotFoundError(f"This snapshot tells {len(seen.anomalies)} anomalies, counted from 0.")
        kept = self._parts.snapshots
        until = snapshots.identifier(seen.at_s + nearby.LATER_S)
        later = [one for one in kept.newest(nearby.READ_MAX, before=until) if one.id > seen.id]
        earlier = kept.newest(nearby.READ_MAX, before=seen.id)
        return nearby.explain(seen.anomalies[place], seen, earlier, later)

    def days(self, limit: int, before: str) -> dict[str, Any]:
        """Return the days that have a digest."""
        named = reports.digest(before) if before else ""
        found = self._parts.snapshots.report_names(reports.DIGESTS, limit, before=named)
        lines = [{"date": name.removeprefix(reports.DIGESTS), "made_s": at_us / 1e6} for name, at_us in found]
        known = self._parts.snapshots.find_report(reports.SCHEDULE)
        next_s = None if known is None else _next_s(known, self._clock.now_us() / 1e6)
        return {"digests": lines, "before": lines[-1]["date"] if len(lines) == limit else None, "next_s": next_s}

    def day(self, wanted: str) -> digests.Digest:
        """Return the digest of a day. Raises NotFoundError."""
        kept = self._parts.snapshots
        names = (
            [name for name, _ in kept.report_names(reports.DIGESTS, 1)]
            if wanted == _NEWEST
            else [reports.digest(wanted)]
        )
        found = kept.find_report(names[0]) if names else None
        if found is None:
            raise errors.NotFoundError("There is no digest of this day. GET /api/observer/digests lists the days.")
        return _read(digests.Digest, found)

    def compared(self, days: int) -> dict[str, Any]:
        """Return the figures of so many days. Raises NotFoundError."""
        found = self._parts.snapshots.find_report(reports.figures(days))
        if found is None:
            raise errors.NotFoundError(
                "Nobody has made these figures yet. The steward does within two minutes of its start; ask again then."
            )
        one = _read(reports.Figures, found)
        return {"days": days, "made_s": found.at_us / 1e6, "span": one.span, "before": one.before, "lines": one.lines}

    def cells(self) -> dict[str, Any]:
        """Return how the cells stand for the code that runs."""
        found = self._parts.snapshots.find_report(reports.COVERAGE)
        told = coverage.seen_now(None if found is None else found.body, coverage_table.CELLS, _code())
        return {**told, "looked_s": None if found is None else found.at_us / 1e6}


@functools.cache
def _code() -> str:
    """Return the digest of the code that runs, looked at once: what lies there later is another process's."""
    return contents.of_code()


def _next_s(known: reports.Kept, now_s: float) -> float | None:
    """Return when the next digest is made, None where nobody can say."""
    try:
        return schedule.next_s(schedule.schedule(str(known.body["at"]), str(known.body["zone"])), now_s)
    except (KeyError, errors.ConfigError):
        return None


def _read(kind: type[_Kind], found: reports.Kept) -> _Kind:
    """Return what was kept as what it is. Raises NotFoundError for what another version wrote."""
    try:
        return plain.made(kind, found.body)
    except ValueError as error:
        raise errors.NotFoundError(
            "This was kept by another version of Council, and cannot be read. It is made anew when it is due.",
            detail=str(error),
        ) from error


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["observer"])
    told = ObserverRoutes(made)

    def admit(request: fastapi.Request) -> None:
        made.doorkeeper.admit(request, access.Right.READ)

    @routes.get("/observer/snapshots", response_model=Snapshots)
    async def newest(
        request: fastapi.Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 20,
        before: Annotated[str, fastapi.Query(max_length=snapshots.ID_CHARS_MAX)] = "",
        occasion: snapshots.Occasion | None = None,
    ) -> Any:
        """Return snapshots in a line each, newest first. Times are seconds since the Unix epoch."""
        admit(request)
        return await asyncio.to_thread(told.page, limit, before, occasion)

    @routes.get("/observer/snapshots/{identifier}", response_model=snapshots.Snapshot)
    async def snapshot(request: fastapi.Request, identifier: _Identifier) -> Any:
        """Return one snapshot with all that it holds. `newest` is the newest one."""
        admit(request)
        return await asyncio.to_thread(told.one, identifier)

    @routes.get("/observer/snapshots/{identifier}/anomalies/{place}", response_model=evidence.Explanation)
    async def explanation(
        request: fastapi.Request, identifier: _Identifier, place: Annotated[int, fastapi.Path(ge=0, le=1000)]
    ) -> Any:
        """Return what is known of one anomaly of a snapshot, counted from 0, and what changed near it, the nearest first."""
        admit(request)
        return await asyncio.to_thread(told.explained, identifier, place)

    @routes.get("/observer/digests", response_model=Digests)
    async def days(
        request: fastapi.Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 20,
        before: Annotated[str, fastapi.Query(pattern=_DAY)] = "",
    ) -> Any:
        """Return the days that have a digest, newest first, and when the next one is made."""
        admit(request)
        return await asyncio.to_thread(told.days, limit, before)

    @routes.get("/observer/digests/{day}", response_model=digests.Digest)
    async def digest(
        request: fastapi.Request, day: Annotated[str, fastapi.Path(pattern=r"^(newest|[0-9]{4}-[0-9]{2}-[0-9]{2})$")]
    ) -> Any:
        """Return the digest of a day, as 2026-11-30; `newest` is the newest one. Times are seconds since the Unix epoch."""
        admit(request)
        return await asyncio.to_thread(told.day, day)

    @routes.get("/observer/figures", response_model=Figures)
    async def figures(request: fastapi.Request, days: Days = Days.WEEK) -> Any:
        """Return the figures of a day, a week or four weeks against the time before, as `council report kpi` tells them."""
        admit(request)
        return await asyncio.to_thread(told.compared, int(days))

    @routes.get("/coverage", response_model=Coverage)
    async def covered(request: fastapi.Request) -> Any:
        """Return which of the 24 cells a run has proven, as `council coverage` tells it."""
        admit(request)
        return await asyncio.to_thread(told.cells)

    return routes
