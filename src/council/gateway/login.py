"""Signing in and out with a browser, who is signed in, and what people did with the dashboard."""

import asyncio
import ipaddress
from typing import Annotated, Any

import fastapi
import pydantic
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from council import telemetry
from council.domain import access, errors, logins
from council.gateway import door, exchange, guests, parts

_LIMIT_MAX = 100
_ID_CHARS_MAX = 64
_BODY_BYTES_MAX = 4096
_TRIES_PER_MINUTE = 10
_TRIES_OF_ALL_PER_MINUTE = 60
_REFUSED = "/login?refused=1"
_Secret = Annotated[str, pydantic.Field(min_length=1, max_length=logins.SECRET_CHARS_MAX)]


class LoginForm(pydantic.BaseModel):
    """A token, or the code of a one-time link: one of them."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    token: _Secret | None = None
    code: _Secret | None = None


class LogoutForm(pydantic.BaseModel):
    """`all`: every session of this user, and links that nobody has used yet."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    all: bool = False


class Me(pydantic.BaseModel):
    """Who is calling. `role` is "" for nobody, `csrf` without a session; `expires_us` is null without one."""

    user: str
    role: str
    rights: list[access.Right]
    signed_in: bool
    csrf: str
    expires_us: int | None


class Ended(pydantic.BaseModel):
    """How many sessions were ended."""

    ended: int


class AuditRow(pydantic.BaseModel):
    """One action; `id` is the request's, `status` null while it goes on, or where its process ended before."""

    id: str
    at_us: int
    user: str
    session: str
    role: str
    action: str
    status: int | None


class AuditRows(pydantic.BaseModel):
    """Actions, newest first; `before` is what asks for the next page, null at the end."""

    rows: list[AuditRow]
    before: str | None


def _one_of(name: str) -> dict[str, Any]:
    secret = {"type": "string", "minLength": 1, "maxLength": logins.SECRET_CHARS_MAX}
    return {"type": "object", "properties": {name: secret}, "required": [name], "additionalProperties": False}


_LOGIN = {"application/json": {"schema": {"title": "LoginForm", "oneOf": [_one_of("token"), _one_of("code")]}}}


