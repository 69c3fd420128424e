"""Made conversations: a follow-up is answered as the whole question that it stands for, and never as another."""

import asyncio

import pytest

from council.serving.compute import results
from council.testing.questions import campaign, families, followups


def ask(text: str) -> results.Result:
    return asyncio.run(followups.ask(text))


@pytest.mark.parametrize("family", followups.FAMILIES, ids=lambda family: family.name)
def test_a_follow_up_is_answered_and_never_wrongly(family: families.Family) -> None:
    tally = campaign.run([family], ask, 200, seed=19)[family.name]
    assert tally.wrong == []
    assert tally.right >= 0.9 * tally.asked, tally.reasons


def test_what_may_be_meant_otherwise_gets_no_verified_answer() -> None:
    assert campaign.answered_though_refusable(followups.FAMILIES, ask) == []
