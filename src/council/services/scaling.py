"""One work of the steward: has as many gateways run as an override wants, and as many as configured once it is over.

The override is the truth, and this carries it out: so whoever scales writes a row, it is undone at its end whoever has died
meanwhile, and a new generation or a start of everything has the same number again. Of a service for which there was no override
for a day nothing is touched. Once an hour it also deletes overrides that are long over.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Route

from council import care_app, care_records, kept_ports, ports
from council.domain import config as config_module
from council.domain import home, overrides
from council.kit import clock as clock_module
from council.services import turns

_log = logging.getLogger(__name__)

LOOK_S = 2.0
# A gateway that leaves finishes its answers first.
_TURN_S_MAX, _SPARE_S = 120.0, 30.0
_TRIM_S = 3600.0
# Overrides kept, and those of how many gateways run that are looked at for one that was there lately.
_KEPT, _NEWEST = 2_000, 100
_LEAVES = frozenset({"stopping", "stopped"})


class Scaling:
    """Implements steward.Work."""

    name = "scaling"

    def __init__(
        self,
        kept: kept_ports.Overrides,
        runtime: ports.Runtime,
        configured: Callable[[], config_module.GatewayConfig],
        clock: clock_module.Clock,
    ) -> None:
        """`configured` are the settings of the generation that serves."""
        self._kept = kept
        self._runtime = runtime
        self._configured = configured
        self._clock = clock
        self._trimmed_s = clock.monotonic_s()
        self._turns = turns.Turns(_log, "the number of gateways could not be changed", _TURN_S_MAX, _SPARE_S)

    @property
    def is_well(self) -> bool:
        """Whether no turn has begun so long ago that it hangs."""
        return not self._turns.is_late

    @property
    def routes(self) -> Sequence[Route]:
        """Nothing."""
        return ()

    def told(self) -> dict[str, Any]:
        """Return why the last turn failed, "" where it did not."""
        return {"problem": self._turns.problem}

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self._turns.take(self.turn)
            await self._turns.rest(LOOK_S)

    async def turn(self) -> None:
        """Look once. Raises RecordsUnavailableError, SupervisorUnavailableError, and what the supervisor refuses."""
        at_us = self._clock.now_us()
        known = await asyncio.to_thread(self._kept.newest, _NEWEST, kind=overrides.Kind.WORKERS)
        lately = [one for one in known if _is_of_today(one, at_us)]
        for service in overrides.SCALED:
            of = [one for one in lately if one.target == service]
            if of:
                await self._bring(service, [one for one in of if one.in_force(at_us)])
        if self._clock.monotonic_s() - self._trimmed_s >= _TRIM_S:
            self._trimmed_s = self._clock.monotonic_s()
            await asyncio.to_thread(self._kept.trim, _KEPT, at_us)

    async def _bring(self, service: str, in_force: Sequence[overrides.Override]) -> None:
        settings = self._configured()
        wanted = int(in_force[0].value) if in_force else None
        replicas = overrides.workers(settings.workers, settings.workers_max, wanted)
        rows = [one for one in await self._runtime.status(memory=False) if one.name.partition(":")[0] == service]
        running = sum(one.state not in _LEAVES for one in rows)
        # None is running where somebody has stopped it: that is not for an override to change.
        if running and running != replicas:
            _log.info(
                "another number of processes is to run",
                extra={"service": service, "replicas": replicas, "were": running},
            )
            await self._runtime.scale(service, replicas)

    async def close(self) -> None:
        """Close the records."""
        await asyncio.to_thread(self._kept.close)


def _is_of_today(one: overrides.Override, at_us: int) -> bool:
    """Return whether an override holds, or ended within the longest time that one may hold."""
    return at_us - (one.lifted_us or one.until_us) < overrides.SPAN_US_MAX


def made(
    settings: config_module.Config, where: home.Home, configured: Callable[[], config_module.GatewayConfig]
) -> Scaling:
    """Return the work on this home; `settings` say where its records are."""
    return Scaling(
        care_records.overrides(settings, where), care_app.runtime(where), configured, clock_module.SystemClock()
    )
