"""Vectors: dot product, cross product, length; and circles from their equation."""

import re
from collections.abc import Mapping
from fractions import Fraction

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    check,
    evaluate,
    formulas,
    limits,
    matrices,
    polynomials,
    tree,
    wording,
)

Slots = Mapping[str, str]
Vector = tuple[Fraction, ...]
_SIZE_MAX = 12
_BRACKETS = {
    "(": ")",
    "[": "]",
    "<": ">",
    "\N{MATHEMATICAL LEFT ANGLE BRACKET}": "\N{MATHEMATICAL RIGHT ANGLE BRACKET}",
}


def _vector(text: str) -> Vector:
    bare = re.sub(r"^(?:the )?(?:vector )?(?:[a-z] ?= ?)?", "", text.strip())
    if bare.startswith("[["):
        rows = matrices.read(bare)
        if len(rows[0]) != 1:
            raise limits.UnreadableError("A vector is one column.")
        return tuple(row[0] for row in rows)
    if not bare or bare[-1] != _BRACKETS.get(bare[0]):
        raise limits.UnreadableError("A vector is written as (1, 2, 3).")
    inner = bare[1:-1]
    if re.search(r"\d,\d{3}(?!\d)", inner):
        raise limits.UnreadableError("A comma may separate thousands or numbers.")
    parts = wording.split(inner)
    if not 2 <= len(parts) <= _SIZE_MAX:
        raise limits.UnreadableError(f"A vector has 2 to {_SIZE_MAX} numbers.")
    return tuple(wording.number(part)[1] for part in parts)


def _pair(text: str) -> tuple[Vector, Vector]:
    parts = re.split(r" (?:and|with|by) |(?<=[)\]>]) ?[·•×*] ?(?=[(\[<])", text)
    if len(parts) != 2:
        raise limits.UnreadableError("Two vectors are needed.")
    one, other = (_vector(part) for part in parts)
    if len(one) != len(other):
        raise limits.UndefinedError(f"The vectors have {len(one)} and {len(other)} numbers.")
    return one, other


def _shown(vector: Vector) -> str:
    return f"({', '.join(formulas.fraction_text(one) for one in vector)})"


def _theirs(vector: Vector) -> sympy.Matrix:
    return sympy.Matrix([sympy.Rational(one.numerator, one.denominator) for one in vector])


def _dot(slots: Slots) -> wording.Task:
    one, other = _pair(slots["v"])
    reading = f"the dot product of {_shown(one)} and {_shown(other)}"

    def answer() -> results.Solved:
        value = sum((first * second for first, second in zip(one, other, strict=True)), Fraction(0))
        again = _theirs(one).dot(_theirs(other))
        check.require(Fraction(int(again.p), int(again.q)) == value, "the two ways differ")
        exact = formulas.fraction_text(value)
        said = f"The {reading[4:]} is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "computed again exactly by other code", exact)

    return wording.Task(reading, answer)


def _cross(slots: Slots) -> wording.Task:
    one, other = _pair(slots["v"])
    if len(one) != 3:
        raise limits.UnreadableError("A cross product is read of vectors of three numbers.")
    reading = f"the cross product of {_shown(one)} and {_shown(other)}"

    def answer() -> results.Solved:
        (a, b, c), (d, g, h) = one, other
        value = (b * h - c * g, c * d - a * h, a * g - b * d)
        check.require(list(_theirs(one).cross(_theirs(other))) == list(_theirs(value)), "the two ways differ")
        for vector in (one, other):
            product = sum((first * second for first, second in zip(value, vector, strict=True)), Fraction(0))
            check.require(product == 0, "it is not at right angles to both")
        exact = _shown(value)
        return wording.solved(reading, f"The {reading[4:]} is {exact}", "computed again exactly by other code", exact)

    return wording.Task(reading, answer)


