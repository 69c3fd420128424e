"""Asks everybody for what they know of a stretch of time, and says what could not be had. The one edge of evidence.

Nothing that is away stops the rest: it is among what is missing, and is nowhere taken for nought.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from council import care_ports, kept_ports, ports
from council.domain import budgets, errors, evidence, incidents, ledger, patches, repairs, watching
from council.kit import clock as clock_module

# So far back series are told as they were kept, since causes lie before what they bring about; before that one in ten minutes.
FINE_S = 7200.0
COARSE_STEP_S = 600.0
_INCIDENTS_MAX = 200
_PATCHES_MAX = 200
_REPAIRS_MAX = 2000
_METRICS = tuple(evidence.TRACKED)


class TellsRows(Protocol):
    """What tells of patches; see care_ports.PatchService."""

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        """Return the rows of up to `limit` patches, newest first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Whom it asks. `spending` reads every budget, `label` says what serves, `jobs` tells of scheduled jobs of a span.

    These three may block, and raise CouncilError.
    """

    watch: care_ports.Watch
    incidents: kept_ports.Incidents
    records: ports.Records
    patch_service: TellsRows
    spending: Callable[[], Sequence[budgets.Line]]
    label: Callable[[], patches.Label]
    clock: clock_module.Clock
    repairs: kept_ports.Repairs | None = None
    jobs: Callable[[evidence.Span], Sequence[evidence.Job]] = lambda _: ()


@dataclass(slots=True)
class _Seen:
    """What the watcher told, as far as it did."""

    sight: watching.Sight = field(default_factory=lambda: watching.Sight(0, 0.0))
    histories: Sequence[watching.History] = ()
    tracks: Sequence[evidence.Track] = ()


class Gathering:
    """Gathers evidence."""

    def __init__(self, parts: Parts):
        self._parts = parts

    async def gather(self, span: evidence.Span, since_s: float | None = None) -> evidence.Evidence:
        """Return what is known of a span, with series from `since_s` on, or from its start. Raises nothing that is away."""
        now_s = self._parts.clock.now_us() / 1e6
        missing: list[evidence.Missing] = []
        begin_s = span.start_s if since_s is None else min(since_s, span.start_s)
        seen, found, rows, costs, (repaired, acted), jobs = await asyncio.gather(
            self._seen(span, begin_s, now_s, missing),
            self._incidents(span, missing),
            self._patches(span, missing),
            self._costs(span, missing),
            self._repairs(span, missing),
            self._jobs(span, missing),
        )
        return evidence.Evidence(
            span=span,
            now_s=now_s,
            label=await self._label(missing),
            gates=seen.sight.gates,
            histories=seen.histories,
            tracks=seen.tracks,
            incidents=found,
            patches=rows,
            findings=seen.sight.findings,
            services=seen.sight.services,
            costs=costs,
            missing=sorted(missing, key=lambda one: one.what),
            repairs=repaired,
            interventions=acted,
            jobs=jobs,
        )

    async def _seen(self, span: evidence.Span, begin_s: float, now_s: float, missing: list[evidence.Missing]) -> _Seen:
        seen = _Seen()
        try:
            seen.sight = await self._parts.watch.sight()
        except errors.CouncilError as error:
            missing.append(evidence.Missing("gates, sentinels, services and series", error.message))
            return seen
        if not seen.sight.turn:
            missing.append(evidence.Missing("gates and sentinels", "the watcher has judged nothing yet"))
        elif seen.sight.problem:
            missing.append(evidence.Missing("services", seen.sight.problem))
        seen.histories = await self._histories([one.name for one in seen.sight.gates], begin_s, missing)
        fine_s = max(begin_s, min(span.start_s, now_s - FINE_S))
        try:
            seen.tracks = await self._tracks(begin_s, fine_s)
        except errors.CouncilError as error:
            missing.append(evidence.Missing("series", error.message))
        if len(seen.tracks) >= evidence.TRACKS_MAX:
            missing.append(evidence.Missing("some series", f"no more than {evidence.TRACKS_MAX} are looked at"))
        return seen

    async def _histories(
        self, gates: Sequence[str], begin_s: float, missing: list[evidence.Missing]
    ) -> list[watching.History]:
        async def one(gate: str) -> watching.History | None:
            try:
                return await self._parts.watch.history(gate, begin_s)
            except errors.CouncilError as error:
                missing.append(evidence.Missing(f"what {gate} said before", error.message))
                return None

        # One after the other: each may be days of numbers, for which the watcher reads its file.
        return [told for gate in gates if (told := await one(gate)) is not None]

    async def _tracks(self, begin_s: float, fine_s: float) -> list[evidence.Track]:
        fine = _told(await self._parts.watch.tracks(_METRICS, fine_s))
        if begin_s >= fine_s:
            return fine
        coarse = _told(await self._parts.watch.tracks(_METRICS, begin_s, COARSE_STEP_S))
        past = {_identity(one): [point for point in one.points if point[0] < fine_s] for one in coarse}
        joined = [replace(one, points=[*past.pop(_identity(one), ()), *one.points]) for one in fine]
        return joined + [replace(one, points=past[_identity(one)]) for one in coarse if past.get(_identity(one))]

    async def _incidents(self, span: evidence.Span, missing: list[evidence.Missing]) -> list[incidents.Incident]:
        try:
            found = await asyncio.to_thread(self._parts.incidents.newest, _INCIDENTS_MAX)
        except errors.CouncilError as error:
            missing.append(evidence.Missing("incidents", error.message))
            return []
        if len(found) == _INCIDENTS_MAX and found[-1].began_us / 1e6 > span.start_s:
            missing.append(
                evidence.Missing("some incidents", f"no more than the newest {_INCIDENTS_MAX} are looked at")
            )
        return [one for one in found if _overlaps(span, one.began_us / 1e6, one.repaired_us / 1e6)]

    async def _patches(self, span: evidence.Span, missing: list[evidence.Missing]) -> list[evidence.PatchRow]:
        try:
            rows = [evidence.patch_row(one) for one in await self._parts.patch_service.rows(_PATCHES_MAX)]
        except errors.CouncilError as error:
            missing.append(evidence.Missing("patches", error.message))
            return []
        except (KeyError, TypeError, ValueError, IndexError) as error:
            missing.append(evidence.Missing("patches", f"patchctl told a row that cannot be read: {error!r}"))
            return []
        if len(rows) == _PATCHES_MAX and rows[-1].at_s > span.start_s:
            missing.append(evidence.Missing("some patches", f"no more than the newest {_PATCHES_MAX} are looked at"))
        return [one for one in rows if _overlaps(span, one.at_s, one.ended_s)]

    async def _costs(self, span: evidence.Span, missing: list[evidence.Missing]) -> evidence.Costs:
        since_us, until_us = round(span.start_s * 1e6), round(span.end_s * 1e6)

        def read() -> evidence.Costs:
            by_route, by_model = (
                self._parts.records.report(by, since_us, until_us)
                for by in (ledger.GroupBy.ROUTE, ledger.GroupBy.MODEL)
            )
            return evidence.Costs(by_route, by_model, self._parts.spending())

        try:
            return await asyncio.to_thread(read)
        except errors.CouncilError as error:
            missing.append(evidence.Missing("costs", error.message))
            return evidence.Costs()

    async def _repairs(
        self, span: evidence.Span, missing: list[evidence.Missing]
    ) -> tuple[Sequence[repairs.Repair], Sequence[repairs.Intervention]]:
        kept, start_us, end_us = self._parts.repairs, round(span.start_s * 1e6), round(span.end_s * 1e6)
        if kept is None:
            return (), ()
        try:
            return await asyncio.to_thread(
                lambda: (kept.since(start_us, end_us, _REPAIRS_MAX), kept.interventions(start_us, end_us, _REPAIRS_MAX))
            )
        except errors.CouncilError as error:
            missing.append(evidence.Missing("repairs", error.message))
            return (), ()

    async def _jobs(self, span: evidence.Span, missing: list[evidence.Missing]) -> Sequence[evidence.Job]:
        try:
            return await asyncio.to_thread(self._parts.jobs, span)
        except errors.CouncilError as error:
            missing.append(evidence.Missing("jobs", error.message))
            return ()

    async def _label(self, missing: list[evidence.Missing]) -> patches.Label:
        try:
            return await asyncio.to_thread(self._parts.label)
        except errors.CouncilError as error:
            missing.append(evidence.Missing("generation", error.message))
            return patches.Label("")


def _told(tracks: Sequence[evidence.Track]) -> list[evidence.Track]:
    """Return the series but for those that a service tells at nought of what is another's."""
    known = ((one, evidence.TRACKED.get(one.name, evidence.Tracked()).of) for one in tracks)
    return [one for one, of in known if of in ("", one.service)]


def _identity(track: evidence.Track) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return track.name, track.service, track.labels


def _overlaps(span: evidence.Span, began_s: float, ended_s: float) -> bool:
    """Whether something was so within a span; an end of 0 is none yet."""
    return began_s < span.end_s and (not ended_s or ended_s >= span.start_s)
