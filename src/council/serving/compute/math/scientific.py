"""A number in scientific notation: `0.00123 in scientific notation`."""

import re
from collections.abc import Mapping
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.math import check, limits, wording

Slots = Mapping[str, str]
_DIGITS_MAX = 60


def _scientific(slots: Slots) -> wording.Task:
    text = slots["a"].replace(",", "").replace("\N{MINUS SIGN}", "-")
    whole, _, part = text.lstrip("-").partition(".")
    digits = (whole + part).lstrip("0")
    if not digits or len(text) > _DIGITS_MAX:
        raise limits.UnreadableError("Zero has no power of ten, and a very long number is not read.")
    if re.match(r"0\d", whole) or part.endswith("0"):
        raise limits.UnreadableError("Zeros at the ends may be digits that count, or a code.")
    power = len(whole) - 1 if whole.strip("0") else -(len(part) - len(part.lstrip("0")) + 1)
    kept = digits.rstrip("0")
    factor = ("-" if text.startswith("-") else "") + kept[0] + (f".{kept[1:]}" if len(kept) > 1 else "")
    reading = f"{text} in scientific notation"

    def answer() -> results.Solved:
        check.require(1 <= abs(Fraction(factor)) < 10, "the factor is not from 1 to 10")
        check.require(Fraction(factor) * Fraction(10) ** power == Fraction(text), "multiplied out it is another number")
        shown = f"{factor} * 10^{power if power >= 0 else f'({power})'}"
        return wording.solved(
            reading, f"{reading} is {shown}", "multiplied out with exact fractions, by other code", str(Fraction(text))
        )

    return wording.Task(reading, answer)


_NUMBER = r"(?P<a>[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
FRAMES = (
    wording.frame(
        rf"ASK ?(?:(?:write|express|convert|put)(?: the number)? )?{_NUMBER} (?:in|to|into|as|using) scientific notation",
        _scientific,
    ),
    wording.frame(rf"(?:what is )?(?:the )?scientific notation (?:of|for) {_NUMBER}", _scientific),
)
