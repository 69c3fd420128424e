"""The bot `cost`: what another provider would have cost, when that is sure, and what the report says beside it."""

import random
from typing import Any

import pytest

from council.domain import bots
from council.upkeep.bots import cost

NEAR = {"provider": "near", "weight": 1, "input_usd_micros": 10_000, "output_usd_micros": 20_000}
FAR = {"provider": "far", "weight": 1, "input_usd_micros": 3_000_000, "output_usd_micros": 15_000_000}


def charges(count: int, provider: str = "far", seed: int = 1, confidence: float | None = None) -> list[tuple[Any, ...]]:
    """Return calls as the far provider would have charged them, of sizes by chance."""
    chance = random.Random(seed)
    sizes = [(chance.randint(50, 900), chance.randint(10, 500)) for _ in range(count)]
    return [(provider, "big", asked, said, asked * 3 + said * 15, confidence) for asked, said in sizes]


def given(rows: list[tuple[Any, ...]], *deployments: dict[str, Any], **more: Any) -> dict[str, Any]:
    models = {"big": list(deployments or (NEAR, FAR))}
    base = {"incidents": [], "settings": {}, "models": models, "share_max": 0.06, "done": [], "charges": rows}
    return {**base, "questions": 0, "days": 28, "synthetic": {"rows": 382, "right": 84}, **more}


def drafted(evidence: dict[str, Any]) -> bots.Draft | bots.Nothing:
    def never(_: str) -> str:
        raise AssertionError("it asks no model")

    return cost.BOT.draft(evidence, never)


def test_a_saving_that_is_sure_has_the_cheapest_provider_asked_first() -> None:
    found = drafted(given(charges(cost.CALLS_MIN)))
    assert isinstance(found, bots.Draft)
    assert dict(found.weights) == {"big/near": 1, "big/far": 0} and "95 %" in found.why
    assert "(sure)" in found.report and "nobody has compared the answers" in found.report


@pytest.mark.parametrize(
    "evidence",
    [
        given(charges(cost.CALLS_MIN - 1)),
        given(charges(cost.CALLS_MIN), NEAR),
        given(charges(cost.CALLS_MIN), {**NEAR, "output_usd_micros": 16_000_000}, FAR),
        given(charges(cost.CALLS_MIN), {**NEAR, "input_usd_micros": None, "output_usd_micros": None}, FAR),
        given(charges(cost.CALLS_MIN), {**FAR, "provider": "near"}, FAR),
        given(charges(cost.CALLS_MIN), done=["big by near"]),
        given([]),
    ],
    ids=["too few", "no other", "dearer words", "no price", "the same price", "done", "nothing"],
)
def test_what_is_not_sure_is_told_and_not_proposed(evidence: dict[str, Any]) -> None:
    found = drafted(evidence)
    assert isinstance(found, bots.Nothing) and found.report.startswith("# Where the money went")


def test_a_saving_that_a_few_calls_make_is_not_sure() -> None:
    rows = [("near", "big", 100, 100, 3, None)] * (cost.CALLS_MIN - 1) + [
        ("far", "big", 900_000, 900_000, 16_200_000, None)
    ]
    found = drafted(given(rows))
    assert isinstance(found, bots.Nothing) and "not sure" in found.report


def test_the_report_sums_by_model_and_provider() -> None:
    rows = [("far", "big", 100, 100, 1_500_000, None), ("near", "big", 100, 100, 500_000, None)]
    report = drafted(given(rows)).report
    assert "| big | 2 | 2.000000 |" in report and "| far | 1 | 1.500000 |" in report


def test_fewer_escalations_are_told_with_the_accuracy_beside_the_saving() -> None:
    rows = [("far", "big", 100, 100, 1_000_000, confidence) for confidence in (0.1, 0.2, 0.3, 0.4)]
    report = drafted(given(rows, questions=100)).report
    # Half of them: the two in least doubt stay here, of which 1.3 are expected to be wrong.
    assert "50% of the escalations: 2.000000 instead of 4.000000 USD; up to 1.3 of 100 questions (1.3%)" in report


def test_where_nothing_was_learned_the_shipped_figures_stand_in() -> None:
    report = drafted(given(charges(3))).report
    assert "in 84 of 382" in report and "learning: true" in report
