"""Integrals to infinity: what they come to, that they do not converge, and what is left alone."""

import pytest

from council.domain import answers
from council.serving.compute import math, results


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ("integral of e^(-x) from 0 to infinity", "1"),
        ("integrate 1/x^2 dx from 1 to infinity", "1"),
        ("What is the integral of x^3*e^(-2x) from 0 to \N{INFINITY}?", "3/8"),
        (r"$\int_{-\infty}^{\infty} \frac{1}{1 + x^2} dx$", "pi"),
        ("integral of e^(3x) from -infinity to 0", "1/3"),
        ("integral of 1/(x^2 + x) from 1 to oo", "ln(2)"),
        ("integral of 1/x from 1 to infinity", "does not converge"),
        ("integral of x from -infinity to infinity", "does not converge"),
        ("integral of e^x from 0 to infinity", "does not converge"),
    ],
)
def test_an_integral_to_infinity_has_a_value_or_is_said_to_have_none(asked: str, value: str) -> None:
    found = math.solve(asked)
    assert isinstance(found, results.Solved) and found.level is answers.Level.COMPUTED
    assert found.detail["exact"] == value


@pytest.mark.parametrize(
    "asked",
    [
        "integral of 1/x^2 from 0 to infinity",
        "integral of 1/(x - 1000)^2 from 1 to infinity",
        "integral of sin(x) from 0 to infinity",
        "integral of 1/x^2 from infinity to 1",
        "integral of 1/x^2 from 1 to infinity + 1",
        "integral of e^(-x^2) from 0 to infinity",
    ],
)
def test_gaps_and_other_functions_are_passed_on(asked: str) -> None:
    assert isinstance(math.solve(asked), results.PassedOn)
