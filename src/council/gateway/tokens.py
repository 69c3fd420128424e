"""The /api/tokens routes: who may call and as what, one more, and one fewer. Its secret is told once and kept nowhere."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, errors, logins, uses
from council.gateway import changing, exchange, guests, parts
from council.kit import clock as clock_module
from council.kit import ids

_BODY_BYTES_MAX = 16 * 1024
_LABEL_CHARS_MAX = 100
_LIMIT_MAX = 10_000_000
_MONEY_MAX = 10**15
_USER = r"^[A-Za-z0-9._@-]{1,64}$"

_Money = Annotated[int, pydantic.Field(strict=True, ge=1, le=_MONEY_MAX)]
_Identifier = Annotated[str, fastapi.Path(min_length=1, max_length=64)]


class TokenRow(pydantic.BaseModel):
    """A token, never its secret. `own` is the one that this request stands on; null means the usual limit, or never."""

    id: str
    user: str
    role: access.Role
    label: str
    created_us: int
    revoked_us: int | None
    used_us: int | None
    requests_per_minute: int | None
    memory: bool
    staging: bool
    day_usd_micros: int | None
    month_usd_micros: int | None
    own: bool


class UserRow(pydantic.BaseModel):
    """Who has tokens or is signed in: how many are in force, and when one was last used, null where nobody knows."""

    user: str
    roles: list[access.Role]
    tokens: int
    sessions: int
    used_us: int | None


class Tokens(pydantic.BaseModel):
    """Every token, newest first, and their users by name."""

    tokens: list[TokenRow]
    users: list[UserRow]


class TokenForm(pydantic.BaseModel):
    """What a token shall be; what is left out is as usual."""

    model_config = pydantic.ConfigDict(extra="forbid")

    user: Annotated[str, pydantic.Field(pattern=_USER)]
    role: access.Role
    label: Annotated[str, pydantic.Field(max_length=_LABEL_CHARS_MAX)] = ""
    requests_per_minute: Annotated[int, pydantic.Field(strict=True, ge=1, le=_LIMIT_MAX)] | None = None
    memory: pydantic.StrictBool = False
    staging: pydantic.StrictBool = False
    day_usd_micros: _Money | None = None
    month_usd_micros: _Money | None = None


class NewToken(pydantic.BaseModel):
    """A token with its secret, this once."""

    token: TokenRow
    secret: str


class Revoked(pydantic.BaseModel):
    """Which token has ended, and when."""

    id: str
    revoked_us: int


class TokenRoutes:
    """Handlers."""

    def __init__(self, made: parts.Parts, clock: clock_module.Clock):
        self._parts = made
        self._clock = clock

    async def every(self, own: str) -> dict[str, Any]:
        """Return tokens and users. Raises RecordsUnavailableError."""
        tokens = await asyncio.to_thread(self._parts.records.tokens)
        sessions = await asyncio.to_thread(self._parts.guests.kept.in_force, self._clock.now_us())
        used = {
            name: one.at_us for (kind, name), one in (await self._parts.used.all()).items() if kind is uses.Kind.TOKEN
        }
        rows = [row(one, used, own) for one in reversed(tokens)]
        return {"tokens": rows, "users": users(tokens, sessions, used)}

    async def add(self, wanted: TokenForm) -> dict[str, Any]:
        """Make a token. Raises RecordsUnavailableError."""
        if not wanted.label.isprintable():
            raise errors.InvalidRequestError("`label` must be one line.", parameter="label")
        secret, now_us = ids.secret(access.TOKEN_PREFIX), self._clock.now_us()
        asked = wanted.model_dump(exclude={"user"})
        token = access.Token(
            id=ids.ulid(now_us),
            user_id=wanted.user,
            secret_sha256=access.digest(secret),
            created_us=now_us,
            **asked,
        )
        await asyncio.to_thread(self._parts.records.add_token, token)
        await self._parts.doorkeeper.refresh()
        return {"token": row(token, {}, ""), "secret": secret}

    async def revoke(self, identifier: str) -> dict[str, Any]:
        """End a token. Raises NotFoundError, ConflictError, RecordsUnavailableError."""
        now_us = self._clock.now_us()
        if not await asyncio.to_thread(self._parts.records.revoke_token, identifier, now_us, keep_admin=True):
            raise errors.NotFoundError("No token of that id is in force. GET /api/tokens lists all.")
        await self._parts.doorkeeper.refresh()
        return {"id": identifier, "revoked_us": now_us}


def row(token: access.Token, used: Mapping[str, int], own: str) -> dict[str, Any]:
    """Return a token as it is shown."""
    shown = {name: getattr(token, name) for name in TokenRow.model_fields if name not in ("user", "used_us", "own")}
    return {**shown, "user": token.user_id, "used_us": used.get(token.id), "own": token.id == own}


def users(
    tokens: Sequence[access.Token], sessions: Sequence[logins.Session], used: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return who has tokens in force or is signed in, by name."""
    held = [one for one in tokens if one.revoked_us is None]
    rows = []
    for name in sorted({one.user_id for one in held} | {one.user_id for one in sessions}):
        own = [one for one in held if one.user_id == name]
        signed_in = [one for one in sessions if one.user_id == name]
        times = [used[one.id] for one in tokens if one.user_id == name and one.id in used]
        rows.append(
            {
                "user": name,
                "roles": sorted({one.role for one in own} | {one.role for one in signed_in}),
                "tokens": len(own),
                "sessions": len(signed_in),
                "used_us": max(times, default=None),
            }
        )
    return rows


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/tokens", tags=["dashboard"])
    handlers = TokenRoutes(made, clock_module.SystemClock())

    @routes.get("", response_model=Tokens)
    async def every(request: Request) -> Any:
        """Show every token and whose they are; never a secret."""
        caller = made.doorkeeper.admit(request, access.Right.ADMINISTER)
        guest = guests.guest_of(request)
        session = guest.session if guest is not None else None
        return await handlers.every(session.token_id if session is not None else caller.token_id)

    @routes.post("", response_model=NewToken, status_code=201, openapi_extra=exchange.documented(TokenForm))
    async def add(request: Request) -> Any:
        """Make a token; its secret is told this once."""
        await changing.admit(made, request, access.Right.ADMINISTER)
        timeout_s = made.config.gateway.body_timeout_s
        return await handlers.add(await exchange.form(request, timeout_s, _BODY_BYTES_MAX, TokenForm))

    @routes.delete("/{identifier}", response_model=Revoked)
    async def revoke(request: Request, identifier: _Identifier) -> Any:
        """End a token, and every session that began with it. The last one of an administrator stays."""
        await changing.admit(made, request, access.Right.ADMINISTER)
        return await handlers.revoke(identifier)

    return routes
