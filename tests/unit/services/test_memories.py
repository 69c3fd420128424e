"""The memory part of recall before its keeper is there, when that cannot be made, and when too many wait."""

import asyncio
import threading

import pytest

from council.domain import caching, config, errors, memory, memory_wire
from council.services import memories
from council.serving.memory import keeper as keeper_module
from council.testing import clock as fake_clock
from council.testing import memory as fake

ASK = {"operation": "recall", "user": "ada", "query": "what?", "request_id": "r"}


def a_keeper() -> keeper_module.Keeper:
    return keeper_module.Keeper(
        fake.PlainRecords(), fake.WordEmbedder(), fake.PlainIndex, config.MemoryConfig(), fake_clock.ManualClock()
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "_RETRY_S", 0.01)
    monkeypatch.setattr(memories, "_WAIT_S", 0.05)


async def test_a_call_that_comes_early_waits_for_the_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "_WAIT_S", 60.0)
    made = memories.Memories(a_keeper, config.MemoryConfig(), caching.CacheConfig())
    keeping = asyncio.create_task(made.keep())
    assert (await made.reply(ASK))["complete"]
    await keeping
    assert made.warm
    made.close()


async def test_without_a_model_a_call_is_told_why_and_a_later_try_succeeds(quick: None) -> None:
    tries = 0

    def make() -> keeper_module.Keeper:
        nonlocal tries
        tries += 1
        if tries < 30:
            raise errors.SetupError("The embedding model is not installed. Run `make up`.")
        return a_keeper()

    made = memories.Memories(make, config.MemoryConfig(), caching.CacheConfig())
    keeping = asyncio.create_task(made.keep())
    reply = await made.reply(ASK)
    assert reply["error"]["code"] == "recall_unavailable"
    assert "embedding model is not installed" in reply["error"]["message"]
    await keeping
    assert (await made.reply(ASK))["complete"]
    made.close()


async def test_only_so_many_calls_wait(quick: None) -> None:
    kept, free, begun = a_keeper(), threading.Event(), threading.Event()

    def held(*_: object) -> list[object]:
        begun.set()
        assert free.wait(30)
        return []

    made = memories.Memories(lambda: kept, config.MemoryConfig(queue_max=2), caching.CacheConfig())
    await made.keep()
    kept.search = held  # type: ignore[method-assign]
    search = {"operation": "search", "user": "ada", "query": "x"}
    waiting = [asyncio.create_task(made.reply(search)) for _ in range(2)]
    await asyncio.to_thread(begun.wait, 30)
    assert (await made.reply(search))["error"]["code"] == "overloaded"
    free.set()
    assert await asyncio.gather(*waiting) == [{"found": []}, {"found": []}]
    made.close()


async def test_records_that_go_away_while_shelves_are_filled_are_tried_again(quick: None) -> None:
    kept, tries = a_keeper(), 0

    def warm() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise errors.RecordsUnavailableError("The records cannot be used. Try again.")

    kept.warm = warm  # type: ignore[method-assign]
    made = memories.Memories(lambda: kept, config.MemoryConfig(), caching.CacheConfig())
    await made.keep()
    assert (tries, made.warm) == (3, True)
    made.close()


def answer_call(name: str, **more: object) -> dict[str, object]:
    return {"answer": name, "user": "ada", "scope": "s", "gist": "what atom", "text": "What is an atom?", **more}


async def test_an_answer_that_may_say_what_a_memory_said_goes_when_that_is_corrected(quick: None) -> None:
    made = memories.Memories(a_keeper, config.MemoryConfig(), caching.CacheConfig())
    await made.keep()
    said = {"operation": "remember", "user": "ada", "session": "s", "text": "the boat is green", "request_id": "r"}
    [kept] = (await made.reply(said))["memories"]
    for user in ("ada", "bob"):
        await made.answer(answer_call("keep", user=user, answer_form={"text": "Green."}))
    told = await made.reply(
        {"operation": "correct", "user": "ada", "id": kept["id"], "text": "the boat is red", "request_id": "r2"}
    )
    assert told["memory"]["text"] == "the boat is red"
    assert await made.answer(answer_call("find")) == {"found": None}
    assert (await made.answer(answer_call("find", user="bob")))["found"]
    made.close()


async def test_answers_are_kept_and_found_before_there_is_a_keeper_and_forgotten_with_the_memories() -> None:
    made = memories.Memories(a_keeper, config.MemoryConfig(), caching.CacheConfig())
    assert await made.answer(answer_call("find", semantic=True)) == {"found": None}
    await made.answer(answer_call("keep", answer_form={"text": "Small."}))
    assert await made.answer(answer_call("find")) == {"found": ("exact", {"text": "Small."})}
    await made.keep()
    await made.reply(
        {"operation": "forget", "user": "ada", "selection": memory_wire.selection_form(memory.Selection())}
    )
    assert await made.answer(answer_call("find")) == {"found": None}
    made.close()


async def test_what_another_recall_kept_and_forgot_meanwhile_is_known_after_a_renewal(quick: None) -> None:
    records = fake.PlainRecords()

    def another() -> keeper_module.Keeper:
        return keeper_module.Keeper(
            records, fake.WordEmbedder(), fake.PlainIndex, config.MemoryConfig(), fake_clock.ManualClock()
        )

    before = another()
    [forgotten] = before.remember("ada", "s", "the red boat", "r")
    made = memories.Memories(another, config.MemoryConfig(), caching.CacheConfig())
    await made.keep()
    await made.answer(answer_call("keep", answer_form={"text": "Small."}))
    search = {"operation": "search", "user": "ada", "query": "boat"}
    assert len((await made.reply(search))["found"]) == 1
    before.remember("ada", "s", "the green boat", "r")
    before.forget("ada", memory.Selection(ids=(forgotten.id,)))
    await made.renew()
    [found] = (await made.reply(search))["found"]
    assert "the green boat" in str(found)
    assert (made.warm, await made.answer(answer_call("find"))) == (True, {"found": None})
    made.close()
