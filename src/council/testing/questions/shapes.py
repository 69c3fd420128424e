"""Lengths, areas and volumes of shapes. The keys come from whole numbers, Pythagorean triples and Heronian triangles."""

import math
import random
from fractions import Fraction

from council.testing.questions import amounts, families

_SQUARED, _CUBED = "\N{SUPERSCRIPT TWO}", "\N{SUPERSCRIPT THREE}"
_TRIPLES = ((3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25), (20, 21, 29), (9, 40, 41))
# Sides and area: two right triangles of one height, put together.
_HERONIAN = (
    (13, 14, 15, 84),
    (5, 5, 6, 12),
    (5, 5, 8, 12),
    (10, 13, 13, 60),
    (3, 4, 5, 6),
    (4, 13, 15, 24),
    (9, 10, 17, 36),
)
_UNITS = ("", "", " m", " cm", " km", " ft", " inches")
_SYMBOLS = {"": "", " inches": " in"}


def _unit(chance: random.Random) -> tuple[str, str]:
    """Return a unit as written after a number, and as it is shown."""
    unit = chance.choice(_UNITS)
    return unit, _SYMBOLS.get(unit, unit)


def _pi(part: Fraction, unit: str, power: str = "") -> str:
    """Return a key: the multiple of pi, and about how much that is."""
    shown = "" if part == 1 else f"{part.numerator if part.denominator == 1 else part} "
    if part.denominator != 1 and 10**6 % part.denominator == 0:
        shown = f"{float(part):g} "
    value = float(part) * math.pi
    about = f"{value:.{max(0, 5 - math.floor(math.log10(value)))}f}"
    about = (
        about.rstrip("0").rstrip(".")
        if "." in about
        else str(round(value, 5 - math.floor(math.log10(value)))).removesuffix(".0")
    )
    return f"{shown}pi{unit}{power}, about {about}{unit}{power}"


def _flat(chance: random.Random) -> families.Asked:
    (unit, shown), a, b = _unit(chance), chance.randint(2, 60), chance.randint(2, 60)
    form, key = chance.choice(
        (
            (
                "What is the area of a rectangle with length {a}{u} and width {b}{u}?",
                f"{a * b}{shown}{shown and _SQUARED}",
            ),
            ("area of a rectangle with sides {a}{u} and {b}{u}", f"{a * b}{shown}{shown and _SQUARED}"),
            ("A rectangle is {a}{u} long and {b}{u} wide. What is its area?", f"{a * b}{shown}{shown and _SQUARED}"),
            ("Find the perimeter of a rectangle {a}{u} by {b}{u}", f"{a + b + a + b}{shown}"),
            ("perimeter of a square with side {a}{u}", f"{4 * a}{shown}"),
            ("area of a parallelogram with base {a}{u} and height {b}{u}", f"{a * b}{shown}{shown and _SQUARED}"),
            (
                "What is the area of a triangle with height {a}{u} and a base of {c}{u}?",
                f"{a * b}{shown}{shown and _SQUARED}",
            ),
            (
                "area of a trapezoid with bases {a}{u} and {b}{u} and height {h}{u}",
                f"{(a + b) * 3}{shown}{shown and _SQUARED}",
            ),
        )
    )
    return families.Asked(form.format(a=a, b=b, c=2 * b, h=6, u=unit), key)


def _solid(chance: random.Random) -> families.Asked:
    (unit, shown), a, b, c = _unit(chance), chance.randint(2, 30), chance.randint(2, 30), chance.randint(2, 30)
    square, cube = shown and f"{shown}{_SQUARED}", shown and f"{shown}{_CUBED}"
    form, key = chance.choice(
        (
            ("What is the volume of a box {a}{u} by {b}{u} by {c}{u}?", f"{a * b * c}{cube}"),
            ("volume of a box with length {a}{u}, width {b}{u} and height {c}{u}", f"{a * b * c}{cube}"),
            ("surface area of a cube with side {a}{u}", f"{6 * a * a}{square}"),
            ("volume of a cube with an edge of {a}{u}", f"{a**3}{cube}"),
            ("What is the surface area of a box {a}{u} by {b}{u} by {c}{u}?", f"{2 * (a * b + b * c + a * c)}{square}"),
        )
    )
    return families.Asked(form.format(a=a, b=b, c=c, u=unit), key)


