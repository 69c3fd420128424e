import asyncio
import dataclasses

import pytest

from council.domain import baking
from council.upkeep.patchctl import asking

KNOWN = [baking.Question("arithmetic", f"What is {n} + {n}?", str(2 * n)) for n in range(10, 30)]
UNKNOWN = [baking.Question("general", f"Sing of {n}.") for n in range(5)]


@dataclasses.dataclass
class Trier:
    """Answers the later ones sooner, and notes how many were open at once."""

    open: list[baking.Question] = dataclasses.field(default_factory=list)
    most: int = 0
    most_unknown: int = 0
    asked: int = 0

    async def ask(self, question: baking.Question) -> baking.Answer:
        self.open.append(question)
        self.asked += 1
        self.most = max(self.most, len(self.open))
        self.most_unknown = max(self.most_unknown, sum(not one.answer for one in self.open))
        try:
            for _ in range(50 - self.asked):
                await asyncio.sleep(0)
        finally:
            self.open.remove(question)
        return baking.Answer(question.text, baking.Ending.ANSWERED, 0.1)

    async def close(self) -> None: ...


async def test_answers_come_in_the_order_of_the_questions_whichever_ended_first() -> None:
    questions = [*KNOWN[:10], *UNKNOWN, *KNOWN[10:]]
    found = await asking.ask_all(Trier(), questions, 4)
    assert [one.generation for one in found] == [one.text for one in questions]


@pytest.mark.parametrize("at_once_max", [1, 4, 100])
async def test_no_more_are_open_at_once_than_may_be(at_once_max: int) -> None:
    trier = Trier()
    await asking.ask_all(trier, KNOWN, at_once_max)
    assert trier.most == min(at_once_max, len(KNOWN))


async def test_questions_for_the_model_go_one_after_the_other_beside_the_rest() -> None:
    trier = Trier()
    await asking.ask_all(trier, [*UNKNOWN, *KNOWN], 4)
    assert (trier.most, trier.most_unknown, trier.asked) == (4, 1, 25)


async def test_of_no_questions_there_are_no_answers() -> None:
    assert await asking.ask_all(Trier(), [], 4) == []


async def test_one_who_is_cancelled_leaves_no_question_open() -> None:
    trier = Trier()
    task = asyncio.create_task(asking.ask_all(trier, KNOWN, 4))
    while len(trier.open) < 4:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not trier.open and trier.asked < len(KNOWN)
