"""Numbers in English words, each kind in one table, of which every grammar takes the span that it reads. Pure.

Numbers from a hundred on are read nowhere in words: "two hundred and five" has more forms than it is worth.
"""

from collections.abc import Mapping
from fractions import Fraction

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_WORDS: Mapping[str, int] = dict(zip((*_UNITS, *_TENS), (*range(20), *range(20, 100, 10)), strict=True))
# What a whole may be cut into; the plural of half is halves.
PARTS: Mapping[str, int] = {
    "half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "twelfth": 12, "twentieth": 20, "hundredth": 100,
}  # fmt: skip
_PARTS_MAX = 12


def cardinals(low: int, high: int) -> dict[str, int]:
    """Return the numbers of a single word from `low` to `high`, in order: zero to twenty, then the tens to ninety."""
    return {word: number for word, number in _WORDS.items() if low <= number <= high}


def ordinals(low: int, high: int) -> dict[str, int]:
    """Return the places of a single word from `low` to `high`, first to twelfth, in order."""
    return {word: place for place, word in enumerate(_ORDINALS, 1) if low <= place <= high}


def ordinal_ending(number: int) -> str:
    """Return what makes a number of digits a place: st, nd, rd or th."""
    return "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _counts() -> dict[str, int]:
    joined = {
        f"{ten}{joint}{unit}": _WORDS[ten] + _WORDS[unit] for ten in _TENS for unit in _UNITS[1:10] for joint in "- "
    }
    return {**_WORDS, **joined, "a dozen": 12}


def _fractions() -> dict[str, Fraction]:
    found = {}
    for part, parts in PARTS.items():
        several = "halves" if part == "half" else f"{part}s"
        found[part] = found[f"a {part}"] = found[f"an {part}"] = Fraction(1, parts)
        for word, count in cardinals(1, _PARTS_MAX).items():
            found[f"{word} {part if count == 1 else several}"] = Fraction(count, parts)
    return found


# Zero to ninety-nine, with a hyphen or a space, and a dozen.
COUNTS: Mapping[str, int] = _counts()
# A half, one third, two thirds; the number alone where it is a single part: half, quarter.
FRACTIONS: Mapping[str, Fraction] = _fractions()
