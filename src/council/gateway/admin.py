"""The /api routes: state of the service and what it cost."""

import asyncio
import datetime
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Annotated

import fastapi
import orjson
import pydantic
from starlette.responses import StreamingResponse

import council
from council.domain import access, budgets, ledger
from council.gateway import health, overrides, parts

_DAYS_MAX = 3660
_DAY_US = 86_400_000_000
_PAGE_ROWS = 500


class PartState(pydantic.BaseModel):
    """One part of the service; `state` is "up" or an error code."""

    name: str
    state: str


class Status(pydantic.BaseModel):
    """The service as this gateway sees it; `cid` is that of the patch that made the generation, null where none did.

    `overrides` are in force in this gateway.
    """

    version: str
    generation: str
    cid: str | None
    model: str
    state: str
    parts: list[PartState]
    overrides: list[overrides.OverrideForm]


class OwnToken(pydantic.BaseModel):
    """Who the caller is, and may do. `token_id` is "" without a token."""

    user: str
    token_id: str
    rights: list[access.Right]
    staging: bool


class LedgerLine(pydantic.BaseModel):
    """Sums of the ledger rows that share a key; money in micro-dollars."""

    key: str
    requests: int
    answered: int
    verified: int
    local: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int


class LedgerReport(pydantic.BaseModel):
    """A report over the days up to now."""

    by: ledger.GroupBy
    days: int
    lines: list[LedgerLine]


class BudgetLine(pydantic.BaseModel):
    """One scope in one day or month, in micro-dollars; a limit of null is none.

    The forecast is for the end of it, if spending goes on as so far; null in its first twentieth.
    """

    scope: str
    label: str
    period: str
    limit_usd_micros: int | None
    spent_usd_micros: int
    held_usd_micros: int
    left_usd_micros: int | None
    ends_us: int
    forecast_usd_micros: int | None


class Budgets(pydantic.BaseModel):
    """Every budget, and every scope that has spent something."""

    lines: list[BudgetLine]


def router(made: parts.Parts, vitals: health.Health) -> fastapi.APIRouter:
    """Return the /api routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["api"])

    @routes.get("/status", response_model=Status)
    async def status(request: fastapi.Request) -> Status:
        """Show which parts are up, the live generation and the model."""
        caller = made.doorkeeper.admit(request, access.Right.READ)
        states = await vitals.states()
        return Status(
            version=council.__version__,
            generation=made.label.generation,
            cid=made.label.cid,
            model=made.config.model.name,
            state=sentence(states),
            parts=[PartState(name=name, state=state) for name, state in states.items()],
            overrides=overrides.forms(made, whole=overrides.may_see_whole(caller)),
        )

    @routes.get("/token", response_model=OwnToken)
    async def token(request: fastapi.Request) -> OwnToken:
        """Show what the caller's token may do."""
        found = made.doorkeeper.admit(request, access.Right.READ)
        return OwnToken(user=found.user_id, token_id=found.token_id, rights=sorted(found.rights), staging=found.staging)

    @routes.get("/ledger/report", response_model=LedgerReport)
    async def report(
        request: fastapi.Request,
        by: ledger.GroupBy = ledger.GroupBy.DAY,
        days: Annotated[int, fastapi.Query(ge=1, le=_DAYS_MAX)] = 30,
    ) -> LedgerReport:
        """Sum the ledger by day, model, route or token."""
        made.doorkeeper.admit(request, access.Right.READ)
        since_us, until_us = _window(days)
        sums = await asyncio.to_thread(made.records.report, by, since_us, until_us)
        return LedgerReport(by=by, days=days, lines=[LedgerLine(**asdict(line)) for line in sums])

    @routes.get("/budget", response_model=Budgets)
    async def budget(request: fastapi.Request) -> Budgets:
        """Show what is spent, held and left of each budget, for this day and this month (UTC)."""
        made.doorkeeper.admit(request, access.Right.OPERATE)
        at_us = _window(1)[1]
        spend, tokens = await asyncio.gather(
            asyncio.to_thread(made.records.spend, at_us), asyncio.to_thread(made.records.token_budgets)
        )
        found = budgets.lines(spend, made.config.budget, made.calls.models, tokens, at_us)
        return Budgets(lines=[BudgetLine(**asdict(line), **asdict(budgets.outlook(line, at_us))) for line in found])

    @routes.get(
        "/ledger/export",
        response_class=StreamingResponse,
        responses={200: {"description": "One JSON object a line.", "content": {"application/x-ndjson": {}}}},
    )
    async def export(
        request: fastapi.Request, days: Annotated[int, fastapi.Query(ge=1, le=_DAYS_MAX)] = 30
    ) -> StreamingResponse:
        """Send every ledger row, oldest first, as JSON lines."""
        made.doorkeeper.admit(request, access.Right.OPERATE)
        rows = made.records.rows(*_window(days))
        # Read before the response begins, while an error can still become a status.
        first = await asyncio.to_thread(_page, rows)
        return StreamingResponse(_lines(first, rows), media_type="application/x-ndjson")

    return routes


def sentence(states: dict[str, str]) -> str:
    """Return one sentence that is true now."""
    away = [name for name, state in states.items() if state != "up"]
    if not away:
        return f"All {len(states)} parts are up."
    return f"{len(away)} of {len(states)} parts away: {', '.join(f'{name} ({states[name]})' for name in away)}."


def _window(days: int) -> tuple[int, int]:
    until_us = int(datetime.datetime.now(datetime.UTC).timestamp() * 1_000_000) + 1
    return until_us - days * _DAY_US, until_us


async def _lines(part: bytes, rows: Iterator[ledger.LedgerRow]) -> AsyncIterator[bytes]:
    while part:
        yield part
        part = await asyncio.to_thread(_page, rows)


def _page(rows: Iterator[ledger.LedgerRow]) -> bytes:
    return b"".join(orjson.dumps(asdict(row)) + b"\n" for row in itertools.islice(rows, _PAGE_ROWS))
