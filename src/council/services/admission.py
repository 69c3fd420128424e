"""Who may ask patchctl for what: by the owner's key, the steward's, the gateway's, a user's token, or a signature alone."""

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from council import care_ports
from council.domain import access, errors

# Why a token is refused that may only have patches tried.
STAGING_ONLY = "staging_only"


class Admission:
    """Each method returns for who may, and raises ForbiddenError. Where `needs_token` holds, a signature is not enough."""

    def __init__(
        self,
        owner_key: str,
        steward_key: str,
        tokens: care_ports.Tokens,
        needs_token: Callable[[], Awaitable[bool]],
        reader_key: str = "",
    ) -> None:
        self._reader_key = reader_key
        self._owner_key = owner_key
        self._steward_key = steward_key
        self._tokens = tokens
        self._needs_token = needs_token

    def owner(self, request: Request) -> None:
        """Let pass who shows the owner's key."""
        if not _same(_shown(request), self._owner_key):
            raise errors.ForbiddenError(
                "This needs the key of patches, which only this machine's owner can read. Use the `council` command."
            )

    def steward(self, request: Request) -> None:
        """Let pass the steward and the owner."""
        if not _same(_shown(request), self._steward_key):
            self.owner(request)

    def is_steward(self, request: Request) -> bool:
        """Return whether it is the steward that asks, and not the owner."""
        return _same(_shown(request), self._steward_key)

    async def admin(self, request: Request) -> str:
        """Let pass the owner, and who has the token or the browser of an administrator; return the latter's name, else ""."""
        shown = _shown(request)
        if not shown or self._has_key(shown) or _same(shown, self._reader_key):
            self.owner(request)
            return ""
        found = await self._known(shown)
        if access.Right.ADMINISTER not in found.rights or found.staging:
            raise errors.ForbiddenError(
                "This needs the right to administer. Use a token of the role admin; `council tokens add` makes one."
            )
        return found.user_id

    async def reader(self, request: Request) -> None:
        """Let pass these two, the gateway, and a token that may read."""
        shown = _shown(request)
        if _same(shown, self._reader_key):
            return
        if not shown or (not self._has_key(shown) and access.Right.READ not in (await self._known(shown)).rights):
            self.owner(request)

    async def patch(self, request: Request, *, trial: bool) -> None:
        """Let pass who shows nothing, unless a token is needed; a key; or a token that may do this."""
        shown = _shown(request)
        if self._has_key(shown):
            return
        if not shown:
            if await self._needs_token():
                raise errors.ForbiddenError(
                    "Here a patch needs a token beside its signature (`patch.needs_token`). `council tokens add` makes one; "
                    "send it as `Authorization: Bearer <token>`."
                )
        elif (await self._known(shown)).staging and not trial:
            raise errors.ForbiddenError(
                "This token is limited to staging: it may have a patch tried, and none applied. Send `target` as `staging`, or "
                "use another token.",
                reason=STAGING_ONLY,
            )

    async def close(self) -> None:
        """Close what tokens are asked of. Idempotent."""
        await self._tokens.close()

    def _has_key(self, shown: str) -> bool:
        return _same(shown, self._owner_key) or _same(shown, self._steward_key)

    async def _known(self, shown: str) -> access.Principal:
        found = await self._tokens.known(shown)
        if found is None:
            raise errors.ForbiddenError(
                "This token is not known here, or was revoked. `council tokens list` shows those in force."
            )
        return found


def _same(shown: str, key: str) -> bool:
    return bool(shown) and hmac.compare_digest(shown.encode(), key.encode())


def _shown(request: Request) -> str:
    """Return the key or token that a request shows, "" for none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""
