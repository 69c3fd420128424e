"""Calculus and numbers as anybody words them: arcsin, antiderivatives, bounds told first, the third power, decimals."""

import math
import random
from collections.abc import Callable, Sequence
from fractions import Fraction

from council.domain import answers
from council.testing.questions import families, math_faces

Asked = families.Asked
_PI = "3.14159265358979323846264338327950288"
# Degrees by what has them as its angle; written by hand.
_SINES = {
    "0": 0,
    "1/2": 30,
    "sqrt(2)/2": 45,
    "1/sqrt(2)": 45,
    "sqrt(3)/2": 60,
    "1": 90,
    "-1/2": -30,
    "-sqrt(3)/2": -60,
    "-1": -90,
    "0.5": 30,
}
_COSINES = {
    "1": 0,
    "sqrt(3)/2": 30,
    "sqrt(2)/2": 45,
    "1/2": 60,
    "0": 90,
    "-1/2": 120,
    "-sqrt(2)/2": 135,
    "-1": 180,
    "0.5": 60,
}
_TANGENTS = {"0": 0, "1": 45, "sqrt(3)": 60, "1/sqrt(3)": 30, "sqrt(3)/3": 30, "-1": -45, "-sqrt(3)": -60}
_RADIANS = {
    0: "0", 30: "pi/6", 45: "pi/4", 60: "pi/3", 90: "pi/2", 120: "2*pi/3", 135: "3*pi/4", 180: "pi", -30: "-pi/6", -45: "-pi/4",
    -60: "-pi/3", -90: "-pi/2",
}  # fmt: skip


def _inverse(chance: random.Random) -> Asked:
    names, table, function = chance.choice(
        (
            (("arcsin", "asin"), _SINES, math.asin),
            (("arccos", "acos"), _COSINES, math.acos),
            (("arctan", "atan"), _TANGENTS, math.atan),
        )
    )
    form = chance.choice(("{}({})", "What is {}({})?", "Find {}({})", "the value of {}({})"))
    if chance.random() < 0.4:
        value = Fraction(chance.randint(-99, 99), 100)
        if str(abs(value)) in ("0", "1/2"):
            value += Fraction(1, 100)
        return Asked(form.format(chance.choice(names), f"{float(value):g}"), f"~{function(float(value))!r}")
    inner, degrees = chance.choice(sorted(table.items()))
    return Asked(
        form.format(chance.choice(names), inner), f"{_RADIANS[degrees]} radians, {degrees} degrees" if degrees else "0"
    )


def _same_angle(answer: str, key: str) -> bool:
    said = answer.rsplit(" = ", 1)[-1]
    if not key.startswith("~"):
        return said == key
    radians, _, degrees = said.removesuffix(" degrees").partition(" radians, about ")
    meant, given = float(key[1:]), float(radians.removeprefix("about "))
    return abs(given - meant) < 1e-4 * max(abs(meant), 1e-3) and abs(float(degrees) - math.degrees(meant)) < 1e-2


def _row(chance: random.Random) -> list[int]:
    """Return a polynomial of which each part is a whole number once it is integrated, its highest power first."""
    degree = chance.randint(1, 4)
    return [
        chance.choice((1, 2, -1, 3)) * (degree - place + 1) if not place or chance.random() < 0.6 else 0
        for place in range(degree + 1)
    ]


def _antiderivative(chance: random.Random) -> Asked:
    row = _row(chance)
    degree = len(row)
    key = " + ".join(f"({factor // (degree - place)})*x^{degree - place}" for place, factor in enumerate(row))
    form = chance.choice(
        (
            "antiderivative of {}",
            "Find the antiderivative of {}",
            "What is the antiderivative of {}?",
            "the indefinite integral of {}",
        )
    )
    return Asked(form.format(math_faces.polynomial(row)), key)


