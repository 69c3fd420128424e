"""Which of the leads is the cause: they are ranked by what they explain, and by what explains them. Pure, no model asked.

A lead counts for as much as it is sure (`strength`), more the more of the incident's alerts it accounts for, less if it began
only after the first of them, and less the better another lead, which began no later, accounts for it in turn: a service that
ended since its memory was full is what happened, and not why. The numbers below were chosen on the even seeds of
`council.testing.fault_library`; what is published is of the odd ones.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from council.domain import evidence, incidents
from council.upkeep.observer import changes, leads, series, telling

CAUSES_MAX = 5
WEIGHT_MIN = 0.05
# The series that leads are read from; whoever gathers evidence asks the watcher for these.
METRICS = (
    "council_exchanges_total", "council_requests_total", "council_users_in_flight", "council_provider_calls_total",
    "council_provider_seconds_sum", "council_provider_seconds_count", "council_provider_up", "council_model_waiting",
    "council_sandbox_waiting", "council_process_memory_bytes", "council_process_start_seconds", "open_fds_total",
    "fd_soft_limit", "council_ledger_commit_seconds_sum", "council_ledger_commit_seconds_count",
    "council_disk_used_bytes", "council_disk_size_bytes", "council_gpu_memory_used_bytes", "council_gpu_memory_total_bytes",
    "council_cost_usd_micros_total", "council_spent_today_usd_micros", "council_quota_today_usd_micros",
)  # fmt: skip

_LATE_S = 15.0
_TOLERANCE_S = 6.0
_LATE_FACTOR = 0.5
_EXPLAINED_FACTOR = 0.8
_UNCOVERED = 0.35
_SERIES_MAX = 3
_PLAIN = 0.5
_SERIES_SCORE_MIN = 6.0
# Kinds of what is wrong with a part of Council itself; of what came from outside nobody here knows why.
_INSIDE = frozenset({"service", "resource"})
# What is constant or only counts up says nothing by having changed.
_NOT_SERIES = frozenset(
    {"fd_soft_limit", "council_disk_size_bytes", "council_quota_today_usd_micros", "council_process_start_seconds"}
)


def ranked(found: evidence.Evidence, incident: incidents.Incident) -> tuple[evidence.RankedCause, ...]:
    """Return what may have brought an incident about, the likeliest first; none where nothing is known that changed."""
    scene = leads.Scene(found, incident)
    told = _told(scene)
    others = any(not _is_the_incident(scene, one) for _, one in told)
    return tuple(
        _cause(weight, one, [_no_further(scene, others)] if place == 0 and _is_the_incident(scene, one) else [])
        for place, (weight, one) in enumerate(told)
    )


def likeliest(found: evidence.Evidence, incident: incidents.Incident) -> evidence.RankedCause | None:
    """Return the likeliest that is not the incident told once more, None where there is none."""
    scene = leads.Scene(found, incident)
    causes = (_cause(weight, one, []) for weight, one in _told(scene) if not _is_the_incident(scene, one))
    return next(causes, None)


def _cause(weight: float, one: leads.Lead, more: Sequence[evidence.Sentence]) -> evidence.RankedCause:
    return evidence.RankedCause(one.kind, one.subject, round(weight, 3), telling.joined([one.sentence, *more]))


def _told(scene: leads.Scene) -> list[tuple[float, leads.Lead]]:
    seen = [
        *changes.patches(scene),
        *leads.upstreams(scene),
        *leads.traffic(scene),
        *leads.services(scene),
        *leads.resources(scene),
        *leads.others(scene),
    ]
    weighed = [(_weight(scene, one, seen), one) for one in seen]
    # Where it is plain what it was, what moved with it is only more of the same.
    if not any(weight >= _PLAIN for weight, _ in weighed):
        weighed += [(_weight(scene, one, seen), one) for one in _moved(scene)]
    kept = sorted(
        (pair for pair in weighed if pair[0] >= WEIGHT_MIN), key=lambda pair: (-pair[0], pair[1].at_s, pair[1].subject)
    )
    return _once(kept)[:CAUSES_MAX]


def _is_the_incident(scene: leads.Scene, one: leads.Lead) -> bool:
    """Whether a lead is all that is wrong, told once more, and so explains none of it."""
    is_inside = one.kind in _INSIDE and bool(one.embodied)
    return is_inside and all(alert.title in one.embodied for alert in scene.alerts)


def _no_further(scene: leads.Scene, others: bool) -> evidence.Sentence:
    """Return what is said of a cause that is the incident itself: how far what is known goes."""
    if others:
        return evidence.Sentence("This is what went bad, and not why: what changed about then comes next.")
    back = scene.fact("looked back", scene.onset_s - scene.before.start_s, telling.DURATION, scene.query)
    return telling.say(
        "This is what went bad, and not why: nothing is known that changed within {back} before it.", back=back
    )


def is_undone(cause: evidence.RankedCause) -> bool:
    """Whether a cause is a patch that was taken back already."""
    return cause.kind == "patch" and any(fact.name == changes.TAKEN_BACK for fact in cause.sentence.facts)


def _once(weighed: Iterable[tuple[float, leads.Lead]]) -> list[tuple[float, leads.Lead]]:
    kept: dict[tuple[str, str], tuple[float, leads.Lead]] = {}
    for weight, one in weighed:
        kept.setdefault((one.kind, one.subject), (weight, one))
    return list(kept.values())


def _weight(scene: leads.Scene, one: leads.Lead, seen: Iterable[leads.Lead]) -> float:
    weight = one.strength * (_UNCOVERED + (1 - _UNCOVERED) * _coverage(scene, one))
    if one.at_s > scene.onset_s + _LATE_S:
        weight *= _LATE_FACTOR
    for other in seen:
        if other is not one and other.at_s <= one.at_s + _TOLERANCE_S:
            weight *= 1 - _EXPLAINED_FACTOR * other.strength * _explains(scene, other, one)
    return min(1.0, weight)


def _coverage(scene: leads.Scene, one: leads.Lead) -> float:
    """Return the share of the incident's alerts that a lead is, or that it may have brought about."""
    alerts = scene.alerts
    covered = sum(
        alert.title in one.embodied or one.effects == leads.ANYTHING or alert.name in one.effects for alert in alerts
    )
    return covered / len(alerts) if alerts else 0.0


