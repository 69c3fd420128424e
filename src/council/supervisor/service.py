"""One service at the edge: carries out what the life cycle decides and reports to it what happened."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from council.domain import errors, orders, states
from council.kit import clock, commits, process
from council.supervisor import children, lifecycle, specs, users

_log = logging.getLogger(__name__)

_CRASHES_S = 3600.0
_REASONS_SHOWN = 3
# How long a child that seems hung is listened to once more before it is ended.
_LISTEN_S = 0.5

Predicate = Callable[[lifecycle.Service], bool]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service needs from the supervisor that holds it."""

    limits: states.SupervisorConfig
    logs: Path
    clock: clock.Clock
    say: Callable[[str, str], None]
    on_change: Callable[[], None]
    # Called with a service's name before each child: puts the files right that its user needs.
    before_start: Callable[[str], None] = lambda _: None
    accounts: Mapping[str, users.Account] = field(default_factory=dict)
    # Says what is started in a service's place: itself, but in a home that may be broken on purpose.
    stands_in: Callable[[specs.ServiceSpec], specs.ServiceSpec] = lambda spec: spec
    # Called after each child that ended and was collected.
    after_exit: Callable[[], None] = lambda: None


class RunningService:
    """A service with its sockets, its state and its live children. Use it from one event loop."""

    def __init__(
        self,
        spec: specs.ServiceSpec,
        generation: str,
        sockets: Mapping[str, socket.socket],
        surroundings: Surroundings,
        *,
        paths: Mapping[str, Path] | None = None,
        peers: Mapping[str, Path] | None = None,
        waiting: Mapping[str, socket.socket] | None = None,
    ):
        """`paths` are those of its Unix sockets and `peers` those of all that it may ask, by the stems of their plain names.

        `waiting` are the sockets that it serves in place of those of the same names once it is live.
        """
        self.spec = spec
        self.state = lifecycle.new(surroundings.limits, generation, spec.replicas)
        self.children: dict[int, children.ChildProcess] = {}
        self._beside: list[children.ChildProcess] = []
        self.sockets = sockets
        self.paths = paths or {}
        self._peers = peers or {}
        self._successors = waiting or {}
        self._obeyed = asyncio.Event()
        self._around = surroundings
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[tuple[Predicate, asyncio.Future[lifecycle.Service]]] = []

    @property
    def log_file(self) -> Path:
        """Where the output of every child goes."""
        return self._around.logs / f"{self.spec.name}.log"

    @property
    def generations(self) -> set[str]:
        """Those whose files its processes may read, and the one with which the next would begin."""
        return {child.began for child in self.state.children} | {self.state.generation}

    @property
    def processes(self) -> list[children.ChildProcess]:
        """Every live process, those beside the replicas too."""
        return [*self.children.values(), *self._beside]

    def begin(self) -> None:
        """Start without waiting."""
        self._apply(lifecycle.Start())

    async def until_ready(self) -> None:
        """Wait until every wanted replica is ready, however often one has to be started again for that."""
        await self._until(lambda state: state.is_ready)

    async def start(self) -> None:
        """Start and wait until ready. Raises UnavailableError if a replica fails."""
        self._apply(lifecycle.Start())
        await self._ready_or_raise()

    async def restart(self) -> None:
        """Drain, stop, start, and wait until ready. Raises UnavailableError if a replica fails."""
        self._apply(lifecycle.Restart())
        await self._ready_or_raise()

    def _hangs(self, identifier: int) -> bool:
        child = self.children.get(identifier)
        return child is not None and child.silent_s > self._around.limits.silent_s

    async def scale(self, replicas: int) -> None:
        """Run `replicas` children, and wait until exactly these run. Raises InvalidRequestError, UnavailableError."""
        if not 1 <= replicas <= self.spec.replicas_max:
            most = self.spec.replicas_max
            raise errors.InvalidRequestError(
                f"{self.spec.name} cannot run {replicas} times: it runs at least once and at most "
                f"{f'{most} times' if most > 1 else 'once'}.",
                parameter="replicas",
            )
        self._apply(lifecycle.Scale(replicas))
        if self.state.on:
            await self._ready_or_raise()

    def go_live(self, generation: str) -> None:
        """Serve the public sockets from now on, those that start later too, as this generation."""
        self.sockets, self._successors = {**self.sockets, **self._successors}, {}
        self._apply(lifecycle.Relabel(generation))
        self.tell(orders.Order(orders.LIVE, generation))

    def tell(self, order: orders.Order) -> None:
        """Give every child an order."""
        for child in self.children.values():
            child.tell(order)

    async def until_obeyed(self) -> None:
        """Wait until every child has carried out what it was told, or ended."""
        while self.is_behind:
            self._obeyed.clear()
            await self._obeyed.wait()

    @property
    def is_behind(self) -> bool:
        """Whether a child has been told what it has not carried out yet."""
        return any(child.behind for child in self.children.values())

    def begin_stop(self) -> None:
        """Tell every child to drain and end, without waiting."""
        self._apply(lifecycle.Stop())

    async def stop(self) -> None:
        """Drain and stop every child, and wait until all are gone."""
        self._apply(lifecycle.Stop())
        await self._until(lambda state: state.on or not state.children)

    def trace(self) -> None:
        """Have every ready child trace which of its lines keep memory, into its log; returns at once.

        Raises InvalidRequestError if it does not know how, UnavailableError if none is ready.
        """
        if not self.spec.traceable:
            raise errors.InvalidRequestError(
                f"{self.spec.name} cannot be traced: only Python's own memory is, in a service that keeps running. "
                "`council sentinel --pid` watches it from beside it."
            )
        ready = [one.current for one in self.state.replicas if one.state == "ready" and one.current is not None]
        if not ready:
            raise errors.UnavailableError(
                f"{self.spec.name} is not ready, so there is nothing to trace. See `council status`."
            )
        for child in ready:
            self.children[child.id].trace()

    def start_beside(
        self, spec: specs.ServiceSpec, given: bytes, on_exit: Callable[[str], None]
    ) -> children.ChildProcess:
        """Start a process that is no replica, with this service's user and log. Raises OSError, SetupError."""
        self._around.before_start(self.spec.name)
        account = self._account()
        order = children.Order(spec, 0, self.state.generation, {}, self.log_file, account=account, given=given)

        def ended(reason: str) -> None:
            self._beside.remove(started)
            on_exit(reason)
            self._around.on_change()
            self._around.after_exit()

        started = children.ChildProcess(order, on_ready=lambda: None, on_exit=ended)
        self._beside.append(started)
        self._around.on_change()
        return started

    def kill(self) -> None:
        """End every child at once."""
        for one in self._beside:
            one.destroy()
        self._apply(lifecycle.Kill())

    async def replace(self, generation: str) -> None:
        """Bring in another generation; returns once it serves and the old one was told to drain.

        Raises UnavailableError if the new one does not get ready; then the old one stays. Raises InvalidRequestError if
        it cannot be replaced while it runs, or if that is no name of a generation.
        """
        if self.spec.ready == "ping":
            # Two of them would write the same files, and the old one would answer the PING meant for the new one.
            raise errors.InvalidRequestError(
                f"{self.spec.name} cannot be replaced while it runs: two of it would write the same files. Stop and start "
                "it instead."
            )
        if not commits.is_commit(generation):
            raise errors.InvalidRequestError(
                "A generation is named by the 40 or 64 lower-case hex digits of its commit. `council status` shows those "
                "that run.",
                parameter="generation",
            )
        self._apply(lifecycle.Replace(generation))
        ended = await self._until(lambda state: state.replacing is None)
        if ended.replace_error:
            raise errors.UnavailableError(
                f"{self.spec.name} stays on generation {ended.generation}: {ended.replace_error}. See {self.log_file}."
            )

    def status(
        self, processes: dict[int, process.Stat] | None, place: states.Place = "live"
    ) -> list[states.ServiceStatus]:
        """Return one row a replica; `processes` is a snapshot of the machine's, without which memory is not counted."""
        return [self._row(replica, processes, place) for replica in self.state.replicas]

    def _row(
        self, replica: lifecycle.Replica, processes: dict[int, process.Stat] | None, place: states.Place
    ) -> states.ServiceStatus:
        child = replica.current
        running = None if child is None else self.children.get(child.id)
        # Only while it explains what one sees.
        state, reason = replica.state, "" if replica.state == "ready" else replica.reason
        if state == "ready" and running is not None and child is not None and self._hangs(child.id):
            state, reason = "hung", f"it has not stirred for {running.silent_s:.0f} s"
        crashes = [one for one in replica.crashes if one.at_s > self._now_s() - _CRASHES_S]
        return states.ServiceStatus(
            name=self._label(replica.index),
            state=state,
            pid=None if running is None else running.pid,
            generation=self.state.generation if child is None else child.generation,
            uptime_s=0.0 if child is None else round(self._now_s() - child.started_s, 3),
            restarts=replica.restarts,
            memory_bytes=0
            if running is None or processes is None
            else process.tree_bytes(running.pid, processes, process.share_bytes),
            reason=reason,
            crashes=len(crashes),
            crash_reasons=", ".join(one.reason for one in crashes[-_REASONS_SHOWN:]),
            place=place,
        )

    def _label(self, replica: int) -> str:
        return f"{self.spec.name}:{replica}" if replica else self.spec.name

    def _now_s(self) -> float:
        return self._around.clock.monotonic_s()

    async def _ready_or_raise(self) -> None:
        ended = await self._until(lambda state: state.is_ready or bool(state.failure) or not state.on)
        if not ended.is_ready:
            reason = ended.failure or "it was stopped meanwhile"
            raise errors.UnavailableError(f"{self.spec.name} did not get ready: {reason}. See {self.log_file}.")

    async def _until(self, predicate: Predicate) -> lifecycle.Service:
        """Return the first state from now on for which `predicate` holds."""
        if predicate(self.state):
            return self.state
        future: asyncio.Future[lifecycle.Service] = asyncio.get_running_loop().create_future()
        self._waiting.append((predicate, future))
        return await future

    def _apply(self, event: lifecycle.Event) -> None:
        self.state, actions = lifecycle.step(self.state, event, self._now_s())
        for action in actions:
            self._carry_out(action)
        if any(isinstance(action, lifecycle.Spawn) for action in actions) or isinstance(event, lifecycle.Exited):
            self._around.on_change()
        self._arm_timer()
        self._wake_waiting()

    def _carry_out(self, action: lifecycle.Action) -> None:
        match action:
            case lifecycle.Spawn():
                self._spawn(action)
            case lifecycle.Terminate(identifier):
                if child := self.children.get(identifier):
                    child.terminate()
                    self._hurry(child)
            case lifecycle.Destroy(identifier):
                if child := self.children.get(identifier):
                    child.destroy()
            case lifecycle.Say(replica, text):
                self._around.say(self._label(replica), text)
            case lifecycle.Refuse(reason):
                raise errors.UnavailableError(f"{self.spec.name} cannot do that now: {reason}.")

    def _hurry(self, child: children.ChildProcess) -> None:
        """End a child that is to end once it counts as hung without having heard of it: it cannot drain."""
        loop = asyncio.get_running_loop()

        def look(again: bool) -> None:
            if child.is_deaf and again:
                # What it said while this process was kept from its work has not been read yet.
                loop.call_later(_LISTEN_S, look, False)
            elif child.is_deaf:
                child.destroy()

        loop.call_later(max(0.0, self._around.limits.silent_s - child.silent_s), look, True)

    def _spawn(self, spawn: lifecycle.Spawn) -> None:
        try:
            account = self._account()
            order = children.Order(
                self._around.stands_in(self.spec),
                spawn.replica,
                spawn.generation,
                self.sockets,
                self.log_file,
                self._successors,
                self._peers,
                account,
            )
            self._around.before_start(self.spec.name)
            self.children[spawn.id] = children.ChildProcess(
                order,
                on_ready=lambda: self._apply(lifecycle.Ready(spawn.id)),
                on_exit=lambda reason: self._exited(spawn.id, reason),
                on_obeyed=self._obeyed.set,
            )
        except (OSError, errors.SetupError) as error:
            # Later, since a step is being carried out; to the life cycle it is one more way to fail.
            why = error.message if isinstance(error, errors.SetupError) else error.strerror
            reason = f"could not be started ({why})"
            asyncio.get_running_loop().call_soon(self._exited, spawn.id, reason)

    def _account(self) -> users.Account | None:
        """Return the user to start as, None for the supervisor's own. Raises SetupError rather than leave root by mistake."""
        if not self._around.accounts or self.spec.keeps_root:
            return None
        if self.spec.name not in self._around.accounts:
            raise errors.SetupError("it has no system user")
        return self._around.accounts[self.spec.name]

    def _exited(self, identifier: int, reason: str) -> None:
        self.children.pop(identifier, None)
        self._obeyed.set()
        self._apply(lifecycle.Exited(identifier, reason))
        self._around.after_exit()

    def _arm_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = lifecycle.next_deadline_s(self.state)
        if due_s is not None:
            wait_s = max(0.0, due_s - self._now_s())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._apply, lifecycle.Tick())

    def _wake_waiting(self) -> None:
        still: list[tuple[Predicate, asyncio.Future[lifecycle.Service]]] = []
        for predicate, future in self._waiting:
            if future.done():
                continue
            if predicate(self.state):
                future.set_result(self.state)
            else:
                still.append((predicate, future))
        self._waiting = still
