"""What the healer looks at of the watcher and of patchctl: how things are, since when, and what became of the newest patch.

Whoever is away is unknown, and what is unknown is no reason for anything.
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from council import care_ports
from council.domain import alerting, errors, evidence, gates, incidents, inputs, repairs, watching
from council.upkeep.healer import world

_log = logging.getLogger(__name__)

_PATCHES_MAX = 20
# Metrics that are younger than this were told just now.
_FRESH_S = 20.0
_BEGAN = "council_process_start_seconds"
# What has been asked before a repair may fail after it, and services look for an override once a second.
_TAKES_HOLD_S = 5.0
_BAD = frozenset({gates.Verdict.RED, gates.Verdict.AMBER})
_JUDGED = _BAD | {gates.Verdict.GREEN}


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What the watcher's sources say, and since when; see `world.World`."""

    verdicts: Mapping[world.Key, gates.Verdict]
    since_us: Mapping[world.Key, int]
    unseen: frozenset[world.Key] = frozenset()
    unproven: frozenset[world.Key] = frozenset()


async def unless_away(asked: Any) -> Any:
    """Return what was asked for, None where whoever was asked is away."""
    try:
        return await asked
    except errors.CouncilError as error:
        _log.info("nobody can tell now", extra={"reason": error.message})
        return None


async def seen(
    watch: care_ports.Watch,
    found: Sequence[incidents.Incident],
    kept: Sequence[repairs.Repair],
    patches: Sequence[world.Patch] | None,
    settings: repairs.HealingConfig,
    now_us: int,
) -> Seen | None:
    """Return what the watcher's sources say now, None where it does not answer.

    A gate looks back on minutes. What was repaired meanwhile is read from then on, as soon as that says enough.
    """
    sight: watching.Sight | None = await unless_away(watch.sight())
    if sight is None or not sight.turn:
        return None
    found_now = {(one.sentinel, (("svc", one.service),)): one for one in sight.findings}
    lines: dict[world.Key, watching.GateLine] = {
        (alerting.NAMED.get(line.name, line.name), ()): line for line in sight.gates
    }
    told = {key: one.verdict for key, one in (found_now | lines).items()}
    since_us = {key: round(one.since_s * 1e6) for key, one in (found_now | lines).items()}
    told |= await _fresh(watch, found, now_us)
    firing = {member.alert.key for one in found for member in one.members if member.fires}
    bad = {key: line for key, line in lines.items() if key in firing and line.verdict in _BAD}
    unseen = await _unseen(watch, bad, next(iter(patches or ()), None), settings)
    since_repairs = await _since_repairs(watch, bad, found, kept)
    unproven = {key for key, verdict in since_repairs.items() if verdict is gates.Verdict.UNKNOWN}
    told |= {key: verdict for key, verdict in since_repairs.items() if key not in unproven}
    return Seen(told, since_us, unseen, frozenset(unproven))


async def _fresh(
    watch: care_ports.Watch, found: Sequence[incidents.Incident], now_us: int
) -> Mapping[world.Key, gates.Verdict]:
    """Return of which services that told no metrics for a while some have come since."""
    stale = [
        member.alert for one in found for member in one.members if member.fires and member.alert.name == "metrics_stale"
    ]
    if not stale:
        return {}
    tracks = await unless_away(watch.tracks((_BEGAN,), now_us / 1e6 - _FRESH_S)) or ()
    fresh = {track.service for track in tracks if track.points}
    return {alert.key: gates.Verdict.GREEN for alert in stale if dict(alert.labels).get("svc") in fresh}


async def _unseen(
    watch: care_ports.Watch,
    bad: Mapping[world.Key, watching.GateLine],
    newest: world.Patch | None,
    settings: repairs.HealingConfig,
) -> frozenset[world.Key]:
    """Return the gates that are red, and of which nothing was known from the newest patch on until they turned so.

    Of those alone that turned so at a time for which it matters.
    """
    if newest is None or newest.is_over:
        return frozenset()
    served_s = newest.served_us / 1e6
    found = set[world.Key]()
    for key, line in bad.items():
        matters = settings.blame_s < line.since_s - served_s <= settings.blame_unseen_s
        if line.verdict is not gates.Verdict.RED or not matters:
            continue
        history: watching.History | None = await unless_away(watch.history(line.name, served_s))
        if history is not None and history.verdicts and not _was_judged(history.verdicts, served_s, line):
            found.add(key)
    return frozenset(found)


def _was_judged(past: Sequence[watching.Past], served_s: float, line: watching.GateLine) -> bool:
    """Return whether a gate was judged between a patch and its present red.

    What was said before the patch and held on after it is of requests before it, for as long as the gate looks back.
    """
    before = [one for one in past if one.since_s < line.since_s]
    ends_s = [*(one.since_s for one in before[1:]), line.since_s]
    return any(
        one.verdict in _JUDGED and (one.since_s >= served_s or end_s - served_s > line.window_s)
        for one, end_s in zip(before, ends_s, strict=True)
    )


async def _since_repairs(
    watch: care_ports.Watch,
    bad: Mapping[world.Key, watching.GateLine],
    found: Sequence[incidents.Incident],
    kept: Sequence[repairs.Repair],
) -> Mapping[world.Key, gates.Verdict]:
    """Return what gates that are bad say of the time since the last repair in their incident that helped, or still may."""
    starts_s: dict[str, float] = {}
    for one in found:
        done_us = [
            repair.acted_us
            for repair in kept
            if repair.incident_id == one.id
            and repair.acted_us
            and (repair.is_under_way or repair.outcome is repairs.Outcome.HELPED)
        ]
        keys = {member.alert.key for member in one.members if member.fires} if done_us else set()
        starts_s |= {line.name: max(done_us) / 1e6 + _TAKES_HOLD_S for key, line in bad.items() if key in keys}
    if not starts_s:
        return {}
    told: Mapping[str, gates.Verdict] = await unless_away(watch.since(starts_s)) or {}
    return {key: told[line.name] for key, line in bad.items() if line.name in told}


async def patches_of(service: care_ports.PatchService) -> list[world.Patch] | None:
    """Return the patches that serve or did, the newest first; None where nobody knows."""
    rows = await unless_away(service.rows(_PATCHES_MAX))
    if rows is None:
        return None
    found: list[world.Patch] = []
    for told in rows:
        try:
            row = evidence.patch_row(told)
        except (KeyError, TypeError, ValueError, IndexError):
            return None
        if (made := world.patch(row, _touches(row.files, told.get("files_count", 0)))) is not None:
            found.append(made)
    return found


def _touches(files: Sequence[str], count: int) -> frozenset[str] | None:
    """Return which services a patch starts anew, None where not all of its files are told."""
    if count > len(files):
        return None
    return frozenset(service for service in inputs.USES if any(inputs.uses(service, path) for path in files))
