import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.router import parts

SEVERAL = {
    "What is 17 % of 80, and what is the capital of Peru?": ("What is 17 % of 80?", "what is the capital of Peru?"),
    "What is 2 + 2? What is 3 + 3?": ("What is 2 + 2?", "What is 3 + 3?"),
    "1. Solve x^2 = 4\n2. Who wrote Hamlet?": ("Solve x^2 = 4", "Who wrote Hamlet?"),
    "Is 97 prime? And what is 7!?": ("Is 97 prime?", "what is 7!?"),
    "Define lucid; convert 5 km to miles": ("Define lucid", "convert 5 km to miles"),
    "what is 5 squared and what is the capital of Japan": ("what is 5 squared?", "what is the capital of Japan?"),
    "What is 2 + 2? What is 3 + 3? Thanks!": ("What is 2 + 2?", "What is 3 + 3?"),
    "1. What is 17% of 80? 2. What is 5 + 6? 3. Who wrote Hamlet?": (
        "What is 17% of 80?",
        "What is 5 + 6?",
        "Who wrote Hamlet?",
    ),
    "Hi! Please answer these questions: (1) Is 97 prime? (2) What is 7!?": ("Is 97 prime?", "What is 7!?"),
    "I have two questions: 1) Define lucid. 2) convert 5 km to miles": ("Define lucid", "convert 5 km to miles"),
    "1. What is 2 + 2 and what is 3 + 3?\n2. Is 5 prime?": ("What is 2 + 2?", "what is 3 + 3?", "Is 5 prime?"),
}

ONE = [
    "What is 17 % of 80?",
    "What is 17 % of 80, and what is half of that?",
    "What is the capital of Peru and what is its population?",
    "All cats are animals. Tom is a cat. Is Tom an animal?",
    "If x = 3, what is x + 1 and what is x + 2?",
    "Anna is taller than Bob. Bob is taller than Carl. Who is the tallest? Who is the shortest?",
    "Ann has 3 apples. How many has she, and how many have both?",
    "What is the sum of 2 and 3?",
    "Who wrote Hamlet and Macbeth?",
    "Solve x + y = 3 and x - y = 1",
    "Solve x + y = 3 and find the other one",
    "What is larger, 2 or 3?",
    "Is it true that all cats are animals and is it likely?",
    "```\nwhat is 2?\nwhat is 3?\n```",
    "Write a function that adds. Write tests for it.",
    "What is 2 + 2? Explain the answer.",
    "1. What is the sum of 1 and 2. What is 5?",
    "1. What is the mean of 1, 2. What is the mean of 3, 4?",
    "1. What is the distance from (0, 0) to (1, 2) what is 5?",
    "1. What is 2 + 2? 3. What is 3 + 3?",
    "1. What is 2 + 2? 2) What is 3 + 3?",
    "2. What is 2 + 2? 1. What is 3 + 3?",
    "Answer in French: 1. What is 2 + 2? 2. What is 3 + 3?",
    "Ann has 3 pens. 1. How many has Ann? 2. What is twice as much?",
    "Which is true? 1. Is 2 prime? 2. Is 4 prime?",
    "If x = 3: 1. What is x + 1? 2. What is x + 2?",
    "1. What is 2 + 2? 2. What is it squared?",
    "1. What is 2 + 2?",
    "",
    "and",
    "what is " * 200,
]


@pytest.mark.parametrize("text", SEVERAL)
def test_questions_that_stand_alone_are_split(text: str) -> None:
    assert parts.split(text) == SEVERAL[text]


@pytest.mark.parametrize("text", ONE)
def test_what_is_one_question_or_may_be_stays_whole(text: str) -> None:
    assert parts.split(text) == ()


def test_more_parts_than_the_bound_stay_whole() -> None:
    assert parts.split("What is 1 + 1? " * (parts.PARTS_MAX + 1)) == ()


_ASKED = ["What is 17% of 80?", "Who wrote Hamlet?", "Is 97 prime?", "What is 7!?", "Define lucid.", "Solve x^2 = 4."]
_STYLES = ["{}.", "{})", "({})", "{}:"]
_CALLS = ["", "Questions: ", "Please answer these three questions: ", "hi, solve the following problems. "]


@given(
    st.lists(st.sampled_from(_ASKED), min_size=2, max_size=parts.PARTS_MAX),
    st.sampled_from(_STYLES),
    st.sampled_from(_CALLS),
    st.sampled_from([" ", "  ", "\n", "\n\n"]),
    st.sampled_from(["", " Thanks!", " please"]),
)
def test_questions_with_numbers_in_one_line_or_several_are_split(
    asked: list[str], style: str, call: str, joint: str, thanks: str
) -> None:
    text = joint.join(f"{style.format(place)} {question}" for place, question in enumerate(asked, start=1))
    assert parts.split(f"{call}{text}{thanks}") == tuple(question.rstrip(".") for question in asked)


@given(st.text(alphabet="What is 2+3?and,;.\n x who", max_size=200))
def test_every_part_stands_in_the_text(text: str) -> None:
    for part in parts.split(text):
        assert part.rstrip("?") in text
