"""Rate limits a token, shared by all gateway workers through the store."""

import dataclasses

from council import ports, telemetry
from council.domain import access, errors
from council.kit import clock as clock_module

_WINDOW_S = 60.0
# After a failure the store is left alone this long, so that its absence costs one timeout and not one a request.
_PAUSE_S = 2.0
_LOCAL_KEYS_MAX = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Admission:
    """What a caller has left; `degraded` when only this process counted."""

    allowance: ports.Allowance
    degraded: bool


class RateLimiter:
    """Asks the store; while that is away counts in this process, so that limits never vanish."""

    def __init__(self, store: ports.Store, clock: clock_module.Clock):
        self._store = store
        self._clock = clock
        self._retry_at_s = 0.0
        self._buckets: dict[str, tuple[float, float]] = {}

    async def admit(self, principal: access.Principal) -> Admission:
        """Take one permit. Raises RateLimitedError."""
        key, limit = principal.token_id or "anonymous", principal.requests_per_minute
        admission = await self._take(key, limit)
        if not admission.allowance.allowed:
            telemetry.RATE_LIMITED.inc()
            wait_s = max(1, round(admission.allowance.retry_after_s + 0.5))
            raise errors.RateLimitedError(
                f"This token may make {limit} requests a minute. Try again in {wait_s} s, or ask for a higher limit.",
                retry_after_s=wait_s,
            )
        return admission

    async def _take(self, key: str, limit: int) -> Admission:
        now_s = self._clock.monotonic_s()
        if now_s >= self._retry_at_s:
            try:
                return Admission(await self._store.take(key, limit, _WINDOW_S), degraded=False)
            except errors.StoreUnavailableError:
                telemetry.CALLS.labels("store", "error").inc()
                self._retry_at_s = self._clock.monotonic_s() + _PAUSE_S
        return Admission(self._take_here(key, limit, now_s), degraded=True)

    def _take_here(self, key: str, limit: int, now_s: float) -> ports.Allowance:
        """Token bucket in memory: `limit` permits that refill evenly over the window."""
        if len(self._buckets) >= _LOCAL_KEYS_MAX and key not in self._buckets:
            self._buckets.pop(next(iter(self._buckets)))
        permits, at_s = self._buckets.get(key, (float(limit), now_s))
        permits = min(float(limit), permits + (now_s - at_s) * limit / _WINDOW_S)
        allowed = permits >= 1.0
        permits -= 1.0 if allowed else 0.0
        self._buckets[key] = (permits, now_s)
        retry_s = 0.0 if allowed else (1.0 - permits) * _WINDOW_S / limit
        return ports.Allowance(allowed, limit, int(permits), retry_s)


def headers(admission: Admission) -> dict[str, str]:
    """Return what a reply says about the limit."""
    allowance = admission.allowance
    return {
        "x-ratelimit-limit-requests": str(allowance.limit),
        "x-ratelimit-remaining-requests": str(allowance.remaining),
    }
