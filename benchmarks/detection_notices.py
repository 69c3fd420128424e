"""What people were told, read from the file channel as they would: which alerts a notice names, and when it came."""

import asyncio
import dataclasses
import datetime
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

POLL_S = 0.1
# The line of an alert in a notice: its title, what is wrong, and since when, to the second.
_LINE = re.compile(r"(?P<title>[^:]+): .*, since (?P<since>[0-9: -]+) UTC\.")


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """One notice. `alerts` are titles with the second of their first bad reading; `seen_s` is when it lay in the file."""

    kind: str
    incident: str
    title: str
    alerts: tuple[tuple[str, float], ...]
    seen_s: float


class Heard:
    """What people were told so far. Times are epoch seconds."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        # Titles of what goes on, where whoever tells knows.
        self.firing: set[str] = set()

    async def follow(self) -> None:
        """Hear what comes, until cancelled."""
        raise NotImplementedError

    def first(self, titles: Sequence[str], from_s: float) -> Told | None:
        """Return the first notice since a moment that names one of these alerts as one that began no earlier."""
        for one in self.told:
            if one.seen_s >= from_s and any(title in titles and since_s >= from_s - 1 for title, since_s in one.alerts):
                return one
        return None

    def began_before(self, titles: Sequence[str], at_s: float) -> bool:
        """Return whether a notice since a moment names one of these alerts as one that began before it."""
        return any(
            title in titles and since_s < at_s - 1
            for one in self.told
            if one.seen_s >= at_s
            for title, since_s in one.alerts
        )

    def over_s(self, incident: str) -> float | None:
        """Return when people were told that an incident is over."""
        return next((one.seen_s for one in self.told if one.kind == "over" and one.incident == incident), None)


class Notices(Heard):
    """Follows the file channel of one home."""

    def __init__(self, file: Path):
        super().__init__()
        self._file = file
        self._read = 0

    async def follow(self) -> None:
        """Read what comes, until cancelled."""
        while True:
            self._take(time.time())
            await asyncio.sleep(POLL_S)

    def _take(self, now_s: float) -> None:
        try:
            with self._file.open("rb") as lines:
                lines.seek(self._read)
                said = lines.read()
        except FileNotFoundError:
            return
        whole = said[: said.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            one = json.loads(line)
            alerts = tuple(
                (found["title"], _epoch_s(found["since"]))
                for text in one["text"].splitlines()
                if (found := _LINE.fullmatch(text)) is not None
            )
            self.told.append(Told(one["kind"], one["incident_id"], one["title"], alerts, now_s))


def _epoch_s(text: str) -> float:
    return datetime.datetime.strptime(f"{text}+0000", "%Y-%m-%d %H:%M:%S%z").timestamp()
