"""Who is calling: bearer tokens against the hashed list, a signed-in browser, or loopback without either."""

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import Callable, Mapping

from starlette.requests import HTTPConnection

from council import ports, telemetry
from council.domain import access, errors, logins
from council.domain import config as config_module
from council.gateway import guests as guests_module
from council.gateway import presence
from council.kit import overlap

_log = logging.getLogger(__name__)

_ANONYMOUS_RIGHTS = frozenset({access.Right.READ, access.Right.CHAT})


class Doorkeeper:
    """Knows every token in force by its digest. Reads the list again every `tokens_refresh_s`.

    While the records are away the last list read stays in force, so that a database outage locks nobody out and lets
    nobody new in.
    """

    def __init__(
        self,
        records: ports.Records,
        gateway: config_module.GatewayConfig,
        metrics_key_sha256: str = "",
        guests: guests_module.Guests | None = None,
        used: Callable[[str], None] = lambda _: None,
    ):
        """`metrics_key_sha256` is of the key that opens the metrics and nothing else. `guests` are signed-in browsers.

        `used` is told the id of each token that a request stands on.
        """
        self._used = used
        self._records = records
        self._guests = guests
        self._gateway = gateway
        self._metrics_key_sha256 = metrics_key_sha256
        self._tokens: Mapping[str, access.Token] = {}
        self._by_id: Mapping[str, access.Token] = {}
        self._reads = overlap.Overlap()

    async def refresh(self) -> None:
        """Read the token list, and the sessions. Raises RecordsUnavailableError."""
        number = self._reads.begin()
        tokens = await asyncio.to_thread(self._records.tokens)
        # One that began before a token was revoked would bring that token back.
        if self._reads.take(number):
            self._tokens = {token.secret_sha256: token for token in tokens if token.revoked_us is None}
            self._by_id = {token.id: token for token in self._tokens.values()}
        if self._guests is not None:
            await self._guests.refresh()

    async def token(self, secret: str) -> access.Token | None:
        """Return the token in force of this secret, one that was made this moment, too. Raises RecordsUnavailableError."""
        digest = access.digest(secret)
        if digest not in self._tokens:
            await self.refresh()
        return self._tokens.get(digest)

    async def keep_fresh(self) -> None:
        """Refresh for ever."""
        while True:
            await asyncio.sleep(self._gateway.tokens_refresh_s)
            try:
                await self.refresh()
            except errors.RecordsUnavailableError as error:
                _log.warning("the token list could not be read again", extra={"detail": error.detail})
            except Exception:  # noqa: BLE001 - a list that is never read again would keep revoked tokens alive
                _log.exception("the token list could not be read again")

    def admit(self, connection: HTTPConnection, right: access.Right) -> access.Principal:
        """Return who is calling. Raises UnauthenticatedError, ForbiddenError."""
        principal = self._identify(connection)
        if right not in principal.rights:
            telemetry.UNAUTHORISED.labels("right").inc()
            raise errors.ForbiddenError(
                f"This needs the right to {right}. Use a token whose role has it; `council tokens add` makes one."
            )
        presence.met(connection, principal)
        if principal.token_id != principal.session_id:
            self._used(principal.token_id)
        return principal

    def admit_scrape(self, connection: HTTPConnection) -> None:
        """Let pass who may read, and the watcher. Raises UnauthenticatedError, ForbiddenError."""
        scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
        shown = access.digest(secret.strip()) if scheme.lower() == "bearer" else ""
        if not (shown and hmac.compare_digest(shown, self._metrics_key_sha256)):
            self.admit(connection, access.Right.READ)

    def whoever(self, connection: HTTPConnection) -> access.Principal | None:
        """Return who is calling, None for nobody; a cookie whose session has ended is passed over. Changes need `admit`."""
        guest = guests_module.guest_of(connection)
        ended = guest is not None and self.principal_of(guest.session) is None
        try:
            return self._unsigned(connection) if ended else self._identify(connection)
        except errors.UnauthenticatedError:
            return None

    def principal_of(self, session: logins.Session | None) -> access.Principal | None:
        """Return as whom a session acts; None where it has ended, and it ends with its token."""
        if session is None or self._guests is None or not self._guests.holds(session):
            return None
        token = self._by_id.get(session.token_id)
        if session.token_id and token is None:
            return None
        return access.Principal(
            session.user_id,
            session.payer,
            access.RIGHTS[session.role] if token is None else token.rights,
            (token and token.requests_per_minute) or self._gateway.requests_per_minute,
            None if token is None else token.day_usd_micros,
            None if token is None else token.month_usd_micros,
            memory=True,
            staging=token is not None and token.staging,
            role=str(session.role if token is None else token.role),
            session_id=session.id,
        )

    def _identify(self, connection: HTTPConnection) -> access.Principal:
        guest = guests_module.guest_of(connection)
        if guest is None:
            return self._unsigned(connection)
        principal = self.principal_of(guest.session)
        if principal is None:
            telemetry.UNAUTHORISED.labels("ended").inc()
            raise errors.UnauthenticatedError(
                "This browser is not signed in any more. Load the page again and sign in; `council login` makes a link."
            )
        guests_module.check_own(connection, guest)
        return principal

    def _unsigned(self, connection: HTTPConnection) -> access.Principal:
        header = connection.headers.get("authorization")
        # As Anthropic's clients send it.
        key = connection.headers.get("x-api-key") if header is None else None
        if key is not None:
            header = f"Bearer {key}"
        if header is None:
            if self._on_loopback(connection):
                return access.Principal("anonymous", "", _ANONYMOUS_RIGHTS, self._gateway.requests_per_minute)
            telemetry.UNAUTHORISED.labels("missing").inc()
            raise errors.UnauthenticatedError("A token is needed. Send it as `Authorization: Bearer <token>`.")
        scheme, _, secret = header.partition(" ")
        token = self._tokens.get(access.digest(secret.strip())) if scheme.lower() == "bearer" else None
        if token is None:
            telemetry.UNAUTHORISED.labels("unknown").inc()
            raise errors.UnauthenticatedError(
                "This token is not known here, or was revoked. The first one is in the file `token` of the Council home."
            )
        limit = token.requests_per_minute or self._gateway.requests_per_minute
        return access.Principal(
            token.user_id,
            token.id,
            token.rights,
            limit,
            token.day_usd_micros,
            token.month_usd_micros,
            token.memory,
            token.staging,
            str(token.role),
        )

    def _on_loopback(self, connection: HTTPConnection) -> bool:
        # Behind a proxy every caller seems to be on loopback.
        if not self._gateway.anonymous_loopback or self._gateway.behind_proxy or connection.client is None:
            return False
        try:
            return ipaddress.ip_address(connection.client.host).is_loopback
        except ValueError:
            return False
