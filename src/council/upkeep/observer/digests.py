"""The daily digest, made of evidence. Pure: the same evidence gives the same digest, to the letter."""

import dataclasses
import math
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from council.domain import digests, evidence, gates, incidents
from council.upkeep.observer import advice, causes, health, measures, series, starts, telling

_PLOTTED = ("latency_p95", "error_rate", "success_rate", "local_processing", "cost_per_100", "memory_growth")
_LEAKS = frozenset("memory descriptors zombies threads children sockets temp_files tasks gpu_drip disk_growth".split())
_LIKELY = 0.3
_EXPLAINED_MAX = 10
# Shorter than this a stretch may lie between two readings of one series.
_STRETCH_S_MIN = 60.0
# A digest that is made longer than this after its span is of the past.
_STANDS_S = 900.0


@dataclass(frozen=True, slots=True)
class Loop:
    """How the observer itself fares, as far as whoever asks knows: counts, and moments in seconds of Unix time."""

    snapshots_taken: int | None = None
    snapshots_missed: int | None = None
    notices_waiting: int | None = None
    notices_failed: int | None = None
    last_digest_s: float | None = None
    archive_merged_s: float | None = None


def digest(found: evidence.Evidence, zone: str = "UTC", loop: Loop | None = None) -> digests.Digest:
    """Return the digest of the span of the evidence, with its date in a zone."""
    date = date_of(found.span.end_s, zone)
    found, told_apart = _of_its_time(found)
    told = health.health(found)
    decided = tuple(_decided(found, outcome) for outcome in ("applied", "rolled back", "refused"))
    applied, returned, refused = (tuple(map(_change(found), rows[-digests.LISTED_MAX :])) for rows in decided)
    touching, began = _touching(found), tuple(starts.services(found))
    return digests.Digest(
        date=date,
        zone=zone,
        span=found.span,
        made_s=found.now_s,
        label=found.label,
        headline=tuple(_headline(found, told, decided, touching, began)),
        patches_applied=applied,
        patches_rolled_back=returned,
        patches_refused=refused,
        system_health=told,
        incidents=tuple(_troubles(found, touching)),
        cost_efficiency=measures.cost_per_100(found),
        performance=measures.latency_p95(found),
        local_share=measures.local_share(found),
        autonomy=measures.autonomy(found),
        autonomy_low=measures.autonomy_low(found),
        recommendations=advice.advise(found),
        leaks=tuple(_leaks(found)),
        services=began,
        plots=tuple(_plots(found)),
        loop=tuple(_loop(found, loop)),
        missing=(*found.missing, *told_apart, *_left_out((*decided, touching))),
    )


def date_of(at_s: float, zone: str) -> str:
    """Return the day of a moment in a zone. Raises zoneinfo.ZoneInfoNotFoundError."""
    there = UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone)
    return datetime.fromtimestamp(at_s, there).strftime("%Y-%m-%d")


def _of_its_time(found: evidence.Evidence) -> tuple[evidence.Evidence, Sequence[evidence.Missing]]:
    """Return the evidence without what is not of its span, and what is left out so."""
    if found.now_s < found.span.end_s:
        span = evidence.Span(found.span.start_s, max(found.now_s, found.span.start_s + _STRETCH_S_MIN))
        lacking = evidence.Missing(
            "the rest of the day", f"it is not over: this is of the time until {telling.clock(span.end_s)}"
        )
        return dataclasses.replace(found, span=span), [lacking]
    if found.now_s - found.span.end_s <= _STANDS_S:
        return found, ()
    # What is known of these is how they stand now, and not how they stood then.
    lines = [
        line
        if line.verdict is gates.Verdict.NOT_APPLICABLE
        else dataclasses.replace(line, verdict=gates.Verdict.UNKNOWN, value=None)
        for line in found.gates
    ]
    costs = dataclasses.replace(found.costs, budget_lines=())
    then = dataclasses.replace(found, gates=lines, findings=(), services=(), costs=costs)
    why = "what is known of them is of now, and not of that day: `council gates`, `council status` and `council budget` say it"
    return then, [evidence.Missing("sentinels, services, budgets and gates as they stood at the end", why)]


def _left_out(lists: Sequence[Sequence[object]]) -> Iterator[evidence.Missing]:
    """Yield of which lists only the newest stand in the digest."""
    whats = ("patches applied", "patches rolled back", "patches refused", "incidents")
    for what, rows in zip(whats, lists, strict=True):
        if len(rows) > digests.LISTED_MAX:
            yield evidence.Missing(
                f"the older {what}", f"of {len(rows)} the newest {digests.LISTED_MAX} are listed; all are counted"
            )


