"""Whether searches find what is there, that it is mended where they do not, and what the change log says of it."""

import asyncio
from typing import Any

import prometheus_client
import pytest

from council.domain import caching, config, memory
from council.services import memories
from council.serving.memory import keeper as keeper_module
from council.serving.memory import shelf
from council.testing import clock as fake_clock
from council.testing import memory as fake


@pytest.fixture(name="records")
def plain_records() -> fake.PlainRecords:
    return fake.PlainRecords()


@pytest.fixture(name="keeper")
def made(records: fake.PlainRecords) -> keeper_module.Keeper:
    return keeper_module.Keeper(
        records, fake.WordEmbedder(), fake.PlainIndex, config.MemoryConfig(), fake_clock.ManualClock()
    )


def lose(keeper: keeper_module.Keeper, user_id: str) -> None:
    """Take everything out of a user's index, as a fault of it would, and leave the rest as it was."""
    held: Any = keeper._users[user_id].shelf
    assert isinstance(held, shelf.Shelf)
    held._index.remove(list(held._ids))
    held._phrases.remove(list(held._ids))


def test_what_is_there_is_found_again_also_by_a_user_who_says_the_same_a_hundred_times(
    keeper: keeper_module.Keeper,
) -> None:
    assert keeper.found_again() == 1.0
    for number in range(100):
        keeper.remember("ada", "s", "good morning to you", f"request-{number}")
    assert keeper.found_again() == 1.0


@pytest.mark.covers("memory", "gate")
async def test_an_index_that_lost_its_entries_is_noticed_filled_anew_and_told(
    records: fake.PlainRecords, keeper: keeper_module.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.remember("ada", "s", "My boat is called Marie.", "request-1")
    service = memories.Memories(lambda: keeper, config.MemoryConfig(), caching.CacheConfig())
    await service.keep()
    lose(keeper, "ada")
    assert keeper.found_again() < 1
    assert not keeper.search("ada", "what is the boat called", 5)
    await service.probe_once()
    assert keeper.found_again() == 1.0
    assert [one.memory.text for one in keeper.search("ada", "what is the boat called", 5)] == [
        "My boat is called Marie."
    ]
    assert [(one.did, one.source) for one in records.changes(10)] == [
        (memory.Did.REBUILT, "probe"),
        (memory.Did.REBUILT, "start"),
        (memory.Did.KEPT, "request-1"),
    ]
    filled = len(records.changes(10))
    lose(keeper, "ada")
    await service.probe_once()
    assert len(records.changes(10)) == filled, "what did not last is not tried again at once"
    missed = prometheus_client.REGISTRY.get_sample_value("council_memory_missed_share", {"svc": "recall"})
    assert missed == pytest.approx(1 - keeper.found_again()) and missed > 0, (
        "and is told, for the healer to begin it anew"
    )
    service.close()


async def test_a_new_start_tells_at_once_whether_searches_find_what_is_there(
    keeper: keeper_module.Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = memories.Memories(lambda: keeper, config.MemoryConfig(), caching.CacheConfig())
    monkeypatch.setattr(memories, "_RETRY_S", 0.0)
    looked = asyncio.Event()

    async def once() -> None:
        looked.set()

    monkeypatch.setattr(service, "probe_once", once)
    probing = asyncio.create_task(service.probe())
    await asyncio.sleep(0)
    assert not looked.is_set(), "nothing is there yet"
    await service.keep()
    async with asyncio.timeout(30):
        await looked.wait()
    probing.cancel()
    service.close()


def test_the_change_log_counts_what_was_kept_imported_and_forgotten(
    records: fake.PlainRecords, keeper: keeper_module.Keeper
) -> None:
    (kept,) = keeper.remember("ada", "s", "The weather is fine.", "request-1")
    keeper.take_in("bob", [kept])
    keeper.forget("ada", memory.Selection())
    assert [(one.did, one.user_id, one.count) for one in records.changes(10)] == [
        (memory.Did.FORGOT, "ada", 1),
        (memory.Did.IMPORTED, "bob", 1),
        (memory.Did.KEPT, "ada", 1),
    ]
    assert "weather" not in repr(records.changes(10))
