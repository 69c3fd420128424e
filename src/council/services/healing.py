"""One work of the steward: the healer. It looks every few seconds at what is wrong, and carries out what is decided about it.

What is decided is in `upkeep/healer/`, pure. A repair is in the records before it is carried out, and each of its steps goes
to the lineage, at the latest once patchctl answers again. Playbooks and settings are those of the generation that serves.
"""

import asyncio
import dataclasses
import functools
import logging
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import Route

from council import care_app, care_ports, care_records, care_telemetry, homes, kept_ports, ports
from council.domain import errors, home, incidents, playbooks, repairs
from council.kit import clock as clock_module
from council.kit import halt, ids
from council.patching import recorded
from council.services import healing_sight, mending, observer, requested, turns
from council.upkeep.healer import deciding, telling, world

_log = logging.getLogger(__name__)

# Records, supervisor and watcher have just begun, too.
_FIRST_S = 10.0
_LOOK_S_MAX = 60.0
# Longest one action may take: a service that drains and loads a model.
ACT_S = 300.0
# Beyond that a repair that a process before this one began is taken to have been carried out.
_SPARE_S = 30.0
# The bot that proposes what lasts.
_PROPOSES = "remediation"
_INCIDENTS_MAX = 50
REPAIRS_LOOKED_AT = 1000
_STEPS_A_LOOK = 20
_TRIM_S = 3600.0
# All that people ever did is counted for it, and nobody reads the metric more often.
_COUNT_S = 15.0


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """Whom the healer asks, and who reaches out for it. `found` are incidents and `kept` repairs.

    `book`, `settings` and `gateways_max`, how many gateways may run, are of the generation that serves, and `damaged`
    says what is wrong with its settings on disk, `models` which providers each of its models has. `wanted(now_us)` are the
    repairs that the owner asks for.
    """

    found: kept_ports.Incidents
    kept: kept_ports.Repairs
    runtime: ports.Runtime
    watch: care_ports.Watch
    patch_service: care_ports.PatchService
    hands: mending.Hands
    book: Callable[[], playbooks.Book]
    settings: Callable[[], repairs.HealingConfig]
    paused: Callable[[], str]
    gateways_max: Callable[[], int]
    clock: clock_module.Clock
    wanted: Callable[[int], Sequence[repairs.Repair]]
    damaged: Callable[[], str]
    models: Callable[[], mending.Models]
    proposes: Callable[[], bool]


async def look(parts: Parts, at_work: Sequence[str] = (), ages: world.Ages | None = None) -> world.World:
    """Return what is so now. Raises RecordsUnavailableError, ConfigError; whoever else is away is unknown.

    Where nothing is wrong and nothing is under way nobody else is asked.
    """
    settings, paused = parts.settings(), parts.paused()
    found = await asyncio.to_thread(parts.found.newest, _INCIDENTS_MAX, standing=incidents.Standing.OPEN)
    known = await asyncio.to_thread(parts.kept.newest, REPAIRS_LOOKED_AT)
    now_us = parts.clock.now_us()
    kept = [*await _wanted(parts, known, now_us), *(one for one in known if one.outcome is not repairs.Outcome.WANTED)]
    ages_s = {} if ages is None else ages.of(kept, now_us, parts.clock.monotonic_s())
    seen = world.World(
        now_us, parts.book(), settings, found, kept, at_work=frozenset(at_work), paused=paused, ages_s=ages_s
    )
    goes_on = any(one.is_under_way or one.outcome is repairs.Outcome.WANTED for one in kept)
    if not goes_on and not any(member.fires for one in found for member in one.members):
        return seen
    services, patches = await asyncio.gather(
        healing_sight.unless_away(parts.runtime.status(memory=False)), healing_sight.patches_of(parts.patch_service)
    )
    told = await healing_sight.seen(parts.watch, found, kept, patches, settings, now_us)
    running = sum(one.name.partition(":")[0] == "gateway" for one in services or ())
    return dataclasses.replace(
        seen,
        services=services,
        verdicts=None if told is None else told.verdicts,
        since_us={} if told is None else told.since_us,
        unseen=frozenset() if told is None else told.unseen,
        unproven=frozenset() if told is None else told.unproven,
        patches=patches,
        can_scale=running < parts.gateways_max(),
        can_switch=await asyncio.to_thread(_can_switch, parts.models),
        can_propose=await asyncio.to_thread(parts.proposes),
        damaged=await asyncio.to_thread(parts.damaged),
    )


