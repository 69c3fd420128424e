"""The /api/policy, /api/blueprint and /api/drafts routes: who may change what, the settings as they are, and patches of them.

A browser that is signed in changes no blueprint: it is given the patch, and the commands by which a person signs and sends it.
"""

import asyncio
from typing import Annotated, Any, Literal

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, authz, errors, patches
from council.gateway import changing, exchange, parts
from council.gateway.drafts import drafting, editing
from council.kit import addresses
from council.kit import clock as clock_module

_EDITS_MAX = 50
_STEPS_MAX = 12
_TITLE_CHARS_MAX = 100
_STEP_CHARS_MAX = 200
_VALUE_CHARS_MAX = 100_000

_Step = Annotated[str, pydantic.Field(min_length=1, max_length=_STEP_CHARS_MAX)]
_File = Literal["council.yaml", "providers.yaml", "authz.yaml"]


class SignerRow(pydantic.BaseModel):
    """Whose signature counts, and for which paths; `max_daily` null is as many as one likes."""

    name: str
    kind: authz.Kind
    fingerprint: str
    allow: list[str]
    deny: list[str]
    max_daily: int | None
    account: str
    revoked: bool


class ProtectedRow(pydantic.BaseModel):
    """Paths that need so many people behind a patch; `of` names who counts, everybody where it is empty."""

    paths: list[str]
    humans: int
    of: list[str]


class SizesRow(pydantic.BaseModel):
    """How large a patch may be."""

    patch_bytes: int
    files: int
    file_bytes: int


class WindowRow(pydantic.BaseModel):
    """When what needs a pause may be applied, UTC."""

    days: list[str]
    begin: str
    end: str


class Policy(pydantic.BaseModel):
    """Who may change the blueprint, as authz.yaml of the live generation says; and what each role may ask of the gateway."""

    generation: str
    text: str
    signers: list[SignerRow]
    protected: list[ProtectedRow]
    bots_daily: int
    used_today: int | None
    lifetime_s_max: int
    sizes: SizesRow
    freeze_label: str
    windows: list[WindowRow]
    rights: dict[access.Role, list[access.Right]]


class FileRow(pydantic.BaseModel):
    """A settings file as it stands, without passwords."""

    path: str
    text: str


class Files(pydantic.BaseModel):
    """The settings files of the live generation: those that there are."""

    generation: str
    files: list[FileRow]


class EditForm(pydantic.BaseModel):
    """One value: `path` from the top of the file, a number as text for a place in a list; null removes it."""

    model_config = pydantic.ConfigDict(extra="forbid")

    file: _File
    path: Annotated[list[_Step], pydantic.Field(min_length=1, max_length=_STEPS_MAX)]
    value: Any


class DraftForm(pydantic.BaseModel):
    """What shall be changed, and why."""

    model_config = pydantic.ConfigDict(extra="forbid")

    title: Annotated[str, pydantic.Field(min_length=1, max_length=_TITLE_CHARS_MAX)]
    reason: Annotated[str, pydantic.Field(min_length=1, max_length=patches.REASON_LENGTH_MAX)]
    edits: Annotated[list[EditForm], pydantic.Field(min_length=1, max_length=_EDITS_MAX)]


class ChangedRow(pydantic.BaseModel):
    """A file anew, and how it differs."""

    path: str
    diff: str
    text: str
    added: int
    removed: int


class Draft(pydantic.BaseModel):
    """A patch, unsigned: `document` is to be saved as it is; `commands` run beside it, in order."""

    base: str
    files: list[ChangedRow]
    document: str
    cid: str
    expires_us: int
    protected: bool
    notes: list[str]
    commands: list[str]


