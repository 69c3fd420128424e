"""Looks again and again: keeps the snapshots that are due, tells people of gates that stay red, and sends each day's digest.

The edge of the observer. What is due is decided in `rounds`, `escalating` and `schedule`, of what the records hold; so a
process that is killed at any moment leaves nothing half: a snapshot is committed together with what was learned up to it, an
announcement together with its notices, and what is there already is left as it is.
"""

import asyncio
import datetime
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from council import care_ports, kept_ports, telemetry
from council.domain import digests as digest_forms
from council.domain import errors, evidence, incidents, observe, patches, reports, schedule, snapshots
from council.kit import clock as clock_module
from council.upkeep.observer import (
    behaviour,
    digests,
    escalating,
    facts,
    faring,
    kpis,
    oddities,
    posting,
    rounds,
    trends,
)

_log = logging.getLogger(__name__)

# Causes lie before what they bring about.
BEFORE_S = 7200.0
_NEWEST_INCIDENTS = 200
_TAKEN_MAX = 500
_TOLD_MAX = 1000
_THIN_S = 3600.0
_TREND_STEP_S = 600.0


class Gathers(Protocol):
    """What gathers evidence."""

    async def gather(self, span: evidence.Span, since_s: float | None = None) -> evidence.Evidence:
        """Return what is known of a span, with series from `since_s` on."""


