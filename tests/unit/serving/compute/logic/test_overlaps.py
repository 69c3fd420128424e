"""Overlapping groups: cases worked out by hand, and what is too large."""

import time

import pytest

from council.domain import answers
from council.serving.compute import logic, results

DRINKS = "Of 30 people, 18 like tea, 15 like coffee and 7 like both. "
SPORTS = "In a class of 40 students, 20 play football, 18 play tennis, 12 play chess, "


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (DRINKS + "How many like neither?", "4."),
        (DRINKS + "How many people like only tea?", "11."),
        (DRINKS + "How many of them like exactly one?", "19."),
        (DRINKS + "How many of them like tea or coffee or both?", "26."),
        (DRINKS + "How many like exactly one of the two drinks?", "19."),
        ("A survey of 100 people found that 60 like tea, 50 like coffee and 20 like neither. How many like both?", "30."),
        (DRINKS + "How many do not like tea?", "12. Of those counted, 12 do not like tea."),
        ("There are 30 people. 18 of them like tea and 15 of them like coffee. 7 like both. How many like neither?", "4."),
        ("Of 40 students, 20 play chess and 15 of them play tennis. How many play only chess?", ""),
        ("Of 40 students, 20 own a cat, 15 own black cats. How many own both?", ""),
        ("Of 40 students, 20 play chess and 15 play tennis instead. How many play both?", ""),
        (DRINKS + "Five people leave. How many like tea but not coffee?", ""),
        (DRINKS.replace(" and 7 like both", "") + "How many like both?", "It cannot be determined"),
        ("Of 30 people, 18 like tea and 15 like coffee. Everyone likes at least one. How many like both?", "3."),
        ("Of 30 people, 18 like tea and 15 like coffee. Everyone likes both. How many like neither?", ""),
        ("Of 30 people, 18 like tea and 15 like coffee. Everyone likes tea or coffee. How many like both?", "3."),
        ("Of 30 people, 18 like tea, 15 like coffee and 7 like both. How many like tea or coffee?", "26."),
        ("Of 30 people, 18 like tea, 15 like coffee and 7 like both. How many like either tea or coffee?", ""),
        ("Of 30 people, 18 like tea, 15 like coffee and 7 like both. How many like tea or coffee but not both?", "19."),
        ("In a class of 30, 18 like tea, 15 like coffee and 7 like both. How many like neither?", "4."),
        ("In a class of 30 boys play chess and 15 play tennis. How many play both?", ""),
        (SPORTS + "7 play football and tennis, 5 play football and chess, 4 play tennis and chess and 2 play all three sports."
         " How many play none of these sports?", "4."),
    ],
)  # fmt: skip
def test_regions_are_counted(text: str, answer: str) -> None:
    result = logic.solve(text)
    if not answer:
        assert isinstance(result, results.PassedOn)
        return
    assert isinstance(result, results.Solved), result
    assert result.answer.startswith(answer)
    assert result.level is answers.Level.COMPUTED


def test_where_several_numbers_fit_the_least_and_the_most_are_told() -> None:
    result = logic.solve("Of 30 people, 18 like tea and 15 like coffee. How many like both?")
    assert isinstance(result, results.Solved)
    assert result.answer == "It cannot be determined from what was given: anything from 3 to 15 fits."


@pytest.mark.parametrize("both", [16, 2])
def test_numbers_that_clash_are_refused(both: int) -> None:
    result = logic.solve(f"Of 30 people, 18 like tea, 15 like coffee and {both} like both. How many like neither?")
    assert isinstance(result, results.Refused)
    assert "contradict" in result.reason


@pytest.mark.long
@pytest.mark.no_cover
def test_large_counts_end_soon() -> None:
    big = "Of 900000 people, 500000 like tea, 400000 like coffee and 300000 like cocoa. How many like all three?"
    started = time.process_time()
    assert not isinstance(logic.solve(big), results.Refused)
    assert not isinstance(logic.solve(big.replace("900000", "9" * 400)), results.Solved)
    assert time.process_time() - started < 3
