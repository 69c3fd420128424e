"""The steward's process: what its port says of its works, and when the observer counts as hung."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.routing import Route

import delivery_rig
import observer_rig
from council.domain import errors
from council.services import harness, observer, steward

LATER_S = 100_000.0


class Stuck:
    """A work that never ends, and hangs when told."""

    name = "stuck"

    def __init__(self) -> None:
        self.is_well = True
        self.routes: tuple[Route, ...] = ()
        self.closed = False
        self.runs = asyncio.Event()

    def told(self) -> dict[str, Any]:
        return {"problem": "it waits"}

    async def run(self) -> None:
        self.runs.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


@contextlib.asynccontextmanager
async def asked(*works: steward.Work) -> AsyncIterator[httpx.AsyncClient]:
    environment = harness.ServiceEnvironment("steward", 0, "g" * 40, {})
    with tempfile.TemporaryDirectory() as folder:
        one = steward._Steward(environment, cast(Any, delivery_rig.Patchctl(Path(folder))), works)
    application = one.application()
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://127.0.0.1") as client,
    ):
        yield client


async def test_its_port_says_of_each_work_whether_it_gets_on() -> None:
    well, hung = Stuck(), Stuck()
    hung.name = "hung"
    async with asked(well, hung) as client:
        await well.runs.wait()
        live = await client.get("/livez")
        assert live.status_code == 200 and live.json()["generation"] == "g" * 40
        assert live.json()["works"]["stuck"] == {"live": True, "problem": "it waits"}
        hung.is_well = False
        late = await client.get("/readyz")
        assert late.status_code == 503 and not late.json()["live"]
        assert [one["live"] for one in late.json()["works"].values()] == [True, False]
    assert well.closed and hung.closed


async def well_later(one: steward.Work, monkeypatch: pytest.MonkeyPatch) -> bool:
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: now_s + LATER_S)
        return one.is_well


async def test_a_look_that_hangs_is_late_and_one_that_fails_is_said_and_taken_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observer, "_FIRST_S", 0.0)
    monkeypatch.setattr(observer, "LOOK_S", 0.0)
    house = observer_rig.House()
    closed: list[bool] = []
    one = observer.Observing(house.observer._parts, lambda: closed.append(True))
    looks: list[Exception | None] = [errors.RecordsUnavailableError("Try again."), ValueError(), None]
    problems: list[str] = []
    hangs = asyncio.Event()

    async def look() -> None:
        problems.append(one.told()["problem"])
        if not looks:
            hangs.set()
            await asyncio.Event().wait()
        if (failure := looks.pop(0)) is not None:
            raise failure

    monkeypatch.setattr(one._observer, "look", look)
    assert await well_later(one, monkeypatch)
    async with asked(one):
        await hangs.wait()
        assert problems == ["", "Try again.", "ValueError", ""]
        assert one.is_well
        assert not await well_later(one, monkeypatch)
    assert closed
