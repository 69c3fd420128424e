"""What an expression of a digest gives over the readings that the watcher kept, as docs/reference/digest.md says it."""

import itertools
import math
import re
import statistics
from collections.abc import Sequence
from typing import Any

from council.domain import evidence
from council.upkeep.observer import forecasts, telling

Tracks = Sequence[evidence.Track]
Span = tuple[float, float]
Points = Sequence[tuple[float, float]]

FORECAST = re.compile(r'forecast\((\w+)\{svc="(\w*)"\}, (\w+)\{svc="\w*"\}\)')
_CALL = re.compile(r"(?P<call>increase|rate|median_over_time|begun)\((?P<name>\w+)(?:\{(?P<labels>[^}]*)\})?\)")
_LABEL = re.compile(r'(\w+)(!~|!=|=)"([^"]*)"')
_TOGETHER_S = 5.0
_DAY_S = 86_400.0


def values(query: str, span: Span, unit: str, tracks: Tracks) -> list[Any]:
    """Return what an expression gives: calls over one metric each, one divided by another, times a number."""
    if unit in (telling.WORD, telling.QUOTE):
        return [value for one in _LABEL.findall(query) for value in one[2:]]
    factor = float(found[1]) if (found := re.match(r"(\d+) \* ", query)) else 1.0
    parts = [_called(matched, span, tracks) for matched in _CALL.finditer(query)]
    if not parts or len(parts) > 2 or any(one is None for one in parts):
        return [None]
    if len(parts) == 1:
        return [factor * float(parts[0] or 0.0)]
    above, below = parts
    # Of too few calls no mean is told, and no share of none.
    return [factor * float(above or 0.0) / below, None] if below else [0.0, None]


def _called(matched: re.Match[str], span: Span, tracks: Tracks) -> float | None:
    labels = _LABEL.findall(matched["labels"] or "")
    asked = [one for one in _named(tracks, matched["name"]) if all(_fits(one, *each) for each in labels)]
    match matched["call"]:
        case "begun":
            return sum(_beginnings(one.points, span) for one in asked)
        case "median_over_time":
            inside = [value for one in asked for at_s, value in one.points if span[0] <= at_s < span[1]]
            return statistics.median(inside) if inside else None
        case "increase":
            return sum(_risen(one.points, span) for one in asked)
    known = [around for one in asked if len(around := _around(one.points, span)) > 1]
    if not known:
        return None
    until_s = min(span[1], max(points[-1][0] for points in known))
    return sum(_risen(one.points, span) for one in asked) / (until_s - max(span[0], min(one[0][0] for one in known)))


def _fits(track: evidence.Track, name: str, how: str, value: str) -> bool:
    has = track.service if name == "svc" else dict(track.labels).get(name, "")
    match how:
        case "=":
            return has == value
        case "!=":
            return has != value
        case _:
            return has not in value.split("|")


def _beginnings(points: Points, span: Span) -> int:
    """Return how many moments within a span a series tells of; those within five seconds of one another are one."""
    told = sorted({value for at_s, value in points if span[0] <= at_s < span[1] and span[0] <= value < span[1]})
    return sum(not place or value - told[place - 1] > _TOGETHER_S for place, value in enumerate(told))


def _around(points: Points, span: Span) -> Points:
    """Return the readings of a span, and the one before it, from which the first rise is counted."""
    inside = [one for one in points if span[0] <= one[0] < span[1]]
    return [one for one in points if one[0] < span[0]][-1:] + inside


def _risen(points: Points, span: Span) -> float:
    inside = _around(points, span)
    return sum(
        value if value < last else value - last
        for (last_s, last), (at_s, value) in itertools.pairwise(inside)
        if at_s > last_s and math.isfinite(value - last)
    )


def risen(tracks: Tracks, name: str, span: Span) -> float:
    """Return by how much a counter rose within a span."""
    return sum(_risen(track.points, span) for track in _named(tracks, name))


def ahead(found: re.Match[str], until_s: float, tracks: Tracks) -> list[Any]:
    """Return all that a forecast may tell: its service, the level, when it reaches the size, and when at the earliest."""
    used, service, size = found.groups()
    points, sizes = (until(tracks, one, service, until_s) for one in (used, size))
    if not points or not sizes:
        return []
    midnight_s = points[-1][0] // _DAY_S * _DAY_S
    told: list[Any] = [service]
    for kept in (points, [one for one in points if one[0] >= midnight_s]):
        made = forecasts.forecast(kept, sizes[-1][1], 14 * _DAY_S)
        told += [made.level, made.at_s, made.earliest_s] if made else []
    return told


def until(tracks: Tracks, name: str, service: str, until_s: float) -> list[tuple[float, float]]:
    """Return the readings of a service's series up to a moment."""
    return [one for track in _named(tracks, name, service) for one in track.points if one[0] < until_s]


def _named(tracks: Tracks, name: str, service: str | None = None) -> list[evidence.Track]:
    of = evidence.TRACKED[name].of if name in evidence.TRACKED else ""
    return [one for one in tracks if one.name == name and (service or of or one.service) == one.service]
