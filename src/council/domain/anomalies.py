"""What a detector of anomalies says of a series, and of its levels. `dataclasses.asdict` is the JSON of each."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["above", "below"]
# What stood out most: hours that are unlike this time of day, one value that is, or a jump from the value before.
Channel = Literal["hours", "value", "jump"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a detector reads a series. The defaults are those of record 0032; no series needs its own.

    Before `useful_after_s` and `useful_rows` nothing is said; `learned_after_s` is when a whole day is known. After an alarm
    what is as surprising is none for a while: surprise is asked to be more by what is left of the last one, which fades within
    some `quiet_rows`. An alarm is a score of `alarm_score`, of `early_alarm_score` while less than twice `learned_after_s` is
    known, and comes once in `event_rows`. The band holds all but `outside_share` of the values in the long run.
    """

    useful_after_s: float = 3600.0
    useful_rows: int = 60
    learned_after_s: float = 86_400.0
    quiet_rows: int = 300
    event_rows: int = 12
    alarm_score: float = 0.95
    early_alarm_score: float = 0.99
    outside_share: float = 0.02


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One alarm: what was read, what would have been usual, and what stood out most."""

    at_s: float
    value: float
    expected: float
    side: Side
    channel: Channel
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be said of one value. `score` is 0 for what happens all the time and near 1 for what never did.

    `low` and `high` bound what is usual now; None before that is known. `learned`: a whole day is known.
    """

    score: float
    low: float | None
    high: float | None
    learned: bool
    alarm: Anomaly | None


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """From `at_s` on the level is another one. `spreads` is the change over the robust spread of the values around it."""

    at_s: float
    before: float
    after: float
    spreads: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a level will reach its limit at the pace of the points: most likely, and within which bounds in 90 of 100 cases.

    `latest_s` is None where it may as well never be. `slope_per_s` is the pace.
    """

    limit: float
    at_s: float
    earliest_s: float
    latest_s: float | None
    level: float
    slope_per_s: float
