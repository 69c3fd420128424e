"""A house whose observer archives into a real local forge, day by day, and may be killed after each step."""

import datetime
from pathlib import Path
from typing import Any

import observer_rig
from council import care_ports
from council.backends.forge import local
from council.domain import forge, incidents, schedule
from council.upkeep.observer import archive, archiving, posting

WHEN = schedule.Schedule()
FIRST = WHEN.day_of(observer_rig.NOW_S) + datetime.timedelta(days=1)
DAY_S = 86_400.0
WORDS = forge.Words("Begin", "Ann", "ann@example.org", 1_790_000_000)


class KilledError(BaseException):
    """The process ends here, as far as the test is concerned."""


class Killed:
    """A forge, or records, whose process ends after the next call of a name in `after`."""

    def __init__(self, one: Any) -> None:
        self._one = one
        self.after: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._one, name)
        if name not in self.after:
            return found

        def end() -> None:
            self.after.remove(name)
            raise KilledError

        async def waited(*given: Any, **named: Any) -> Any:
            await found(*given, **named)
            end()

        def called(*given: Any, **named: Any) -> Any:
            found(*given, **named)
            end()

        return called if name == "announce" else waited


class House(observer_rig.House):
    """Has a forge whose main holds a file, and an archive."""

    def __init__(self, folder: Path, there: care_ports.Forge | None = None) -> None:
        super().__init__()
        self.there = there or local.LocalForge(folder / "forge.git", "council", lambda: self.clock.now_us() / 1e6)
        self.forge = Killed(self.there)
        self.records_killed = Killed(self.kept)
        self.begin_anew()

    def begin_anew(self) -> None:
        parts = archive.Parts(self.forge, self.incidents, self.records_killed, lambda: self.settings, self.clock)  # type: ignore[arg-type]
        self.archive = archive.Archive(parts)

    async def begin(self) -> str:
        """Put a commit upon main, and look for the first time; return the commit."""
        main = await self.there.push("", {"council.yaml": forge.File(b"a: 1\n")}, WORDS)
        await self.observer.look()
        return main

    async def day(self, day: datetime.date) -> None:
        """Let the days pass until after the digest of one, and have it told; the watcher then delivers it."""
        self.clock.advance(WHEN.moment_s(day) + 60 - self.clock.now_us() / 1e6)
        await self.observer.look()
        name = posting.name(day.isoformat())
        self.incidents.save([], self.kept.told[name][1])

    async def held(self) -> dict[str, bytes]:
        """Return what the archive holds."""
        paths = await self.there.files(archiving.BRANCH)
        return {path: (await self.there.file(path, archiving.BRANCH)).content for path in paths}

    async def heads(self) -> list[str]:
        """Return the messages of the archive's commits, newest first."""
        one = await self.there.commit(archiving.BRANCH)
        found = [one.message.partition("\n")[0]]
        while one.parents:
            one = await self.there.commit(one.parents[0])
            found.append(one.message.partition("\n")[0])
        return found


def digest_parcel(day: datetime.date, data: str) -> incidents.Parcel:
    notice = incidents.Notice(
        "01N", 0, incidents.NoticeKind.DIGEST, "", incidents.Severity.WARNING, "t", "x", data=data
    )
    return incidents.Parcel(notice, "log", incidents.Delivery.SENT)
