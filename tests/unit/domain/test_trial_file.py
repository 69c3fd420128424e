from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from council.domain import baking, errors, trial_file

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "trial.yaml").read_text())
ONE = {"kind": "arithmetic", "ask": "What is 2 + 2?", "answer": "4"}


def test_what_council_ships_is_of_every_kind_and_mostly_known() -> None:
    questions = trial_file.build(SHIPPED)
    assert len(questions) == 40 and sum(not one.answer for one in questions) <= 8
    kinds = {"arithmetic", "algebra", "units", "dates", "logic", "knowledge", "code", "general"}
    assert {one.kind for one in questions} == kinds
    assert all(len(one.text) <= 200 for one in questions)


def test_a_question_is_read_as_it_stands() -> None:
    known, unknown = trial_file.build({"trial_questions": [ONE, {"kind": "general", "ask": " Sing. "}]})
    assert known == baking.Question("arithmetic", "What is 2 + 2?", "4")
    assert unknown == baking.Question("general", "Sing.")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ({}, "must be a list of 1 to 200 questions"),
        ({"trial_questions": []}, "must be a list"),
        ({"trial_questions": "What is 2 + 2?"}, "must be a list"),
        ({"trial_questions": {"a": ONE}}, "must be a list"),
        ({"trial_questions": [ONE] * 201}, "must be a list of 1 to 200"),
        ({"trial_questions": [ONE], "more": 1}, "Unknown key `more` in trial.yaml"),
        ({"trial_questions": ["Sing."]}, "`trial_questions\\[0\\]` in trial.yaml must be a section"),
        ({"trial_questions": [{**ONE, "reply": "4"}]}, "Unknown key `trial_questions\\[0\\].reply`"),
        ({"trial_questions": [{"ask": "Sing."}]}, "`trial_questions\\[0\\].kind` is missing"),
        ({"trial_questions": [ONE, {"kind": "general"}]}, "`trial_questions\\[1\\].ask` is missing"),
        ({"trial_questions": [{**ONE, "ask": " "}]}, "ask` is missing"),
        ({"trial_questions": [{**ONE, "ask": "x" * 501}]}, "up to 500 characters"),
        ({"trial_questions": [{**ONE, "answer": 4}]}, "answer` is missing: say it"),
        ({"trial_questions": [{**ONE, "answer": "2"}]}, "stands in the question itself"),
        ({"trial_questions": [ONE, dict(ONE)]}, "asks 'What is 2 \\+ 2\\?' twice"),
        ({"trial_questions": [{"kind": "g", "ask": f"Sing {n}."} for n in range(9)]}, "9 questions .* at most 8 may"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(file: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.ConfigError, match=told):
        trial_file.build(file)


@pytest.mark.parametrize("text", ["= 12", "12", "12.", "It is 12, I think.", "(12)", "a 12\nb"])
def test_an_answer_is_in_what_says_it(text: str) -> None:
    assert baking.holds(text, "12")


@pytest.mark.parametrize("text", ["", "112", "12.5", "1,012", "12,000", "0.12", "12a", "a12", "1 2"])
def test_an_answer_is_not_in_another_number_or_word(text: str) -> None:
    assert not baking.holds(text, "12")


@pytest.mark.parametrize("answer", ["text[::-1]", "3*x^2 + 5", "x = 11", "Yes. Nothing"])
def test_an_answer_is_taken_by_its_letters_and_not_as_a_pattern(answer: str) -> None:
    assert baking.holds(f"So: {answer}; done", answer) and not baking.holds("So: text, 3xx2, X = 11", answer)


@given(st.text(max_size=20), st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_what_holds_an_answer_holds_its_letters(before: str, answer: str, after: str) -> None:
    assert not baking.holds(before + after, answer) or answer in before + after
    assert baking.holds(f"{before} {answer} {after}", answer)


def test_of_a_question_without_a_known_answer_nobody_says_whether_it_is_right() -> None:
    assert baking.Question("general", "Sing.").right("La.") is None
