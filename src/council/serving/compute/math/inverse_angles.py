"""The angle with a sine, cosine or tangent: `arcsin(1/2)`, in radians and in degrees.

sin^-1(x) is not read: it may be 1/sin(x). Principal values alone: from -90 to 90 degrees, for the cosine from 0 to 180.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, evaluate, formulas, grammar, lexer, limits, tree, wording

Slots = Mapping[str, str]
_FUNCTIONS = {
    "arcsin": "sin", "asin": "sin", "arcsine": "sin", "inverse sine": "sin", "arccos": "cos", "acos": "cos", "arccosine": "cos",
    "inverse cosine": "cos", "arctan": "tan", "atan": "tan", "arctangent": "tan", "inverse tangent": "tan",
}  # fmt: skip
# Twelfths of a half turn, by the square of the sine and of the tangent: these are all that have a square that is a fraction.
_BY_SQUARE = {
    "sin": {Fraction(0): 0, Fraction(1, 4): 2, Fraction(1, 2): 3, Fraction(3, 4): 4, Fraction(1): 6},
    "tan": {Fraction(0): 0, Fraction(1, 3): 2, Fraction(1): 3, Fraction(3): 4},
}
_SAID = {"sin": "sine", "cos": "cosine", "tan": "tangent"}
_PLACES = arithmetic.REAL.mpf(10) ** -40


def _angle(slots: Slots) -> wording.Task:
    node = grammar.parse(lexer.tokens(slots["a"]))
    if tree.unknowns(node):
        raise limits.UnreadableError("A number is needed, not a letter.")
    if any(isinstance(part, tree.Postfix) or part == tree.Constant("pi") for part in tree.walk(node)):
        raise limits.UnreadableError("It may be an angle itself, or a percentage.")
    function = _FUNCTIONS[" ".join(slots["function"].lower().split())]
    reading = f"arc{function}({tree.text(node)})"
    return wording.Task(reading, lambda: _answer(function, node, reading, slots["unit"].lower()))


def _answer(function: str, node: tree.Node, reading: str, unit: str) -> results.Solved:
    value = arithmetic.real(evaluate.checked_value(node)[1])
    if function != "tan" and abs(value) > 1:
        raise limits.UndefinedError(f"No angle has the {_SAID[function]} {tree.text(node)[:60]}.")
    real = arithmetic.REAL
    angle = {"sin": real.asin, "cos": real.acos, "tan": real.atan}[function](value)
    again = {"sin": real.sin, "cos": real.cos, "tan": real.tan}[function](angle)
    check.require(abs(again - value) < _PLACES * max(1, abs(value)), f"the {function} of the angle is another number")
    twelfths = _twelfths(function, node, value)
    if twelfths is None:
        said = f"about {formulas.about(angle)} radians, about {formulas.about(angle * 180 / real.pi)} degrees"
        exact = f"about {formulas.about(angle)}"
    else:
        check.require(abs(angle - real.pi * twelfths / 12) < _PLACES, "the angle is another part of a turn")
        exact = _radians(Fraction(twelfths, 12))
        said = f"{exact} radians, {twelfths * 15} degrees" if twelfths else "0"
    if unit and twelfths:
        said = f"{twelfths * 15} degrees" if unit == "degrees" else f"{exact} radians"
    elif unit and twelfths is None:
        shown = angle * 180 / real.pi if unit == "degrees" else angle
        said = f"about {formulas.about(shown)} {unit}"
    return wording.solved(
        reading, f"{reading} = {said}", f"its {_SAID[function]} computed back to 40 digits, by other code", exact
    )


def _twelfths(function: str, node: tree.Node, value: Any) -> int | None:
    """Return the angle in twelfths of a half turn where it is a known one, exactly."""
    square = evaluate.checked_value(tree.Binary("^", node, tree.integer(2)))[1]
    if not isinstance(square, Fraction):
        return None
    found = _BY_SQUARE["tan" if function == "tan" else "sin"].get(square)
    if found is None:
        return None
    signed = -found if value < 0 else found
    return 6 - signed if function == "cos" else signed


def _radians(part: Fraction) -> str:
    top = {1: "pi", -1: "-pi"}.get(part.numerator, f"{part.numerator}*pi") if part else "0"
    return top if part.denominator == 1 else f"{top}/{part.denominator}"


_NAMES = "|".join(sorted((name.replace(" ", " +") for name in _FUNCTIONS), key=len, reverse=True))
_NUMBER = r"[^a-z]*|[^a-z]*sqrt ?\([^a-z()]*\)[^a-z()]*"
_UNIT = r"(?: in (?P<unit>degrees|radians))?"
FRAMES = (
    wording.frame(rf"ASK ?(?:value of )?(?P<function>{_NAMES}) ?\( ?(?P<a>{_NUMBER}) ?\){_UNIT}", _angle),
    wording.frame(rf"ASK ?(?:value of )?(?P<function>{_NAMES}) of (?P<a>[-−]?[\d./]+){_UNIT}", _angle),
    wording.frame(rf"ASK ?(?P<function>{_NAMES}) (?P<a>[-−]?[\d.]+){_UNIT}", _angle),
)  # fmt: skip
