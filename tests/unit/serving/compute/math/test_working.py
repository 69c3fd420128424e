"""The steps beside an answer: made from what was read, each tested before it is shown, and none where one would not hold."""

import datetime
import random
import re
from fractions import Fraction

import pytest

from council.serving.compute import operations as worker
from council.serving.compute.math import arithmetic, formulas, limits
from council.serving.compute.math.working import calculus, lines, operations, relations
from council.testing.questions import families, math_algebra, math_calculus, math_given, math_numbers, percent, units


def _steps(prompt: str) -> list[str]:
    found = worker.OPERATIONS["math.solve"]({"text": prompt, "today": datetime.date(2026, 11, 30).isoformat()})
    assert found["kind"] == "solved", found
    assert found["steps"][0] == f"I read: {found['reading']}"
    return list(found["steps"][1:])


SHOWN = {
    "17% of 200": ["17% of 200 = 0.17*200", "0.17*200 = 34"],
    "2 + 3*4 - 5": ["2 + 3*4 - 5 = 2 + 12 - 5", "2 + 12 - 5 = 14 - 5", "14 - 5 = 9"],
    "half of a third of 90": ["1/2 of (1/3 of 90) = 1/2 of 30", "1/2 of 30 = 15"],
    "1/2 - 3/4": ["1/2 - 3/4 = 2/4 - 3/4", "2/4 - 3/4 = -1/4"],
    "(3/4)/(2/5)": ["(3/4)/(2/5) = (3/4)*(5/2)", "(3/4)*(5/2) = 15/8"],
    "-3^2": ["-(3^2) = -(3*3)", "-(3*3) = -9"],
    "0.1 + 0.2*3": ["0.1 + 0.2*3 = 0.1 + 0.6", "0.1 + 0.6 = 0.7"],
    "gcd(48, 18)": ["48 = 2*18 + 12", "18 = 1*12 + 6", "12 = 2*6 + 0", "gcd(48, 18) = 6"],
    "lcm(4, 6)": ["6 = 1*4 + 2", "4 = 2*2 + 0", "lcm(4, 6) = 4*6/2", "lcm(4, 6) = 12"],
    "17 mod 5": ["17 = 3*5 + 2", "17 mod 5 = 2"],
    "2x + 3 = 11": ["3 subtracted from both sides: 2*x = 8", "both sides divided by 2: x = 4"],
    "solve 5 - 2x >= 1": [
        "multiplied out and collected: -2*x + 5 >= 1",
        "5 subtracted from both sides: -2*x >= -4",
        "both sides divided by -2, which turns the sign: x <= 2",
    ],
    "solve 2x = 2x + 1": ["2*x subtracted from both sides: 0 = 1"],
    "x^2 - 5x + 6 = 0": [
        "discriminant: (-5)^2 - 4*1*6 = 1",
        "x = (5 - sqrt(1))/(2*1) = 2",
        "x = (5 + sqrt(1))/(2*1) = 3",
    ],
    "solve x^2 + x + 1 = 0": [
        "discriminant: 1^2 - 4*1*1 = -3",
        "the discriminant is negative, so no real number is a root",
    ],
    "solve (x^2-1)/(x-1) = 3": [
        "multiplied by the denominators, on one side: x^2 - 3*x + 2 = 0",
        "discriminant: (-3)^2 - 4*1*2 = 1",
        "x = (3 - sqrt(1))/(2*1) = 1",
        "x = (3 + sqrt(1))/(2*1) = 2",
        "x = 1 is left out: a denominator is 0 there",
    ],
    "solve x^3 = 8": [
        "on one side: x^3 - 8 = 0",
        "split by its rational roots: (x - 2)*(x^2 + 2*x + 4) = 0",
        "a factor is 0 at x = 2",
    ],
    "solve 2x + y = 5 and x - y = 1": [
        "(1) 2*x + y = 5",
        "(2) x - y = 1",
        "(3) = (2) - (1/2)*(1): -(3/2)*y = -3/2",
        "from (3): y = (-3/2)/(-3/2) = 1",
        "from (1): x = (5 - 1*1)/2 = 2",
    ],
    "solve x + y = 2 and x + y = 3": [
        "(1) x + y = 2",
        "(2) x + y = 3",
        "(3) = (2) - (1): 0 = 1",
        "the last equation cannot hold",
    ],
    "solve x^2 - 4 > 0": [
        "zeros of the left side: x = -2, x = 2",
        "x < -2, at x = -3: (-3)^2 - 4 = 5, holds",
        "-2 < x < 2, at x = 0: 0^2 - 4 = -4, does not hold",
        "x > 2, at x = 3: 3^2 - 4 = 5, holds",
    ],
    "derivative of 3x^2 - 5x + 7": [
        "the derivative of 3*x^2 is 6*x (constant factor, power rule)",
        "the derivative of 5*x is 5 (constant factor, power rule)",
        "the derivative of 7 is 0 (a constant does not change)",
    ],
    "derivative of x*sin(x)": ["the derivative of x*sin(x) is 1*sin(x) + x*cos(x) (product rule)"],
    "derivative of sin(x^2)": [
        "the derivative of sin(x^2) is cos(x^2)*(2*x) (the derivative of sin is cos, chain rule)"
    ],
    "integrate 3x^2 - 4x + 1": [
        "an integral of 3*x^2 is x^3 (constant factor, power rule)",
        "an integral of 4*x is 2*x^2 (constant factor, power rule)",
        "an integral of 1 is x (constant)",
    ],
    "integrate x^2 from 1 to 3": [
        "an integral of x^2 is (x^3)/3 (power rule)",
        "F(x) = x^3/3",
        "F(3) = (3^3)/3 = 9",
        "F(1) = (1^3)/3 = 1/3",
        "F(3) - F(1) = 9 - (1/3) = 26/3",
    ],
    "integrate x*e^x": [],
    "determinant of [[1, 2], [3, 4]]": ["1*4 - 2*3 = -2"],
    "determinant of [[0, 1, 2], [1, 0, 3], [4, 5, 6]]": [
        "rows 1 and 2 changed places, which turns the sign: [[1, 0, 3], [0, 1, 2], [4, 5, 6]]",
        "row 3 - 4 * row 1: [[1, 0, 3], [0, 1, 2], [0, 5, -6]]",
        "row 3 - 5 * row 2: [[1, 0, 3], [0, 1, 2], [0, 0, -16]]",
        "product of the diagonal: -1*1*(-16) = 16",
    ],
    "[[1, 2], [3, 4]] * [[5], [7]]": ["row 1 * column 1: 1*5 + 2*7 = 19", "row 2 * column 1: 3*5 + 4*7 = 43"],
    "inverse of [[1, 2], [3, 4]]": [
        "determinant: 1*4 - 2*3 = -2",
        "diagonal exchanged, signs of the rest turned: [[4, -2], [-3, 1]]",
        "divided by -2: [[-2, 1], [3/2, -1/2]]",
    ],
    "5 choose 2": ["C(5, 2) = (5*4)/(2*1)", "(5*4)/(2*1) = 20/2", "20/2 = 10"],
    "how many handshakes among 10 people": ["(10*9)/2 = 90/2", "90/2 = 45"],
    "5 miles in km": [
        "1 mi = 1609.344 m",
        "1 km = 1000 m",
        "(5*1609.344)/1000 = 8046.72/1000",
        "8046.72/1000 = 8.04672",
    ],
    "2 hours in minutes": ["1 h = 3600 s", "1 min = 60 s", "(2*3600)/60 = 7200/60", "7200/60 = 120"],
    "$50 plus 8% tax": ["50 + 50*0.08 = 50 + 4", "50 + 4 = 54"],
    "how many weeks between 1 January 2024 and 1 March 2024": [
        "from 1 January 2024 to 1 March 2024 = 60 days",
        "60 = 8*7 + 4",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("prompt", "shown"), SHOWN.items())
def test_the_steps_lead_from_what_was_read_to_the_answer(prompt: str, shown: list[str]) -> None:
    assert _steps(prompt) == shown


_SUM_OF_MANY = " + ".join(str(number) for number in range(1, 41))


@pytest.mark.parametrize("prompt", [_SUM_OF_MANY, "2^1000", "sqrt(8) + 1", "sin(30 degrees)"])
def test_what_is_too_long_or_is_no_chain_of_exact_operations_shows_no_steps(prompt: str) -> None:
    assert _steps(prompt) == []


@pytest.mark.parametrize("prompt", [f"gcd({7**4000 + 1}, {3**7000 + 2})", f"{7**4000} mod {3**5000}", f"{9**3000} + 1"])
def test_numbers_of_thousands_of_digits_show_no_steps_and_take_no_time_for_them(prompt: str) -> None:
    found = worker.OPERATIONS["math.solve"]({"text": prompt})
    assert found["kind"] == "solved" and found["steps"] == (f"I read: {found['reading']}",)


def test_whatever_goes_wrong_with_steps_is_not_the_answers_fault() -> None:
    def broken() -> list[str]:
        raise TypeError("a bug")

    assert lines.kept(broken) == ()


def test_operations_that_are_too_many_one_by_one_are_done_side_by_side() -> None:
    found = _steps("(1+2)*(3+4)*(5+6)*(7+8)-(9+10)*2+3*4*5*6")
    assert found[0].endswith(" = 3*7*11*15 - 19*2 + 12*5*6")
    assert found[-1] == "3427 + 360 = 3787"


FAMILIES = [
    family
    for module in (math_numbers, math_algebra, math_calculus, math_given, percent, units)
    for family in module.FAMILIES
]
_EQUALITY = re.compile(
    r"(?:discriminant: |product of the diagonal: |row \d \* column \d: )?([^:A-Za-z\[]+) = ([^:A-Za-z\[]+)"
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_equality_in_the_steps_of_a_family_holds_and_they_are_few(family: families.Family) -> None:
    chance = random.Random(29)
    for _ in range(3):
        found = worker.OPERATIONS["math.solve"]({"text": family.make(chance).text})
        steps = found.get("steps", ())[1:]
        assert len(steps) <= lines.LINES_MAX + 2
        for step in steps:
            if match := _EQUALITY.fullmatch(step):
                left, right = (arithmetic.value(formulas.read_back(side)) for side in match.groups())
                assert arithmetic.agree(left, right), step


def test_no_steps_are_shown_where_one_does_not_follow() -> None:
    assert operations.formula("2 + 2", Fraction(5)) == ()
    assert lines.kept(lambda: [lines.equal("2 + 2", "4"), lines.equal("4", "5")]) == ()
    with pytest.raises(limits.UndecidedError):
        lines.equal("2 + 2", "5")


def test_no_steps_lead_to_a_solution_that_is_not_one() -> None:
    rows = [[Fraction(2), Fraction(1), Fraction(5)], [Fraction(1), Fraction(-1), Fraction(1)]]
    assert relations.system(rows, ["x", "y"], [Fraction(2), Fraction(2)]) == ()
    assert relations.system(rows, ["x", "y"], None) == ()
    assert relations.system(rows, ["x", "y"], [Fraction(2), Fraction(1)])[-1] == "from (1): x = (5 - 1*1)/2 = 2"


def test_no_steps_lead_to_an_integral_that_is_not_one() -> None:
    node = formulas.read_back("x^2")
    bounds = (formulas.read_back("0"), formulas.read_back("3"))
    assert calculus.between(node, "x", "x^3/2", bounds, "27/2") == ()
    assert calculus.between(node, "x", "x^3/3", bounds, "10") == ()
    assert calculus.between(node, "x", "x^3/3", bounds, "9")[-1] == "F(3) - F(0) = 9 - 0 = 9"


def test_a_line_that_is_too_long_takes_all_with_it() -> None:
    assert lines.kept(lambda: ["1 = 1", "x" * (lines.LINE_CHARS_MAX + 1)]) == ()
    assert lines.kept(lambda: ["1 = 1"] * (lines.LINES_MAX + 1)) == ()
    assert lines.kept(lambda: ["1 = 1"] * lines.LINES_MAX) == ("1 = 1",) * lines.LINES_MAX
