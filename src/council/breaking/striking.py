"""Puts one fault in, watches what Council makes of it, takes it out, and waits until all is well."""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from council import care_app, care_records
from council.breaking import asking, deeds, deeds_outside, undo
from council.breaking import stage as stages
from council.domain import errors, incidents, repairs
from council.upkeep.chaos import catalogue, mark, outcome, plan

_log = logging.getLogger(__name__)

DEEDS = deeds.DEEDS | deeds_outside.DEEDS
_POLL_S = 0.1
_RECORDS_EVERY_S = 0.5
# One that is held is taken out so long after it was noticed: it has been shown.
_SHOWN_S = 3.0
_WELL_S = 150.0
# Longest that bringing one in takes, as a service that starts with it.
_PUT_IN_S = 120.0
# Of these the end is written down before the deed: afterwards nothing can be.
_AT_ONCE, _AT_ONCE_S = frozenset({"disk-full"}), 15.0
# By which it shows, while a fault is put in, that it cannot be.
_CANNOT = (errors.UnavailableError, PermissionError, sqlite3.OperationalError)
_ALERTS_READ = 50
_REPAIRS_READ = 1000
# Whom a fault kills that names nobody.
_KILLS = {"store-killed": "store", "journal-tail": "patchctl"}
_TREE = frozenset({"tree-killed", "port-taken"})

Say = Callable[[str], None]


@dataclass(slots=True)
class _Seen:
    """What was seen of one fault so far; monotonic seconds."""

    began_s: float
    began_us: int
    noticed_s: float | None = None
    noticed_by: str = ""
    alerted_s: float | None = None
    rows: Mapping[str, tuple[int | None, int]] = field(default_factory=dict)
    incident_ids: set[str] = field(default_factory=set)
    fired: set[tuple[str, incidents.Labels]] = field(default_factory=set)

    def notice(self, by: str, at_s: float) -> None:
        """Take in that somebody knew, if that is the first."""
        if self.noticed_s is None or at_s < self.noticed_s:
            self.noticed_s, self.noticed_by = at_s, by

    def called(self, made: Iterable[repairs.Repair]) -> bool:
        """Whether one of these, which began after the fault, is a call with evidence for an alert that fired because of it."""
        return any(
            one.outcome is repairs.Outcome.CALLED and one.evidence and (one.alert, one.labels) in self.fired
            for one in made
        )


async def strike(stage: stages.Stage, turn: plan.Turn, say: Say = lambda _: None) -> outcome.Struck:
    """Put a fault in and see it through. Raises ForbiddenError where the home is not marked, or no longer.

    Whatever goes wrong with the fault itself is told in what is returned.
    """
    await asyncio.to_thread(mark.check, stage.where.chaos)
    struck = await _strike(stage, turn)
    say(f"{struck.fault} {struck.service}: {told_in_line(struck)}")
    return struck


async def _strike(stage: stages.Stage, turn: plan.Turn) -> outcome.Struck:
    fault, service = turn.fault, turn.service
    fire_still = await calm(stage, fault.parts(service), 0)
    before = await gates(stage)
    stage.remarks, stage.still_in = [], lambda: False
    struck = outcome.Struck(fault.name, service, time.time(), gates_before=before, fired_before=fire_still)
    failed: list[str] = []
    try:
        try:
            seen, undone = await _in_and_out(stage, turn)
        finally:
            failed = await stage.take_out()
            for one in failed:
                stage.remark(f"{outcome.NOT_UNDONE}: {one}")
    except stages.CannotError as error:
        if not failed:
            return replace(struck, cannot=str(error))
        return replace(struck, remarks=(f"cannot be put in here: {error}", *stage.remarks))
    except Exception as error:  # noqa: BLE001 - hours of other results must outlive it
        _log.exception("a fault ended in an error of its own", extra={"fault": fault.name})
        return replace(struck, remarks=(f"{type(error).__name__}: {error}", *stage.remarks))
    try:
        return await _seen_through(stage, turn, struck, seen, undone=undone)
    except Exception as error:  # noqa: BLE001 - hours of other results must outlive it
        _log.exception("what came of a fault could not be seen", extra={"fault": fault.name})
        return replace(struck, remarks=(f"{type(error).__name__}: {error}", *stage.remarks))


async def _in_and_out(stage: stages.Stage, turn: plan.Turn) -> tuple[_Seen, bool]:
    """Put it in and watch it; return what was seen, and whether its limit was up before Council had repaired it."""
    fault = turn.fault
    # What a fault before this could not undo is tried again: no other command is here.
    await asyncio.to_thread(undo.left, stage.where)
    put_in_s = _AT_ONCE_S if fault.name in _AT_ONCE else _PUT_IN_S
    try:
        stage.note = undo.Note(stage.where, fault.name, turn.service, time.time() + put_in_s + fault.limit_s)
        seen = await _put_in(stage, turn)
    except _CANNOT as error:
        raise stages.CannotError(str(error)) from error
    if fault.name not in _AT_ONCE:
        stage.note.last(time.time() + fault.limit_s)
    return seen, await _watch(stage, turn, seen)


