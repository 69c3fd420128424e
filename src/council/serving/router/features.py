"""What the router sees of a text: hashed n-grams in two blocks, and a few plain numbers.

A block is a set of buckets, each counted once; its length is what its sum is divided by, so that long texts weigh no more than
short ones. Words carry the topic; pieces of words survive typing errors. Digits are all one digit: which number it is says
nothing about where a question belongs. Training and serving both call `of`, so they cannot drift apart.
"""

import functools
import itertools
import math
import re
import unicodedata
import zlib
from dataclasses import dataclass

from council.domain import answers
from council.serving.router import signals

WORD_BUCKETS = 1 << 15
PIECE_BUCKETS = 1 << 14
# The first and the last so many characters are read: what is asked stands at an end of a long text.
HEAD_CHARS = 2_500
TAIL_CHARS = 1_500

_TOKEN = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s]")
_OPTION = re.compile(r"^[ \t]*\(?[A-Ea-e1-5][).:][ \t]", re.MULTILINE)
_SENTENCE = re.compile(r"[.!?](?:\s|$)")
_WORD_CHARS_MAX = 24
_GRAM_CHARS = (3, 4, 5)

NUMBERS = (
    *(f"signals for {route}" for route in signals.ROUTES),
    "length",
    "lines",
    "sentences",
    "share of digits",
    "share of symbols",
    "options",
    "ends as a question",
    "two numbers or more",
)


@dataclass(frozen=True, slots=True)
class Features:
    """`words` and `pieces` are distinct buckets; `numbers` are about 0 to 1, in the order of NUMBERS."""

    words: tuple[int, ...]
    pieces: tuple[int, ...]
    numbers: tuple[float, ...]


def of(text: str, found: signals.Found | None = None) -> Features:
    """Return the features of a text. Pure, and linear in what is read of it; `found` spares looking for signals again."""
    read = clipped(text)
    found = signals.find(read) if found is None else found
    tokens = ["0" if token[0].isdigit() else token for token in _TOKEN.findall(read.casefold())]
    words = {_bucket(f"w{token}") for token in tokens}
    words.update(_bucket(f"b{one} {two}") for one, two in itertools.pairwise(tokens))
    words.update(_bucket(f"s{place}{token}") for place, token in enumerate(tokens[:3]))
    if len(tokens) > 1:
        words.add(_bucket(f"e{tokens[-2]} {tokens[-1]}"))
    pieces: set[int] = set()
    for token in set(tokens):
        pieces.update(_pieces(token[:_WORD_CHARS_MAX]))
    return Features(tuple(words), tuple(pieces), _numbers(read, found))


def clipped(text: str) -> str:
    """Return what is read of a text: its ends, in one Unicode form."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    return unicodedata.normalize("NFKC", text)


def _bucket(gram: str, buckets: int = WORD_BUCKETS) -> int:
    return zlib.crc32(gram.encode("utf-8", "replace")) % buckets


@functools.lru_cache(maxsize=8192)
def _pieces(word: str) -> tuple[int, ...]:
    framed = f"<{word}>"
    return tuple(
        {
            _bucket(framed[start : start + width], PIECE_BUCKETS)
            for width in _GRAM_CHARS
            for start in range(max(1, len(framed) - width + 1))
        }
    )


def _numbers(text: str, found: signals.Found) -> tuple[float, ...]:
    length = max(1, len(text))
    digits = sum(character.isdigit() for character in text)
    symbols = sum(not (character.isalnum() or character.isspace()) for character in text)
    return (
        *(found.scores[route] for route in signals.ROUTES),
        math.log1p(length) / 9.0,
        math.log1p(text.count("\n")) / 4.0,
        math.log1p(len(_SENTENCE.findall(text))) / 4.0,
        min(1.0, 4.0 * digits / length),
        min(1.0, 4.0 * symbols / length),
        min(1.0, len(_OPTION.findall(text)) / 4.0),
        float(text.rstrip().endswith("?")),
        float(len(re.findall(r"\d+", text)) >= 2),
    )


def route_names() -> tuple[answers.Route, ...]:
    """Return the routes in the order of the head's rows."""
    return (*signals.ROUTES, answers.Route.GENERAL)
