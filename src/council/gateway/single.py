"""One question outside any conversation, put to the cascade or to one specialist: what /api and the tools of /mcp ask."""

import contextlib
from collections.abc import Mapping
from typing import Any

from council.domain import access, answers
from council.gateway import asking, limits, parts
from council.gateway.wire import chat as wire

CHARS_MAX = 100_000
_CASCADE = "council"


async def answer(
    made: parts.Parts,
    principal: access.Principal,
    admission: limits.Admission,
    text: str,
    request_id: str,
    route: answers.Route | None,
    *,
    tokens_max: int | None = None,
    memory: bool = False,
    session_id: str = "",
) -> answers.Answer:
    """Return the whole answer; its ledger row is committed. Cancelling ends the work. Raises as `Pipeline.answer` does."""
    question = answers.Question(
        request_id=request_id,
        messages=[answers.Message("user", text)],
        model=_CASCADE if route is None else f"{_CASCADE}/{route}",
        sampling=answers.Sampling(tokens_max or made.config.model.tokens_max_default),
        route=route,
    )
    asker = asking.asker(made.config, principal, admission, memory, session_id)
    async with contextlib.aclosing(made.pipeline.answer(question, asker)) as events:
        async for event in events:
            if isinstance(event, answers.Answer):
                return event
    raise AssertionError("a pipeline ends with an Answer or raises")


def form(answer: answers.Answer) -> Mapping[str, Any]:
    """Return an answer as JSON, as `council ask --json` prints it."""
    return {"answer": answer.finding.text, "council": wire.council_object(answer)}
