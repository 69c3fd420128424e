"""Any text: never an error, never long, and nothing but the ten digits of ASCII is a number."""

import datetime
import time

import hypothesis
import hypothesis.strategies as st
import pytest

from council.serving.compute import quantities, results
from council.testing.questions import campaign, counting, dates, percent, statistics, stories, units

ALL = [*percent.FAMILIES, *units.FAMILIES, *statistics.FAMILIES, *counting.FAMILIES, *dates.FAMILIES, *stories.FAMILIES]
QUESTIONS = [asked.text for family in ALL for asked in campaign.draw(family, 3, seed=2)]
# Prices and stories have places for the name of anything.
WITHOUT_NAMES = [
    asked.text
    for family in [*percent.FAMILIES[:6], *units.FAMILIES, *statistics.FAMILIES, *counting.FAMILIES, *dates.FAMILIES]
    for asked in campaign.draw(family, 3, seed=2)
]
PIECES = (
    "1,000 ",
    "half of ",
    "5 ft 3 in ",
    "Tom has 5 apples and ",
    "3 red balls, ",
    "1 2 ",
    "2, ",
    "an ",
    "2025-01-01 ",
    "9:00 plus 3 h ",
)
STARTS = (
    "",
    "what is ",
    "how many ",
    "convert ",
    "mean of ",
    "a bag contains ",
    "Tom has ",
    "A pen costs $2. ",
    "divide 60 in the ratio 1:",
)
ENDS = ("", " in cm", ". How many apples does Tom have?", " to km")


@hypothesis.given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    assert isinstance(quantities.solve(text), results.Solved | results.PassedOn | results.Refused)


@hypothesis.given(st.sampled_from(QUESTIONS), st.data())
def test_a_question_with_one_word_changed_for_another_never_raises(question: str, data: st.DataObject) -> None:
    words = question.split(" ")
    place = data.draw(st.integers(0, len(words) - 1))
    words[place] = data.draw(st.sampled_from(" ".join(QUESTIONS).split(" ")[:500]))
    assert isinstance(quantities.solve(" ".join(words)), results.Solved | results.PassedOn | results.Refused)


@hypothesis.given(st.sampled_from(WITHOUT_NAMES), st.data())
def test_a_word_put_in_that_is_in_no_grammar_ends_the_reading(question: str, data: st.DataObject) -> None:
    words = question.split(" ")
    place = data.draw(st.integers(1, len(words)))
    asked = " ".join([*words[:place], "zyxw", *words[place:]])
    result = quantities.solve(asked, datetime.date(2026, 1, 1))
    assert not isinstance(result, results.Solved), asked


@pytest.mark.long
@pytest.mark.parametrize("start", STARTS)
def test_long_texts_of_the_grammar_take_no_time(start: str) -> None:
    for piece in PIECES:
        for end in ENDS:
            text = (start + piece * 200)[:1100] + end
            begun = time.process_time()
            quantities.solve(text)
            assert time.process_time() - begun < 1.0, text[:60]


@pytest.mark.parametrize("question", [asked.text for family in ALL for asked in campaign.draw(family, 1, seed=4)])
def test_digits_of_other_scripts_are_no_numbers(question: str) -> None:
    if not any(character.isdigit() for character in question):
        return
    wide = "".join(chr(ord(character) + 0xFEE0) if character in "0123456789" else character for character in question)
    assert isinstance(quantities.solve(wide), results.PassedOn)


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_what_is_too_long_is_passed_on_at_once(size: int) -> None:
    assert isinstance(quantities.solve("5 km plus " * (size // 10)), results.PassedOn)
