"""Stages of one route: the first that answers does, reasons add up, errors are not stepped over."""

from collections.abc import AsyncGenerator, Sequence

import pytest

from council.domain import answers, errors
from council.serving.specialists import staged

QUESTION = answers.Question("the-id", [answers.Message("user", "x")], "council", answers.Sampling(10))
FOUND = answers.Finding("4", 1.0, answers.Evidence(answers.Level.COMPUTED, "computed"))


class Says:
    """Yields what it is told, or raises it."""

    def __init__(self, *events: answers.Event | errors.CouncilError):
        self.events = events
        self.asked = 0

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        self.asked += 1
        for event in self.events:
            if isinstance(event, errors.CouncilError):
                raise event
            yield event


async def events(*stages: Says) -> Sequence[answers.Event]:
    made = staged.StagedSpecialist(answers.Route.MATH, stages)
    return [event async for event in made.attempt(QUESTION)]


async def test_the_first_that_answers_is_the_last_asked() -> None:
    last = Says(FOUND)
    assert await events(Says(FOUND), last) == [FOUND]
    assert last.asked == 0
    assert await events(Says(answers.PassOn("no")), Says(answers.Delta("4"), FOUND)) == [answers.Delta("4"), FOUND]


async def test_where_all_pass_on_every_reason_is_told() -> None:
    assert await events(Says(answers.PassOn("one")), Says(answers.PassOn("two"))) == [answers.PassOn("one; two")]


async def test_an_error_of_one_stage_is_that_of_all() -> None:
    last = Says(FOUND)
    with pytest.raises(errors.ComputeUnavailableError):
        await events(Says(errors.ComputeUnavailableError("Away. Try again.")), last)
    assert last.asked == 0