def _can_switch(models: Callable[[], mending.Models]) -> bool:
    """Return whether some model has another provider; where nobody can tell, the try of it says."""
    try:
        return any(len(providers) > 1 for providers in models().values())
    except errors.CouncilError:
        return True


async def _wanted(parts: Parts, known: Sequence[repairs.Repair], now_us: int) -> list[repairs.Repair]:
    """Return what the owner asks for and nobody has seen to. A row of the records asks for nothing: others write these, too."""
    seen = {one.id for one in known}
    asked = await asyncio.to_thread(parts.wanted, now_us)
    return [one for one in asked if one.id not in seen]


class Healing:
    """Implements steward.Work."""

    name = "healer"

    def __init__(self, parts: Parts, close: Callable[[], None]) -> None:
        self._parts = parts
        self._close = close
        self._turns = turns.Turns(
            _log, "the healer could not look", _LOOK_S_MAX, _LOOK_S_MAX, care_telemetry.HEALER_ERRORS.inc
        )
        self._acting: dict[str, asyncio.Task[None]] = {}
        self._ages = world.Ages()
        self._trimmed_s = 0.0
        self._counted_s = -math.inf

    @property
    def is_well(self) -> bool:
        """Whether no look has begun so long ago that it hangs."""
        return not self._turns.is_late

    @property
    def routes(self) -> Sequence[Route]:
        """Nothing: what it did is shown by the gateway."""
        return ()

    def told(self) -> dict[str, Any]:
        """Return why the last look failed, "" where it did not, and what is being carried out."""
        return {"problem": self._turns.problem, "repairs": sorted(self._acting)}

    async def run(self) -> None:
        """Look again and again until cancelled; what is being carried out then is judged by the next process."""
        await asyncio.sleep(_FIRST_S)
        try:
            while True:
                await self._turns.take(self.turn)
                await self._turns.rest(self._look_s())
        finally:
            for task in self._acting.values():
                task.cancel()
            await asyncio.gather(*self._acting.values(), return_exceptions=True)

    def _look_s(self) -> float:
        try:
            settings = self._parts.settings()
        except errors.CouncilError:
            settings = repairs.HealingConfig()
        return settings.look_s

    async def turn(self) -> None:
        """Look once, do what is decided, and tell the lineage what it does not know yet."""
        seen = await look(self._parts, tuple(self._acting), self._ages)
        for decision in deciding.decide(seen):
            match decision:
                case deciding.Begin():
                    await self._begin(seen, decision)
                case deciding.Settle():
                    await self._settle(decision)
                case deciding.Call():
                    await self._call(seen, decision)
                case deciding.Held():
                    pass
        await self._tell_lineage(seen.repairs)
        await self._keep_books()

    async def close(self) -> None:
        """Close what it leans on."""
        await asyncio.to_thread(self._close)

    async def settled(self) -> None:
        """Wait until nothing is being carried out."""
        await asyncio.gather(*self._acting.values(), return_exceptions=True)

    async def _begin(self, seen: world.World, decision: deciding.Begin) -> None:
        playbook, now_us = decision.playbook, self._parts.clock.now_us()
        asked = next((one for one in seen.repairs if one.id == decision.wanted), None)
        made = repairs.Repair(
            id=ids.ulid(now_us) if asked is None else asked.id,
            playbook=playbook.name,
            action=playbook.action.value,
            component=decision.component,
            proof=playbook.proof.value,
            by=repairs.HEALER if asked is None else asked.by,
            why=incidents.one_line(decision.why, repairs.TEXT_CHARS_MAX),
            began_us=now_us,
            until_us=now_us + round((ACT_S + _SPARE_S + playbook.within_s) * 1e6),
            incident_id=decision.incident.id if decision.incident else "",
            alert=decision.alert.name if decision.alert else "",
            labels=decision.alert.labels if decision.alert else (),
            cid=decision.cid,
            before=seen.pids(decision.component),
            evidence=tuple(telling.evidence(seen, decision.incident)),
        )
        if asked is not None:
            await asyncio.to_thread(self._parts.kept.save, made)
        elif not await asyncio.to_thread(self._parts.kept.begin, made):
            return
        _log.warning(
            "a repair begins",
            extra={"repair": made.id, "playbook": made.playbook, "component": made.component, "why": made.why},
        )
        task = asyncio.create_task(self._act(made, playbook), name=f"repair {made.id}")
        self._acting[made.id] = task
        task.add_done_callback(lambda _: self._acting.pop(made.id, None))

    async def _act(self, made: repairs.Repair, playbook: playbooks.Playbook) -> None:
        try:
            async with asyncio.timeout(ACT_S):
                done = await self._parts.hands.carry_out(made, playbook)
        except TimeoutError:
            await self._failed(made, f"it took longer than {ACT_S:g} s")
            return
        except errors.CouncilError as error:
            await self._failed(made, error.message)
            return
        except Exception as error:  # noqa: BLE001 - one bad action must not end the healer
            _log.exception("a repair failed")
            await self._failed(made, type(error).__name__)
            return
        now_us = self._parts.clock.now_us()
        done = dataclasses.replace(done, acted_us=now_us, until_us=now_us + round(playbook.within_s * 1e6))
        if playbook.action is playbooks.Action.PATCH:
            await self._end(done, repairs.Outcome.HANDED_ON, "a bot is to propose what lasts")
        else:
            await self._saved(done)

    async def _failed(self, made: repairs.Repair, told: str) -> None:
        """End a repair that failed halfway, without what it had put; where that stays, it is undone once its time is over."""
        try:
            undone = await self._parts.hands.undo(made)
        except errors.CouncilError as error:
            _log.warning("what failed is not undone yet", extra={"repair": made.id, "reason": error.message})
            return
        if undone:
            made = dataclasses.replace(made, undone_us=self._parts.clock.now_us())
        await self._end(made, repairs.Outcome.FAILED, told)

    async def _settle(self, decision: deciding.Settle) -> None:
        one = decision.repair
        if decision.undo:
            try:
                undone = await self._parts.hands.undo(one)
            except errors.CouncilError as error:
                _log.warning("what did not help is not undone yet", extra={"repair": one.id, "reason": error.message})
                return
            if undone:
                one = dataclasses.replace(one, undone_us=self._parts.clock.now_us())
        await self._end(
            one,
            decision.outcome,
            one.told if decision.outcome is repairs.Outcome.HELPED and one.told else decision.told,
        )

    async def _end(self, one: repairs.Repair, outcome: repairs.Outcome, told: str) -> None:
        one = repairs.ended(one, outcome, told, self._parts.clock.now_us())
        care_telemetry.REPAIRS.labels(one.action, outcome.value).inc()
        if one.took_s is not None:
            care_telemetry.REPAIR_SECONDS.observe(one.took_s)
        _log.warning("a repair ended", extra={"repair": one.id, "outcome": outcome.value, "told": one.told})
        await self._saved(one)

    async def _saved(self, one: repairs.Repair) -> None:
        try:
            await asyncio.to_thread(self._parts.kept.save, one)
        except errors.CouncilError as error:
            # By what comes of it the next look judges it.
            _log.error("a repair is not kept", extra={"repair": one.id, "reason": error.message})

    async def _call(self, seen: world.World, decision: deciding.Call) -> None:
        now_us = self._parts.clock.now_us()
        made = telling.called(decision, telling.evidence(seen, decision.incident), ids.ulid(now_us), now_us)
        notice = telling.notice(made, decision.incident, decision.alert.next_step)
        parcel = incidents.Parcel(notice, incidents.EVERY_CHANNEL)
        acted = repairs.Intervention(
            f"called-{made.id}", repairs.InterventionKind.ALERT, now_us, repairs.HEALER, decision.alert.title
        )
        await asyncio.to_thread(self._parts.kept.save, made, [parcel], acted)
        care_telemetry.REPAIRS.labels(made.action, made.outcome.value).inc()
        _log.error("a person is called", extra={"incident": made.incident_id, "why": made.why})

    async def _tell_lineage(self, known: Sequence[repairs.Repair]) -> None:
        """Have patchctl keep each step that it has not kept yet, the oldest first; what it does not take now it gets later."""
        untold = [one for one in reversed(known) if telling.untold(one)]
        for one in untold[:_STEPS_A_LOOK]:
            newest = await asyncio.to_thread(self._parts.kept.find, one.id)
            if newest is None or newest.id in self._acting:
                continue
            for step in telling.untold(newest):
                try:
                    await self._parts.patch_service.keep_repair(telling.record(newest, step))
                except errors.CouncilError as error:
                    _log.info(
                        "the lineage does not know of a repair yet", extra={"repair": one.id, "reason": error.message}
                    )
                    return
                newest = dataclasses.replace(newest, lineage=(*newest.lineage, step))
                await asyncio.to_thread(self._parts.kept.save, newest)

    async def _keep_books(self) -> None:
        """Tell how often people had to act, and remove what is too old."""
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._counted_s >= _COUNT_S:
            self._counted_s = now_s
            for kind, count in (await asyncio.to_thread(self._parts.kept.counts)).items():
                care_telemetry.tell_interventions(kind.value, count)
        if now_s - self._trimmed_s >= _TRIM_S:
            self._trimmed_s = now_s
            await asyncio.to_thread(self._parts.kept.trim, self._parts.settings().repairs_max)


