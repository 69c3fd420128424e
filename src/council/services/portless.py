"""Figures of services that do not tell of themselves, told among the watcher's: store, worker, zygote, and who is tried beside.

What they are is seen from outside: memory by the supervisor, whose children they are, connections by the store itself. Its
descriptors are its clients, of which it takes only as many as its limit of descriptors allows. What memory no file backs the
kernel tells everybody. How many descriptors the worker and the zygote hold, nobody else can see.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Mapping

from council import observing, ports
from council.domain import errors, gates, states, storage
from council.kit import reading
from council.services import beside

_log = logging.getLogger(__name__)

LOOK_S = 5.0
# For that the supervisor looks at every page of every process.
WEIGH_S = 60.0


class Portless:
    """Looks each `LOOK_S`; what memory a service takes with its children is asked each `WEIGH_S`, and when it is a new one."""

    def __init__(
        self,
        runtime: ports.Runtime,
        store: ports.Store,
        with_port: Callable[[], Collection[str]],
        tried: beside.Beside,
    ):
        """`with_port` names the services that tell of themselves, or raises ScrapeError."""
        self._runtime = runtime
        self._store = store
        self._with_port = with_port
        self._tried = tried
        self._memory: dict[tuple[str, int | None], int] = {}
        self._weighed_s = -math.inf

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                _log.exception("services without a port could not be looked at")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Write what is seen into the gauges; what is not seen any more keeps no sample."""
        tried: Mapping[str, beside.Figures] = {}
        try:
            with_port, rows = self._with_port(), await self._rows()
            tried = await self._tried.look(rows)
        except errors.ScrapeError as error:
            _log.warning("nobody says which services have a port", extra={"reason": error.message})
            with_port, rows = (), []
        except errors.CouncilError as error:
            _log.warning("the supervisor does not say what runs", extra={"reason": error.message})
            with_port, rows = (), []
        own = [row for row in rows if row.place == "live" and row.name not in with_port and ":" not in row.name]
        observing.forget_others([*(row.name for row in own if row.state == "ready"), *tried])
        for name, figures in tried.items():
            _tell(name, figures)
        for row in own:
            if row.state != "ready":
                continue
            seen = await self._look_at_store() if row.name == "store" else None
            observing.observe_other(
                row.name,
                resident_bytes=self._memory.get((row.name, row.pid)),
                began_s=time.time() - row.uptime_s,
                heap_bytes=seen.used_bytes if seen else _heap_bytes(row),
                open_fds=seen.clients if seen else None,
                fd_limit=seen.clients_max if seen else None,
            )

    async def _rows(self) -> list[states.ServiceStatus]:
        rows = await self._runtime.status(memory=False, everywhere=True)
        due = time.monotonic() - self._weighed_s >= WEIGH_S
        if due or any((row.name, row.pid) not in self._memory for row in rows if row.place == "live"):
            weighed, self._weighed_s = await self._runtime.status(), time.monotonic()
            self._memory = {(row.name, row.pid): row.memory_bytes for row in weighed}
        return rows

    async def _look_at_store(self) -> storage.StoreFigures | None:
        try:
            return await self._store.figures()
        except errors.StoreUnavailableError as error:
            _log.warning("the store does not say how it is", extra={"reason": error.message, "detail": error.detail})
            return None

    async def close(self) -> None:
        """Close the connection to the store. Idempotent."""
        await self._store.close()


def _tell(name: str, figures: beside.Figures) -> None:
    heap_mb = figures.get(beside.HEAP)
    observing.observe_other(
        name,
        resident_bytes=_whole(figures.get(beside.RESIDENT)),
        began_s=figures.get(gates.BEGAN),
        heap_bytes=None if heap_mb is None else round(heap_mb * 1e6),
        open_fds=_whole(figures.get(beside.OPEN)),
        fd_limit=_whole(figures.get(beside.LIMIT)),
    )


def _whole(figure: float | None) -> int | None:
    return None if figure is None else round(figure)


def _heap_bytes(row: states.ServiceStatus) -> int | None:
    """Return the memory of a process that no file backs, its children left out; of the store its own word counts."""
    who = None if row.pid is None or row.name == "store" else reading.identity(row.pid)
    heap = None if who is None else reading.heap_bytes(who)
    return heap if isinstance(heap, int) else None
