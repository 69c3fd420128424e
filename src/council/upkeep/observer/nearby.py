"""An explanation of one anomaly by itself: what it is, how it went on, what changed near it. Of stored snapshots alone. Pure.

No incident is needed for it, and no series is asked for: whatever is said of a value long ago is what was kept of it then, and
is the same whoever asks. What lies near in time is no cause for that; it is told as near, the nearest first.
"""

from collections.abc import Iterator, Sequence

from council.domain import evidence, gates, snapshots
from council.upkeep.observer import telling

# What changed within so long before a value may have to do with it; what came that much later may tell the same.
BEFORE_S, AFTER_S = 7200.0, 600.0
# How long afterwards it is looked how the value went on.
LATER_S = 3 * 3600.0
# The most snapshots that are read on either side.
READ_MAX = 12
_NEAR_MAX = 8
_FAR_WEIGHT = 0.05


def explain(
    one: snapshots.Anomaly,
    seen: snapshots.Snapshot,
    earlier: Sequence[snapshots.Snapshot],
    later: Sequence[snapshots.Snapshot],
) -> evidence.Explanation:
    """Return the explanation of an anomaly of the snapshot `seen`; the others are those near it, newest first."""
    near = sorted(_near(one, seen, [seen, *earlier, *later]), key=lambda cause: (-cause.weight, cause.subject))
    return evidence.Explanation(
        tuple(_happened(one, seen, earlier, later, is_alone=not near)),
        tuple(near[:_NEAR_MAX]),
        next_steps=tuple(_next_steps(one, seen, near)),
    )


def series_of(one: snapshots.Anomaly) -> str:
    """Return how the snapshots' numbers name the series, as `open_fds_total svc=gateway`."""
    name, *labels = one.name.split(" ")
    return " ".join([name, *([f"svc={one.service}"] if one.service else []), *labels])


def _happened(
    one: snapshots.Anomaly,
    seen: snapshots.Snapshot,
    earlier: Sequence[snapshots.Snapshot],
    later: Sequence[snapshots.Snapshot],
    *,
    is_alone: bool,
) -> Iterator[evidence.Sentence]:
    span, query = seen.span, _query(one, seen)
    facts = {
        "name": telling.word("series", series_of(one), query, span),
        "value": evidence.Fact("value", one.value, one.unit, query, span),
        "at": telling.moment("at", one.at_s, query, span),
    }
    text = "{name} was {value} at {at}"
    if one.low is not None and one.high is not None:
        facts["low"] = evidence.Fact("least that was expected", one.low, one.unit, query, span)
        facts["high"] = evidence.Fact("most that was expected", one.high, one.unit, query, span)
        text += "; between {low} and {high} was expected, by what it did until then"
    yield telling.say(text + ".", **facts)
    yield from _before(one, earlier)
    yield from _after(one, [*reversed(later)])
    yield from _gate(one, seen)
    if is_alone:
        back = evidence.Fact("looked back", BEFORE_S, telling.DURATION, _SNAPSHOT.format(seen.id), span)
        yield telling.say("Nothing is kept that changed within {back} before it.", back=back)


_SNAPSHOT = "council observe snapshot {}"


def _before(one: snapshots.Anomaly, earlier: Sequence[snapshots.Snapshot]) -> Iterator[evidence.Sentence]:
    """Yield what the series was when it was seen last, and whether it was odd lately."""
    series = series_of(one)
    for past in earlier:
        if (value := _value(past, series)) is not None:
            query = _SNAPSHOT.format(past.id)
            facts = {
                "at": telling.moment("seen before", past.at_s, query, past.span),
                "value": evidence.Fact("value before", value, one.unit, query, past.span),
            }
            yield telling.say("When it was seen before, at {at}, it was {value}.", **facts)
            break
    again = [(past, each) for past in earlier for each in past.anomalies if _is_of(each, one) and each.at_s < one.at_s]
    if again:
        past, last = again[0]
        query = _SNAPSHOT.format(past.id)
        facts = {
            "count": evidence.Fact("times before", len(again), telling.COUNT, query, past.span),
            "at": telling.moment("last time before", last.at_s, query, past.span),
        }
        yield telling.say("It was not as expected before: {count} times in what was looked at, last at {at}.", **facts)


