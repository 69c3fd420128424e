"""Areas, perimeters and volumes of simple shapes whose sides are given in one kind of length."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, measures, numbers, stops, unit_table

_CHECK = "computed again in metres by pint's factors"
# Enough digits of pi for every answer shown; the exact value is given as a multiple of it.
_PI = Fraction(31415926535897932384626433832795, 10**31)


def _sides(match: frames.Match) -> list[measures.Measure]:
    found = [measures.single(match[name], "length") for name in ("a", "b", "c") if match.groupdict().get(name)]
    unit = found[0].unit
    return [measures.Measure(measures.convert(side, unit), unit, side.shown) for side in found]


def _shape(
    what: str, sides: list[measures.Measure], value: Fraction, power: int, times_pi: bool = False
) -> results.Solved:
    """Return a value in the first side's unit to `power`, after the same in metres through the registry."""
    unit = sides[0].unit
    name = f"{unit.name}{['', '', chr(0xB2), chr(0xB3)][power]}"
    if power > 1:
        target = unit_table.find(name)
        if not target:
            raise stops.PassOnError(f"no unit of area or volume goes with {unit.name}")
        whole = measures.convert(
            measures.Measure(value, target[0], what), unit_table.SYMBOLS[["", "", "m²", "m³"][power]][0]
        )
        stops.require(whole == value * unit.factor**power, what)
    reading = f"the {what} of sides {' and '.join(side.shown for side in sides)}"
    if what.endswith("circle"):
        reading = f"the {what} of {sides[0].shown}"
    shown = f"{numbers.text(value)} {name}"
    if times_pi:
        shown = f"{numbers.text(value)} pi {name}, about {numbers.about(value * _PI)} {name}"
    exact = f"{value}{' pi' if times_pi else ''} {name}"
    return frames.solved(f"{reading} = {shown}", reading, _CHECK, exact)


def _rectangle(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    left, right = sides[0].value, sides[1].value
    if match["what"].lower() == "area":
        return _shape("area of a rectangle", sides, left * right, 2)
    return _shape("perimeter of a rectangle", sides, 2 * (left + right), 1)


def _square(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    side = sides[0].value
    if match["what"].lower() == "area":
        return _shape("area of a square", sides, side * side, 2)
    return _shape("perimeter of a square", sides, 4 * side, 1)


def _box(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    return _shape("volume of a box", sides, sides[0].value * sides[1].value * sides[2].value, 3)


def _cube(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    return _shape("volume of a cube", sides, sides[0].value ** 3, 3)


def _triangle(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    return _shape("area of a triangle", sides, sides[0].value * sides[1].value / 2, 2)


def _circle(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    radius = sides[0].value / (2 if match["line"].lower() == "diameter" else 1)
    if match["what"].lower() == "area":
        return _shape(f"area by the {match['line'].lower()} of the circle", sides, radius * radius, 2, times_pi=True)
    return _shape(f"circumference by the {match['line'].lower()} of the circle", sides, 2 * radius, 1, times_pi=True)


def _side(name: str) -> str:
    return f"(?P<{name}>{measures.QUANTITY})"


_OF = r"(of |with |that is |measuring )?"
_BY = r"( by | x )"
FRAMES = [
    *frames.frames(
        _rectangle,
        (
            rf"<ask>(the )?(?P<what>area|perimeter) of (a |the )?(rectangle|room|garden|field|rectangular "
            rf"[a-z]+) {_OF}{_side('a')}{_BY}{_side('b')}"
        ),
        (
            rf"<ask>(the )?(?P<what>area|perimeter) of (a |the )?rectangle (of|with) (a )?length (of "
            rf")?{_side('a')} and (a )?width (of )?{_side('b')}"
        ),
        (
            rf"<ask>(the )?(?P<what>area|perimeter) of (a |the )?rectangle (of|with) sides (of )?{_side('a')} "
            rf"and {_side('b')}"
        ),
    ),
    *frames.frames(
        _square,
        rf"<ask>(the )?(?P<what>area|perimeter) of (a |the )?square (of|with) (a )?sides? (length )?(of )?{_side('a')}",
    ),
    *frames.frames(
        _box,
        (
            rf"<ask>(the )?volume of (a |the )?(box|room|cuboid|tank|rectangular prism) "
            rf"{_OF}{_side('a')}{_BY}{_side('b')}{_BY}{_side('c')}"
        ),
    ),
    *frames.frames(
        _cube,
        rf"<ask>(the )?volume of (a |the )?cube (of|with) (a |an )?(side|edge)s? (length )?(of )?{_side('a')}",
    ),
    *frames.frames(
        _triangle,
        (
            rf"<ask>(the )?area of (a |the )?triangle (of|with) (a )?base (of )?{_side('a')} and (a )?height (of "
            rf")?{_side('b')}"
        ),
    ),
    *frames.frames(
        _circle,
        (
            rf"<ask>(the )?(?P<what>area|circumference) of (a |the )?circle (of|with) (a )?(?P<line>radius|"
            rf"diameter) (of )?{_side('a')}"
        ),
    ),
]
