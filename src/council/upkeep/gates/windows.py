"""What PromQL's functions over a window give, computed on our own samples.

Both evaluators of gates must come to the same verdict, so these follow the definitions of Prometheus (its documentation of
query functions, and of staleness) and not the nearest textbook formula: `increase` extends to the edges of its window, a
counter that falls was reset, a subquery steps at whole multiples of its step. Windows are closed at both ends.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from council.domain import timeseries

# Prometheus extends to the edge of a window that is nearer than this many mean intervals.
_EDGE_INTERVALS = 1.1
_HOLD_INTERVALS = 0.5


def increase(points: timeseries.Points, start_s: float, end_s: float) -> float | None:
    """Return by how much a counter rose over a window, resets added in and extended to its edges; None below two samples."""
    if len(points) < 2:
        return None
    (first_s, first), (last_s, _) = points[0], points[-1]
    risen = points[-1][1] - first + sum(_fallen_from(points))
    sampled_s = last_s - first_s
    mean_s = sampled_s / (len(points) - 1)
    before_s, after_s = first_s - start_s, end_s - last_s
    if risen > 0 and first >= 0:
        # A counter cannot have been below zero: it began no earlier than where its line meets it.
        before_s = min(before_s, sampled_s * (first / risen))
    reach_s = sampled_s
    for gap_s in (before_s, after_s):
        reach_s += gap_s if gap_s < mean_s * _EDGE_INTERVALS else mean_s * _HOLD_INTERVALS
    return risen * (reach_s / sampled_s)


def resets(points: timeseries.Points) -> int:
    """Return how often a counter fell."""
    return len(_fallen_from(points))


def _fallen_from(points: timeseries.Points) -> list[float]:
    """Return what a counter had each time before it fell."""
    values = [value for _, value in points]
    # Most never fell, and sorting what is in order is the fastest look at all of it.
    if sorted(values) == values:
        return []
    return [before for before, after in itertools.pairwise(values) if after < before]


def slope(points: timeseries.Points) -> float | None:
    """Return the least-squares slope, units a second; None below two points."""
    if len(points) < 2:
        return None
    origin_s = points[0][0]
    mean_s = math.fsum(time_s - origin_s for time_s, _ in points) / len(points)
    mean = math.fsum(value for _, value in points) / len(points)
    over = math.fsum((time_s - origin_s - mean_s) * (value - mean) for time_s, value in points)
    under = math.fsum((time_s - origin_s - mean_s) ** 2 for time_s, _ in points)
    return over / under if under else None


def minima(series: timeseries.Series, start_s: float, end_s: float, bucket_s: float) -> timeseries.Points:
    """Return the minimum of each bucket that ends at a multiple of its length within the window, where it has samples."""
    return _stepped(lambda at: [value for _, value in series.within(at - bucket_s, at)], start_s, end_s, bucket_s, min)


def _stepped(
    values: Callable[[float], Sequence[float]],
    start_s: float,
    end_s: float,
    step_s: float,
    of: Callable[[Sequence[float]], float],
) -> timeseries.Points:
    points = []
    at = math.ceil(start_s / step_s) * step_s
    while at <= end_s:
        if found := values(at):
            points.append((at, of(found)))
        at += step_s
    return points


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Return the quantile of a histogram of cumulative counts by upper edge, linear within a bucket; NaN where it is none.

    In the bucket without an upper edge the answer is the edge below it, so edges must lie above what is judged.
    """
    edges = sorted(buckets)
    if len(edges) < 2 or edges[-1] != math.inf or not buckets[edges[-1]] > 0:
        return math.nan
    counts, highest = [], 0.0
    for edge in edges:
        highest = max(highest, buckets[edge])
        counts.append(highest)
    rank = share * counts[-1]
    place = next(number for number, count in enumerate(counts) if count >= rank)
    if place == len(edges) - 1:
        return edges[-2]
    if place == 0 and edges[0] <= 0:
        return edges[0]
    low = edges[place - 1] if place else 0.0
    below = counts[place - 1] if place else 0.0
    inside = counts[place] - below
    return low + (edges[place] - low) * ((rank - below) / inside) if inside else edges[place]
