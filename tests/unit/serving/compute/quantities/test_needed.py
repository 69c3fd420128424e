"""Words that a pattern needs: none too many, and enough that most patterns are never compiled for a text."""

import random
import re

import pytest

from council.serving.compute import quantities
from council.serving.compute.quantities import dates, frames, needed
from council.testing.questions import campaign, counting, families, percent, shapes, stories, units
from council.testing.questions import dates as date_questions

PATTERNS = [frame.pattern for frame in (*quantities._FRAMES, *dates.frames_on(None))]


@pytest.mark.parametrize(
    ("pattern", "clauses"),
    [
        ("how many (?:different )?ways", (("how many ",), ("ways",))),
        ("(?P<verb>gives?|gave) up", ((" up",), ("gave", "give"))),
        ("(?:a|b)? c+d? ef?g", ((" e",), ("g",))),
        ("add|take away", (("add", "take away"),)),
        (r"\d+|none", ()),
        ("(?:one|)", ()),
        ("(?:in|on){0,2} it", ((" it",),)),
        ("(?:in|on){1,2} it", ((" it",),)),
        ("(?!not )(?<=so )be(?= it)", (("be",),)),
        (r"[abc(]+\(x\)", (("x",),)),
        ("(?:(?:no|yes)+ sir)+", ((" sir",), ("no", "yes"))),
        ("(?P<n>x) is (?P=n)", ((" is ",), ("x",))),
        ("", ()),
    ],
)
def test_what_must_stand_in_a_text_is_read_from_the_pattern(pattern: str, clauses: tuple[needed.Clause, ...]) -> None:
    assert set(needed.clauses(pattern)) == set(clauses)


@pytest.mark.long
def test_whatever_matches_has_the_words_that_its_pattern_needs() -> None:
    """Made questions as they are, without some words, and in capitals."""
    chance = random.Random(7)
    made: list[families.Family] = [
        *percent.FAMILIES, *units.FAMILIES, *shapes.FAMILIES, *counting.FAMILIES, *stories.FAMILIES, *date_questions.FAMILIES,
    ]  # fmt: skip
    compiled = [re.compile(pattern.text, re.IGNORECASE | re.ASCII) for pattern in PATTERNS]
    wanted = [needed.clauses(pattern.text) for pattern in PATTERNS]
    matched = set()
    for family in made:
        for asked in campaign.draw(family, 4, seed=7):
            words = asked.text.rstrip("?. ").split(" ")
            less = [word for word in words if chance.random() > 0.1]
            for text in (" ".join(words), " ".join(words).upper(), " ".join(less)):
                for number, pattern in enumerate(compiled):
                    if pattern.fullmatch(text):
                        matched.add(number)
                        assert needed.stand_in(text.lower(), wanted[number]), pattern.pattern
    assert len(matched) > 60


def test_hardly_a_pattern_is_compiled_for_a_question() -> None:
    fresh = [frames.Pattern(pattern.text) for pattern in PATTERNS]
    for text in ("what is 17% of 2,340", "how many kilometres is 26.2 miles", "what is the capital of france"):
        for pattern in fresh:
            pattern.fullmatch(text)
    assert sum(pattern.is_compiled for pattern in fresh) < len(fresh) / 5
