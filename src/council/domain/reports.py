"""What the steward has made of what it knows, ready for whoever asks: digests, figures, how cells of coverage stand. Pure.

Each lies in the records under a name, in the place of what was there: one digest for each day, figures for each of `DAYS`. The
gateway reads them there, so that no question of a page has days of series read, a forge asked or a checkout looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from council.domain import digests, evidence

# Of how many days figures are kept ready.
DAYS = (1, 7, 28)
COVERAGE = "coverage"
# At which time of day digests are made, `at` and `zone`: settings that are the steward's alone.
SCHEDULE = "schedule"
DIGESTS = "digest:"
_FIGURES = "figures:"
_DAY_S = 86_400.0
# Figures are made anew once they are older than this part of the time that they are of: those of a day each hour.
_FRESH_PART = 24


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept under a name, and when it was made, microseconds since the Unix epoch."""

    name: str
    at_us: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure in both stretches. `change` is by how much of the earlier one it is more or less, None where none can say."""

    now: digests.Measure
    before: digests.Measure
    change: evidence.Fact


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a span and of the one before it."""

    span: evidence.Span
    before: evidence.Span
    lines: tuple[Compared, ...]


def digest(day: str) -> str:
    """Return the name of the digest of a day, as `2026-11-30`."""
    return f"{DIGESTS}{day}"


def figures(days: int) -> str:
    """Return the name of the figures of so many days."""
    return f"{_FIGURES}{days}"


def due(made_s: Mapping[int, float], now_s: float) -> int | None:
    """Return of how many days figures are to be made now, None where all are fresh. `made_s`: when each were made."""
    for days in DAYS:
        at_s = made_s.get(days)
        # A clock that was ahead must not leave them for ever.
        if at_s is None or not 0 <= now_s - at_s < days * _DAY_S / _FRESH_PART:
            return days
    return None
