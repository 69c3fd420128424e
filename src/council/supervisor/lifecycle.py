"""The life of one service as a pure state machine: `step(state, event, now_s) -> (state, actions)`.

    stopped --Start--> starting --Ready--> ready --Exited--> backoff --Tick--> starting
                           \\-- not ready in time: SIGKILL, counts as a failure --/
    any --Stop--> stopping (SIGTERM, then SIGKILL after stop_s) --Exited--> stopped

The edge ends one earlier that hangs, and cannot drain.

A service has replicas that share its sockets. A replica has at most one `current` child. Only a replace starts a second
one, the `candidate`, on the new generation; when the candidates of all replicas are ready they become current, and the
old children, told to drain, are `leaving`. If one candidate fails, all go and the old ones stay.

Nothing here reads a clock, starts a process or sends a signal: the edge does that and reports back with events.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from council.domain import states
from council.kit import backoff

REPLICAS_MAX = 64

# Old generations of one replica that may drain at the same time, so that a roll-back need not wait for a drain.
LEAVING_MAX = 4

# Of more crashes than these the newest are known.
CRASHES_MAX = 20


class Phase(enum.StrEnum):
    """Where a child stands. FAILING: killed because it was not ready in time."""

    STARTING = "starting"
    READY = "ready"
    FAILING = "failing"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Child:
    """A process. At `deadline_s` it must be ready (starting) or gone (stopping).

    `began` is the generation that it was started with: whose files it reads, whatever `generation` it is said to be of now.
    """

    id: int
    generation: str
    phase: Phase
    started_s: float
    deadline_s: float | None
    reason: str = ""
    began: str = ""


@dataclass(frozen=True, slots=True)
class Crash:
    """An end that nobody asked for."""

    at_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Replica:
    """One place among those that serve a service's sockets. `retry_at_s` is set exactly in back-off."""

    index: int
    current: Child | None = None
    candidate: Child | None = None
    leaving: tuple[Child, ...] = ()
    retry_at_s: float | None = None
    failures: int = 0
    restarts: int = 0
    reason: str = ""
    crashes: tuple[Crash, ...] = ()

    @property
    def state(self) -> str:
        """The word that people see."""
        if self.current is None:
            return "backoff" if self.retry_at_s is not None else "stopped"
        return "stopping" if self.current.phase is Phase.FAILING else self.current.phase.value

    @property
    def children(self) -> tuple[Child, ...]:
        """Every live process."""
        return tuple(child for child in (self.current, self.candidate, *self.leaving) if child is not None)


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `replacing` names the generation that is being brought in, `replace_error` why the last one failed."""

    limits: states.SupervisorConfig
    generation: str
    wanted: int
    on: bool = False
    replicas: tuple[Replica, ...] = ()
    replacing: str | None = None
    replace_error: str = ""
    next_id: int = 1

    @property
    def children(self) -> tuple[Child, ...]:
        """Every live process of every replica."""
        return tuple(child for replica in self.replicas for child in replica.children)

    @property
    def is_ready(self) -> bool:
        """Whether exactly the wanted replicas run and are ready."""
        serving = [replica.current for replica in self.replicas if replica.current is not None]
        return self.on and len(serving) == self.wanted and all(child.phase is Phase.READY for child in serving)

    @property
    def failure(self) -> str:
        """Why a replica is in back-off; empty if none is."""
        return next((replica.reason for replica in self.replicas if replica.retry_at_s is not None), "")


@dataclass(frozen=True, slots=True)
class Start:
    """Run the service; replicas in back-off start at once."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Drain and stop every child."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Drain and stop, then start."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Run this many replicas."""

    replicas: int


@dataclass(frozen=True, slots=True)
class Replace:
    """Bring in another generation."""

    generation: str


@dataclass(frozen=True, slots=True)
class Relabel:
    """Another generation is live, and what runs is of it too: nothing that this service reads differs."""

    generation: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Stop without draining."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A child can serve."""

    id: int


