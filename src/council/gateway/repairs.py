"""The /api/repairs route: what was repaired, what of it helped, and when a person was called."""

import asyncio
from typing import Annotated, Any

import fastapi
import pydantic

from council.domain import access, repairs, repairs_wire
from council.gateway import parts

_LIMIT_MAX = 200


class RepairForm(pydantic.BaseModel):
    """A repair; times are microseconds since the Unix epoch, null where it has not happened.

    `component` is `*` for one that touches everything; `by` is `healer`, or who asked for it.
    """

    id: str
    incident_id: str | None
    alert: str | None
    playbook: str
    action: str
    component: str
    by: str
    why: str
    outcome: repairs.Outcome
    told: str
    began_us: int
    acted_us: int | None
    ended_us: int | None
    undone_us: int | None
    took_s: float | None
    cid: str | None
    overrides: list[str]
    evidence: list[str]


class Repairs(pydantic.BaseModel):
    """Repairs, newest first; `before` is what asks for the next page, null at the end."""

    repairs: list[RepairForm]
    before: str | None


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the route."""
    routes = fastapi.APIRouter(prefix="/api/repairs", tags=["repairs"])

    @routes.get("", response_model=Repairs)
    async def newest(
        request: fastapi.Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 20,
        before: Annotated[str, fastapi.Query(max_length=repairs.ID_CHARS_MAX)] = "",
        incident: Annotated[str, fastapi.Query(max_length=repairs.ID_CHARS_MAX)] = "",
    ) -> Any:
        """Return repairs, newest first; of one incident alone, if it is given."""
        made.doorkeeper.admit(request, access.Right.READ)
        found = await asyncio.to_thread(made.repairs.newest, limit, before=before, incident=incident)
        return {
            "repairs": [repairs_wire.form(one) for one in found],
            "before": found[-1].id if len(found) == limit else None,
        }

    return routes
