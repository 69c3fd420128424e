"""Made questions as anybody words them, asked of both grammars of the math specialist: never a wrong answer."""

import datetime

import pytest

from council.serving.compute import operations, results
from council.testing.questions import campaign, chances_in_short, families, math_everyday, short_stories, spoken_amounts

FAMILIES = (*spoken_amounts.FAMILIES, *chances_in_short.FAMILIES, *math_everyday.FAMILIES, *short_stories.FAMILIES)
TODAY = datetime.date(2026, 11, 29).isoformat()
COUNT, SEED = 75, 28


def by_worker(text: str) -> results.Result:
    reply = operations.OPERATIONS["math.solve"]({"text": text, "today": TODAY})
    kind = reply.pop("kind")
    return {"solved": results.Solved, "refused": results.Refused, "passed_on": results.PassedOn}[kind](**reply)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_answered_and_never_wrongly(family: families.Family) -> None:
    tally = campaign.run([family], by_worker, COUNT, SEED)[family.name]
    assert tally.wrong == []
    assert tally.right >= 0.98 * tally.asked, tally.reasons


def test_what_is_near_a_family_and_not_of_it_gets_no_verified_answer() -> None:
    assert campaign.answered_though_refusable(FAMILIES, by_worker) == []
    assert sum(len(family.refuse) for family in FAMILIES) > 250
