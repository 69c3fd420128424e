"""One number as a fraction, a decimal or a percentage. Read back from the form shown, it must be the number given."""

import re
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, percent, stops

_PERIOD_DIGITS_MAX = 60
_CHECK = "read back from the form shown"


def _form(match: frames.Match) -> results.Solved:
    value, shown = _given(match["n"])
    wanted = match["form"].lower()
    if wanted == "fraction":
        text, back = str(value), Fraction(str(value))
    elif wanted == "decimal":
        if "/" not in shown and not shown.endswith("%"):
            raise stops.PassOnError("it is a decimal already, unless another base is meant")
        text, back = _decimal(value)
    else:
        text, back = percent.percent_text(value * 100), Fraction(value * 100) / 100
    stops.require(back == value, "the form read back")
    name = {"fraction": "a fraction in lowest terms", "decimal": "a decimal"}.get(wanted, "a percentage")
    reading = f"{shown} as {name}"
    return frames.solved(f"{reading} = {text}", reading, _CHECK, value * 100 if "per" in wanted else value)


def _given(text: str) -> tuple[Fraction, str]:
    """Return a number and how it was written: 3/8, 1 3/4, 0.125 or 12.5%."""
    text = " ".join(text.lower().split())
    if rate := re.fullmatch(r"(.*?)\s?(?:%|percent|per cent)", text):
        return numbers.read(rate[1]) / 100, f"{rate[1]}%"
    if parts := re.fullmatch(r"(?:(\d+) )?(\d+)\s?/\s?(\d+)", text):
        top, bottom = int(parts[2]), int(parts[3])
        if bottom == 0:
            raise stops.RefusedError(
                "A fraction with zero below is undefined. Give one with another number below.", text
            )
        if parts[1] and top >= bottom:
            raise stops.PassOnError("it is not clear what the space between the numbers means")
        return int(parts[1] or 0) + Fraction(top, bottom), text.replace(" / ", "/")
    return numbers.read(text), text


def _decimal(value: Fraction) -> tuple[str, Fraction]:
    """Return a decimal, with the digits that repeat in parentheses, and its value found from those digits alone."""
    whole, left = divmod(value.numerator, value.denominator)
    digits, seen = "", {}
    while left and left not in seen and len(digits) <= _PERIOD_DIGITS_MAX:
        seen[left] = len(digits)
        digit, left = divmod(left * 10, value.denominator)
        digits += str(digit)
    if not left:
        return (f"{whole}.{digits}" if digits else str(whole)), Fraction(f"{whole}.{digits or 0}")
    if left not in seen:
        raise stops.RefusedError(
            f"Its decimal repeats only after more than {_PERIOD_DIGITS_MAX} digits. Ask for it as a fraction.",
            str(value),
        )
    first, repeated = digits[: seen[left]], digits[seen[left] :]
    back = whole + (Fraction(int(digits)) - int(first or 0)) / (10 ** len(digits) - 10 ** len(first))
    return f"{whole}.{first}({repeated}), the digits in parentheses repeating", back


_NUMBER = rf"(?P<n>(\d{{1,6}} )?\d{{1,9}}\s?/\s?\d{{1,9}}|{numbers.NUMBER}\s?(%|percent|per cent)|{numbers.NUMBER})"
_TO = r"(?P<form>fraction|decimal|percentage|percent|per cent)"
FRAMES = frames.frames(
    _form,
    rf"(<ask>|convert |write |express |turn |change )(the )?(fraction |decimal |number )?{_NUMBER} (as|to|into|in) (an? )?{_TO}"
    r"( in (its )?(simplest form|lowest terms|simplest terms))?",
)
