"""The /api/guides routes: the guides of blueprint and library, as the loader keeps them in the store."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, answers, errors, guides
from council.gateway import limits, parts

_QUERY_CHARS_MAX = 500
_FOUND_MAX = 100


class HeadingForm(pydantic.BaseModel):
    """A heading: its level, 1 to 6, and the `id` that it has in the HTML."""

    level: int
    text: str
    anchor: str


class EntryForm(pydantic.BaseModel):
    """A guide in a list. `root` is `blueprint` or `library` (yours, untrusted); `heading` the first heading of its text.

    `timestamp` is when it was loaded, Unix seconds; `digest` the SHA-256 of the document.
    """

    slug: str
    title: str
    description: str
    tags: list[str]
    order: int
    root: str
    source: str
    heading: str
    digest: str
    timestamp: int


class FoundForm(EntryForm):
    """A guide of the list; in a search with the headings above the passage that fits best, and the words quoted from it."""

    place: str = ""
    quote: str = ""


class FaultForm(pydantic.BaseModel):
    """A document that is not shown as it stands. `line` is 0 for the whole of it; `kept`: its last good version is shown."""

    root: str
    source: str
    line: int
    reason: str
    kept: bool


class ListForm(pydantic.BaseModel):
    """Guides, by `order` and title, or best first in a search; and the documents that are at fault."""

    guides: list[FoundForm]
    faults: list[FaultForm]


class GuideForm(EntryForm):
    """A guide. `html` is sanitised: it runs nothing and loads nothing, and its ids begin with `guide-`. `raw` is Markdown."""

    html: str
    raw: str
    headings: list[HeadingForm]


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/guides", tags=["guides"])

    @routes.get("", response_model=ListForm)
    async def listing(
        request: Request,
        q: Annotated[str, fastapi.Query(max_length=_QUERY_CHARS_MAX)] = "",
        limit: Annotated[int, fastapi.Query(ge=1, le=_FOUND_MAX)] = 20,
    ) -> Any:
        """Return all guides, or with `q` up to `limit` that fit it: by title, description and tags, then by their text."""
        await _admit(made, request)
        found = await made.guidebook.listing()
        rows = [_row(entry) for entry in guides.ordered(found.entries)]
        if q.strip():
            passages = await made.retriever.guides(q, request.state.request_id)
            rows = _matching(found.entries, passages, q)[:limit]
        return {"guides": rows, "faults": [dataclasses.asdict(fault) for fault in found.faults]}

    @routes.get("/{slug}", response_model=GuideForm)
    async def guide(
        request: Request,
        slug: Annotated[str, fastapi.Path(max_length=guides.SLUG_CHARS_MAX, pattern=f"^{guides.SLUG.pattern}$")],
    ) -> Any:
        """Return a guide with its page."""
        await _admit(made, request)
        found = await made.guidebook.guide(slug)
        if found is None:
            raise errors.NotFoundError(
                f"There is no guide `{slug}`. `council guides list` and `GET /api/guides` name them."
            )
        headings = [dataclasses.asdict(heading) for heading in found.page.headings]
        return {**dataclasses.asdict(found.entry), "html": found.page.html, "raw": found.raw, "headings": headings}

    return routes


async def _admit(made: parts.Parts, request: Request) -> None:
    principal = made.doorkeeper.admit(request, access.Right.CHAT)
    limits.tell(request, await made.limiter.admit(principal))


def _matching(entries: Sequence[guides.Entry], passages: Sequence[answers.Passage], query: str) -> list[dict[str, Any]]:
    """Return the guides that fit, each once: those whose own words hold all of the query's, then those of the passages."""
    best: dict[tuple[str, str], answers.Passage] = {}
    for passage in passages:
        best.setdefault((passage.root, passage.source), passage)
    words = query.casefold().split()
    named = [entry for entry in guides.ordered(entries) if all(word in _said(entry) for word in words)]
    by_document = {(entry.root, entry.source): entry for entry in entries}
    quoted = [by_document[document] for document in best if document in by_document]
    return [_row(entry, best.get((entry.root, entry.source))) for entry in dict.fromkeys((*named, *quoted))]


def _said(entry: guides.Entry) -> str:
    return " ".join((entry.slug, entry.title, entry.heading, entry.description, *entry.tags)).casefold()


def _row(entry: guides.Entry, passage: answers.Passage | None = None) -> dict[str, Any]:
    quoted = {} if passage is None else {"place": passage.heading, "quote": passage.quote}
    return dataclasses.asdict(entry) | quoted
