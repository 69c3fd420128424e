"""An explanation of an incident: what happened, why, what was done about it, what to do next. Facts first, and no model asked.

What could not be had is said, so that nobody takes silence for calm. `rephrasing` may put the text into other words afterwards.
"""

from collections.abc import Iterator

from council.domain import alerting, errors, evidence, gates, incidents
from council.upkeep.observer import causes, leads, telling

_ALERTS_MAX = 6
_STEPS_MAX = 5
_MISSING_MAX = 5
_GATE_OF = {alert: gate for gate, alert in alerting.NAMED.items()}
# Below this a cause is told of, and not acted on.
_LIKELY = 0.3


def explain(found: evidence.Evidence, identifier: str = "") -> evidence.Explanation:
    """Return the explanation of the incident of this id, or of the newest that is open; of a calm where there is none.

    Raises NotFoundError for an id that the evidence does not hold.
    """
    incident = _asked_for(found, identifier)
    if incident is None:
        return _calm(found)
    ranked = causes.ranked(found, incident)
    return evidence.Explanation(
        tuple(_happened(found, incident, ranked)),
        ranked,
        tuple(_done(found, incident, ranked)),
        tuple(_next_steps(incident, ranked)),
    )


def _asked_for(found: evidence.Evidence, identifier: str) -> incidents.Incident | None:
    if not identifier:
        return max((one for one in found.incidents if not one.repaired_us), key=lambda one: one.id, default=None)
    for one in found.incidents:
        if one.id == identifier:
            return one
    raise errors.NotFoundError(f"There is no incident {identifier!r} here. `council incidents` lists the newest.")


def _calm(found: evidence.Evidence) -> evidence.Explanation:
    applies = [one for one in found.gates if one.verdict is not gates.Verdict.NOT_APPLICABLE]
    green = [one for one in applies if one.verdict is gates.Verdict.GREEN]
    query = "council gates"
    lacking = found.lacks("incidents")
    head = "Whether an incident goes on is not known." if lacking else "No incident goes on."
    facts = {
        "green": evidence.Fact("green gates", len(green), telling.COUNT, query, found.span),
        "all": evidence.Fact("gates that apply", len(applies), telling.COUNT, query, found.span),
    }
    gates_said = "Gates that are green: {green} of {all} that apply." if applies else "No gate is known."
    said = [telling.say(f"{head} {gates_said}", **(facts if applies else {}))]
    said += [
        telling.say(
            "The gate {gate} is {verdict}: {reason}.",
            gate=telling.word("gate", one.name, query, found.span),
            verdict=telling.word("verdict", str(one.verdict), query, found.span),
            reason=telling.word("reason", one.reason.removesuffix(".") or "no reason given", query, found.span),
        )
        for one in applies
        if one.verdict is not gates.Verdict.GREEN
    ]
    return evidence.Explanation((*said, *_missing(found)))


def _happened(
    found: evidence.Evidence, incident: incidents.Incident, ranked: tuple[evidence.RankedCause, ...]
) -> Iterator[evidence.Sentence]:
    scene = leads.Scene(found, incident)
    query = scene.query
    facts = {
        "what": scene.fact("alerts", incident.title, telling.WORD, query),
        "at": scene.fact("began", scene.onset_s, telling.TIME, query),
        "noticed": scene.fact("time to detect", incident.detection_s, telling.DURATION, query),
    }
    text = "{what}: it began at {at} and was noticed after {noticed}."
    if incident.repair_s is None:
        facts["lasts"] = scene.fact("lasts", max(0.0, found.now_s - scene.onset_s), telling.DURATION, query)
        text += " It goes on after {lasts}."
    else:
        facts["repair"] = scene.fact("time to repair", incident.repair_s, telling.DURATION, query)
        text += " It was over after {repair}."
    yield telling.say(text, **facts)
    for alert in scene.alerts[:_ALERTS_MAX]:
        yield _alert(scene, alert)
    more = len(scene.alerts) - _ALERTS_MAX
    if more > 0:
        yield telling.say(
            "Further alerts of it: {count}.", count=scene.fact("further alerts", more, telling.COUNT, query)
        )
    if not ranked:
        hour = scene.fact("looked back", scene.onset_s - scene.before.start_s, telling.DURATION, query)
        yield telling.say("Nothing is known that changed within {back} before it.", back=hour)
    yield from _missing(found)


