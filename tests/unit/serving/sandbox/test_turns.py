import asyncio
import contextlib

import pytest
from hypothesis import given, settings, strategies

from council.domain import errors
from council.serving.sandbox import turns

LONG_S = 30.0


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_turns_come_in_the_order_of_asking() -> None:
    queue = turns.Turns(2, 100, LONG_S)
    order: list[int] = []

    async def one(number: int) -> None:
        async with queue.turn():
            order.append(number)
            await asyncio.sleep(0)
            assert queue.running <= 2

    await asyncio.gather(*(one(number) for number in range(20)))
    assert order == list(range(20))
    assert (queue.running, queue.waiting) == (0, 0)


async def test_a_newcomer_does_not_overtake_one_whose_turn_just_came() -> None:
    queue = turns.Turns(1, 10, LONG_S)
    order: list[str] = []

    async def one(name: str) -> None:
        async with queue.turn():
            order.append(name)

    async with contextlib.AsyncExitStack() as first:
        await first.enter_async_context(queue.turn())
        waiting = asyncio.create_task(one("waiting"))
        await settle()
    await one("newcomer")
    await waiting
    assert order == ["waiting", "newcomer"]


async def test_beyond_the_bound_of_the_queue_all_are_turned_away_at_once() -> None:
    queue = turns.Turns(1, 2, LONG_S)
    async with queue.turn():
        waiting = [asyncio.create_task(queue._enter()) for _ in range(2)]
        await settle()
        with pytest.raises(errors.OverloadedError) as caught:
            await queue._enter()
        assert caught.value.retry_after_s == turns.RETRY_AFTER_S
        assert queue.waiting == 2
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    assert (queue.running, queue.waiting) == (0, 0)


async def test_waiting_has_an_end() -> None:
    queue = turns.Turns(1, 2, 0.01)
    async with queue.turn():
        with pytest.raises(errors.OverloadedError, match=r"within 0\.01 s"):
            await queue._enter()
        assert (queue.running, queue.waiting) == (1, 0)


async def test_all_that_wait_can_be_turned_away() -> None:
    queue = turns.Turns(1, 5, LONG_S)
    async with queue.turn():
        waiting = [asyncio.create_task(queue._enter()) for _ in range(3)]
        await settle()
        assert queue.turn_away(errors.SandboxStoppedError, "Stopped.") == 3
        for ended in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(ended, errors.SandboxStoppedError)
        assert (queue.running, queue.waiting) == (1, 0)
    assert queue.running == 0


async def test_a_turn_that_comes_as_its_owner_goes_is_handed_on() -> None:
    queue = turns.Turns(1, 5, LONG_S)
    await queue._enter()
    waiting = [asyncio.create_task(queue._enter()) for _ in range(2)]
    await settle()
    queue._leave()
    waiting[0].cancel()
    await waiting[1]
    assert waiting[0].cancelled()
    assert (queue.running, queue.waiting) == (1, 0)


@settings(max_examples=100, deadline=None)
@given(
    steps=strategies.lists(
        strategies.tuples(
            strategies.sampled_from(["ask", "end", "cancel", "away", "settle"]), strategies.integers(0, 9)
        )
    )
)
def test_no_turn_is_lost_or_given_twice_whatever_is_cancelled(steps: list[tuple[str, int]]) -> None:
    async def play() -> None:
        queue = turns.Turns(2, 5, LONG_S)
        tasks: list[tuple[asyncio.Task[None], asyncio.Event]] = []

        async def one(end: asyncio.Event) -> None:
            async with queue.turn():
                assert queue.running <= 2
                await end.wait()

        for step, number in steps:
            if step == "ask":
                end = asyncio.Event()
                tasks.append((asyncio.create_task(one(end)), end))
            elif step == "away":
                queue.turn_away(errors.SandboxStoppedError, "Stopped.")
            elif step == "settle":
                await settle()
            elif tasks:
                task, end = tasks[number % len(tasks)]
                end.set() if step == "end" else task.cancel()
        for _, end in tasks:
            end.set()
        await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        assert (queue.running, queue.waiting) == (0, 0)

    asyncio.run(play())
