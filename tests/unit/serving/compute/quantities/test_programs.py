"""Whether a program that a model wrote counts, without running it."""

import pytest

from council.serving.compute.quantities import programs

NUMBERS = ["12.50", "1,000", "3"]


@pytest.mark.parametrize(
    "code",
    [
        "print(12.5 * 2)",
        "pens = 1000\nprint(pens - 1)",
        "total = 0\nfor week in range(3):\n    total += 2\nprint(total)",
    ],
)
def test_a_program_that_computes_with_a_number_of_the_question_counts(code: str) -> None:
    assert programs.against({"code": code, "numbers": NUMBERS}) == {"against": ""}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "no program"),
        ("print(3 * 2)\n" + "#" * 9_000, "too long"),
        ("print(3 *", "not Python"),
        ("print(3 * 2)\x00", "not Python"),
        ("print(7 * 2)", "no number of the question"),
        ("print('3' * 2)", "no number of the question"),
        ("print(3)", "computes nothing"),
        ("x = 0x" + "f" * 7_000 + "\nprint(x * 1e999)", "no number of the question"),
        ("(" * 3_000 + "3" + ")" * 3_000, "not Python"),
    ],
)
def test_any_other_says_why_not(code: str, reason: str) -> None:
    assert reason in str(programs.against({"code": code, "numbers": NUMBERS})["against"])


def test_a_number_that_is_none_does_not_stop_it() -> None:
    assert programs.against({"code": "print(3 * 2)", "numbers": ["1.2.3", "3"]}) == {"against": ""}
