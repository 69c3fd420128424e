"""Repairs as JSON shows them, over HTTP and on the command line, and as lines of an incident's timeline."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from council.domain import incidents, repairs


def form(one: repairs.Repair) -> dict[str, Any]:
    """Return a repair; what has not happened is null."""
    return {
        "id": one.id,
        "incident_id": one.incident_id or None,
        "alert": incidents.words_of(one.alert, one.labels) if one.alert else None,
        "alert_name": one.alert or None,
        "alert_labels": dict(one.labels),
        "playbook": one.playbook,
        "action": one.action,
        "component": one.component,
        "by": one.by,
        "why": one.why,
        "outcome": one.outcome.value,
        "told": one.told,
        "began_us": one.began_us,
        "acted_us": one.acted_us or None,
        "ended_us": one.ended_us or None,
        "undone_us": one.undone_us or None,
        "took_s": one.took_s,
        "cid": one.cid or None,
        "overrides": list(one.overrides),
        "evidence": list(one.evidence),
    }


def moments(found: Iterable[repairs.Repair]) -> list[incidents.Moment]:
    """Return what repairs add to the timeline of their incident, oldest first."""
    made = []
    for one in found:
        by = "" if one.by == repairs.HEALER else f", asked for by {one.by}"
        if one.outcome is repairs.Outcome.CALLED:
            made.append(incidents.Moment(one.began_us, f"a person is called: {one.why}"))
            continue
        made.append(incidents.Moment(one.began_us, f"repair: {one.title}{by}"))
        if one.ended_us:
            told = f": {one.told}" if one.told else ""
            made.append(incidents.Moment(one.ended_us, f"repair: {one.title}: {one.outcome}{told}"))
        if one.undone_us:
            made.append(incidents.Moment(one.undone_us, f"repair: {one.title} was undone"))
    return sorted(made, key=lambda moment: moment.at_us)


def joined(one: incidents.Incident, found: Iterable[repairs.Repair]) -> incidents.Incident:
    """Return an incident whose timeline tells its repairs, too."""
    timeline = sorted((*one.timeline, *moments(found)), key=lambda moment: moment.at_us)
    return replace(one, timeline=tuple(timeline))
