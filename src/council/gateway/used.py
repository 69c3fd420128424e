"""When tokens and providers were last used: seen in this process, and written down now and then."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from council import dashboard_ports
from council.domain import errors, uses
from council.kit import clock as clock_module

_log = logging.getLogger(__name__)

_EVERY_S = 20.0
_TOKENS_MAX = 10_000


class Used:
    """What was used lately. A use a minute of each is enough to keep."""

    def __init__(
        self, kept: dashboard_ports.Uses, clock: clock_module.Clock, seen: Callable[[], list[uses.Use]] = lambda: []
    ):
        """`seen` tells what this process knows of providers."""
        self.kept = kept
        self._clock = clock
        self._seen = seen
        self._tokens: dict[str, int] = {}
        self._saved: dict[tuple[uses.Kind, str], int] = {}

    def token(self, token_id: str) -> None:
        """Note that a token was used. For every request, so it does next to nothing."""
        if token_id and (token_id in self._tokens or len(self._tokens) < _TOKENS_MAX):
            self._tokens[token_id] = self._clock.now_us()

    async def save(self) -> None:
        """Write down what is new by more than a minute. Raises RecordsUnavailableError."""
        found = [uses.Use(uses.Kind.TOKEN, name, at_us) for name, at_us in self._tokens.items()] + self._seen()
        new = [one for one in found if one.at_us - self._saved.get((one.kind, one.name), 0) > uses.APART_US]
        if new:
            await asyncio.to_thread(self.kept.note, new)
            self._saved.update({(one.kind, one.name): one.at_us for one in new})

    async def all(self) -> Mapping[tuple[uses.Kind, str], uses.Use]:
        """Return the newest use of each, by kind and name. Raises RecordsUnavailableError."""
        await self.save()
        return {(one.kind, one.name): one for one in await asyncio.to_thread(self.kept.all)}

    async def keep(self) -> None:
        """Write down for ever."""
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.save()
            except errors.RecordsUnavailableError as error:
                _log.warning("when tokens were used is not kept", extra={"detail": error.detail})
