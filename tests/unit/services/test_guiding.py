"""The steward's work on the guides: who may have it load them, what it says of itself, and whose guidebook it shows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

import httpx
from starlette.applications import Starlette

from council.domain import guides, home
from council.kit import clock
from council.services import guiding
from council.testing import guides as testing_guides
from council.upkeep.guides import loading

KEY = "key-of-the-steward"


class House:
    """The work on a home in a folder, with a store that is played."""

    def __init__(self, folder: Path) -> None:
        self.where = home.Home(folder)
        self.generation = "g" * 40
        self.book = testing_guides.InlineGuidebook()
        parts = loading.Parts(self.book, make, guides.FORM, guides.GuidesConfig(poll_s=0.1), clock.SystemClock())
        self.work = guiding.Guiding(parts, self.where, lambda: self.generation, KEY)

    def client(self) -> httpx.AsyncClient:
        application = Starlette(routes=self.work.routes)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://127.0.0.1")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.work.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.work.close()


async def make(texts: Sequence[str]) -> list[guides.Page | guides.FaultyError]:
    return [guides.Page(text, ()) for text in texts]


async def test_whoever_shows_its_key_has_it_load_the_guides(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.where.guidebook.mkdir(parents=True)
    (house.where.guidebook / "good.md").write_text("Good")
    (house.where.guidebook / "bad.md").write_text("---\nbad")
    async with house.client() as asked:
        told = (await asked.post("/guides/sync", headers={"authorization": f"Bearer {KEY}"})).json()
        assert (told["processed"], told["errors"]) == (2, 1) and told["duration_s"] > 0
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": KEY}):
            reply = await asked.post("/guides/sync", headers=headers)
            assert reply.status_code == 403 and reply.json()["error"]["code"] == "forbidden"
        assert (await asked.get("/guides/sync", headers={"authorization": f"Bearer {KEY}"})).status_code == 405


async def test_a_store_that_is_away_is_told_and_leaves_the_steward_well(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.book.away = True
    (tmp_path / "library").mkdir()
    async with house.running(), house.client() as asked:
        reply = await asked.post("/guides/sync", headers={"authorization": f"Bearer {KEY}"})
        assert reply.status_code == 503 and reply.json()["error"]["code"] == "store_unavailable"
        while not house.work.told()["problem"]:
            await asyncio.sleep(0.01)
        assert house.work.is_well and "store" in cast(str, house.work.told()["problem"])


async def test_it_shows_the_guidebook_of_the_generation_that_is_live(tmp_path: Path) -> None:
    house = House(tmp_path)
    for commit, name in (("g" * 40, "old"), ("f" * 40, "new")):
        folder = house.where.generations / commit / "guidebook"
        folder.mkdir(parents=True)
        (folder / f"{name}.md").write_text(name)
    async with house.running():
        while house.book.shown.keys() != {"old"}:
            await asyncio.sleep(0.01)
        house.generation = "f" * 40
        house.work.follow()
        while house.book.shown.keys() != {"new"}:
            await asyncio.sleep(0.01)
