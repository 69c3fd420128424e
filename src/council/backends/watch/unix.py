"""Watch kind `unix`: the watcher over its Unix socket, one connection a question, one frame each way."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from council.domain import errors, evidence, gates, states, watching
from council.kit import frames

_REPLY_BYTES_MAX = 16 * 1024 * 1024
_ASK_S = 3.0
# It reads days from its file for them.
_TRACKS_S = 30.0


class UnixWatch:
    """Implements care_ports.Watch."""

    def __init__(self, socket_path: Path):
        self._path = socket_path

    async def ping(self) -> None:
        """Return if the watcher answers. Raises WatcherUnavailableError."""
        await self.sight()

    async def sight(self) -> watching.Sight:
        """Return what the watcher saw last. Raises WatcherUnavailableError."""
        reply = await self._ask({"ask": "sight"})
        try:
            lines = [watching.GateLine(**one | {"verdict": gates.Verdict(one["verdict"])}) for one in reply["gates"]]
            found = [watching.Finding(**one | {"verdict": gates.Verdict(one["verdict"])}) for one in reply["findings"]]
            services = [states.ServiceStatus(**one) for one in reply["services"]]
            return watching.Sight(reply["turn"], reply["at_s"], lines, found, services, reply["problem"])
        except (KeyError, TypeError, ValueError) as error:
            raise _unavailable(f"not a reply of the watcher: {type(error).__name__}") from error

    async def report(self, service: str, found: Sequence[watching.Finding], *, ended: bool) -> None:
        """Tell what was found about a process beside Council. Raises WatcherUnavailableError, InvalidRequestError."""
        told = [dataclasses.asdict(one) for one in found]
        reply = await self._ask({"ask": "report", "service": service, "findings": told, "ended": ended})
        if reply.get("refused"):
            raise errors.InvalidRequestError(str(reply["refused"]))

    async def history(self, gate: str, start_s: float) -> watching.History:
        """Return what a gate said from a time on. Raises WatcherUnavailableError."""
        reply = await self._ask({"ask": "history", "gate": gate, "start_s": start_s})
        try:
            past = [watching.Past(**one | {"verdict": gates.Verdict(one["verdict"])}) for one in reply["verdicts"]]
            return watching.History(gate, past, [(at_s, value) for at_s, value in reply["values"]])
        except (KeyError, TypeError, ValueError) as error:
            raise _unavailable(f"not a reply of the watcher: {type(error).__name__}") from error

    async def since(self, starts_s: Mapping[str, float]) -> Mapping[str, gates.Verdict]:
        """Return what gates say of the time from a moment on. Raises WatcherUnavailableError."""
        reply = await self._ask({"ask": "since", "starts_s": dict(starts_s)})
        try:
            return {str(name): gates.Verdict(verdict) for name, verdict in reply["verdicts"].items()}
        except (KeyError, ValueError, AttributeError) as error:
            raise _unavailable(f"not a reply of the watcher: {type(error).__name__}") from error

    async def tracks(self, metrics: Sequence[str], start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        """Return the series of some metrics from a time on. Raises WatcherUnavailableError."""
        request = {"ask": "tracks", "metrics": list(metrics), "start_s": start_s, "step_s": step_s}
        reply = await self._ask(request, _TRACKS_S)
        try:
            return [_track(one) for one in reply["tracks"]]
        except (KeyError, TypeError, ValueError) as error:
            raise _unavailable(f"not a reply of the watcher: {type(error).__name__}") from error

    async def _ask(self, request: dict[str, Any], wait_s: float = _ASK_S) -> dict[str, Any]:
        try:
            async with asyncio.timeout(wait_s):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=_REPLY_BYTES_MAX)
                try:
                    writer.write(frames.encode(request))
                    await writer.drain()
                    reply = await frames.read(reader, _REPLY_BYTES_MAX)
                finally:
                    writer.close()
        except (TimeoutError, OSError, frames.FrameError) as error:
            raise _unavailable(f"{type(error).__name__}: {error}") from error
        if reply is None or "problem" not in reply:
            raise _unavailable("the watcher closed without a reply")
        if "gates" not in reply and reply["problem"]:
            raise _unavailable(str(reply["problem"]))
        return reply


def _track(told: Mapping[str, Any]) -> evidence.Track:
    labels = tuple((str(name), str(value)) for name, value in told["labels"])
    points = [(float(at_s), float(value)) for at_s, value in told["points"]]
    return evidence.Track(str(told["name"]), str(told["service"]), str(told["unit"]), points, labels)


def _unavailable(detail: str) -> errors.WatcherUnavailableError:
    return errors.WatcherUnavailableError(
        "The watcher does not answer, so nobody knows whether the gates hold. `council status` shows whether it runs.",
        detail=detail,
        retry_after_s=5,
    )
