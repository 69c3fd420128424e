"""The steward's process: when it counts as hung, and who may have it load the guides."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

import delivery_rig
from council.backends.forge import local
from council.domain import config, guides, home
from council.kit import clock
from council.services import harness, steward
from council.testing import guides as testing_guides
from council.upkeep.guides import loading

LATER_S = 100_000.0
KEY = "key-of-the-steward"


def made(tmp_path: Path, forge: local.LocalForge | None) -> steward._Steward:
    environment = harness.ServiceEnvironment("steward", 0, "g" * 40, {})
    service = cast(Any, delivery_rig.Patchctl(tmp_path / "generations"))
    where = home.Home(tmp_path)
    book = testing_guides.InlineGuidebook()
    parts = loading.Parts(book, make, guides.FORM, guides.GuidesConfig(poll_s=0.1), clock.SystemClock())
    kept_guides = steward._Guides(parts, where, environment, KEY)
    return steward._Steward(config.Config(), where, environment, forge, service, kept_guides)


async def make(texts: Sequence[str]) -> list[guides.Page | guides.FaultyError]:
    return [guides.Page(text, ()) for text in texts]


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


def client(one: steward._Steward) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=one.application()), base_url="http://127.0.0.1")


async def test_whoever_shows_its_key_has_it_load_the_guides(tmp_path: Path) -> None:
    one = made(tmp_path, None)
    one._where.guidebook.mkdir(parents=True)
    (one._where.guidebook / "good.md").write_text("Good")
    (one._where.guidebook / "bad.md").write_text("---\nbad")
    async with client(one) as asked:
        told = (await asked.post("/guides/sync", headers={"authorization": f"Bearer {KEY}"})).json()
        assert (told["processed"], told["errors"]) == (2, 1) and told["duration_s"] > 0
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": KEY}):
            reply = await asked.post("/guides/sync", headers=headers)
            assert reply.status_code == 403 and reply.json()["error"]["code"] == "forbidden"
        assert (await asked.get("/guides/sync", headers={"authorization": f"Bearer {KEY}"})).status_code == 405


async def test_a_store_that_is_away_is_told_and_leaves_the_steward_well(tmp_path: Path) -> None:
    one = made(tmp_path, None)
    cast(testing_guides.InlineGuidebook, one.guides._book).away = True
    (tmp_path / "library").mkdir()
    async with one._lifespan(one.application()), client(one) as asked:
        reply = await asked.post("/guides/sync", headers={"authorization": f"Bearer {KEY}"})
        assert reply.status_code == 503 and reply.json()["error"]["code"] == "store_unavailable"
        while not one.guides.problem:
            await asyncio.sleep(0.01)
        live = await asked.get("/livez")
        assert live.status_code == 200 and "store" in live.json()["guides_problem"]


async def test_it_shows_the_guidebook_of_the_generation_that_is_live(tmp_path: Path) -> None:
    one = made(tmp_path, None)
    for commit, name in (("g" * 40, "old"), ("f" * 40, "new")):
        folder = one._where.generations / commit / "guidebook"
        folder.mkdir(parents=True)
        (folder / f"{name}.md").write_text(name)
    book = cast(testing_guides.InlineGuidebook, one.guides._book)
    async with one._lifespan(one.application()):
        while book.shown.keys() != {"old"}:
            await asyncio.sleep(0.01)
        one._environment.generation = "f" * 40
        one.guides.follow()
        while book.shown.keys() != {"new"}:
            await asyncio.sleep(0.01)
