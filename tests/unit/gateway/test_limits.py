import asyncio
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import access, errors
from council.gateway import limits
from council.testing import clock


@dataclasses.dataclass
class Bucket:
    """A store with one bucket that never refills; counts how often it was asked."""

    left: int
    calls: int = 0
    away: bool = False

    async def ping(self) -> None: ...

    async def take(self, key: str, limit: int, window_s: float, permits: int = 1) -> access.Allowance:
        await asyncio.sleep(0)
        self.calls += 1
        if self.away:
            raise errors.StoreUnavailableError("Away. Try again.")
        granted = min(permits, self.left)
        self.left -= granted
        return access.Allowance(granted > 0, limit, self.left, 0.0 if granted else 1.5, granted)

    async def close(self) -> None: ...


def caller(limit: int, token: str = "t") -> access.Principal:
    return access.Principal("u", token, frozenset(), limit)


async def admitted(limiter: limits.RateLimiter, principal: access.Principal) -> bool:
    try:
        await limiter.admit(principal)
    except errors.RateLimitedError:
        return False
    return True


async def test_a_low_limit_is_asked_for_one_at_a_time_and_is_exact() -> None:
    bucket = Bucket(3)
    limiter = limits.RateLimiter(bucket, clock.ManualClock())
    assert [await admitted(limiter, caller(3)) for _ in range(5)] == [True, True, True, False, False]
    assert bucket.calls == 5


async def test_heavy_use_fetches_more_at_a_time_up_to_a_second_of_the_limit() -> None:
    bucket = Bucket(10**6)
    limiter = limits.RateLimiter(bucket, clock.ManualClock())
    for _ in range(200):
        assert await admitted(limiter, caller(600))
    # 1, 2, 4, 8, then 10 at a time.
    assert bucket.calls == 4 + -(-(200 - 15) // 10)


async def test_slow_use_takes_no_more_than_it_needs() -> None:
    bucket, time = Bucket(1000), clock.ManualClock()
    limiter = limits.RateLimiter(bucket, time)
    for _ in range(20):
        assert await admitted(limiter, caller(600))
        time.advance(2.0)
    assert bucket.left == 980


@given(st.integers(1, 400), st.integers(1, 50), st.integers(1, 4))
def test_all_processes_together_never_give_more_than_there_is(left: int, at_once: int, processes: int) -> None:
    async def run() -> int:
        bucket, time = Bucket(left), clock.ManualClock()
        limiters = [limits.RateLimiter(bucket, time) for _ in range(processes)]
        given_out = 0
        for _ in range(12):
            found = await asyncio.gather(
                *(admitted(limiters[number % processes], caller(6000)) for number in range(at_once))
            )
            given_out += sum(found)
        return given_out

    assert asyncio.run(run()) <= left


async def test_callers_at_once_share_one_fetch() -> None:
    bucket = Bucket(10**6)
    limiter = limits.RateLimiter(bucket, clock.ManualClock())
    for _ in range(10):
        await asyncio.gather(*(admitted(limiter, caller(60_000)) for _ in range(32)))
    assert bucket.calls < 20


async def test_tokens_do_not_share_permits() -> None:
    limiter = limits.RateLimiter(Bucket(1), clock.ManualClock())
    assert await admitted(limiter, caller(600, "a"))
    assert not await admitted(limiter, caller(600, "b"))


async def test_while_the_store_is_away_limits_are_counted_here_and_said_so() -> None:
    bucket = Bucket(10, away=True)
    limiter = limits.RateLimiter(bucket, clock.ManualClock())
    assert (await limiter.admit(caller(2))).degraded
    assert (await limiter.admit(caller(2))).degraded
    with pytest.raises(errors.RateLimitedError):
        await limiter.admit(caller(2))