@functools.lru_cache(maxsize=2)
def _book_of(where: home.Home, generation: str) -> playbooks.Book:
    """Return the playbooks of a generation, which never change. Raises ConfigError."""
    return homes.load_book(where, generation)


def paused(where: home.Home, settings: repairs.HealingConfig) -> str:
    """Return why the healer stands still, "" where it does not."""
    if not settings.on:
        return "`healing.on` is off"
    for file, command in ((where.autonomy_file, "autonomy"), (where.heal_file, "heal")):
        if (found := halt.standing(file)) is not None:
            by = f" by {found.by}" if found.by else ""
            return f"paused{by}: {found.reason} (`council {command} resume` ends it)"
    return ""


def proposes(where: home.Home) -> bool:
    """Return whether the bot that proposes what lasts is listed and not paused; where nobody can tell, the try of it says."""
    if where.bot_pause_file(_PROPOSES).exists():
        return False
    try:
        return homes.bot_signer(where, _PROPOSES) is not None
    except errors.CouncilError:
        return True


def parts(
    where: home.Home, service: care_ports.PatchService, generation: Callable[[], str]
) -> tuple[Parts, Callable[[], None]]:
    """Return whom the healer of this home asks, and what closes that. Raises ConfigError, BlueprintError."""
    config = observer.settings_of(where, generation())
    kept = care_records.repairs(config, where)
    found, put = care_records.incidents(config, where), care_records.overrides(config, where)
    runtime, watch, clock = care_app.runtime(where), care_app.watch(where), clock_module.SystemClock()
    sandbox = care_app.kill_switch(config, where)

    def models() -> dict[str, frozenset[str]]:
        settings = observer.settings_of(where, generation())
        found = homes.load_catalogue(where, generation(), settings).models
        return {name: frozenset(each.provider for each in one.deployments) for name, one in found.items()}

    hands = mending.Hands(mending.Parts(runtime, service, put, kept, sandbox, watch, clock, models))

    def settings() -> repairs.HealingConfig:
        return observer.settings_of(where, generation()).healing

    def gateways_max() -> int:
        gateway = observer.settings_of(where, generation()).gateway
        return max(gateway.workers, gateway.workers_max)

    def close() -> None:
        for one in (kept, found, put):
            one.close()

    made = Parts(
        found=found,
        kept=kept,
        runtime=runtime,
        watch=watch,
        patch_service=service,
        hands=hands,
        book=lambda: _book_of(where, generation()),
        settings=settings,
        paused=lambda: paused(where, settings()),
        gateways_max=gateways_max,
        clock=clock,
        wanted=lambda now_us: requested.standing(where, now_us),
        damaged=lambda: recorded.fault(where, generation(), os.environ),
        models=models,
        proposes=lambda: proposes(where),
    )
    return made, close


def made(where: home.Home, service: care_ports.PatchService, generation: Callable[[], str]) -> Healing:
    """Return the healer of this home. `generation` is the one that serves. Raises ConfigError, BlueprintError."""
    return Healing(*parts(where, service, generation))
