"""The steward's door for a forge that tells of news: whoever is let in has the next look taken at once, and that is all.

What is told is not read, so nothing of it is believed; it is only weighed against its signature, piece by piece. To tell the
same again does no more than to tell it once.
"""

import asyncio
import hashlib
import hmac
import re

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from council.domain import errors

_BODY_BYTES_MAX = 4 * 1024 * 1024
_BODY_S = 10.0
_AT_ONCE_MAX = 4
_SECRET_CHARS_MIN = 16
# docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
_SIGNATURE, _FORM = "x-hub-signature-256", re.compile(r"sha256=([0-9a-f]{64})")


class Hook:
    """Takes what is signed with a secret. `woken` is set by each that is; who waits for it clears it."""

    def __init__(self, secret: str) -> None:
        """Raises SetupError for a secret that could be guessed."""
        if len(secret) < _SECRET_CHARS_MIN:
            raise errors.SetupError(
                f"`secrets/forge.webhook` holds fewer than {_SECRET_CHARS_MIN} characters. Have it hold what "
                "`openssl rand -hex 32` prints, and give the same to the forge."
            )
        self._secret = secret.encode()
        self._taking = asyncio.Semaphore(_AT_ONCE_MAX)
        self.woken = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        """Answer a POST: 204 for who is let in, 403 for others, 413 and 408 for too much and too slow, 503 for too many."""
        shown = _FORM.fullmatch(request.headers.get(_SIGNATURE, ""))
        if shown is None:
            return _unsigned()
        if _told_bytes(request) > _BODY_BYTES_MAX:
            return _too_much()
        if self._taking.locked():
            return _refused(503, "Too many at once. Send it again later.")
        async with self._taking:
            try:
                async with asyncio.timeout(_BODY_S):
                    made = await self._weighed(request)
            except TimeoutError:
                return _refused(408, f"The body did not arrive within {_BODY_S:g} s. Send it faster.")
            except ClientDisconnect:
                return _refused(400, "The connection closed before the body was whole. Send it again.")
        if made is None:
            return _too_much()
        if not hmac.compare_digest(shown[1], made):
            return _unsigned()
        self.woken.set()
        return Response(status_code=204)

    async def _weighed(self, request: Request) -> str | None:
        """Return the signature that the body should have, None where there is too much of it."""
        found, size_bytes = hmac.new(self._secret, digestmod=hashlib.sha256), 0
        async for piece in request.stream():
            size_bytes += len(piece)
            if size_bytes > _BODY_BYTES_MAX:
                return None
            found.update(piece)
        return found.hexdigest()


def _told_bytes(request: Request) -> int:
    told = request.headers.get("content-length", "")
    return int(told) if told.isdecimal() and len(told) < 20 else 0


def _too_much() -> Response:
    return _refused(413, f"The body has more than {_BODY_BYTES_MAX} bytes. Have the forge send `push` alone.")


def _unsigned() -> Response:
    return _refused(403, "It is not signed with the secret in `secrets/forge.webhook`. Give the forge the same.")


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)
