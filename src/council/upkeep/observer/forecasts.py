"""When will something be full, or gone, at the pace of now? A robust slope with its bounds, or nothing where none is sure.

Theil and Sen's slope through at most 96 medians, so that single bursts and what is given back say little. Its bounds are
Sen's, widened where neighbours are alike, since they are then fewer than they seem.
"""

import itertools
import math
import statistics

from council.domain import anomalies, timeseries
from council.upkeep.observer import change_points

_BUCKETS_MAX = 96
_POINTS_MIN = 8
# Two-sided, 90 %.
_SURE_Z = 1.645
_OUTSIDE = 0.05
_ALIKE_MAX = 0.9


def forecast(points: timeseries.Points, limit: float, horizon_s: float) -> anomalies.Forecast | None:
    """Return when the level reaches `limit`, None where it surely does not within `horizon_s` of the last point.

    None, too, where the level does not surely move towards the limit. A bound in the past is given as now.
    """
    kept = change_points.clean(points)
    if len(kept) < _POINTS_MIN:
        return None
    buckets = change_points.in_buckets(kept, _BUCKETS_MAX)
    now_s = kept[-1][0]
    times_s = [statistics.fmean(at_s for at_s, _ in bucket) - now_s for bucket in buckets]
    levels = [statistics.median(value for _, value in bucket) for bucket in buckets]
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for earlier, later in itertools.combinations(zip(times_s, levels, strict=True), 2)
        if later[0] > earlier[0]
    )
    if not slopes:
        return None
    slope = statistics.median(slopes)
    offsets = [value - slope * at_s for at_s, value in zip(times_s, levels, strict=True)]
    level = statistics.median(offsets)
    left = limit - level
    lowest, highest = _bounds(slopes, [offset - level for offset in offsets])
    if left < 0:
        lowest, highest = -highest, -lowest
    if lowest <= 0 or left == 0:
        return None
    off = sorted(abs(offset - level) for offset in offsets)[math.ceil((1 - _OUTSIDE) * len(offsets)) - 1]
    at_s, earliest_s, latest_s = left / slope, (abs(left) - off) / highest, (abs(left) + off) / lowest
    if earliest_s > horizon_s:
        return None
    return anomalies.Forecast(
        limit,
        now_s + at_s,
        now_s + min(at_s, max(0.0, earliest_s)),
        now_s + latest_s if latest_s <= horizon_s else None,
        level,
        slope,
    )


def _bounds(slopes: list[float], residuals: list[float]) -> tuple[float, float]:
    """Return the bounds of the slope."""
    count = len(residuals)
    square = sum(one * one for one in residuals)
    alike = sum(one * other for one, other in itertools.pairwise(residuals)) / square if square else 0.0
    alike = max(0.0, min(_ALIKE_MAX, alike))
    variance = count * (count - 1) * (2 * count + 5) / 18 * (1 + alike) / (1 - alike)
    away = math.ceil(_SURE_Z * math.sqrt(variance) / 2)
    middle = len(slopes) // 2
    return slopes[max(0, middle - away)], slopes[min(len(slopes) - 1, middle + away)]
