"""The steward's work on the forge: when it counts as hung, when it is woken, and when it looks no further."""

import asyncio
from pathlib import Path

import pytest

import delivery_rig
from council.backends.forge import local
from council.delivery import courier, pulls
from council.domain import errors, forge, home
from council.services import hook, in_step

LATER_S = 100_000.0


def made(tmp_path: Path, knock: hook.Hook | None = None) -> in_step.InStep:
    there = local.LocalForge(tmp_path / "forge.git", "council", lambda: delivery_rig.NOW)
    service = delivery_rig.Patchctl(tmp_path / "generations")
    return in_step.InStep(forge.ForgeConfig(), home.Home(tmp_path), there, service, knock)


async def well_later(one: in_step.InStep, monkeypatch: pytest.MonkeyPatch) -> bool:
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: now_s + LATER_S)
        return one.is_well


async def test_a_turn_that_hangs_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "forge.git").mkdir()
    one, hangs = made(tmp_path), asyncio.Event()

    async def turn(*_: object) -> bool:
        hangs.set()
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr(one, "_turn", turn)
    assert await well_later(one, monkeypatch)
    running = asyncio.create_task(one.run())
    await hangs.wait()
    assert one.is_well
    assert not await well_later(one, monkeypatch)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_one_whose_forge_is_gone_asks_to_begin_anew(tmp_path: Path) -> None:
    one = made(tmp_path)
    assert not one.is_well
    (tmp_path / "forge.git").mkdir()
    assert one.is_well


@pytest.mark.parametrize(("has_hook", "left_alone"), [(True, False), (True, True), (False, False)])
async def test_it_is_woken_by_who_may_and_not_where_the_forge_asks_to_be_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_hook: bool, left_alone: bool
) -> None:
    monkeypatch.setattr(in_step, "_WOKEN_S", 0.0)
    knock = hook.Hook("0123456789abcdef") if has_hook else None
    one = made(tmp_path, knock)
    assert [route.path for route in one.routes] == (["/webhook"] if has_hook else [])
    poll_s = one._settings.poll_s
    resting = asyncio.create_task(one._rest(poll_s, left_alone=left_alone))
    await asyncio.sleep(0)
    if knock is not None:
        knock.woken.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert resting.done() == (has_hook and not left_alone)
    resting.cancel()


async def test_where_nothing_changes_pull_requests_are_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = local.LocalForge(tmp_path / "forge.git", "council", lambda: delivery_rig.NOW)
    played = delivery_rig.Patchctl(tmp_path / "generations")
    one = in_step.InStep(forge.ForgeConfig(), home.Home(tmp_path), there, played)
    parts = courier.Parts(there, played, delivery_rig.Watch(), played.folder, tmp_path / "in-step")
    carrying = courier.Courier(parts)
    judging = pulls.Referee(pulls.Parts(there, played, delivery_rig.Watch(), lambda: tmp_path))
    looked: list[str] = []

    async def turn(self: pulls.Referee, main: forge.Commit) -> bool:
        looked.append(main.commit)
        self.waits = waits
        return False

    monkeypatch.setattr(pulls.Referee, "turn", turn)
    waits = False
    for _ in range(6):
        await one._turn(carrying, judging)
    count = len(looked)
    assert 0 < count < 4
    judging.waits = waits = True
    await one._turn(carrying, judging)
    assert len(looked) == count + 1


async def test_the_forge_is_tidied_in_a_quiet_moment_some_time_after_the_start_and_then_now_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, tidied, loop = made(tmp_path), 0, asyncio.get_running_loop()

    async def tidy(_: local.LocalForge) -> bool:
        nonlocal tidied
        tidied += 1
        raise errors.ForgeUnavailableError("It takes too long.")

    monkeypatch.setattr(local.LocalForge, "tidy", tidy)
    began_s = loop.time()
    for after_s, count in ((0.0, 0), (599.0, 0), (601.0, 1), (700.0, 1), (601.0 + 3600.0, 2)):
        monkeypatch.setattr(loop, "time", lambda after_s=after_s: began_s + after_s)
        await one._tidy()
        assert tidied == count
    assert not one._turns.problem
