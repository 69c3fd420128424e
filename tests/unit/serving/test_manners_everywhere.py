"""Every reader of questions takes the same polite words off, and none answers what it must not because of them."""

from collections.abc import Callable

import pytest

from council.serving.cache import questions
from council.serving.compute import logic, math, quantities, results
from council.serving.compute.code import reading, tracebacks
from council.serving.memory import statements
from council.serving.memory.corpora import asking
from council.serving.specialists import quotable

AROUND = [
    ("Good morning! Could you kindly tell me: ", ", please? Thank you very much!"),
    ("Hey council, ", " - thanks in advance"),
    ("ok so ", " thx :)"),
    ("Quick: ", "?"),
    ("hi, just a quick question: ", " thanks"),
]
READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "mathematics": ("what is the gcd of 84 and 36", math.solve),
    "equations": ("solve 2x + 3 = 11", math.solve),
    "quantities": ("how many days are in February 2024", quantities.solve),
    "logic": ("is p -> q equivalent to ~q -> ~p", logic.solve),
    "facts": ("what is the capital of Peru", asking.plain),
    "textbook": ("write a function that reverses a string", reading.read),
    "code": ("what does `print(1 + 1)` print", reading.read),
    "errors": ("explain ZeroDivisionError: division by zero", tracebacks.explain),
    "memories": ("what is my name", statements.asked_in),
    "answers given before": ("what is an atom", questions.gist),
}


@pytest.mark.parametrize(("before", "after"), AROUND)
@pytest.mark.parametrize("name", READERS)
def test_a_polite_question_is_read_as_the_bare_one(name: str, before: str, after: str) -> None:
    text, read = READERS[name]
    bare = read(text)
    assert bare and not isinstance(bare, results.PassedOn)
    assert read(f"{before}{text}{after}") == bare


@pytest.mark.parametrize("before", ["Could you tell me ", "Hi, ", "I'd like to know: ", "do you know "])
def test_a_yes_or_no_question_is_one_behind_any_manners(before: str) -> None:
    assert "yes-or-no" in quotable.refusal(f"{before}is the harbour open, please?")


MUST_NOT = [
    "Hello Kitty is a cat. All cats are animals. Is Kitty an animal?",
    "Kindly people are happy. Ann is a person. Is Ann happy?",
    "So many as 5 + 3",
    "Can you 12-3",
    "Quick: Bob is a knave. Bob: Quick is a knight. Who is a knave?",
    "Quick: all cats are animals. Slow: no cats are dogs. Are all cats animals?",
]


@pytest.mark.parametrize("text", MUST_NOT)
def test_words_that_only_look_polite_are_not_dropped_from_what_is_given(text: str) -> None:
    for solve in (math.solve, logic.solve, quantities.solve):
        found = solve(text)
        assert not isinstance(found, results.Solved) or "cannot be determined" in found.answer.lower(), found