class LoginRoutes:
    """Handlers for signing in; `document` is what answers a person who opens /login."""

    def __init__(self, made: parts.Parts, document: Any):
        self._parts = made
        self._guests = made.guests
        self._document = document

    def routes(self) -> list[Route]:
        """Return Starlette routes."""
        return [Route("/login", self.open, methods=["GET"])]

    async def open(self, request: Request) -> Response:
        """Take the code of a one-time link, from this machine alone; without one show the page."""
        code = request.query_params.get("code", "")
        if not code:
            shown: Response = await self._document(request)
            return shown
        if request.method != "GET" or not _by_hand(request) or not self._is_here(request):
            return RedirectResponse(_REFUSED, 303)
        try:
            await self._try(request)
            found = await self._guests.redeem(code[: logins.SECRET_CHARS_MAX])
        except errors.RateLimitedError:
            found = None
        if found is None:
            telemetry.UNAUTHORISED.labels("login").inc()
            return RedirectResponse(_REFUSED, 303)
        response = RedirectResponse("/", 303)
        await self._welcome(request, response, *found)
        return response

    async def login(self, request: Request) -> Response:
        """Take a token or a code."""
        if request.headers.get("origin") is not None and not guests.is_own(request.headers, request.scope):
            raise errors.ForbiddenError("Sign in on this site's own page.")
        await self._try(request)
        timeout_s = self._parts.config.gateway.body_timeout_s
        said = await exchange.form(request, timeout_s, _BODY_BYTES_MAX, LoginForm)
        if (said.token is None) == (said.code is None):
            raise errors.InvalidRequestError("Send `token` or `code`, one of them.")
        found = await self._opened(request, said)
        if found is None:
            telemetry.UNAUTHORISED.labels("login").inc()
            raise errors.UnauthenticatedError(
                "This token is not in force, or this link was used or is too old. `council login` makes a link; "
                "`council tokens list` shows the tokens."
            )
        response = exchange.json_response(self._me(self._parts.doorkeeper.principal_of(found[0]), *found))
        await self._welcome(request, response, *found)
        return response

    async def logout(self, request: Request, everywhere: bool) -> Response:
        """End the session of the cookie."""
        guest, ended = guests.guest_of(request), 0
        if guest is not None and guest.session is not None:
            guests.check_own(request, guest)
            ended = await self._guests.end(guest.session, everywhere=everywhere)
        response = exchange.json_response({"ended": ended})
        response.headers["set-cookie"] = self._guests.cookie(request.scope["scheme"], "")
        return response

    async def me(self, request: Request) -> Response:
        """Show who is calling; have a browser forget a cookie that stands for nothing."""
        principal, guest = self._parts.doorkeeper.whoever(request), guests.guest_of(request)
        signed_in = principal is not None and bool(principal.session_id) and guest is not None
        session = guest.session if guest is not None and signed_in else None
        response = exchange.json_response(self._me(principal, session, guest.secret if guest else ""))
        if guest is not None and not signed_in:
            response.headers["set-cookie"] = self._guests.cookie(request.scope["scheme"], "")
        return response

    async def _opened(self, request: Request, said: LoginForm) -> tuple[logins.Session, str] | None:
        if said.code is not None:
            return await self._guests.redeem(said.code) if self._is_here(request) else None
        token = await self._parts.doorkeeper.token(said.token or "")
        return None if token is None else await self._guests.begin(token.user_id, token.role, token.id)

    async def _welcome(self, request: Request, response: Response, session: logins.Session, secret: str) -> None:
        """Give a browser its new cookie, whatever it carried before, and end what that stood for."""
        before = guests.guest_of(request)
        if before is not None and before.session is not None:
            await self._guests.end(before.session)
        await self._guests.note(request.scope, session)
        response.headers["set-cookie"] = self._guests.cookie(request.scope["scheme"], secret)

    async def _try(self, request: Request) -> None:
        """Count a try. Raises RateLimitedError."""
        address = request.client.host if request.client is not None else ""
        for key, limit in ((f"login:{address}", _TRIES_PER_MINUTE), ("login", _TRIES_OF_ALL_PER_MINUTE)):
            try:
                await self._parts.limiter.admit(access.Principal("", key, frozenset(), limit))
            except errors.RateLimitedError as error:
                raise errors.RateLimitedError(
                    f"Too many tries to sign in. Try again in {error.retry_after_s} s.",
                    retry_after_s=error.retry_after_s,
                ) from error

    def _is_here(self, request: Request) -> bool:
        """Return whether the browser runs on this machine and asked for it by a loopback name."""
        if request.client is None or not door.names_loopback(request.headers.get("host", "")):
            return False
        try:
            return ipaddress.ip_address(request.client.host).is_loopback
        except ValueError:
            return False

    def _me(self, principal: access.Principal | None, session: logins.Session | None, secret: str) -> dict[str, Any]:
        return {
            "user": principal.user_id if principal else "",
            "role": principal.role if principal else "",
            "rights": sorted(principal.rights) if principal else [],
            "signed_in": session is not None,
            "csrf": logins.csrf_of(secret) if session is not None else "",
            "expires_us": session.expires_us if session is not None else None,
        }


def router(made: parts.Parts, handlers: LoginRoutes) -> fastapi.APIRouter:
    """Return the /api routes."""
    routes = fastapi.APIRouter(prefix="/api", tags=["dashboard"])

    @routes.post("/login", response_model=Me, openapi_extra={"requestBody": {"required": True, "content": _LOGIN}})
    async def login(request: Request) -> Any:
        """Sign in with a token, or with the code of a one-time link; the cookie comes with the answer."""
        return await handlers.login(request)

    @routes.post("/logout", response_model=Ended)
    async def logout(request: Request, said: LogoutForm | None = None) -> Any:
        """Sign out; with `all` everywhere."""
        return await handlers.logout(request, said is not None and said.all)

    @routes.get("/me", response_model=Me)
    async def me(request: Request) -> Any:
        """Show who you are, and the value for `x-council-csrf`."""
        return await handlers.me(request)

    @routes.get("/audit", response_model=AuditRows)
    async def audit(
        request: Request,
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 50,
        before: Annotated[str, fastapi.Query(max_length=_ID_CHARS_MAX)] = "",
    ) -> Any:
        """Show what people did with the dashboard, newest first."""
        made.doorkeeper.admit(request, access.Right.ADMINISTER)
        found = await asyncio.to_thread(made.guests.trail.newest, limit + 1, before=before)
        rows = [
            {
                **{name: getattr(one, name) for name in ("id", "at_us", "role", "action", "status")},
                "user": one.user_id,
                "session": one.session_id,
            }
            for one in found[:limit]
        ]
        return {"rows": rows, "before": found[limit - 1].id if len(found) > limit else None}

    return routes


def _by_hand(request: Request) -> bool:
    """Return whether a person opened the address: no page of another site, and no program that looks ahead."""
    ahead = request.headers.get("sec-purpose") or request.headers.get("purpose") or request.headers.get("x-moz")
    return ahead is None and request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