async def _seen_through(
    stage: stages.Stage, turn: plan.Turn, struck: outcome.Struck, seen: _Seen, *, undone: bool
) -> outcome.Struck:
    """Return what came of a fault that is out, once all is well or was waited for."""
    fault, service, out_s = turn.fault, turn.service, stage.out_s
    working_s = await _until_well(stage, fault, service, seen)
    await _look_at_incidents(stage, seen)
    made = await asyncio.to_thread(repairs_since, stage, seen.began_us)
    from_s = out_s if fault.lasts is catalogue.Lasts.HELD else seen.began_s
    asked = asking.lost(stage.asker.asked, seen.began_s, (working_s or time.monotonic()) + _SHOWN_S, fault, service)
    return replace(
        struck,
        noticed_s=_since(seen.noticed_s, seen.began_s),
        noticed_by=seen.noticed_by,
        alerted_s=_since(seen.alerted_s, seen.began_s),
        working_s=_since(working_s, from_s),
        undone=undone,
        called=seen.called(made),
        incidents=tuple(sorted(seen.incident_ids)),
        repairs=tuple(in_line(one) for one in made),
        own_asked=asked[0],
        own_lost=asked[1],
        others_asked=asked[2],
        others_lost=asked[3],
        gates_after=await gates(stage),
        remarks=tuple(stage.remarks),
    )


def told_in_line(one: outcome.Struck) -> str:
    """Return what came of a fault, in a line."""
    if one.cannot:
        return f"cannot be put in here: {one.cannot}"
    noticed = "not noticed" if one.noticed_s is None else f"noticed after {one.noticed_s:.1f} s by {one.noticed_by}"
    working = "" if one.working_s is None else f", works again {one.working_s:.1f} s after {_from(one)}"
    lost = f", lost {one.own_lost} of {one.own_asked} own and {one.others_lost} of {one.others_asked} others"
    more = "; ".join((*one.repairs, *one.remarks))
    return f"{one.end}: {noticed}{working}{lost}" + (f" ({more})" if more else "")


def _from(one: outcome.Struck) -> str:
    return "it was out" if catalogue.BY_NAME[one.fault].lasts is catalogue.Lasts.HELD else "it was in"


def _since(at_s: float | None, from_s: float) -> float | None:
    return None if at_s is None else round(max(0.0, at_s - from_s), 2)


