"""The steward's archive: when it counts as hung, and why it does not get on."""

import asyncio
from pathlib import Path

import pytest

import archive_rig
from council.domain import errors
from council.services import archiver
from council.upkeep.observer import archive

LATER_S = 100_000.0


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> archiver.Archiving:
    house = archive_rig.House(tmp_path)
    monkeypatch.setattr(archiver, "_FIRST_S", 0.0)
    parts = archive.Parts(house.there, house.incidents, house.kept, lambda: house.settings, house.clock)
    return archiver.Archiving(parts, house.watch)


async def test_a_turn_that_hangs_is_not_well(work: archiver.Archiving, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = asyncio.Event()

    async def turn(_: object) -> int:
        hangs.set()
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(archive.Archive, "turn", turn)
    running = asyncio.create_task(work.run())
    await hangs.wait()
    assert work.is_well
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: now_s + LATER_S)
        assert not work.is_well
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await work.close()


async def test_it_says_why_a_turn_failed_and_takes_another(
    work: archiver.Archiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: asyncio.Queue[str] = asyncio.Queue()
    replies: list[Exception | int] = [errors.ForgeUnavailableError("The forge is away."), ValueError("a bug"), 0]

    async def turn(_: object) -> int:
        taken.put_nowait(work.told()["problem"])
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        await asyncio.Event().wait()
        return reply

    monkeypatch.setattr(archive.Archive, "turn", turn)
    monkeypatch.setattr(archiver, "TURN_S", 0.0)
    running = asyncio.create_task(work.run())
    assert [await taken.get() for _ in range(3)] == ["", "The forge is away.", "ValueError"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await work.close()
