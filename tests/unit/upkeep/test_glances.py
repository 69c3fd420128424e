"""Looks between two turns of the care loop, at what has begun just now."""

import collections
from collections.abc import Iterator
from pathlib import Path

import pytest

from council import homes
from council.backends.samples import sqlite
from council.domain import alerting, errors, patches, states, watching
from council.testing import alerts, clock
from council.upkeep import loop
from council.upkeep.alerts import desk, keeping
from council.upkeep.samples import recent

STEP_S = 2.5
AGE_S = {"gateway": 5.0, "recall": 9000.0, "watcher": 5.0}
TEXT = """heap_mb{{svc="{svc}"}} {heap_mb}
open_fds_total{{svc="{svc}"}} {fds}
fd_soft_limit{{svc="{svc}"}} 20000
council_process_sockets{{svc="{svc}"}} 10
council_process_start_seconds{{svc="{svc}"}} {began_s}
"""


class Council:
    """Three services, of which one grows, and the loop that watches them."""

    def __init__(self, folder: Path) -> None:
        self.clock = clock.ManualClock()
        self.began_s = self.clock.now_us() / 1e6
        self.kept, self.samples = alerts.PlainIncidents(), sqlite.SqliteSamples(folder / "samples.db")
        self.heap_mb, self.fds, self.away, self.supervised = 60.0, 50, False, True
        self.read: collections.Counter[str] = collections.Counter()
        seen, settings = recent.Recent(loop.RECENT_S, 1000), alerting.AlertsConfig()
        care = keeping.Keeping(desk.Desk(settings, lambda _: "id"), self.kept, [], settings, self.clock)
        parts = loop.Parts(
            self, self, loop.Embedded(seen), self.samples, care,
            lambda: [watching.Target(one, one) for one in AGE_S], lambda: (), self.clock,
        )  # type: ignore[arg-type]  # fmt: skip
        rules = homes.default_sentinels()
        self.loop = loop.Loop(parts, [], rules, seen, watching.WatchConfig(), patches.Label("a" * 40, "c" * 16))

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        assert not memory, "each look at memory costs the machine"
        if not self.supervised:
            raise errors.SupervisorUnavailableError("Council is not running.")
        return [states.ServiceStatus(one, "ready", 1, "a" * 40, age_s, 0, 0) for one, age_s in AGE_S.items()]

    async def trace(self, service: str) -> None:
        """Trace nothing."""

    async def scrape(self, target: watching.Target) -> str:
        self.read[target.service] += 1
        if self.away:
            raise errors.ScrapeError("it cannot be reached")
        grows = target.service == "gateway"
        heap_mb, fds = (self.heap_mb, self.fds) if grows else (60.0, 50)
        return TEXT.format(svc=target.service, heap_mb=heap_mb, fds=fds, began_s=self.began_s)

    async def look(self, times: int, mb: float = 0.0, fds: int = 0) -> None:
        """Turn and glance in turn, while the gateway grows by so much between two."""
        for step in range(times):
            await (self.loop.glance() if step % 2 else self.loop.turn())
            self.clock.advance(STEP_S)
            self.heap_mb, self.fds = self.heap_mb + mb, self.fds + fds

    @property
    def alerts(self) -> list[str]:
        return [member.alert.title for one in self.kept.kept.values() for member in one.members if member.fires]


@pytest.fixture
def council(tmp_path: Path) -> Iterator[Council]:
    made = Council(tmp_path)
    yield made
    made.samples.close()


@pytest.mark.parametrize(
    ("mb", "fds", "alert"),
    [
        (5.0, 0, "the memory of gateway grows"),
        (0.0, 1000, "gateway runs out of files and sockets that it may open"),
    ],
)
async def test_what_grows_is_an_alert_with_the_first_turn_after_six_readings(
    council: Council, mb: float, fds: int, alert: str
) -> None:
    await council.look(6, mb, fds)
    assert council.alerts == []
    await council.look(1)
    assert council.alerts == [alert]


async def test_only_what_began_just_now_is_read_between_turns_and_the_watcher_never(council: Council) -> None:
    await council.look(6)
    assert council.read == {"gateway": 6, "recall": 3, "watcher": 3}


async def test_a_process_in_the_place_of_one_that_leaked_ends_its_alert_whoever_sees_it_first(council: Council) -> None:
    await council.look(7, 5.0)
    assert council.alerts == ["the memory of gateway grows"]
    council.heap_mb, council.began_s = 60.0, council.clock.now_us() / 1e6
    await council.loop.glance()
    council.clock.advance(STEP_S)
    await council.look(1)
    assert council.alerts == []


async def test_a_glance_that_nobody_answers_says_nothing(council: Council) -> None:
    await council.look(1)
    council.away = True
    await council.loop.glance()
    council.supervised = False
    await council.loop.glance()
    council.away, council.supervised = False, True
    await council.look(3)
    assert council.alerts == []


async def test_after_the_clock_was_set_back_a_glance_waits_for_the_turn_that_notes_it(council: Council) -> None:
    await council.look(1)
    council.clock.advance(-60)
    await council.loop.glance()
    assert council.read["gateway"] == 1