async def _unknown(start_s: float, end_s: float) -> Mapping[str, float] | None:
    return None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the observer leans on.

    `explain` says what happened, of one incident where its id is given; `make` makes a detector. `settings` are read anew for
    each look, and may raise CouncilError. `explained` says when the patches that ended in a span were archived, by CID, None
    where nobody knows; it raises nothing that is away.
    """

    gathering: Gathers
    watch: care_ports.Sighting
    incidents: kept_ports.Incidents
    snapshots: kept_ports.Snapshots
    explain: Callable[[evidence.Evidence, str], evidence.Explanation]
    make: oddities.MakeDetector
    settings: Callable[[], observe.ObserveConfig]
    clock: clock_module.Clock
    explained: Callable[[float, float], Awaitable[Mapping[str, float] | None]] = _unknown


class Observer:
    """Looks when told to. One look at a time."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._began_s = parts.clock.now_us() / 1e6
        self._learned: Mapping[str, Any] | None = None
        self._last_tick_s: float | None = None
        self._is_known = False
        self._taken: set[str] = set()
        self._told: set[str] = set()
        self._here_since_s: float | None = None
        self._posted: set[str] = set()
        self._tried = posting.Tries()
        self._thinned_s: float | None = None
        self._figured_s: dict[int, float] = {}
        self._scheduled: Mapping[str, str] = {}

    async def look(self) -> None:
        """Do what is due. Raises CouncilError where a part is away that nothing can be kept without; a later look goes on."""
        now_s = self._parts.clock.now_us() / 1e6
        settings = await asyncio.to_thread(self._parts.settings)
        if not self._is_known or (self._last_tick_s is not None and self._last_tick_s > now_s):
            await asyncio.to_thread(self._know, now_s)
        failed: Exception | None = None
        for due in await self._due(now_s, settings.interval_s):
            try:
                await self._take(due)
            except Exception as error:  # noqa: BLE001 - one that cannot be taken must not keep the others from being taken
                failed = error
        steps: Sequence[Callable[[], Awaitable[None]]] = (
            lambda: self._escalate(now_s, settings.escalate_after_s),
            lambda: self._post(now_s, settings),
            lambda: self._figure(now_s),
            lambda: asyncio.to_thread(self._thin, now_s, settings),
        )
        for step in steps:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - one step that fails must not keep the others from being done
                failed = failed or error
        if failed is not None:
            raise failed

    def _know(self, now_s: float) -> None:
        """Read what is there already."""
        kept = self._parts.snapshots
        # A clock that was ahead may have left snapshots of a time to come.
        last = kept.ids(1, before=snapshots.identifier(now_s + 1), occasion=snapshots.Occasion.TICK)
        self._last_tick_s = snapshots.moment_s(last[0]) if last else None
        self._taken = {one.partition("-")[2] for one in kept.ids(_TAKEN_MAX, occasion=snapshots.Occasion.INCIDENT)}
        self._told = set(kept.announced(escalating.PREFIX, _TOLD_MAX))
        self._learned = kept.learned()
        self._posted = posting.days(kept.announced(posting.PREFIX, posting.DAYS_MAX))
        self._here_since_s = faring.here_since_s(kept, now_s)
        kept.announce(f"{posting.BEGAN_PREFIX}{round(self._here_since_s)}", [], round(now_s * 1e6))
        for days in reports.DAYS:
            if (before := kept.find_report(reports.figures(days))) is not None:
                self._figured_s[days] = before.at_us / 1e6
        self._is_known = True

    async def _due(self, now_s: float, interval_s: float) -> list[rounds.Due]:
        found = await asyncio.to_thread(self._parts.incidents.newest, _NEWEST_INCIDENTS)
        due = rounds.begun(now_s, found, self._taken)
        tick = rounds.tick(now_s, interval_s, self._last_tick_s, self._began_s)
        return [*due, *([tick] if tick is not None else [])]

    async def _take(self, due: rounds.Due) -> None:
        """Gather, explain and keep one snapshot."""
        began_s = self._parts.clock.monotonic_s()
        now_s = self._parts.clock.now_us() / 1e6
        is_tick = due.occasion is snapshots.Occasion.TICK
        span = evidence.Span(due.from_s, due.at_s) if is_tick else evidence.Span(due.from_s - BEFORE_S, now_s)
        found = await self._parts.gathering.gather(span, now_s - 2 * trends.DAY_S)
        one, learned = await asyncio.to_thread(self._composed, due, found)
        if await asyncio.to_thread(self._parts.snapshots.keep, one, learned):
            self._learned = learned
            telemetry.OBSERVER_SNAPSHOTS.labels(due.occasion.value).inc()
            telemetry.OBSERVER_MISSED.inc(due.missed.count if due.missed else 0)
            telemetry.OBSERVER_SECONDS.observe(self._parts.clock.monotonic_s() - began_s)
        else:
            self._learned = await asyncio.to_thread(self._parts.snapshots.learned)
        if is_tick:
            self._last_tick_s = due.at_s
        else:
            self._taken.add(due.incident_id)

    def _composed(self, due: rounds.Due, found: evidence.Evidence) -> tuple[snapshots.Snapshot, dict[str, Any]]:
        """Return the snapshot of what was gathered, and what is learned after it."""
        tracks, left_out = behaviour.looked_at(found.gates, found.histories, found.tracks)
        anomalies, learned = oddities.look(tracks, self._learned or {}, self._parts.make, found.now_s, due.from_s)
        # All as coarse as what lies two days ago, or hours that are read more closely would differ by that alone.
        coarse, _ = behaviour.looked_at(
            found.gates, found.histories, [behaviour.thinned(one, _TREND_STEP_S) for one in found.tracks]
        )
        explanation, unexplained = self._explained(found, due.incident_id)
        missing = [*found.missing, *unexplained]
        if left_out:
            missing.append(evidence.Missing(f"{left_out} series", f"no more than {behaviour.SERIES_MAX} are looked at"))
        one = snapshots.Snapshot(
            id=due.id,
            at_s=due.at_s,
            taken_s=found.now_s,
            occasion=due.occasion,
            span=found.span,
            label=found.label,
            incident_id=due.incident_id,
            missed=due.missed,
            metrics=list(facts.of(found)),
            anomalies=anomalies,
            trends=trends.all_of(coarse, found.now_s),
            explanation=explanation,
            gates=found.gates,
            findings=found.findings,
            incidents=[snapshots.wrong(each) for each in found.incidents],
            patches=found.patches,
            costs=found.costs,
            missing=missing,
        )
        return one, learned

    def _explained(
        self, found: evidence.Evidence, incident_id: str
    ) -> tuple[evidence.Explanation, Sequence[evidence.Missing]]:
        try:
            return self._parts.explain(found, incident_id), ()
        except Exception as error:  # noqa: BLE001 - what was seen is kept and told, whatever can be said of it
            _log.exception("what happened could not be explained")
            telemetry.OBSERVER_ERRORS.inc()
            return evidence.Explanation(()), [evidence.Missing("explanation", type(error).__name__)]

    async def _escalate(self, now_s: float, after_s: float) -> None:
        """Have people told of gates that stay red, each stretch once."""
        try:
            sight = await self._parts.watch.sight()
        except errors.WatcherUnavailableError:
            # The supervisor says so itself.
            return
        silences = await asyncio.to_thread(self._parts.incidents.silences, round(now_s * 1e6))
        due = escalating.due(sight.gates, silences, self._told, now_s, after_s)
        if not due:
            return
        found = await self._parts.gathering.gather(
            evidence.Span(min(one.line.since_s for one in due) - BEFORE_S, now_s)
        )
        incident_id = escalating.incident_of(due, found)
        explanation, _ = await asyncio.to_thread(self._explained, found, incident_id)
        at_us = self._parts.clock.now_us()
        parcels = [
            incidents.Parcel(escalating.notice(due, found, explanation, incident_id, at_us), incidents.EVERY_CHANNEL)
        ]
        for stretch in due:
            if await asyncio.to_thread(self._parts.snapshots.announce, stretch.name, parcels, at_us):
                telemetry.OBSERVER_ESCALATIONS.inc()
                _log.warning("a gate stays red, and people are told", extra={"gate": stretch.line.name})
                parcels = []
            self._told.add(stretch.name)

    async def _post(self, now_s: float, settings: observe.ObserveConfig) -> None:
        """Have people told the digests that are due, the oldest first, each once."""
        when, since_s = schedule.schedule(settings.digest_at, settings.digest_zone), self._here_since_s
        assert since_s is not None
        told = {"at": settings.digest_at, "zone": settings.digest_zone}
        if told != self._scheduled:
            await asyncio.to_thread(self._parts.snapshots.put_report, reports.SCHEDULE, told, round(now_s * 1e6))
            self._scheduled = told
        for day in schedule.due(when, now_s, self._posted, since_s):
            at_s = self._parts.clock.monotonic_s()
            if not self._tried.may(day, at_s):
                continue
            # Counted before: a try that hangs is cut off from outside.
            self._tried.begin(day, at_s)
            try:
                hopeless = self._tried.is_hopeless(day)
                made_of = self._bare(when, day) if hopeless else await self._digest_of(when, day, settings)
                notice = await asyncio.to_thread(posting.notice, made_of, self._parts.clock.now_us())
            except errors.CouncilError:
                # What is away is away for every day.
                self._tried.forget(day)
                raise
            except Exception:  # noqa: BLE001 - one day that cannot be told must not keep the others from being told
                _log.exception("the digest of a day could not be made", extra={"day": day.isoformat()})
                telemetry.OBSERVER_ERRORS.inc()
                continue
            parcel, at_us = incidents.Parcel(notice, incidents.EVERY_CHANNEL), notice.at_us
            if await asyncio.to_thread(
                self._parts.snapshots.announce, posting.name(day.isoformat()), [parcel], at_us, made_of
            ):
                telemetry.OBSERVER_DIGESTS.inc()
                _log.info("the digest of a day is on its way", extra={"day": day.isoformat()})
            self._posted.add(day.isoformat())

    async def _digest_of(
        self, when: schedule.Schedule, day: datetime.date, settings: observe.ObserveConfig
    ) -> digest_forms.Digest:
        """Return the digest of a day."""
        span = evidence.Span(*when.span_s(day))
        found = await self._parts.gathering.gather(span, span.start_s - BEFORE_S)
        loop = await asyncio.to_thread(
            faring.loop, self._parts.snapshots, self._parts.incidents, settings, span, found.now_s
        )
        return await asyncio.to_thread(digests.digest, found, when.zone, loop)

    def _bare(self, when: schedule.Schedule, day: datetime.date) -> digest_forms.Digest:
        """Return, in place of a digest that cannot be made, one that says so and nothing else."""
        lacking = [evidence.Missing("all of this digest", "it could not be made; the steward's log says why")]
        span, now_s = evidence.Span(*when.span_s(day)), self._parts.clock.now_us() / 1e6
        return digests.digest(evidence.Evidence(span, now_s, patches.Label(""), missing=lacking), when.zone)

    async def _figure(self, now_s: float) -> None:
        """Make the figures that are due, of one stretch in one look: the others can wait for the next."""
        days = reports.due(self._figured_s, now_s)
        if days is None:
            return
        spans = kpis.spans(now_s - days * trends.DAY_S, now_s)
        found, before = [await self._parts.gathering.gather(span) for span in spans]
        explained = await self._parts.explained(spans[1].start_s, now_s)
        one = await asyncio.to_thread(kpis.report, found, before, explained)
        await asyncio.to_thread(self._parts.snapshots.put_report, reports.figures(days), one, round(now_s * 1e6))
        self._figured_s[days] = now_s

    def _thin(self, now_s: float, settings: observe.ObserveConfig) -> None:
        at_s = self._parts.clock.monotonic_s()
        if self._thinned_s is not None and at_s - self._thinned_s < _THIN_S:
            return
        full_from_s, oldest_s = (now_s - days * 86_400.0 for days in (settings.full_days, settings.keep_days))
        self._parts.snapshots.thin(round(full_from_s * 1e6), round(oldest_s * 1e6))
        self._thinned_s = at_s
