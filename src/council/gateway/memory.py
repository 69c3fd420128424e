"""The /api/memory routes, each about the memories of its caller's user and nobody else; and who has memory on."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import fastapi
import orjson
import pydantic
from starlette.requests import Request
from starlette.responses import StreamingResponse

from council.domain import access, errors, memory, memory_wire
from council.gateway import changing, exchange, parts

SESSION_HEADER = "x-council-session"
_LIST_MAX = 200
_SEARCH_MAX = 50
_QUERY_CHARS_MAX = 2_000
_TEXT_CHARS_MAX = 2_000
_TEXT_BYTES_MAX = 32 * 1024
_PAGE = 500
_IMPORT_BATCH = 100
_IMPORT_LINES_MAX = 1_000
_IMPORT_BYTES_MAX = 16 * 1024 * 1024
_LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "One memory a line.", "content": {"application/x-ndjson": {}}}
}


class MemoryForm(pydantic.BaseModel):
    """A memory. `kind` is `fact` or `turn`; times in microseconds; `superseded_by` is "" while a fact holds."""

    id: str
    session: str
    kind: memory.Kind
    subject: str
    attribute: str
    value: str
    text: str
    source: str
    confidence: float
    at_us: int
    superseded_by: str
    superseded_us: int


class FoundForm(pydantic.BaseModel):
    """A memory that fits a query."""

    memory: MemoryForm
    score: float
    similarity: float
    coverage: float


class Listing(pydantic.BaseModel):
    """Memories, oldest first. `next_after` continues the list; None where it ends."""

    memories: list[MemoryForm]
    next_after: str | None


class Search(pydantic.BaseModel):
    """Memories that fit a query, best first."""

    found: list[FoundForm]


class Forgotten(pydantic.BaseModel):
    """How many memories were deleted, for good."""

    forgotten: int


class CorrectionForm(pydantic.BaseModel):
    """What a memory shall say."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, pydantic.Field(min_length=1, max_length=_TEXT_CHARS_MAX)]


class Imported(pydantic.BaseModel):
    """How many memories came in, and how many of them were new."""

    read: int
    imported: int


def wish(request: Request, principal: access.Principal, asked: bool | None, session: str | None) -> tuple[bool, str]:
    """Return whether a question uses memory, and its session. Raises UnauthenticatedError, InvalidRequestError."""
    wanted = principal.memory if asked is None else asked
    if wanted:
        owner(principal)
    return wanted, memory_wire.session_of(request.headers.get(SESSION_HEADER, "") if session is None else session)


def owner(principal: access.Principal) -> str:
    """Return whose memories a caller may use. Raises UnauthenticatedError for one without a token."""
    if not principal.token_id:
        raise errors.UnauthenticatedError(
            "Memory belongs to a user, and a call without a token has none. Send `Authorization: Bearer <token>`."
        )
    return principal.user_id


_Session = Annotated[str | None, fastapi.Query(max_length=memory_wire.SESSION_CHARS_MAX)]
_Named = Annotated[str, fastapi.Path(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")]
_Identifier = Annotated[str, fastapi.Path(min_length=1, max_length=26)]


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/memory", tags=["memory"])
    _add_reading(routes, made)
    _add_changing(routes, made)
    # After those whose paths begin so.
    _add_one(routes, made)
    return routes


def _add_reading(routes: fastapi.APIRouter, made: parts.Parts) -> None:
    @routes.get("", response_model=Listing)
    async def entries(
        request: Request,
        session: _Session = None,
        kind: memory.Kind | None = None,
        after: Annotated[str, fastapi.Query(max_length=26)] = "",
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIST_MAX)] = 50,
    ) -> Any:
        """List your memories, oldest first."""
        user_id = await _admit(made, request)
        chosen = memory.Selection(session, kind, None, after)
        rows = await made.memories.entries(user_id, chosen, limit + 1, request.state.request_id)
        more = rows[limit - 1].id if len(rows) > limit else None
        return {"memories": [memory_wire.form(one) for one in rows[:limit]], "next_after": more}

    @routes.get("/search", response_model=Search)
    async def search(
        request: Request,
        query: Annotated[str, fastapi.Query(min_length=1, max_length=_QUERY_CHARS_MAX)],
        limit: Annotated[int, fastapi.Query(ge=1, le=_SEARCH_MAX)] = 10,
    ) -> Any:
        """Search your memories by meaning and by words, best first."""
        user_id = await _admit(made, request)
        found = await made.memories.search(user_id, query, limit, request.state.request_id)
        return {"found": [memory_wire.found_form(one) for one in found]}

    @routes.get("/export", response_class=StreamingResponse, responses=_LINES)
    async def export(request: Request) -> StreamingResponse:
        """Send all your memories, oldest first, as JSON lines."""
        user_id = await _admit(made, request)
        # Read before the response begins, while an error can still become a status.
        first = await made.memories.entries(user_id, memory.Selection(), _PAGE, request.state.request_id)
        lines = _lines(made, user_id, first, request.state.request_id)
        return StreamingResponse(lines, media_type="application/x-ndjson")


