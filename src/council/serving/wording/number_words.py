"""Numbers in English words, each kind in one table, of which every grammar takes the span that it reads. Pure.

Numbers from a hundred on, and those with a half or a quarter, are put into digits before a grammar reads the text. A billion
stays a word: it has been two numbers.
"""

import re
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


_SCALES: Mapping[str, int] = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_TENS_AND_UNITS = rf"(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_UNITS[1:10])}))?"
_BELOW_HUNDRED = rf"(?:{_TENS_AND_UNITS}|{'|'.join(_UNITS[1:])})\b"
# A pattern of what is in COUNTS. The tens are put before the units, since hundreds of patterns hold it and are compiled.
COUNT = rf"(?:{_TENS_AND_UNITS}|{'|'.join(_UNITS)}|a dozen)\b"
_ONE_TO_NINE = "(?:an?|" + "|".join(cardinals(1, 9)) + ")"
_HUNDREDS = rf"{_ONE_TO_NINE}[ -]hundred(?:(?:[ -]and)?[ -]{_BELOW_HUNDRED})?\b"
_MIXED_PARTS = {"a half": "1/2", "one half": "1/2", "a quarter": "1/4", "one quarter": "1/4", "three quarters": "3/4"}
_MIXED = rf"(?:{_BELOW_HUNDRED}|\d{{1,3}}) and (?:{'|'.join(_MIXED_PARTS)})\b"
_DIGITS = r"(?:0|[1-9]\d{0,2})(?:\.\d{1,2})?"
_BEFORE_SCALE = rf"(?:{_MIXED}|{_HUNDREDS}|{_BELOW_HUNDRED}|half an?|an?|{_DIGITS})"
_REST = rf"(?: and {_BELOW_HUNDRED}| {_HUNDREDS}| {_BELOW_HUNDRED})?"
_THOUSANDS = rf"{_BEFORE_SCALE}[ -]thousand"
_MILLIONS = rf"{_BEFORE_SCALE}[ -]million"
_LARGE = rf"{_MILLIONS}(?: {_THOUSANDS})?{_REST}|{_THOUSANDS}{_REST}|{_HUNDREDS}|{_MIXED}"
_PART_WORDS = "|".join(f"{part}s?" for part in PARTS)
_SCALE_WORD = r"(?:hundred|thousand|[mb]illion|trillion|dozen)(?:s|ths?)?"
_NUMBERISH = (
    rf"(?:{_BELOW_HUNDRED}|zero\b|\d|(?:{_SCALE_WORD}|{_PART_WORDS}|{'|'.join(_ORDINALS)}|halves|point|couple|few)\b)"
)
# Nothing of a number, nor of a word, may follow; then more is meant than was read.
_SPOKEN = re.compile(
    rf"(?<![\w.,/'-])(?:{_LARGE})(?![\w'/-]|\.\d)(?!(?:,? +|-)(?:and )?(?:an? )?{_NUMBERISH})", re.IGNORECASE | re.ASCII
)
_BEHIND_NUMBER = re.compile(rf"{_NUMBERISH}(?:[ ,]*|-)(?:and )?\Z", re.IGNORECASE | re.ASCII)
_LEFT = re.compile(rf"\b{_SCALE_WORD}\b", re.IGNORECASE | re.ASCII)
# Beside these `and` may part two numbers: the sum of two hundred and five.
_LISTS = re.compile(
    r"\b(?:sum|product|difference|quotient|average|mean|median|mode|range|total|gcd|hcf|gcf|lcm|divisors?|multiples?|factors?"
    r"|between|add|multiply|divide|subtract|ratio|both|larg\w+|great\w+|big\w+|high\w+|small\w+|low\w+|least|less|numbers?"
    r"|maximum|minimum|max(?= ?\()|min(?= ?\()|probability|chance|variance|deviation|coprime|list|order|sort|compare)\b",
    re.IGNORECASE | re.ASCII,
)
_TEXT_CHARS_MAX = 2_000
_BEHIND_CHARS_MAX = 40


def in_digits(text: str) -> str:
    """Return `text` with two hundred and five as 205, half a million as 500000 and two and a half as 2.5.

    All of it stays as it came where one of these numbers is not wholly read, or where `and` may part two of them.
    """
    if len(text) > _TEXT_CHARS_MAX:
        return text
    plain = re.sub("[ \\t\N{NO-BREAK SPACE}]+", " ", text)
    found = list(_SPOKEN.finditer(plain))
    parting = any(re.search(r"\band\b", match[0], re.IGNORECASE) for match in found)
    if not found or (parting and _LISTS.search(_SPOKEN.sub("", plain))):
        return text
    made, end = [], 0
    for match in found:
        value = _spoken(match[0].lower())
        before = plain[max(0, match.start() - _BEHIND_CHARS_MAX) : match.start()]
        if value is None or _BEHIND_NUMBER.search(before):
            return text
        made += [plain[end : match.start()], value]
        end = match.end()
    changed = "".join((*made, plain[end:]))
    return text if _LEFT.search(changed) else changed


def _spoken(text: str) -> str | None:
    """Return the digits of a number in words, or None where a part of a thousand has more behind it."""
    total, part, broken = Fraction(0), Fraction(0), False
    for words, share in _MIXED_PARTS.items():
        text = text.replace(f" and {words}", f" {share}")
    for word in re.sub(r"\bhalf an?\b", "1/2", text).replace("-", " ").split():
        if word in _SCALES and word != "hundred":
            total, part, broken = total + part * _SCALES[word], Fraction(0), part.denominator != 1
        elif word == "hundred":
            part *= 100
        elif word != "and":
            part += 1 if word in ("a", "an") else _WORDS[word] if word in _WORDS else Fraction(word)
    if total and (part.denominator != 1 or (broken and part)):
        return None
    return str(total + part) if (total + part).denominator == 1 else f"{float(total + part):g}"
