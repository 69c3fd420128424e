"""Points and lines: slope, distance, midpoint, the line through two points, the area of a triangle."""

import re
from collections.abc import Mapping
from fractions import Fraction

import sympy

from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, evaluate, formulas, limits, polynomials, tree, wording

Slots = Mapping[str, str]
Point = tuple[Fraction, ...]


def _points(text: str, count: int) -> tuple[Point, ...]:
    """Return `count` points of two or three coordinates each, all alike."""
    found = re.findall(r"\((?:[^()]|\([^()]*\))*\)", text)
    between = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "@", text)
    points = tuple(_point(one) for one in found)
    if len(points) != count or len({len(point) for point in points}) != 1:
        raise limits.UnreadableError(f"{count} points of the same number of coordinates are needed.")
    if not re.fullmatch(r"(?:[A-Z] ?=? ?)?@(?:(?:,|,? and|,? to) (?:the point )?(?:[A-Z] ?=? ?)?@)*", between):
        raise limits.UnreadableError("It is not clear which points are meant.")
    return points


def _point(text: str) -> Point:
    parts = wording.split(text[1:-1])
    if not 2 <= len(parts) <= 3:
        raise limits.UnreadableError("A point has two or three coordinates.")
    if len(parts) == 3 and re.search(r"\d,\d{3}(?!\d)", text):
        raise limits.UnreadableError("A comma may separate thousands or coordinates.")
    return tuple(wording.number(part)[1] for part in parts)


def _shown(point: Point) -> str:
    return f"({', '.join(formulas.fraction_text(one) for one in point)})"


def _slope(slots: Slots) -> wording.Task:
    one, two = _points(slots["p"], 2)
    if len(one) != 2:
        raise limits.UnreadableError("A slope is read in the plane.")
    reading = f"the slope of the line through {_shown(one)} and {_shown(two)}"

    def answer() -> results.Solved:
        if one == two:
            raise limits.UndefinedError("The two points are the same; many lines go through them.")
        if one[0] == two[0]:
            raise limits.UndefinedError("The line is vertical; its slope is undefined.")
        value = (two[1] - one[1]) / (two[0] - one[0])
        check.require(one[1] + value * (two[0] - one[0]) == two[1], "the line misses a point")
        exact = formulas.fraction_text(value)
        said = f"The slope is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "the line followed from one point to the other by other code", exact)

    return wording.Task(reading, answer)


def _length(one: Point, two: Point) -> tuple[str, arithmetic.Value]:
    square = sum(((second - first) ** 2 for first, second in zip(one, two, strict=True)), Fraction(0))
    node = tree.Call("sqrt", (formulas.literal(square),))
    return evaluate.checked_value(node)


def _distance(slots: Slots) -> wording.Task:
    one, two = _points(slots["p"], 2)
    reading = f"the distance between {_shown(one)} and {_shown(two)}"

    def answer() -> results.Solved:
        exact, value = _length(one, two)
        points = [sympy.Point(*(sympy.Rational(x.numerator, x.denominator) for x in point)) for point in (one, two)]
        theirs = arithmetic.value(formulas.read_back(formulas.text(points[0].distance(points[1]))))
        check.require(arithmetic.agree(theirs, value), "the two ways differ")
        said = f"The distance is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "measured again by other code", exact)

    return wording.Task(reading, answer)


def _midpoint(slots: Slots) -> wording.Task:
    one, two = _points(slots["p"], 2)
    reading = f"the midpoint of {_shown(one)} and {_shown(two)}"

    def answer() -> results.Solved:
        value = tuple((first + second) / 2 for first, second in zip(one, two, strict=True))
        steps = [(middle - first, second - middle) for first, middle, second in zip(one, value, two, strict=True)]
        check.require(all(before == after for before, after in steps), "it is not in the middle")
        exact = _shown(value)
        return wording.solved(
            reading, f"The midpoint is {exact}", "as far from one point as from the other, by other code", exact
        )

    return wording.Task(reading, answer)


def _line(slots: Slots) -> wording.Task:
    one, two = _points(slots["p"], 2)
    if len(one) != 2:
        raise limits.UnreadableError("A line's equation is read in the plane.")
    reading = f"the line through {_shown(one)} and {_shown(two)}"

    def answer() -> results.Solved:
        if one == two:
            raise limits.UndefinedError("The two points are the same; many lines go through them.")
        if one[0] == two[0]:
            exact = f"x = {formulas.fraction_text(one[0])}"
            return wording.solved(reading, f"The line is {exact}", "both points put in by other code", exact)
        slope = (two[1] - one[1]) / (two[0] - one[0])
        start = one[1] - slope * one[0]
        right = line_text(slope, start, "x")
        read = formulas.read_back(right)
        check.require(all(arithmetic.value(read, {"x": x}) == y for x, y in (one, two)), "the line misses a point")
        exact = f"y = {right}"
        return wording.solved(reading, f"The line is {exact}", "both points put in by other code", exact)

    return wording.Task(reading, answer)