def _after(one: snapshots.Anomaly, later: Sequence[snapshots.Snapshot]) -> Iterator[evidence.Sentence]:
    """Yield how it went on, `later` oldest first: until when it stayed beyond what was expected."""
    series = series_of(one)
    told = [(each, value) for each in later if (value := _value(each, series)) is not None]
    if not told or one.low is None or one.high is None:
        return
    back = next(((each, value) for each, value in told if one.low <= value <= one.high), None)
    each, value = back or told[-1]
    query = _SNAPSHOT.format(each.id)
    facts = {
        "at": telling.moment("seen later", each.at_s, query, each.span),
        "value": evidence.Fact("value later", value, one.unit, query, each.span),
        "lag": evidence.Fact("later", max(0.0, each.at_s - one.at_s), telling.DURATION, query, each.span),
    }
    text = "It was back within that by {at}, {lag} later: {value}." if back else (
        "It was still beyond that at {at}, {lag} later: {value}."
    )  # fmt: skip
    yield telling.say(text, **facts)


def _gate(one: snapshots.Anomaly, seen: snapshots.Snapshot) -> Iterator[evidence.Sentence]:
    line = next((each for each in seen.gates if each.name == one.name and not one.service), None)
    if line is None:
        return
    query = f"council gates {line.name}"
    facts = {
        "verdict": telling.word("verdict", str(line.verdict), query, seen.span),
        "limit": evidence.Fact("limit", line.threshold, line.unit, query, seen.span),
        "side": telling.word("side", str(line.comparator), query, seen.span),
    }
    yield telling.say("As a gate it was {verdict} when this was seen; it must be {side} {limit}.", **facts)


def _near(
    one: snapshots.Anomaly, seen: snapshots.Snapshot, around: Sequence[snapshots.Snapshot]
) -> Iterator[evidence.RankedCause]:
    """Yield what changed near it, each once."""
    told: set[tuple[str, str]] = set()
    for each in around:
        for cause in (*_patches(one, each), *_incidents(one, each), *_others(one, each), *_turned(one, each)):
            if (cause.kind, cause.subject) not in told:
                told.add((cause.kind, cause.subject))
                yield cause
    if seen.missed is not None and seen.missed.last_s > one.at_s - BEFORE_S:
        facts = {
            "count": evidence.Fact("missed", seen.missed.count, telling.COUNT, _SNAPSHOT.format(seen.id), seen.span),
            "why": telling.word("why", seen.missed.why, _SNAPSHOT.format(seen.id), seen.span),
        }
        sentence = telling.say("Nobody looked for a while before: {count} snapshots were missed, since {why}.", **facts)
        yield evidence.RankedCause("gap", seen.id, _FAR_WEIGHT, sentence)


def _patches(one: snapshots.Anomaly, seen: snapshots.Snapshot) -> Iterator[evidence.RankedCause]:
    for row in seen.patches:
        for phase, words in (("switching", "came to serve"), ("returning", "began to be taken back")):
            at_s = row.began(phase)
            if row.trial or at_s is None or not _is_near(one, at_s):
                continue
            query = f"council patch show {row.cid}"
            facts = {
                "cid": telling.word("patch", row.cid, query, seen.span),
                "title": telling.quoted("title", row.title or "without a title", query, seen.span),
                **_when(one, at_s, query, seen.span),
            }
            text = f"Patch {{cid}} ({{title}}) {words} at {{at}}, {{lag}} {_side(one, at_s)}."
            yield evidence.RankedCause("patch", row.cid, _weight(one, at_s), telling.say(text, **facts))


def _incidents(one: snapshots.Anomaly, seen: snapshots.Snapshot) -> Iterator[evidence.RankedCause]:
    for each in seen.incidents:
        if _is_near(one, each.began_s):
            query = f"council incidents show {each.id}"
            facts = {
                "title": telling.quoted("title", each.title, query, seen.span),
                **_when(one, each.began_s, query, seen.span),
            }
            text = f"The incident {{title}} began at {{at}}, {{lag}} {_side(one, each.began_s)}."
            yield evidence.RankedCause("incident", each.id, _weight(one, each.began_s), telling.say(text, **facts))


