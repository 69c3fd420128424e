"""The /api/overrides route: what is changed for a while, and what was."""

import asyncio
from typing import Annotated, Any

import fastapi
import pydantic

from council.domain import access, overrides, overrides_wire
from council.gateway import parts
from council.kit import clock as clock_module

_LIMIT_MAX = 200


class OverrideForm(pydantic.BaseModel):
    """An override; times are microseconds since the Unix epoch, `lifted_us` null where nobody ended it before its time.

    `by` is a repair's id, or `owner`. `title` says in words what it does.
    """

    id: str
    kind: overrides.Kind
    target: str
    value: str
    title: str
    reason: str
    by: str
    began_us: int
    until_us: int
    lifted_us: int | None
    in_force: bool


class Overrides(pydantic.BaseModel):
    """Overrides, newest first."""

    overrides: list[OverrideForm]


def forms(made: parts.Parts) -> list[OverrideForm]:
    """Return the overrides that are in force in this process."""
    at_us = clock_module.SystemClock().now_us()
    return [OverrideForm(**{**overrides_wire.form(one, at_us), "in_force": True}) for one in made.in_force.all]


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the route."""
    routes = fastapi.APIRouter(prefix="/api/overrides", tags=["overrides"])

    @routes.get("", response_model=Overrides)
    async def newest(
        request: fastapi.Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 50,
        only_in_force: Annotated[bool, fastapi.Query(alias="in_force")] = False,
    ) -> Any:
        """Return overrides, newest first: those in force alone, or those that are over, too."""
        made.doorkeeper.admit(request, access.Right.READ)
        at_us = clock_module.SystemClock().now_us()
        if only_in_force:
            found = (await asyncio.to_thread(made.overrides.in_force, at_us))[::-1][:limit]
        else:
            found = await asyncio.to_thread(made.overrides.newest, limit)
        return {"overrides": [overrides_wire.form(one, at_us) for one in found]}

    return routes
