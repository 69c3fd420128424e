"""Rate limits a token, shared by all gateway workers through the store."""

import asyncio
import dataclasses
import datetime
import math
import time
from collections.abc import Callable

from starlette.requests import Request

from council import ports, telemetry
from council.domain import access, errors
from council.kit import clock as clock_module

# Where callers are Anthropic's clients.
MESSAGES = "/v1/messages"
# Where in a request's state the headers about its caller's limit are.
STATE = "limit_headers"

_WINDOW_S = 60.0
# After a failure the store is left alone this long, so that its absence costs one timeout and not one a request.
_PAUSE_S = 2.0
_LOCAL_KEYS_MAX = 10_000
_LEASE_S = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Admission:
    """What a caller has left; `degraded` when only this process counted."""

    allowance: access.Allowance
    degraded: bool


@dataclasses.dataclass(slots=True)
class _Lease:
    """Permits that this process took from the store ahead of their use, and until when they are good."""

    permits: int = 0
    size: int = 0
    until_s: float = 0.0
    remaining: int = 0
    # Whoever finds none left fetches for all who wait.
    fetching: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)

    def take(self, now_s: float) -> bool:
        """Use one up; False if there is none."""
        if not self.permits or now_s >= self.until_s:
            return False
        self.permits -= 1
        return True


class RateLimiter:
    """Asks the store; while that is away counts in this process, so that limits never vanish.

    A token in heavy use has its permits fetched some at a time, up to what refills in a second, so that not every request
    pays for the way to the store. They are taken there first, so all processes together never give more than the limit.
    """

    def __init__(
        self,
        store: ports.Store,
        clock: clock_module.Clock,
        ceiling: Callable[[access.Principal], int] = lambda caller: caller.requests_per_minute,
    ):
        """`ceiling` is how many requests a minute a caller may make now: as many as its token says, or fewer."""
        self._ceiling = ceiling
        self._store = store
        self._clock = clock
        self._retry_at_s = 0.0
        self._buckets: dict[str, tuple[float, float]] = {}
        self._leases: dict[str, _Lease] = {}

    async def admit(self, principal: access.Principal) -> Admission:
        """Take one permit. Raises RateLimitedError."""
        key, limit = principal.token_id or "anonymous", self._ceiling(principal)
        admission = await self._take(key, limit)
        if not admission.allowance.allowed:
            telemetry.RATE_LIMITED.inc()
            wait_s = max(1, round(admission.allowance.retry_after_s + 0.5))
            usual = principal.requests_per_minute
            told = f" for now, and {usual} otherwise" if limit < usual else ""
            refusal = errors.RateLimitedError(
                f"This token may make {limit} requests a minute{told}. Try again in {wait_s} s, or ask for a higher limit.",
                retry_after_s=wait_s,
            )
            refusal.limit, refusal.full_after_s = limit, _full_after_s(admission.allowance)
            raise refusal
        return admission

    async def _take(self, key: str, limit: int) -> Admission:
        now_s = self._clock.monotonic_s()
        if now_s >= self._retry_at_s:
            lease = self._lease(key)
            if lease.take(now_s):
                return _leased(lease, limit)
            try:
                async with lease.fetching:
                    if lease.take(now_s):
                        return _leased(lease, limit)
                    return Admission(await self._fetch(key, limit, now_s, lease), degraded=False)
            except errors.StoreUnavailableError:
                telemetry.CALLS.labels("store", "error").inc()
                self._retry_at_s = self._clock.monotonic_s() + _PAUSE_S
        return Admission(self._take_here(key, limit, now_s), degraded=True)

    def _lease(self, key: str) -> _Lease:
        lease = self._leases.get(key)
        if lease is None:
            if len(self._leases) >= _LOCAL_KEYS_MAX:
                self._leases.pop(next(iter(self._leases)))
            lease = self._leases[key] = _Lease()
        return lease

    async def _fetch(self, key: str, limit: int, now_s: float, lease: _Lease) -> access.Allowance:
        """Take permits: twice as many as before where those were used up in time, else one. Raises StoreUnavailableError."""
        used_up = not lease.permits and now_s < lease.until_s
        lease.size = min(max(1, int(limit / _WINDOW_S)), lease.size * 2) if used_up else 1
        allowance = await self._store.take(key, limit, _WINDOW_S, lease.size)
        lease.permits, lease.remaining = max(0, allowance.granted - 1), allowance.remaining
        lease.until_s = now_s + _LEASE_S if allowance.allowed else 0.0
        return dataclasses.replace(allowance, remaining=allowance.remaining + lease.permits)

    def _take_here(self, key: str, limit: int, now_s: float) -> access.Allowance:
        """Token bucket in memory: `limit` permits that refill evenly over the window."""
        if len(self._buckets) >= _LOCAL_KEYS_MAX and key not in self._buckets:
            self._buckets.pop(next(iter(self._buckets)))
        permits, at_s = self._buckets.get(key, (float(limit), now_s))
        permits = min(float(limit), permits + (now_s - at_s) * limit / _WINDOW_S)
        allowed = permits >= 1.0
        permits -= 1.0 if allowed else 0.0
        self._buckets[key] = (permits, now_s)
        retry_s = 0.0 if allowed else (1.0 - permits) * _WINDOW_S / limit
        return access.Allowance(allowed, limit, int(permits), retry_s)


def _leased(lease: _Lease, limit: int) -> Admission:
    return Admission(access.Allowance(True, limit, lease.remaining + lease.permits, 0.0), degraded=False)


def tell(request: Request, admission: Admission) -> dict[str, str]:
    """Return what a reply says about the limit, and have an error say it, too."""
    found = headers(admission, request.scope["path"], time.time())
    request.scope["state"][STATE] = found
    return found


def headers(admission: Admission, path: str, now_s: float) -> dict[str, str]:
    """Return what a reply says about the limit, by the names that callers of `path` look for."""
    allowance = admission.allowance
    return told(path, allowance.limit, allowance.remaining, _full_after_s(allowance), now_s)


def told(path: str, limit: int, remaining: int, full_after_s: float, now_s: float) -> dict[str, str]:
    """Return the headers: Anthropic's on its path, with a time of day; OpenAI's elsewhere, with a duration."""
    if path == MESSAGES:
        full_at = datetime.datetime.fromtimestamp(math.ceil(now_s + full_after_s), datetime.UTC)
        return {
            "anthropic-ratelimit-requests-limit": str(limit),
            "anthropic-ratelimit-requests-remaining": str(remaining),
            "anthropic-ratelimit-requests-reset": full_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": duration(full_after_s),
    }


def _full_after_s(allowance: access.Allowance) -> float:
    """Return after which time without requests all permits are there again."""
    return (allowance.limit - allowance.remaining) * _WINDOW_S / allowance.limit


def duration(seconds: float) -> str:
    """Return a time as OpenAI writes it: 120ms, 8.64s, 6m0s."""
    thousandths = round(seconds * 1000)
    if thousandths < 1000:
        return f"{thousandths}ms"
    minutes, rest = divmod(thousandths, 60_000)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{text}" if minutes else text