def _length(slots: Slots) -> wording.Task:
    vector = _vector(slots["v"])
    reading = f"the length of the vector {_shown(vector)}"

    def answer() -> results.Solved:
        square = sum((one**2 for one in vector), Fraction(0))
        exact, value = evaluate.checked_value(tree.Call("sqrt", (formulas.literal(square),)))
        theirs = arithmetic.value(formulas.read_back(formulas.text(_theirs(vector).norm())))
        check.require(arithmetic.agree(theirs, value), "the two ways differ")
        said = f"The {reading[4:]} is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "measured again by other code", exact)

    return wording.Task(reading, answer)


# Circles


def _circle(slots: Slots) -> wording.Task:
    """x^2 + y^2 + dx + ey + f = 0, or a multiple of it, by completing both squares."""
    sides = [wording.formula(side.strip()) for side in slots["e"].split("=")]
    if len(sides) != 2 or tree.unknowns(*sides) != ["x", "y"]:
        raise limits.UnreadableError("A circle's equation in x and y is needed.")
    terms = polynomials.polynomial(tree.Binary("-", sides[0], sides[1]))
    square = terms.get((("x", 2),), Fraction(0))
    known = {(("x", 2),), (("y", 2),), (("x", 1),), (("y", 1),), ()}
    if not square or terms.get((("y", 2),)) != square or not set(terms) <= known:
        raise limits.UnreadableError("The equation is not that of a circle.")
    what = slots["what"].lower()
    shown = f"{tree.text(sides[0])} = {tree.text(sides[1])}"
    reading = f"the {what} of the circle {shown}"

    def answer() -> results.Solved:
        x, y = (-terms.get(((name, 1),), Fraction(0)) / (2 * square) for name in ("x", "y"))
        radius_squared = x**2 + y**2 - terms.get((), Fraction(0)) / square
        if radius_squared <= 0:
            raise limits.UndefinedError(f"No circle satisfies {shown}.")
        _check_circle(sides, square, (x, y), radius_squared)
        center = f"({formulas.fraction_text(x)}, {formulas.fraction_text(y)})"
        exact, radius = evaluate.checked_value(tree.Call("sqrt", (formulas.literal(radius_squared),)))
        step = f"center {center}, radius squared {formulas.fraction_text(radius_squared)}"
        checked = "the distance from the center put in place of the equation, exactly, by other code"
        if what == "radius":
            said = f"The {reading[4:]} is {formulas.with_decimal(exact, radius)}"
            return wording.solved(reading, said, checked, exact, step)
        return wording.solved(reading, f"The {reading[4:]} is {center}", checked, center, step)

    return wording.Task(reading, answer)


def _check_circle(sides: list[tree.Node], square: Fraction, center: Vector, radius_squared: Fraction) -> None:
    """Require that the two sides differ everywhere by a multiple of what a circle's equation says."""
    for x, y in (
        (Fraction(0), Fraction(0)),
        (Fraction(3), Fraction(-1, 2)),
        (Fraction(-5, 7), Fraction(11, 3)),
        (Fraction(9), Fraction(2)),
    ):
        left, right = (arithmetic.value(side, {"x": x, "y": y}) for side in sides)
        wanted = square * ((x - center[0]) ** 2 + (y - center[1]) ** 2 - radius_squared)
        check.require(left - right == wanted, "the circle is another")


_V = r"(?:the )?(?:vectors? )?(?P<v>[^=?]+)"
FRAMES = (
    wording.frame(rf"ASK (?:dot|scalar|inner) product (?:of|between) {_V}", _dot),
    wording.frame(rf"ASK (?:cross|vector) product (?:of|between) {_V}", _cross),
    wording.frame(rf"ASK (?:magnitude|norm|length) of (?:the )?vector {_V}", _length),
    wording.frame(r"ASK (?:magnitude|norm) of (?:the )?(?P<v>[(\[<].+)", _length),
    wording.frame(
        r"ASK (?P<what>center|centre|radius) of (?:the )?circle "
        r"(?:with (?:the )?equation |given by |whose equation is |defined by )?"
        r"(?:the equation )?(?P<e>[^=]+=[^=]+)", _circle
    ),
)  # fmt: skip
