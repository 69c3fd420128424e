"""Who has what after swaps: small cases worked out by hand, and what is too long."""

import time

import pytest

from council.domain import answers
from council.serving.compute import logic, results

HATS = "Ann has a red hat. Bob has a blue hat. Cem has a green hat. "


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            HATS + "Ann swaps hats with Bob. Then Bob swaps with Cem. Who has the red hat at the end?",
            "Cem. In the end Cem has",
        ),
        (
            HATS + "Ann swaps hats with Bob. Then Bob swaps with Cem. What does Ann have?",
            "blue hat. In the end Ann has",
        ),
        (
            HATS + "Ann and Bob trade hats, then Bob and Cem trade hats. Who has what?",
            "Ann: blue hat.\nBob: green hat.\nCem: red hat.",
        ),
        (HATS + "First, Ann and Bob swap. Finally, Ann and Bob swap. Who has the red hat now?", "Ann."),
    ],
)
def test_swaps_are_followed_to_the_end(text: str, answer: str) -> None:
    result = logic.solve(text)
    assert isinstance(result, results.Solved), result
    assert result.answer.startswith(answer)
    assert result.level is answers.Level.COMPUTED


def test_a_thousand_swaps_are_followed_and_ten_thousand_are_passed_on_at_once() -> None:
    thousand = HATS + "Ann and Bob swap hats. " * 999 + "Bob and Cem swap hats. Who has the red hat at the end?"
    result = logic.solve(thousand)
    assert isinstance(result, results.Solved)
    assert result.answer.startswith("Cem.")
    started = time.process_time()
    assert isinstance(logic.solve(HATS + "Ann and Bob swap hats. " * 10_000 + "Who has the red hat?"), results.PassedOn)
    assert time.process_time() - started < 1
