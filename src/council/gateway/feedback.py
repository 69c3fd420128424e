"""The /api routes about learning: what a caller thinks of an answer, what is kept of them, and forgetting it."""

from typing import Annotated, Any, Literal

import fastapi
import pydantic
from starlette.requests import Request
from starlette.responses import Response

from council.domain import access, answers, errors, learning
from council.gateway import exchange, parts
from council.kit import clock as clock_module


def _plain(words: str) -> str:
    """Take lines of text. What a terminal or a database would stumble over is no word."""
    if not all(letter.isprintable() or letter in "\n\t" for letter in words.replace("\r\n", "\n")):
        raise ValueError("Input should be text without control characters")
    return words.strip()


class FeedbackForm(pydantic.BaseModel):
    """What you think of an answer to you. `route` says where the question belonged, `words` are for people; neither is needed.

    The router learns from verdict and route. It never reads the words: whoever administers Council does.
    """

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    request_id: str = pydantic.Field(pattern=r"^[0-9A-Z]{26}$")
    verdict: Literal["up", "down"]
    route: Literal["math", "code", "logic", "knowledge", "general"] | None = None
    words: Annotated[str, pydantic.Field(max_length=learning.WORDS_CHARS_MAX), pydantic.AfterValidator(_plain)] = ""


class Judged(pydantic.BaseModel):
    """The feedback as it is kept."""

    request_id: str
    # As texts: FastAPI would name two enums "Verdict" by their modules, and so rename that of gates.
    verdict: Literal["up", "down"]
    route: Literal["math", "code", "logic", "knowledge", "general"] | None
    words: str


class OpinionForm(Judged):
    """What somebody thinks of an answer to them, and since when."""

    user: str
    at_us: int


class Opinions(pydantic.BaseModel):
    """Opinions, newest first; `before_us` asks for the next page, null at the end."""

    opinions: list[OpinionForm]
    before_us: int | None


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
            learning.Thumb(said.request_id, user_id, clock.now_us(), learning.Verdict(said.verdict), route), said.words
        )
        return exchange.json_response(said.model_dump())

    @routes.get("/feedback", response_model=Opinions)
    async def opinions(
        request: Request,
        whose: Literal["mine", "all"] = "mine",
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 50,
        before_us: Annotated[int, fastapi.Query(ge=0, lt=1 << 62)] = 0,
    ) -> Any:
        """Show what you think of answers, newest first; or, to who may administer, what everybody does."""
        right = access.Right.CHAT if whose == "mine" else access.Right.ADMINISTER
        user_id = await _admit(made, request, right)
        found = await made.learning.opinions(user_id if whose == "mine" else None, limit + 1, before_us)
        shown = found[:limit]
        more = shown[-1].thumb.at_us if len(found) > limit else None
        return {"opinions": [_form(one) for one in shown], "before_us": more}

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


# Each of the words' characters may be escaped, and take twelve bytes.
_BODY_BYTES_MAX = 4_096 + 12 * learning.WORDS_CHARS_MAX
_LIMIT_MAX = 200


def _form(one: learning.Opinion) -> dict[str, Any]:
    thumb = one.thumb
    told = {"request_id": thumb.request_id, "verdict": thumb.verdict, "route": thumb.route, "words": one.words}
    return {**told, "user": thumb.user_id, "at_us": thumb.at_us}


async def _admit(made: parts.Parts, request: Request, right: access.Right = access.Right.CHAT) -> str:
    principal = made.doorkeeper.admit(request, right)
    if not principal.token_id:
        raise errors.UnauthenticatedError(
            "What is learned belongs to a user, and a call without a token has none. Send `Authorization: Bearer <token>`."
        )
    await made.limiter.admit(principal)
    return principal.user_id
