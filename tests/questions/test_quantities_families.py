"""Made questions about quantities: never a wrong answer, and nearly every one is answered."""

from collections.abc import Sequence

import pytest

from council.serving.compute import operations, quantities, results
from council.testing.questions import (
    campaign,
    clocks_and_ages,
    counting,
    dates,
    families,
    percent,
    purses,
    shapes,
    statistics,
    stories,
    units,
    wages,
)

EVERY: dict[str, Sequence[families.Family]] = {
    "percent": percent.FAMILIES,
    "units": units.FAMILIES,
    "statistics": statistics.FAMILIES,
    "counting": counting.FAMILIES,
    "dates": dates.FAMILIES,
    "stories": stories.FAMILIES,
    "shapes": shapes.FAMILIES,
    "purses": purses.FAMILIES,
    "wages": wages.FAMILIES,
    "clocks and ages": clocks_and_ages.FAMILIES,
}


@pytest.mark.parametrize("part", EVERY)
def test_no_made_question_is_answered_wrongly_and_most_are_answered(part: str) -> None:
    tallies = campaign.run(EVERY[part], quantities.solve, 75, seed=11)
    assert {name: tally.wrong for name, tally in tallies.items() if tally.wrong_count} == {}
    assert {name: tally.reasons for name, tally in tallies.items() if tally.right < 0.9 * tally.asked} == {}


@pytest.mark.parametrize("part", EVERY)
def test_what_must_be_refused_gets_no_verified_answer(part: str) -> None:
    assert campaign.answered_though_refusable(EVERY[part], quantities.solve) == []


def by_worker(text: str) -> results.Result:
    reply = operations.OPERATIONS["math.solve"]({"text": text})
    kind = reply.pop("kind")
    return {"solved": results.Solved, "refused": results.Refused, "passed_on": results.PassedOn}[kind](**reply)


def test_the_symbolic_grammar_beside_it_makes_nothing_wrong() -> None:
    tallies = campaign.run(
        [*percent.FAMILIES[:6], *statistics.FAMILIES[:2], *counting.FAMILIES[:2]], by_worker, 25, seed=3
    )
    assert {name: tally.wrong for name, tally in tallies.items() if tally.wrong_count} == {}
    assert sum(tally.right for tally in tallies.values()) > 200


def test_a_wrong_key_is_noticed() -> None:
    family = percent.FAMILIES[0]
    asked = next(campaign.draw(family, 1, seed=1))
    result = quantities.solve(asked.text)
    assert isinstance(result, results.Solved)
    assert family.agrees(result.answer, asked.key)
    assert not family.agrees(result.answer, asked.key + "1")
    assert not family.agrees(result.answer, f"${asked.key}")
