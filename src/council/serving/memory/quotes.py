"""The sentences of a passage that hold what a question asks for. Pure, and linear in the passage."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

# Words of one question stand near each other where they answer it: in so many sentences that follow each other.
_UNITS_MAX = 3
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)")
_ITEM = re.compile(r"^[ \t]*(?:[-*+] |\d{1,3}[.)] |\|)")
_END = re.compile(r"[.!?][\"')\]\u201d\u2019]{0,2}\s+(?=[A-Z0-9\"'(\[`*\u201c])")
_NO_END = re.compile(r"(?:\b(?:e\.g|i\.e|etc|cf|vs|Dr|Mr|Mrs|Ms|St|No|Nr|approx|[A-Z])|\d)\.$")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, a row or item of a list, or a whole code block, as a range of the passage's characters."""

    begin: int
    end: int
    code: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """The words of a passage, as they stand there, that hold most of a question; `held` are the question's words in it."""

    text: str
    held: frozenset[str]


def units(text: str) -> list[Unit]:
    """Return the passage's units in order; what lies between them is white space."""
    found: list[Unit] = []
    begin, position, fenced = 0, 0, False
    for line in text.splitlines(keepends=True):
        fence = bool(_FENCE.match(line))
        if not fenced and (fence or not line.strip() or _ITEM.match(line)):
            found += _sentences(text, begin, position)
            begin = position
        position += len(line)
        if fence and fenced:
            found.append(Unit(begin, position, code=True))
            begin = position
        fenced = fenced != fence
    if fenced:
        return [*found, Unit(begin, len(text), code=True)]
    return found + _sentences(text, begin, len(text))


def best(text: str, parts: Sequence[Unit], held: Sequence[AbstractSet[str]], above: AbstractSet[str]) -> Quote:
    """Return the shortest run of units that, with the words `above` in the headings, holds most words of a question.

    `held` are the question's words in each unit. What a sentence announces by a colon is quoted with it.
    """
    chosen, words = range(0, min(1, len(parts))), frozenset[str]()
    for length in range(1, _UNITS_MAX + 1):
        for first in range(len(parts) - length + 1):
            run = frozenset().union(*held[first : first + length])
            if len(run | above) > len(words | above) or (not words and run):
                chosen, words = range(first, first + length), run
    if not chosen:
        return Quote("", words | above)
    last = chosen[-1]
    while text[: parts[last].end].rstrip().endswith(":") and last + 1 < len(parts):
        last += 1
        while _is_item(text, parts, last + 1) and _is_item(text, parts, last):
            last += 1
    return Quote(text[parts[chosen[0]].begin : parts[last].end].strip("\n").rstrip(), words | above)


def _is_item(text: str, parts: Sequence[Unit], number: int) -> bool:
    return number < len(parts) and bool(_ITEM.match(text[parts[number].begin : parts[number].begin + 12]))


def _sentences(text: str, begin: int, end: int) -> list[Unit]:
    """Part a stretch of prose where a sentence ends."""
    found: list[Unit] = []
    for match in _END.finditer(text, begin, end):
        close = match.start() + 1
        if not _NO_END.search(text, max(begin, close - 8), close):
            found.append(Unit(begin, match.end()))
            begin = match.end()
    if text[begin:end].strip():
        found.append(Unit(begin, end))
    return found
