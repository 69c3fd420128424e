"""A watcher that sees what it is told to see."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from council.domain import errors, evidence, gates, states, watching


class ScriptedWatch:
    """Implements care_ports.Watch. `away` makes it raise, after `hangs_s`; `asked` counts the questions.

    `afterwards` is what gates say of the time since a moment, and `starts_s` the moments that were asked for last.
    """

    def __init__(self, *lines: watching.GateLine):
        self.seen = watching.Sight(
            1, 1_800_000_000.0, lines, [], [states.ServiceStatus("gateway", "ready", 1, "0" * 40, 5.0, 0, 0)]
        )
        self.past = watching.History("", [], [])
        self.series: list[evidence.Track] = []
        self.afterwards: dict[str, gates.Verdict] = {}
        self.starts_s: dict[str, float] = {}
        self.away = False
        self.reported: list[tuple[str, list[watching.Finding], bool]] = []
        self.hangs_s = 0.0
        self.asked = 0

    async def ping(self) -> None:
        """Return if it is there."""
        await self.sight()

    async def sight(self) -> watching.Sight:
        """Return what it is told to see. Raises WatcherUnavailableError."""
        self.asked += 1
        await asyncio.sleep(self.hangs_s)
        if self.away:
            raise errors.WatcherUnavailableError("The watcher does not answer. Start it.", retry_after_s=5)
        return self.seen

    async def report(self, service: str, found: Sequence[watching.Finding], *, ended: bool) -> None:
        """Take note of it. Raises WatcherUnavailableError."""
        await self.sight()
        self.reported.append((service, list(found), ended))

    async def history(self, gate: str, start_s: float) -> watching.History:
        """Return the past that it is told. Raises WatcherUnavailableError."""
        await self.sight()
        return watching.History(gate, self.past.verdicts, [one for one in self.past.values if one[0] >= start_s])

    async def since(self, starts_s: Mapping[str, float]) -> Mapping[str, gates.Verdict]:
        """Return what it is told that they say. Raises WatcherUnavailableError."""
        await self.sight()
        self.starts_s = dict(starts_s)
        return {name: self.afterwards.get(name, gates.Verdict.UNKNOWN) for name in starts_s}

    async def tracks(self, metrics: Sequence[str], start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        """Return the series that it is told, whatever the step. Raises WatcherUnavailableError."""
        await self.sight()
        asked = (one for one in self.series if one.name in metrics)
        return [replace(one, points=[at for at in one.points if at[0] >= start_s]) for one in asked]


def line(name: str, verdict: gates.Verdict, value: float | None = None) -> watching.GateLine:
    """Return a gate below 5 % that says this."""
    return watching.GateLine(
        name, value, "%", "<", 5.0, 2.0, verdict, "as it is", 12.0, 300.0, "embedded", "0" * 40, 1_799_999_000.0,
        "Callers.", "Nobody asked.", ("restart",),
    )  # fmt: skip
