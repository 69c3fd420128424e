"""The /api/changes and /api/freeze routes.

What is read is read with a key that is for reading alone. What changes something goes to patchctl on the word of whoever asks:
it is shown their own token, or what their cookie stands for, asks the gateway who that is, and decides itself. Record 0042.
"""

import asyncio
import logging
import re
from typing import Annotated, Any

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, errors, gates, incidents, repairs, watching
from council.gateway import exchange, guests, parts
from council.gateway.changes import rows
from council.kit import clock as clock_module
from council.kit import ids

_log = logging.getLogger(__name__)

_LIMIT_MAX = 100
_BODY_BYTES_MAX = 4096
_REASON_CHARS_MAX = 300
_CID = re.compile(r"[0-9a-f]{16,64}")
# A gate's number before a patch is the last of so many seconds before it served, and after it the first thereafter.
_NEAR_S = 600.0


class ReasonForm(pydantic.BaseModel):
    """Why, in a line."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, pydantic.Field(min_length=1, max_length=_REASON_CHARS_MAX)]


class FreezeForm(pydantic.BaseModel):
    """Whether patches are taken, and why not."""

    frozen: bool
    reason: str
    by: str
    since_us: int


class QuotaForm(pydantic.BaseModel):
    """Patches of bots today."""

    used: int
    limit: int


class Changes(pydantic.BaseModel):
    """Patches, newest first; `before` is what asks for the next page, null at the end."""

    changes: list[rows.ChangeRow]
    before: str | None
    quota: QuotaForm
    freeze: FreezeForm
    quarantined: int


class QuarantineRow(pydantic.BaseModel):
    """A patch whose content may not come again; `reason` is why it was rolled back, `returned_us` when."""

    cid: str
    digest: str
    title: str
    ticket: int | None
    author: str
    reason: str
    returned_by: str
    returned_us: int
    files: list[str]
    files_count: int


class Quarantine(pydantic.BaseModel):
    """The newest patches in quarantine, newest first, and how many there are in all."""

    patches: list[QuarantineRow]
    count: int


class StepForm(pydantic.BaseModel):
    """One step of a patch's way; `took_s` is null for its end."""

    step: str
    at_us: int
    took_s: float | None


class DifferenceForm(pydantic.BaseModel):
    """What became of a file: `diff` as git shows it; `note` says why there is none."""

    path: str
    action: str
    mode: str
    diff: str
    note: str
    added: int
    removed: int


class NearGate(pydantic.BaseModel):
    """What a gate said at a moment."""

    name: str
    unit: str
    value: float | None
    verdict: gates.Verdict
    at_us: int


class RollbackForm(pydantic.BaseModel):
    """Whether a patch can be taken back, and what that means."""

    possible: bool
    why: str
    services: int
    took_s: float | None


class ChangeDetail(rows.ChangeRow):
    """A patch with all that is known of it; `document` is null where it was not kept."""

    steps: list[StepForm]
    document: dict[str, Any] | None
    differences: list[DifferenceForm]
    gates_before: list[NearGate]
    gates_after: list[NearGate]
    rollback: RollbackForm


class Thawed(pydantic.BaseModel):
    """Whether patches are taken now."""

    frozen: bool


_REASON = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": ReasonForm.model_json_schema()}}}
}
_Cid = Annotated[str, fastapi.Path(min_length=1, max_length=64)]


