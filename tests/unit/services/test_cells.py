"""Cells of the coverage matrix that the healer mends: a rush is slowed and let go again, and gateways come and go with load.

Healer, scaling, records, alerts, sentinels, gates, overrides and limits are the real ones, on a clock that moves when told.
"""

import asyncio
import dataclasses
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from council import homes, telemetry
from council.backends.records import incidents as sql_incidents
from council.backends.records import overrides as sql_overrides
from council.backends.records import repairs as sql_repairs
from council.domain import (
    access,
    alerting,
    config,
    errors,
    gates,
    incidents,
    playbooks,
    repairs,
    states,
    watching,
)
from council.domain.gates import Verdict
from council.gateway import limits
from council.kit import ids
from council.services import healing, mending, scaling
from council.serving import overrides as in_force
from council.testing import clock, watch
from council.upkeep.alerts import desk, sources
from council.upkeep.gates import embedded
from council.upkeep.samples import recent
from council.upkeep.sentinels import findings, house
from watched import GATES, HOUR, STEP_S, T0

SHIPPED = Path(__file__).parents[3] / "config"
# Four hours of the day are left.
EVENING_US = round((T0 + 12 * HOUR) * 1e6)
WORKERS, WORKERS_MAX = 1, 2


class Supervisor:
    """Runs as many gateways as it is told to."""

    def __init__(self) -> None:
        self.running = WORKERS

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        names = [f"gateway:{number}" if number else "gateway" for number in range(self.running)]
        return [states.ServiceStatus(name, "ready", 10 + place, "g", 900.0, 0, 0) for place, name in enumerate(names)]

    async def scale(self, service: str, replicas: int) -> None:
        assert service == "gateway"
        self.running = replicas


class PatchService:
    """A patchctl under which nothing was changed."""

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        return []

    async def keep_repair(self, record: Mapping[str, Any]) -> None: ...


class Away:
    """A store that is away, so that limits are counted in this process."""

    async def ping(self) -> None: ...

    async def take(self, key: str, limit: int, window_s: float, permits: int = 1) -> access.Allowance:
        raise errors.StoreUnavailableError("Away. Try again.")

    async def close(self) -> None: ...


