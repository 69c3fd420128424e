"""What overrides make of a request in this process: read from the records each second, asked for without any waiting.

While the records are away the last list holds, and each override still ends at its time. The time that an override has left is
counted from when this process first read it, on a clock that never steps, so that a machine's clock which is set back
lengthens none. Where there are none, asking costs a look at an empty table.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from council import care_telemetry, kept_ports, telemetry
from council.domain import access, answers, errors, overrides
from council.kit import clock as clock_module

_log = logging.getLogger(__name__)

LOOK_S = 1.0
# How long a caller that is refused is asked to wait: where others are served, and where nobody is.
_RETRY_S, _RETRY_S_MAX = 5, 60
# Of overrides that are over the ends are remembered, so that no clock brings them back.
_ENDS_MAX = 8 * overrides.MOST


class InForce:
    """The overrides in force. For one event loop; `die` decides who is shed."""

    def __init__(self, clock: clock_module.Clock, die: random.Random):
        self._clock = clock
        self._die = die
        self._ends_s: dict[str, float] = {}
        self._set(())

    @property
    def all(self) -> tuple[overrides.Override, ...]:
        """Those in force now, oldest first."""
        self._drop_over()
        return self._all

    def hold(self, found: Sequence[overrides.Override]) -> None:
        """Have these in force, each until its end."""
        now_us, now_s = self._clock.now_us(), self._clock.monotonic_s()
        for one in found:
            left_s = (one.until_us - now_us) / 1_000_000
            self._ends_s[one.id] = min(self._ends_s.get(one.id, math.inf), now_s + left_s)
        names = {one.id for one in found}
        over = [name for name in self._ends_s if name not in names]
        for name in over[: max(0, len(self._ends_s) - _ENDS_MAX)]:
            del self._ends_s[name]
        self._set(one for one in found if self._ends_s[one.id] > now_s)

    def ceiling(self, caller: access.Principal) -> int:
        """Return how many requests a minute a caller may make: what its token says, or less."""
        if not self._rates:
            return caller.requests_per_minute
        self._drop_over()
        names = (overrides.ALL, f"token:{caller.token_id or overrides.NOBODY}", f"user:{caller.user_id}")
        return overrides.ceiling(
            caller.requests_per_minute, (self._rates[name] for name in names if name in self._rates)
        )

    def check_path(self, path: str) -> None:
        """Let a new request to a path pass. Raises ShedError, for paths that ask Council to work alone."""
        if self._shed and path in overrides.PATHS:
            refusal = self._refusal(overrides.ALL, f"path:{path}")
            if refusal is not None:
                raise refusal

    def route_refusal(self, route: answers.Route) -> errors.ShedError | None:
        """Return why a specialist is not to be asked this time, None where it may be."""
        return self._refusal(f"route:{route}") if self._shed else None

    def order(self, model: str) -> overrides.Order | None:
        """Return in which order a model's providers are to be asked; None for that of the file."""
        if not self._orders:
            return None
        self._drop_over()
        return overrides.joined(self._orders.get(model), self._orders.get(overrides.ALL))

    def cap(self, cache: str) -> overrides.Cap:
        """Return how much a cache may hold beside what is configured."""
        self._drop_over()
        return self._caps.get(cache, overrides.Cap())

    def _refusal(self, *targets: str) -> errors.ShedError | None:
        self._drop_over()
        share, one = max(
            (self._shed[target] for target in targets if target in self._shed), key=_share, default=(0, None)
        )
        if one is None or self._die.random() * 100 >= share:
            return None
        telemetry.of(care_telemetry.SHED, one.target).inc()
        left_s = max(1, math.ceil(self._ends_s[one.id] - self._clock.monotonic_s()))
        wait_s = min(left_s, _RETRY_S_MAX if share == 100 else _RETRY_S)
        return errors.ShedError(
            f"This is refused for now, so that others are served. Try again in {wait_s} s.", retry_after_s=wait_s
        )

    def _drop_over(self) -> None:
        if self._next_s <= self._clock.monotonic_s():
            now_s = self._clock.monotonic_s()
            self._set(one for one in self._all if self._ends_s[one.id] > now_s)

    def _set(self, found: Iterable[overrides.Override]) -> None:
        self._all = tuple(found)
        self._next_s = min((self._ends_s[one.id] for one in self._all), default=math.inf)
        self._rates: Mapping[str, int] = self._of(overrides.Kind.RATE)
        shares: Mapping[str, int] = self._of(overrides.Kind.SHED)
        shed = {one.target: one for one in self._all if one.kind is overrides.Kind.SHED}
        self._shed = {target: (shares[target], one) for target, one in shed.items()}
        self._orders: Mapping[str, overrides.Order] = self._of(overrides.Kind.PROVIDERS)
        self._caps: Mapping[str, overrides.Cap] = self._of(overrides.Kind.CACHE)
        for kind in overrides.Kind:
            care_telemetry.OVERRIDES.labels(kind).set(sum(one.kind is kind for one in self._all))

    def _of(self, kind: overrides.Kind) -> dict[str, Any]:
        return {one.target: overrides.parse(kind, one.value) for one in self._all if one.kind is kind}


class Reader:
    """Reads the overrides again and again, off the event loop."""

    def __init__(
        self,
        kept: kept_ports.Overrides,
        held: InForce,
        clock: clock_module.Clock,
        on_look: Callable[[], None] = lambda: None,
    ):
        """`on_look` is called after each look."""
        self._kept = kept
        self._held = held
        self._clock = clock
        self._on_look = on_look
        self._is_away = False

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Read once. While the records are away what was read last stays in force."""
        try:
            found = await asyncio.to_thread(self._kept.in_force, self._clock.now_us())
            self._held.hold(found)
            self._is_away = False
        except errors.RecordsUnavailableError as error:
            if not self._is_away:
                _log.warning("overrides cannot be read, so the last stay in force", extra={"detail": error.detail})
            self._is_away = True
        except Exception:  # noqa: BLE001 - overrides that are never read again would not end for who lifts them
            _log.exception("overrides could not be read")
        try:
            self._on_look()
        except Exception:  # noqa: BLE001 - one that fails must not keep later overrides, and their ends, from being read
            _log.exception("overrides could not be carried out")

    def close(self) -> None:
        """Give back the connection to the records. Idempotent."""
        self._kept.close()


def _share(found: tuple[int, overrides.Override | None]) -> int:
    return found[0]
