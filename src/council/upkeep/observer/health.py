"""The health of the system over a stretch of time, 0 to 100, so that anybody can work it out again. Pure.

Of each gate that applies: the time in which it was green, and half of that in which it was amber, over the time in which it was
green, amber or red. The health of the system is the mean over the gates that were known at all, times a hundred. Time in which
a gate was unknown is in neither: `known` says beside it how much of the time was known, and is never left out.
"""

from collections.abc import Mapping

from council.domain import digests, evidence, gates, watching
from council.upkeep.observer import telling

AMBER_COUNTS = 0.5
_KNOWN = (gates.Verdict.GREEN, gates.Verdict.AMBER, gates.Verdict.RED)


def health(found: evidence.Evidence) -> digests.Health:
    """Return the health over the span of the evidence."""
    told = {one.gate: spent(one, found.span) for one in found.histories}
    # What does not apply now and did then counts for then.
    applies = [
        one.name
        for one in found.gates
        if one.verdict is not gates.Verdict.NOT_APPLICABLE or any(told.get(one.name, {}).get(each) for each in _KNOWN)
    ]
    told = {name: times for name, times in told.items() if name in applies}
    lines = tuple(
        _gate(name, times, found.span)
        for name, times in sorted(told.items())
        if sum(times.values()) > times.get(gates.Verdict.NOT_APPLICABLE, 0.0)
    )
    known = [float(one.health.value) for one in lines if isinstance(one.health.value, float)]
    value = sum(known) / len(known) if known else None
    query = "council gates NAME --json, the mean over the gates"
    fact = evidence.Fact("system health", value, "", query, found.span)
    count = evidence.Fact("gates that were known", len(known), telling.COUNT, query, found.span)
    reason = "" if known else "no gate was known in this time"
    shares = [float(one.known.value) for one in lines if isinstance(one.known.value, float)]
    # A gate of which nothing was told at all was not known for any of the time.
    share = sum(shares) / len(applies) if applies else 0.0
    known_fact = evidence.Fact("time known", share, telling.PERCENT, query, found.span)
    return digests.Health(digests.Measure("system_health", fact, count, reason), known_fact, lines)


def spent(history: watching.History, span: evidence.Span) -> dict[gates.Verdict, float]:
    """Return for how long a gate said each verdict within a span, seconds."""
    times: dict[gates.Verdict, float] = {}
    verdicts = sorted(history.verdicts, key=lambda one: one.since_s)
    ends = [one.since_s for one in verdicts[1:]] + [span.end_s]
    for one, end_s in zip(verdicts, ends, strict=True):
        lasted_s = min(end_s, span.end_s) - max(one.since_s, span.start_s)
        if lasted_s > 0:
            times[one.verdict] = times.get(one.verdict, 0.0) + lasted_s
    return times


def _gate(name: str, times: Mapping[gates.Verdict, float], span: evidence.Span) -> digests.GateHealth:
    query = f"council gates {name} --json"
    green, amber, red = (times.get(verdict, 0.0) for verdict in _KNOWN)
    known_s = green + amber + red
    # While it does not apply there is nothing to know of it.
    whole_s = span.end_s - span.start_s - times.get(gates.Verdict.NOT_APPLICABLE, 0.0)
    value = 100 * (green + AMBER_COUNTS * amber) / known_s if known_s else None
    return digests.GateHealth(
        name,
        evidence.Fact(f"health of {name}", value, "", query, span),
        evidence.Fact(f"{name} red", red, telling.DURATION, query, span),
        evidence.Fact(f"{name} known", 100 * known_s / whole_s, telling.PERCENT, query, span),
    )
