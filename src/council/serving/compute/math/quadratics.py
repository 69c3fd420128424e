"""Polynomials of one letter: roots in sum and product, discriminant, coefficients, division, completing the square, vertex."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, formulas, limits, polynomials, tree, wording

Slots = Mapping[str, str]


def _polynomial(text: str, equation: bool = False) -> tuple[str, str, list[Fraction]]:
    """Return a slot as its reading, its letter and its coefficients. An equation becomes left minus right."""
    sides = text.split("=")
    if len(sides) > (2 if equation else 1):
        raise limits.UnreadableError("A polynomial has no equals sign.")
    nodes = [wording.formula(side.strip()) for side in sides]
    node = tree.Binary("-", nodes[0], nodes[1]) if len(nodes) == 2 else nodes[0]
    names = tree.unknowns(node)
    if len(names) != 1:
        raise limits.UnreadableError("A polynomial in one letter is needed.")
    try:
        arithmetic.guard(node)
        row = polynomials.coefficients(polynomials.polynomial(node), names[0])
    except limits.TooLargeError as error:
        raise limits.UnreadableError(error.reason) from error
    if len(row) < 2:
        raise limits.UnreadableError("The letter cancels out.")
    return " = ".join(tree.text(one) for one in nodes), names[0], row


def _theirs(row: list[Fraction], name: str) -> Any:
    return sympy.Poly([sympy.Rational(one.numerator, one.denominator) for one in row], formulas.symbol(name))


def _fraction(number: Any) -> Fraction:
    rational = sympy.Rational(number)
    return Fraction(int(rational.p), int(rational.q))


def _text(row: list[Fraction], name: str) -> str:
    return formulas.text(_theirs(row, name).as_expr()) if row else "0"


def _said(reading: str, exact: str, number: Fraction, checked: str, *steps: str) -> results.Solved:
    said = f"{reading[:1].upper()}{reading[1:]} is {formulas.with_decimal(exact, number)}"
    return wording.solved(reading, said, checked, exact, *steps)


def _roots(slots: Slots) -> wording.Task:
    what = slots["what"].lower()
    shown, _, row = _polynomial(slots["p"], equation=True)
    if len(row) - 1 > limits.EQUATION_DEGREE_MAX or len(row) < 3:
        raise limits.UnreadableError("The degree does not fit.")
    reading = f"the {what} of the roots of {shown}"

    def answer() -> results.Solved:
        degree = len(row) - 1
        value = -row[1] / row[0] if what == "sum" else row[-1] / row[0] * (-1) ** degree
        roots = polynomials.all_roots(row)
        if len(roots) != degree:
            raise limits.UndecidedError("A root occurs several times, and how often it counts is not said.")
        total = arithmetic.REAL.mpf(0) if what == "sum" else arithmetic.REAL.mpf(1)
        for root in roots:
            total = total + root if what == "sum" else total * root
        check.require(
            abs(total - arithmetic.real(value)) < arithmetic.REAL.mpf(10) ** -25, "the roots give something else"
        )
        real = sum(1 for root in roots if abs(arithmetic.REAL.im(root)) < arithmetic.TOLERANCE)
        if real < degree and slots["kind"].lower() != "roots":
            raise limits.UndecidedError("Not all solutions are real.")
        if real < degree and slots["real"]:
            raise limits.UndecidedError("Not all roots are real.")
        exact = formulas.fraction_text(value)
        note = f" ({degree - real} of the {degree} roots are not real)" if real < degree else ""
        said = f"The {what} of the roots of {shown} is {formulas.with_decimal(exact, value)}{note}"
        return wording.solved(reading, said, "all roots found numerically by other code", exact)

    return wording.Task(reading, answer)


def _discriminant(slots: Slots) -> wording.Task:
    shown, name, row = _polynomial(slots["p"], equation=True)
    if len(row) != 3:
        raise limits.UnreadableError("A discriminant is read of quadratics.")
    reading = f"the discriminant of {shown}"

    def answer() -> results.Solved:
        square, linear, constant = row
        value = linear**2 - 4 * square * constant
        check.require(_fraction(_theirs(row, name).discriminant()) == value, "the two ways differ")
        exact = formulas.fraction_text(value)
        step = f"b^2 - 4ac with a = {square}, b = {linear}, c = {constant}"
        return _said(reading, exact, value, "computed again by other code", step)

    return wording.Task(reading, answer)


def _property(what: str, own: Callable[[list[Fraction]], Fraction | int], theirs: Callable[[Any], Any]) -> Any:
    def make(slots: Slots) -> wording.Task:
        shown, name, row = _polynomial(slots["p"])
        reading = f"the {what} of {shown}"

        def answer() -> results.Solved:
            value = Fraction(own(row))
            built = sympy.Poly(sympy.expand(formulas.build(wording.formula(slots["p"]))), formulas.symbol(name))
            check.require(_fraction(theirs(built)) == value, "the two ways differ")
            return _said(reading, formulas.fraction_text(value), value, "multiplied out again by other code")

        return wording.Task(reading, answer)

    return make


def _coefficient(slots: Slots) -> wording.Task:
    shown, name, row = _polynomial(slots["p"])
    power = re.fullmatch(rf"{name}(?: ?(?:\^|\*\*) ?\(?(\d+)\)?)?", slots["term"])
    if power is None:
        raise limits.UnreadableError("The coefficient of a power of the letter is read.")
    exponent = int(power[1] or 1)
    reading = f"the coefficient of {name}^{exponent} in {shown}"

    def answer() -> results.Solved:
        value = row[len(row) - 1 - exponent] if exponent < len(row) else Fraction(0)
        built = sympy.Poly(sympy.expand(formulas.build(wording.formula(slots["p"]))), formulas.symbol(name))
        check.require(
            _fraction(built.coeff_monomial(formulas.symbol(name) ** exponent)) == value, "the two ways differ"
        )
        return _said(reading, formulas.fraction_text(value), value, "multiplied out again by other code")

    return wording.Task(reading, answer)


def _division(slots: Slots) -> wording.Task:
    what = slots["what"].lower()
    shown, name, top = _polynomial(slots["p"])
    divisor_shown, divisor_name, bottom = _polynomial(slots["d"])
    if name != divisor_name:
        raise limits.UnreadableError("The two polynomials have different letters.")
    if not slots["when"] and any(sign in tree_text for tree_text in (shown, divisor_shown) for sign in (" + ", " - ")):
        raise limits.UnreadableError("It is not clear where the divisor ends; say `when ... is divided by ...`.")
    reading = f"the {what} when {shown} is divided by {divisor_shown}"

    def answer() -> results.Solved:
        quotient, rest = polynomials.divided(top, bottom)
        theirs = sympy.div(_theirs(top, name), _theirs(bottom, name))
        check.require(
            [_text(one, name) for one in (quotient, rest)] == [formulas.text(one.as_expr()) for one in theirs], "differ"
        )
        exact = _text(rest if what == "remainder" else quotient, name)
        steps = f"{shown} = ({divisor_shown})*({_text(quotient, name)}) + ({_text(rest, name)})"
        said = f"The {what} of {shown} divided by {divisor_shown} is {exact}"
        return wording.solved(reading, said, "divided again exactly by other code", exact, steps)

    return wording.Task(reading, answer)


def _quadratic(text: str) -> tuple[str, str, list[Fraction]]:
    """Return a parabola's right side; `y = ` and `f(x) = ` before it are left out."""
    bare = re.sub(r"^(?:y|f ?\( ?x ?\)|g ?\( ?x ?\)) ?= ?", "", text)
    shown, name, row = _polynomial(bare)
    if len(row) != 3:
        raise limits.UnreadableError("A quadratic is needed.")
    return shown, name, row


