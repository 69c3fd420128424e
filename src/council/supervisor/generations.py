"""The services that serve, a set of another generation beside them, and the moment at which it takes over.

    launch G     starts the services that a patch touched, and those that ask them, beside the live ones. They talk to each
                 other over Unix sockets of their own, and to the rest over the live ones'. Where a live service listens
                 on a port, its successor gets that socket and does not accept; it serves its own, `config.STAGING`
                 above.
    promote G    in one turn of the event loop: the link `current` moves, the set is told to take the public sockets, what no
                 patch touched is told its new name, and the set before it is told to leave.
    discard G    ends the set beside and each launch of it that is still being planned, or waits until what leaves has gone:
                 then no process of G is left.

All three bear being done twice. Until the link has moved nothing that serves was touched. A supervisor that is killed
takes every set with it, and the next one begins at the link: so there is no moment after which two generations could serve.

Who leaves: what nobody else of the set asks, as the gateway, drains at once and ends, so its streams finish. The others give up
their ports, so that whoever reads metrics meets the new ones alone, and still answer the gateway that leaves with them;
they end when it has.

A set that would need more memory than is available is not begun, see `room`; unless the one who asks bears a pause. Then the
live services that it has no room beside stop first, and those who ask them are told so. They start again if the set is
given up, which it is when it is not live in time: nobody else may be left who would do it.

To return is to promote the generation from before. Its set is not kept for that, it may have drained already: it is launched
anew, with the same services, and those that still drain go on to drain. That costs the start of a few processes and no
memory in between, and there is one way in for every generation. Its Unix sockets get new paths, so nobody who
drains meets it. A return when that generation is live already, as after a kill before the link moved, does nothing.
"""

import asyncio
import logging
import math
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from council.domain import errors, orders, states
from council.domain import home as home_module
from council.kit import commits
from council.supervisor import choosing, room, service, sockets, specs
from council.upkeep.engine import blueprint

_log = logging.getLogger(__name__)

# Sets that may finish what they have begun at the same time, so that a return need not wait for that.
LEAVING_MAX = 4
# What is not live has nothing to finish: so long it may take to end before it is killed.
DISCARD_S = 3.0
# What serves may be away so long at most, whoever asks for it.
PAUSE_S_MAX = 7200.0
# How long the answer to `promote` waits for every service to say that it has heard.
OBEYED_S = 5.0

_SHOWN_CHARS = 8

# Returns the services of a generation in start order. Blocking. Raises CouncilError for one that cannot be read.
Plan = Callable[[str], Sequence[specs.ServiceSpec]]


@dataclass(slots=True)
class ServiceSet:
    """Services that come or go together, in start order. `staging` are the sockets that they serve until they are live."""

    generation: str
    services: dict[str, service.RunningService] = field(default_factory=dict)
    staging: list[socket.socket] = field(default_factory=list)
    # Live ones that stopped to make room for it, and what gives it up when it is not live in time.
    paused: list[service.RunningService] = field(default_factory=list)
    limit: asyncio.TimerHandle | None = None
    coming: asyncio.Task[None] | None = None
    going: asyncio.Task[None] | None = None


