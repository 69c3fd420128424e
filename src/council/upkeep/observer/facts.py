"""The numbers of a snapshot, each with the query that gives it again. Pure.

A query is a command, or an expression over a metric that the watcher keeps, as Prometheus has them; it is asked over the
fact's span.
"""

from collections.abc import Iterator

from council.domain import evidence
from council.upkeep.observer import behaviour

_MONEY = "usd_micros"
_PACE_S = 900.0


def of(found: evidence.Evidence) -> Iterator[evidence.Fact]:
    """Yield every gate's number, the newest of every series that is looked at, and what was spent. Unknown is None.

    Of what counts it is how much a second, over the last quarter of an hour.
    """
    now_s = found.now_s
    for line in found.gates:
        span = evidence.Span(now_s - line.window_s, now_s)
        yield evidence.Fact(line.name, line.value, line.unit, f"council gates {line.name}", span)
    looked_at = sorted((one for one in found.tracks if one.name in behaviour.LOOKED_AT), key=behaviour.key)
    for track in looked_at[: behaviour.SERIES_MAX]:
        yield from _newest(track)
    yield from _costs(found)


def _newest(track: evidence.Track) -> Iterator[evidence.Fact]:
    labels = ",".join(f'{name}="{value}"' for name, value in (("svc", track.service), *track.labels))
    name, query = behaviour.key(track), f"{track.name}{{{labels}}}"
    if evidence.TRACKED[track.name].counts:
        if (found := behaviour.pace(track, _PACE_S)) is not None:
            yield evidence.Fact(name, found[0], f"{track.unit}/s", f"rate({query})", found[1])
    elif track.points:
        at_s, value = track.points[-1]
        yield evidence.Fact(name, value, track.unit, query, evidence.Span(at_s, at_s))


def _costs(found: evidence.Evidence) -> Iterator[evidence.Fact]:
    query = "council ledger report --by route"
    for one in found.costs.by_route:
        counts = (
            ("requests", one.requests),
            ("answered", one.answered),
            ("verified", one.verified),
            ("local", one.local),
        )
        for name, count in counts:
            yield evidence.Fact(f"{name} route={one.key}", count, "count", query, found.span)
        yield evidence.Fact(f"cost route={one.key}", one.cost_usd_micros, _MONEY, query, found.span)
    for line in found.costs.budget_lines:
        name = f"spent scope={line.scope} period={line.period}"
        spent = line.spent_usd_micros + line.held_usd_micros
        # Of the day or month as it was then, not of the span alone.
        yield evidence.Fact(name, spent, _MONEY, "council budget", evidence.Span(found.now_s, found.now_s))