class ChangeRoutes:
    """Handlers."""

    def __init__(self, made: parts.Parts):
        self._parts = made
        self._clock = clock_module.SystemClock()

    async def page(self, limit: int, before: str) -> dict[str, Any]:
        """Return a page of patches. Raises PatchServiceUnavailableError."""
        changes, serving = self._parts.changes, self._parts.label.generation
        found = await changes.page(limit, int(before) if before else None)
        standing = await changes.standing()
        frozen = rows.frozen(standing) or {"reason": "", "by": "", "since_us": 0}
        return {
            "changes": [rows.row(one, serving) for one in found["patches"]],
            "before": None if not found["before"] else str(found["before"]),
            "quota": rows.quota(standing),
            "freeze": {"frozen": standing["frozen"], **frozen},
            "quarantined": standing["quarantined"],
        }

    async def quarantine(self) -> dict[str, Any]:
        """Return which contents may not come again. Raises PatchServiceUnavailableError."""
        found = await self._parts.changes.quarantine()
        return {"patches": [rows.quarantined(one) for one in found["patches"]], "count": found["count"]}

    async def one(self, cid: str) -> dict[str, Any]:
        """Return a patch. Raises NotFoundError, PatchServiceUnavailableError."""
        found = await self._parts.changes.detail(_checked(cid))
        told, standing = found["patch"], await self._parts.changes.standing()
        before, after = await self._near(told)
        return {
            **rows.row(told, self._parts.label.generation),
            "steps": rows.steps(told),
            "document": found["document"],
            "differences": found["differences"],
            "gates_before": before,
            "gates_after": after,
            "rollback": await self._rollback(told, standing),
        }

    async def roll_back(self, request: Request, cid: str) -> dict[str, Any]:
        """Have a patch taken back. Raises ForbiddenError, NotFoundError, OverloadedError."""
        who, token = self._admin(request)
        wanted = await self._reason(request)
        told = await self._parts.changes.roll_back(_checked(cid), who, wanted.reason, token)
        await self._note(repairs.InterventionKind.ROLLBACK, who, f"took back patch {cid}: {wanted.reason}")
        return rows.row(told, self._parts.label.generation)

    async def freeze(self, request: Request) -> None:
        """Have no more patches taken. Raises ForbiddenError."""
        who, token = self._admin(request)
        wanted = await self._reason(request)
        await self._parts.changes.freeze(frozen=True, by=who, reason=wanted.reason, token=token)

    async def thaw(self, request: Request) -> None:
        """Have patches taken again. Raises ForbiddenError."""
        who, token = self._admin(request)
        await self._parts.changes.freeze(frozen=False, by=who, reason="", token=token)
        await self._note(repairs.InterventionKind.UNFREEZE, who, "lifted the freeze")

    async def _note(self, kind: repairs.InterventionKind, who: str, what: str) -> None:
        """Count it among what people did, as the commands do; it is done, whatever becomes of that."""
        at_us = self._clock.now_us()
        one = repairs.Intervention(ids.ulid(at_us), kind, at_us, who, incidents.one_line(what, repairs.TEXT_CHARS_MAX))
        try:
            await asyncio.to_thread(self._parts.repairs.intervene, one)
        except errors.CouncilError as error:
            _log.warning("not counted among what people did", extra={"kind": kind.value, "reason": error.message})

    def _admin(self, request: Request) -> tuple[str, str]:
        """Return who asks, and what proves it to patchctl."""
        principal = self._parts.doorkeeper.admit(request, access.Right.ADMINISTER)
        return principal.user_id, guests.proof(request)

    async def _reason(self, request: Request) -> ReasonForm:
        timeout_s = self._parts.config.gateway.body_timeout_s
        wanted = await exchange.form(request, timeout_s, _BODY_BYTES_MAX, ReasonForm)
        if not wanted.reason.strip() or not wanted.reason.isprintable():
            raise errors.InvalidRequestError("`reason` must say why, in one line.", parameter="reason")
        return wanted

    async def _rollback(self, told: Any, standing: Any) -> dict[str, Any]:
        at_work, serving = standing["at_work"], self._parts.label.generation
        if at_work is not None and at_work["digest"] == told["digest"]:
            why = ""
        elif at_work is not None:
            why = "Another patch is on its way. Wait for it to end."
        elif not rows.row(told, serving)["live"]:
            why = "It did not make what serves now; only the newest applied patch can be taken back."
        else:
            why = ""
        try:
            services = len((await self._parts.watch.sight()).services)
        except errors.WatcherUnavailableError:
            services = 0
        return {"possible": not why, "why": why, "services": services, "took_s": rows.switch_s(told)}

    async def _near(self, told: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what the gates said just before a patch served and after its bake; none where nobody knows."""
        times = [(str(step), float(at)) for step, at in told["times"]]
        served_s = next((at for step, at in times if step == "switching"), None)
        if served_s is None or not told["outcome"]:
            return [], []
        ended_s = times[-1][1]
        before, after = [], []
        try:
            sight = await self._parts.watch.sight()
            for line in sight.gates:
                past = await self._parts.watch.history(line.name, served_s - _NEAR_S)
                before += _said(line, past, served_s - _NEAR_S, served_s, last=True)
                after += _said(line, past, ended_s, ended_s + _NEAR_S, last=False)
        except errors.WatcherUnavailableError:
            return [], []
        return before, after


def _said(
    line: watching.GateLine, past: watching.History, from_s: float, until_s: float, *, last: bool
) -> list[dict[str, Any]]:
    """Return what a gate said within a time, in a list; none where it said nothing."""
    values = [(at, value) for at, value in past.values if from_s <= at <= until_s]
    verdicts = [one for one in past.verdicts if one.since_s <= (until_s if last else from_s)]
    if not values or not verdicts:
        return []
    at_s, value = values[-1] if last else values[0]
    verdict = str(verdicts[-1].verdict)
    return [{"name": line.name, "unit": line.unit, "value": value, "verdict": verdict, "at_us": round(at_s * 1e6)}]


def _checked(cid: str) -> str:
    found = cid.removeprefix("cid:")
    if not _CID.fullmatch(found):
        raise errors.NotFoundError("No patch of this CID is known. GET /api/changes lists them.")
    return found


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["changes"])
    handlers = ChangeRoutes(made)

    @routes.get("/changes", response_model=Changes)
    async def newest(
        request: Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 20,
        before: Annotated[str, fastapi.Query(pattern=r"^[0-9]{0,9}$")] = "",
    ) -> Any:
        """Return patches, newest first, with the quota, the freeze, and how many contents may not come again."""
        made.doorkeeper.admit(request, access.Right.READ)
        return await handlers.page(limit, before)

    @routes.get("/changes/quarantine", response_model=Quarantine)
    async def quarantine(request: Request) -> Any:
        """Return the patches whose content may not come again, newest first: they were rolled back, and by their own fault."""
        made.doorkeeper.admit(request, access.Right.READ)
        return await handlers.quarantine()

    @routes.get("/changes/{cid}", response_model=ChangeDetail)
    async def one(request: Request, cid: _Cid) -> Any:
        """Return a patch with its document, its differences, its steps, and the gates before and after."""
        made.doorkeeper.admit(request, access.Right.READ)
        return await handlers.one(cid)

    @routes.post("/changes/{cid}/rollback", response_model=rows.ChangeRow, status_code=202, openapi_extra=_REASON)
    async def roll_back(request: Request, cid: _Cid) -> Any:
        """Take a patch back: the one on its way, or the newest that was applied."""
        return await handlers.roll_back(request, cid)

    @routes.post("/freeze", response_model=Thawed, openapi_extra=_REASON)
    async def freeze(request: Request) -> Any:
        """Take no more patches; a rollback is still taken."""
        await handlers.freeze(request)
        return {"frozen": True}

    @routes.delete("/freeze", response_model=Thawed)
    async def thaw(request: Request) -> Any:
        """Take patches again."""
        await handlers.thaw(request)
        return {"frozen": False}

    return routes