async def _put_in(stage: stages.Stage, turn: plan.Turn) -> _Seen:
    name = turn.fault.name
    rows = await _rows(stage)
    began = time.monotonic(), time.time_ns() // 1_000
    await DEEDS[name](stage, turn.service)
    if name in deeds.PLANTED:
        # What came before was our own restart.
        rows, began = await _rows(stage), (time.monotonic(), time.time_ns() // 1_000)
    return _Seen(*began, rows=rows)


async def _rows(stage: stages.Stage) -> Mapping[str, tuple[int | None, int]]:
    return {row.name: (row.pid, row.restarts) for row in await stage.rows()}


async def _watch(stage: stages.Stage, turn: plan.Turn, seen: _Seen) -> bool:
    """Watch while the fault is in; return whether its limit was up before Council had repaired it."""
    fault, service = turn.fault, turn.service
    if fault.lasts is catalogue.Lasts.MOMENT:
        return False
    read_s = 0.0
    while time.monotonic() - seen.began_s < fault.limit_s:
        await asyncio.sleep(_POLL_S)
        await _look_at_rows(stage, fault, service, seen)
        if time.monotonic() - read_s > _RECORDS_EVERY_S:
            read_s = time.monotonic()
            await _look_at_incidents(stage, seen)
        if undo.until_s(stage.where) is None:
            stage.remark("its guard or a person took it out")
            break
        if fault.lasts is catalogue.Lasts.HELD and await _is_shown(stage, turn, seen):
            return False
        if (
            fault.lasts is catalogue.Lasts.REPAIRED
            and not stage.still_in()
            and await _is_well(stage, fault, service, seen)
        ):
            return False
    return fault.lasts is catalogue.Lasts.REPAIRED


async def _is_shown(stage: stages.Stage, turn: plan.Turn, seen: _Seen) -> bool:
    """Return whether what is held has been seen: its alert, and of one that stays what the healer did about it."""
    now_s = time.monotonic()
    if turn.fault.name in catalogue.QUIET:
        return now_s - seen.began_s > turn.fault.limit_s / 2
    if seen.alerted_s is None or now_s - seen.alerted_s <= _SHOWN_S:
        return False
    if not turn.stays:
        return True
    made = await asyncio.to_thread(repairs_since, stage, seen.began_us)
    return any(not one.is_under_way and (one.alert, one.labels) in seen.fired for one in made)


async def _look_at_rows(stage: stages.Stage, fault: catalogue.Fault, service: str, seen: _Seen) -> None:
    now_s = time.monotonic()
    started_s = stage.manager.started_s
    if fault.name in _TREE:
        if started_s is not None and started_s > seen.began_s:
            seen.notice(stage.manager.name, started_s)
        return
    service = service or _KILLS.get(fault.name, "")
    for row in await stage.rows():
        if service and row.name.partition(":")[0] != service:
            continue  # started again for another reason, which is no sign that this fault was seen
        was = seen.rows.get(row.name)
        if was is not None and (row.restarts > was[1] or row.state in ("backoff", "hung") or row.pid != was[0]):
            seen.notice("the supervisor", now_s)


async def _look_at_incidents(stage: stages.Stage, seen: _Seen) -> None:
    """Take in what alerts fired since, and for which incidents."""
    for one in await asyncio.to_thread(newest_incidents, stage):
        fired = [member for member in one.members if member.alert.since_us >= seen.began_us - 1_000_000]
        if not fired:
            continue
        seen.incident_ids.add(one.id)
        seen.fired |= {member.alert.key for member in fired}
        at_s = seen.began_s + max(0.0, (min(member.fired_us for member in fired) - seen.began_us) / 1e6)
        seen.alerted_s = at_s if seen.alerted_s is None else min(seen.alerted_s, at_s)
        seen.notice("an alert", at_s)


def newest_incidents(stage: stages.Stage) -> list[incidents.Incident]:
    """Return the newest incidents, none where the records cannot be read just now."""
    try:
        with contextlib.closing(care_records.incidents(stage.config, stage.where)) as kept:
            return kept.newest(_ALERTS_READ)
    except errors.RecordsUnavailableError:
        return []


def repairs_since(stage: stages.Stage, began_us: int) -> list[repairs.Repair]:
    """Return what was repaired since, none while the records are away."""
    try:
        with contextlib.closing(care_records.repairs(stage.config, stage.where)) as kept:
            return list(kept.since(began_us, time.time_ns() // 1_000, _REPAIRS_READ))
    except errors.RecordsUnavailableError:
        return []


def in_line(one: repairs.Repair) -> str:
    """Return what was repaired, and what came of it."""
    return f"{one.title}: {one.outcome}"


async def _until_well(stage: stages.Stage, fault: catalogue.Fault, service: str, seen: _Seen) -> float | None:
    deadline_s = time.monotonic() + _WELL_S
    while time.monotonic() < deadline_s:
        if fault.lasts is catalogue.Lasts.MOMENT or fault.name in _TREE:
            # What starts again once any other fault is out does so because we ended it.
            await _look_at_rows(stage, fault, service, seen)
        began_s = time.monotonic()
        if await _is_well(stage, fault, service, seen):
            return began_s
        await asyncio.sleep(_POLL_S)
    return None


async def _is_well(stage: stages.Stage, fault: catalogue.Fault, service: str, seen: _Seen) -> bool:
    """Return whether every service is ready, as new where it was killed, and the fault's own questions are answered."""
    rows = await stage.rows()
    if not rows or any(row.state not in ("ready", "stopped") for row in rows):
        return False
    killed = service or _KILLS.get(fault.name, "")
    if fault.lasts is catalogue.Lasts.MOMENT and killed:
        now = {row.name: row.pid for row in rows}
        if now.get(killed) == seen.rows.get(killed, (None, 0))[0]:
            return False
    kinds = [kind for kind in stage.asker.kinds if fault.hits(kind, service)] or ["computed"]
    return await stage.asker.well(kinds, stage.chance)


async def gates(stage: stages.Stage) -> dict[str, str]:
    """Return each gate's verdict, nothing while the watcher is away."""
    try:
        return {one.name: str(one.verdict) for one in (await care_app.watch(stage.where).sight()).gates}
    except errors.WatcherUnavailableError:
        return {}


async def calm(stage: stages.Stage, parts: Collection[str], limit_s: float) -> tuple[str, ...]:
    """Wait until no alert fires that would hide a fault of these parts, at most so long; return those that fire still."""
    deadline_s = time.monotonic() + limit_s
    while True:
        found = await asyncio.to_thread(newest_incidents, stage)
        alerts = [member.alert for one in found for member in one.members if member.fires]
        fire = tuple(one.title for one in alerts if outcome.hides(one.name, dict(one.labels), parts))
        if not fire or time.monotonic() > deadline_s:
            return fire
        await asyncio.sleep(_RECORDS_EVERY_S)
