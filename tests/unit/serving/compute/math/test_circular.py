"""Equations of one sine, cosine or tangent, inequalities of one power, and equations that ranges satisfy."""

import pytest

from council.serving.compute import math, results


@pytest.mark.parametrize(
    ("asked", "exact"),
    [
        ("sin(x) = 1/2", "x = pi/6 + 2*pi*k or x = 5*pi/6 + 2*pi*k"),
        ("Solve 2 cos(2x) + 1 = 2", "x = pi/6 + pi*k or x = -pi/6 + pi*k"),
        ("tan(x) = sqrt(3)", "x = pi/3 + pi*k"),
        ("sin(k) = 0", "k = pi*n"),
        ("cos(x) = 1", "x = 2*pi*k"),
        ("cos(x) = 3/2", "none"),
        ("2^x > 4", "x > 2"),
        ("(1/2)^x >= 8", "x <= -3"),
        ("2^x > -1", "all"),
        ("2^x < -1", "none"),
        ("3^x <= 5", "x <= ln(5)/ln(3)"),
        ("|x - 1| + |x + 1| = 2", "-1 <= x <= 1"),
        ("|x - 2| = x - 2", "x >= 2"),
        ("|x| + |x - 3| = 5", "x = -1 or x = 4"),
    ],
)
def test_every_solution_is_told(asked: str, exact: str) -> None:
    found = math.solve(asked)
    assert isinstance(found, results.Solved) and found.detail["exact"] == exact


@pytest.mark.parametrize(
    "asked",
    [
        "sin(x) = 1/3", "sin(x) = cos(x)", "sin(x + 1) = 0", "sin(x) = 1/2, 0 <= x <= 2pi", "sin(x)^2 = 1/4", "sin(x) = x",
        "2^x > 3^x", "2^x + x > 3", "ln(x) > 2", "2^x > 2^500",
    ],
)  # fmt: skip
def test_other_forms_are_passed_on(asked: str) -> None:
    assert isinstance(math.solve(asked), results.PassedOn)
