"""Tokens kind `http`: the gateway, which keeps the list fresh, is asked by showing it the token."""

import asyncio
import ssl
from collections.abc import Callable

import aiohttp
import pydantic

from council.domain import access, errors

_PATH = "/api/token"
_ASK_S = 5.0
_REPLY_BYTES_MAX = 64 * 1024
_SECRET_CHARS_MAX = 512
_OK, _UNKNOWN = 200, 401


class _Reply(pydantic.BaseModel):
    user: str
    token_id: str
    rights: list[access.Right]
    staging: bool


class HttpTokens:
    """Implements care_ports.Tokens.

    A certificate of ours names the public host and not loopback, so it is not checked: the supervisor holds the port.
    """

    def __init__(self, gateway: Callable[[], str]):
        """`gateway` returns the URL of the one that serves; it may raise ScrapeError where nobody is listed."""
        self._gateway = gateway
        self._session: aiohttp.ClientSession | None = None

    async def known(self, secret: str) -> access.Principal | None:
        """Return whose token this is, None for one that is not in force. Raises UnavailableError where nobody can tell now."""
        if not secret.isascii() or not secret.isprintable() or len(secret) > _SECRET_CHARS_MAX:
            return None
        try:
            async with asyncio.timeout(_ASK_S):
                status, raw = await self._ask(secret)
            if status == _UNKNOWN:
                return None
            if status != _OK:
                raise _unknowable(f"status {status}")
            told = _Reply.model_validate_json(raw)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, errors.ScrapeError) as error:
            raise _unknowable(f"{type(error).__name__}: {error}") from error
        return access.Principal(told.user, told.token_id, frozenset(told.rights), 0, staging=told.staging)

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, secret: str) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        headers = {"authorization": f"Bearer {secret}"}
        url = self._gateway().rstrip("/") + _PATH
        async with self._session.get(url, headers=headers, ssl=_UNCHECKED, allow_redirects=False) as response:
            return response.status, await response.content.read(_REPLY_BYTES_MAX)


def _unknowable(detail: str) -> errors.UnavailableError:
    return errors.UnavailableError(
        "The gateway knows the tokens, and it does not answer. Try again in a moment; the owner's commands need no token.",
        detail=detail,
    )


_UNCHECKED = ssl.create_default_context()
_UNCHECKED.check_hostname = False
_UNCHECKED.verify_mode = ssl.CERT_NONE
