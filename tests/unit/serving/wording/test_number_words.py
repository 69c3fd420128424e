import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.wording import number_words


def test_cardinals_are_the_single_words_of_a_span_in_order() -> None:
    assert number_words.cardinals(2, 4) == {"two": 2, "three": 3, "four": 4}
    assert list(number_words.cardinals(19, 40).items()) == [
        ("nineteen", 19),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
    ]
    assert len(number_words.cardinals(0, 90)) == 28


def test_ordinals_are_the_single_words_of_a_span_in_order() -> None:
    assert number_words.ordinals(2, 4) == {"second": 2, "third": 3, "fourth": 4}
    assert list(number_words.ordinals(1, 99))[-1] == "twelfth"


@pytest.mark.parametrize(
    ("text", "number"),
    [("zero", 0), ("seventeen", 17), ("ninety", 90), ("twenty-one", 21), ("forty two", 42), ("a dozen", 12)],
)
def test_a_count_is_read_in_words(text: str, number: int) -> None:
    assert number_words.COUNTS[text] == number


@pytest.mark.parametrize("text", ["twenty-ten", "twenty-zero", "twentyone", "ten-one", "hundred", "dozen", "first", ""])
def test_what_is_no_count_up_to_ninety_nine_is_none(text: str) -> None:
    assert text not in number_words.COUNTS


def test_every_number_up_to_ninety_nine_has_its_words() -> None:
    assert set(number_words.COUNTS.values()) == set(range(100))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("half", Fraction(1, 2)),
        ("a half", Fraction(1, 2)),
        ("an eighth", Fraction(1, 8)),
        ("three halves", Fraction(3, 2)),
        ("two thirds", Fraction(2, 3)),
        ("three quarters", Fraction(3, 4)),
        ("eleven hundredths", Fraction(11, 100)),
    ],
)
def test_a_fraction_is_read_in_words(text: str, value: Fraction) -> None:
    assert number_words.FRACTIONS[text] == value


@pytest.mark.parametrize(
    "text", ["two third", "one thirds", "two halfs", "halves", "zero thirds", "thirteen fifths", "one"]
)
def test_what_is_no_fraction_in_words_is_none(text: str) -> None:
    assert text not in number_words.FRACTIONS


@given(st.integers(0, 10**9))
def test_a_place_ends_as_its_last_word_does(number: int) -> None:
    ending = number_words.ordinal_ending(number)
    last, tens = number % 10, number // 10 % 10
    assert (ending == "th") == (tens == 1 or last not in (1, 2, 3))
    assert tens == 1 or last not in (1, 2, 3) or ending == {1: "st", 2: "nd", 3: "rd"}[last]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("two hundred and five plus one", "205 plus one"),
        ("half a million plus 1", "500000 plus 1"),
        ("two and a half hours in min", "2.5 hours in min"),
        ("a quarter of a million", "a quarter of 1000000"),
        ("three million two hundred thousand and six", "3200006"),
        ("one thousand  two hundred and thirty-four\ttimes two", "1234 times two"),
        ("A HUNDRED and one minus a hundred", "101 minus 100"),
        ("1.25 thousand", "1250"),
        ("1.5 million - 0.5 million", "1500000 - 500000"),
    ],
)
def test_a_large_or_mixed_number_is_put_into_digits(text: str, digits: str) -> None:
    assert number_words.in_digits(text) == digits


@pytest.mark.parametrize(
    "text",
    [
        "the sum of two hundred and five", "max(two hundred and five)", "twenty-five hundred", "two hundred and five sixths",
        "2,5 million", "1.5 million two hundred", "nine billion", "one thousand and two hundred", "two hundred, five",
        "a hundred and a half", "five hundredths", "half a hundred", "two hundred and five point five", "hundred",
        "3 hundred", "two-hundred-page",
        "one hundred five hundred", "half a million and six", "two hundred plus three billion", "forty two", "a dozen", "",
    ],
)  # fmt: skip
def test_what_may_be_more_or_other_than_one_number_stays_as_it_came(text: str) -> None:
    assert number_words.in_digits(text) == text


def test_a_long_text_of_number_words_is_left_in_time() -> None:
    start = time.process_time()
    for text in ("one hundred and " * 120, "half a million two " * 100, "and a half " * 180, "a" * 200_000):
        assert number_words.in_digits(text) == text
    assert time.process_time() - start < 1
