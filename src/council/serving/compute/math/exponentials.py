"""Equations in which the unknown stands in one exponent, or in one logarithm: 2^(x - 3) = 16, 3*e^(2x) = 12, ln(x) = 4.

What holds the unknown rises or falls everywhere, so there is one solution at most, and a place that satisfies the equation
is all of it.
"""

from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    check,
    evaluate,
    formulas,
    limits,
    polynomials,
    regions,
    requests,
    tree,
)

_CHECKED = "put into the equation by other code; the side with the unknown only rises, or only falls"
_STAND_IN = "s"
# How far from 0 an inequality is tried: a power grows fast.
_WIDEST = 2
_FACTORED_MAX = 10**12


def sites(node: tree.Node) -> list[tree.Node]:
    """Return the different outermost powers with an unknown in the exponent, and logarithms of one."""
    if _is_site(node):
        return [node]
    found: list[tree.Node] = []
    for part in tree.children(node):
        found += [site for site in sites(part) if site not in found]
    return found


def _is_site(node: tree.Node) -> bool:
    match node:
        case tree.Binary("^", base, exponent):
            return bool(tree.unknowns(exponent)) and not tree.unknowns(base)
        case tree.Call("ln" | "exp" | "log", arguments):
            return bool(tree.unknowns(arguments[-1]))
        case _:
            return False


def solve(relation: requests.Relation, name: str, reading: str) -> results.Solved:
    """Solve an equation that has such sites. Raises UndecidedError where it has another form than those above."""
    if name == _STAND_IN:
        raise limits.UndecidedError("The letter s is used.")
    if len(found := sites(tree.Binary("-", relation.left, relation.right))) == 1:
        expression = _isolated(relation, name, found[0])
    else:
        expression = _same_base(relation, name)
    shown = f"{tree.text(relation.left)} = {tree.text(relation.right)}"
    if expression is None:
        return evaluate.solved(f"{shown} has no real solution", reading, _CHECKED, "none")
    text = formulas.text(expression)
    number = arithmetic.value(formulas.read_back(text))
    if expression.is_Rational:
        number = Fraction(int(expression.p), int(expression.q))
    left, right = (arithmetic.value(side, {name: number}) for side in (relation.left, relation.right))
    check.require(arithmetic.agree(left, right), "the solution does not satisfy the equation")
    return evaluate.solved(f"{name} = {formulas.with_decimal(text, number)}", reading, _CHECKED, f"{name} = {text}")


def compare(relation: requests.Relation) -> results.Solved:
    """Solve an inequality with one power that has the unknown in its exponent, and which so rises or falls everywhere."""
    name = regions.one_name((relation,))
    found = sites(tree.Binary("-", relation.left, relation.right))
    if name == _STAND_IN or len(found) != 1 or (isinstance(found[0], tree.Call) and found[0].function != "exp"):
        raise limits.UndecidedError("Inequalities with logarithms or several powers are not solved here.")
    expression = _isolated(relation, name, found[0])
    borders = []
    if expression is not None:
        text = formulas.text(expression)
        number = arithmetic.value(formulas.read_back(text))
        if expression.is_Rational:
            number = Fraction(int(expression.p), int(expression.q))
        borders = [regions.Border(text, number)]
    try:
        return regions.answered((relation,), name, borders, widest=_WIDEST)
    except limits.TooLargeError as error:
        raise limits.UndecidedError("The power is too large near the border.") from error