def line_text(slope: Fraction, start: Fraction, name: str) -> str:
    """Return slope * name + start in our grammar."""
    if slope == 0:
        return formulas.fraction_text(start)
    front = {1: name, -1: f"-{name}"}.get(slope.numerator if slope.denominator == 1 else 0)
    front = (
        front
        or f"{formulas.fraction_text(slope) if slope.denominator == 1 else f'({formulas.fraction_text(slope)})'}*{name}"
    )
    tail = f" {'+' if start > 0 else '-'} {formulas.fraction_text(abs(start))}" if start else ""
    return front + tail


def _slope_of_line(slots: Slots) -> wording.Task:
    sides = [wording.formula(side.strip()) for side in slots["e"].split("=")]
    if len(sides) != 2 or tree.unknowns(*sides) != ["x", "y"]:
        raise limits.UnreadableError("A line's equation in x and y is needed.")
    terms = polynomials.polynomial(tree.Binary("-", sides[0], sides[1]))
    if polynomials.degree(terms) != 1:
        raise limits.UnreadableError("The equation is not that of a line.")
    across, up, rest = (
        terms.get((("x", 1),), Fraction(0)),
        terms.get((("y", 1),), Fraction(0)),
        terms.get((), Fraction(0)),
    )
    what = slots["what"].lower()
    shown = " = ".join(tree.text(side) for side in sides)
    reading = f"the {what} of the line {shown}"

    def answer() -> results.Solved:
        divisor = across if what == "x-intercept" else up
        if divisor == 0:
            raise limits.UndefinedError(f"The line {shown} has no {what}.")
        value = -across / up if what == "slope" else -rest / divisor
        place = {
            "slope": None,
            "y-intercept": {"x": Fraction(0), "y": value},
            "x-intercept": {"x": value, "y": Fraction(0)},
        }[what]
        if place is None:
            for x in (Fraction(0), Fraction(1)):
                y = -rest / up + value * x
                left, right = (arithmetic.value(side, {"x": x, "y": y}) for side in sides)
                check.require(left == right, "the line is another")
        else:
            left, right = (arithmetic.value(side, place) for side in sides)
            check.require(left == right, "the point is not on the line")
        exact = formulas.fraction_text(value)
        said = f"The {what} of {shown} is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "put into the equation by other code", exact)

    return wording.Task(reading, answer)


def _triangle(slots: Slots) -> wording.Task:
    corners = _points(slots["p"], 3)
    if len(corners[0]) != 2:
        raise limits.UnreadableError("The area of a triangle is read in the plane.")
    reading = f"the area of the triangle {', '.join(_shown(one) for one in corners)}"

    def answer() -> results.Solved:
        (a, b), (c, d), (g, h) = corners
        value = abs((c - a) * (h - b) - (g - a) * (d - b)) / 2
        again = abs(a * d - c * b + c * h - g * d + g * b - a * h) / 2
        check.require(value == again, "the two ways differ")
        exact = formulas.fraction_text(value)
        said = f"The area is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "computed again from the outline by other code", exact)

    return wording.Task(reading, answer)


_P = r"(?:the )?(?:points? )?(?P<p>(?:[A-Z] ?=? ?)?\(.+\))"
FRAMES = (
    wording.frame(
        rf"ASK (?:slope|gradient) (?:of )?(?:the )?(?:line )?(?:segment )?"
        rf"(?:(?:that )?(?:passing|passes|going|goes|that goes|running)? ?"
        rf"(?:through|between|joining|connecting|containing|from)|of) {_P}",
        _slope,
    ),
    wording.frame(rf"ASK distance (?:between|from) {_P}", _distance),
    wording.frame(rf"how far apart are {_P}", _distance),
    wording.frame(
        rf"(?:ASK length of|how (?:many units )?long is)(?: the| a)? (?:line )?segment "
        rf"(?:joining|connecting|between|from|with endpoints|whose endpoints are)(?: at)? {_P}", _distance
    ),
    wording.frame(
        rf"ASK midpoint (?:of|between) (?:the )?(?:line )?(?:segment )?"
        rf"(?:(?:joining|connecting|between|from|with endpoints) )?{_P}",
        _midpoint,
    ),
    wording.frame(
        rf"ASK (?:equation of (?:the )?)?line (?:that )?(?:passing |passes |going |goes )?(?:through|joining) {_P}", _line
    ),
    wording.frame(r"ASK (?P<what>slope|y-intercept|x-intercept) of (?:the )?(?:line )?"
        r"(?:with equation )?(?P<e>[^=]+=[^=]+)", _slope_of_line),
    wording.frame(
        r"ASK area(?:, in square units,)? of (?:the |a )?triangle "
        rf"with (?:vertices|corners)(?: at)? {_P}", _triangle,
    ),
)  # fmt: skip
