"""Browsers that are signed in: what a cookie stands for, and a row in the audit for each thing that one changes.

The sessions in force are read again with the tokens; one that this process has not seen yet, since another one began it, is
looked up. While the records are away those read last stay in force. What leans on a cookie to change something is in the audit
before it is done, so that nothing is done that nobody can find again. Record 0042.
"""

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, cookie_parser
from starlette.types import Scope

from council import dashboard_ports, telemetry
from council.domain import access, audits, errors, logins
from council.domain import config as config_module
from council.kit import clock as clock_module
from council.kit import ids, overlap

_log = logging.getLogger(__name__)

CSRF_HEADER = "x-council-csrf"
COOKIE = "council_session"
_STATE = "guest"
# What makes things safer is done whether it can be noted or not.
_ANYWAY = frozenset({"/v1/sandbox/kill", "/api/logout"})
_AUDITED = "audited"
_BOUNDED = "bounded"
# So many deeds of one user may be refused for want of a right, or be under way, a minute: whoever is refused would fill the
# audit otherwise.
REFUSED_PER_MINUTE = 60
_MINUTE_S = 60.0
_USERS_MAX = 10_000
# What is refused for another reason, as a name that is taken, befalls who has the right.
_REFUSED = frozenset({401, 403})
_USUAL_PORT = 8000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Where another process of Council shows what it was shown: it may be a session's, too.
_SHOWN_AT = "/api/token"
# Secrets that nobody has seen are looked up no more often than this.
_LOOKUPS_PER_S = 50
_TRIM_S = 3600.0


@dataclass(frozen=True, slots=True)
class Guest:
    """What a request leans on: `session` is None where it has ended, or never was. `shown` says that it came as a token."""

    session: logins.Session | None
    secret: str
    shown: bool = False


@dataclass(slots=True)
class _Deeds:
    """A user's deeds of the minute that began at `since_s`: those refused, and those whose end is not known yet."""

    since_s: float
    refused: int = 0
    under_way: int = 0


