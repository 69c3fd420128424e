"""Which way a series went over a day: the robust slope with its band, and the day's middle against the day before's. Pure.

Theil and Sen's slope of hourly medians, with Sen's bounds (Sen, J. Am. Stat. Assoc. 63, 1968): a few wild points move it
little, and 24 medians have 276 slopes at most. The bounds take the hours for independent, which those of a load that swings
with the day are not; such a swing makes the band wide rather than wrong.
"""

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence

from council.domain import evidence, snapshots

DAY_S = 86_400.0
_HOUR_S = 3600.0
_HOURS_MIN = 6
# Two-sided, 95 %.
_SURE_Z = 1.96


def all_of(tracks: Iterable[evidence.Track], now_s: float) -> list[snapshots.Trend]:
    """Return the trend of each series over the 24 hours before a moment."""
    return [of(one, now_s) for one in tracks]


def of(track: evidence.Track, now_s: float) -> snapshots.Trend:
    """Return the trend of one series."""
    name = " ".join([track.name, *(f"{label}={value}" for label, value in track.labels)])
    today, before = (
        [one for one in track.points if start_s < one[0] <= start_s + DAY_S]
        for start_s in (now_s - DAY_S, now_s - 2 * DAY_S)
    )
    hours = _hourly(today)
    middle, middle_before = (statistics.median(value for _, value in day) if day else None for day in (today, before))
    per_day = low = high = None
    why = ""
    if len(hours) < _HOURS_MIN:
        why = f"it has values in {len(hours)} of 24 hours, and {_HOURS_MIN} are needed"
    else:
        per_day, low, high = _slope(hours)
    return snapshots.Trend(name, track.service, track.unit, per_day, low, high, middle, middle_before, len(hours), why)


def _hourly(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the median of each hour that has points, at the median of their times."""
    return [
        (statistics.median(at_s for at_s, _ in within), statistics.median(value for _, value in within))
        for within in (list(group) for _, group in itertools.groupby(points, lambda one: one[0] // _HOUR_S))
    ]


def _slope(hours: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the slope, and the bounds of its band, a day."""
    slopes = sorted(
        (later - earlier) / (later_s - earlier_s) * DAY_S
        for (earlier_s, earlier), (later_s, later) in itertools.combinations(hours, 2)
    )
    count = len(hours)
    spread = _SURE_Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    lowest = max(0, math.floor((len(slopes) - spread) / 2))
    highest = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return statistics.median(slopes), slopes[lowest], slopes[highest]
