"""Turn logs in Valkey or Redis: a string `council:turn:ID` that only grows, `council:turn:ID:stop` where one is to end, and
`council:turn:sent:KEY` with the id of the turn that answers what was sent under a key.
"""

import contextlib

from council.backends.store import connection
from council.domain import errors

_CONNECTIONS_MAX = 16
_PREFIX = "council:turn:"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class ValkeyTurns:
    """dashboard_ports.TurnLog on the URLs of `ValkeyStore`. Belongs to the event loop that used it first."""

    def __init__(self, url: str, timeout_s: float):
        self._timeout_s = timeout_s
        self._client = connection.client(url, timeout_s, _CONNECTIONS_MAX)
        self._release = self._client.register_script(_RELEASE)

    async def append(self, turn: str, part: bytes, keep_s: int) -> bool:
        """Add to a turn's log, and return whether somebody wants it stopped. Raises StoreUnavailableError."""
        key = _PREFIX + turn
        async with connection.typed(self._timeout_s), self._client.pipeline(transaction=False) as calls:
            if part:
                calls.append(key, part)
                calls.expire(key, keep_s)
            calls.exists(f"{key}:stop")
            found = await calls.execute()
        return bool(found[-1])

    async def read(self, turn: str, offset: int, most: int) -> bytes | None:
        """Return up to `most` bytes of a log from an offset on; None where there is no log. Raises StoreUnavailableError."""
        key = _PREFIX + turn
        async with connection.typed(self._timeout_s), self._client.pipeline(transaction=False) as calls:
            calls.exists(key)
            calls.getrange(key, offset, offset + most - 1)
            is_there, found = await calls.execute()
        return bytes(found) if is_there else None

    async def ask_to_stop(self, turn: str, keep_s: int) -> None:
        """Have whoever answers a turn stop it. Raises StoreUnavailableError."""
        async with connection.typed(self._timeout_s):
            await self._client.set(f"{_PREFIX}{turn}:stop", b"1", ex=keep_s)

    async def claim(self, key: str, turn: str, keep_s: int) -> str:
        """Have a turn stand for a key, unless another does; return the one that does. Raises StoreUnavailableError."""
        async with connection.typed(self._timeout_s):
            earlier = await self._client.set(f"{_PREFIX}sent:{key}", turn, nx=True, get=True, ex=keep_s)
        return turn if earlier is None else bytes(earlier).decode("ascii", "replace")

    async def release(self, key: str, turn: str) -> None:
        """Have this turn stand for a key no longer; another that does stays. Raises StoreUnavailableError."""
        async with connection.typed(self._timeout_s):
            await self._release(keys=[f"{_PREFIX}sent:{key}"], args=[turn])

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        # A connection that fails to close is gone all the same.
        with contextlib.suppress(errors.StoreUnavailableError):
            async with connection.typed(self._timeout_s):
                await self._client.aclose()
