"""Made questions of every family: a verified answer is never wrong, and nearly all are answered."""

import json

import pytest

from council.serving.compute import logic, results
from council.testing.questions import (
    campaign,
    families,
    logic_clauses,
    logic_formulas,
    logic_grids,
    logic_knights,
    logic_orders,
    logic_overlaps,
    logic_schedules,
    logic_shuffles,
    logic_syllogisms,
    logic_witnesses,
)

FAMILIES = (
    *logic_clauses.FAMILIES,
    *logic_grids.FAMILIES,
    *logic_knights.FAMILIES,
    *logic_formulas.FAMILIES,
    *logic_orders.FAMILIES,
    *logic_overlaps.FAMILIES,
    *logic_schedules.FAMILIES,
    *logic_shuffles.FAMILIES,
    *logic_syllogisms.FAMILIES,
    *logic_witnesses.FAMILIES,
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_answers_agree_with_how_the_questions_were_made(family: families.Family) -> None:
    tally = campaign.run([family], logic.solve, 75, seed=11)[family.name]
    assert tally.wrong == []
    assert tally.right + tally.refused >= 0.95 * tally.asked, tally.reasons.most_common(5)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_what_a_family_must_not_answer_gets_no_verified_answer(family: families.Family) -> None:
    assert campaign.answered_though_refusable([family], logic.solve) == []


@pytest.mark.parametrize(
    "family", (*logic_grids.FAMILIES[:2], *logic_overlaps.FAMILIES), ids=lambda family: family.name
)
def test_a_puzzle_is_called_contradictory_exactly_when_nothing_fits(family: families.Family) -> None:
    clashes = 0
    for asked in campaign.draw(family, 120, seed=12):
        result, impossible = logic.solve(asked.text), json.loads(asked.key) == []
        assert isinstance(result, results.Refused) == impossible, asked.text
        clashes += impossible
    assert clashes
