"""The bots' process: which bots run when, and what keeps them from it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from council import homes
from council.domain import bots, errors, home
from council.services import bot_runs
from council.services import bots as bots_service

DONE = bot_runs.Done(bots.Run("01", "docs", 1, 1, bots.Outcome.NOTHING))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Bots that ran; none leans on anything."""
    found: list[str] = []

    async def run(_: Any, bot: bots.Bot, *, dry: bool = False) -> bot_runs.Done:
        found.append(bot.name)
        if bot.name == "cost":
            raise errors.RecordsUnavailableError("The records are away. Wait.")
        if bot.name == "author":
            raise RuntimeError("a bug")
        return DONE

    monkeypatch.setattr(bot_runs, "run", run)
    monkeypatch.setattr(bot_runs, "parts_of", lambda *_: None)
    monkeypatch.setattr(homes, "bot_signer", lambda _, name: None if name == "docs" else object())
    yield found


def schedule(tmp_path: Path) -> tuple[home.Home, bots_service.Schedule]:
    where = home.Home(tmp_path / "home")
    homes.prepare(where, {})
    keys: Any = SimpleNamespace(is_alive=True)
    return where, bots_service.Schedule(where, keys)


async def test_every_listed_bot_runs_once_a_stretch_and_one_that_fails_keeps_no_other(
    tmp_path: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, one = schedule(tmp_path)
    clock = [1_800_000_000.0]

    async def slept(wait_s: float) -> None:
        clock[0] += wait_s
        if clock[0] > 1_800_000_000.0 + 3700:
            raise asyncio.CancelledError

    monkeypatch.setattr(bots_service, "time", SimpleNamespace(time=lambda: clock[0], monotonic=lambda: clock[0]))
    monkeypatch.setattr(bots_service.asyncio, "sleep", slept)
    with pytest.raises(asyncio.CancelledError):
        await one.keep()
    assert ran == ["remediation", "author", "cost", "security"] and one.is_well


async def test_one_that_is_paused_does_not_run(tmp_path: Path, ran: list[str]) -> None:
    where, one = schedule(tmp_path)
    where.bot_pause_file("remediation").touch()
    [bot] = [each for each in bots_service.registry.BOTS if each.name == "remediation"]
    await one._look(bot)
    assert not ran
    where.bot_pause_file("remediation").unlink()
    await one._look(bot)
    assert ran == ["remediation"]
