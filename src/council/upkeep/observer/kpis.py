"""The figures by which a stretch of time is compared with the one before it, each with how many it is of. Pure."""

import statistics
from collections.abc import Mapping, Sequence

from council.domain import digests, evidence, repairs, reports
from council.upkeep.observer import autonomy, layouts, measures, telling

SCHEMA = "council.kpi/1"


def report(
    now: evidence.Evidence, before: evidence.Evidence, explained: Mapping[str, float] | None = None
) -> reports.Figures:
    """Return the report. `explained` says when each patch, by its CID, was explained in archive and change log, if known."""
    pairs = zip(_measures(now, explained), _measures(before, explained), strict=True)
    return reports.Figures(
        now.span, before.span, tuple(reports.Compared(one, other, _change(one, other)) for one, other in pairs)
    )


def _measures(found: evidence.Evidence, explained: Mapping[str, float] | None) -> list[digests.Measure]:
    return [
        measures.latency_p95(found),
        measures.cost_per_100(found),
        measures.local_share(found),
        measures.answers(found),
        measures.interventions(found),
        measures.autonomy(found),
        measures.autonomy_low(found),
        *(measures.autonomy_of(found, kind) for kind in autonomy.KINDS),
        measures.time_to_detect(found),
        measures.time_to_repair(found),
        _by_validation(found),
        _documentation_lag(found, explained),
    ]


def _by_validation(found: evidence.Evidence) -> digests.Measure:
    """Return the share of patches that came to their end with nobody taking them back by hand."""
    rows, query = autonomy.decided(found), "council patch history --json"
    alone = sum(row.returned_by in ("", repairs.HEALER) for row in rows)
    value = 100 * alone / len(rows) if rows else None
    fact = evidence.Fact("patches decided by validation alone", value, telling.PERCENT, query, found.span)
    lacking = found.lacks("patches")
    count = evidence.Fact("n of patches", len(rows) if rows or not lacking else None, telling.COUNT, query, found.span)
    return digests.Measure(fact.name, fact, count, lacking or ("" if rows else "no patch was decided in this time"))


def _documentation_lag(found: evidence.Evidence, explained: Mapping[str, float] | None) -> digests.Measure:
    """Return the median time from a change that was applied to its explanation, seconds."""
    query = "council observe history --json"
    applied = [row for row in autonomy.decided(found) if row.outcome == "applied"]
    lags = [explained[row.cid] - row.ended_s for row in applied if explained and row.cid in explained]
    name = "documentation lag"
    fact = evidence.Fact(name, statistics.median(lags) if lags else None, telling.DURATION, query, found.span)
    count = evidence.Fact("n of documentation lag", len(lags), telling.COUNT, query, found.span)
    reason = found.lacks("patches") or ("" if lags else "no change was applied in this time")
    if not lags and applied:
        reason = "the archive cannot be read" if explained is None else "no change of this time is explained yet"
    elif len(lags) < len(applied):
        waiting = evidence.Fact("waiting", len(applied) - len(lags), telling.COUNT, query, found.span)
        reason = telling.say("changes that are not explained yet: {waiting}", waiting=waiting).text
    return digests.Measure(name, fact, count, reason)


def _change(now: digests.Measure, before: digests.Measure) -> evidence.Fact:
    one, other = now.fact.value, before.fact.value
    value = None
    if isinstance(one, int | float) and isinstance(other, int | float) and other:
        value = 100 * (one - other) / abs(other)
    return evidence.Fact(f"change of {now.name}", value, telling.PERCENT, now.fact.query, now.fact.span)


def form(one: reports.Figures) -> dict[str, object]:
    """Return a report as JSON holds it."""
    return {
        "schema": SCHEMA,
        "from": digests.stamp(one.span.start_s),
        "to": digests.stamp(one.span.end_s),
        "before_from": digests.stamp(one.before.start_s),
        "before_to": digests.stamp(one.before.end_s),
        "kpis": [
            {
                "name": line.now.name,
                "now": _cell(line.now),
                "before": _cell(line.before),
                "change_percent": line.change.value,
            }
            for line in one.lines
        ],
    }


def _cell(one: digests.Measure) -> dict[str, object]:
    count = one.count.value if one.count else None
    return digests.fact_form(one.fact) | {"n": count, "reason": one.reason}


def page(one: reports.Figures) -> layouts.Page:
    """Return a report as a page."""
    title = f"Council, {telling.clock(one.span.start_s)[:16]} to {telling.clock(one.span.end_s)[:16]} UTC"
    rows = tuple(_row(line) for line in one.lines)
    earlier = f"Earlier: {telling.clock(one.before.start_s)[:16]} to {telling.clock(one.before.end_s)[:16]} UTC."
    table = layouts.Table(("FIGURE", "NOW", "OF", "EARLIER", "OF", "CHANGE", "NOTE"), rows, frozenset({1, 2, 3, 4, 5}))
    return layouts.Page(title, (layouts.Heading(title, first=True), layouts.Paragraph(earlier), table))


def _row(line: reports.Compared) -> tuple[str, ...]:
    change = "" if line.change.value is None else f"{float(line.change.value):+.3g} %"
    counts = [telling.shown(one.count) if one.count else "" for one in (line.now, line.before)]
    note = line.now.reason or (f"earlier: {line.before.reason}" if line.before.reason else "")
    return (
        line.now.name,
        telling.shown(line.now.fact),
        counts[0],
        telling.shown(line.before.fact),
        counts[1],
        change,
        note,
    )


def spans(start_s: float, end_s: float) -> Sequence[evidence.Span]:
    """Return a span, and the one of the same length before it."""
    return evidence.Span(start_s, end_s), evidence.Span(start_s - (end_s - start_s), start_s)