def _decided(found: evidence.Evidence, outcome: str) -> list[evidence.PatchRow]:
    """Return the patches that came to an outcome within the span, oldest first."""
    rows = [row for row in found.patches if row.outcome == outcome and not row.trial]
    inside = [row for row in rows if found.span.holds(row.ended_s or row.at_s)]
    return sorted(inside, key=lambda one: one.ended_s or one.at_s)


def _change(found: evidence.Evidence) -> Callable[[evidence.PatchRow], digests.Change]:
    def change(row: evidence.PatchRow) -> digests.Change:
        at = telling.moment(row.outcome, row.ended_s or row.at_s, f"council patch show {row.cid}", found.span)
        return digests.Change(row.cid, row.title, row.author, row.outcome, at, row.reason, row.ticket)

    return change


def _touching(found: evidence.Evidence) -> list[incidents.Incident]:
    """Return the incidents that went on within the span, oldest first."""
    return sorted(
        (
            one
            for one in found.incidents
            if one.began_us / 1e6 < found.span.end_s
            and (not one.repaired_us or one.repaired_us / 1e6 >= found.span.start_s)
        ),
        key=lambda one: (one.began_us, one.id),
    )


def _troubles(found: evidence.Evidence, touching: Sequence[incidents.Incident]) -> Iterator[digests.Trouble]:
    """Yield the incidents, the newest first, the first of them with their causes."""
    for place, one in enumerate(touching[::-1][: digests.LISTED_MAX]):
        yield _trouble(found, one, causes.ranked(found, one) if place < _EXPLAINED_MAX else ())


def _trouble(
    found: evidence.Evidence, one: incidents.Incident, ranked: Sequence[evidence.RankedCause]
) -> digests.Trouble:
    query = f"council incidents show {one.id}"
    return digests.Trouble(
        one.id,
        one.title,
        str(one.severity),
        str(one.standing),
        telling.moment("began", one.began_us / 1e6, query, found.span),
        evidence.Fact("time to detect", one.detection_s, telling.DURATION, query, found.span),
        evidence.Fact("time to repair", one.repair_s, telling.DURATION, query, found.span),
        ranked[0] if ranked and ranked[0].weight >= _LIKELY else None,
    )


def _headline(
    found: evidence.Evidence,
    told: digests.Health,
    decided: Sequence[Sequence[evidence.PatchRow]],
    touching: Sequence[incidents.Incident],
    began: Sequence[digests.Starts],
) -> Iterator[evidence.Sentence]:
    span = found.span
    facts = {
        "health": told.measure.fact,
        "known": told.known,
        "to": telling.moment("until", span.end_s, "", span),
        "time": evidence.Fact("length", span.end_s - span.start_s, telling.DURATION, "", span),
    }
    if told.measure.fact.value is None:
        yield telling.say("In the {time} until {to} no gate was known, so nobody can say how well it was.", **facts)
    else:
        worst = min(told.gates, key=lambda one: (one.health.value or 0.0, one.gate))
        text = "In the {time} until {to} the health was {health} of a hundred, measured in {known} of that time"
        if isinstance(worst.health.value, float) and worst.health.value < 100:
            facts |= {"gate": telling.word("gate", worst.gate, worst.health.query, span), "least": worst.health}
            text += "; the worst was the gate {gate} with {least}"
        yield telling.say(text + ".", **facts)
    yield _of_troubles(found, touching)
    if (again := starts.sentence(found, began)) is not None:
        yield again
    names = ("applied", "returned", "refused")
    counts = {
        name: evidence.Fact(
            f"patches {name}", _counted(found, "patches", rows), telling.COUNT, "council patch history", span
        )
        for name, rows in zip(names, decided, strict=True)
    }
    yield telling.say("Patches applied: {applied}; rolled back: {returned}; refused: {refused}.", **counts)
    answered, cost, local = measures.answers(found), measures.cost_per_100(found), measures.local_share(found)
    if answered.fact.value:
        facts = {"answers": answered.fact, "cost": cost.fact, "local": local.fact}
        yield telling.say(
            "Answers: {answers}; a hundred cost {cost}, and {local} were answered on this machine.", **facts
        )
    else:
        yield telling.say("Answers: {answers}.", answers=answered.fact)


def _of_troubles(found: evidence.Evidence, touching: Sequence[incidents.Incident]) -> evidence.Sentence:
    query = "council incidents --json"
    count = evidence.Fact("incidents", _counted(found, "incidents", touching), telling.COUNT, query, found.span)
    if not touching:
        return telling.say("Incidents: {count}.", count=count)
    goes_on = sum(one.standing is incidents.Standing.OPEN for one in touching)
    facts = {"count": count, "open": evidence.Fact("open incidents", goes_on, telling.COUNT, query, found.span)}
    text = "Incidents: {count}, of which go on: {open}"
    over = [(one.repair_s, one.id) for one in touching if one.repair_s is not None]
    if over:
        longest_s, identifier = max(over)
        query = f"council incidents show {identifier}"
        facts["longest"] = evidence.Fact("time to repair", longest_s, telling.DURATION, query, found.span)
        text += "; the longest that is over took {longest}"
    return telling.say(text + ".", **facts)