def _isolated(relation: requests.Relation, name: str, site: tree.Node) -> Any:
    """Return the unknown as SymPy's expression; None where the site never has the value that it must have."""
    rest = regions.replaced(tree.Binary("-", relation.left, relation.right), site, tree.Unknown(_STAND_IN))
    if tree.unknowns(rest) != [_STAND_IN]:
        raise limits.UndecidedError("The unknown stands outside of the exponent or logarithm too.")
    row = polynomials.coefficients(polynomials.polynomial(rest), _STAND_IN)
    if len(row) != 2:
        raise limits.UndecidedError("The power or logarithm must stand by itself once.")
    value = -row[1] / row[0]
    if isinstance(site, tree.Call) and site.function in ("ln", "log"):
        base = sympy.E if site.function == "ln" else formulas.build(tree.Number(_base(site.arguments[0]), ""))
        return _inverted(site.arguments[-1], name, base ** sympy.Rational(value.numerator, value.denominator))
    base_node, exponent = _power(site)
    natural = base_node == tree.Constant("e")
    base_value = Fraction(0) if natural else _base(base_node)
    if value <= 0:
        return None
    if natural:
        return _inverted(exponent, name, sympy.log(sympy.Rational(value.numerator, value.denominator)))
    if (ratio := _logarithm(value, base_value)) is not None:
        return _inverted(exponent, name, sympy.Rational(ratio.numerator, ratio.denominator))
    pair = [sympy.log(sympy.Rational(one.numerator, one.denominator)) for one in (value, base_value)]
    return _inverted(exponent, name, pair[0] / pair[1])


def _power(site: tree.Node) -> tuple[tree.Node, tree.Node]:
    """Return base and exponent."""
    if isinstance(site, tree.Binary):
        return site.left, site.right
    assert isinstance(site, tree.Call)
    return tree.Constant("e"), site.arguments[0]


def _base(node: tree.Node) -> Fraction:
    value = arithmetic.value(node)
    if not isinstance(value, Fraction) or value <= 0 or value == 1:
        raise limits.UndecidedError("The base must be a fraction above 0 and other than 1.")
    return value


def _linear(node: tree.Node, name: str) -> tuple[Fraction, Fraction]:
    """Return slope, which is not 0, and start of `node`."""
    row = polynomials.coefficients(polynomials.polynomial(node), name)
    if len(row) != 2:
        raise limits.UndecidedError("The exponent or the logarithm must hold the unknown once, without powers.")
    return row[0], row[1]


def _inverted(node: tree.Node, name: str, value: Any) -> Any:
    slope, start = _linear(node, name)
    found = (value - sympy.Rational(start.numerator, start.denominator)) / sympy.Rational(
        slope.numerator, slope.denominator
    )
    return sympy.expand(found)


def _logarithm(value: Fraction, base: Fraction) -> Fraction | None:
    """Return the fraction to which `base` must be raised to give `value`, or None when there is none."""
    if max(value.numerator, value.denominator, base.numerator, base.denominator) > _FACTORED_MAX:
        raise limits.UndecidedError("The numbers are too large to tell how one is a power of the other.")
    above, below = _exponents(value), _exponents(base)
    ratios = {Fraction(above.get(prime, 0), times) for prime, times in below.items()}
    if not set(above) <= set(below) or len(ratios) != 1:
        return None
    return ratios.pop()


def _exponents(number: Fraction) -> dict[int, int]:
    top, bottom = sympy.factorint(number.numerator), sympy.factorint(number.denominator)
    return {int(prime): int(top.get(prime, 0)) - int(bottom.get(prime, 0)) for prime in {*top, *bottom} if prime != 1}


def _same_base(relation: requests.Relation, name: str) -> Any:
    """Solve a^(linear) = b^(linear), where b is a power of a."""
    if not (_is_site(relation.left) and _is_site(relation.right)):
        raise limits.UndecidedError("Several powers or logarithms with the unknown are not solved here.")
    if any(isinstance(side, tree.Call) for side in (relation.left, relation.right)):
        raise limits.UndecidedError("Several logarithms with the unknown are not solved here.")
    (left_base, left), (right_base, right) = _power(relation.left), _power(relation.right)
    ratio = _logarithm(_base(right_base), _base(left_base))
    if ratio is None:
        raise limits.UndecidedError("The two bases are no powers of one number.")
    scaled = tree.Binary("*", formulas.literal(ratio), right)
    row = polynomials.coefficients(polynomials.polynomial(tree.Binary("-", left, scaled)), name)
    if len(row) != 2:
        raise limits.UndecidedError("The exponents differ by no multiple of the unknown.")
    value = -row[1] / row[0]
    return sympy.Rational(value.numerator, value.denominator)
