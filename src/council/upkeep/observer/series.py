"""What a series says of a stretch of time: how much it rose, where it stood, when it changed. Pure.

The points of a counter are its readings as they came, or a rate where its unit ends in `/s`. A reading below the one before is
a new beginning at nought.
"""

import bisect
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from council.domain import evidence, watching

Points = Sequence[tuple[float, float]]

# Fewer readings than this on either side say nothing about a change.
_SIDE_MIN = 4
# What goes up and down, whatever its name.
_GAUGES = frozenset({"open_fds_total"})
# A level is never told more finely than this share of itself, so that a flat line does not make a step of every breath.
_FLOOR_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Change:
    """Where a series left one level for another. `score` is how far, in spreads of what it does otherwise."""

    at_s: float
    before: float
    after: float
    score: float


def of(found: evidence.Evidence, name: str, service: str | None = None, **labels: str) -> list[evidence.Track]:
    """Return the series of this name that have these labels, of one service or of any."""
    return [
        one
        for one in found.tracks
        if one.name == name
        and service in (None, one.service)
        and all(dict(one.labels).get(key) == value for key, value in labels.items())
    ]


def within(points: Points, span: evidence.Span) -> Points:
    """Return the points of a span."""
    low = bisect.bisect_left(points, span.start_s, key=lambda one: one[0])
    high = bisect.bisect_left(points, span.end_s, key=lambda one: one[0])
    return points[low:high]


def is_counted(track: evidence.Track) -> bool:
    """Whether the points are readings of a counter."""
    return watching.is_counter(track.name) and track.name not in _GAUGES and not track.unit.endswith("/s")


def rates(track: evidence.Track, span: evidence.Span | None = None) -> list[tuple[float, float]]:
    """Return a counter as rises a second, each at the end of its step; any other series as it is. Of a span, where given."""
    points = track.points if span is None else _around(track.points, span)
    if not is_counted(track):
        return list(points)
    return [
        (at_s, (value if value < last else value - last) / (at_s - last_s))
        for (last_s, last), (at_s, value) in itertools.pairwise(points)
        if at_s > last_s and math.isfinite(value - last)
    ]


def _around(points: Points, span: evidence.Span) -> Points:
    """Return the points of a span and the one before it, by which the first rise is known."""
    low = bisect.bisect_left(points, span.start_s, key=lambda one: one[0])
    high = bisect.bisect_left(points, span.end_s, key=lambda one: one[0])
    return points[max(0, low - 1) : high]


def rise(tracks: Sequence[evidence.Track], span: evidence.Span) -> float:
    """Return by how much counters rose together within a span, 0 where nothing is known."""
    total = 0.0
    for one in tracks:
        counted = is_counted(one)
        for (last_s, last), (at_s, value) in itertools.pairwise(_around(one.points, span)):
            if last_s < at_s and span.holds(at_s) and math.isfinite(value - last):
                total += (value if value < last else value - last) if counted else value * (at_s - last_s)
    return total


def pace(tracks: Sequence[evidence.Track], span: evidence.Span) -> float | None:
    """Return by how much counters rose together a second, over what is known of a span; None where nothing is."""
    known = [inside for one in tracks if len(inside := _around(one.points, span)) > 1]
    if not known:
        return None
    known_s = min(span.end_s, max(one[-1][0] for one in known)) - max(span.start_s, min(one[0][0] for one in known))
    return rise(tracks, span) / known_s if known_s > 0 else None


def level(points: Points, span: evidence.Span) -> float | None:
    """Return the median within a span, None where there are no points."""
    values = [value for _, value in within(points, span) if math.isfinite(value)]
    return statistics.median(values) if values else None


def change(points: Points, span: evidence.Span) -> Change | None:
    """Return the clearest change of level within a span, None where there is none to speak of.

    It is where two means, one before and one after, leave the least of the spread unexplained; what lies far out is drawn in.
    """
    inside = [(at_s, value) for at_s, value in within(points, span) if math.isfinite(value)]
    if len(inside) < 2 * _SIDE_MIN:
        return None
    values = _drawn_in([value for _, value in inside])
    place = max(_sides(values), key=lambda one: one[1])[0]
    before, after = values[:place], values[place:]
    low, high = statistics.median(before), statistics.median(after)
    spread = max(_spread(before), _spread(after), _FLOOR_SHARE * max(abs(low), abs(high)), 1e-9)
    return Change(inside[place][0], low, high, abs(high - low) / spread)


def _sides(values: Sequence[float]) -> Iterator[tuple[int, float]]:
    """Yield (place, how much a split there explains)."""
    total, count, left = sum(values), len(values), 0.0
    for place, value in enumerate(values):
        if _SIDE_MIN <= place <= count - _SIDE_MIN:
            yield place, left * left / place + (total - left) ** 2 / (count - place)
        left += value


def _drawn_in(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 50], ordered[-1 - len(ordered) // 50]
    return [min(high, max(low, value)) for value in values]


def _spread(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return 1.4826 * statistics.median([abs(value - middle) for value in values])
