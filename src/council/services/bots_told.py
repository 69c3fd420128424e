"""Tells among the watcher's metrics what bots did: they have no port, and write each run into the records."""

import asyncio
import logging

from council import kept_ports, telemetry
from council.domain import bots, errors

_log = logging.getLogger(__name__)

LOOK_S = 15.0
_RUNS_MAX = 500


class BotsTold:
    """Counts the runs that came since it began. `names` are the bots there are: a label has a closed set of values."""

    def __init__(self, runs: kept_ports.BotRuns, names: frozenset[str]) -> None:
        self._runs = runs
        self._names = names
        # The newest run that was counted, or was there before; None before the first look.
        self._last: str | None = None
        self._problem = ""

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Count what came since the last look. Raises nothing: what cannot be read is read the next time."""
        try:
            if self._last is None:
                newest = await asyncio.to_thread(self._runs.newest, 1)
                self._last = newest[0].id if newest else ""
                return
            found = await asyncio.to_thread(lambda: self._runs.newest(_RUNS_MAX, after=self._last or ""))
        except errors.RecordsUnavailableError as error:
            if error.message != self._problem:
                _log.warning("what bots did cannot be read", extra={"reason": error.message})
            self._problem = error.message
            return
        self._problem = ""
        self._last = max([self._last, *(one.id for one in found)])
        for one in found:
            if one.bot in self._names:
                telemetry.of(telemetry.BOT_RUNS, one.bot, one.outcome).inc()

    async def close(self) -> None:
        """Close the records. Idempotent."""
        await asyncio.to_thread(self._runs.close)


def begin(names: frozenset[str]) -> None:
    """Show every series at nought: one that appears with its first run hides it."""
    for name in sorted(names):
        for outcome in bots.Outcome:
            telemetry.of(telemetry.BOT_RUNS, name, outcome)
