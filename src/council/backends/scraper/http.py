"""Scraper kind `http`: GET of a service's `/metrics` on this machine."""

import ssl
from collections.abc import Mapping

import aiohttp

from council.domain import errors, watching


class HttpScraper:
    """Implements care_ports.Scraper over connections that stay open.

    `keys` are shown to the services that they are for. A certificate of ours names the public host and not loopback, so it is
    not checked: the supervisor holds the port, and nobody else can listen there.
    """

    def __init__(self, keys: Mapping[str, str], settings: watching.WatchConfig):
        self._keys = keys
        self._bytes_max = settings.read_bytes_max
        self._timeout = aiohttp.ClientTimeout(total=settings.read_s)
        self._session: aiohttp.ClientSession | None = None

    async def scrape(self, target: watching.Target) -> str:
        """Return what the service tells. Raises ScrapeError."""
        try:
            async with self._opened().get(
                target.url, headers=self._shown(target.service), ssl=_UNCHECKED, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise errors.ScrapeError(f"it answers with status {response.status}")
                body = await response.content.read(self._bytes_max + 1)
                while len(body) <= self._bytes_max and not response.content.at_eof():
                    body += await response.content.read(self._bytes_max + 1 - len(body))
        except TimeoutError as error:
            raise errors.ScrapeError(f"it did not answer within {self._timeout.total:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise errors.ScrapeError("it cannot be reached", detail=f"{type(error).__name__}: {error}") from error
        if len(body) > self._bytes_max:
            raise errors.ScrapeError(f"it tells more than {self._bytes_max:,} bytes of metrics")
        return body.decode(errors="replace")

    def _shown(self, service: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[service]}"} if service in self._keys else {}

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        return self._session

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None


_UNCHECKED = ssl.create_default_context()
_UNCHECKED.check_hostname = False
_UNCHECKED.verify_mode = ssl.CERT_NONE
