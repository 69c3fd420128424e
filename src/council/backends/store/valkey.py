"""Store on any Valkey or Redis server, over a Unix socket or TCP.

Every operation ends within `timeout_s`, whatever the server does, and connects again by itself after a failure.
"""

import contextlib
import math
from collections.abc import Awaitable, Mapping
from typing import cast

from council import telemetry
from council.backends.store import connection
from council.domain import access, errors, storage

_CONNECTIONS_MAX = 64
_KEY_PREFIX = "council:rate:"
_VALUE_BYTES_MAX = 4096

# A leaky bucket in one step on the server, on the server's clock, so that gateways with different clocks share one limit.
# The value is how much of the window is used up, in microseconds, and when that was so. It is kept as a level and not as
# GCRA's arrival time, because a time since 1970 in a double has no room for a fraction of a microsecond.
_TAKE = """
local limit, window_us, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local cost_us = window_us / limit
local used_us, since_us = 0, now_us
local value = redis.call('GET', KEYS[1])
if value then
    local used, since = string.match(value, '^(%S+) (%S+)$')
    used_us, since_us = tonumber(used) or 0, tonumber(since) or now_us
end
-- A clock set back neither refills the bucket nor holds it shut until the old time comes again.
used_us = math.max(0, used_us - math.max(0, now_us - since_us))
local slack_us = cost_us / 1000
local granted = math.max(0, math.min(wanted, math.floor((window_us - used_us + slack_us) / cost_us)))
local allowed = granted > 0
used_us = used_us + granted * cost_us
if allowed or now_us < since_us then
    local kept = string.format('%.9f %.0f', used_us, now_us)
    redis.call('SET', KEYS[1], kept, 'PX', string.format('%.0f', math.ceil(used_us / 1000) + 1))
end
local remaining = math.max(0, math.floor((window_us - used_us + slack_us) / cost_us))
local wait_us = allowed and 0 or math.ceil(used_us + cost_us - window_us)
return {granted, remaining, wait_us}
"""


class ValkeyStore:
    """ports.Store on `unix:///path`, `valkey://`, `redis://` or their TLS forms.

    Connects on first use; belongs to the event loop that used it first. Raises ConfigError for a URL it cannot use.
    """

    def __init__(self, url: str, timeout_s: float):
        self._timeout_s = timeout_s
        self._client = connection.client(url, timeout_s, _CONNECTIONS_MAX)
        self._take = self._client.register_script(_TAKE)

    async def ping(self) -> None:
        """Return if the store answers; raises StoreUnavailableError."""
        async with self._typed():
            await self._client.ping()

    async def figures(self) -> storage.StoreFigures:
        """Return what the server says of itself. Raises StoreUnavailableError."""
        async with self._typed():
            memory, clients = await self._client.info("memory"), await self._client.info("clients")
            try:
                return storage.StoreFigures(
                    int(memory["used_memory"]), int(clients["connected_clients"]), int(clients["maxclients"])
                )
            except (KeyError, TypeError, ValueError) as error:
                raise errors.StoreUnavailableError(
                    "The store does not say how it is. `council doctor` says what is wrong.", detail=repr(error)
                ) from error

    async def take(self, key: str, limit: int, window_s: float, permits: int = 1) -> access.Allowance:
        """Take up to `permits` of `limit` permits of `key` that refill evenly over `window_s`.

        Raises StoreUnavailableError.
        """
        assert limit >= 1 and window_s > 0 and permits >= 1, (limit, window_s, permits)
        window_us = max(1, math.ceil(window_s * 1_000_000))
        with telemetry.network_call():
            async with self._typed():
                granted, remaining, wait_us = await self._take(
                    keys=[_KEY_PREFIX + key], args=[limit, window_us, permits]
                )
        return access.Allowance(
            allowed=int(granted) > 0,
            limit=limit,
            remaining=int(remaining),
            retry_after_s=int(wait_us) / 1_000_000,
            granted=int(granted),
        )

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value under a key of this name until another takes its place. Raises StoreUnavailableError."""
        async with self._typed():
            await self._client.set(key, value)

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, its first 4,096 bytes at most; None for nothing. Raises StoreUnavailableError."""
        async with self._typed():
            found: bytes = await self._client.getrange(key, 0, _VALUE_BYTES_MAX - 1)
        return found or None

    async def put_table(self, key: str, fields: Mapping[str, bytes]) -> None:
        """Keep fields under a key, in the place of all that were there, at once. Raises StoreUnavailableError."""
        async with self._typed(), self._client.pipeline(transaction=True) as calls:
            calls.delete(key)
            if fields:
                calls.hset(key, mapping=dict(fields))
            await calls.execute()

    async def get_table(self, key: str) -> dict[str, bytes]:
        """Return the fields under a key, none for nothing. Raises StoreUnavailableError."""
        async with self._typed():
            found = await cast(Awaitable[dict[bytes, bytes]], self._client.hgetall(key))
        return {name.decode("utf-8", "replace"): value for name, value in found.items()}

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        # A connection that fails to close is gone all the same.
        with contextlib.suppress(errors.StoreUnavailableError):
            async with self._typed():
                await self._client.aclose()

    def _typed(self) -> contextlib.AbstractAsyncContextManager[None]:
        return connection.typed(self._timeout_s)
