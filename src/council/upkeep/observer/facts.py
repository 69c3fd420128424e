"""The numbers of a snapshot, each with the query that gives it again. Pure.

A query is a command, or an expression over a metric that the watcher keeps, as Prometheus has them; it is asked over the
fact's span.
"""

from collections.abc import Iterator, Sequence

from council.domain import evidence
from council.upkeep.observer import behaviour

_MONEY = "usd_micros"


def of(found: evidence.Evidence, tracks: Sequence[evidence.Track]) -> Iterator[evidence.Fact]:
    """Yield every gate's number, the newest of every series that is looked at, and what was spent. Unknown is None."""
    now_s = found.now_s
    for line in found.gates:
        span = evidence.Span(now_s - line.window_s, now_s)
        yield evidence.Fact(line.name, line.value, line.unit, f"council gates {line.name}", span)
    gates = {line.name for line in found.gates}
    for track in tracks:
        if track.name not in gates:
            at_s, value = track.points[-1]
            before_s = track.points[-2][0] if len(track.points) > 1 else at_s
            yield evidence.Fact(behaviour.key(track), value, track.unit, _query(track), evidence.Span(before_s, at_s))
    yield from _costs(found)


def _query(track: evidence.Track) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in (("svc", track.service), *track.labels))
    selected = f"{track.name}{{{labels}}}"
    return f"rate({selected})" if evidence.TRACKED[track.name].counts else selected


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
