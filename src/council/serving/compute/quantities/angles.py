"""Degrees in radians and back: exact, as a multiple or a part of pi."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops

# Enough digits of pi for every answer shown.
_PI = Fraction(31415926535897932384626433832795, 10**31)
_CHECK = "the same part of a full turn of 360 degrees or 2 pi radians"


def _to_radians(match: frames.Match) -> results.Solved:
    degrees = numbers.read(match["n"])
    value = degrees / 180
    stops.require(degrees / 360 == value / 2, "the part of a full turn")
    reading = f"{numbers.text(degrees)} degrees in radians"
    shown = f"{_of_pi(value)} radians, about {numbers.about(value * _PI)} radians"
    return frames.solved(f"{reading} = {shown}", reading, _CHECK, f"{value} pi radians")


def _to_degrees(match: frames.Match) -> results.Solved:
    """`pi/3 radians`, `1.5 pi radians`, `2 radians`."""
    given = match.groupdict()
    if not given["n"] and not given["pi"]:
        raise stops.PassOnError("it is not said how many radians")
    factor = numbers.read(given["n"]) if given["n"] else Fraction(1)
    if given["below"]:
        below = numbers.read(given["below"])
        if below == 0:
            raise stops.RefusedError("A fraction with zero below is undefined. Give one with another number below.")
        factor /= below
    value = factor * 180
    if given["pi"]:
        stops.require(factor / 2 == value / 360, "the part of a full turn")
        reading = f"{_of_pi(factor)} radians in degrees"
        return frames.solved(f"{reading} = {numbers.text(value)} degrees", reading, _CHECK, f"{value} degrees")
    stops.require(factor * 360 == value * 2, "the part of a full turn")
    reading = f"{numbers.text(factor)} radian{'' if factor == 1 else 's'} in degrees"
    shown = f"{numbers.exact_decimal(value) or value}/pi degrees, about {numbers.about(value / _PI)} degrees"
    return frames.solved(f"{reading} = {shown}", reading, _CHECK, f"{value}/pi degrees")


def _of_pi(value: Fraction) -> str:
    """Return pi/6, 3 pi/4, 2 pi, 0."""
    if value == 0:
        return "0"
    top = "pi" if value.numerator == 1 else f"{value.numerator} pi"
    return top if value.denominator == 1 else f"{top}/{value.denominator}"


_TO = r"(in|to|into|as)"
_DEGREES = "(degrees?|\N{DEGREE SIGN})"
_RADIANS = r"(radians?|rad)"
_RADIANS_GIVEN = (
    r"(?P<n>\d{1,6}(\.\d{1,6})?)? ?\*? ?(?P<pi>pi|\N{GREEK SMALL LETTER PI})?( ?/ ?(?P<below>\d{1,6}))? ?".replace(
        r"\N{GREEK SMALL LETTER PI}", "\N{GREEK SMALL LETTER PI}"
    )
    + _RADIANS
)
FRAMES = [
    *frames.frames(
        _to_radians,
        rf"(<ask>|convert |express |change )<n:number> ?{_DEGREES} {_TO} {_RADIANS}",
        rf"how many {_RADIANS} (are |is )?(there )?(in )?<n:number> ?{_DEGREES}",
    ),
    *frames.frames(
        _to_degrees,
        rf"(<ask>|convert |express |change ){_RADIANS_GIVEN} {_TO} {_DEGREES}",
        rf"how many {_DEGREES} (are |is )?(there )?(in )?{_RADIANS_GIVEN}",
    ),
]
