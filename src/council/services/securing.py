"""One work of the steward: looks once an hour at how safe Council is, as far as a confined service can see, and tells how much.

What it finds is in `council security check`, which sees more; here it is counted for whoever reads metrics.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Route

from council import care_telemetry, homes
from council.domain import home, security
from council.kit import clock as clock_module
from council.services import advisory_files, safety, turns

_log = logging.getLogger(__name__)

LOOK_S = 3600.0
# Others have just begun, too, and nothing waits for this.
_FIRST_S = 90.0
_LOOK_S_MAX = 300.0


class Securing:
    """Implements steward.Work."""

    name = "security"

    def __init__(self, look: Callable[[], security.Report], first_s: float = _FIRST_S) -> None:
        """`look` blocks, and raises CouncilError."""
        self._look = look
        self._first_s = first_s
        self._report: security.Report | None = None
        self._turns = turns.Turns(_log, "nobody could look at how safe it is", _LOOK_S_MAX, LOOK_S)

    @property
    def is_well(self) -> bool:
        """True: a look that fails is taken again, and `told` says why meanwhile."""
        return True

    @property
    def routes(self) -> Sequence[Route]:
        """Nothing: findings may name what an attacker would like to know."""
        return ()

    def told(self) -> dict[str, Any]:
        """Return why the last look failed, "" where it did not."""
        return {"problem": self._turns.problem}

    async def run(self) -> None:
        """Look again and again until cancelled."""
        await asyncio.sleep(self._first_s)
        while True:
            await self._turns.take(self.look)
            await self._turns.rest(LOOK_S)

    async def look(self) -> None:
        """Look once, and tell."""
        report = await asyncio.to_thread(self._look)
        for severity, number in report.counts().items():
            care_telemetry.SECURITY_FINDINGS.labels(severity).set(number)
        known = dict(report.expiries)
        for kind in dict(self._report.expiries) if self._report else {}:
            if kind not in known:
                care_telemetry.EXPIRES.remove(kind)
        for kind, at_s in known.items():
            care_telemetry.EXPIRES.labels(kind).set(at_s)
        self._report = report

    async def close(self) -> None:
        """Nothing is held."""


def made(where: home.Home, generation: Callable[[], str]) -> Securing:
    """Return what looks at this home. `generation` is the one that serves."""
    shelf, clock = advisory_files.Shelf(where), clock_module.SystemClock()

    def look() -> security.Report:
        config = homes.load_config(where, generation(), os.environ, {})
        return safety.look(where, config, shelf, clock.now_us() / 1e6, safety.IN_SERVICES)

    return Securing(look)