def _round(chance: random.Random) -> families.Asked:
    (unit, shown), r, h = _unit(chance), chance.randint(2, 40), chance.randint(2, 40)
    square, cube = _SQUARED if shown else "", _CUBED if shown else ""
    form, key = chance.choice(
        (
            ("What is the area of a circle with radius {r}{u}?", _pi(Fraction(r * r), shown, square)),
            ("circumference of a circle of radius {r}{u}", _pi(Fraction(2 * r), shown)),
            ("A circle has a diameter of {d}{u}. What is its circumference?", _pi(Fraction(2 * r), shown)),
            ("If the radius of a circle is {r}{u}, what is its area?", _pi(Fraction(r * r), shown, square)),
            ("volume of a sphere with radius {r}{u}", _pi(Fraction(4 * r**3, 3), shown, cube)),
            ("What is the surface area of a sphere of radius {r}{u}?", _pi(Fraction(4 * r * r), shown, square)),
            ("volume of a cylinder with radius {r}{u} and height {h}{u}", _pi(Fraction(r * r * h), shown, cube)),
            ("volume of a cone with height {h}{u} and radius {r}{u}", _pi(Fraction(r * r * h, 3), shown, cube)),
        )
    )
    return families.Asked(form.format(r=r, d=2 * r, h=h, u=unit), key)


def _triangle(chance: random.Random) -> families.Asked:
    (unit, shown), times = _unit(chance), chance.randint(1, 9)
    square = shown and f"{shown}{_SQUARED}"
    a, b, c = (side * times for side in chance.choice(_TRIPLES))
    match chance.randrange(4):
        case 0:
            text = f"What is the hypotenuse of a right triangle with legs {a}{unit} and {b}{unit}?"
            return families.Asked(text, f"{c}{shown}")
        case 1:
            text = f"A right triangle has a hypotenuse of {c}{unit} and a leg of {a}{unit}. Find the other leg"
            return families.Asked(text, f"{b}{shown}")
        case 2:
            return families.Asked(f"diagonal of a rectangle {a}{unit} by {b}{unit}", f"{c}{shown}")
        case _:
            *sides, area = chance.choice(_HERONIAN)
            chance.shuffle(sides)
            x, y, z = (side * times for side in sides)
            text = f"area of a triangle with sides {x}{unit}, {y}{unit} and {z}{unit}"
            return families.Asked(text, f"{area * times * times}{square}")


_REFUSE = (
    "area of a rectangle 3 m by 4 kg",
    "area of a rectangle 3 m",
    "area of a rectangle 3 m by 4",
    "area of a rectangle with length 3 and length 4",
    "area of a triangle with base 3 and side 4",
    "area of a triangle with sides 3 and 4",
    "area of a triangle with sides 1, 2 and 9",
    "perimeter of a triangle with sides 1, 2 and 3",
    "area of a right triangle with sides 3 and 4",
    "volume of a rectangle 3 by 4 by 5",
    "volume of a cylinder with radius 2",
    "volume of a cylinder with radius 2 and diameter 4",
    "surface area of a cone with radius 2 and height 3",
    "area of a room with height 3 m and width 4 m",
    "area of a circle of 5 cm",
    "area of a circle with circumference 5",
    "radius of a circle with area 20",
    "area of a circle with radius 0",
    "area of a circle with radius -3",
    "area of a circle with radius 1,5",
    "area of a circle with radius 1.500",
    "area of a circle with radius x",
    "area of a square with perimeter 20",
    "area of an ellipse with axes 3 and 4",
    "area of a hexagon with side 2",
    "area of a trapezoid with bases 3 and 5",
    "volume of a sphere with radius 3 kg",
    "volume of a pyramid with base 3 and height 4",
    "How many tiles of 20 cm by 20 cm cover a room 3 m by 4 m?",
    "A right triangle has a hypotenuse of 3 cm and a leg of 5 cm. Find the other leg",
    "A circle has a radius of 5 cm. What is its perimeter and area?",
    "area of a rectangle twice as long as wide",
)
FAMILIES = (
    amounts.family("shapes: flat", _flat, _REFUSE),
    amounts.family("shapes: solid", _solid),
    amounts.family("shapes: round", _round),
    amounts.family("shapes: triangles", _triangle),
)