def _bounds(chance: random.Random) -> Asked:
    row, low = _row(chance), chance.randint(-3, 4)
    high = low + chance.randint(1, 5)
    degree = len(row)

    def whole(at: int) -> int:
        return sum(factor // (degree - place) * at ** (degree - place) for place, factor in enumerate(row))

    form = chance.choice(
        (
            "integral from {a} to {b} of {f}", "What is the integral from {a} to {b} of {f} dx?",
            "integrate {f} between {a} and {b}",
            "Find the definite integral of {f} between {a} and {b}", "the definite integral from {a} to {b} of {f}",
        )
    )  # fmt: skip
    return Asked(form.format(a=low, b=high, f=math_faces.polynomial(row)), str(whole(high) - whole(low)))


_ORDINALS = "second third fourth fifth sixth seventh eighth ninth tenth".split()


def _powers(chance: random.Random) -> Asked:
    base, exponent = chance.randint(2, 15), chance.randint(2, 10)
    value = 1
    for _ in range(exponent):
        value *= base
    suffix = {2: "nd", 3: "rd"}.get(exponent, "th")
    said = chance.choice((_ORDINALS[exponent - 2], f"{exponent}{suffix}"))
    form = chance.choice(
        (
            "{} to the {} power",
            "What is {} to the {} power?",
            "{} raised to the {} power",
            "calculate {} to the {} power",
        )
    )
    return Asked(form.format(base, said), str(value))


_COUNTS = "zero one two three four five six seven eight nine ten".split()


def _places(chance: random.Random) -> Asked:
    places = chance.randint(1, 10)
    match chance.randrange(3):
        case 0:
            text, digits = "pi", int(_PI[2 : 2 + places + 1])
            scaled = 3 * 10**places + digits // 10 + (digits % 10 >= 5)
        case 1:
            number = chance.choice([one for one in range(2, 200) if math.isqrt(one) ** 2 != one])
            text, scaled = f"sqrt({number})", (math.isqrt(number * 10 ** (2 * places + 2)) + 5) // 10
        case _:
            top, bottom = chance.randint(1, 99), chance.choice((3, 7, 9, 11, 13, 17, 19, 21, 23, 27))
            text, scaled = f"{top}/{bottom}", (2 * top * 10**places + bottom) // (2 * bottom)
    digits_shown = str(scaled).rjust(places + 1, "0")
    said = chance.choice((str(places), _COUNTS[places]))
    unit = chance.choice(("decimal place", "decimal")) + ("" if places == 1 else "s")
    form = chance.choice(("{} to {} {}", "What is {} to {} {}?", "calculate {} to {} {}", "{} correct to {} {}"))
    return Asked(form.format(text, said, unit), f"{digits_shown[:-places]}.{digits_shown[-places:]}")


def _scientific(chance: random.Random) -> Asked:
    digits, power = str(chance.randint(1, 9999)).rstrip("0") or "1", chance.randint(-8, 9)
    shift = power - len(digits) + 1
    if shift >= 0:
        whole = digits + "0" * shift
        number = f"{int(whole):,}" if chance.random() < 0.5 else whole
    elif power >= 0:
        number = f"{digits[: power + 1]}.{digits[power + 1 :]}"
    else:
        number = f"0.{'0' * (-power - 1)}{digits}"
    factor = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    form = chance.choice(
        (
            "{} in scientific notation",
            "Write {} in scientific notation",
            "What is {} in scientific notation?",
            "Express {} in scientific notation",
        )
    )
    return Asked(form.format(number), f"{factor} * 10^{power if power >= 0 else f'({power})'}")


def _ends(answer: str, key: str) -> bool:
    return answer.endswith(f" is {key}")


_REFUSE_INVERSE = (
    "sin^-1(1)", "sin^(-1)(1/2)", "arcsin(1/2) + 1", "2 arcsin(1/2)", "arcsin(x)", "arcsin(30 degrees)", "arcsin(pi)",
    "arcsin(50%)", "arcsin", "arcsin of", "arcsin()", "arcsin(1/2, 3)", "arcsin(1,5)", "arcsin(1/2) in gradians",
    "arcsin(1/2)^2", "arcsin 1/2 + 1", "arcsin(2)", "arccos(-1.5)", "arctan(y/x)", "arctan(1, 1)", "atan2(1, 1)",
    "arcsinh(1)", "arcsec(2)", "derivative of arcsin(x)", "arcsin(sin(30))", "arcsin(sin(5))", "arcsin(1/0)",
    "arcsin 0.5 0.6", "arccos(0.5) degrees", "solve arcsin(x) = 1", "arctan(infinity)", "inverse sine",
    "inverse of 1/2", "inverse sine of x", "arcsin(0.5) and arccos(0.5)", "arcsin(0.5) or arccos(0.5)", "arctan 1 2",
)  # fmt: skip
_REFUSE_INTEGRALS = (
    "integrate x^2 between 3 and 0", "integrate x between 1 and -1", "integral from 0 to 2 of x^2 plus 1",
    "integral from 0 to 2 of x^2 minus 1", "antiderivative of x^2 from 0 to 1", "antiderivative", "antiderivative of",
    "antiderivative of xy", "antiderivative of x^2 at 3", "antiderivative of x^2 and x^3", "antiderivatives of x^2",
    "antiderivative of x^2 with F(0) = 1", "antiderivative of (x) + 1", "integral from 0 to 1",
    "integral from 0 of x^2", "integral from 0 to 1 of", "integral from 0 to of x^2", "integral from 1 of x to 2",
    "integral from 0 to 1 of xy", "integral from 0 to 1 of (x) + 1", "integral from 0 to 1 of x times 3",
    "integral from a to b of x^2", "integral from 0 to 1 to 2 of x^2", "integral from 0 to 1 of x^2 from 0 to 2",
    "integrate x^2 between 0 and 1 and 2", "integrate x^2 between 0", "integrate x^2 between 0 and",
    "integrate between 0 and 3", "integrate x^2 between 0 to 3 and 4", "integrate x^2 between 0 and 3 + 1",
    "integrate x^2 between 0 and 3 times 2", "integrate sin(x) between 0 and 90", "integral from 0 to 90 of sin(x)",
    "integral from 0 to 1 of 1,5x", "integral from 0 to 1 of x^2 dy", "integral from 0 to 1 of x^2 dx dy",
    "integral from x = 0 to y = 1 of x", "integral from 0 to 1 of 1/x", "double integral from 0 to 1 of x^2",
    "integral 0 to 1 x^2", "integrate x^2 between 0 and 3 and add 1", "integral from 0 to 1 of x^2 is what",
)  # fmt: skip
_REFUSE_POWERS = (
    "2 to the third", "2 to the 3th power", "double 5 to the third power", "half of 4 to the second power",
    "twice 3 to the 4th power", "2 to the nth power", "2 to the half power", "2 to the third power of 2",
    "2 to the third power plus 1", "to the third power", "2 to the third power series", "1 + 2 to the third power",
    "-2 to the third power", "2 x 3 to the third power", "2 to the first third power", "two to the third powers",
    "2 to the third or fourth power", "2 to the 1.5th power", "2/3 to the third power", "2 to the third power times 3",
    "x to the third power", "2 to the 22th power", "2 to the minus third power", "2 to the third world power",
)  # fmt: skip
_REFUSE_PLACES = (
    "pi to 5 places", "pi to 5", "pi to five digits", "pi to 5 significant figures", "first 5 decimals of pi",
    "pi to 1.5 decimals", "pi to -2 decimals", "pi to x decimals", "pi to 1000 decimals", "0.125 to 2 decimals",
    "1/8 to 2 decimal places", "2 + 1/7 to 3 decimals", "1/7 + 1/3 to 3 decimals", "x to 3 decimals",
    "1/7 to 5 decimal places and 3", "from 1/7 to 5 decimals", "1/0 to 3 decimals", "sqrt(-2) to 3 decimals",
    "3 4 to 2 decimals", "1,5 to 0 decimals", "1/7 to 5 decimal points", "pi to 5 decimals to 3 decimals",
    "50% to 2 decimals", "sin(30) to 3 decimals", "2x to 3 decimals", "pi to about 5 decimals", "pi to 5 or 6 decimals",
    "5 km to 2 decimals",
)  # fmt: skip
_REFUSE_SCIENTIFIC = (
    "0 in scientific notation", "0.0 in scientific notation", "1,5 in scientific notation",
    "0.0120 in scientific notation", "x in scientific notation", "007 in scientific notation",
    "1/3 in scientific notation", "2 + 3 in scientific notation", "5 km in scientific notation", "0.00123 in notation",
    "0.00123 in engineering notation", "scientific notation", "pi in scientific notation", "50% in scientific notation",
    "0.00123 in standard form", "1.2.3 in scientific notation", "12 34 in scientific notation",
    "1e-3 in scientific notation", "0.00123 in scientific notation times 2", "0.00123 and 5 in scientific notation",
    "about 5000 in scientific notation", "5000 in scientific notation with 2 significant figures",
    "1,23 in scientific notation", "12,34,567 in scientific notation", "$5000 in scientific notation",
    "--5 in scientific notation", "is 5000 in scientific notation?", "1.500 in scientific notation",
)  # fmt: skip


def _family(
    name: str, make: Callable[[random.Random], Asked], agrees: Callable[[str, str], bool], refuse: Sequence[str] = ()
) -> families.Family:
    return families.Family(f"math.{name}", answers.Route.MATH, make, math_faces.paraphrase, agrees, refuse)


FAMILIES = (
    _family("inverse-angle", _inverse, _same_angle, _REFUSE_INVERSE),
    _family("antiderivative in words", _antiderivative, math_faces.same_function, _REFUSE_INTEGRALS),
    _family("bounds-in-words", _bounds, math_faces.same_number),
    _family("nth-power", _powers, math_faces.same_number, _REFUSE_POWERS),
    _family("decimal-places", _places, _ends, _REFUSE_PLACES),
    _family("scientific-notation", _scientific, _ends, _REFUSE_SCIENTIFIC),
)
