import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.router import signals

_WITH_WORDS = [signal for signal in signals.SIGNALS if signal.words or signal.marks]
# Whatever a signal asks for, in pieces that make up more than they say: "square", "root", "c", "++".
_PIECES = sorted(
    {word for signal in _WITH_WORDS for word in signal.words}
    | {mark for signal in _WITH_WORDS for mark in signal.marks}
    | set(
        "square cube of by is are then what which who does mean we it be can function code tallest bigger more x".split()
    )
    | set(
        "the today 2 3 x y ( ) += , . ? : _ * # ' \u2019 ab++ def\t from\u00a0a import assert\u00a0f( \ud800".split(" ")
    )
)
_TEXTS = st.one_of(
    st.lists(
        st.tuples(st.sampled_from(_PIECES), st.sampled_from(("", " ", " ", "  ", "\n"))).map("".join), max_size=14
    ).map("".join),
    st.text(max_size=80),
)


def _in_some_case(text: str, upper: bool) -> str:
    return text.upper() if upper else text


@given(_TEXTS, st.booleans())
def test_what_a_signal_cannot_do_without_hides_nothing(text: str, upper: bool) -> None:
    read = signals.small(_in_some_case(text, upper))
    for signal in _WITH_WORDS:
        pattern = signal.pattern or re.compile(rf"\b(?:{'|'.join(map(re.escape, signal.words))})\b")
        assert signal.found(read, frozenset(re.findall(r"\w+", read))) == (pattern.search(read) is not None), (
            signal.reason
        )


def test_small_letters_are_those_that_a_search_without_case_takes_for_the_same() -> None:
    letter, word, digit = re.compile("[a-z]", re.IGNORECASE), re.compile(r"\w"), re.compile(r"\d")
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        small = signals.small(character)
        assert len(small) == 1, code
        assert bool(letter.match(character)) == ("a" <= small <= "z"), code
        assert bool(word.match(character)) == bool(word.match(small)), code
        assert bool(digit.match(character)) == bool(digit.match(small)), code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SOLVE it", "math: a mathematical verb"),
        ("\u017folve it", "math: a mathematical verb"),
        ("the Square Root of it", "math: a mathematical noun"),
        ("from a import b", "code: code itself"),
        ("KeyError: 'a'", "code: a traceback"),
        ("I like C++a lot", "code: a programming language"),
        ("Is it so?", "knowledge: a yes-or-no question"),
        ("You are KNAVES", "logic: knights and knaves"),
    ],
)
def test_signals_are_found_whatever_the_case(text: str, reason: str) -> None:
    assert reason in signals.find(text).reasons


def test_a_word_within_a_word_is_no_signal() -> None:
    assert signals.find("resolved, councils, preprime").reasons == ()


def test_signals_after_what_is_read_are_not_found() -> None:
    assert signals.find("x " * signals.CHARS_MAX + "solve").reasons == ()