def _add_one(routes: fastapi.APIRouter, made: parts.Parts) -> None:
    @routes.get("/{identifier}", response_model=MemoryForm)
    async def one(request: Request, identifier: _Identifier) -> Any:
        """Return one of your memories."""
        user_id = await _admit(made, request)
        chosen = memory.Selection(ids=(identifier,))
        found = await made.memories.entries(user_id, chosen, 1, request.state.request_id)
        if not found:
            raise errors.NotFoundError("You have no memory of that id. GET /api/memory lists what you have.")
        return memory_wire.form(found[0])

    @routes.patch("/{identifier}", response_model=MemoryForm, openapi_extra=exchange.documented(CorrectionForm))
    async def correct(request: Request, identifier: _Identifier) -> Any:
        """Correct one of your memories; nothing is left of what it said. A fact has to be stated again, with the new value."""
        # Asked first, so that what nobody may do leaves no row.
        owner(made.doorkeeper.admit(request, access.Right.CHAT))
        user_id = (await changing.admit(made, request, access.Right.CHAT)).user_id
        timeout_s = made.config.gateway.body_timeout_s
        said = await exchange.form(request, timeout_s, _TEXT_BYTES_MAX, CorrectionForm)
        return memory_wire.form(await made.memories.correct(user_id, identifier, said.text, request.state.request_id))


def _add_changing(routes: fastapi.APIRouter, made: parts.Parts) -> None:
    @routes.delete("", response_model=Forgotten)
    async def forget_all(request: Request, everything: Annotated[Literal["true"], fastapi.Query(alias="all")]) -> Any:
        """Forget every memory you have. For good; so it must be said: `all=true`."""
        user_id = await _admit(made, request)
        return {"forgotten": await made.memories.forget(user_id, memory.Selection(), request.state.request_id)}

    @routes.delete("/sessions/{session}", response_model=Forgotten)
    async def forget_session(request: Request, session: _Named) -> Any:
        """Forget the memories of one session. For good."""
        user_id = await _admit(made, request)
        chosen = memory.Selection(session_id=session)
        return {"forgotten": await made.memories.forget(user_id, chosen, request.state.request_id)}

    @routes.delete("/{identifier}", response_model=Forgotten)
    async def forget_one(request: Request, identifier: _Identifier) -> Any:
        """Forget one memory. For good."""
        user_id = await _admit(made, request)
        chosen = memory.Selection(ids=(identifier,))
        return {"forgotten": await made.memories.forget(user_id, chosen, request.state.request_id)}

    @routes.post("/import", response_model=Imported, openapi_extra={"requestBody": _IMPORT_BODY})
    async def take_in(request: Request) -> Any:
        """Take in memories as an export has them, one JSON object a line. All lines are checked before the first is kept."""
        user_id = await _admit(made, request)
        raw = await exchange.body(request, made.config.gateway.body_timeout_s, _IMPORT_BYTES_MAX)
        rows = _rows_in(raw, user_id)
        batch = min(_IMPORT_BATCH, made.config.memory.texts_max)
        imported = 0
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            imported += await made.memories.take_in(user_id, part, request.state.request_id)
        return {"read": len(rows), "imported": imported}


_IMPORT_BODY = {"required": True, "content": {"application/x-ndjson": {"schema": {"type": "string"}}}}


async def _admit(made: parts.Parts, request: Request) -> str:
    principal = made.doorkeeper.admit(request, access.Right.CHAT)
    user_id = owner(principal)
    await made.limiter.admit(principal)
    return user_id


async def _lines(made: parts.Parts, user_id: str, rows: list[memory.Memory], request_id: str) -> AsyncIterator[bytes]:
    while rows:
        yield b"".join(orjson.dumps(memory_wire.form(one)) + b"\n" for one in rows)
        if len(rows) < _PAGE:
            return
        rows = await made.memories.entries(user_id, memory.Selection(after=rows[-1].id), _PAGE, request_id)


def _rows_in(raw: bytes, user_id: str) -> list[memory.Memory]:
    lines = raw.splitlines()
    if len(lines) > _IMPORT_LINES_MAX:
        raise errors.InvalidRequestError(
            f"That are {len(lines)} lines in one import; the limit is {_IMPORT_LINES_MAX}. Send fewer at a time."
        )
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(memory_wire.memory_of(orjson.loads(line), user_id))
        except orjson.JSONDecodeError as error:
            raise errors.MalformedBodyError(f"Line {number} is not JSON: {error}. Nothing was imported.") from error
        except errors.InvalidRequestError as error:
            raise errors.InvalidRequestError(
                f"Line {number}: {error.message} Nothing was imported.", parameter=error.parameter
            ) from error
    return rows