def _completed(slots: Slots) -> wording.Task:
    shown, name, row = _quadratic(slots["p"])
    reading = f"complete the square of {shown}"

    def answer() -> results.Solved:
        leading = row[0]
        shift = row[1] / (2 * leading)
        rest = row[2] - leading * shift**2
        exact = _square_text(leading, name, shift, rest)
        again = polynomials.coefficients(polynomials.polynomial(formulas.read_back(exact)), name)
        check.require(again == row, "multiplied out it is something else")
        return wording.solved(reading, f"{shown} = {exact}", "multiplied out again exactly by other code", exact)

    return wording.Task(reading, answer)


def _square_text(leading: Fraction, name: str, shift: Fraction, rest: Fraction) -> str:
    inner = f"({name} {'+' if shift > 0 else '-'} {formulas.fraction_text(abs(shift))})" if shift else name
    front = "" if leading == 1 else "-" if leading == -1 else f"{formulas.fraction_text(leading)}*"
    front = f"({formulas.fraction_text(leading)})*" if leading.denominator > 1 else front
    tail = f" {'+' if rest > 0 else '-'} {formulas.fraction_text(abs(rest))}" if rest else ""
    return f"{front}{inner}^2{tail}"


def _vertex(slots: Slots) -> wording.Task:
    shown, name, row = _quadratic(slots["p"])
    what = slots["what"].lower()
    reading = f"the {what} of y = {shown}"

    def answer() -> results.Solved:
        place = -row[1] / (2 * row[0])
        value = polynomials.at(row, place)
        assert isinstance(value, Fraction)
        for step in (Fraction(1), Fraction(7, 3)):
            sides = polynomials.at(row, place - step), polynomials.at(row, place + step)
            check.require(sides[0] == sides[1], "the parabola is not symmetric there")
        x, y = formulas.fraction_text(place), formulas.fraction_text(value)
        if what == "vertex":
            exact = f"({x}, {y})"
        elif what == "axis of symmetry":
            exact = f"{name} = {x}"
        else:
            if (row[0] > 0) != what.startswith("min"):
                raise limits.UndefinedError(f"{shown} has no {what}.")
            exact = y
        said = f"The {what} of y = {shown} is {exact}"
        checked = "the parabola has the same height on both sides, computed exactly by other code"
        return wording.solved(reading, said, checked, exact, f"vertex: ({x}, {y})")

    return wording.Task(reading, answer)


