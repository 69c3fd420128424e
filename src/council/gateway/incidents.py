"""The /api/incidents routes: what is wrong now and was, with times, candidates for causes, and a timeline."""

import asyncio
from typing import Annotated, Any

import fastapi
import pydantic

from council.domain import access, errors, incidents, incidents_wire, repairs_wire
from council.gateway import parts

_LIMIT_MAX = 100
_ID_CHARS_MAX = 64
_REPAIRS_MAX = 100


class AlertForm(pydantic.BaseModel):
    """One alert of an incident; `ended_us` and `told` are null where that has not happened."""

    name: str
    labels: dict[str, str]
    severity: incidents.Severity
    summary: str
    next_step: str
    since_us: int
    fired_us: int
    ended_us: int | None
    ending: incidents.Ending
    told: incidents.Severity | None


class IncidentLine(pydantic.BaseModel):
    """An incident; times are microseconds since the Unix epoch, `repair_s` and `repaired_us` null while it is open."""

    id: str
    standing: incidents.Standing
    severity: incidents.Severity
    title: str
    began_us: int
    detected_us: int
    repaired_us: int | None
    detection_s: float
    repair_s: float | None
    alerts: list[AlertForm]


class Incidents(pydantic.BaseModel):
    """Incidents, newest first; `before` is what asks for the next page, null at the end."""

    incidents: list[IncidentLine]
    before: str | None


class CauseForm(pydantic.BaseModel):
    """A candidate for a cause: bad from `at_us` to `until_us`, or still. Where `because` is empty, only the time links it."""

    title: str
    at_us: int
    until_us: int | None
    reason: str
    because: str


class MomentForm(pydantic.BaseModel):
    """One line of a timeline."""

    at_us: int
    text: str


class IncidentForm(IncidentLine):
    """An incident with all that is known of it."""

    causes: list[CauseForm]
    timeline: list[MomentForm]
    moments_left_out: int


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/incidents", tags=["incidents"])

    @routes.get("", response_model=Incidents)
    async def newest(
        request: fastapi.Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 20,
        before: Annotated[str, fastapi.Query(max_length=_ID_CHARS_MAX)] = "",
        standing: incidents.Standing | None = None,
    ) -> Any:
        """Return incidents, newest first."""
        made.doorkeeper.admit(request, access.Right.READ)
        found = await asyncio.to_thread(made.incidents.newest, limit, before=before, standing=standing)
        return {
            "incidents": [incidents_wire.line(one) for one in found],
            "before": found[-1].id if len(found) == limit else None,
        }

    @routes.get("/{identifier}", response_model=IncidentForm)
    async def incident(
        request: fastapi.Request, identifier: Annotated[str, fastapi.Path(min_length=1, max_length=_ID_CHARS_MAX)]
    ) -> Any:
        """Return one incident with its candidates for causes and its timeline, which tells its repairs, too."""
        made.doorkeeper.admit(request, access.Right.READ)
        found = await asyncio.to_thread(made.incidents.find, identifier)
        if found is None:
            raise errors.NotFoundError("There is no incident of this id. GET /api/incidents lists the newest.")
        done = await asyncio.to_thread(made.repairs.newest, _REPAIRS_MAX, incident=found.id)
        return incidents_wire.form(repairs_wire.joined(found, done))

    return routes
