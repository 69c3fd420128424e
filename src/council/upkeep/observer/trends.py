"""Which way a series went over a day, robustly and with a band. Pure.

Where the day before is known, each hour is compared with the same hour of it, so that a load that swings with the day is no
trend: the median of the differences, with its bounds by rank (Hirsch, Slack and Smith, Water Resour. Res. 18, 1982). Until
then it is the median of the slopes between hours, with Sen's bounds (J. Am. Stat. Assoc. 63, 1968), to which such a swing is
one. Either looks at medians of hours, so a few wild points move it little.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from council.domain import evidence, snapshots

DAY_S = 86_400.0
_HOUR_S = 3600.0
_HOURS = 24
_HOURS_MIN = 6
# As many hours of both days make a trend from day to day.
_BOTH_MIN = 12
# Two-sided, 95 %.
_SURE_Z = 1.96


def all_of(tracks: Iterable[evidence.Track], now_s: float) -> list[snapshots.Trend]:
    """Return the trend of each series over the 24 hours before a moment."""
    return [of(one, now_s) for one in tracks]


def of(track: evidence.Track, now_s: float) -> snapshots.Trend:
    """Return the trend of one series."""
    name = " ".join([track.name, *(f"{label}={value}" for label, value in track.labels)])
    by_hour = _by_hour(track.points, now_s)
    today = {hour: value for hour, value in by_hour.items() if hour < _HOURS}
    before = {hour - _HOURS: value for hour, value in by_hour.items() if hour >= _HOURS}
    more = [value - before[hour] for hour, value in today.items() if hour in before]
    per_day = low = high = None
    why = ""
    if len(more) >= _BOTH_MIN:
        per_day, low, high = _middle(sorted(more), _SURE_Z * math.sqrt(len(more)))
    elif len(today) >= _HOURS_MIN:
        per_day, low, high = _slope(today)
    else:
        why = f"it has values in {len(today)} of {_HOURS} hours, and {_HOURS_MIN} are needed"
    middle, middle_before = (statistics.median(day.values()) if day else None for day in (today, before))
    return snapshots.Trend(name, track.service, track.unit, per_day, low, high, middle, middle_before, len(today), why)


def _by_hour(points: Iterable[tuple[float, float]], now_s: float) -> dict[int, float]:
    """Return the median of each hour that has points, by how many hours it ended before a moment."""
    found: dict[int, list[float]] = {}
    for at_s, value in points:
        if 0 <= now_s - at_s < 2 * DAY_S:
            found.setdefault(int((now_s - at_s) // _HOUR_S), []).append(value)
    return {hour: statistics.median(values) for hour, values in found.items()}


def _slope(by_hour: Mapping[int, float]) -> tuple[float, float, float]:
    slopes = sorted(
        (later - earlier) / (earlier_hour - later_hour) * _HOURS
        for earlier_hour, earlier in by_hour.items()
        for later_hour, later in by_hour.items()
        if later_hour < earlier_hour
    )
    count = len(by_hour)
    return _middle(slopes, _SURE_Z * math.sqrt(count * (count - 1) * (2 * count + 5) / 18))


def _middle(ordered: Sequence[float], spread: float) -> tuple[float, float, float]:
    """Return the median, and the values as many ranks from either end as the spread leaves."""
    lowest = max(0, math.floor((len(ordered) - spread) / 2))
    return statistics.median(ordered), ordered[lowest], ordered[-1 - lowest]
