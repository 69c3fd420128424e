"""What rows of learning teach: which route a question belongs to, as far as what happened tells.

A row holds the features of a question, never its text. Buckets are sorted, so that the order of the words is gone too; but
whoever has the rows can test whether given words stood in a question.
"""

import array
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from council.domain import answers, learning
from council.serving.router import features

PACKED_BYTES_MAX = 8_192
_HEAD = struct.Struct("<IHH")
_FORM = zlib.crc32(repr((features.WORD_BUCKETS, features.PIECE_BUCKETS, features.NUMBERS)).encode())
# All lessons of one user together weigh at most as much as so many, so that nobody turns the router alone.
USER_LESSONS_MAX = 200.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question as the router sees it, where it belongs, how much that counts, and why it is believed."""

    seen: features.Features
    route: answers.Route
    weight: float
    why: str
    digest: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the rows say beside lessons: of each level how many answers were liked and how many judged; tries in vain."""

    rows: int
    unread: int
    why: Mapping[str, int]
    judged: Mapping[str, tuple[int, int]]
    escalated: int
    in_vain: Mapping[str, int]


def packed(seen: features.Features) -> bytes | None:
    """Return features as bytes; None where a text has more than are kept."""
    words, pieces = array.array("H", sorted(seen.words)), array.array("H", sorted(seen.pieces))
    numbers = array.array("f", seen.numbers)
    if sys.byteorder == "big":
        for one in (words, pieces, numbers):
            one.byteswap()
    made = _HEAD.pack(_FORM, len(words) & 0xFFFF, len(pieces) & 0xFFFF) + b"".join(
        one.tobytes() for one in (words, pieces, numbers)
    )
    return made if len(made) <= PACKED_BYTES_MAX else None


def unpacked(raw: bytes) -> features.Features | None:
    """Return the features of a row; None where they are of another form than this Council's."""
    if len(raw) < _HEAD.size:
        return None
    form, words, pieces = _HEAD.unpack_from(raw)
    if form != _FORM or len(raw) != _HEAD.size + 2 * (words + pieces) + 4 * len(features.NUMBERS):
        return None
    buckets, numbers = array.array("H"), array.array("f")
    ends = _HEAD.size + 2 * (words + pieces)
    buckets.frombytes(raw[_HEAD.size : ends])
    numbers.frombytes(raw[ends:])
    if sys.byteorder == "big":
        buckets.byteswap()
        numbers.byteswap()
    made = features.Features(tuple(buckets[:words]), tuple(buckets[words:]), tuple(numbers))
    whole = all(one < features.WORD_BUCKETS for one in made.words)
    return made if whole and all(one < features.PIECE_BUCKETS for one in made.pieces) else None


def lesson(row: learning.Row, thumb: learning.Thumb | None) -> tuple[answers.Route, str] | None:
    """Return the route that a row tells, and why it is believed; None where it tells none.

    A specialist that read the text and verified its answer tells that the question was its own; whoever asked may know
    better. That one passed on tells what its grammar reads, not what the text is about, and an answer that nobody checked
    tells nothing.
    """
    if thumb is not None and thumb.route is not None:
        return thumb.route, "told"
    if thumb is not None:
        return (row.specialist, "liked") if thumb.verdict is learning.Verdict.UP else None
    return (row.specialist, "verified") if row.level.verified else None


def lessons(rows: Sequence[tuple[learning.Row, learning.Thumb | None]]) -> list[Lesson]:
    """Return what rows teach. The same text twice from one user counts once, by its newest row."""
    found: dict[tuple[str, bytes], tuple[features.Features, answers.Route, str]] = {}
    for row, thumb in rows:
        told, seen = lesson(row, thumb), unpacked(row.features)
        if told is not None and seen is not None:
            found[row.user_id, row.features] = (seen, *told)
    counts = Counter(user_id for user_id, _ in found)
    return [
        Lesson(seen, route, min(1.0, USER_LESSONS_MAX / counts[user_id]), why, zlib.crc32(raw))
        for (user_id, raw), (seen, route, why) in found.items()
    ]


def told(rows: Sequence[tuple[learning.Row, learning.Thumb | None]]) -> Told:
    """Return what is to be said of rows."""
    judged: dict[str, tuple[int, int]] = {}
    for row, thumb in rows:
        if thumb is not None:
            liked, count = judged.get(str(row.level), (0, 0))
            judged[str(row.level)] = (liked + (thumb.verdict is learning.Verdict.UP), count + 1)
    return Told(
        rows=len(rows),
        unread=sum(unpacked(row.features) is None for row, _ in rows),
        why=dict(Counter(one[1] for row, thumb in rows if (one := lesson(row, thumb)) is not None)),
        judged=judged,
        escalated=sum(row.escalated for row, _ in rows),
        in_vain=dict(Counter(str(route) for row, _ in rows for route in row.passed_on)),
    )
