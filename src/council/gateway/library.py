"""The /api/library routes: passages of the documents that Council quotes from, as they stand there; and documents put in.

Everybody is answered from the library, so whoever may operate Council may put documents there, into a folder of their own.
"""

import asyncio
import collections
import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, answers, documents, errors
from council.gateway import changing, exchange, limits, parts
from council.serving.memory import documents as reading
from council.serving.specialists import searching

KINDS = reading.SUFFIXES | reading.TAKEN_APART_SUFFIXES

# Between processes a document travels in one frame, which holds so much and a third more.
_FRAME_BYTES_MAX = 11 * 1024 * 1024
# From a phone a document may take its time.
_BODY_S = 120.0
# Each is held in memory some times over while it is kept, and once while it comes in.
_KEPT_AT_ONCE_MAX = 2
_COMING_MAX = 8
# So that nobody's slow network keeps the others out.
_COMING_OF_ONE_MAX = 2
_FILE_CHARS_MAX = 200

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


class DocumentForm(pydantic.BaseModel):
    """A document: `state` is indexed, partly or left_out (`reason` says why), or waiting to be read.

    `removable` is what was put there over the API.
    """

    name: str
    bytes: int
    at_us: int
    state: documents.State
    passages: int
    reason: str
    removable: bool


class Documents(pydantic.BaseModel):
    """The documents of the library by name, `more` that are not listed; which kinds are read, and how large one may be.

    Those without a passage in the index are listed to operators alone.
    """

    documents: list[DocumentForm]
    more: int
    kinds: list[str]
    bytes_max: int
    folder: str


class Kept(pydantic.BaseModel):
    """A document that was put, and whether it took the place of another one."""

    document: DocumentForm
    replaced: bool


class DocumentGone(pydantic.BaseModel):
    """Which document is gone."""

    name: str
    deleted: bool


def bytes_max(made: parts.Parts) -> int:
    """Return how large a document may be that is put over the API."""
    return min(made.config.recall.file_bytes_max, _FRAME_BYTES_MAX)


_File = Annotated[str, fastapi.Path(min_length=1, max_length=_FILE_CHARS_MAX)]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _add_documents(routes: fastapi.APIRouter, made: parts.Parts) -> None:
    places, coming = asyncio.Semaphore(_KEPT_AT_ONCE_MAX), _Coming()

    @routes.get("/documents", response_model=Documents)
    async def every(request: Request) -> Any:
        """List the documents of the library, and say how far each is read; those that are not, to operators alone."""
        caller = await _admit(made, request)
        found = await made.library.documents(request.state.request_id)
        # What is quoted everybody may see; what is not may be anything, and its very name may say too much.
        whole = access.Right.OPERATE in caller.rights
        shown = [one for one in found.documents if whole or one.passages]
        return {
            "documents": [_document(one) for one in shown],
            "more": found.more,
            "kinds": sorted(KINDS),
            "bytes_max": bytes_max(made),
            "folder": documents.UPLOADS,
        }

    @routes.put("/documents/{file}", response_model=Kept, status_code=201, openapi_extra=_BODY, responses=_REPLACED)
    async def put(request: Request, response: fastapi.Response, file: _File, replace: bool = False) -> Any:
        """Put a document into the library; with `replace` in the place of one of that name."""
        caller = await changing.admit(made, request, access.Right.OPERATE)
        name = documents.checked_name(file, KINDS)
        with coming.one_of(caller.user_id):
            content = await exchange.body(request, _BODY_S, bytes_max(made))
            async with places:
                kept, replaced = await made.library.put(
                    name, content, replace=replace, request_id=request.state.request_id
                )
        response.status_code = 200 if replaced else 201
        return {"document": _document(kept), "replaced": replaced}

    @routes.delete("/documents/{file}", response_model=DocumentGone)
    async def delete(request: Request, file: _File) -> Any:
        """Delete a document that was put there over the API. For good."""
        await changing.admit(made, request, access.Right.OPERATE)
        name = documents.checked_name(file, KINDS)
        await made.library.delete(name, request.state.request_id)
        return {"name": f"{documents.UPLOADS}/{name}", "deleted": True}


class _Coming:
    """Counts the documents that are on their way, by whom."""

    def __init__(self) -> None:
        self._counts: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def one_of(self, user_id: str) -> Iterator[None]:
        """Hold a place. Raises OverloadedError where none is free."""
        if self._counts[user_id] >= _COMING_OF_ONE_MAX or self._counts.total() >= _COMING_MAX:
            raise errors.OverloadedError("Other documents are on their way. Try again in a moment.", retry_after_s=2)
        self._counts[user_id] += 1
        try:
            yield
        finally:
            self._counts -= collections.Counter([user_id])


_REPLACED: dict[int | str, dict[str, Any]] = {200: {"model": Kept, "description": "It took the place of another one."}}


def _document(one: documents.Document) -> dict[str, Any]:
    return dataclasses.asdict(one)


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/library", tags=["library"])
    _add_documents(routes, made)

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


async def _admit(made: parts.Parts, request: Request) -> access.Principal:
    principal = made.doorkeeper.admit(request, access.Right.CHAT)
    limits.tell(request, await made.limiter.admit(principal))
    return principal


def _form(one: answers.Passage) -> dict[str, str]:
    return {"id": one.id, "root": one.root, "source": one.source, "heading": one.heading, "text": one.text}
