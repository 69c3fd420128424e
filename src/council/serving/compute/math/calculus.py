"""Derivatives and integrals of functions of one unknown."""

from typing import Any

import sympy
from sympy.integrals import manualintegrate

from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, continuity, evaluate, formulas, limits, requests, tree
from council.serving.compute.math.working import calculus as working

_DIFFERENCE_CHECK = "compared with difference quotients at several places by other code"


def derive(request: requests.Derive) -> results.Solved:
    """Return the derivative of a function, or its value at a place."""
    node, name = request.expression, request.name
    expression = _built(node)
    slope = sympy.diff(expression, formulas.symbol(name))
    shown = formulas.text(slope)
    again = formulas.read_back(shown)
    check.derivative(node, again, name)
    reading = f"the derivative of {tree.text(node)} with respect to {name}"
    if request.place is None:
        answer = f"The derivative of {tree.text(node)} is {shown}"
        return evaluate.solved(answer, reading, _DIFFERENCE_CHECK, shown, *working.derivative(node, name))
    place = arithmetic.value(request.place)
    arithmetic.value(node, {name: place})  # as it was read: SymPy has cancelled what has no value here
    own = arithmetic.value(again, {name: place})
    check.derivative_at(node, name, place, own)
    value = slope.subs(formulas.symbol(name), formulas.build(request.place))
    where = f"{name} = {tree.text(request.place)}"
    exact, number = evaluate.checked(value, own, reading)
    answer = f"The derivative of {tree.text(node)} at {where} is {formulas.with_decimal(exact, number)}"
    steps = (*working.derivative(node, name), f"derivative: {shown}")
    return evaluate.solved(answer, f"{reading} at {where}", _DIFFERENCE_CHECK, exact, *steps)


def slope(node: tree.Node, name: str) -> tree.Node:
    """Return the derivative as a tree, checked by difference quotients."""
    shown = formulas.text(sympy.diff(_built(node), formulas.symbol(name)))
    again = formulas.read_back(shown)
    check.derivative(node, again, name)
    return again


def _built(node: tree.Node) -> Any:
    arithmetic.guard(node)
    expression = formulas.build(node)
    if sympy.count_ops(expression) > limits.OPERATIONS_MAX:
        raise limits.UndecidedError("The function is too long for calculus here.")
    return expression


def integrate(request: requests.Integrate) -> results.Solved:
    """Return an antiderivative of a function, or its integral between bounds."""
    node, name = request.expression, request.name
    symbol = formulas.symbol(name)
    expression = _built(node)
    powers = [abs(part.exp) for part in expression.atoms(sympy.Pow) if part.exp.is_Integer and not _is_rational(part)]
    if sum(powers) > _INTEGRAND_POWERS_MAX or len(expression.atoms(sympy.Function)) > _INTEGRAND_FUNCTIONS_MAX:
        raise limits.UndecidedError("The function is too involved to integrate here.")
    found = manualintegrate.manualintegrate(expression, symbol)
    if found.has(sympy.Integral, sympy.Piecewise):
        raise limits.UndecidedError("No integral in a closed form was found.")
    reading = f"the integral of {tree.text(node)} with respect to {name}"
    if request.bounds is not None:
        return _definite(request, found, reading)
    shown = _checked_antiderivative(node, found, name)
    answer = f"The integral of {tree.text(node)} is {shown} + C"
    return evaluate.solved(answer, reading, _DIFFERENCE_CHECK, shown, *working.antiderivative(node, name))


# Integration by rules takes 13 s for sin(x)^10*cos(x)^10 and 5 s for a product of four sines and cosines.
_INTEGRAND_POWERS_MAX = 6
_INTEGRAND_FUNCTIONS_MAX = 3


def _is_rational(power: Any) -> bool:
    return bool(power.base.is_polynomial() and power.exp > 0)


def _checked_antiderivative(node: tree.Node, found: Any, name: str) -> str:
    """Return the text of `found`; with ln(abs(...)) for ln(...) where only that covers the whole function."""
    wide = found.replace(
        sympy.log, lambda inner: sympy.log(sympy.Abs(inner)) if inner.free_symbols else sympy.log(inner)
    )
    for form in (found, wide):
        shown = formulas.text(form)
        try:
            check.derivative(formulas.read_back(shown), node, name, everywhere=True)
        except limits.UndecidedError:
            continue
        return shown
    raise limits.UndecidedError("The integral that was found did not pass its check.")


def _definite(request: requests.Integrate, found: Any, reading: str) -> results.Solved:
    assert request.bounds
    node, name = request.expression, request.name
    low, high = (arithmetic.value(bound) for bound in request.bounds)
    if not continuity.holds(node, name, low, high):
        raise limits.UndecidedError("Whether the function has a gap between the bounds is not decided here.")
    symbol = formulas.symbol(name)
    start, end = (found.subs(symbol, formulas.build(bound)) for bound in request.bounds)
    total = sympy.expand(end - start)
    exact, number = _value_of(total)
    check.area(node, name, (low, high), number)
    span = f"from {tree.text(request.bounds[0])} to {tree.text(request.bounds[1])}"
    answer = f"The integral of {tree.text(node)} {span} is {formulas.with_decimal(exact, number)}"
    steps = working.between(node, name, formulas.text(found), request.bounds, exact)
    return evaluate.solved(answer, f"{reading} {span}", "integrated numerically by other code", exact, *steps)


def _value_of(total: Any) -> tuple[str, arithmetic.Value]:
    shown = formulas.text(total)
    own = arithmetic.value(formulas.read_back(shown))
    return evaluate.checked(total, own, shown)
