"""Integrals without a bound on one side or both, of quotients of polynomials and of polynomials times one exponential.

Where such a function has a value, and whether its integral converges, is known from degrees and from the sign of the exponent.
SymPy's antiderivative gives the value, and numerical integration by other code has to give the same.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy.integrals import manualintegrate

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    check,
    continuity,
    evaluate,
    exponentials,
    formulas,
    limits,
    polynomials,
    regions,
    tree,
    wording,
)

Slots = Mapping[str, str]
_STAND_IN = "s"
# No pole lies farther out than the sum of the coefficients over the first one, and 1 (Cauchy).
_FAR_MAX = 900
# An exponential that falls is nothing there, and too small for its arithmetic.
_NOTHING_FROM = 200
_DEGREE_MAX = 8
_INFINITIES = {
    "infinity": 1,
    "oo": 1,
    "+infinity": 1,
    "positive infinity": 1,
    "-infinity": -1,
    "-oo": -1,
    "negative infinity": -1,
}


def _asked(slots: Slots) -> wording.Task:
    node = wording.formula(slots["f"])
    named = [slots[name] for name in ("x", "y", "z") if slots.get(name)]
    names = tree.unknowns(node)
    if len(names) != 1 or any(name != names[0] for name in named) or names[0] == _STAND_IN:
        raise limits.UnreadableError("It is not clear which letter is meant.")
    low, high = (_bound(slots[name]) for name in ("low", "high"))
    if low == 1 or high == -1 or not (low == -1 or high == 1):
        raise limits.UnreadableError("An improper integral goes from a lower to a higher bound.")
    span = f"from {_text(low)} to {_text(high)}"
    reading = f"the integral of {tree.text(node)} with respect to {names[0]} {span}"
    return wording.Task(reading, lambda: _solved(node, names[0], low, high, reading, span))


_Bound = int | tree.Node


def _bound(text: str) -> _Bound:
    """Return 1 and -1 for infinities, else the number."""
    named = text.lower().replace("\N{MINUS SIGN}", "-")
    if named in _INFINITIES:
        return _INFINITIES[named]
    node = wording.formula(text)
    if tree.unknowns(node):
        raise limits.UnreadableError("A bound is a number.")
    return node


def _text(bound: _Bound) -> str:
    return tree.text(bound) if not isinstance(bound, int) else "infinity" if bound > 0 else "-infinity"


def _solved(node: tree.Node, name: str, low: _Bound, high: _Bound, reading: str, span: str) -> results.Solved:
    mirrored = tree.substituted(node, name, tree.Negation(tree.Unknown(name)))
    halves: list[tuple[tree.Node, tree.Node]] = []
    if high == 1:
        halves.append((node, tree.integer(0) if isinstance(low, int) else low))
    if low == -1:
        halves.append((mirrored, tree.integer(0) if isinstance(high, int) else _negative(high)))
    said = f"The integral of {tree.text(node)} {span}"
    values = [_value(half, name, start) for half, start in halves]
    if any(value is None for value in values):
        checked = "by the degrees of the function or the sign of its exponent, and by the limit of an antiderivative"
        return evaluate.solved(f"{said} does not converge", reading, checked, "does not converge")
    total: Any = sympy.expand(sum(values))
    shown = formulas.text(total)
    number = arithmetic.value(formulas.read_back(shown))
    measured = sum(_measured(half, name, start) for half, start in halves)
    apart = abs(arithmetic.real(number) - measured)
    check.require(
        apart <= arithmetic.REAL.mpf(10) ** -15 * max(1, abs(measured)), "numerical integration gives something else"
    )
    exact, _ = evaluate.checked(total, number, shown)
    answer = f"{said} is {formulas.with_decimal(exact, number)}"
    return evaluate.solved(answer, reading, "integrated numerically by other code", exact)


def _negative(node: tree.Node) -> tree.Node:
    return node.operand if isinstance(node, tree.Negation) else tree.Negation(node)


def _value(node: tree.Node, name: str, start: tree.Node) -> Any:
    """Return the integral from `start` to infinity, None where it does not converge."""
    arithmetic.guard(node)
    converges = _converges(node, name, start)
    symbol = formulas.symbol(name)
    found = _antiderivative(node, name)
    end = sympy.limit(found, symbol, sympy.oo)
    check.require(bool(end.is_finite) == converges, "an antiderivative says otherwise whether it converges")
    return end - found.subs(symbol, formulas.build(start)) if converges else None


def _converges(node: tree.Node, name: str, start: tree.Node) -> bool:
    """Say whether the integral to infinity does. Raises UndecidedError for other functions, or one with a gap."""
    if found := exponentials.sites(node):
        return _slope(node, name, found) < 0
    ratio = polynomials.ratio(node)
    rows = [polynomials.coefficients(pole, name) for pole in ratio.poles]
    far = max([Fraction(1), *(1 + sum(abs(one / row[0]) for one in row[1:]) for row in rows)])
    low = arithmetic.value(start)
    if far > _FAR_MAX or not continuity.holds(node, name, low, max(far, Fraction(int(arithmetic.real(low)) + 1))):
        raise limits.UndecidedError("Whether the function has a gap there is not decided here.")
    return polynomials.degree(ratio.top) - polynomials.degree(ratio.bottom) <= -2


def _slope(node: tree.Node, name: str, found: list[tree.Node]) -> Fraction:
    """Return the factor of the unknown in the exponent of the only exponential, by which a polynomial is multiplied."""
    if len(found) != 1 or (isinstance(found[0], tree.Call) and found[0].function != "exp"):
        raise limits.UndecidedError("Several exponentials are not integrated here.")
    terms = polynomials.polynomial(regions.replaced(node, found[0], tree.Unknown(_STAND_IN)))
    if any(dict(powers).get(_STAND_IN) != 1 for powers in terms) or polynomials.degree(terms) > _DEGREE_MAX:
        raise limits.UndecidedError("Only a polynomial times one exponential is integrated here.")
    site = found[0]
    base, exponent = (
        (site.left, site.right) if isinstance(site, tree.Binary) else (tree.Constant("e"), tree.children(site)[0])
    )
    row = polynomials.coefficients(polynomials.polynomial(exponent), name)
    if len(row) != 2:
        raise limits.UndecidedError("The exponent must hold the unknown once, without powers.")
    size = arithmetic.real(arithmetic.value(base))
    check.require(size > 0 and abs(size - 1) > arithmetic.real(Fraction(1, 100)), "the base is 0, 1, or below")
    return row[0] if size > 1 else -row[0]


def _antiderivative(node: tree.Node, name: str) -> Any:
    expression = formulas.build(node)
    if sympy.count_ops(expression) > limits.OPERATIONS_MAX:
        raise limits.UndecidedError("The function is too long for calculus here.")
    found = manualintegrate.manualintegrate(expression, formulas.symbol(name))
    if found.has(sympy.Integral, sympy.Piecewise):
        raise limits.UndecidedError("No integral in a closed form was found.")
    return found


def _measured(node: tree.Node, name: str, start: tree.Node) -> Any:
    """Integrate from `start` to infinity by numbers alone."""
    real = arithmetic.REAL

    def at(place: Any) -> Any:
        try:
            return real.mpf(arithmetic.real(arithmetic.value(node, {name: place})))
        except limits.TooLargeError:
            check.require(place > _NOTHING_FROM, "a place has no value that could be told")
            return real.mpf(0)

    low = arithmetic.real(arithmetic.value(start))
    return real.quad(at, [low, low + 1, low + 10, real.inf], maxdegree=8)


_DX = r"(?: ?d(?P<{}>[a-df-hj-z]))?"
_INFINITE = r"(?:infinity|oo|\+infinity|positive infinity)"
_MINUS = r"(?:[-\N{MINUS SIGN}](?:infinity|oo)|negative infinity)"
_SPAN = rf"(?:from )(?:(?P<low>.+?) to (?P<high>{_INFINITE}))"
_SPAN_BELOW = rf"(?:from )(?:(?P<low>{_MINUS}) to (?P<high>.+?))"
_OF = rf"ASK (?:improper )?(?:integral of|integrate) (?P<f>.+?){_DX.format('x')}(?: with respect to (?P<y>[a-z]))? "
FRAMES = (
    wording.frame(f"{_OF}{_SPAN}{_DX.format('z')}", _asked),
    wording.frame(f"{_OF}{_SPAN_BELOW}{_DX.format('z')}", _asked),
    wording.frame(r"ASK ∫_\((?P<low>[^∫]+?)\)\^\((?P<high>[^∫]+?)\) ?(?P<f>[^∫]*?) ?d(?P<x>[a-df-hj-z])", _asked),
)
