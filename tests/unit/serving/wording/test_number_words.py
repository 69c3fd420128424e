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