def _counted(found: evidence.Evidence, what: str, listed: Sequence[object]) -> int | None:
    """Return how many there are, None where nobody could be asked for them."""
    return None if not listed and found.lacks(what) else len(listed)


def _leaks(found: evidence.Evidence) -> Iterator[digests.Leak]:
    for one in found.findings:
        if one.sentinel in _LEAKS and one.verdict in (gates.Verdict.AMBER, gates.Verdict.RED):
            query = "council gates --json"
            since = telling.moment("since", one.since_s, query, found.span)
            value = evidence.Fact(f"{one.sentinel} of {one.service}", one.value, one.unit, query, found.span)
            yield digests.Leak(one.sentinel, one.service, str(one.verdict), since, value, one.reason, one.look_next)


def _plots(found: evidence.Evidence) -> Iterator[digests.Plot]:
    for gate in _PLOTTED:
        history = next((one for one in found.histories if one.gate == gate), None)
        line = found.gate(gate)
        if history is None or line is None:
            continue
        below = line.comparator == gates.Comparator.BELOW
        points = thinned(history.values, found.span, highest=below)
        if len(points) > 1:
            yield digests.Plot(gate, line.unit, f"council gates {gate} --json", points, line.threshold, line.comparator)
    asked = series.of(found, "council_exchanges_total")
    summed = _summed([series.rates(one) for one in asked], found.span)
    if len(summed) > 1:
        yield digests.Plot("requests", "a minute", "60 * sum(rate(council_exchanges_total))", summed)


def thinned(
    points: Sequence[tuple[float, float]], span: evidence.Span, *, highest: bool
) -> tuple[tuple[float, float], ...]:
    """Return at most `PLOT_POINTS_MAX` points of the time that is known: the highest or the lowest of each stretch."""
    span = evidence.Span(max(span.start_s, points[0][0]) if points else span.start_s, span.end_s)
    step_s = (span.end_s - span.start_s) / digests.PLOT_POINTS_MAX
    kept: dict[int, tuple[float, float]] = {}
    for at_s, value in points:
        if not span.holds(at_s) or not math.isfinite(value):
            continue
        place = min(digests.PLOT_POINTS_MAX - 1, int((at_s - span.start_s) / step_s))
        if place not in kept or (value > kept[place][1]) is highest:
            kept[place] = (at_s, value)
    return tuple(kept[place] for place in sorted(kept))


def _summed(tracks: Sequence[Sequence[tuple[float, float]]], span: evidence.Span) -> tuple[tuple[float, float], ...]:
    """Return the sum of rates as so many a minute, in even stretches: the mean of each series in each."""
    first_s = min((points[0][0] for points in tracks if points), default=span.start_s)
    span = evidence.Span(max(span.start_s, first_s), span.end_s)
    step_s = max(_STRETCH_S_MIN, (span.end_s - span.start_s) / digests.PLOT_POINTS_MAX)
    totals: dict[int, float] = {}
    for points in tracks:
        inside: dict[int, list[float]] = {}
        for at_s, value in points:
            if span.holds(at_s) and math.isfinite(value):
                inside.setdefault(min(digests.PLOT_POINTS_MAX - 1, int((at_s - span.start_s) / step_s)), []).append(
                    value
                )
        for place, values in inside.items():
            totals[place] = totals.get(place, 0.0) + 60 * sum(values) / len(values)
    return tuple((span.start_s + (place + 0.5) * step_s, totals[place]) for place in sorted(totals))


def _loop(found: evidence.Evidence, told: Loop | None) -> Iterator[digests.Measure]:
    loop = told or Loop()
    span, history, notices = found.span, "council observe history --json", "council notify failed --json"
    for name, value, unit, query, lacking in (
        ("snapshots taken", loop.snapshots_taken, telling.COUNT, history, ""),
        ("snapshots missed", loop.snapshots_missed, telling.COUNT, history, "those of so long ago are thinned"),
        ("notices waiting", loop.notices_waiting, telling.COUNT, notices, ""),
        ("notices not delivered", loop.notices_failed, telling.COUNT, notices, ""),
        ("last digest", loop.last_digest_s, telling.TIME, history, "there was none yet"),
        ("archive merged", loop.archive_merged_s, telling.TIME, history, "there was none yet"),
    ):
        reason = "" if value is not None else lacking if told is not None else "the records could not be asked"
        yield digests.Measure(name, evidence.Fact(name, value, unit, query, span), None, reason)
    parts = evidence.Fact("parts that could not be asked", len(found.missing), telling.COUNT, "council doctor", span)
    yield digests.Measure("parts that could not be asked", parts)
