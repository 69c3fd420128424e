"""Who heals the healer: starts the steward anew where it hangs, since nobody else could.

Whatever else hangs the steward has restarted. One that ends is started again as every service is; one that hangs would stay so.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from council.domain import errors
from council.supervisor import service

_log = logging.getLogger(__name__)

LOOK_S = 1.0
# Beyond the time after which a service counts as hung: a machine that is busy for a moment is none.
HUNG_S = 10.0
# One that hangs again at once is not restarted without end in quick succession.
AGAIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Since when the steward hangs, and when it was started anew last, in seconds of a clock that only goes on."""

    since_s: float | None = None
    restarted_s: float | None = None


def step(seen: Seen, state: str, now_s: float) -> tuple[Seen, bool]:
    """Return what is known after the steward was seen in a state, and whether it is started anew now."""
    if state != "hung":
        return Seen(None, seen.restarted_s), False
    since_s = now_s if seen.since_s is None else seen.since_s
    rests = seen.restarted_s is not None and now_s - seen.restarted_s < AGAIN_S
    if now_s - since_s < HUNG_S or rests:
        return Seen(since_s, seen.restarted_s), False
    return Seen(None, now_s), True


class Keeper:
    """Looks at the steward. Use it from the supervisor's event loop; `steward` returns the live one, None for none."""

    def __init__(self, steward: Callable[[], service.RunningService | None], say: Callable[[str, str], None]):
        self._steward = steward
        self._say = say
        self._seen = Seen()
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look from now on."""
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def look(self, now_s: float) -> None:
        """Look once, and start it anew where it is time."""
        steward = self._steward()
        if steward is None:
            return
        self._seen, restart = step(self._seen, steward.status(None)[0].state, now_s)
        if restart:
            self._say("steward", "hangs, and is started anew")
            await steward.restart()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look(asyncio.get_running_loop().time())
            except errors.CouncilError as error:
                _log.error("the steward could not be started anew", extra={"reason": error.message})
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                _log.exception("the steward could not be looked at")
