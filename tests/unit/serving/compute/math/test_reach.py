"""How far words and signs reach, and single operations in words."""

import pytest

from council.serving.compute import math, operations, results
from council.testing.questions import math_reach, math_words

ANSWERS = {
    r"$\frac{d}{dx}(x^2) + 1$": "d/dx (x^2) + 1 = 2*x + 1",
    "d/dx (x^2) + 3x": "d/dx (x^2) + 3*x = 5*x",
    "d/dx (x^2) - 3x + 1": "d/dx (x^2) - 3*x + 1 = 1 - x",
    r"$\frac{d}{dx}\left(x^2 + 1\right)$": "The derivative of x^2 + 1 is 2*x",
    "derivative of (x + 1)(x + 2)": "The derivative of (x + 1)*(x + 2) is 2*x + 3",
    "derivative of (x + 1)^2 + 3x": "The derivative of (x + 1)^2 + 3*x is 2*x + 5",
    "derivative of x^2 + 3x": "The derivative of x^2 + 3*x is 2*x + 3",
    "limit of x sin(1/x) as x approaches 0": "The limit of x*sin(1/x) as x approaches 0 is 0",
    "5 \N{EN DASH} 3": "5 - 3 = 2",
    "\N{EN DASH}3 + 5": "-3 + 5 = 2",
    "half of 2/3": "1/2 of (2/3) = 1/3 (about 0.333333)",
    "Is sqrt(2) = 1.414?": "No, sqrt(2) = 1.414 does not hold: sqrt(2) is about 1.41421",
    "Is 0.1 + 0.2 = 0.3?": "Yes, 0.1 + 0.2 = 0.3: 0.1 + 0.2 = 0.3",
    "Round 2.999 to 2 decimal places": "2.999 rounded to 2 decimal places is 3.00",
    "round -1234 to the nearest hundred": "-1234 rounded to the nearest hundred is -1200",
    "round sqrt(2) to 3 decimal places": "sqrt(2) rounded to 3 decimal places is 1.414",
    "ceiling of -2.5": "The ceiling of -2.5 is -2",
    "max(3, 7)": "The largest of 3, 7 is 7",
    "3^(10^100) mod 7": "3^(10^100) mod 7 = 4",
    "3 > x > 5": "No real x satisfies it",
    "x + y + z = 5 and x - y = 1": "There are infinitely many solutions: x = 3 - z/2 and y = 2 - z/2, for any real z",
}


@pytest.mark.parametrize("text", ANSWERS)
def test_what_is_asked_is_answered(text: str) -> None:
    result = math.solve(text)
    assert isinstance(result, results.Solved), result
    assert result.answer == ANSWERS[text]


@pytest.mark.parametrize(
    "text", [text for each in (math_reach, math_words) for one in each.FAMILIES for text in one.refuse]
)
def test_no_grammar_answers_what_two_people_read_differently(text: str) -> None:
    assert operations.OPERATIONS["math.solve"]({"text": text, "today": "2026-11-29"})["kind"] != "solved"


REASONS = {
    "derivative of (x^2) + 3x": "It is not clear how far the word derivative reaches; put all of it in parentheses.",
    "derivative of x^4 at 2 + 3": "What stands behind the place may belong to it or to the answer; use parentheses.",
    "1.000 + 1": "1.000 may be 1 or 1,000.",
    "17% of 1.500": "1.500 may be 1.5 or 1,500.",
    "half of 12.250": "12.250 may be 12.25 or 12,250.",
    "round 1.500 to the nearest hundred": "1.500 may be 1.5 or 1,500.",
    "5 > x > 3": "The inequality is solved as it stands.",
    "x + y = 5": "One equation of several letters asks for nothing; say `solve`, and for which letter.",
}


@pytest.mark.parametrize("text", REASONS)
def test_the_reason_says_what_is_unclear(text: str) -> None:
    result = math.solve(text)
    assert isinstance(result, results.PassedOn)
    assert result.reason == REASONS[text]


def test_a_refusal_for_size_ends_in_what_to_ask_instead() -> None:
    result = math.solve(r"$\sum_{k=1}^{5000} \frac{1}{k}$")
    assert isinstance(result, results.Refused)
    assert result.reason == "A sum of over 2,000 terms is not added here. Ask for fewer terms."
