"""The steward's process: when it counts as hung, and when not."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

import delivery_rig
from council.backends.forge import local
from council.domain import config, home
from council.services import harness, steward

LATER_S = 100_000.0


def made(tmp_path: Path, forge: local.LocalForge | None) -> steward._Steward:
    environment = harness.ServiceEnvironment("steward", 0, "g" * 40, {})
    service = cast(Any, delivery_rig.Patchctl(tmp_path / "generations"))
    return steward._Steward(config.Config(), home.Home(tmp_path), environment, forge, service)


async def late_after(one: steward._Steward, monkeypatch: pytest.MonkeyPatch) -> bool:
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: now_s + LATER_S)
        return one.is_late


async def test_one_without_a_forge_has_nothing_to_be_late_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(tmp_path, None)
    async with one._lifespan(one.application()):
        assert not await late_after(one, monkeypatch)


async def test_a_turn_that_hangs_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(tmp_path, local.LocalForge(tmp_path / "forge.git", "council", lambda: delivery_rig.NOW))
    hangs = asyncio.Event()

    async def turn(*_: object) -> bool:
        hangs.set()
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr(one, "_turn", turn)
    async with one._lifespan(one.application()):
        await hangs.wait()
        assert not one.is_late
        assert await late_after(one, monkeypatch)
