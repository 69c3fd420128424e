"""How a server is reached, and how its errors become ours: what every client of the store shares."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import valkey.asyncio
import valkey.asyncio.retry
import valkey.backoff
import valkey.exceptions

from council.domain import errors


def client(url: str, timeout_s: float, connections_max: int) -> valkey.asyncio.Valkey:
    """Return a client that connects on first use. Raises ConfigError for a URL that it cannot use."""
    try:
        pool = valkey.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=timeout_s,
            # `typed` bounds each operation. With a limit of its own the client would write by `asyncio.wait_for`, which may
            # lose a cancel (see kit.waiting).
            socket_timeout=None,
            socket_connect_timeout=timeout_s,
            # One try more, at once: a pooled connection may have died with the server that stood there before.
            retry=valkey.asyncio.retry.Retry(valkey.backoff.NoBackoff(), 1),
            retry_on_error=[valkey.exceptions.ConnectionError],
        )
    except ValueError:
        # Not chained: the driver's message may quote the URL with its password.
        raise errors.ConfigError(
            "`store.url` must be `unix:///path/to/socket`, `valkey://host:port` or `redis://host:port`."
        ) from None
    return valkey.asyncio.Valkey.from_pool(pool)


@contextlib.asynccontextmanager
async def typed(timeout_s: float) -> AsyncIterator[None]:
    """Bound an operation in time and turn whatever the driver raises into StoreUnavailableError."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (valkey.exceptions.ValkeyError, OSError) as error:
        raise errors.StoreUnavailableError(
            "The store does not answer as it should. Try again; `council doctor` says what is wrong.",
            detail=f"{type(error).__name__}: {error}",
        ) from error
