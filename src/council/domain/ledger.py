"""The ledger's row, its charges and its sums. Append-only: a correction is a new row.

A request has one row. Each call to a paid or outside model that it made is a *charge* of that row, and the row's cost is their
sum. Before such a call its worst case is *held* against the budgets; the charge takes the hold's place.
"""

import datetime
import enum
import functools
from dataclasses import dataclass

_DAY_US = 86_400_000_000
_EPOCH = datetime.date(1970, 1, 1)


class Outcome(enum.StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    # The process that made the call ended first: what it held counts as spent.
    UNSETTLED = "unsettled"


class GroupBy(enum.StrEnum):
    """What a report sums over."""

    DAY = "day"
    MODEL = "model"
    ROUTE = "route"
    TOKEN = "token"  # noqa: S105 - the word, not a secret


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on what one scope may spend in one period. `scope` is "all", "token:<id>" or "model:<name>"."""

    scope: str
    period: str
    limit_usd_micros: int


@dataclass(frozen=True, slots=True)
class Hold:
    """The worst case of one call, held before it is made. `hop` counts the calls of a request from 0.

    `expires_us` is when whoever made it can no longer be at work; from then on it may be turned into a charge.
    """

    request_id: str
    hop: int
    at_us: int
    expires_us: int
    user_id: str
    token_id: str
    model: str
    provider: str
    usd_micros: int
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A hold that a budget had no room for. `left_usd_micros` is what is left of it."""

    budget: Budget
    left_usd_micros: int


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call to a model cost. `estimated` where its true usage never came: then it is the most it can have been.

    `model` is the name that callers use, `deployment` the provider's own. `hold` is what was held for it, if anything.
    """

    hop: int
    provider: str
    model: str
    deployment: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd_micros: int
    estimated: bool
    outcome: str
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Spend:
    """What one scope has spent and holds in one period ("2026-11-28" or "2026-11"); `held_usd_micros` is part of the sum."""

    scope: str
    period: str
    usd_micros: int
    held_usd_micros: int


def scopes(hold: Hold) -> tuple[tuple[str, str], ...]:
    """Return every (scope, period) that a hold counts towards, whether limited or not: all, token and model, day and month."""
    day = _day(hold.at_us // _DAY_US)
    who = ("all", f"token:{hold.token_id or 'anonymous'}", f"model:{hold.model}")
    return tuple((scope, period) for scope in who for period in (day, day[:7]))


@functools.lru_cache(maxsize=8)
def _day(number: int) -> str:
    return (_EPOCH + datetime.timedelta(days=number)).isoformat()


def period_of(at_us: int, period: str) -> str:
    """Return the key of a day ("2026-11-28") or month ("2026-11"), UTC."""
    day = _day(at_us // _DAY_US)
    return day if period == "day" else day[:7]


def bounds_us(at_us: int, period: str) -> tuple[int, int]:
    """Return when the day or month of a moment began and when it ends, UTC, microseconds."""
    day_us = at_us // _DAY_US * _DAY_US
    if period == "day":
        return day_us, day_us + _DAY_US
    first = (_EPOCH + datetime.timedelta(days=at_us // _DAY_US)).replace(day=1)
    after = (first + datetime.timedelta(days=31)).replace(day=1)
    return (first - _EPOCH).days * _DAY_US, (after - _EPOCH).days * _DAY_US


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What one request cost. Times in microseconds; money in micro-dollars."""

    request_id: str
    at_us: int
    user_id: str
    token_id: str
    route: str
    specialist: str
    model: str
    outcome: Outcome
    level: str
    verified: bool
    escalated: bool
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int
    first_us: int
    total_us: int
    generation: str
    local: bool = True


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """One line of a report: the sums of the rows that share `key`."""

    key: str
    requests: int
    answered: int
    verified: int
    local: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int
