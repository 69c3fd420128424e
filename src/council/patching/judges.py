"""hands.Judges of a home: each look goes by the gates, questions and margins of the generation before the patch.

So no patch is judged by what it brings itself.
"""

import contextlib
import functools
import os
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from council import care_app, homes
from council.domain import baking, home, watching
from council.domain import config as config_module
from council.patching import trying

_GATEWAY = "gateway"
_METRICS = "/metrics"


class Judges:
    """Implements hands.Judges by marked requests to the gateways of this machine."""

    def __init__(self, where: home.Home, now: Callable[[], float]) -> None:
        self._where = where
        self._now = now
        self._looked: baking.Trial | None = None

    async def look(self, base: str) -> None:
        """See what serves answer as long as it can."""
        async with self._examiner(base, ()) as examiner:
            self._looked = await examiner.look(base)

    async def examine(self, base: str, target: str, services: Collection[str], *, paused: bool = False) -> str:
        """Compare both on the same requests. Where no service starts anew there is nothing to compare."""
        if not services:
            return ""
        async with self._examiner(base, services) as examiner:
            return await examiner.examine(base, target, services, self._looked if paused else None)

    async def settle(self, base: str) -> None:
        """Wait until what serves has come up."""
        async with self._examiner(base, ()) as examiner:
            await examiner.settle()

    async def bake(self, base: str, target: str) -> str:
        """Watch the target serve."""
        async with self._examiner(base, ()) as examiner:
            return await examiner.bake(base, target)

    @contextlib.asynccontextmanager
    async def _examiner(self, base: str, services: Collection[str]) -> AsyncIterator[trying.Examiner]:
        """Yield what looks at what serves, and at these services beside it."""
        where = self._where
        config = homes.load_config(where, base, os.environ, {})
        bake, scraper = config.bake, care_app.scraper(config, where)
        live = care_app.targets(where)
        beside = [watching.above(one, config_module.STAGING) if one.service in services else one for one in live]
        asked = [care_app.trier(where, _gateway(those), bake.answer_s) for those in (live, beside)]
        try:
            yield trying.Examiner(
                care_app.on_this_machine(homes.load_gates(where, base)),
                homes.load_trial(where, base),
                bake.margins,
                scraper,
                live=lambda: trying.Place(asked[0], live, _names(live)),
                beside=lambda names: trying.Place(asked[1], beside, _names(beside) & frozenset(names)),
                inputs=functools.partial(homes.inputs_digests, where),
                now=self._now,
                pace=trying.Pace(bake.duration_s, bake.interval_s, bake.questions_at_once, bake.doubt_s),
            )
        finally:
            for one in asked:
                await one.close()
            await scraper.close()


def _names(targets: Sequence[watching.Target]) -> frozenset[str]:
    return frozenset(one.service for one in targets)


def _gateway(targets: Sequence[watching.Target]) -> str:
    return next(one.url.removesuffix(_METRICS) for one in targets if one.service == _GATEWAY)
