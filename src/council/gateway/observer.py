"""The /api/observer routes: what the observer saw, kept so that what happened can be read later."""

import asyncio
from typing import Annotated, Any

import fastapi
import pydantic

from council.domain import access, errors, snapshots
from council.gateway import parts

_LIMIT_MAX = 100


class Snapshots(pydantic.BaseModel):
    """Snapshots in a line each, newest first; `before` is what asks for the next page, null at the end."""

    snapshots: list[snapshots.Brief]
    before: str | None


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/observer", tags=["observer"])

    @routes.get("/snapshots", response_model=Snapshots)
    async def newest(
        request: fastapi.Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 20,
        before: Annotated[str, fastapi.Query(max_length=snapshots.ID_CHARS_MAX)] = "",
        occasion: snapshots.Occasion | None = None,
    ) -> Any:
        """Return snapshots in a line each, newest first. Times are seconds since the Unix epoch."""
        made.doorkeeper.admit(request, access.Right.READ)
        found = await asyncio.to_thread(made.snapshots.newest, limit, before=before, occasion=occasion)
        return {
            "snapshots": [snapshots.brief(one) for one in found],
            "before": found[-1].id if len(found) == limit else None,
        }

    @routes.get("/snapshots/{identifier}", response_model=snapshots.Snapshot)
    async def snapshot(
        request: fastapi.Request,
        identifier: Annotated[str, fastapi.Path(min_length=1, max_length=snapshots.ID_CHARS_MAX)],
    ) -> Any:
        """Return one snapshot with all that it holds. `newest` is the newest one."""
        made.doorkeeper.admit(request, access.Right.READ)
        if identifier == "newest":
            newest = await asyncio.to_thread(made.snapshots.newest, 1)
            found = newest[0] if newest else None
        else:
            found = await asyncio.to_thread(made.snapshots.find, identifier)
        if found is None:
            raise errors.NotFoundError("There is no such snapshot. GET /api/observer/snapshots lists the newest.")
        return found

    return routes
