"""Figures of services of a generation that is tried beside the live one, for the watcher to tell as `gateway-canary` and so on.

What they tell on their own ports bears the plain name, which is theirs once they are live, so Prometheus and the care loop must
not read it there: it would be taken for what the live ones tell. Gates leave such names out; sentinels do not.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from council import care_ports
from council.domain import config, errors, gates, states, watching
from council.upkeep.samples import exposition

_log = logging.getLogger(__name__)

RESIDENT, HEAP, OPEN, LIMIT = "council_process_resident_bytes", "heap_mb", "open_fds_total", "fd_soft_limit"
_WANTED = frozenset({RESIDENT, HEAP, OPEN, LIMIT, gates.BEGAN})

Figures = Mapping[str, float]


class Beside:
    """Reads those that are ready. What does not answer is left out, as whoever tries it finds out by himself."""

    def __init__(self, scraper: care_ports.Scraper, targets: Callable[[], Sequence[watching.Target]]):
        """`targets` says where the live ones are met, or raises ScrapeError."""
        self._scraper = scraper
        self._targets = targets

    async def look(self, rows: Sequence[states.ServiceStatus]) -> Mapping[str, Figures]:
        """Return figures by metric, by the name that they go by, of the rows of services that are tried."""
        tried = {row.name.partition(":")[0] for row in rows if row.place == "beside" and row.state == "ready"}
        if not tried:
            return {}
        met = [watching.above(one, config.STAGING) for one in self._targets() if one.service in tried]
        told = await asyncio.gather(*(self._read(one) for one in met))
        return {one.service + watching.CANARY: figures for one, figures in zip(met, told, strict=True) if figures}

    async def _read(self, target: watching.Target) -> Figures:
        try:
            readings = exposition.read(await self._scraper.scrape(target), _WANTED, target.service)
        except (errors.ScrapeError, ValueError) as error:
            _log.info("what is tried cannot be read", extra={"svc": target.service, "reason": str(error)})
            return {}
        figures: dict[str, float] = {}
        for one in readings:
            if dict(one.labels)["svc"] == target.service:
                before = figures.get(one.metric, 0.0)
                # Of several processes the newest says when what is told began.
                figures[one.metric] = max(before, one.value) if one.metric == gates.BEGAN else before + one.value
        return figures
