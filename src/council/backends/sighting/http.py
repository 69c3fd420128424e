"""Sighting kind `http`: the gates as the gateway tells them, for whoever has no home of this Council."""

import dataclasses
from typing import Any

import aiohttp
import orjson

from council.domain import errors, gates, watching

_CALL_S = 10.0
_REPLY_BYTES_MAX = 4 * 1024 * 1024
_PATH = "/api/gates"


class HttpSighting:
    """Implements care_ports.Sighting. `token` is shown to the gateway, "" for none, as on loopback."""

    def __init__(self, url: str, token: str = ""):
        self._url = url + _PATH
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def sight(self) -> watching.Sight:
        """Return the gates as they were seen last. Raises WatcherUnavailableError, UnauthenticatedError."""
        status, told = await self._asked()
        if status in (401, 403):
            raise errors.UnauthenticatedError(
                f"The gateway says: {_said(told)} Give BOT_TOKEN a token of that Council that may read."
            )
        if status != 200:
            raise _away(f"The gateway says: {_said(told)}", f"status {status}")
        try:
            return watching.Sight(told["turn"], told["judged_us"] / 1e6, [_line(one) for one in told["gates"]])
        except (KeyError, TypeError, ValueError) as error:
            raise _away("What answers there is no gateway.", f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _asked(self) -> tuple[int, dict[str, Any]]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_S), trust_env=False)
        try:
            async with self._session.get(self._url, headers=self._headers, allow_redirects=False) as response:
                raw = b""
                while (part := await response.content.read(_REPLY_BYTES_MAX)) and len(raw) < _REPLY_BYTES_MAX:
                    raw += part
            found = orjson.loads(raw)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _away("The gateway does not answer.", f"{type(error).__name__}: {error}") from error
        return response.status, found if isinstance(found, dict) else {}


def _line(told: dict[str, Any]) -> watching.GateLine:
    # Another release may tell more, or less where there is a default.
    values = {one.name: told[one.name] for one in dataclasses.fields(watching.GateLine) if one.name in told}
    return watching.GateLine(**values | {"verdict": gates.Verdict(told["verdict"]), "since_s": told["since_us"] / 1e6})


def _said(told: dict[str, Any]) -> str:
    error = told.get("error")
    return str(error.get("message", "nothing"))[:300] if isinstance(error, dict) else "nothing."


def _away(what: str, detail: str) -> errors.WatcherUnavailableError:
    return errors.WatcherUnavailableError(
        f"{what} Look whether that Council runs, and whether COUNCIL_ENDPOINT leads to its gateway.", detail=detail
    )