class Stage:
    """What looks after a gateway, and what it leans on."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'council.db'}"
        self.repairs = sql_repairs.SqlRepairs(url, 5.0)
        self.repairs.migrate()
        self.incidents, self.overrides = sql_incidents.SqlIncidents(url, 5.0), sql_overrides.SqlOverrides(url, 5.0)
        self.clock, self.watch, self.supervisor = clock.ManualClock(EVENING_US), watch.ScriptedWatch(), Supervisor()
        self.held = in_force.InForce(self.clock, random.Random(1))
        self._reader = in_force.Reader(self.overrides, self.held, self.clock)
        self._desk = desk.Desk(alerting.AlertsConfig(), ids.ulid)
        runtime: Any = self.supervisor
        patches: Any = PatchService()
        nobody: Any = None
        hands = mending.Hands(
            mending.Parts(
                runtime, patches, self.overrides, self.repairs, nobody, self.watch, self.clock, dict
            )
        )  # fmt: skip
        book = playbooks.book(homes.read_playbooks(SHIPPED), homes.read_gates(SHIPPED))
        self._healer = healing.Healing(
            healing.Parts(
                self.incidents, self.repairs, runtime, self.watch, patches, hands, lambda: book, repairs.HealingConfig,
                lambda: "", lambda: WORKERS_MAX, self.clock, lambda _: (), lambda: "", dict, lambda: False,
            ),
            lambda: None,
        )  # fmt: skip
        settings = config.GatewayConfig(workers=WORKERS, workers_max=WORKERS_MAX)
        self._scaling = scaling.Scaling(self.overrides, runtime, lambda: settings, self.clock)

    async def pass_time(self, seen: incidents.Observation) -> None:
        """Let a quarter of a minute pass, in which everybody takes a turn."""
        changed = self._desk.observe([seen], [], self.clock.now_us()).changed
        await asyncio.to_thread(self.incidents.save, changed, [])
        await self._healer.turn()
        await self._healer.settled()
        await self._scaling.turn()
        await self._reader.look()
        self.clock.advance(STEP_S)

    @property
    def now_s(self) -> float:
        return self.clock.now_us() / 1e6

    def mended(self) -> list[tuple[str, str]]:
        """Return what was done and how it ended; that a person was called, too, is left out."""
        found = [one for one in self.repairs.newest(9) if one.outcome is not repairs.Outcome.CALLED]
        return [(one.playbook, one.outcome.value) for one in found]

    def close(self) -> None:
        for one in (self.repairs, self.incidents, self.overrides):
            one.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


class Rush:
    """One token that asks and asks, each answer for a tenth of a cent, against a quota of 12 dollars a day."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.spent = 0.0
        self.caller = access.Principal("ann", "token-1", frozenset(), 300)
        self._limiter = limits.RateLimiter(Away(), stage.clock, stage.held.ceiling)
        self._watch = house.House(homes.default_sentinels())

    async def admitted(self, asked: int) -> int:
        refused = 0
        for _ in range(asked):
            try:
                await self._limiter.admit(self.caller)
            except errors.RateLimitedError:
                refused += 1
        return asked - refused

    async def go(self, minutes: int, asked_a_minute: int) -> list[Verdict]:
        """Return what the sentinel of the quota said each quarter of a minute."""
        stage, said = self.stage, []
        for _ in range(minutes * 4):
            self.spent += 1000 * await self.admitted(asked_a_minute // 4)
            day = {"council_spent_today_usd_micros": self.spent, "council_quota_today_usd_micros": 12e6}
            found = self._watch.take(house.Sighting("watcher", stage.now_s, T0 - HOUR, day))
            drift = next(one for one in found if one.sentinel == "cost_drift")
            stage.watch.seen = dataclasses.replace(stage.watch.seen, findings=[findings.shown(drift)])
            told = (drift.verdict, drift.reason, drift.look_next, stage.clock.now_us())
            await stage.pass_time(sources.of_finding("cost_drift", "watcher", *told))
            said.append(drift.verdict)
        return said


@pytest.mark.covers("cost", "healing")
async def test_a_rush_that_eats_the_quota_is_slowed_by_a_limit_that_ends_by_itself(stage: Stage) -> None:
    rush, limited = Rush(stage), telemetry.RATE_LIMITED._value.get()
    said = await rush.go(15, 300)
    assert Verdict.RED in said and stage.mended() == [("rate limit", "helped")]
    spent = rush.spent
    said = await rush.go(25, 300)
    assert set(said[-40:]) == {Verdict.GREEN}, "it goes on asking, and its money lasts the day"
    assert not any(one.outcome is repairs.Outcome.CALLED for one in stage.repairs.newest(9)), (
        "the limit had its time to show"
    )
    assert rush.spent - spent <= 25 * 30 * 1000 and telemetry.RATE_LIMITED._value.get() > limited
    (kept,) = stage.incidents.newest(9)
    assert kept.standing is incidents.Standing.REPAIRED
    assert set(await rush.go(40, 0)) == {Verdict.GREEN}
    assert not stage.held.all and stage.held.ceiling(rush.caller) == 300
    assert await rush.admitted(100) == 100
    assert stage.mended() == [("rate limit", "helped")]


class Load:
    """Questions that one gateway answers too slowly, and two of them in time."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._seen = recent.Recent(5 * HOUR, 100)
        self._counts = dict.fromkeys(("0.5", "1.0", "5.0", "+Inf", "count"), 0.0)

    def _answer(self, questions: int) -> None:
        seconds = 3.0 if questions > 20 * self.stage.supervisor.running else 0.2
        for edge in ("0.5", "1.0", "5.0", "+Inf"):
            self._counts[edge] += questions if seconds <= float(edge) else 0
        self._counts["count"] += questions

    def _judged(self) -> tuple[Verdict, str]:
        told = [
            watching.Reading("council_latency_seconds_bucket", (("le", edge), ("svc", "gateway")), value)
            for edge, value in self._counts.items()
            if edge != "count"
        ]
        count = watching.Reading("council_latency_seconds_count", (("svc", "gateway"),), self._counts["count"])
        self._seen.take(watching.Scrape("gateway", self.stage.now_s, [*told, count]))
        gate = GATES["latency_p95"]
        return gates.judge(gate, embedded.measure(gate, self._seen, self.stage.now_s))

    async def go(self, minutes: int, questions: int) -> list[Verdict]:
        """Return what the gate of latency said each quarter of a minute, in which so many are asked."""
        stage, said = self.stage, []
        for _ in range(minutes * 4):
            self._answer(questions)
            verdict, reason = self._judged()
            stage.watch.seen = dataclasses.replace(stage.watch.seen, gates=[watch.line("latency_p95", verdict)])
            await stage.pass_time(incidents.Observation("latency", verdict, stage.clock.now_us(), reason, "Look."))
            said.append(verdict)
        return said


@pytest.mark.covers("infrastructure", "healing")
async def test_a_gateway_is_added_while_answers_are_slow_and_taken_back_once_its_time_is_over(stage: Stage) -> None:
    load = Load(stage)
    assert (await load.go(6, 10))[-1] is Verdict.GREEN and stage.supervisor.running == 1
    said = await load.go(20, 40)
    assert Verdict.RED in said and said[-1] is Verdict.GREEN
    assert stage.mended() == [("scale", "helped")] and stage.supervisor.running == 2
    (kept,) = stage.incidents.newest(9)
    assert kept.standing is incidents.Standing.REPAIRED
    assert set(await load.go(60, 10)) == {Verdict.GREEN}
    assert stage.supervisor.running == 1 and not stage.held.all
