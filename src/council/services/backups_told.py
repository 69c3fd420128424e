"""What the watcher tells of backups: figures, and whether the last good snapshot is too old. From the records."""

import asyncio
import logging
from collections.abc import Sequence

from council import care_telemetry, kept_ports
from council.domain import backup, errors, incidents
from council.kit import clock as clock_module
from council.upkeep.alerts import sources

_log = logging.getLogger(__name__)

LOOK_S = 60.0
# Of so many runs that ended since the last look each is counted.
_RUNS_MAX = 100


class BackupsTold:
    """Looks until cancelled. `observations` are what the last look found; none before it, and where nobody wants snapshots."""

    def __init__(self, log: kept_ports.Backups, settings: backup.BackupConfig, clock: clock_module.Clock) -> None:
        """Of `settings` only `target` and `late_h` are read."""
        self._log = log
        self._settings = settings
        self._clock = clock
        self._since_us = clock.now_us()
        self._counted = ""
        self._untold = ""
        self._late: str | None = None

    def observations(self) -> Sequence[incidents.Observation]:
        """Return whether the last good snapshot is too old."""
        if self._late is None:
            return ()
        return (sources.of_backups(self._late, self._clock.now_us()),)

    async def keep(self) -> None:
        """Look for ever, where snapshots are wanted."""
        while self._settings.target:
            try:
                await asyncio.to_thread(self.look)
                self._untold = ""
            except errors.CouncilError as error:
                # As long as the records are away, and that is told of.
                if error.message != self._untold:
                    _log.warning("what became of backups is not known", extra={"reason": error.message})
                self._untold = error.message
            except Exception:  # noqa: BLE001 - one bad look must not end the watch
                _log.exception("what became of backups could not be looked at")
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Read what became of runs and drills. Blocking. Raises RecordsUnavailableError."""
        good: dict[backup.Kind, int] = {}
        for kind in backup.Kind:
            for one in self._log.newest(1, kind=kind, outcome=backup.Outcome.OK):
                good[kind] = one.began_us
                care_telemetry.BACKUP_LAST_SUCCESS.labels(kind.value).set(one.began_us / 1e6)
        self._count()
        self._late = backup.late(good.get(backup.Kind.RUN), self._since_us, self._settings, self._clock.now_us())

    def _count(self) -> None:
        """Count what ended since the last look; before the first, nothing: those have been counted."""
        newest = self._log.newest(_RUNS_MAX)
        if not self._counted:
            for kind in backup.Kind:
                for outcome in backup.Outcome:
                    care_telemetry.BACKUPS.labels(kind.value, outcome.value)
        else:
            for one in newest:
                if one.id > self._counted:
                    care_telemetry.BACKUPS.labels(one.kind.value, one.outcome.value).inc()
        self._counted = newest[0].id if newest else self._counted or "0"

    async def close(self) -> None:
        """Give back every connection."""
        await asyncio.to_thread(self._log.close)
