"""One work of the steward: the archive. It looks each minute at which days are to be put into the forge, and which alarms.

What it does is in `upkeep/observer/`, `archive.py` and `showing.py`. Its
settings it reads anew for each turn, of the generation that serves.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Route

from council import care_app, care_ports, care_records
from council.domain import errors, home
from council.kit import clock as clock_module
from council.services import observer, turns
from council.upkeep.observer import archive, showing

_log = logging.getLogger(__name__)

TURN_S = 60.0
# The forge has just begun, too.
_FIRST_S = 30.0
# A month of days, on a forge that answers late.
_TURN_S_MAX = 900.0


class Archiving:
    """Implements steward.Work."""

    name = "archive"

    def __init__(self, parts: archive.Parts, watch: care_ports.Sighting) -> None:
        self._parts = parts
        self._archive = archive.Archive(parts)
        self._showing = showing.Showing(parts, watch)
        self._turns = turns.Turns(_log, "a day could not be archived", _TURN_S_MAX, TURN_S)

    @property
    def is_well(self) -> bool:
        """Whether no turn has begun so long ago that it hangs."""
        return not self._turns.is_late

    @property
    def routes(self) -> Sequence[Route]:
        """Nothing: what it keeps lies in the forge."""
        return ()

    def told(self) -> dict[str, Any]:
        """Return why the last turn failed, "" where it did not."""
        return {"problem": self._turns.problem}

    async def run(self) -> None:
        """Take turns until cancelled."""
        await asyncio.sleep(_FIRST_S)
        while True:
            _, asked_s = await self._turns.take(self._turn)
            await self._turns.rest(max(TURN_S, asked_s or 0.0))

    async def _turn(self) -> None:
        """Do both; what fails of the one does not keep the other."""
        failed: errors.CouncilError | None = None
        try:
            await self._archive.turn()
        except errors.CouncilError as error:
            failed = error
        await self._showing.turn()
        if failed is not None:
            raise failed

    async def close(self) -> None:
        """Close the forge and the records."""
        await self._parts.forge.close()
        await asyncio.to_thread(self._parts.incidents.close)
        await asyncio.to_thread(self._parts.snapshots.close)


def made(where: home.Home, there: care_ports.Forge, generation: Callable[[], str]) -> Archiving:
    """Return the archive of this home. `generation` is the one that serves. Raises ConfigError, BlueprintError."""
    config = observer.settings_of(where, generation())
    parts = archive.Parts(
        forge=there,
        incidents=care_records.incidents(config, where),
        snapshots=care_records.snapshots(config, where),
        settings=lambda: observer.settings_of(where, generation()).observe,
        clock=clock_module.SystemClock(),
    )
    return Archiving(parts, care_app.watch(where))
