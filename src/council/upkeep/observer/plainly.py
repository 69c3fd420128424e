"""Says what happened without asking why: the explanation where nobody ranks causes. Pure."""

from collections.abc import Iterator

from council.domain import evidence, gates, incidents
from council.kit import shown

_SENTENCES_MAX = 20


def explain(found: evidence.Evidence, incident_id: str = "") -> evidence.Explanation:
    """Return what is wrong now, which incidents there were and what became of patches; of one incident alone where named."""
    concerned = [one for one in found.incidents if not incident_id or one.id == incident_id]
    happened = [*_of_gates(found), *(_of_incident(found, one) for one in concerned), *_of_missing(found)]
    if not happened:
        happened = [evidence.Sentence("Nothing is wrong that is known of.", ())]
    steps = {
        member.alert.next_step: evidence.Sentence(member.alert.next_step)
        for one in concerned
        for member in one.members
        if member.fires and member.alert.next_step
    }
    return evidence.Explanation(
        happened=tuple(happened[:_SENTENCES_MAX]),
        done=tuple(_of_patches(found))[:_SENTENCES_MAX],
        next_steps=tuple(steps.values())[:_SENTENCES_MAX],
    )


def _of_gates(found: evidence.Evidence) -> Iterator[evidence.Sentence]:
    for line in found.gates:
        if line.verdict is not gates.Verdict.RED:
            continue
        span = evidence.Span(found.now_s - line.window_s, found.now_s)
        facts = (
            evidence.Fact(line.name, line.value, line.unit, f"council gates {line.name}", span),
            evidence.Fact(f"{line.name} since", line.since_s, "time", f"council gates {line.name}", span),
        )
        value = "unknown" if line.value is None else f"{line.value:.4g} {line.unit}".strip()
        since = shown.clock(round(line.since_s * 1e6))
        yield evidence.Sentence(f"The gate {line.name} is red since {since}; it says {value}.", facts)


def _of_incident(found: evidence.Evidence, one: incidents.Incident) -> evidence.Sentence:
    facts = [evidence.Fact("began", one.began_us / 1e6, "time", f"council incidents show {one.id}", found.span)]
    over = "it goes on"
    if one.repair_s is not None:
        facts.append(evidence.Fact("over after", one.repair_s, "s", f"council incidents show {one.id}", found.span))
        over = f"it was over after {shown.duration(one.repair_s)}"
    return evidence.Sentence(f"{one.title}: an incident that began {shown.clock(one.began_us)}; {over}.", tuple(facts))


def _of_patches(found: evidence.Evidence) -> Iterator[evidence.Sentence]:
    for row in found.patches:
        if row.outcome:
            fact = evidence.Fact("patch", row.outcome, "word", f"council patch show {row.cid}", found.span)
            why = f" ({row.reason})" if row.reason else ""
            yield evidence.Sentence(f"The patch {row.cid} was {row.outcome}{why}.", (fact,))


def _of_missing(found: evidence.Evidence) -> Iterator[evidence.Sentence]:
    for one in found.missing:
        yield evidence.Sentence(f"Unknown: {one.what}.")
