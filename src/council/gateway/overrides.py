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

    `by` is a repair's id, or `owner`. `title` says in words what it does. To who may not operate, `target`, `value`, `reason`
    and `by` are null, and `title` names no token and no user.
    """

    id: str
    kind: overrides.Kind
    target: str | None
    value: str | None
    title: str
    reason: str | None
    by: str | None
    began_us: int
    until_us: int
    lifted_us: int | None
    in_force: bool


class Overrides(pydantic.BaseModel):
    """Overrides, newest first."""

    overrides: list[OverrideForm]


def forms(made: parts.Parts, *, whole: bool) -> list[OverrideForm]:
    """Return the overrides that are in force in this process, `whole` for who may operate."""
    at_us = clock_module.SystemClock().now_us()
    return [OverrideForm(**{**_form(one, at_us, whole=whole), "in_force": True}) for one in made.in_force.all]


def may_see_whole(caller: access.Principal) -> bool:
    """Return whether a caller may know whom overrides are about, and why."""
    return access.Right.OPERATE in caller.rights


def _form(one: overrides.Override, at_us: int, *, whole: bool) -> dict[str, Any]:
    told = overrides_wire.form(one, at_us)
    hidden = dict.fromkeys(("target", "value", "reason", "by"))
    return told if whole else {**told, **hidden, "title": one.public_title}


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
        whole = may_see_whole(made.doorkeeper.admit(request, access.Right.READ))
        at_us = clock_module.SystemClock().now_us()
        if only_in_force:
            found = (await asyncio.to_thread(made.overrides.in_force, at_us))[::-1][:limit]
        else:
            found = await asyncio.to_thread(made.overrides.newest, limit)
        return {"overrides": [_form(one, at_us, whole=whole) for one in found]}

    return routes