class DraftRoutes:
    """Handlers."""

    def __init__(self, made: parts.Parts, clock: clock_module.Clock):
        self._parts = made
        self._clock = clock

    async def policy(self) -> dict[str, Any]:
        """Return who may change what. Raises BlueprintError, ConfigError."""
        generation, files = await asyncio.to_thread(self._parts.blueprint.look)
        found = drafting.policy_of(files)
        try:
            used = (await self._parts.changes.standing())["quota"]["bots"]["used"]
        except (errors.PatchServiceUnavailableError, KeyError, TypeError):
            used = None
        return {
            "generation": generation,
            "text": files.get(authz.FILE, b"").decode("utf-8", "replace"),
            "signers": [_signer(one, found) for one in found.signers.values()],
            "protected": [_protected(one, found) for one in found.protected],
            "used_today": used,
            **{name: getattr(found, name) for name in ("bots_daily", "lifetime_s_max", "freeze_label")},
            "sizes": {name: getattr(found.sizes, name) for name in SizesRow.model_fields},
            "windows": [_window(one) for one in found.windows],
            "rights": {role: sorted(rights) for role, rights in access.RIGHTS.items()},
        }

    async def files(self) -> dict[str, Any]:
        """Return the settings files. Raises BlueprintError."""
        generation, files = await asyncio.to_thread(self._parts.blueprint.look)
        shown = {path: addresses.without_passwords(raw.decode("utf-8", "replace")) for path, raw in files.items()}
        return {"generation": generation, "files": [{"path": path, "text": text} for path, text in shown.items()]}

    async def draft(self, author: str, wanted: DraftForm) -> dict[str, Any]:
        """Return a patch. Raises InvalidRequestError, BlueprintError."""
        for name in ("title", "reason"):
            said = getattr(wanted, name)
            if not said.strip() or not all(one.isprintable() or (name == "reason" and one == "\n") for one in said):
                raise errors.InvalidRequestError(f"`{name}` must say something that people can read.", parameter=name)
        edits: dict[str, list[editing.Edit]] = {}
        for one in wanted.edits:
            _check_value(one.value)
            edits.setdefault(one.file, []).append(editing.Edit(tuple(one.path), one.value))
        base, files = await asyncio.to_thread(self._parts.blueprint.look)
        wish = drafting.Wish(author[: patches.AUTHOR_LENGTH_MAX], wanted.title, wanted.reason, edits)
        found = await asyncio.to_thread(drafting.drafted, base, files, wish, self._clock.now_us() // 1_000_000)
        return {
            "base": base,
            "files": [{name: getattr(one, name) for name in ChangedRow.model_fields} for one in found.files],
            "document": found.document.decode(),
            "cid": patches.cid(patches.digest(found.document)),
            "expires_us": found.expires_s * 1_000_000,
            "protected": found.protected,
            "notes": list(found.notes),
            "commands": list(drafting.COMMANDS),
        }


def _check_value(value: Any) -> None:
    """Refuse what no settings file holds. Raises InvalidRequestError."""
    level, left = [value], []
    for _ in range(_STEPS_MAX + 1):
        left += [one for one in level if isinstance(one, str)]
        inner = [[*one.keys(), *one.values()] if isinstance(one, dict) else one for one in level]
        level = [deeper for one in inner if isinstance(one, list) for deeper in one]
    # Before anything walks through it that goes as deep as it is.
    if level:
        raise errors.InvalidRequestError(
            f"A value is more than {_STEPS_MAX} levels deep, and no settings file is. Give a flatter one.",
            parameter="edits",
        )
    if len(repr(value)) > _VALUE_CHARS_MAX:
        raise errors.InvalidRequestError("A value is too long for a settings file. Shorten it.", parameter="edits")
    if not all(one.isprintable() or one.replace("\n", "").isprintable() for one in left):
        raise errors.InvalidRequestError("A value holds what no editor shows. Leave it out.", parameter="edits")


def _signer(one: authz.Signer, policy: authz.Policy) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("name", "kind", "fingerprint", "account")},
        "allow": list(one.allow),
        "deny": list(one.deny),
        "max_daily": one.daily_max,
        "revoked": one.fingerprint in policy.revoked,
    }


def _protected(one: authz.Protected, policy: authz.Policy) -> dict[str, Any]:
    of = sorted(policy.signers[found].name for found in one.of if found in policy.signers)
    return {"paths": list(one.paths), "humans": one.humans, "of": of}


def _window(one: authz.Window) -> dict[str, Any]:
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (one.begin_min, one.end_min))
    return {"days": [authz.DAYS[day] for day in sorted(one.days)], "begin": begin, "end": end}


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["dashboard"])
    handlers = DraftRoutes(made, clock_module.SystemClock())

    @routes.get("/policy", response_model=Policy)
    async def policy(request: Request) -> Any:
        """Show who may change the blueprint, and what each role may ask."""
        made.doorkeeper.admit(request, access.Right.OPERATE)
        return await handlers.policy()

    @routes.get("/blueprint/files", response_model=Files)
    async def files(request: Request) -> Any:
        """Show the settings files of the live generation, without passwords."""
        made.doorkeeper.admit(request, access.Right.ADMINISTER)
        return await handlers.files()

    @routes.post("/drafts", response_model=Draft, openapi_extra=exchange.documented(DraftForm))
    async def draft(request: Request) -> Any:
        """Draft a patch of settings, to be signed and sent by a person. Nothing is changed, and nothing kept."""
        caller = await changing.admit(made, request, access.Right.ADMINISTER)
        settings = made.config.gateway
        wanted = await exchange.form(request, settings.body_timeout_s, settings.body_bytes_max, DraftForm)
        return await handlers.draft(caller.user_id, wanted)

    return routes
