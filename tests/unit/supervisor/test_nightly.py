"""When the process that makes snapshots is started, and what is said of it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from council.domain import backup, home
from council.supervisor import children, nightly, service, specs

GENERATION = "a" * 40


class Started:
    """What takes the place of a child: it ends when a test says so."""

    made: list["Started"]

    def __init__(self, order: children.Order, on_ready: Callable[[], None], on_exit: Callable[[str], None]) -> None:
        self.order = order
        self.end = on_exit
        self.destroyed = 0
        Started.made.append(self)

    def destroy(self) -> None:
        self.destroyed += 1


class Around:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.changes = 0

    def made(self) -> service.Surroundings:
        def on_change() -> None:
            self.changes += 1

        said = lambda name, text: self.said.append(f"{name} {text}")  # noqa: E731
        return cast(service.Surroundings, SimpleNamespace(say=said, on_change=on_change, after_exit=lambda: None))


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Around:
    Started.made = []
    monkeypatch.setattr(children, "ChildProcess", Started)
    return Around()


def made(tmp_path: Path, around: Around, target: str = "/mnt/snapshots") -> nightly.Nightly:
    one = nightly.Nightly(home.Home(tmp_path), backup.BackupConfig(target=target), around.made())
    one.follow(GENERATION, "/release/bin/python")
    return one


async def test_one_process_at_a_time_of_the_live_generation_and_its_release(tmp_path: Path, around: Around) -> None:
    one = made(tmp_path, around)
    one.start()
    one.start()
    (started,) = Started.made
    assert started.order.generation == GENERATION and started.order.spec.argv[0] == "/release/bin/python"
    assert started.order.spec.name == specs.BACKUP and started.order.account is None
    assert [name for name, _ in one.processes()] == [specs.BACKUP]
    started.end(children.ENDED_WELL)
    assert list(one.processes()) == [] and around.said == []
    one.start()
    assert len(Started.made) == 2


async def test_a_failure_is_said_once_until_something_else_is_wrong(tmp_path: Path, around: Around) -> None:
    one = made(tmp_path, around)
    (tmp_path / "logs").mkdir()
    for text in ("The disk is full.", "The disk is full.", "The target is away."):
        one.log_file.write_text(f"council: {text}\n")
        one.start()
        Started.made[-1].end("exit status 1")
    assert len(around.said) == 2 and "full" in around.said[0] and "council backup list" in around.said[1]


async def test_where_nobody_wants_snapshots_nothing_is_started(
    tmp_path: Path, around: Around, monkeypatch: Any
) -> None:
    monkeypatch.setattr(nightly, "FIRST_S", 0.0)
    monkeypatch.setattr(nightly, "LOOK_S", 0.0)
    off, on = made(tmp_path, around, target=""), made(tmp_path, around)
    off.begin()
    for _ in range(3):
        await asyncio.sleep(0)
    assert Started.made == []
    on.begin()
    while not Started.made:
        await asyncio.sleep(0)
    for one in (off, on):
        await one.close()
    assert len(Started.made) == 1 and Started.made[0].destroyed == 1


def test_where_snapshots_are_made_by_the_hour_it_looks_more_often() -> None:
    assert nightly.wait_s(backup.BackupConfig(), nightly.LOOK_S) == nightly.LOOK_S
    assert nightly.wait_s(backup.BackupConfig(every_h=0.1), nightly.LOOK_S) == 90
    assert nightly.wait_s(backup.BackupConfig(every_h=0.1), nightly.FIRST_S) == 90
