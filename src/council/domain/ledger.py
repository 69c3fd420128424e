"""The ledger's row and its sums. Append-only: a correction is a new row."""

import enum
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    FAILED = "failed"


class GroupBy(enum.StrEnum):
    """What a report sums over."""

    DAY = "day"
    MODEL = "model"
    ROUTE = "route"
    TOKEN = "token"  # noqa: S105 - the word, not a secret


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
