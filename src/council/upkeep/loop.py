"""The care loop: one turn reads every service, judges the gates, and says to alerts what it saw.

    read -> judge -> look -> observe -> keep

1. `_read` asks the supervisor what runs and every service for its metrics, side by side. What does not answer is unknown.
2. `_judge` has the source measure each gate and judges it; a verdict changes its `since` only where it changes.
3. `_look` shows every reading to the sentinels, and once in a while what is spent to the budgets.
4. `_observe` turns verdicts, findings, services and silence into observations; `alerts` makes incidents of them, and tells.
   `_trace` has a service whose memory grows name the lines that keep it, into its log.
5. `_keep` writes down what was read. The past may be lost, the present not: nothing here waits for the disk.

This is the only module that chains the stages of upkeep.
"""

import asyncio
import collections
import dataclasses
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from council import care_ports, observing, ports
from council.domain import budgets, errors, evidence, gates, incidents, patches, sentinels, states, timeseries, watching
from council.kit import clock as clock_module
from council.upkeep.alerts import keeping, sources
from council.upkeep.gates import embedded, promql, sudden
from council.upkeep.samples import exposition, recent
from council.upkeep.sentinels import findings, house

_log = logging.getLogger(__name__)

# Beyond these nothing is judged of; see `Recent`.
RECENT_S = 4.6 * 3600
_KEEP_S = 15.0
_NUMBERS_S = 60.0
_COMPACT_S = 600.0
# Changes of verdicts that wait to be kept.
_CHANGES_MAX = 1000
_BUDGETS_S = 15.0
# Sentinels know the rhythm of a day once they have seen two.
_DAYS_S = 49 * 3600.0
_GENERATION = "council_generation_info"
_ALWAYS = frozenset({_GENERATION, gates.BEGAN})
_OWN = "watcher"
# What grows from a process's beginning on is told by then; afterwards it is read at each turn alone.
_GLANCED_S = 300.0
# A trace slows its service down for half a minute; a leak that lasts is the same one.
_TRACE_AGAIN_S = 6 * 3600.0

_GUESTS_MAX = 32
_GUEST_FINDINGS_MAX = 32
_GUEST_FRESH_S = 60.0
_GUEST_FORGOTTEN_S = 86_400.0


class Embedded:
    """The source that needs no server: our own samples."""

    name = "embedded"
    problem = ""

    def __init__(self, samples: embedded.Samples):
        self._samples = samples

    async def measure(self, judged: Sequence[gates.Gate], now_s: float) -> list[gates.Measured]:
        """Return what each gate's form reads at a time."""
        return [embedded.measure(gate, self._samples, now_s) for gate in judged]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """What the loop leans on.

    `targets` says who tells metrics now, or raises ScrapeError; `spending` reads every budget, and may block.
    """

    runtime: ports.Runtime
    scraper: care_ports.Scraper
    source: care_ports.MetricsSource
    samples: care_ports.Samples
    alerts: keeping.Keeping
    targets: Callable[[], Sequence[watching.Target]]
    spending: Callable[[], Sequence[budgets.Line]]
    clock: clock_module.Clock
    # What others of its process have found, as of backups.
    also: Callable[[], Sequence[incidents.Observation]] = tuple


