"""One work of the steward: the observer. It looks every few seconds at what is due, and is late where a look hangs.

What it does is in `upkeep/observer/`. Its settings it reads anew for each look, of the generation that serves.
"""

import asyncio
import dataclasses
import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.routing import Route

from council import app, care_app, care_ports, care_records, homes, kept_ports, ports, telemetry
from council.domain import budgets, errors, evidence, home, patches
from council.domain import config as config_module
from council.kit import clock as clock_module
from council.patching import recorded
from council.services import turns
from council.upkeep.engine import blueprint
from council.upkeep.observer import anomalies, archive, explaining, gathering, jobs, observer

_log = logging.getLogger(__name__)

LOOK_S = 15.0
# The watcher and patchctl have just begun, too.
_FIRST_S = 20.0
# Evidence of days, from parts that answer late.
_LOOK_S_MAX = 300.0
_ARCHIVE_S_MAX = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Kept:
    """The records, as each of those who use them needs them."""

    records: ports.Records
    incidents: kept_ports.Incidents
    snapshots: kept_ports.Snapshots
    repairs: kept_ports.Repairs
    runs: kept_ports.BotRuns
    backups: kept_ports.Backups

    def close(self) -> None:
        """Give back every connection."""
        for one in (self.records, self.incidents, self.snapshots, self.repairs, self.runs, self.backups):
            one.close()


class _Nobody:
    """Implements gathering.TellsRows where nobody is to be asked."""

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        """Raise PatchServiceUnavailableError."""
        raise errors.PatchServiceUnavailableError(
            "No patchctl of this home runs on this port. Start Council with `council up`, or give its --port."
        )


def _opened(config: config_module.Config, where: home.Home) -> _Kept:
    return _Kept(
        app.records(config, where),
        care_records.incidents(config, where),
        care_records.snapshots(config, where),
        care_records.repairs(config, where),
        care_records.bot_runs(config, where),
        care_records.backups(config, where),
    )


def _gathering(
    where: home.Home, kept: _Kept, service: gathering.TellsRows, generation: Callable[[], str]
) -> gathering.Gathering:
    clock = clock_module.SystemClock()

    def spending() -> Sequence[budgets.Line]:
        at_us, settings = clock.now_us(), settings_of(where, generation())
        models = homes.load_catalogue(where, generation(), settings).models
        return budgets.lines(kept.records.spend(at_us), settings.budget, models, kept.records.token_budgets(), at_us)

    def label() -> patches.Label:
        return homes.label_of(where, generation())

    def jobs_of(span: evidence.Span) -> Sequence[evidence.Job]:
        books = jobs.Books(kept.snapshots, kept.runs, kept.backups)
        settings = settings_of(where, generation())
        archives = settings.observe.archive and settings.forge.kind != "none"
        return jobs.within(books, settings.observe, span, clock.now_us() / 1e6, archives=archives)

    watch = care_app.watch(where)
    parts = gathering.Parts(watch, kept.incidents, kept.records, service, spending, label, clock, kept.repairs, jobs_of)
    return gathering.Gathering(parts)


@functools.lru_cache(maxsize=16)
def settings_of(where: home.Home, generation: str) -> config_module.Config:
    """Return all settings of a generation, which never change. Raises ConfigError, BlueprintError.

    Of one whose file was damaged since, a command reads the commit. The steward may not, and goes on by what it has read.
    """
    return recorded.config_of(where, generation, os.environ, {}, defaults=False)[0]


def gather(
    config: config_module.Config,
    where: home.Home,
    span: evidence.Span,
    since_s: float | None = None,
    *,
    ask_patches: bool = True,
) -> evidence.Evidence:
    """Return what is known of a span, for a command. Patches are asked for with the owner's key, or not at all."""

    async def gathered() -> evidence.Evidence:
        service, kept = care_app.patch_service(where, config.patchctl_port), _opened(config, where)
        asked = service if ask_patches else _Nobody()
        try:
            return await _gathering(where, kept, asked, lambda: blueprint.current(where)).gather(span, since_s)
        finally:
            kept.close()
            await service.close()

    return asyncio.run(gathered())


class Observing:
    """Implements steward.Work."""

    name = "observer"

    def __init__(self, parts: observer.Parts, close: Callable[[], None]) -> None:
        self._observer = observer.Observer(parts)
        self._close = close
        self._turns = turns.Turns(
            _log, "the observer could not look", _LOOK_S_MAX, LOOK_S, telemetry.OBSERVER_ERRORS.inc
        )

    @property
    def is_well(self) -> bool:
        """Whether no look has begun so long ago that it hangs."""
        return not self._turns.is_late

    @property
    def routes(self) -> Sequence[Route]:
        """Nothing: what it keeps is shown by the gateway."""
        return ()

    def told(self) -> dict[str, Any]:
        """Return why the last look failed, "" where it did not."""
        return {"problem": self._turns.problem}

    async def run(self) -> None:
        """Look again and again until cancelled."""
        await asyncio.sleep(_FIRST_S)
        while True:
            await self._turns.take(self._observer.look)
            await self._turns.rest(LOOK_S)

    async def close(self) -> None:
        """Close the records."""
        await asyncio.to_thread(self._close)


def _detector(learned: Mapping[str, Any] | None) -> anomalies.Detector:
    return anomalies.Detector() if learned is None else anomalies.Detector.from_state(dict(learned))


def made(
    where: home.Home,
    service: care_ports.PatchService,
    generation: Callable[[], str],
    there: care_ports.Forge | None = None,
) -> Observing:
    """Return the observer of this home. `generation` is the one that serves. Raises ConfigError, BlueprintError.

    `there` holds the archive, and is closed by whoever opened it.
    """
    # Whole, and not as the steward's own row has them: they are those of whichever generation serves.
    kept = _opened(settings_of(where, generation()), where)
    parts = observer.Parts(
        gathering=_gathering(where, kept, service, generation),
        watch=care_app.watch(where),
        incidents=kept.incidents,
        snapshots=kept.snapshots,
        explain=explaining.explain,
        make=_detector,
        settings=lambda: settings_of(where, generation()).observe,
        clock=clock_module.SystemClock(),
        explained=functools.partial(_explained, None if there is None else archive.Reader(there)),
    )
    return Observing(parts, kept.close)


async def _explained(reader: archive.Reader | None, start_s: float, end_s: float) -> Mapping[str, float] | None:
    """Return when patches were put into the forge's archive, None where that cannot be read."""
    if reader is None:
        return None
    try:
        async with asyncio.timeout(_ARCHIVE_S_MAX):
            return await reader.explained(start_s, end_s)
    except (errors.CouncilError, TimeoutError):
        return None
