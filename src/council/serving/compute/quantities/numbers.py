"""Exact numbers in text, and back. Everything is a fraction; a decimal is shown only where it is exact or marked `about`."""

import math
import re
from fractions import Fraction

from council.serving.compute.quantities import stops
from council.serving.wording import number_words

# The form of a number: thousands in groups of three or none, a decimal point. `1,5` is not read: it has two meanings.
NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?![\d\w]|[.,]\d)"
# The same where a unit may follow at once, as in 5km.
LEADING = r"(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?!\d|[.,]\d)"
# A share before a unit: 1/2 mile, 3 1/2 cm.
SHARE = r"(?:\d{1,6} )?\d{1,6}/\d{1,6}(?![\d/]|[.,]\d)"
DIGITS_MAX = 30
_DENOMINATOR_SHOWN_MAX = 10_000

WORD = number_words.COUNT
COUNT = rf"(?:{NUMBER}|{WORD})"

_NUMERATOR = "|".join(("an?", *number_words.cardinals(1, 12)))
_DENOMINATOR = "|".join(("halves", *number_words.PARTS))
FRACTION = rf"(?:(?:(?:{_NUMERATOR})[ -])?(?:{_DENOMINATOR})s?\b|\d{{1,6}}\s?/\s?\d{{1,6}})"


def read(text: str) -> Fraction:
    """Return a number of the form NUMBER or in words. Raises PassOnError."""
    text = text.strip().lower()
    if text in number_words.COUNTS:
        return Fraction(number_words.COUNTS[text])
    plain = text.replace(",", "")
    if len(plain) > DIGITS_MAX:
        raise stops.PassOnError(f"a number has more than {DIGITS_MAX} digits")
    if re.match(r"0\d", plain):
        raise stops.PassOnError("a number with a leading zero may be a code or a date")
    if re.fullmatch(r"[1-9]\d{0,2}\.\d\d0", plain):
        raise stops.PassOnError(f"the point in {plain} may be of thousands or of decimals")
    return Fraction(plain)


def read_share(text: str) -> Fraction:
    """Return a number of the form NUMBER, 3/4 or 3 1/2. Raises PassOnError."""
    if "/" not in text:
        return read(text)
    whole, _, part = text.strip().rpartition(" ")
    top, bottom = part.split("/")
    if whole and int(top) >= int(bottom):
        raise stops.PassOnError("it is not clear what the space between the numbers means")
    return (read(whole) if whole else 0) + read_fraction(part)


def read_count(text: str) -> int:
    """Return a whole number. Raises PassOnError."""
    value = read(text)
    if value.denominator != 1:
        raise stops.PassOnError(f"{text[:40]} is not a whole number")
    return int(value)


def read_fraction(text: str) -> Fraction:
    """Return a fraction in words or as 3/4. Raises PassOnError."""
    text = " ".join(text.lower().split())
    if "/" in text:
        top, bottom = (int(part) for part in text.split("/"))
        if bottom == 0:
            raise stops.RefusedError(
                "A fraction with zero below is undefined. Give one with another number below.", text
            )
        return Fraction(top, bottom)
    found = number_words.FRACTIONS.get(text.replace("-", " "))
    if found is None:
        raise stops.PassOnError(f"{text[:40]} is not a fraction that I read")
    return found


def text(value: Fraction) -> str:
    """Return the shortest form: whole, decimal of at most 10 places, a fraction with a decimal beside it, or `about`."""
    decimal = exact_decimal(value)
    if decimal:
        return decimal
    if value.denominator > _DENOMINATOR_SHOWN_MAX:
        return f"about {about(value)}"
    return f"{value.numerator}/{value.denominator} (about {about(value)})"


def exact_decimal(value: Fraction) -> str:
    """Return `value` as a decimal where at most 10 places hold it exactly, else an empty text."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**10
    if scaled.denominator != 1:
        return ""
    digits = str(abs(scaled.numerator)).rjust(11, "0")
    return ("-" if value < 0 else "") + (digits[:-10] + "." + digits[-10:]).rstrip("0")


def about(value: Fraction, digits: int = 6) -> str:
    """Return `value` rounded half up to `digits` significant digits, in plain notation, from whole numbers alone."""
    if value == 0:
        return "0"
    size = abs(value)
    places = digits - 1
    bound = Fraction(10) ** places
    while size >= 10:
        size, places = size / 10, places - 1
    while size < 1:
        size, places = size * 10, places + 1
    rounded = int(size * bound + Fraction(1, 2))
    shifted = Fraction(rounded) / Fraction(10) ** places
    return ("-" if value < 0 else "") + (exact_decimal(shifted) or f"{float(shifted):.{digits}g}")


def root(square: Fraction) -> Fraction | None:
    """Return the square root where it is a fraction."""
    top, bottom = math.isqrt(square.numerator), math.isqrt(square.denominator)
    exact = top * top == square.numerator and bottom * bottom == square.denominator
    return Fraction(top, bottom) if exact else None


def root_about(square: Fraction) -> Fraction:
    """Return the square root to 20 places or more, rounded down, from whole numbers alone."""
    return Fraction(math.isqrt(square.numerator * square.denominator * 10**40), square.denominator * 10**20)


def cents(value: Fraction) -> str:
    """Return an amount of money: to the cent, marked `about` where that is rounded (half up)."""
    hundredths = value * 100
    if value.denominator == 1:
        return str(value.numerator)
    rounded = int(abs(hundredths) + Fraction(1, 2))
    shown = ("-" if value < 0 else "") + f"{rounded // 100}.{rounded % 100:02d}"
    return shown if hundredths.denominator == 1 else f"about {shown}"
