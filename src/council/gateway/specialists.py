"""The /api routes that put one text to one specialist, for programs that know which they want."""

from typing import Any

import fastapi
import pydantic
from starlette.requests import Request
from starlette.responses import Response

from council.domain import access, answers
from council.gateway import exchange, limits, parts, single


class TextForm(pydantic.BaseModel):
    """What a specialist is asked."""

    model_config = pydantic.ConfigDict(extra="forbid")

    text: str = pydantic.Field(min_length=1, max_length=single.CHARS_MAX)


class AnswerForm(pydantic.BaseModel):
    """The answer and what Council tells about it; `council.refused` is true where the specialist has none."""

    answer: str
    council: dict[str, Any]


_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": TextForm.model_json_schema()}}},
}


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["specialists"])

    @routes.post("/calculate", response_model=AnswerForm, openapi_extra=_BODY)
    async def calculate(request: Request) -> Response:
        """Put a text to the math specialist alone."""
        return await _answer(made, request, answers.Route.MATH)

    @routes.post("/solve", response_model=AnswerForm, openapi_extra=_BODY)
    async def solve(request: Request) -> Response:
        """Put a text to the logic specialist alone."""
        return await _answer(made, request, answers.Route.LOGIC)

    @routes.post("/search", response_model=AnswerForm, openapi_extra=_BODY)
    async def search(request: Request) -> Response:
        """Put a text to the knowledge specialist alone, which quotes its sources."""
        return await _answer(made, request, answers.Route.KNOWLEDGE)

    return routes


async def _answer(made: parts.Parts, request: Request, route: answers.Route) -> Response:
    principal = made.doorkeeper.admit(request, access.Right.CHAT)
    admission = await made.limiter.admit(principal)
    headers = limits.tell(request, admission)
    settings = made.config.gateway
    asked = await exchange.form(request, settings.body_timeout_s, settings.body_bytes_max, TextForm)
    work = single.answer(made, principal, admission, asked.text, request.state.request_id, route)
    found = await exchange.unless_gone(request.receive, work)
    if found is None:
        return Response(status_code=exchange.CLIENT_GONE)
    return exchange.json_response(single.form(found), headers)