def _others(one: snapshots.Anomaly, seen: snapshots.Snapshot) -> Iterator[evidence.RankedCause]:
    for each in seen.anomalies:
        if not _is_of(each, one) and abs(each.at_s - one.at_s) <= AFTER_S:
            query = _SNAPSHOT.format(seen.id)
            facts = {
                "name": telling.word("series", series_of(each), query, seen.span),
                "value": evidence.Fact("value", each.value, each.unit, query, seen.span),
                **_when(one, each.at_s, query, seen.span),
            }
            text = f"{{name}} was not as expected either: {{value}} at {{at}}, {{lag}} {_side(one, each.at_s)}."
            cause = telling.say(text, **facts)
            yield evidence.RankedCause("series", series_of(each), _weight(one, each.at_s), cause)


def _turned(one: snapshots.Anomaly, seen: snapshots.Snapshot) -> Iterator[evidence.RankedCause]:
    """Yield the gates and findings that turned bad near it."""
    bad = (gates.Verdict.RED, gates.Verdict.AMBER)
    lines = [("gate", line.name, line.verdict, line.since_s) for line in seen.gates if line.name != one.name]
    found = [("sentinel", f"{each.sentinel} of {each.service}", each.verdict, each.since_s) for each in seen.findings]
    for kind, name, verdict, since_s in (*lines, *found):
        if verdict in bad and _is_near(one, since_s):
            query = "council gates"
            facts = {
                "name": telling.word(kind, name, query, seen.span),
                "verdict": telling.word("verdict", str(verdict), query, seen.span),
                **_when(one, since_s, query, seen.span),
            }
            text = f"The {kind} {{name}} turned {{verdict}} at {{at}}, {{lag}} {_side(one, since_s)}."
            yield evidence.RankedCause(kind, name, _weight(one, since_s), telling.say(text, **facts))


def _next_steps(
    one: snapshots.Anomaly, seen: snapshots.Snapshot, near: Sequence[evidence.RankedCause]
) -> Iterator[evidence.Sentence]:
    series = telling.word("series", series_of(one), _query(one, seen), seen.span)
    yield telling.say('See its numbers over time: `council observe history "{series}"`.', series=series)
    for kind, text in (
        ("incident", "See what is known of the incident: `council observe explain {subject}`."),
        ("patch", "See what the patch changed: `council patch show {subject}`."),
    ):
        first = next((each for each in near if each.kind == kind), None)
        if first is not None:
            fact = telling.word(kind, first.subject, "council incidents --json", seen.span)
            yield telling.say(text, subject=fact)


def _query(one: snapshots.Anomaly, seen: snapshots.Snapshot) -> str:
    is_gate = not one.service and any(line.name == one.name for line in seen.gates)
    return f"council gates {one.name}" if is_gate else f'council observe history "{series_of(one)}"'


def _value(seen: snapshots.Snapshot, series: str) -> float | None:
    fact = next((each for each in seen.metrics if each.name == series), None)
    return float(fact.value) if fact is not None and isinstance(fact.value, int | float) else None


def _is_of(other: snapshots.Anomaly, one: snapshots.Anomaly) -> bool:
    return series_of(other) == series_of(one)


def _is_near(one: snapshots.Anomaly, at_s: float) -> bool:
    return one.at_s - BEFORE_S <= at_s <= one.at_s + AFTER_S


def _weight(one: snapshots.Anomaly, at_s: float) -> float:
    """Return how near it is, 0 to 1; what came after counts for half."""
    nearness = 1 - abs(at_s - one.at_s) / BEFORE_S
    return round(max(_FAR_WEIGHT, nearness if at_s <= one.at_s else nearness / 2), 3)


def _side(one: snapshots.Anomaly, at_s: float) -> str:
    return "before" if at_s <= one.at_s else "after"


def _when(one: snapshots.Anomaly, at_s: float, query: str, span: evidence.Span) -> dict[str, evidence.Fact]:
    lag = evidence.Fact("lag", abs(at_s - one.at_s), telling.DURATION, query, span)
    return {"at": telling.moment("at", at_s, query, span), "lag": lag}
