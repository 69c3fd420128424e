import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from council.serving.wording import manners

TAKEN = {
    "What is gold?": "What is gold",
    "please what is gold": "what is gold",
    "Hi, what is gold?": "what is gold",
    "hello there! what is gold, please?": "what is gold",
    "Hey council, what is gold? Thanks!": "what is gold",
    "Council, what is gold?": "what is gold",
    "council what is gold": "what is gold",
    "Good morning! Could you please tell me what gold is? Thank you very much.": "what gold is",
    "Would you kindly tell me: what is gold": "what is gold",
    "ok so tell me, what is gold": "what is gold",
    "Well, what is gold?": "what is gold",
    "Do you happen to know what gold is?": "what gold is",
    "I'd like to know what gold is": "what gold is",
    "I\N{RIGHT SINGLE QUOTATION MARK}d like to know, what is gold": "what is gold",
    "quick question: what is gold": "what is gold",
    "Can you calculate 3 + 4, please?": "calculate 3 + 4",
    "could you help me solve x = 3": "solve x = 3",
    "Thanks. Now solve x = 3 - thanks in advance": "Now solve x = 3",
    "show me how to do it": "how to do it",
    "pls what is gold": "what is gold",
    "17% of 200 plz": "17% of 200",
    "Question: what is gold?": "what is gold",
    "Quick: what is gold?": "what is gold",
    "quick : 17% of 200": "17% of 200",
    "Hi! Quick one: who is it?": "who is it",
    "QUICK Q: is it gold?": "is it gold",
    "Quick: please tell me what gold is": "what gold is",
    "Quick, what is gold?": "what is gold",
    "Quickly: convert 5 km to miles, please": "convert 5 km to miles",
    "Just a quick question: what is gold?": "what is gold",
    "Quick question. What is gold?": "What is gold",
    "A quick question, who is it?": "who is it",
    "Quick question what is gold": "what is gold",
    "hey, quick: (2 + 3) * 4": "(2 + 3) * 4",
    "PLEASE TELL ME WHAT 17% OF 200 IS": "what is 17% OF 200",
    "(2 + 3) * 4 equals what?": "what is (2 + 3) * 4",
    "Could you compute 17% of 200 for me?": "compute 17% of 200",
    "Let me know who it is": "who it is",
    "Hi... what is gold": "what is gold",
    "what is 5!, thanks!": "what is 5!",
    "Tell me the sum of 1, 2,\nand 3 please": "the sum of 1, 2,\nand 3",
    "Can you help me?": "help me",
    "what is gold? :-) ": "what is gold",
    "Is it gold, please?": "Is it gold",
    "Hello Is 5 prime?": "Is 5 prime",
    "HELLO WHAT IS GOLD": "WHAT IS GOLD",
    "hey 5 + 3": "5 + 3",
    "so what is it": "what is it",
    "Kindly tell me what it is": "what it is",
    "hello": "",
    "please, please": "",
    "Thank you!": "",
}


@pytest.mark.parametrize(("text", "asked"), TAKEN.items())
def test_polite_words_around_a_question_are_taken_away(text: str, asked: str) -> None:
    assert manners.without(text) == asked


# Texts in which the same words mean something.
KEPT = [
    "How many apples did Tom buy for me",
    "what gold is",
    "60 is 20% less than what",
    "can you swim",
    "Could you have known",
    "Would you rather be a cat",
    "Council tax in Leeds",
    "council houses what are they",
    "Hi-fi systems of 1970",
    "Well depth of 30 m",
    "so-called experts",
    "Sort 3, 1, 2",
    "So many as 5 and 6",
    "Kindly people are generous",
    "Hello Kitty is a cat",
    "OK Computer is an album",
    "Good Morning Vietnam is a film",
    "Sodium and gold",
    "Pleased to meet him",
    "Hello's meaning",
    "okayed by 3 of 5",
    "Thanksgiving is when",
    "Thanks to whom is it known",
    "Give me the capital of France",
    "Show me 25% of 80",
    "Help me",
    "I want to know-how",
    "what is the displease",
    "Translate 'thanks'",
    "f(x:)",
    "Quick: Bob is a knave",
    "Quick: if Bob is a knave, Ann is one",
    "Quick: I am a knight",
    "Quick: all cats are animals",
    "Quick brown foxes are animals",
    "Quick, brown foxes are animals",
    "Quick sort: what is it",
    "quick is the opposite of slow",
    "A quick question is one that takes no time",
    "The quick question: what",
]


@pytest.mark.parametrize("text", KEPT)
def test_the_same_words_stay_where_they_mean_something(text: str) -> None:
    assert manners.without(text) == text


@pytest.mark.parametrize(
    ("text", "asked"), [("Hi, .5 + 1", ".5 + 1"), ("please -5 + 3", "-5 + 3"), ("ok: (2)", "(2)"), ("hey .25", ".25")]
)
def test_no_sign_of_a_number_goes_with_the_manners(text: str, asked: str) -> None:
    assert manners.without(text) == asked


def test_only_the_marks_that_a_grammar_does_not_read_are_taken() -> None:
    assert manners.without("what is 5! thanks", "?.") == "what is 5!"
    assert manners.without("what is 5 = thanks!", "?=") == "what is 5"
    assert manners.without("what is it?", "") == "what is it?"


POLITE = ["please ", "Hi, ", "Could you tell me ", "Council: ", "ok ", "Do you know "]
THANKFUL = ["", " please", ", thanks!", "? Thank you so much.", " thx"]


@given(
    st.lists(st.sampled_from(POLITE), max_size=3),
    st.sampled_from(["3 + 4", "who wrote it", "x"]),
    st.sampled_from(THANKFUL),
)
def test_any_order_of_manners_leaves_the_same_question(before: list[str], asked: str, after: str) -> None:
    assert manners.without("".join(before) + asked + after) == asked


@given(st.text(max_size=200))
def test_what_is_left_is_a_part_of_the_text(text: str) -> None:
    assert manners.without(text) in text


@given(st.text(max_size=200))
@example("0?\x85?")
def test_no_manners_are_left_in_what_is_left(text: str) -> None:
    left = manners.without(text)
    assert manners.without(left) == left


@pytest.mark.parametrize(
    "piece", [" ", "please ", "hi, ", "?", ", thanks", "can you ", "i would like to know ", "-", "so"]
)
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    began_s = time.process_time()
    manners.without(piece * 10_000)
    assert time.process_time() - began_s < 1.0
