"""What people and the lineage are told of repairs. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from council.domain import incidents, repairs, repairs_wire
from council.kit import ids, shown
from council.upkeep.healer import deciding, world

_LINES_MAX = 12
_STATES_MAX = 20


def evidence(seen: world.World, incident: incidents.Incident | None) -> list[str]:
    """Return what was so when it was decided, a line each: the alerts, what was tried, what changed, what runs."""
    found: list[str] = []
    if incident is not None:
        found += [
            f"{one.alert.title} since {shown.clock(one.alert.since_us)}: {one.alert.summary or 'bad'}"
            for one in incident.members
            if one.fires
        ]
        found += [
            f"tried {shown.clock(one.began_us)}: {one.title}: {one.outcome}{f' ({one.told})' if one.told else ''}"
            for one in sorted(seen.repairs, key=lambda one: one.id)
            if one.incident_id == incident.id and one.outcome is not repairs.Outcome.CALLED
        ]
        found += [f"may have to do with it: {cause.title}: {cause.reason}" for cause in incident.causes[:_LINES_MAX]]
    found += [f"the settings that serve cannot be read: {seen.damaged}"] if seen.damaged else []
    newest = next(iter(seen.patches or ()), None)
    if newest is not None:
        found.append(
            f"the newest patch, {newest.cid}, came to serve {shown.clock(newest.served_us)}: {newest.outcome or 'at work'}"
        )
    bad = [one for one in seen.services or () if one.state != "ready"][:_STATES_MAX]
    found += [f"{one.name} is {one.state}{f': {one.reason}' if one.reason else ''}" for one in bad]
    return [incidents.one_line(line, repairs.TEXT_CHARS_MAX) for line in found[: repairs.EVIDENCE_MAX]]


def called(one: deciding.Call, lines: Sequence[str], identifier: str, at_us: int) -> repairs.Repair:
    """Return the record of that a person is called."""
    return repairs.Repair(
        id=identifier,
        playbook="call a person",
        action="call a person",
        component=one.component,
        proof="done",
        by=repairs.HEALER,
        why=one.why[: repairs.TEXT_CHARS_MAX],
        began_us=at_us,
        until_us=at_us,
        incident_id=one.incident.id,
        alert=one.alert.name,
        labels=one.alert.labels,
        outcome=repairs.Outcome.CALLED,
        acted_us=at_us,
        ended_us=at_us,
        evidence=tuple(lines),
    )


def notice(made: repairs.Repair, incident: incidents.Incident, next_step: str) -> incidents.Notice:
    """Return what people are told when they are called. Its id is the same however often it is made of one call."""
    title = f"A person is needed: {incidents.words_of(made.alert, made.labels)}"
    lines = [f"Council could not repair this by itself. {made.why[:1].upper()}{made.why[1:]}."]
    if made.evidence:
        lines += ["What is known:", *(f"  {line}" for line in made.evidence[:_LINES_MAX])]
    lines += [next_step] if next_step else []
    lines.append(f"More: council incidents show {incident.id}")
    return incidents.Notice(
        id=ids.ulid_from(made.began_us, hashlib.sha256(f"called:{made.id}".encode()).digest()[:10]),
        at_us=made.began_us,
        kind=incidents.NoticeKind.ESCALATED,
        incident_id=incident.id,
        severity=incidents.Severity.PAGE,
        title=incidents.one_line(title, incidents.TEXT_CHARS_MAX),
        text="\n".join(lines),
        data=orjson.dumps({"repair": repairs_wire.form(made)}).decode(),
    )


def untold(one: repairs.Repair) -> list[str]:
    """Return the steps of a repair that the lineage does not know of yet, in order."""
    if one.outcome is repairs.Outcome.WANTED:
        return []
    if one.outcome is repairs.Outcome.CALLED:
        steps = ["called"]
    else:
        steps = ["began", *(["ended"] if one.ended_us else []), *(["undone"] if one.undone_us else [])]
    return [step for step in steps if step not in one.lineage]


def record(one: repairs.Repair, step: str) -> dict[str, Any]:
    """Return what the lineage keeps of a step of a repair: `began`, `ended`, `called`, `undone`."""
    return {
        "id": one.id,
        "step": step,
        "playbook": one.playbook,
        "action": one.action,
        "component": one.component,
        "by": one.by[: repairs.ID_CHARS_MAX],
        "why": incidents.one_line(one.why, repairs.TEXT_CHARS_MAX),
        "incident": one.incident_id,
        "outcome": "" if step == "began" else one.outcome.value,
        "told": "" if step == "began" else incidents.one_line(one.told, repairs.TEXT_CHARS_MAX),
        "cid": one.cid,
    }


def lines(found: Sequence[deciding.Decision]) -> list[dict[str, Any]]:
    """Return decisions as programs get them: what would be done now, and what is not and why."""
    return [_line(one) for one in found]


def _line(one: deciding.Decision) -> dict[str, Any]:
    match one:
        case deciding.Settle(repair, outcome, told):
            alert = incidents.words_of(repair.alert, repair.labels) if repair.alert else None
            said = {"decision": "end", "playbook": repair.playbook, "why": f"{outcome}: {told}"}
            return {
                **said, "component": repair.component, "alert": alert, "alert_name": repair.alert or None,
                "incident_id": repair.incident_id or None,
            }  # fmt: skip
        case deciding.Begin(playbook):
            said = {"decision": "repair", "playbook": playbook.name, "touches": playbook.touches}
        case deciding.Call():
            said = {"decision": "call a person"}
        case _:
            said = {"decision": "nothing"}
    about = {
        "alert": one.alert.title if one.alert else None,
        "alert_name": one.alert.name if one.alert else None,
        "incident_id": one.incident.id if one.incident else None,
    }
    return {**said, **about, "component": one.component, "why": one.why}
