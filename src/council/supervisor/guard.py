"""Who watches the watcher: has people told when it is down, since it cannot say so itself. ADR 0022.

Down is: not ready, or hung, for `alerts.watcher_away_s` on end, so that one quick restart tells nobody. While a person has
stopped it, or it is started or stopped because somebody wants it to, it is not down. That it is back it says itself.
"""

import asyncio
import json
import logging
from dataclasses import dataclass

from council.domain import alerting, errors, states
from council.supervisor import children, logs, service, specs

_log = logging.getLogger(__name__)

LOOK_S = 1.0
# After how long another goes out for one that could not tell everybody; twice as long each time, no longer than to tell again.
RETRY_S = 60.0
# A messenger that hangs, too, is ended, so that the next one can be tried.
MESSENGER_S = 120.0
_WHY_CHARS = 300


@dataclass(frozen=True, slots=True)
class Away:
    """Since when the watcher is down, and when people were told, in seconds of a clock that only goes on."""

    since_s: float | None = None
    told_s: float | None = None


def step(away: Away, state: str, now_s: float, settings: alerting.AlertsConfig) -> tuple[Away, bool]:
    """Return what is known after the watcher was seen in a state, and whether people are told now."""
    if state in ("ready", "stopped") or (state in ("starting", "stopping") and away.since_s is None):
        return Away(), False
    since_s = now_s if away.since_s is None else away.since_s
    due = now_s - since_s >= settings.watcher_away_s
    if not due or (away.told_s is not None and now_s - away.told_s < settings.repeat_s):
        return Away(since_s, away.told_s), False
    return Away(since_s, now_s), True


class Guard:
    """Looks at the watcher and sends a messenger. Use it from the supervisor's event loop."""

    def __init__(self, watcher: service.RunningService, spec: specs.ServiceSpec, settings: alerting.AlertsConfig):
        self._watcher = watcher
        self._spec = spec
        self._settings = settings
        self._away = Away()
        self._error = ""
        self._messenger: children.ChildProcess | None = None
        self._failures = 0
        self._looking: asyncio.Task[None] | None = None

    def watch(self, watcher: service.RunningService, spec: specs.ServiceSpec) -> None:
        """Look at this watcher from now on, as where another generation has become live; `spec` is of its messenger."""
        self._watcher, self._spec = watcher, spec

    def begin(self) -> None:
        """Look from now on."""
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Look no more, and end a messenger that is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._messenger is not None:
            self._messenger.destroy()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look(asyncio.get_running_loop().time())
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                _log.exception("the watcher could not be looked at")

    def look(self, now_s: float) -> None:
        """Look once, and send a messenger where it is time."""
        (row,) = self._watcher.status(None)
        self._away, tell = step(self._away, row.state, now_s, self._settings)
        if row.state == "backoff":
            # While it starts again its log may have gone on already.
            self._error = logs.last_error(self._watcher.log_file, _WHY_CHARS)
        if tell and self._messenger is None:
            assert self._away.since_s is not None
            self._send(now_s - self._away.since_s, self._reason(row))

    def _reason(self, row: states.ServiceStatus) -> str:
        said = ("it hangs", row.reason) if row.state == "hung" else ("it does not get ready", row.reason, self._error)
        return ": ".join(part for part in said if part)

    def _send(self, for_s: float, reason: str) -> None:
        given = json.dumps({"for_s": for_s, "reason": reason}).encode()
        try:
            self._messenger = self._watcher.start_beside(self._spec, given, self._ended)
        except (OSError, errors.SetupError) as error:
            _log.error("nobody can be told that the watcher is down", extra={"reason": str(error)})
            self._tell_sooner()
            return
        asyncio.get_running_loop().call_later(MESSENGER_S, self._messenger.destroy)

    def _ended(self, reason: str) -> None:
        self._messenger = None
        if reason == children.ENDED_WELL:
            self._failures = 0
            return
        _log.error("not everybody was told that the watcher is down", extra={"reason": reason})
        self._tell_sooner()

    def _tell_sooner(self) -> None:
        """Have another messenger go out before it is time to tell again: the records keep what the last one did not deliver."""
        if self._away.told_s is None:
            return
        wait_s = min(self._settings.repeat_s, RETRY_S * 2.0 ** min(self._failures, 20))
        self._failures += 1
        self._away = Away(self._away.since_s, self._away.told_s - self._settings.repeat_s + wait_s)
