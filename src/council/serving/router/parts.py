"""Splits a question of several questions, where each can stand alone.

"What is 17 % of 80, and what is the capital of Peru?" is two. Splitting wrongly costs more than not splitting: a text is only
split where every part begins as a question or a request does and none leans on another. Whatever gives facts for the parts to
use stands in a part of its own that is none of these, so such a text stays whole. What is asked of each thing of a list is a
part for each (`lists`).
"""

import re

from council.serving.router import lists
from council.serving.wording import manners

PARTS_MAX = 4
_CHARS_MAX = 600
_WORDS_MIN = 2

_OPENING = (
    r"(?:what(?:'s| is| are| was| were| does| do)|who(?:'s| is| was| wrote| are)|when|where|which|why|how (?:many|much|far|long"
    r"|old|tall|do|does|is|big|large)|is|are|does|can|calculate|compute|solve|convert|define|explain|translate|write|tell me"
    r"|name|simplify|factor|differentiate|integrate|find|give me|list)"
)
_BOUNDARY = re.compile(
    rf"(?:\?\s*(?:and\s+(?:also\s+)?|also,?\s+)?|[,;.]\s+(?:and|also|then)\s+(?:also\s+)?|;\s+|(?<!\s)\s+and\s+(?:also\s+)?|(?<!\n)\n+)"
    rf"(?={_OPENING}\b)",
    re.IGNORECASE,
)
_BEGINS = re.compile(rf"{_OPENING}\b", re.IGNORECASE)
_LEADING = re.compile(r"^(?:also|first|second|and)[,!]?\s+", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s+", re.MULTILINE)
# Before the number of a part another one has ended: "the sum of 1 and 2. What" holds none.
_NUMBER = re.compile(rf"(?:(?<=[?!.\n:])|\A)\s*(\(?\d[.):]\)?)(?=\s+{_OPENING}\b)", re.IGNORECASE)
# What calls for answers and says nothing else.
_CALL = re.compile(
    r"(?:(?:(?:answer|solve|here are|i have)(?: (?:me|these|the|following|some|a few|my|two|three|four))*"
    r"(?: (?:questions|problems|things))?|questions)\s*[:.]?)?",
    re.IGNORECASE,
)
# A part with one of these may mean something in another part.
_LEANS = re.compile(
    r"\b(?:it|its|it's|that|this|these|those|them|they|their|he|him|his|she|her|there|then|one|ones|both|same|result|answer"
    r"|above|previous|former|latter|each|other|another|instead|respectively)\b",
    re.IGNORECASE,
)


def split(text: str) -> tuple[str, ...]:
    """Return the parts of a text, in order; () where it is one question, or may be."""
    if len(text) > _CHARS_MAX or "```" in text:
        return ()
    if listed := lists.spread(text):
        return listed
    whole = _bare(_without_numbers(manners.without_closing(text, "")).strip())
    parts = [part.strip(" \t\n,;.") for part in _BOUNDARY.split(whole)]
    # The first two may not share what stands before them, as in "If x = 3, what is ...".
    if not 2 <= len(parts) <= PARTS_MAX or not all(_stands_alone(part) for part in parts):
        return ()
    return tuple(part if part.endswith("?") or not _asks(part) else f"{part}?" for part in parts)


def _without_numbers(text: str) -> str:
    """Return a text with a line for each of "1) ...? 2) ...? 3) ..." where all numbers from 1 on are there, in one way."""
    before, *rest = _NUMBER.split(text)
    numbers, parts = rest[::2], rest[1::2]
    in_turn = [numbers[0].replace("1", str(place)) for place in range(1, len(numbers) + 1)] if numbers else []
    if len(numbers) > 1 and numbers == in_turn and _CALL.fullmatch(manners.without_greeting(before)):
        return "\n".join(part.strip() for part in parts)
    return _NUMBERED.sub("", text)


def _stands_alone(part: str) -> bool:
    bare = _bare(part)
    return (
        _BEGINS.match(bare) is not None
        and len(bare.split()) >= _WORDS_MIN
        and not _LEANS.search(bare)
        and not re.search(r"[.!]\s+\S", bare)
    )


def _bare(part: str) -> str:
    return _LEADING.sub("", manners.without_greeting(part))


def _asks(part: str) -> bool:
    return re.match(r"(?:what|who|when|where|which|why|how|is|are|does|can)\b", part, re.IGNORECASE) is not None
