"""All services of one home: opens their sockets once, starts them, takes commands, stops them, each after those that ask it."""

import asyncio
import contextlib
import dataclasses
import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from council.domain import config as config_module
from council.domain import errors, states
from council.domain import home as home_module
from council.kit import clock as clock_module
from council.kit import commits, process
from council.supervisor import (
    children,
    control,
    files,
    generations,
    guard,
    keeper,
    logs,
    nightly,
    ownership,
    releasing,
    service,
    sockets,
    specs,
    users,
)
from council.upkeep.chaos import stand_ins

_log = logging.getLogger(__name__)

LOG_CHECK_S = 10.0

# How long leftovers of a killed supervisor may take to drain.
LEFTOVERS_S = 5.0

# After a kill, how long to wait for the kernel before giving up on a process that cannot be ended.
KILLED_S = 5.0

NAME_CHARS = 9


class Supervisor:
    """The services of a home. Open it, start it, close it, all in one event loop in the main thread."""

    def __init__(
        self,
        config: config_module.Config,
        home: home_module.Home,
        generation: str,
        services: Sequence[specs.ServiceSpec],
        console: Callable[[str], None],
        *,
        rights: control.Rights | None = None,
        regime: users.Regime | None = None,
        clock: clock_module.Clock | None = None,
        after_exit: Callable[[set[int]], None] = lambda _: None,
        plan: generations.Plan | None = None,
    ):
        """`after_exit` is called with the pids of the living children after each that ended and was collected.

        `plan` returns the services of another generation; without it they are those of this one.
        """
        self.closing = asyncio.Event()
        self._config = config
        self._home = home
        self._specs = services
        self._console = console
        self._regime = regime
        self._after_exit = after_exit
        self._clock = clock or clock_module.SystemClock()
        uids = {} if regime is None else {name: account.uid for name, account in regime.accounts.items()}
        rights = rights or control.Rights(specs.REPLACE_ALLOWED, specs.REPAIR_ALLOWED, specs.TRACE_ALLOWED)
        self._control = control.ControlServer(self.handle, self._services_by_pid, rights, uids)
        self._lock: ownership.Lock | None = None
        plan = plan or (lambda _: services)
        held = users.Regime("landlock") if regime is None else regime
        self._sockets = sockets.Sockets(held.accounts, self._clock, held.ids if held.accounts else {})
        self._generations = generations.Generations(
            generation,
            home,
            plan,
            self._sockets,
            self._surroundings(),
            prepare=self._prepare,
            on_switch=self._switched,
        )
        self._releases = releasing.Releases(
            home,
            self._surroundings(),
            regime or users.Regime("landlock"),
            self._generations.services,
            plan,
            self._interpreters,
        )
        self._log_keeper: asyncio.Task[None] | None = None
        self._guard: guard.Guard | None = None
        self._nightly = nightly.Nightly(home, config.backup, self._surroundings())
        self._keeper = keeper.Keeper(lambda: self.services.get("steward"), self.say)

    async def open(self) -> None:
        """Become the home's supervisor and open every socket. Raises SetupError; then nothing is left open."""
        self._lock = ownership.lock(self._home)
        try:
            left = await asyncio.to_thread(ownership.end_leftovers, self._home, LEFTOVERS_S)
            if left:
                self.say("council", f"ended {len(left)} processes that an earlier run had left")
            # Counters start over with the service, and no job outlives it. Not before the lock: until then another's may
            # stand there.
            for folder in (self._home.run / "metrics", self._home.sandbox_work):
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            await self._settle()
            if self._regime is not None:
                self.say("council", users.describe(self._regime))
            await self._generations.open(self._specs)
            path = self._home.socket("supervisor")
            command = specs.SocketSpec("control", "unix", path=path, caller="patchctl", also=users.CONTROL)
            await self._control.open(await self._sockets.listen(command))
        except BaseException:
            self._let_go()
            raise
        ownership.note_targets(self._home, specs.targets(self._specs, self._config))
        if self._regime is not None:
            ownership.note_regime(self._home, self._regime)
        self._log_keeper = asyncio.create_task(self._keep_logs())

    @property
    def services(self) -> dict[str, service.RunningService]:
        """The live ones by name, in start order."""
        return self._generations.services

    def _surroundings(self) -> service.Surroundings:
        regime = self._regime or users.Regime("landlock")
        return service.Surroundings(
            self._config.supervisor,
            self._home.logs,
            self._clock,
            self.say,
            self._note_children,
            before_start=lambda name: files.settle_for(name, self._home, regime),
            accounts=regime.accounts,
            stands_in=self._stand_in,
            after_exit=lambda: self._after_exit(self.pids()),
        )

    def _stand_in(self, spec: specs.ServiceSpec) -> specs.ServiceSpec:
        return dataclasses.replace(spec, argv=stand_ins.command(self._home, spec.name, spec.argv))

    def start(self) -> None:
        """Start every service at once, without waiting. One that fails says so on the console and is started again."""
        for one in self.services.values():
            one.begin()
        if watcher := self.services.get("watcher"):
            self._guard = guard.Guard(watcher, specs.messenger(watcher.spec, self._home), self._config.alerts)
            self._guard.begin()
        self._follow_nightly()
        self._nightly.begin()
        self._keeper.begin()

    async def until_ready(self) -> None:
        """Wait until every service is ready, however often one has to be started again for that."""
        for name in list(self.services):
            await self.services[name].until_ready()

    async def close(self) -> None:
        """Stop the services, each after those that ask it, give everything back. `kill` hurries it."""
        self.closing.set()
        await self._keeper.close()
        if self._guard is not None:
            await self._guard.close()
        await self._nightly.close()
        await self._releases.close()
        await self._generations.close()
        if self._log_keeper is not None:
            self._log_keeper.cancel()
            await asyncio.gather(self._log_keeper, return_exceptions=True)
        ownership.forget(self._home)
        self._control.stop_listening()
        self._let_go()
        # Last, so that a caller of shutdown who sees its connection end may start the next supervisor.
        await self._control.close()

    def kill(self) -> None:
        """End every child at once."""
        self._releases.kill()
        self._nightly.kill()
        self._generations.kill()

    def say(self, name: str, text: str) -> None:
        """Print one line for people. A terminal that went away does not matter."""
        with contextlib.suppress(OSError):
            self._console(f"{name:<{NAME_CHARS}} {text}")

    def pids(self) -> set[int]:
        """Return the pids of every living child."""
        return {child.pid for _, child in self._processes()}

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        """Return one row a replica of the live services, in start order; then of those beside and leaving, if `everywhere`.

        Memory costs a look at every page of every process, and is 0 without.
        """
        processes = await asyncio.to_thread(process.table) if memory else None
        return [
            row
            for place, one in self._generations.everyone()
            if everywhere or place == "live"
            for row in one.status(processes, place)
        ]

    async def handle(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an authorised command; returns when it has taken effect. Raises CouncilError."""
        match request["command"]:
            case "list":
                return {"services": list(self.services), "generations": sorted(self._generations.used())}
            case "status":
                memory, everywhere = request.get("memory") is not False, request.get("everywhere") is True
                return {
                    "services": [
                        dataclasses.asdict(row) for row in await self.status(memory=memory, everywhere=everywhere)
                    ]
                }
            case "shutdown":
                self.closing.set()
                return {}
            case "renew" if not self.closing.is_set():
                await self._releases.renew(self._generations.live)
                return {}
        if self.closing.is_set():
            raise errors.UnavailableError("Council is stopping. `council up` starts it again.")
        if request["command"] in control.GENERATIONS:
            return await self._change_generation(request)
        one = self._named(request)
        match request["command"]:
            case "start":
                await one.start()
            case "stop":
                await one.stop()
            case "restart":
                await one.restart()
            case "scale":
                await one.scale(_field(request, "replicas", int))
            case "trace":
                one.trace()
            case "replace":
                generation = _field(request, "generation", str)
                await self._prepare(generation)
                await one.replace(generation)
        return {}

    async def _change_generation(self, request: Mapping[str, Any]) -> dict[str, Any]:
        generation = _field(request, "generation", str)
        match request["command"]:
            case "launch":
                names = [str(name) for name in _field(request, "services", list)]
                pause_s, returning = request.get("pause_s", 0), request.get("returning") is True
                if not isinstance(pause_s, int | float) or not 0 <= pause_s <= generations.PAUSE_S_MAX:
                    raise errors.InvalidRequestError(
                        f"`pause_s` must be 0 to {generations.PAUSE_S_MAX:g} seconds.", parameter="pause_s"
                    )
                return {"services": await self._generations.launch(generation, names, pause_s, returning=returning)}
            case "install":
                await self._releases.install(generation, returning=request.get("returning") is True)
                return {}
            case "promote":
                return {"unheard": await self._generations.promote(generation)}
            case _:
                await self._releases.call_off(generation)
                await self._generations.discard(generation)
                return {}

    async def _settle(self) -> None:
        """Have each file belong to whom it must: what was written since the last time is root's alone so far."""
        if self._regime is not None:
            await asyncio.to_thread(files.settle, self._home, self._regime)

    async def _prepare(self, generation: str) -> None:
        if self._regime is not None and commits.is_commit(generation):
            await asyncio.to_thread(files.settle_generation, self._home, self._regime, generation)

    def _switched(self) -> None:
        if self._guard is not None:
            watcher = self.services["watcher"]
            self._guard.watch(watcher, specs.messenger(watcher.spec, self._home))
        self._follow_nightly()
        self._note_children()

    def _follow_nightly(self) -> None:
        # By the interpreter of the release that serves, as the steward comes to.
        python = next((one.spec.argv[0] for one in self.services.values()), sys.executable)
        self._nightly.follow(self._generations.live, python)

    def _named(self, request: Mapping[str, Any]) -> service.RunningService:
        name = _field(request, "service", str)
        if name not in self.services:
            raise errors.NotFoundError(f"No service is named {name[:100]!r}. There are {', '.join(self.services)}.")
        return self.services[name]

    def _services_by_pid(self) -> dict[int, str]:
        # Who is tried or leaves has no more rights than any other descendant of ours.
        return {child.pid: name for name, one in self.services.items() for child in one.processes}

    def _note_children(self) -> None:
        ownership.note_children(self._home, [(name, child.pid, child.start_ticks) for name, child in self._processes()])

    def _interpreters(self) -> list[str]:
        return [one.spec.argv[0] for _, one in self._generations.everyone()]

    def _processes(self) -> Iterator[tuple[str, children.ChildProcess]]:
        for _, one in self._generations.everyone():
            yield from ((one.spec.name, child) for child in one.processes)
        yield from self._releases.processes()
        yield from self._nightly.processes()

    def _let_go(self) -> None:
        self._sockets.close_all()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def _keep_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            for path in (
                *(one.log_file for one in self.services.values()),
                logs.own(self._home),
                self._nightly.log_file,
            ):
                try:
                    await asyncio.to_thread(logs.turn_over, path, self._config.supervisor.log_bytes_max)
                except OSError:
                    _log.warning("a log file cannot be turned over", exc_info=True, extra={"path": str(path)})


def _field(request: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    value = request.get(name)
    if not isinstance(value, kind) or isinstance(value, bool) or value == "":
        raise errors.InvalidRequestError(f"The command {request['command']!r} needs `{name}`.", parameter=name)
    return value