class Guests:
    """Knows the sessions in force by their digests."""

    def __init__(
        self,
        kept: dashboard_ports.Logins,
        trail: dashboard_ports.Audit,
        config: config_module.Config,
        clock: clock_module.Clock,
    ):
        self.kept = kept
        self.trail = trail
        self._config = config
        self._clock = clock
        self._sessions: dict[str, logins.Session] = {}
        self._reads = overlap.Overlap()
        self._budget = (0.0, 0)
        self._trimmed_s = float("-inf")
        # By user.
        self._deeds: dict[str, _Deeds] = {}

    async def refresh(self) -> None:
        """Read the sessions again, and drop what is too old now and then. Raises RecordsUnavailableError."""
        now_us, number = self._clock.now_us(), self._reads.begin()
        found = await asyncio.to_thread(self.kept.in_force, now_us)
        # One that began before a session was ended would bring that session back.
        if self._reads.take(number):
            # Those that began while these were read are not among them.
            new = {key: one for key, one in self._sessions.items() if one.created_us >= now_us}
            self._sessions = new | {one.secret_sha256: one for one in found}
        if self._clock.monotonic_s() - self._trimmed_s > _TRIM_S:
            self._trimmed_s = self._clock.monotonic_s()
            await asyncio.to_thread(self.kept.trim, now_us)
            await asyncio.to_thread(self.trail.trim, audits.ROWS_MAX)

    def holds(self, session: logins.Session) -> bool:
        """Return whether a session that was met goes on."""
        return session.secret_sha256 in self._sessions and session.in_force(self._clock.now_us())

    async def greet(self, scope: Scope) -> None:
        """Note whose cookie a request carries, and in the audit what it is about to change.

        Raises RecordsUnavailableError, and RateLimitedError where too many deeds of its user were refused.
        """
        guest = await self._guest(Headers(scope=scope), scope)
        if guest is None:
            return
        scope["state"][_STATE] = guest
        session = None if guest.shown or scope.get("method", "GET") in _SAFE_METHODS else guest.session
        if session is not None and self._bound(scope, session.user_id):
            await self.note(scope, session)

    async def note(self, scope: Scope, session: logins.Session) -> None:
        """Keep a row about a request of a session. Raises RecordsUnavailableError."""
        await self._note(scope, session.user_id, session.id, session.role.value)

    async def witness(self, scope: Scope, caller: access.Principal) -> None:
        """Keep a row about a request that changes something, whoever asks. Raises RecordsUnavailableError."""
        await self._note(scope, caller.user_id, caller.session_id, caller.role)

    async def _note(self, scope: Scope, user_id: str, session_id: str, role: str) -> None:
        if scope["state"].get(_AUDITED):
            return
        request_id = scope["state"]["request_id"]
        action = f"{scope['method']} {scope['path']}"
        row = audits.Row(request_id, self._clock.now_us(), user_id, session_id, role, action)
        try:
            await asyncio.to_thread(self.trail.add, row)
        except errors.RecordsUnavailableError as error:
            if scope["path"] not in _ANYWAY:
                raise
            _log.warning("an action is not in the audit", extra={"action": action, "detail": error.detail})
        else:
            scope["state"][_AUDITED] = True

    async def settle(self, scope: Scope, status: int) -> None:
        """Note how it ended, where there is a row. Never raises."""
        deeds: _Deeds | None = scope["state"].pop(_BOUNDED, None)
        if deeds is not None:
            deeds.under_way -= 1
            deeds.refused += status in _REFUSED
        if scope["state"].pop(_AUDITED, False):
            try:
                await asyncio.to_thread(self.trail.settle, scope["state"]["request_id"], status)
            except errors.RecordsUnavailableError as error:
                _log.warning("how an action ended is not in the audit", extra={"detail": error.detail})

    async def begin(self, user_id: str, role: access.Role, token_id: str) -> tuple[logins.Session, str]:
        """Return a new session and its secret. Raises RecordsUnavailableError."""
        session, secret = self._made(user_id, role, token_id)
        await asyncio.to_thread(self.kept.begin, session)
        self._sessions[session.secret_sha256] = session
        return session, secret

    async def redeem(self, code: str) -> tuple[logins.Session, str] | None:
        """Return the session that a one-time code opens, and its secret. Raises RecordsUnavailableError."""
        blank, secret = self._made("", access.Role.VIEWER, "")
        digest, now_us = access.digest(code), self._clock.now_us()
        session = await asyncio.to_thread(self.kept.redeem, digest, blank, now_us)
        if session is None:
            return None
        self._sessions[session.secret_sha256] = session
        return session, secret

    async def end(self, session: logins.Session, *, everywhere: bool = False) -> int:
        """End a session, or all of its user's; return how many. Raises RecordsUnavailableError."""
        if everywhere:
            ended = await asyncio.to_thread(self.kept.end_all, session.user_id)
            self._sessions = {key: one for key, one in self._sessions.items() if one.user_id != session.user_id}
        else:
            ended = int(await asyncio.to_thread(self.kept.end, session.id))
            self._sessions.pop(session.secret_sha256, None)
        # What was asked of the records before does not know of it.
        self._reads.take(self._reads.begin())
        return ended

    def cookie_name(self, scheme: str) -> str:
        """Return the cookie's name. Browsers keep cookies by host and not by port, so another Council's has another name."""
        port = self._config.port
        name = COOKIE if port == _USUAL_PORT else f"{COOKIE}_{port}"
        return f"__Host-{name}" if scheme in ("https", "wss") else name

    def cookie(self, scheme: str, secret: str) -> str:
        """Return the header's value that has a browser keep a secret; or, for "", forget it."""
        life_s = round(self._config.dashboard.session_hours * 3600) if secret else 0
        secure = "; Secure" if scheme in ("https", "wss") else ""
        return f"{self.cookie_name(scheme)}={secret}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"

    def _made(self, user_id: str, role: access.Role, token_id: str) -> tuple[logins.Session, str]:
        secret, now_us = logins.new_secret(), self._clock.now_us()
        until_us = now_us + round(self._config.dashboard.session_hours * 3.6e9)
        made = logins.Session(ids.ulid(now_us), access.digest(secret), user_id, role, token_id, now_us, until_us)
        return made, secret

    async def _guest(self, headers: Headers, scope: Scope) -> Guest | None:
        if "authorization" in headers or "x-api-key" in headers:
            if scope["path"] != _SHOWN_AT:
                return None
            secret = headers.get("authorization", "").partition(" ")[2].strip()
            session = await self._find(secret)
            return None if session is None else Guest(session, secret, shown=True)
        # What a page of another site has a browser ask for counts as asked by nobody.
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return None
        secret = cookie_parser(headers.get("cookie", "")).get(self.cookie_name(scope["scheme"]), "")
        return Guest(await self._find(secret), secret) if secret else None

    async def _find(self, secret: str) -> logins.Session | None:
        if not secret or len(secret) > logins.SECRET_CHARS_MAX:
            return None
        digest, now_us = access.digest(secret), self._clock.now_us()
        session = self._sessions.get(digest)
        if session is None and self._may_look_up():
            number = self._reads.begin()
            session = await asyncio.to_thread(self.kept.find, digest)
            if session is not None and self._reads.counts(number):
                self._sessions[digest] = session
        return session if session is not None and session.in_force(now_us) else None

    def _bound(self, scope: Scope, user_id: str) -> bool:
        """Return whether there is room in the audit for one more deed of a user. Raises RateLimitedError."""
        now_s = self._clock.monotonic_s()
        deeds = self._deeds.pop(user_id, None)
        if deeds is None or now_s - deeds.since_s >= _MINUTE_S:
            deeds = _Deeds(now_s)
        # Put back as the newest.
        self._deeds[user_id] = deeds
        if len(self._deeds) > _USERS_MAX:
            del self._deeds[next(iter(self._deeds))]
        if deeds.refused + deeds.under_way < REFUSED_PER_MINUTE:
            deeds.under_way += 1
            scope["state"][_BOUNDED] = deeds
            return True
        if scope["path"] not in _ANYWAY:
            telemetry.RATE_LIMITED.inc()
            raise self._too_many(deeds, now_s)
        return False

    def _too_many(self, deeds: _Deeds, now_s: float) -> errors.RateLimitedError:
        wait_s = max(1, math.ceil(deeds.since_s + _MINUTE_S - now_s))
        if deeds.refused >= REFUSED_PER_MINUTE:
            said = (
                f"Too many changes were refused to you. Try again in {wait_s} s, or ask an administrator for the right."
            )
        else:
            # One of them may end at any moment.
            wait_s = 1
            said = (
                f"{deeds.under_way} changes of yours are under way, and {deeds.refused} were refused within a minute. "
                "There may be no more; try again once some have ended."
            )
        return errors.RateLimitedError(said, retry_after_s=wait_s)

    def _may_look_up(self) -> bool:
        second, used = self._budget
        now_s = time.monotonic()
        self._budget = (second, used + 1) if now_s - second < 1.0 else (now_s, 1)
        return self._budget[1] <= _LOOKUPS_PER_S


