"""A set that has no memory to run beside the live one: what serves stops first, and is back unless the set is live in time."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

import generations_rig
from council.domain import errors
from council.domain import home as home_module
from council.supervisor import generations, specs
from generations_rig import BAD, LIVE, A, B, Rig

# More than there is anywhere, and what the live one gives back is enough for the other.
HUGE_BYTES = 1 << 60


def crowded(home: home_module.Home) -> list[specs.ServiceSpec]:
    return [
        dataclasses.replace(one, beside_bytes=HUGE_BYTES) if one.name == "recall" else one
        for one in generations_rig.table(home)
    ]


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(generations, "OBEYED_S", 60.0)
    async with generations_rig.running(crowded) as made:
        yield made


async def states(rig: Rig) -> dict[str, str]:
    """Return the state of each service and place, as `recall a live`."""
    rows = await rig.supervisor.status(memory=False, everywhere=True)
    return {f"{row.name} {row.generation[0]} {row.place}": row.state for row in rows}


async def until_ready(rig: Rig) -> None:
    async with asyncio.timeout(30):
        await rig.supervisor.until_ready()


def starts(rig: Rig) -> int:
    """Return how often recall of the generation that was live at first was started."""
    return (rig.home.logs / "recall.log").read_text().count(f"started recall {A}")


async def test_without_a_pause_it_is_not_begun(rig: Rig) -> None:
    with pytest.raises(errors.NoRoomError, match="recall of both generations"):
        await rig.do("launch", B, "recall")
    assert (await rig.rows(), rig.live) == (LIVE, A)
    assert (await states(rig))["recall a live"] == "ready"


async def test_what_serves_stops_those_who_ask_it_are_told_and_the_other_takes_its_place(rig: Rig) -> None:
    await rig.do("launch", B, "recall", pause_s=30)
    found = await states(rig)
    assert (found["recall a live"], found["recall b beside"]) == ("stopped", "ready")
    # Who does not have to go serves on.
    assert found["gateway a live"] == found["store a live"] == "ready"
    assert await rig.logged("gateway", f"told gateway {A} away recall 30")
    assert rig.live == A
    assert await rig.do("promote", B) == {"unheard": []}
    assert rig.live == B
    assert await rig.settled() == {("store", "b", "live"), ("recall", "b", "live"), ("gateway", "b", "live")}
    assert starts(rig) == 1
    assert not list(rig.home.run.glob(f"*{A[:12]}*"))


async def test_a_set_that_is_given_up_has_what_stopped_for_it_start_again(rig: Rig) -> None:
    await rig.do("launch", B, "recall", pause_s=30)
    await rig.do("discard", B)
    # It is back by the time the command returns.
    assert (await rig.rows(), (await states(rig))["recall a live"]) == (LIVE, "ready")
    assert await rig.logged("gateway", f"told gateway {A} away recall 0")
    assert starts(rig) == 2


async def test_a_set_that_does_not_get_ready_does_so_too(rig: Rig) -> None:
    with pytest.raises(errors.UnavailableError, match="recall did not get ready"):
        await rig.do("launch", BAD, "recall", pause_s=30)
    assert (await rig.rows(), (await states(rig))["recall a live"]) == (LIVE, "ready")


async def test_a_set_that_is_not_live_in_time_is_given_up_though_nobody_says_so(rig: Rig) -> None:
    await rig.do("launch", B, "recall", pause_s=1)
    await until_ready(rig)
    async with asyncio.timeout(30):
        while len(await rig.rows()) > len(LIVE):
            await asyncio.sleep(0.01)
    assert (await rig.rows(), (await states(rig))["recall a live"]) == (LIVE, "ready")
    assert any("was not live in time" in line for line in rig.said)
    with pytest.raises(errors.UnavailableError, match="Launch it first"):
        await rig.do("promote", B)
    assert rig.live == A


async def test_a_set_that_is_live_in_time_is_not_given_up_later(rig: Rig) -> None:
    await rig.do("launch", B, "recall", pause_s=1)
    await rig.do("promote", B)
    await asyncio.sleep(1.2)
    assert await rig.settled() == {("store", "b", "live"), ("recall", "b", "live"), ("gateway", "b", "live")}


async def test_a_set_that_is_being_given_up_cannot_take_over(rig: Rig) -> None:
    await rig.do("launch", B, "recall", pause_s=30)
    discarding = asyncio.create_task(rig.do("discard", B))
    await asyncio.sleep(0)
    with pytest.raises(errors.UnavailableError, match="Launch it first"):
        await rig.do("promote", B)
    with pytest.raises(errors.UnavailableError, match="discarded meanwhile"):
        await rig.do("launch", B, "recall", pause_s=30)
    await discarding
    assert (await rig.rows(), rig.live) == (LIVE, A)


async def test_what_a_person_had_stopped_stays_so(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.supervisor.services["recall"].stop()
    with pytest.raises(errors.NoRoomAtAllError, match="Even alone"):
        await rig.do("launch", B, "recall", pause_s=30)
    await rig.do("launch", B, "recall", pause_s=30, returning=True)
    await rig.do("discard", B)
    assert (await states(rig))["recall a live"] == "stopped"


async def test_a_return_is_begun_whatever_memory_there_is(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, stopping: bool = False) -> None:
        raise (errors.NoRoomAtAllError if stopping else errors.NoRoomError)("There is no memory. Free some.")

    monkeypatch.setattr(generations.room, "check", full)
    with pytest.raises(errors.NoRoomError):
        await rig.do("launch", B, "recall", returning=True)
    for pause_s in (0, 30):
        # Whoever asks first hears it before anything stops.
        with pytest.raises(errors.NoRoomAtAllError):
            await rig.do("launch", B, "recall", pause_s=pause_s)
    await rig.do("launch", B, "recall", pause_s=30, returning=True)
    await rig.do("promote", B)
    assert rig.live == B


async def test_a_stop_of_everything_starts_nothing_again(rig: Rig) -> None:
    await rig.do("launch", B, "recall", pause_s=30)
    await rig.supervisor.close()
    assert starts(rig) == 1


@pytest.mark.parametrize("pause_s", [-1, 1e9, "long"])
async def test_a_pause_has_bounds(rig: Rig, pause_s: object) -> None:
    with pytest.raises(errors.InvalidRequestError, match="pause_s"):
        await rig.do("launch", B, "recall", pause_s=pause_s)
