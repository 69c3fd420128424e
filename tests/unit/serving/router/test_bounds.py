"""A decision costs no more than a bounded time, whatever is sent."""

import random
import time

import pytest

from council.domain import answering, answers
from council.serving.router import decision, features, head

_CHARS = 100_000
# Nothing that was seen took more than 20 ms on a slow machine; a step that is not linear takes seconds at this length.
_ALLOWED_CPU_S = 0.25

_REPEATED = (
    *(
        "a",
        " ",
        "\n",
        " \n",
        "\t",
        "1 ",
        "1.",
        "1,000 ",
        "- ",
        "1) ",
        "A) ",
        "=",
        "a=",
        "(",
        "? ",
        "?\n",
        ". A",
        "! ",
        "```",
        "`",
    ),
    *(
        "if ",
        "if a, ",
        "all ",
        "all a are ",
        "what day ",
        "what is ",
        "who ",
        "more x ",
        "write ",
        "assert a",
        "def a\n",
    ),
    *(
        "and ",
        " and what is 1",
        "; ",
        "hello, ",
        "please ",
        "council, ",
        "can you tell me ",
        "thanks ",
        "for me ",
        "what 1 ",
    ),
    *("\u0130", "\u03a9", "\u6f22", "\ufdfa", "\u0300\u0323", "\u0315\u0327\u0301\u0323", "e\u0345\u0334", "\ud800"),
)


def _cpu_s(*said: str) -> float:
    messages = [answers.Message("user", text) for text in said]
    settings, weights = answering.RouterConfig(), head.packaged()
    took_s = []
    for _ in range(3):
        began_s = time.thread_time()
        decision.choose(messages, settings, weights)
        took_s.append(time.thread_time() - began_s)
    return min(took_s)


@pytest.mark.parametrize("chars", [300, 600, 4_000, _CHARS])
@pytest.mark.parametrize("unit", _REPEATED)
def test_a_long_text_of_one_thing_over_and_over_is_decided_in_bounded_time(unit: str, chars: int) -> None:
    text = (unit * (chars // len(unit) + 1))[:chars]
    assert _cpu_s(text) < _ALLOWED_CPU_S
    assert _cpu_s(text, "and of 300?") < _ALLOWED_CPU_S


def test_a_long_text_of_words_or_signs_that_were_never_seen_is_decided_in_bounded_time() -> None:
    chance = random.Random(1)
    words = " ".join("".join(chance.choices("abcdefghij", k=4)) for _ in range(_CHARS // 5))
    signs = "".join(chr(chance.randrange(0x110000)) for _ in range(_CHARS))
    assert max(_cpu_s(words), _cpu_s(signs)) < _ALLOWED_CPU_S


def test_a_sign_that_becomes_many_adds_no_more_to_what_is_read_than_other_signs() -> None:
    assert len(features.clipped("\ufdfa" * _CHARS)) <= features.HEAD_CHARS + features.TAIL_CHARS + 1


def test_the_marks_of_a_letter_are_read_up_to_a_number() -> None:
    assert len(features.clipped("e" + "\u0323\u0315" * 2_000)) < 200
    # Lines and other signs that stand in the same place are no marks of a letter.
    assert features.clipped("\u2500" * 2_000) == "\u2500" * 2_000


def test_long_words_are_not_kept() -> None:
    long = "a" * 4_000
    before = features._kept_grams.cache_info().currsize
    features.of(long)
    assert features._kept_grams.cache_info().currsize == before
    assert features._kept_grams.cache_info().maxsize is not None