def _explains(scene: leads.Scene, cause: leads.Lead, effect: leads.Lead) -> float:
    """Return how far one lead accounts for another, 0 to 1."""
    if cause.kind == effect.kind == "patch":
        return 0.0
    if cause.effects == leads.ANYTHING:
        # That a patch came before says little of what is wrong by itself elsewhere, as with a provider.
        return 0.0 if effect.kind in ("upstream", "incident") else 0.9
    names = {alert.name for alert in scene.alerts if alert.title in effect.embodied}
    if cause.kind == "service" and effect.kind == "service":
        return 0.5 if cause.at_s < effect.at_s - 5 else 0.0
    if cause.kind == "service" and effect.kind == "traffic" and effect.subject == "requests":
        return 0.7
    if not names or cause.embodied & effect.embodied:
        return 0.0
    return len(names & cause.effects) / len(names)


def _moved(scene: leads.Scene) -> list[leads.Lead]:
    """Return the series that changed most about when it began: what nothing else may tell of."""
    span = evidence.Span(scene.before.start_s, scene.during.end_s)
    found = []
    for track in scene.found.tracks:
        if track.name in _NOT_SERIES or track.name.endswith("_sum"):
            continue
        moved = series.change(series.rates(track, span), span)
        if moved is not None and moved.score >= _SERIES_SCORE_MIN and abs(moved.at_s - scene.onset_s) <= 90:
            found.append((moved, track))
    found.sort(key=lambda pair: -pair[0].score)
    return [_of_series(scene, *pair) for pair in found[:_SERIES_MAX]]


def _of_series(scene: leads.Scene, moved: series.Change, track: evidence.Track) -> leads.Lead:
    unit = f"{track.unit or 'units'} a second" if series.is_counted(track) else track.unit
    name = incidents.label_of(track.name, tuple(pair for pair in (("svc", track.service), *track.labels) if pair[1]))
    facts = {
        "name": scene.fact("series", name, telling.WORD, name),
        "at": scene.fact("changed", moved.at_s, telling.TIME, name),
        "lag": scene.fact("lag", abs(scene.onset_s - moved.at_s), telling.DURATION, name),
        "before": scene.fact("before", moved.before, unit, name, during=False),
        "after": scene.fact("after", moved.after, unit, name),
    }
    side = "before" if moved.at_s <= scene.onset_s else "after"
    text = f"The series {{name}} went from {{before}} to {{after}} at {{at}}, {{lag}} {side} it began."
    lead = leads.Lead("series", name, moved.at_s, 0.12, frozenset(), leads.ANYTHING, telling.say(text, **facts))
    return dataclasses.replace(lead, strength=0.16 if moved.at_s <= scene.onset_s + _TOLERANCE_S else 0.1)