@dataclass(frozen=True, slots=True)
class Exited:
    """A child is gone, or could not be started."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; due at `next_deadline_s`."""


Event = Start | Stop | Restart | Scale | Replace | Relabel | Kill | Ready | Exited | Tick


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a child."""

    id: int
    replica: int
    generation: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Send SIGTERM to a child."""

    id: int


@dataclass(frozen=True, slots=True)
class Destroy:
    """Send SIGKILL to a child's process group."""

    id: int


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the person at the console."""

    replica: int
    text: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The command cannot be taken now; nothing changed."""

    reason: str


Action = Spawn | Terminate | Destroy | Say | Refuse


def step(state: Service, event: Event, now_s: float) -> tuple[Service, tuple[Action, ...]]:
    """Return the state after `event` and what the edge must do, in order."""
    if reason := _refusal(state, event):
        return state, (Refuse(reason),)
    draft = _Draft(state, now_s)
    match event:
        case Start():
            draft.start()
        case Stop():
            draft.stop()
        case Restart():
            draft.restart()
        case Scale(replicas):
            draft.scale(replicas)
        case Replace(generation):
            draft.begin_replace(generation)
        case Relabel(generation):
            draft.relabel(generation)
        case Kill():
            draft.kill()
        case Ready(identifier):
            draft.ready(identifier)
        case Exited(identifier, reason):
            draft.exited(identifier, reason)
        case Tick():
            draft.tick()
        case _:
            assert_never(event)
    return draft.finished(), tuple(draft.actions)


def next_deadline_s(state: Service) -> float | None:
    """Return when the next Tick is due."""
    moments = [child.deadline_s for child in state.children]
    moments += [replica.retry_at_s for replica in state.replicas]
    return min((moment for moment in moments if moment is not None), default=None)


def _refusal(state: Service, event: Event) -> str:
    if isinstance(event, Scale) and not 1 <= event.replicas <= REPLICAS_MAX:
        return f"between 1 and {REPLICAS_MAX} replicas can run"
    if isinstance(event, Scale | Replace) and state.replacing is not None:
        return f"it is being replaced by generation {state.replacing}; try again when that has ended"
    if isinstance(event, Replace):
        if not state.on:
            return "it is stopped, so there is nothing to replace; start it first"
        if any(len(replica.leaving) >= LEAVING_MAX for replica in state.replicas):
            return f"{LEAVING_MAX} older generations of it are still draining; try again when one has ended"
    return ""


def new(limits: states.SupervisorConfig, generation: str, replicas: int) -> Service:
    """Return a service that has not been started."""
    return Service(limits, generation, replicas, replicas=tuple(Replica(index) for index in range(replicas)))


def _becomes_ready(child: Child, identifier: int) -> bool:
    return child.id == identifier and child.phase is Phase.STARTING


