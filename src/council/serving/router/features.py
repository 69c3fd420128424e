"""What the router sees of a text: hashed n-grams in two blocks, and a few plain numbers.

A block is a set of buckets, each counted once; its length is what its sum is divided by, so that long texts weigh no more than
short ones. Words carry the topic; pieces of words survive typing errors. Digits are all one digit: which number it is says
nothing about where a question belongs. Training and serving both call `of`, so they cannot drift apart.
"""

import functools
import math
import re
import unicodedata
import zlib
from dataclasses import dataclass
from typing import NamedTuple

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
_MARKS_MAX = 64
_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{_MARKS_MAX},}}")
_TWO_NUMBERS = re.compile(r"\d\D++\d")
_NOT_PLAIN = re.compile(r"[^\x00-\x7f]")
_PLAIN = [chr(code) for code in range(128)]
_DIGITS = "".join(filter(str.isdigit, _PLAIN)).encode()
_NO_SYMBOLS = "".join(one for one in _PLAIN if one.isalnum() or one.isspace()).encode()
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
    grams = {token: _grams(token) for token in set(tokens)}
    words = {one.word for one in grams.values()}
    in_turn = [grams[token] for token in tokens]
    pairs = map(zlib.crc32, [one.encoded for one in in_turn[1:]], [one.before for one in in_turn])
    words.update([crc % WORD_BUCKETS for crc in pairs])
    words.update(_bucket(f"s{place}{token}") for place, token in enumerate(tokens[:3]))
    if len(tokens) > 1:
        words.add(_bucket(f"e{tokens[-2]} {tokens[-1]}"))
    pieces: set[int] = set()
    pieces.update(*[one.pieces for one in grams.values()])
    return Features(tuple(words), tuple(pieces), _numbers(read, found))


def clipped(text: str) -> str:
    """Return what is read of a text: its ends, in one Unicode form."""
    if text.isascii():
        return _ends(text)
    # To put the marks of a letter in order takes the square of their number; no language has so many.
    read = _MARKS.sub(_fewer_marks, _ends(text))
    made = unicodedata.normalize("NFKC", read)
    # One sign may become eighteen.
    return made if len(made) <= 2 * len(read) else _ends(made)


def _ends(text: str) -> str:
    return text if len(text) <= HEAD_CHARS + TAIL_CHARS else f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def _fewer_marks(run: re.Match[str]) -> str:
    return run[0][:_MARKS_MAX] if any(map(unicodedata.combining, run[0])) else run[0]


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "replace")) % WORD_BUCKETS


class _Grams(NamedTuple):
    """What is hashed of a token, wherever it stands.

    `before` is the checksum of what a pair of words begins with; the one of the whole pair goes on from there.
    """

    word: int
    encoded: bytes
    before: int
    pieces: tuple[int, ...]


def _grams(token: str) -> _Grams:
    # Only short tokens are kept, so that a process keeps a bounded number of bytes.
    return _kept_grams(token) if len(token) <= _WORD_CHARS_MAX else _made_grams(token)


def _made_grams(token: str) -> _Grams:
    encoded = token.encode("utf-8", "replace")
    word, before = zlib.crc32(b"w" + encoded) % WORD_BUCKETS, zlib.crc32(b"b%b " % encoded)
    return _Grams(word, encoded, before, _pieces(token[:_WORD_CHARS_MAX]))


_kept_grams = functools.lru_cache(maxsize=8192)(_made_grams)


def _pieces(word: str) -> tuple[int, ...]:
    framed = f"<{word}>"
    # No token holds a blank, so that all can be encoded at once.
    grams = " ".join(map(framed.__getitem__, _spans(len(framed)))).encode("utf-8", "replace").split(b" ")
    return tuple({crc % PIECE_BUCKETS for crc in map(zlib.crc32, grams)})


@functools.lru_cache(maxsize=_WORD_CHARS_MAX + len("<>") + 1)
def _spans(length: int) -> tuple[slice, ...]:
    """Return where the pieces of a word are, of so many characters with its frame."""
    widths = {min(width, length) for width in _GRAM_CHARS}
    return tuple(slice(start, start + width) for width in widths for start in range(length - width + 1))


def _numbers(text: str, found: signals.Found) -> tuple[float, ...]:
    length = max(1, len(text))
    digits, symbols = _counted(text)
    return (
        *(found.scores[route] for route in signals.ROUTES),
        math.log1p(length) / 9.0,
        math.log1p(text.count("\n")) / 4.0,
        math.log1p(len(_SENTENCE.findall(text))) / 4.0,
        min(1.0, 4.0 * digits / length),
        min(1.0, 4.0 * symbols / length),
        min(1.0, len(_OPTION.findall(text)) / 4.0),
        float(text.rstrip().endswith("?")),
        float(_TWO_NUMBERS.search(text) is not None),
    )


def _counted(text: str) -> tuple[int, int]:
    """Return how many characters are digits, and how many are neither letters nor digits nor blanks."""
    plain = text.encode("ascii", "ignore")
    digits = len(plain) - len(plain.translate(None, _DIGITS))
    symbols = len(plain.translate(None, _NO_SYMBOLS))
    for character in _NOT_PLAIN.findall(text):
        digits += character.isdigit()
        symbols += not (character.isalnum() or character.isspace())
    return digits, symbols


def route_names() -> tuple[answers.Route, ...]:
    """Return the routes in the order of the head's rows."""
    return (*signals.ROUTES, answers.Route.GENERAL)
