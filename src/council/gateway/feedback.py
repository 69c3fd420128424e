"""The /api routes about learning: what a caller thinks of an answer, what is kept of them, and forgetting it."""

from typing import Annotated, Any, Literal

import fastapi
import pydantic
from starlette.requests import Request
from starlette.responses import Response

from council.domain import access, answers, errors, learning
from council.gateway import exchange, parts
from council.kit import clock as clock_module


class FeedbackForm(pydantic.BaseModel):
    """What you think of an answer to you. `route` says where the question belonged; it may be left out."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    request_id: str = pydantic.Field(pattern=r"^[0-9A-Z]{26}$")
    verdict: Literal["up", "down"]
    route: Literal["math", "code", "logic", "knowledge", "general"] | None = None


class Judged(pydantic.BaseModel):
    """The feedback as it is kept."""

    request_id: str
    verdict: str
    route: str | None


class KeptForm(pydantic.BaseModel):
    """How much is kept of you. `oldest_us` is 0 where nothing is; `on` is whether more is being kept."""

    on: bool
    rows: int
    thumbs: int
    oldest_us: int


class Forgotten(pydantic.BaseModel):
    """How many rows and thumbs were deleted, for good."""

    forgotten: int


_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": FeedbackForm.model_json_schema()}}},
}


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["learning"])
    clock = clock_module.SystemClock()

    @routes.post("/feedback", response_model=Judged, openapi_extra=_BODY)
    async def feedback(request: Request) -> Response:
        """Say what you think of an answer to you. Said again, it takes the place of what you said before."""
        user_id = await _admit(made, request)
        timeout_s = made.config.gateway.body_timeout_s
        said = await exchange.form(request, timeout_s, _BODY_BYTES_MAX, FeedbackForm)
        route = answers.Route(said.route) if said.route else None
        await made.learning.judge(
            learning.Thumb(said.request_id, user_id, clock.now_us(), learning.Verdict(said.verdict), route)
        )
        return exchange.json_response(said.model_dump())

    @routes.get("/learning", response_model=KeptForm)
    async def kept(request: Request) -> Any:
        """Show how much is kept of you."""
        found = await made.learning.kept(await _admit(made, request))
        return {"on": made.learning.on, "rows": found.rows, "thumbs": found.thumbs, "oldest_us": found.oldest_us}

    @routes.delete("/learning", response_model=Forgotten)
    async def forget(request: Request, everything: Annotated[Literal["true"], fastapi.Query(alias="all")]) -> Any:
        """Forget all that was learned of you. For good; so it must be said: `all=true`."""
        assert everything
        return {"forgotten": await made.learning.forget(await _admit(made, request))}

    return routes


_BODY_BYTES_MAX = 4_096


async def _admit(made: parts.Parts, request: Request) -> str:
    principal = made.doorkeeper.admit(request, access.Right.CHAT)
    if not principal.token_id:
        raise errors.UnauthenticatedError(
            "What is learned belongs to a user, and a call without a token has none. Send `Authorization: Bearer <token>`."
        )
    await made.limiter.admit(principal)
    return principal.user_id