def guest_of(connection: HTTPConnection) -> Guest | None:
    """Return whose cookie a request carries, None where it carries none that counts."""
    found = connection.scope.get("state", {}).get(_STATE)
    return found if isinstance(found, Guest) else None


def proof(connection: HTTPConnection) -> str:
    """Return what proves to another process of ours who asks: what their cookie stands for, or their own token."""
    guest = guest_of(connection)
    if guest is not None:
        return guest.secret
    header = connection.headers.get("authorization") or f"Bearer {connection.headers.get('x-api-key', '')}"
    return header.partition(" ")[2].strip()


def check_own(connection: HTTPConnection, guest: Guest) -> None:
    """Refuse what changes something and leans on a cookie unless a page of ours asks for it. Raises ForbiddenError."""
    scope = connection.scope
    if guest.shown or scope["type"] != "http" or scope["method"] in _SAFE_METHODS:
        return
    if not is_own(connection.headers, scope) or not logins.is_csrf(
        guest.secret, connection.headers.get(CSRF_HEADER, "")
    ):
        telemetry.UNAUTHORISED.labels("csrf").inc()
        raise errors.ForbiddenError(
            f"A change by a signed-in browser must come from this site's own pages, with `{CSRF_HEADER}` as GET /api/me gives "
            "it. Load the page again."
        )


def is_own(headers: Mapping[str, str], scope: Scope) -> bool:
    """Return whether a browser says that a page of this very origin asks."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    return origin == f"{scheme}://{headers.get('host', '')}"