@dataclass(slots=True, eq=False)
class _Planning:
    """A launch of which nothing runs yet: its files are made ready and its services chosen."""

    generation: str
    is_unwanted: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Generations:
    """`services` are the live ones by name, in start order: the same mapping always. Use it from one event loop."""

    def __init__(
        self,
        live: str,
        home: home_module.Home,
        plan: Plan,
        opened: sockets.Sockets,
        around: service.Surroundings,
        *,
        prepare: Callable[[str], Awaitable[None]],
        on_switch: Callable[[], None],
    ):
        """`prepare` makes the files of a generation readable to the services before they start.

        `on_switch` is called in the turn in which another is live.
        """
        self.live = live
        # What a return goes to; nobody returns twice in a row.
        self._before = ""
        self.services: dict[str, service.RunningService] = {}
        self._home = home
        self._plan = plan
        self._sockets = opened
        self._around = around
        self._prepare = prepare
        self._on_switch = on_switch
        self._planning: list[_Planning] = []
        self._beside: ServiceSet | None = None
        self._leaving: list[ServiceSet] = []
        self._launches = 0
        self._closing = False

    async def open(self, wanted: Sequence[specs.ServiceSpec]) -> None:
        """Open the sockets of the live services and make them; they do not run yet. Raises SetupError."""
        for spec in wanted:
            for one in spec.sockets:
                if one.kind == "unix":
                    sockets.remove_stale(one)
                elif spec.beside:
                    self._sockets.reserve_beside(one)
        first = ServiceSet(self.live)
        await self._fill(first, wanted)
        self.services.update(first.services)
        self._show(first)

    async def launch(
        self, generation: str, names: Collection[str], pause_s: float = 0.0, *, returning: bool = False
    ) -> list[str]:
        """Start the named services beside the live ones, with those that ask them; return who runs once all are ready.

        Where memory lacks for that, the live ones in question stop first, and the set has `pause_s` to be live in their
        place; 0 is for no pause. Who is `returning` is not refused for memory then. Nothing is started for the live one.
        Raises NoRoomError, NoRoomAtAllError, InvalidRequestError, UnavailableError, SetupError, ConfigError; then what was
        started is ended.
        """
        _check(generation)
        if generation == self.live:
            return []
        if self._beside is None:
            wanted, paused = await self._wanted(generation, names, pause_s, returning)
            # Who else was asked meanwhile may have been quicker.
            if self._beside is None:
                self._begin(generation, wanted, paused, pause_s)
        made = self._beside
        assert made is not None and made.coming is not None
        if made.generation != generation:
            raise errors.UnavailableError(
                f"Generation {made.generation[:_SHOWN_CHARS]} runs beside the live one already. Discard it first."
            )
        await self._come(made)
        if missing := set(names) - made.services.keys():
            raise errors.InvalidRequestError(
                f"It was launched without {', '.join(sorted(missing))}. Discard it, then launch it anew.",
                parameter="services",
            )
        return list(made.services)

    async def promote(self, generation: str) -> list[str]:
        """Have a launched generation serve; return which services did not say within `OBEYED_S` that they did their part.

        Raises UnavailableError if it is not there or not ready, or the link cannot be moved; then nothing has changed.
        """
        _check(generation)
        if generation != self.live:
            made = self._beside
            if made is None or made.generation != generation or made.going is not None:
                raise errors.UnavailableError(
                    f"Generation {generation[:_SHOWN_CHARS]} does not run beside the live one. Launch it first."
                )
            waiting = [name for name, one in made.services.items() if not one.state.is_ready]
            if waiting or made.coming is None or not made.coming.done():
                raise errors.UnavailableError(
                    f"Of generation {generation[:_SHOWN_CHARS]} not all is ready: {', '.join(waiting) or 'it is starting'}. "
                    "Try again when it is, or discard it."
                )
            self._switch(made)
        return await self._unheard()

    async def discard(self, generation: str) -> None:
        """End what runs of a generation that is not live; return when none of it is left. Raises InvalidRequestError."""
        _check(generation)
        if generation == self.live:
            raise errors.InvalidRequestError(
                f"Generation {generation[:_SHOWN_CHARS]} is live. Launch and promote another one first.",
                parameter="generation",
            )
        await self._call_off(generation)
        made = self._beside
        if made is not None and made.generation == generation:
            await self._give_up(made)
        going = [left.going for left in self._leaving if left.generation == generation]
        await asyncio.gather(*(asyncio.shield(task) for task in going if task is not None))

    def everyone(self) -> Iterator[tuple[states.Place, service.RunningService]]:
        """Yield every service with its place: live, beside, leaving."""
        for one in self.services.values():
            yield "live", one
        for one in () if self._beside is None else self._beside.services.values():
            yield "beside", one
        for left in self._leaving:
            for one in left.services.values():
                yield "leaving", one

    def used(self) -> set[str]:
        """Return the generations whose files somebody may read: what runs, what is launched, and what a return goes to."""
        launched = [one.generation for one in (*self._planning, self._beside, *self._leaving) if one is not None]
        return {
            *filter(None, (self.live, self._before)),
            *launched,
            *(name for _, one in self.everyone() for name in one.generations),
        }

    async def close(self) -> None:
        """Stop every service, each after those that ask it and all after what is not live."""
        self._closing = True
        await self._call_off()
        if self._beside is not None:
            for one in self._beside.paused:
                # It may be on its way back already.
                one.begin_stop()
            await self._give_up(self._beside)
        for ending in choosing.endings([one.spec for one in self.services.values()]):
            await asyncio.gather(*(self.services[name].stop() for name in ending))
        await asyncio.gather(*(left.going for left in list(self._leaving) if left.going is not None))

    def kill(self) -> None:
        """End every child at once."""
        for _, one in self.everyone():
            one.kill()

    async def _wanted(
        self, generation: str, names: Collection[str], pause_s: float, returning: bool
    ) -> tuple[Sequence[specs.ServiceSpec], list[service.RunningService]]:
        """Return what to start for a launch, and what must stop before.

        No turn of the loop lies between the end of this and what the caller does.
        """
        planning = _Planning(generation)
        self._planning.append(planning)
        try:
            wanted = choosing.chosen(
                await self._planned(generation), [one.spec for one in self.services.values()], names
            )
            paused = await self._make_room(wanted, pause_s, returning)
        finally:
            self._planning.remove(planning)
            planning.over.set()
        if planning.is_unwanted:
            raise _discarded(generation)
        return wanted, paused

    async def _call_off(self, generation: str = "") -> None:
        """Have the launches end that are still planned, of this generation or of any; return when they have."""
        unwanted = [one for one in self._planning if generation in ("", one.generation)]
        for one in unwanted:
            one.is_unwanted = True
        await asyncio.gather(*(one.over.wait() for one in unwanted))

    async def _planned(self, generation: str) -> Sequence[specs.ServiceSpec]:
        if len(self._leaving) >= LEAVING_MAX:
            raise errors.UnavailableError(
                f"{LEAVING_MAX} earlier generations still finish what they have begun. Try again when one has ended."
            )
        await self._prepare(generation)
        return await asyncio.to_thread(self._plan, generation)

    async def _make_room(
        self, wanted: Sequence[specs.ServiceSpec], pause_s: float, returning: bool
    ) -> list[service.RunningService]:
        """Return which live services must stop before these can start. Raises NoRoomError, NoRoomAtAllError."""
        names = [spec.name for spec in wanted if spec.beside_bytes]
        dear = [self.services[name] for name in names]
        live = [room.Running(one.spec, [child.pid for child in one.processes]) for one in dear]
        try:
            await asyncio.to_thread(room.check, wanted, live)
            return []
        except errors.NoRoomError:
            if not returning:
                await asyncio.to_thread(room.check, wanted, live, stopping=True)
            if not pause_s:
                raise
        return [one for one in dear if one.state.on]

    def _begin(
        self,
        generation: str,
        wanted: Sequence[specs.ServiceSpec],
        paused: list[service.RunningService],
        pause_s: float,
    ) -> None:
        self._launches += 1
        made = self._beside = ServiceSet(generation, paused=paused)
        self._say(f"generation {generation[:_SHOWN_CHARS]} starts beside the live one: {_listed(wanted)}")
        if paused:
            self._say(f"no memory for both: {_named(paused)} of the live one stops, for {pause_s:.0f} s at most")
            self._tell_away(paused, pause_s)
            made.limit = asyncio.get_running_loop().call_later(pause_s, self._overdue, made)
        made.coming = asyncio.create_task(self._start(made, wanted))

    def _overdue(self, made: ServiceSet) -> None:
        self._say(f"generation {made.generation[:_SHOWN_CHARS]} was not live in time")
        made.going = made.going or asyncio.create_task(self._end(made))

    def _tell_away(self, paused: Sequence[service.RunningService], away_s: float) -> None:
        """Tell those who ask what is paused that it is away for so long; 0 for no longer."""
        for one in paused:
            for caller in choosing.callers(one.spec) & self.services.keys():
                self.services[caller].tell(orders.Order(orders.AWAY, service=one.spec.name, away_s=math.ceil(away_s)))

    async def _start(self, made: ServiceSet, wanted: Sequence[specs.ServiceSpec]) -> None:
        if made.paused:
            # Who asks meanwhile is to hear it from whom they ask, and not to wait for one that ends.
            await self._unheard()
            await asyncio.gather(*(one.stop() for one in made.paused))
        await self._fill(made, wanted)
        await asyncio.gather(*(one.start() for one in made.services.values()))

    async def _come(self, made: ServiceSet) -> None:
        """Wait until all of a set is ready. What fails gives up the whole set."""
        assert made.coming is not None
        try:
            await asyncio.shield(made.coming)
        except asyncio.CancelledError:
            if not made.coming.cancelled():
                raise
        except (errors.CouncilError, OSError):
            await self._give_up(made)
            raise
        if made.going is not None or made.coming.cancelled():
            raise _discarded(made.generation)

    async def _give_up(self, made: ServiceSet) -> None:
        """End a set that was never live. Idempotent; every caller returns when none of it is left."""
        if made.going is None:
            made.going = asyncio.create_task(self._end(made))
        await asyncio.shield(made.going)

    async def _end(self, made: ServiceSet) -> None:
        if made.coming is not None:
            made.coming.cancel()
            await asyncio.gather(made.coming, return_exceptions=True)
        stops = [asyncio.create_task(one.stop()) for one in made.services.values()]
        if stops:
            await asyncio.wait(stops, timeout=DISCARD_S)
        for one in made.services.values():
            one.kill()
        await asyncio.gather(*stops)
        self._close(made)
        await self._resume(made)
        if self._beside is made:
            self._beside = None
        self._around.on_change()
        self._say(f"generation {made.generation[:_SHOWN_CHARS]} is discarded")

    async def _resume(self, made: ServiceSet) -> None:
        """Start again what stopped for a set that is gone, and wait for it; one that fails is started again as ever."""
        if made.limit is not None:
            made.limit.cancel()
        if self._closing:
            return
        await asyncio.gather(*(one.start() for one in made.paused), return_exceptions=True)
        self._tell_away(made.paused, 0)

    async def _fill(self, made: ServiceSet, wanted: Sequence[specs.ServiceSpec]) -> None:
        """Open what a set listens on, and make its services."""
        unix = [one for spec in wanted for one in spec.sockets if one.kind == "unix"]
        paths = {one.path.stem: sockets.path_of(one, made.generation, self._launches) for one in unix}
        peers = {name: path for one in self.services.values() for name, path in one.paths.items()} | paths
        for spec in wanted:
            opened: dict[str, socket.socket] = {}
            live = self.services.get(spec.name)
            ports = [one.name for one in spec.sockets if one.kind == "tcp"]
            waiting = {} if live is None else {name: live.sockets[name] for name in ports}
            own = {one.path.stem: paths[one.path.stem] for one in spec.sockets if one.kind == "unix"}
            # Made before its sockets are there, so that a set that fails half-way closes them all.
            made.services[spec.name] = service.RunningService(
                spec, made.generation, opened, self._around, paths=own, peers=peers, waiting=waiting
            )
            for one in spec.sockets:
                path = own.get(one.path.stem) if one.kind == "unix" else None
                opened[one.name] = await self._sockets.listen(one, path, staging=live is not None)
                if one.name in waiting:
                    made.staging.append(opened[one.name])

    def _switch(self, made: ServiceSet) -> None:
        """Have a set take over. All of it in one turn: nobody who asks us sees half of it."""
        self._move_link(made.generation)
        left = ServiceSet(self.live, {name: self.services[name] for name in made.services})
        if made.limit is not None:
            made.limit.cancel()
        self._beside, self._before, self.live = None, self.live, made.generation
        self.services.update(made.services)
        for one in self.services.values():
            one.go_live(made.generation)
        last = [one for one in left.services.values() if not choosing.callers(one.spec) & left.services.keys()]
        for one in left.services.values():
            one.tell(orders.Order(orders.LEAVE))
        for one in last:
            one.begin_stop()
        while made.staging:
            self._sockets.close(made.staging.pop())
        self._leaving.append(left)
        left.going = asyncio.create_task(self._see_off(left, made))
        self._show(made)
        self._on_switch()
        self._say(f"generation {made.generation[:_SHOWN_CHARS]} is live, in place of {left.generation[:_SHOWN_CHARS]}")

    def _move_link(self, generation: str) -> None:
        try:
            blueprint.switch(self._home, generation)
        except OSError as error:
            # Whether a link that has moved is on disk nobody knows then; but it is what the next supervisor will find.
            if not self._home.current.is_symlink() or self._home.current.readlink().name != generation:
                raise errors.UnavailableError(
                    f"The link `current` cannot be moved: {error.strerror}. Mend that and try again; nothing has changed."
                ) from error
            _log.exception("the move of the link was not synced")

    async def _see_off(self, left: ServiceSet, after: ServiceSet) -> None:
        for ending in choosing.endings([one.spec for one in left.services.values()]):
            await asyncio.gather(*(left.services[name].stop() for name in ending))
        self._close(left)
        self._leaving.remove(left)
        self._around.on_change()
        for name, one in after.services.items():
            if self.services[name] is one:
                one.tell(orders.Order(orders.ALONE))

    async def _unheard(self) -> list[str]:
        """Wait until all have done what they were told, those who leave too: from then on only the live ones are met."""
        hearing = {
            asyncio.create_task(one.until_obeyed()): one.spec.name
            for place, one in self.everyone()
            if place != "beside"
        }
        if hearing:
            await asyncio.wait(hearing, timeout=OBEYED_S)
        # Not who is behind now: whoever has heard may have been told the next thing since.
        unheard = [name for task, name in hearing.items() if not task.done()]
        for task in hearing:
            task.cancel()
        return unheard

    def _show(self, made: ServiceSet) -> None:
        for one in made.services.values():
            for spec in one.spec.sockets:
                if spec.kind == "unix":
                    try:
                        self._sockets.show(spec, one.paths[spec.path.stem])
                    except OSError:
                        # Its peers know it by its own path; only who asks from outside does not find it.
                        _log.exception("a socket is not found by its plain name", extra={"path": str(spec.path)})

    def _close(self, made: ServiceSet) -> None:
        """Close what a set alone listened on."""
        for opened in made.staging:
            self._sockets.close(opened)
        for one in made.services.values():
            for spec in one.spec.sockets:
                if spec.kind == "unix" and spec.name in one.sockets:
                    self._sockets.close(one.sockets[spec.name])

    def _say(self, text: str) -> None:
        self._around.say("council", text)


def _discarded(generation: str) -> errors.UnavailableError:
    return errors.UnavailableError(f"Generation {generation[:_SHOWN_CHARS]} was discarded meanwhile. Launch it anew.")


def _named(services: Sequence[service.RunningService]) -> str:
    return " and ".join(one.spec.name for one in services)


def _listed(wanted: Sequence[specs.ServiceSpec]) -> str:
    return ", ".join(spec.name for spec in wanted) or "nothing, only its name"


def _check(generation: str) -> None:
    if not commits.is_commit(generation):
        raise errors.InvalidRequestError(
            "A generation is named by the 40 or 64 lower-case hex digits of its commit. `council status` shows those that run.",
            parameter="generation",
        )
