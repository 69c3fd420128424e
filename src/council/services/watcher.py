"""The watcher process: reads every service, judges the gates, tells people, and says what it saw on a Unix socket.

Its own port has `/metrics` of itself. What it does is in `upkeep/loop.py`.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import app, care_app, care_records, homes, observing, telemetry
from council.domain import budgets, errors, evidence, home, orders, watching
from council.domain import config as config_module
from council.kit import clock as clock_module
from council.kit import nvml
from council.services import (
    answering,
    backups_told,
    beside,
    bots_told,
    harness,
    local_hosts,
    portless,
    published,
    rights,
    tracing,
)
from council.upkeep.alerts import keeping, sources
from council.upkeep.bots import registry
from council.upkeep.monitoring import files

_log = logging.getLogger(__name__)

_REQUEST_BYTES_MAX = 64 * 1024
_CONNECTIONS_MAX = 64
_IDLE_S = 10.0
_DELIVER_S = 1.0
# Of which one question asks what they say since a moment.
_GATES_MAX = 64
# A turn that hangs must not be mistaken for calm: when the last one is this many intervals old, `/livez` fails and what it
# saw is told as unknown.
_LATE_TURNS = 6
# The samples of the last hours, which take that long to fill.
_RESERVE_BYTES = 16 * 1024 * 1024


def main(config: config_module.Config, where: home.Home) -> int:
    """Watch until told to stop."""
    environment = harness.begin("watcher", traceable=True)
    harness.setup_logging(environment.name)
    health = environment.tcp_socket("health", "127.0.0.1", config.watcher_port)
    watch = environment.unix_socket("watch", where.socket("watcher"))
    os.environ.update(SQLITE_TMPDIR=str(where.watch))
    # Wired first: addresses of notices and the key to the gateway's metrics are read before the confinement.
    told = backups_told.BackupsTold(care_records.backups(config, where), config.backup, clock_module.SystemClock())
    made = _wired(config, where, environment.generation, told)
    observing.tell_inputs(environment.name, homes.inputs_digest(where, environment.generation, environment.name))
    rights.confine_service("watcher", config, where)
    tracing.listen()
    service = _Watcher(made, config, where, watch, health, environment, told)
    application = local_hosts.only(service.application())
    harness.serve(
        application, health, environment, drain_s=0.0, is_well=lambda: not service.is_late, on_order=service.obey
    )
    return 0


def _wired(
    config: config_module.Config, where: home.Home, generation: str, told: backups_told.BackupsTold
) -> care_app.Watcher:
    records = app.records(config, where)
    models = homes.load_catalogue(where, generation, config).models
    clock = clock_module.SystemClock()

    def spending() -> list[budgets.Line]:
        at_us = clock.now_us()
        return budgets.lines(records.spend(at_us), config.budget, models, records.token_budgets(), at_us)

    watched, rules = homes.load_gates(where, generation), homes.load_sentinels(where, generation)
    label = homes.label_of(where, generation)
    return care_app.watcher(config, where, label, watched, rules, spending, told.observations)


class _Watcher:
    def __init__(
        self,
        made: care_app.Watcher,
        config: config_module.Config,
        where: home.Home,
        watch: socket.socket,
        health: socket.socket,
        environment: harness.ServiceEnvironment,
        told: backups_told.BackupsTold | None = None,
    ) -> None:
        self._made = made
        self._backups = told
        self._config = config
        self._interval_s = config.watch.interval_s
        self._where = where
        self._watch = watch
        self._told = asyncio.Event()
        self._environment = environment
        # Beside another watcher it waits, or both would tell people.
        self._is_live = asyncio.Event()
        if environment.successor_of(health) is None:
            self._is_live.set()
        self._untold = ""
        self._tracing_back = asyncio.Lock()
        self._reserve = observing.Reserve(_RESERVE_BYTES)
        self._asked = answering.Answering(
            self._reply, bytes_max=_REQUEST_BYTES_MAX, connections_max=_CONNECTIONS_MAX, idle_s=_IDLE_S
        )
        self._portless = portless.Portless(
            care_app.runtime(where),
            app.store(config, where),
            lambda: {one.service for one in made.targets()},
            beside.Beside(made.scraper, made.targets),
        )
        names = frozenset(one.name for one in registry.BOTS)
        bots_told.begin(names)
        self._bots = bots_told.BotsTold(care_records.bot_runs(config, where), names)

    def application(self) -> Starlette:
        """Return what the port serves; its lifespan turns the loop and answers on the Unix socket."""
        return Starlette(
            routes=[Route("/livez", self._live), Route("/readyz", self._live), Route("/metrics", self._metrics)],
            lifespan=self._lifespan,
        )

    @property
    def _late_s(self) -> float:
        return asyncio.get_running_loop().time() - self._turned_s

    @property
    def is_late(self) -> bool:
        """Whether the last good turn is so long ago that what it saw must not be believed."""
        return self._is_live.is_set() and self._late_s >= _LATE_TURNS * self._interval_s

    def _sight(self) -> watching.Sight:
        """Return what the last turn saw, as long as it may pass for what is so now."""
        seen = self._made.loop.sight
        return watching.outdated(seen, f"nothing was judged for {self._late_s:.0f} s") if self.is_late else seen

    async def _live(self, _: Request) -> Response:
        live = not self.is_late
        told = dataclasses.asdict(self._made.loop.label) | {"inputs_digest": observing.inputs_of("watcher")}
        body = {"live": live, "turn": self._made.loop.sight.turn, **told}
        return JSONResponse(body, 200 if live else 503)

    async def _metrics(self, _: Request) -> Response:
        observing.observe_process("watcher", self._environment.generation, self._reserve)
        await asyncio.to_thread(observing.observe_disk, "watcher", self._where.root)
        observing.observe_cards("watcher", await asyncio.to_thread(self._cards))
        # Labels from a closed set: a sentinel of a name that is not in the blueprint is known to whoever reports it alone.
        named = {one.name for one in self._made.sentinels}
        observing.observe_findings(one for one in self._sight().findings if one.sentinel in named)
        self._observe_services()
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    def _observe_services(self) -> None:
        """Tell what runs, of which nothing is known before the first turn or where the last is too old."""
        seen = self._made.loop.sight
        if not seen.turn or self.is_late:
            observing.observe_services((), {})
            return
        at_us = round(seen.at_s * 1e6)
        runs = [sources.of_supervisor(seen.problem, at_us), *(sources.of_service(one, at_us) for one in seen.services)]
        observing.observe_services(runs, sources.crashes(seen.services))

    def _cards(self) -> Sequence[nvml.Card]:
        """Return what is on each card, nothing where nobody knows; why is logged when it changes."""
        driver, untold = nvml.here(), ""
        cards: Sequence[nvml.Card] = ()
        try:
            cards = () if driver is None else driver.cards()
        except nvml.DriverError as error:
            untold = str(error)
        if untold and untold != self._untold:
            _log.warning("the memory of graphics processors is unknown", extra={"reason": untold})
        self._untold = untold
        return cards

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._turned_s = asyncio.get_running_loop().time()
        if taken_up := self._is_live.is_set():
            await self._made.loop.take_up()
        server = await self._asked.start(self._watch)
        self._watching = asyncio.create_task(self._keep_watch(taken_up))
        try:
            yield
        finally:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            server.close()
            await self._portless.close()
            await self._bots.close()
            if self._backups is not None:
                await self._backups.close()
            await self._made.close()

    def obey(self, order: orders.Order) -> None:
        """Begin to watch where this one waited for it, or leave it to the next one."""
        if order.word == orders.LEAVE:
            self._is_live.clear()
            self._watching.cancel()
            return
        if self._environment.generation != self._made.loop.label.generation:
            self._made.loop.relabel(homes.label_of(self._where, self._environment.generation))
        self._turned_s = self._turned_s if self._is_live.is_set() else asyncio.get_running_loop().time()
        self._is_live.set()

    async def _keep_watch(self, taken_up: bool) -> None:
        await self._is_live.wait()
        if not taken_up:
            await self._made.loop.take_up()
        async with asyncio.TaskGroup() as running:
            running.create_task(self._turn())
            running.create_task(_deliver(self._made.alerts, self._told))
            running.create_task(self._portless.keep())
            running.create_task(self._bots.keep())
            if self._backups is not None:
                running.create_task(self._backups.keep())
            running.create_task(asyncio.to_thread(self._publish))

    def _publish(self) -> None:
        made, watch = self._made, self._config.watch
        try:
            text_by_path = files.build(made.gates, made.sentinels, self._config.alerts, watch)
            urls = {"prometheus": watch.prometheus_url, "alertmanager": watch.alertmanager_url}
            published.publish(self._where.monitoring, text_by_path, urls)
        except Exception:  # noqa: BLE001 - the watch goes on without
            _log.exception("the monitoring files could not be made")

    async def _turn(self) -> None:
        """Turn the loop at whole multiples of the interval, glance at halves; what is slow puts off none but the next."""
        loop = asyncio.get_running_loop()
        began_s, half_s, halves = loop.time(), self._interval_s / 2, 0
        while True:
            try:
                if halves % 2 == 0:
                    await self._made.loop.turn()
                    self._turned_s = loop.time()
                    self._told.set()
                else:
                    await self._made.loop.glance()
            except Exception:  # noqa: BLE001 - one bad turn must not end the watch; `/livez` says when none is good
                _log.exception("a turn of the care loop failed")
            ahead = int((loop.time() - began_s) / half_s) + 1
            # After a glance comes a turn, however long the glance took.
            halves = ahead + ahead % 2 if halves % 2 else ahead
            await asyncio.sleep(began_s + halves * half_s - loop.time())

    async def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["ask"] == "sight":
            return dataclasses.asdict(self._sight())
        if request["ask"] == "report":
            return self._hear(request)
        if request["ask"] == "since":
            asked = itertools.islice(request["starts_s"].items(), _GATES_MAX)
            starts_s = {str(name): float(start_s) for name, start_s in asked}
            return {"problem": "", "verdicts": {} if self.is_late else self._made.loop.since(starts_s)}
        # In this order NaN is the least, too.
        start_s = min(watching.LATEST_S, max(0.0, float(request["start_s"])))
        if request["ask"] == "tracks":
            return await self._tracks(request, start_s)
        try:
            found = await asyncio.to_thread(self._made.samples.history, str(request["gate"]), start_s)
        except errors.SamplesError as error:
            return {"problem": error.message}
        return dataclasses.asdict(found) | {"problem": ""}

    async def _tracks(self, request: dict[str, Any], start_s: float) -> dict[str, Any]:
        metrics = [str(one) for one in request["metrics"][: evidence.METRICS_MAX]]
        step_s = max(0.0, float(request["step_s"]))
        # Each takes memory for days of series, so one after the other.
        async with self._tracing_back:
            try:
                found = await asyncio.to_thread(self._made.samples.tracks, metrics, start_s, step_s)
            except errors.SamplesError as error:
                return {"problem": error.message}
        return {"problem": "", "tracks": found}

    def _hear(self, request: dict[str, Any]) -> dict[str, Any]:
        service = str(request["service"])
        found = [watching.read_finding(one, service) for one in request["findings"]]
        try:
            self._made.loop.hear(service, found, ended=bool(request["ended"]))
        except errors.InvalidRequestError as error:
            return {"problem": "", "refused": error.message}
        return {"problem": ""}


async def _deliver(alerts: keeping.Keeping, told: asyncio.Event) -> None:
    """Send what is due after each turn, and at times between, for ever; a channel that hangs holds up no turn."""
    while True:
        # Not `wait_for`: before Python 3.12 it swallows a cancellation that comes with what it waited for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DELIVER_S):
                await told.wait()
        told.clear()
        # Mostly nothing waits, and handing that to a thread each second is among what the watcher costs at rest.
        if not alerts.waiting:
            continue
        try:
            await asyncio.to_thread(alerts.deliver)
        except Exception:  # noqa: BLE001 - people must hear of what comes after, too
            _log.exception("notices could not be delivered")