def _alert(scene: leads.Scene, alert: incidents.Alert) -> evidence.Sentence:
    gate = _GATE_OF.get(alert.name, alert.name)
    query = f"council gates {gate}"
    history = next((one for one in scene.found.histories if one.gate == gate), None)
    line = scene.found.gate(gate)
    facts = {
        "what": scene.fact("alert", alert.title, telling.WORD, scene.query),
        "at": scene.fact("since", alert.since_us / 1e6, telling.TIME, scene.query),
        "reason": scene.fact("reason", alert.summary.removesuffix(".") or "bad", telling.WORD, scene.query),
    }
    text = "{what} since {at}: {reason}."
    if history is not None and line is not None:
        values = [value for at_s, value in history.values if scene.onset_s <= at_s < scene.until_s]
        early = sorted(value for at_s, value in history.values if scene.before.holds(at_s))
        if values and early:
            below = line.comparator == gates.Comparator.BELOW
            worst, usual = max(values) if below else min(values), early[len(early) // 2]
            if (worst > usual) is not below:
                return telling.say(text, **facts)
            facts["worst"] = scene.fact("worst", worst, line.unit, query)
            facts["before"] = scene.fact("median before", usual, line.unit, query, during=False)
            text += " At its worst it was {worst}; in the half hour before {before}."
    return telling.say(text, **facts)


def _missing(found: evidence.Evidence) -> Iterator[evidence.Sentence]:
    by_why: dict[str, list[str]] = {}
    for one in found.missing:
        by_why.setdefault(one.why.removesuffix("."), []).append(one.what)
    for why, whats in list(by_why.items())[:_MISSING_MAX]:
        yield telling.say(
            "Not known: {what} ({why}).",
            what=telling.word("missing", telling.listed(whats), "", found.span),
            why=telling.word("why it is missing", why or "no reason given", "", found.span),
        )


def _done(
    found: evidence.Evidence, incident: incidents.Incident, ranked: tuple[evidence.RankedCause, ...]
) -> Iterator[evidence.Sentence]:
    scene = leads.Scene(found, incident)
    for row in found.patches:
        returned_s = row.began("returning")
        if row.trial or returned_s is None or not scene.onset_s - 1 <= returned_s <= scene.until_s + 60:
            continue
        query = f"council patch show {row.cid}"
        facts = {
            "cid": scene.fact("patch", row.cid, telling.WORD, query),
            "at": scene.fact("taken back", returned_s, telling.TIME, query),
            "after": scene.fact("after", returned_s - scene.onset_s, telling.DURATION, query),
        }
        text = "Patch {cid} was taken back at {at}, {after} after it began."
        if row.returned_by:
            facts["by"] = scene.fact("by", row.returned_by, telling.QUOTE, query)
            text = "Patch {cid} was taken back by {by} at {at}, {after} after it began."
        yield telling.say(text, **facts)
    for one in found.services:
        began_s = found.now_s - one.uptime_s
        if one.crashes and scene.onset_s < began_s <= scene.until_s + 60:
            facts = {
                "service": scene.fact("service", one.name, telling.WORD, "council status --json"),
                "at": scene.fact("began anew", began_s, telling.TIME, "council status --json"),
            }
            yield telling.say("The supervisor started {service} again; it runs since {at}.", **facts)
    if incident.told_us:
        told = scene.fact("people were told", incident.told_us / 1e6, telling.TIME, scene.query)
        yield telling.say("People were told last at {at}.", at=told)
    else:
        yield evidence.Sentence("Nobody was told.", (scene.fact("people were told", None, telling.TIME, scene.query),))


def _next_steps(incident: incidents.Incident, ranked: tuple[evidence.RankedCause, ...]) -> Iterator[evidence.Sentence]:
    if incident.repaired_us:
        yield evidence.Sentence("It is over: nothing needs to be done for it now.")
        return
    first = ranked[0] if ranked and ranked[0].weight >= _LIKELY else None
    if first is not None:
        yield from _of_cause(first)
    span = evidence.Span(incident.began_us / 1e6, incident.began_us / 1e6)
    steps = dict.fromkeys(
        member.alert.next_step for member in incident.members if member.fires and member.alert.next_step
    )
    for step in list(steps)[:_STEPS_MAX]:
        yield telling.say(
            "{step}", step=evidence.Fact("next step", step, telling.WORD, f"council incidents show {incident.id}", span)
        )


def _of_cause(cause: evidence.RankedCause) -> Iterator[evidence.Sentence]:
    """Yield what would undo a cause, where there is a command for it. Its subject may be anybody's word."""
    named = [fact for fact in cause.sentence.facts if str(fact.value) == cause.subject]
    facts = {"subject": named[0]} if named else {}
    match cause.kind:
        case "patch" if not causes.is_undone(cause) and facts:
            yield telling.say(
                "Take the patch back if it is still in force: `council patch rollback --reason REASON {subject}`.",
                **facts,
            )
        case "upstream" if facts:
            yield telling.say("Ask the provider by hand: `council providers test {subject}`.", **facts)
        case "traffic":
            yield evidence.Sentence("See who asks: `council ledger report --by token`.")
        case "incident" if facts:
            yield telling.say("Look at the older incident first: `council observe explain {subject}`.", **facts)
        case _:
            return
