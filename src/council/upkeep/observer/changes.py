"""Patches as leads: which of them came to serve, or went, shortly before an incident, and what they may have to do with it."""

import math
from collections.abc import Iterator

from council.domain import alerting, evidence
from council.upkeep.observer import leads, telling

# How the moment is named at which a patch went again.
TAKEN_BACK = "taken back"
# A patch that came longer ago than this before an incident is none of its leads, seconds.
_FAR_S = 6 * 3600.0
# What comes within this time after a switch is about as likely its effect as not, going by nothing else.
_NEAR_S = 45.0
_RECORDS_S = 5.0
_RECOVERS_S = 150.0
_LIMITS = ("gates.yaml", "sentinels.yaml")
_RESTS = ("authz.yaml", "trial.yaml")
_GATE_OF = {alert: gate for gate, alert in alerting.NAMED.items()}
_OF_TEXTS = frozenset({"success_rate", "response_size", "latency", "spend", "http_5xx", "local_processing"})


def patches(scene: leads.Scene) -> Iterator[leads.Lead]:
    """Yield each patch that came to serve, or was taken back, within the last hours before."""
    for row in scene.found.patches:
        came_s = _came_s(row)
        if row.trial or came_s is None:
            continue
        moments = [
            at_s for at_s in (came_s, row.began("returning")) if at_s is not None and at_s <= scene.onset_s + _RECORDS_S
        ]
        if moments and scene.onset_s - max(moments) <= _FAR_S:
            yield _lead(scene, row, max(moments), came_s)


def _came_s(row: evidence.PatchRow) -> float | None:
    """Return when it touched what serves: when something paused for it, or when it was switched in."""
    found = [at_s for phase in ("pausing", "switching", "baking") if (at_s := row.began(phase)) is not None]
    return min(found) if found else None


def _lead(scene: leads.Scene, row: evidence.PatchRow, moment_s: float, came_s: float) -> leads.Lead:
    lag_s = max(0.0, scene.onset_s - moment_s)
    returned_s = row.began("returning")
    strength = 0.9 * _nearness(lag_s) * _relevance(scene, row)
    if returned_s is not None and returned_s > scene.onset_s:
        strength = max(strength, 0.97) if _is_blamed(scene, row) else strength
        recovered = scene.incident.repaired_us and -30 <= scene.until_s - returned_s <= _RECOVERS_S
        strength = max(strength, 0.9) if recovered else strength
    query = f"council patch show {row.cid}"
    facts = {
        "cid": scene.fact("patch", row.cid, telling.WORD, query),
        "title": _title(scene, row, query),
        "at": scene.fact("came to serve", came_s, telling.TIME, query),
    }
    text = "Patch {cid} ({title}) came to serve at {at}"
    if came_s < scene.onset_s:
        facts["lag"] = scene.fact("time before", scene.onset_s - came_s, telling.DURATION, query)
        text += ", {lag} before it began"
    if returned_s is not None:
        facts["returned"] = scene.fact(TAKEN_BACK, returned_s, telling.TIME, query)
        text += ", and was taken back at {returned}"
        if row.reason:
            facts["reason"] = scene.fact("reason", row.reason, telling.QUOTE, query)
            text += " ({reason})"
    sentence = telling.say(text + ".", **facts)
    return leads.Lead("patch", row.cid, moment_s, strength, frozenset(), leads.ANYTHING, sentence)


def _title(scene: leads.Scene, row: evidence.PatchRow, query: str) -> evidence.Fact:
    if row.title:
        return scene.fact("title", row.title, telling.QUOTE, query)
    return scene.fact("title", "without a title", telling.WORD, query)


def _nearness(lag_s: float) -> float:
    return 1 / (1 + math.pow(lag_s / _NEAR_S, 1.5))


def _is_blamed(scene: leads.Scene, row: evidence.PatchRow) -> bool:
    """Whether what was said when it was taken back names a gate or service of the incident."""
    names = {_GATE_OF.get(one.name, one.name) for one in scene.alerts} | {leads.service_of(one) for one in scene.alerts}
    return any(name in row.reason for name in names - {""})


def _relevance(scene: leads.Scene, row: evidence.PatchRow) -> float:
    """Return how far its files have to do with what went bad, 0 to 1; a file that nobody knows may do anything."""
    return max((_of_file(scene, path) for path in row.files), default=1.0)


def _of_file(scene: leads.Scene, path: str) -> float:
    names = {one.name for one in scene.alerts}
    if path == _LIMITS[0]:
        return 1.2 if any(_stood_still(scene, _GATE_OF.get(name, name)) for name in names) else 0.05
    if path in (_LIMITS[1], *_RESTS):
        return 0.5 if path == _LIMITS[1] and names & set(alerting.SENTINELS) else 0.05
    if path.startswith(("knowledge/", "guidebook/")):
        return 0.2 if names & _OF_TEXTS else 0.05
    if path.startswith("prompts/"):
        return 0.9 if names & _OF_TEXTS and not names - _OF_TEXTS else 0.2
    return 1.0


def _stood_still(scene: leads.Scene, gate: str) -> bool:
    """Whether a gate's number is about what it was before, so that only its limit can have moved."""
    history = next((one for one in scene.found.histories if one.gate == gate), None)
    if history is None:
        return False
    early = [value for at_s, value in history.values if scene.before.holds(at_s)]
    late = [value for at_s, value in history.values if scene.onset_s + 30 <= at_s < scene.until_s]
    if not early or not late:
        return False
    low, high = min(early), max(early)
    margin = 0.1 * max(abs(low), abs(high), 1e-9)
    middle = sorted(late)[len(late) // 2]
    return low - margin <= middle <= high + margin