@dataclass(slots=True)
class _Draft:
    """A state in the making."""

    state: Service
    now_s: float
    actions: list[Action] = field(default_factory=list)
    replicas: dict[int, Replica] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.replicas = {replica.index: replica for replica in self.state.replicas}

    def finished(self) -> Service:
        """Return the state, without replicas that are neither wanted nor alive."""
        kept = [one for one in self.replicas.values() if one.index < self.state.wanted or one.children]
        return replace(self.state, replicas=tuple(sorted(kept, key=lambda one: one.index)))

    def start(self) -> None:
        self.state = replace(self.state, on=True)
        for index in range(self.state.wanted):
            replica = self.replicas.setdefault(index, Replica(index))
            if replica.current is None:
                # One that was stopped is started by somebody's wish; why it had failed before that explains nothing now.
                reason = "" if replica.retry_at_s is None else replica.reason
                self._spawn_current(replace(replica, failures=0, reason=reason))

    def stop(self) -> None:
        self.state = replace(self.state, on=False)
        self._abandon_replace("the service was stopped meanwhile")
        for replica in self._each():
            if replica.current is None and replica.retry_at_s is not None:
                self._say(replica, "stopped")
            self._put(replace(replica, retry_at_s=None, current=self._retired(replica.current)))

    def restart(self) -> None:
        self._abandon_replace("the service was restarted meanwhile")
        for replica in self._each():
            self._put(replace(replica, current=self._retired(replica.current)))
        self.start()

    def scale(self, wanted: int) -> None:
        self.state = replace(self.state, wanted=wanted)
        for replica in self._each():
            if replica.index >= wanted:
                self._put(replace(replica, retry_at_s=None, current=self._retired(replica.current)))
        for index in range(wanted):
            replica = self.replicas.setdefault(index, Replica(index))
            if self.state.on and replica.current is None and replica.retry_at_s is None:
                self._spawn_current(replica)

    def kill(self) -> None:
        self.stop()
        for replica in self._each():
            destroyed = [self._destroyed(child, Phase.STOPPING) for child in replica.leaving]
            current = replica.current and self._destroyed(replica.current, Phase.STOPPING)
            self._put(replace(replica, current=current, leaving=tuple(destroyed)))

    def begin_replace(self, generation: str) -> None:
        self.state = replace(self.state, replacing=generation, replace_error="")
        for index in range(self.state.wanted):
            replica = self.replicas.setdefault(index, Replica(index))
            self._put(replace(replica, candidate=self._spawned(index, generation)))

    def relabel(self, generation: str) -> None:
        self._abandon_replace(f"generation {generation} became live meanwhile")
        self.state = replace(self.state, generation=generation)
        for replica in self._each():
            self._put(replace(replica, current=replica.current and replace(replica.current, generation=generation)))

    def ready(self, identifier: int) -> None:
        for replica in self._each():
            if replica.current is not None and _becomes_ready(replica.current, identifier):
                self._announce(replica, replica.current)
                self._put(replace(replica, current=replace(replica.current, phase=Phase.READY, deadline_s=None)))
            if replica.candidate is not None and _becomes_ready(replica.candidate, identifier):
                self._announce(replica, replica.candidate)
                self._put(replace(replica, candidate=replace(replica.candidate, phase=Phase.READY, deadline_s=None)))
        self._promote_if_ready()

    def exited(self, identifier: int, reason: str) -> None:
        for replica in self._each():
            if replica.current is not None and replica.current.id == identifier:
                self._current_exited(replace(replica, current=None), replica.current, reason)
            elif replica.candidate is not None and replica.candidate.id == identifier:
                self._put(replace(replica, candidate=None))
                self._abandon_replace(replica.candidate.reason or reason)
            else:
                left = tuple(child for child in replica.leaving if child.id != identifier)
                self._put(replace(replica, leaving=left))

    def tick(self) -> None:
        for replica in self._each():
            self._put(
                replace(
                    replica,
                    current=replica.current and self._overdue(replica.current),
                    leaving=tuple(self._overdue(child) for child in replica.leaving),
                )
            )
        late = [one.candidate for one in self._each() if one.candidate is not None and self._is_due(one.candidate)]
        if late:
            self._abandon_replace(self._late_reason())
        for replica in self._each():
            if replica.retry_at_s is not None and replica.retry_at_s <= self.now_s:
                self._spawn_current(replace(replica, restarts=replica.restarts + 1))

    def _current_exited(self, replica: Replica, child: Child, reason: str) -> None:
        is_wanted = self.state.on and replica.index < self.state.wanted
        if child.phase is Phase.STOPPING:
            # It was told to; why it ended some other time explains nothing now.
            if is_wanted:
                self._spawn_current(replace(replica, restarts=replica.restarts + 1, reason=""))
            else:
                self._put(replace(replica, reason=""))
                self._say(replica, "stopped")
            return
        reason = child.reason or reason
        if not is_wanted:
            self._put(replace(replica, reason=reason))
            self._say(replica, reason)
            return
        limits = self.state.limits
        wait = backoff.Backoff(
            limits.backoff_first_s, limits.backoff_ceiling_s, limits.backoff_forgive_s, replica.failures
        )
        wait_s = wait.after_failure(self.now_s - child.started_s)
        crashes = (*replica.crashes, Crash(self.now_s, reason))[-CRASHES_MAX:]
        self._put(
            replace(replica, retry_at_s=self.now_s + wait_s, failures=wait.failures, reason=reason, crashes=crashes)
        )
        self._say(replica, f"{reason}, starting again in {wait_s:.3g} s")

    def _promote_if_ready(self) -> None:
        generation = self.state.replacing
        wanted = [self.replicas[index] for index in range(self.state.wanted) if index in self.replicas]
        if generation is None or not all(one.candidate and one.candidate.phase is Phase.READY for one in wanted):
            return
        self.state = replace(self.state, generation=generation, replacing=None)
        for replica in wanted:
            old = self._retired(replica.current)
            leaving = replica.leaving if old is None else (*replica.leaving, old)
            self._put(
                replace(
                    replica, current=replica.candidate, candidate=None, leaving=leaving, retry_at_s=None, failures=0
                )
            )
            self._say(replica, f"now on generation {generation}")

    def _abandon_replace(self, reason: str) -> None:
        if self.state.replacing is None:
            return
        self.state = replace(self.state, replacing=None, replace_error=reason)
        for replica in self._each():
            if replica.candidate is not None:
                # One that is ready may have taken requests, so it drains; one that is not has nothing to lose.
                is_ready = replica.candidate.phase is Phase.READY
                gone = (
                    self._retired(replica.candidate) if is_ready else self._destroyed(replica.candidate, Phase.STOPPING)
                )
                leaving = replica.leaving if gone is None else (*replica.leaving, gone)
                self._put(replace(replica, candidate=None, leaving=leaving))
        self._say(self.replicas[0], f"stays on generation {self.state.generation}: {reason}")

    def _spawn_current(self, replica: Replica) -> None:
        child = self._spawned(replica.index, self.state.generation)
        self._put(replace(replica, current=child, retry_at_s=None))

    def _spawned(self, index: int, generation: str) -> Child:
        identifier = self.state.next_id
        self.state = replace(self.state, next_id=identifier + 1)
        self.actions.append(Spawn(identifier, index, generation))
        deadline_s = self.now_s + self.state.limits.ready_s
        return Child(identifier, generation, Phase.STARTING, self.now_s, deadline_s, began=generation)

    def _retired(self, child: Child | None) -> Child | None:
        """Return `child` told to drain, unless it already was told to end."""
        if child is None or child.phase in (Phase.STOPPING, Phase.FAILING):
            return child
        self.actions.append(Terminate(child.id))
        return replace(child, phase=Phase.STOPPING, deadline_s=self.now_s + self.state.limits.stop_s)

    def _destroyed(self, child: Child, phase: Phase, reason: str = "") -> Child:
        self.actions.append(Destroy(child.id))
        return replace(child, phase=phase, deadline_s=None, reason=reason)

    def _overdue(self, child: Child) -> Child:
        if not self._is_due(child):
            return child
        if child.phase is Phase.STARTING:
            return self._destroyed(child, Phase.FAILING, self._late_reason())
        return self._destroyed(child, Phase.STOPPING)

    def _is_due(self, child: Child) -> bool:
        return child.deadline_s is not None and child.deadline_s <= self.now_s

    def _late_reason(self) -> str:
        return f"not ready after {self.state.limits.ready_s:.3g} s"

    def _each(self) -> Iterator[Replica]:
        """Yield replicas as they are now, tolerating changes between two."""
        for index in sorted(self.replicas):
            yield self.replicas[index]

    def _announce(self, replica: Replica, child: Child) -> None:
        self._say(replica, f"ready ({self.now_s - child.started_s:.1f} s)")

    def _put(self, replica: Replica) -> None:
        self.replicas[replica.index] = replica

    def _say(self, replica: Replica, text: str) -> None:
        self.actions.append(Say(replica.index, text))
