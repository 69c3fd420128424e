"""What the watcher tells of backups."""

import asyncio

import prometheus_client
import pytest

from council.domain import backup, errors, gates
from council.domain.backup import Kind, Outcome
from council.services import backups_told
from council.testing.clock import ManualClock

HOUR_S = 3600.0


class Log:
    """Implements kept_ports.Backups in memory; away while `problem` is not empty."""

    def __init__(self) -> None:
        self.kept: list[backup.Run] = []
        self.problem = ""

    def add(self, one: backup.Run) -> None:
        self.kept.insert(0, one)

    def newest(self, limit: int, *, kind: Kind | None = None, outcome: Outcome | None = None) -> list[backup.Run]:
        if self.problem:
            raise errors.RecordsUnavailableError(self.problem)
        found = [one for one in self.kept if kind in (None, one.kind) and outcome in (None, one.outcome)]
        return found[:limit]

    def close(self) -> None:
        self.problem = "closed"


def run(clock: ManualClock, number: int, kind: Kind = Kind.RUN, outcome: Outcome = Outcome.OK) -> backup.Run:
    return backup.Run(f"{number:026d}", kind, outcome, clock.now_us(), clock.now_us())


def counted(kind: Kind, outcome: Outcome) -> float:
    labels = {"kind": kind.value, "outcome": outcome.value}
    return prometheus_client.REGISTRY.get_sample_value("council_backups_total", labels) or 0.0


def told(log: Log, clock: ManualClock, target: str = "/mnt/snapshots") -> backups_told.BackupsTold:
    return backups_told.BackupsTold(log, backup.BackupConfig(target=target), clock)


def test_people_are_warned_once_there_is_no_good_snapshot_of_late() -> None:
    log, clock = Log(), ManualClock()
    watch = told(log, clock)
    assert watch.observations() == ()
    watch.look()
    (seen,) = watch.observations()
    assert (seen.name, seen.verdict) == ("backup_late", gates.Verdict.GREEN)
    clock.advance(37 * HOUR_S)
    watch.look()
    assert (
        watch.observations()[0].verdict is gates.Verdict.RED
        and "council backup run" in watch.observations()[0].next_step
    )
    log.add(run(clock, 1, outcome=Outcome.FAILED))
    watch.look()
    assert watch.observations()[0].verdict is gates.Verdict.RED
    log.add(run(clock, 2))
    watch.look()
    assert watch.observations()[0].verdict is gates.Verdict.GREEN
    value = prometheus_client.REGISTRY.get_sample_value("council_backup_last_success_ts", {"kind": "run"})
    assert value == clock.now_us() / 1e6


def test_what_ended_is_counted_once_and_not_what_ended_before() -> None:
    log, clock = Log(), ManualClock()
    log.add(run(clock, 1))
    watch = told(log, clock)
    before = [counted(Kind.RUN, Outcome.OK), counted(Kind.DRILL, Outcome.FAILED)]
    watch.look()
    log.add(run(clock, 2))
    log.add(run(clock, 3, Kind.DRILL, Outcome.FAILED))
    watch.look()
    watch.look()
    assert [counted(Kind.RUN, Outcome.OK), counted(Kind.DRILL, Outcome.FAILED)] == [before[0] + 1, before[1] + 1]


async def test_the_watch_goes_on_while_the_records_are_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backups_told, "LOOK_S", 0.0)
    log, clock = Log(), ManualClock()
    log.problem = "The records cannot be used."
    watch = told(log, clock)
    keeping = asyncio.create_task(watch.keep())
    while not caplog.records:
        await asyncio.sleep(0.001)
    log.problem = ""
    while not watch.observations():
        await asyncio.sleep(0.001)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await told(log, clock, target="").keep()
    await watch.close()
    assert log.problem == "closed" and len(caplog.records) == 1