_P = r"(?:the )?(?:polynomial |expression |equation |quadratic |quadratic equation |function |parabola )?(?P<p>.+)"
_D = r"(?:the )?(?:polynomial )?(?P<d>.+)"
FRAMES = (
    wording.frame(
        rf"ASK (?P<what>sum|product) of (?:all )?(?:of )?(?:the )?(?P<real>real )?"
        rf"(?P<kind>roots|solutions|zeros|zeroes) (?:of|to) {_P}",
        _roots,
    ),
    wording.frame(rf"ASK discriminant of {_P}", _discriminant),
    wording.frame(rf"ASK degree of {_P}", _property("degree", lambda row: len(row) - 1, lambda built: built.degree())),
    wording.frame(
        rf"ASK leading coefficient of {_P}", _property("leading coefficient", lambda row: row[0], lambda built: built.LC())
    ),
    wording.frame(
        rf"ASK constant term (?:of|in) (?:the expansion of )?{_P}",
        _property("constant term", lambda row: row[-1], lambda built: built.nth(0)),
    ),
    wording.frame(
        rf"ASK coefficient of (?:the )?(?P<term>[a-z](?: ?(?:\^|\*\*) ?\(?\d+\)?)?)(?: term)? "
        rf"in (?:the expansion of )?{_P}", _coefficient
    ),
    wording.frame(rf"ASK (?P<what>remainder|quotient) (?P<when>when|if) {_P} is divided by {_D}", _division),
    wording.frame(rf"ASK (?P<what>remainder|quotient) of (?P<when>){_P} divided by {_D}", _division),
    wording.frame(rf"complete the square(?: for| of| in| on|:)? {_P}", _completed),
    wording.frame(rf"(?:write|express|put) {_P} in vertex form", _completed),
    wording.frame(
        rf"ASK (?P<what>vertex|axis of symmetry) of (?:the )?(?:graph of )?(?:the parabola )?{_P}", _vertex
    ),
    wording.frame(rf"ASK (?P<what>minimum|maximum)(?: value)? of {_P}", lambda slots: _vertex(
        {**slots, "what": slots["what"].lower() + " value"}
    )),
)  # fmt: skip