class Loop:
    """Turns, one after the other. `sight` is what the last one saw, `label` what its gates are of."""

    def __init__(
        self,
        parts: Parts,
        watched: Sequence[gates.Gate],
        rules: Sequence[sentinels.Sentinel],
        seen: recent.Recent,
        settings: watching.WatchConfig,
        label: patches.Label,
    ):
        self.sight = watching.Sight(0, 0.0)
        self._parts = parts
        self._gates = watched
        self._seen = seen
        self._settings = settings
        self.label = label
        self._rules = rules
        self._page_after_s = {one.name: one.page_after_s for one in rules}
        self._house = house.House(rules)
        self._by_destination = {one.signal for one in rules if isinstance(one.rule, sentinels.Pattern)}
        self._wanted = _ALWAYS.union(
            house.SETTLED_BY, evidence.TRACKED, *map(gates.metrics, watched), *map(sentinels.signals, rules)
        )
        self._traced_for = {
            one.name for one in rules if isinstance(one.rule, sentinels.Leak) and one.signal == "heap_mb"
        }
        # What sentinels beside other processes told last, and when; and what those that ended had told.
        self._guests: dict[str, tuple[float, Sequence[watching.Finding]]] = {}
        self._left: dict[str, Sequence[watching.Finding]] = {}
        self._traced_s: dict[str, float] = {}
        self._budgets: Sequence[budgets.Line] = ()
        self._budgeted_s = -math.inf
        self._read_s: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._answered_s = math.nan
        self._unread = ""
        self._began: dict[str, tuple[gates.Verdict, float]] = {}
        self._unkept: list[watching.Scrape] = []
        self._kept_s = self._numbered_s = self._compacted_s = -math.inf
        self._changed: list[tuple[str, watching.Past]] = []
        self._targets: Sequence[watching.Target] = ()
        self._untold = ""

    def relabel(self, label: patches.Label) -> None:
        """Judge by these gates for another generation from now on: it has the same ones."""
        self.label = label

    async def take_up(self) -> None:
        """Go on where the watcher before this one ended. What it left may be lost; that is said."""
        now_s = self._now_s()
        try:
            left = await asyncio.to_thread(self._parts.samples.since, now_s - _DAYS_S)
            for scrape in left:
                if scrape.at_s > now_s:
                    continue
                if scrape.at_s >= now_s - RECENT_S:
                    self._seen.take(scrape)
                for _ in self._sighted(scrape):
                    pass
            for gate in self._gates:
                past = await asyncio.to_thread(self._parts.samples.history, gate.name, now_s)
                # A clock that was ahead may have left verdicts of a time to come.
                if told := [one for one in past.verdicts if one.since_s <= now_s]:
                    self._began[gate.name] = (told[-1].verdict, told[-1].since_s)
            if read := [scrape.at_s for scrape in left if scrape.at_s <= now_s]:
                self._note_gap(read[-1], now_s)
        except errors.SamplesError as error:
            _log.warning("what was read before cannot be taken up", extra={"reason": error.message})

    def hear(self, service: str, found: Sequence[watching.Finding], *, ended: bool) -> None:
        """Take in what a sentinel beside a process that is none of Council's found. Raises InvalidRequestError."""
        if service in self._read_s or not watching.GUEST.fullmatch(service):
            raise errors.InvalidRequestError(
                f"{service[:80]!r} cannot be the name of a process beside Council: it is that of a service, or holds more than "
                "64 letters, digits, `.`, `_` and `-`. Give another `--service`."
            )
        _, before = self._guests.pop(service, (0.0, ()))
        if ended:
            self._left[service] = before
        elif len(self._guests) >= _GUESTS_MAX and not self._has_forgone(self._now_s()):
            raise errors.InvalidRequestError(f"{_GUESTS_MAX} processes beside Council are watched already. End one.")
        else:
            self._guests[service] = (self._now_s(), found[:_GUEST_FINDINGS_MAX])

    def _has_forgone(self, at_s: float) -> bool:
        """Drop the guest that has been silent for longest, for another; return whether there was one."""
        told_s, service = min((told_s, service) for service, (told_s, _) in self._guests.items())
        if at_s - told_s <= _GUEST_FRESH_S:
            return False
        self._left[service] = self._guests.pop(service)[1]
        return True

    def _guest_findings(self, at_s: float) -> Iterator[watching.Finding]:
        """Yield what was found of processes beside Council; what was told too long ago is unknown."""
        for told_s, found in self._guests.values():
            if at_s - told_s <= _GUEST_FRESH_S:
                yield from found
            else:
                why = f"Unknown: its sentinel told nothing for {at_s - told_s:.0f} s."
                yield from (
                    dataclasses.replace(one, verdict=gates.Verdict.UNKNOWN, value=None, reason=why) for one in found
                )

    def _observe_guests(self, at_s: float) -> Iterator[incidents.Observation]:
        """Yield what is so of processes beside Council. A sentinel that ends in silence, as one that was killed, is told of."""
        at_us = round(at_s * 1e6)
        for one in self._guest_findings(at_s):
            yield sources.of_finding(one.sentinel, one.service, one.verdict, one.reason, one.look_next, at_us)
        for service, (told_s, _) in list(self._guests.items()):
            yield sources.of_guest(service, at_s - told_s, at_s - told_s > _GUEST_FRESH_S, at_us)
            if at_s - told_s > _GUEST_FORGOTTEN_S:
                del self._guests[service]
        for service, found in self._left.items():
            yield sources.of_guest(service, None, False, at_us)
            for one in found:
                yield sources.of_finding(
                    one.sentinel, service, gates.Verdict.NOT_APPLICABLE, "it is watched no more", "", at_us
                )
        self._left = {}

    async def turn(self) -> None:
        """Do one turn. Raises nothing that one part's failure brings about."""
        at_s = self._now_s()
        if self.sight.turn:
            self._note_gap(self.sight.at_s, at_s)
        services, problem = await self._read(at_s)
        judged = await self._judge(at_s)
        found = await self._look(at_s)
        lines = [watching.line(one) for one in judged]
        shown = [*map(findings.shown, found), *self._guest_findings(at_s)]
        self.sight = watching.Sight(self.sight.turn + 1, at_s, lines, shown, services, problem)
        observed = list(self._observe(judged, found, services, problem, at_s))
        await asyncio.to_thread(self._parts.alerts.observe, observed)
        await self._trace(found, at_s)
        await self._keep(at_s)

    async def glance(self) -> None:
        """Read those that have begun just now once more between two turns: growth of which nothing is known yet is told from
        many readings. The next turn tells what came of it.
        """
        at_s = self._now_s()
        if at_s <= self.sight.at_s:
            return
        rows, _ = await self._statuses()
        young = {row.name.partition(":")[0] for row in rows if row.state == "ready" and row.uptime_s < _GLANCED_S}
        # The watcher tells of others what it has read at a time of its own.
        targets = [one for one in self._targets if one.service in young - {_OWN}]
        for scrape in await asyncio.gather(*(self._scrape(one, at_s) for one in targets)):
            if not scrape.problem:
                collections.deque(self._sighted(scrape, glanced=True), maxlen=0)

    def since(self, starts_s: Mapping[str, float]) -> Mapping[str, gates.Verdict]:
        """Return what gates say of the time from a moment on alone, each from its own: see `embedded.since`."""
        asked, at_s = [one for one in self._gates if one.name in starts_s], self.sight.at_s
        return {one.name: embedded.since(one, self._seen, starts_s[one.name], at_s) for one in asked}

    def _note_gap(self, last_s: float, at_s: float) -> None:
        """Take note of a time in which nobody watched, as while the machine slept, and of a clock that was set back."""
        if at_s < last_s:
            _log.warning("the clock was set back, and the watch begins anew", extra={"by_s": round(last_s - at_s)})
            # What was read bears times that are yet to come, and would be taken for what is read then.
            self._seen.clear()
            self._house = house.House(self._rules)
            self._budgeted_s = self._kept_s = self._numbered_s = self._compacted_s = -math.inf
            self._read_s = dict.fromkeys(self._read_s, at_s)
            self._began.clear()
        elif at_s - last_s > timeseries.LOOKBACK_S:
            from_s = last_s + self._settings.interval_s
            for name, (verdict, _) in self._began.items():
                if verdict not in (gates.Verdict.UNKNOWN, gates.Verdict.NOT_APPLICABLE):
                    self._began[name] = (gates.Verdict.UNKNOWN, from_s)
                    unwatched = watching.Past(gates.Verdict.UNKNOWN, from_s, None, "nobody watched then")
                    self._changed.append((name, unwatched))

    def _whom(self) -> Sequence[watching.Target]:
        """Return who tells metrics; those of before where nobody says."""
        try:
            self._targets, untold = self._parts.targets(), ""
        except errors.ScrapeError as error:
            untold = error.message
        if untold and untold != self._untold:
            _log.warning("nobody says whom to watch", extra={"reason": untold, "go_on": len(self._targets)})
        self._untold = untold
        return self._targets

    async def _read(self, at_s: float) -> tuple[Sequence[states.ServiceStatus], str]:
        """Take in what every service says; return what the supervisor says, or why it says nothing."""
        targets = self._whom()
        statuses, scrapes = await asyncio.gather(
            self._statuses(), asyncio.gather(*(self._scrape(one, at_s) for one in targets))
        )
        for service in self._read_s.keys() - {one.service for one in targets}:
            self._seen.forget(service, at_s)
            self._house.forget(service)
            self._traced_s.pop(service, None)
            del self._read_s[service]
        self._problems = {one.service: one.problem for one in scrapes if one.problem}
        for scrape in scrapes:
            self._seen.take(scrape)
            if not scrape.problem:
                self._read_s[scrape.service] = at_s
            else:
                self._read_s.setdefault(scrape.service, at_s)
        self._unkept = scrapes
        return statuses

    async def _statuses(self) -> tuple[Sequence[states.ServiceStatus], str]:
        try:
            return await self._parts.runtime.status(memory=False), ""
        except errors.CouncilError as error:
            return (), error.message

    async def _scrape(self, target: watching.Target, at_s: float) -> watching.Scrape:
        try:
            text = await self._parts.scraper.scrape(target)
            return watching.Scrape(target.service, at_s, exposition.read(text, self._wanted, target.service))
        except errors.ScrapeError as error:
            return watching.Scrape(target.service, at_s, problem=error.message)
        except ValueError as error:
            return watching.Scrape(target.service, at_s, problem=f"its metrics cannot be read: {error}")

    async def _judge(self, at_s: float) -> list[gates.Judged]:
        source = self._parts.source
        measured = await source.measure(self._gates, at_s)
        self._unread = source.problem or self._unread_elsewhere(measured)
        if not self._unread or math.isnan(self._answered_s):
            self._answered_s = at_s
        return [self._judged(gate, one, at_s) for gate, one in zip(self._gates, measured, strict=True)]

    def _unread_elsewhere(self, measured: Sequence[gates.Measured]) -> str:
        """Return what a server cannot read though it can be read here: it answers, and still knows nothing."""
        unread = next((one.partial for one in measured if one.value is None and one.partial), "")
        if not unread or self._problems or self._parts.source.name == Embedded.name:
            return ""
        return f"it answers, but of what it reads {unread}"

    def _judged(self, gate: gates.Gate, measured: gates.Measured, at_s: float) -> gates.Judged:
        other = self._of_another_generation(gate, at_s)
        if other and gate.services:
            measured = dataclasses.replace(measured, value=None, reason=other)
        elif other:
            # Of all services it is one that the gate is not of: the worst of them is bad all the same.
            measured = dataclasses.replace(measured, partial=other)
        verdict, reason = gates.judge(gate, measured)
        if verdict is gates.Verdict.UNKNOWN:
            # A number of which nobody knows whether it is the worst one is none to show or to keep.
            measured = dataclasses.replace(measured, value=None)
        before, since_s = self._began.get(gate.name, (None, at_s))
        if verdict is not before:
            since_s = at_s
            self._began[gate.name] = (verdict, at_s)
            self._changed.append((gate.name, watching.Past(verdict, at_s, measured.value, reason)))
        return gates.Judged(
            gate, verdict, measured.value, reason, measured.samples, measured.window_s, self._parts.source.name,
            self.label.generation, since_s, self.label.cid,
        )  # fmt: skip

    def _of_another_generation(self, gate: gates.Gate, at_s: float) -> str:
        """Return which service that the gate is about runs another generation than the gate is of, "" if none does."""
        for labels, value in self._seen.newest(_GENERATION, at_s):
            service, runs = labels.get("svc", ""), labels.get("generation", "")
            if value and runs != self.label.generation and service in (gate.services or (service,)):
                return f"{service} runs generation {runs[:8]}, and this gate is of {self.label.generation[:8]}"
        return ""

    async def _look(self, at_s: float) -> list[findings.Finding]:
        """Return what every sentinel says of what was read just now."""
        if at_s - self._budgeted_s >= _BUDGETS_S:
            self._budgeted_s = at_s
            try:
                self._budgets = await asyncio.to_thread(self._parts.spending)
            except errors.RecordsUnavailableError as error:
                # An observation that does not come is unknown, and ends nothing.
                self._budgets = ()
                _log.warning("what is spent cannot be read", extra={"detail": error.detail})
            observing.observe_spending(_OWN, self._budgets)
        return [finding for scrape in self._unkept for finding in self._sighted(scrape)]

    def _sighted(self, scrape: watching.Scrape, *, glanced: bool = False) -> Iterator[findings.Finding]:
        """Show a scrape to the sentinels; yield what they say of each service that it tells of. `glanced`: see `House.take`."""
        if scrape.problem:
            yield from self._house.take(house.Sighting(scrape.service, scrape.at_s, None, {}, reason=scrape.problem))
            return
        values: dict[str, dict[str, float]] = {}
        parts: dict[str, dict[str, float]] = {}
        oldest_s: dict[str, float] = {}
        for one in scrape.readings:
            labels = dict(one.labels)
            service = values.setdefault(labels["svc"], {})
            if one.metric in self._by_destination:
                destinations = parts.setdefault(one.metric, {})
                name = labels.get("provider", "")
                destinations[name] = destinations.get(name, 0.0) + one.value
            elif one.metric == gates.BEGAN:
                # Of several processes of one service the newest says when what is told began.
                service[gates.BEGAN] = max(one.value, service.get(gates.BEGAN, 0.0))
                oldest_s[labels["svc"]] = min(one.value, oldest_s.get(labels["svc"], math.inf))
            else:
                service[one.metric] = service.get(one.metric, 0.0) + one.value
        for name, told in values.items():
            of_it = {signal: parts.get(signal, {}) for signal in self._by_destination} if name == scrape.service else {}
            began_s, oldest = told.get(gates.BEGAN), oldest_s.get(name)
            seen = house.Sighting(name, scrape.at_s, began_s, told, of_it, oldest_s=oldest)
            yield from self._house.take(seen, glanced=glanced)

    def _observe(
        self,
        judged: Sequence[gates.Judged],
        found: Sequence[findings.Finding],
        services: Sequence[states.ServiceStatus],
        problem: str,
        at_s: float,
    ) -> Iterator[incidents.Observation]:
        at_us = round(at_s * 1e6)
        for one in judged:
            yield sources.of_gate(self._with_sudden(one, at_s), at_us)
        for finding in found:
            yield sources.of_finding(
                finding.sentinel,
                finding.service,
                finding.verdict,
                finding.reason,
                finding.look_next,
                at_us,
                self._page_after_s[finding.sentinel],
                finding.held_s,
            )
        run = [sources.of_supervisor(problem, at_us), *(sources.of_service(status, at_us) for status in services)]
        yield from run
        if not problem:
            gone = self._parts.alerts.firing("service_down") - {one.labels for one in run}
            yield from (sources.of_gone("service_down", labels, at_us) for labels in gone)
        yield from sources.of_crashes(services, self._settings.crashes_per_hour, at_us)
        yield sources.of_watcher(gates.Verdict.GREEN, "it watches", at_us)
        yield from self._observe_guests(at_s)
        yield from sources.of_budgets(self._budgets, at_us)
        yield from self._parts.also()
        for service, read_s in self._read_s.items():
            replicas = [one for one in services if one.name.partition(":")[0] == service]
            yield sources.of_source(service, self._problems.get(service, ""), at_s - read_s, replicas, at_us)
        yield from self._observe_gone(found, at_us)
        yield sources.of_targets(self._untold, len(self._targets), at_us)
        source = self._parts.source
        if source.name != Embedded.name:
            silent_s = at_s - self._answered_s
            # What was started just now is found by a server with its next readings.
            unread = source.problem or (self._unread if silent_s > promql.FRESH_S else "")
            yield sources.of_source(source.name, unread, silent_s, (), at_us)
        elsewhere = {(("svc", name),) for name in watching.SOURCES if name not in (source.name, *self._guests)}
        for labels in elsewhere & self._parts.alerts.firing("metrics_stale"):
            yield sources.of_gone("metrics_stale", labels, at_us)

    def _observe_gone(self, found: Sequence[findings.Finding], at_us: int) -> Iterator[incidents.Observation]:
        """Yield that what was tried beside the live generation is no more, so that nothing of it fires for a day."""
        if _OWN in self._problems:
            return
        told = {one.service for one in found}
        for name in self._page_after_s:
            for labels in self._parts.alerts.firing(name):
                service = dict(labels).get("svc", "")
                if service.endswith(watching.CANARY) and service not in told:
                    yield sources.of_gone(name, labels, at_us)

    def _with_sudden(self, judged: gates.Judged, at_s: float) -> gates.Judged:
        """Return a verdict as alerts see it: red already where the last seconds alone are, though the gate is not yet."""
        if judged.verdict not in (gates.Verdict.GREEN, gates.Verdict.AMBER):
            return judged
        reason = sudden.reason(judged.gate, self._seen, at_s)
        return dataclasses.replace(judged, verdict=gates.Verdict.RED, reason=reason) if reason else judged

    async def _trace(self, found: Sequence[findings.Finding], at_s: float) -> None:
        for one in found:
            if one.sentinel not in self._traced_for or one.verdict not in (gates.Verdict.AMBER, gates.Verdict.RED):
                continue
            if at_s - self._traced_s.get(one.service, -math.inf) < _TRACE_AGAIN_S:
                continue
            self._traced_s[one.service] = at_s
            try:
                await self._parts.runtime.trace(one.service)
            except errors.CouncilError as error:
                _log.info("memory is not traced", extra={"svc": one.service, "reason": error.message})

    async def _keep(self, at_s: float) -> None:
        """Write down one reading in fifteen seconds, one number a minute, every change of a verdict."""
        if at_s - self._kept_s < _KEEP_S and not self._changed:
            return
        scrapes = self._unkept if at_s - self._kept_s >= _KEEP_S else []
        changed, self._changed = self._changed, []
        numbers: list[tuple[str, float, float]] = []
        if at_s - self._numbered_s >= _NUMBERS_S:
            numbers = [(one.name, at_s, one.value) for one in self.sight.gates if one.value is not None]
            self._numbered_s = at_s
        self._kept_s = at_s if scrapes else self._kept_s
        try:
            await asyncio.to_thread(self._parts.samples.keep, scrapes, changed, numbers)
            if at_s - self._compacted_s >= _COMPACT_S:
                more = await asyncio.to_thread(self._parts.samples.compact, at_s, self._settings.keep_days * 86_400)
                self._compacted_s = self._compacted_s if more else at_s
        except errors.SamplesError as error:
            # A change that is lost would let the verdict before it span what it ended, after the next start.
            self._changed = [*changed, *self._changed][-_CHANGES_MAX:]
            _log.warning("what was read is not kept", extra={"reason": error.message})

    def _now_s(self) -> float:
        return self._parts.clock.now_us() / 1e6
