"""The /api/library routes: passages of the documents that Council quotes from, as they stand there."""

import dataclasses
from typing import Annotated, Any

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, answers, errors
from council.gateway import limits, parts
from council.serving.specialists import searching

_QUERY_CHARS_MAX = 2_000
_FOUND_MAX = 50


class PassageForm(pydantic.BaseModel):
    """A passage. `root` is `library` (yours, untrusted), `blueprint`, or `packaged`; only the first two have a lasting `id`."""

    id: str
    root: str
    source: str
    heading: str
    text: str


class FoundForm(PassageForm):
    """A passage that fits a query: its sentences that hold most of the query's words, and the share that the passage covers.

    `found_by` is `words`, `meaning` or `both`; `cosine` says how near in meaning it is, null where that was not asked.
    """

    quote: str
    coverage: float
    found_by: str
    cosine: float | None


class MeaningsForm(pydantic.BaseModel):
    """Of how many passages the meaning is known: `off`, `waiting`, `filling` or `ready`, and why not all."""

    state: str
    known: int
    passages: int
    reason: str


class Search(pydantic.BaseModel):
    """Passages, best first. `note` says what of meanings was missing in this search, and is empty where nothing was."""

    found: list[FoundForm]
    meanings: MeaningsForm
    note: str


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/library", tags=["library"])

    @routes.get("/search", response_model=Search)
    async def search(
        request: Request,
        query: Annotated[str, fastapi.Query(min_length=1, max_length=_QUERY_CHARS_MAX)],
        limit: Annotated[int, fastapi.Query(ge=1, le=_FOUND_MAX)] = 10,
    ) -> Any:
        """Search guidebook, knowledge, library and packaged sources, by words, and by meaning where words find too little.

        Best first. Nothing is answered or judged.
        """
        await _admit(made, request)
        searched = await made.retriever.find(query, limit, request.state.request_id)
        found = [searching.form(passage) for passage in searched.passages]
        return {"found": found, "meanings": dataclasses.asdict(searched.meanings), "note": searched.note}

    @routes.get("/passages/{identifier}", response_model=PassageForm)
    async def passage(
        request: Request,
        identifier: Annotated[
            str,
            fastapi.Path(
                min_length=answers.PASSAGE_ID_CHARS, max_length=answers.PASSAGE_ID_CHARS, pattern="^[0-9a-f]+$"
            ),
        ],
    ) -> Any:
        """Return the passage that an answer's evidence names by its id."""
        await _admit(made, request)
        found = await made.retriever.passage(identifier, request.state.request_id)
        if found is None:
            raise errors.NotFoundError("The document has changed or is gone since it was quoted. Ask again.")
        return _form(found)

    return routes


async def _admit(made: parts.Parts, request: Request) -> None:
    principal = made.doorkeeper.admit(request, access.Right.CHAT)
    limits.tell(request, await made.limiter.admit(principal))


def _form(one: answers.Passage) -> dict[str, str]:
    return {"id": one.id, "root": one.root, "source": one.source, "heading": one.heading, "text": one.text}
