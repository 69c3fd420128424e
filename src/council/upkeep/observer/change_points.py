"""Since when is the level of a series another one? The fewest levels that explain its points, looking back over a window.

The points become at most 240 medians; the cheapest division into levels is sought exactly, each new level at a price. What a
level may wander by chance is measured over as many medians as the shortest level has, so that a figure which comes and goes
slowly is no row of changes.
"""

import itertools
import math
import statistics
from collections.abc import Sequence

from council.domain import anomalies, timeseries

_BUCKETS_MAX = 240
_SHORTEST = 8
_POINTS_MIN = 2 * _SHORTEST
# A change is at least so many spreads, and a level that lasts as short as can be pays for itself at three.
_SPREADS_MIN = 2.0
_PRICE = 9.0 * _SHORTEST
# Of a change, what must have come about within the shortest time; else it is a slope or a swing.
_ABRUPT_SHARE = 0.6
# More of them are how the series is.
_CHANGES_MAX = 12
# Where hardly anything moves, of the whole range.
_SPREAD_SHARE_MIN = 0.05
_TO_SPREAD = 1.4826 / math.sqrt(2)


def change_points(points: timeseries.Points) -> list[anomalies.ChangePoint]:
    """Return where the level changed of a sudden, for good or for a while, oldest first. Takes some 25 milliseconds.

    `before` and `after` are the levels just there. What rises or swings slowly has none, nor has what
    jumps all the time.
    """
    kept = clean(points)
    if len(kept) < _POINTS_MIN:
        return []
    buckets = in_buckets(kept, _BUCKETS_MAX)
    levels = _without_spikes([statistics.median(value for _, value in bucket) for bucket in buckets])
    spread = _spread(levels)
    if spread == 0:
        return []
    starts = _merged(levels, _divide(levels, _PRICE * spread * spread), spread)
    found = []
    for begin, start, end in zip(starts, starts[1:], [*starts[2:], len(levels)], strict=False):
        old = statistics.median(levels[max(begin, start - _SHORTEST) : start])
        new = statistics.median(levels[start : min(end, start + _SHORTEST)])
        change = abs(statistics.median(levels[start:end]) - statistics.median(levels[begin:start]))
        if abs(new - old) < max(_ABRUPT_SHARE * change, _SPREADS_MIN * spread):
            continue
        around = itertools.chain(*buckets[start - 1 : start + 1])
        at_s = _first_of_new(list(around), old, new, buckets[start][0][0])
        found.append(anomalies.ChangePoint(at_s, old, new, abs(new - old) / spread))
    return found if len(found) <= _CHANGES_MAX else []


def clean(points: timeseries.Points) -> list[tuple[float, float]]:
    """Return the points that are numbers and later than those before them."""
    kept: list[tuple[float, float]] = []
    for at_s, value in points:
        if math.isfinite(value) and abs(value) < 1e100 and math.isfinite(at_s) and (not kept or at_s > kept[-1][0]):
            kept.append((at_s, value))
    return kept


def in_buckets(points: list[tuple[float, float]], most: int) -> list[list[tuple[float, float]]]:
    """Return the points in at most so many runs of nearly equal numbers."""
    count = min(most, len(points))
    edges = [len(points) * place // count for place in range(count + 1)]
    return [points[begin:end] for begin, end in itertools.pairwise(edges)]


def _without_spikes(levels: list[float]) -> list[float]:
    """Return the median of each five, so that what lasts a moment is no level."""
    return [statistics.median(levels[max(0, place - 2) : place + 3]) for place in range(len(levels))]


def _spread(levels: list[float]) -> float:
    """Return by how much the level wanders over the shortest time that counts; a steady trend and single steps do not show."""
    moves = [later - earlier for earlier, later in zip(levels, levels[_SHORTEST:], strict=False)]
    usual = statistics.median(moves)
    wander = _TO_SPREAD * statistics.median(abs(move - usual) for move in moves)
    return max(wander, _SPREAD_SHARE_MIN * (max(levels) - min(levels)))


def _divide(levels: Sequence[float], price: float) -> list[int]:
    """Return where levels begin, so that squares around their means and `price` for each are the least in all."""
    middle = statistics.fmean(levels)
    sums = list(itertools.accumulate((level - middle for level in levels), initial=0.0))
    squares = list(itertools.accumulate(((level - middle) ** 2 for level in levels), initial=0.0))
    count = len(levels)
    least, last = [0.0] + [math.inf] * count, [0] * (count + 1)
    for end in range(_SHORTEST, count + 1):
        for start in range(end - _SHORTEST + 1):
            if least[start] == math.inf:
                continue
            total = sums[end] - sums[start]
            cost = least[start] + price + squares[end] - squares[start] - total * total / (end - start)
            if cost < least[end]:
                least[end], last[end] = cost, start
    starts, end = [], count
    while end > 0:
        end = last[end]
        starts.append(end)
    return starts[::-1]


def _merged(levels: list[float], starts: list[int], spread: float) -> list[int]:
    """Take out the smallest change until all are large enough."""
    starts = list(starts)
    while len(starts) > 1:
        medians = [statistics.median(levels[begin:end]) for begin, end in zip(starts, [*starts[1:], None], strict=True)]
        sizes = [abs(after - before) for before, after in itertools.pairwise(medians)]
        smallest = min(range(len(sizes)), key=sizes.__getitem__)
        if sizes[smallest] >= _SPREADS_MIN * spread:
            break
        del starts[smallest + 1]
    return starts


def _first_of_new(points: list[tuple[float, float]], old: float, new: float, default_s: float) -> float:
    """Return the time from which on most points are nearer to the new level."""
    best_s, best, votes = default_s, 0, 0
    for at_s, value in reversed(points):
        votes += 1 if abs(value - new) < abs(value - old) else -1
        if votes > best:
            best_s, best = at_s, votes
    return best_s
