"""Made questions of mathematics: what the grammar claims is answered, and no verified answer is wrong."""

import pytest

from council.serving.compute import math
from council.testing.questions import (
    campaign,
    families,
    math_algebra,
    math_calculus,
    math_faces,
    math_given,
    math_numbers,
    math_reach,
    math_unbounded,
    math_words,
)

FAMILIES = (
    *math_numbers.FAMILIES,
    *math_algebra.FAMILIES,
    *math_calculus.FAMILIES,
    *math_given.FAMILIES,
    *math_reach.FAMILIES,
    *math_unbounded.FAMILIES,
    *math_words.FAMILIES,
)
COUNT, SEED = 60, 17
SHARE_MIN = 0.95


@pytest.mark.no_cover
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_answered_and_never_wrongly(family: families.Family) -> None:
    tally = campaign.run([family], math.solve, round(COUNT * family.share), SEED)[family.name]
    assert tally.wrong == []
    assert tally.right >= SHARE_MIN * tally.asked, tally.reasons


def test_what_a_family_must_refuse_gets_no_verified_answer() -> None:
    assert campaign.answered_though_refusable(FAMILIES, math.solve) == []
    assert sum(len(family.refuse) for family in FAMILIES) > 100


@pytest.mark.parametrize(
    ("agrees", "answer", "key", "same"),
    [
        (math_faces.same_number, "2*3 = 6", "6", True),
        (math_faces.same_number, "1/3 is about 0.333333", "1/3", True),
        (math_faces.same_number, "1/2 + 1/4 = 3/4 (0.75)", "3/4", True),
        (math_faces.same_number, "2*3 = 6", "7", False),
        (math_faces.same_number, "a = b", "7", False),
        (math_faces.same_roots, "x = -2 or x = 1/2 (0.5)", "-2;1/2", True),
        (math_faces.same_roots, "x = -2 or x = 2", "-2", False),
        (math_faces.same_roots, "x^2 + 1 = 0 has no real solution", "", True),
        (math_faces.same_assignment, "x = 1 and y = 2", "x=1;y=2", True),
        (math_faces.same_assignment, "x = 1 and y = 2", "x=2;y=1", False),
        (math_faces.same_assignment, "x = 1 and y = 2, or x = 2 and y = 1", "x=2;y=1|x=1;y=2", True),
        (math_faces.same_function, "The derivative of x^2 is 2*x", "(2)*x^1 + (0)*x^0", True),
        (math_faces.same_function, "The derivative of x^2 is 3*x", "(2)*x^1", False),
        (math_faces.same_text, "The vertex of y = x^2 is (0, 0)", "(0, 0)", True),
        (math_faces.same_text, "The vertex of y = x^2 is (0, 1)", "(0, 0)", False),
        (math_faces.says, "97 is a prime number", "is a prime number", True),
        (math_faces.says, "91 is not a prime number: 91 = 7 * 13", "is a prime number", False),
    ],
)
def test_answers_are_compared_by_what_they_mean(agrees: object, answer: str, key: str, same: bool) -> None:
    assert callable(agrees)
    assert agrees(answer, key) is same
