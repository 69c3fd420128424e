"""Derivatives and integrals, term by term, with the rule of each."""

from collections.abc import Iterator
from fractions import Fraction

import sympy

from council.serving.compute.math import arithmetic, check, formulas, limits, polynomials, tree
from council.serving.compute.math.working import lines

_TERMS_MAX = 6


def derivative(node: tree.Node, name: str) -> tuple[str, ...]:
    """Return the derivative of each term, and of the parts of a product, quotient or function of a function."""
    return lines.kept(lambda: _derived(node, name))


def _derived(node: tree.Node, name: str) -> Iterator[str]:
    terms = _terms(node)
    check.require(len(terms) <= _TERMS_MAX, "more terms than are shown")
    for _, term in terms:
        rule, slope = _slope(term, name)
        shown = tree.text(slope)
        _check_slope(term, formulas.read_back(shown), name)
        yield f"the derivative of {tree.text(term)} is {shown} ({rule})"


def _is_polynomial(node: tree.Node, name: str) -> bool:
    try:
        polynomials.polynomial(node)
    except limits.MathStopError:
        return False
    return set(tree.unknowns(node)) <= {name}


def _terms(node: tree.Node) -> list[tuple[int, tree.Node]]:
    """Return the terms of a sum with their signs, left to right."""
    match node:
        case tree.Binary("+" | "-" as sign, left, right):
            turn = 1 if sign == "+" else -1
            return [*_terms(left), *((turn * one, part) for one, part in _terms(right))]
        case tree.Negation(operand):
            return [(-sign, part) for sign, part in _terms(operand)]
        case _:
            return [(1, node)]


def _check_slope(function: tree.Node, slope: tree.Node, name: str) -> None:
    """Require that `slope` is the derivative: exactly of polynomials, else by difference quotients."""
    if not (_is_polynomial(function, name) and _is_polynomial(slope, name)):
        check.derivative(function, slope, name)
        return
    row = polynomials.coefficients(polynomials.polynomial(function), name)
    size = len(row) - 1
    expected = [number * (size - place) for place, number in enumerate(row[:-1])]
    check.require(polynomials.polynomial(slope) == lines.terms_of(expected, name), "a step is not the derivative")


def _slope(node: tree.Node, name: str) -> tuple[str, tree.Node]:
    """Return the rule that a term needs first, and its derivative as that rule writes it."""
    if not tree.unknowns(node):
        return "a constant does not change", tree.integer(0)
    match node:
        case tree.Unknown():
            return "power rule", tree.integer(1)
        case tree.Binary("*", factor, rest) if not tree.unknowns(factor):
            rule, slope = _slope(rest, name)
            return f"constant factor, {rule}", _tidy(tree.Binary("*", factor, slope))
        case tree.Binary("/", rest, divisor) if not tree.unknowns(divisor):
            rule, slope = _slope(rest, name)
            return f"constant divisor, {rule}", tree.Binary("/", slope, divisor)
        case tree.Binary("*", left, right):
            first = tree.Binary("*", _of(left, name), right)
            return "product rule", tree.Binary("+", first, tree.Binary("*", left, _of(right, name)))
        case tree.Binary("/", left, right):
            top = tree.Binary("-", tree.Binary("*", _of(left, name), right), tree.Binary("*", left, _of(right, name)))
            return "quotient rule", tree.Binary("/", top, tree.Binary("^", right, tree.integer(2)))
        case tree.Binary("^", base, exponent) if not tree.unknowns(exponent):
            return _power(base, exponent, name)
        case _:
            return _function_slope(node, name)


def _function_slope(node: tree.Node, name: str) -> tuple[str, tree.Node]:
    """Return the rule and the derivative of a function of one thing."""
    match node:
        case tree.Binary("^", tree.Constant("e"), inner) | tree.Call("exp", (inner,)):
            return _chained("the derivative of e^u is e^u", node, inner, name)
        case tree.Call("sin", (inner,)):
            return _chained("the derivative of sin is cos", tree.Call("cos", (inner,)), inner, name)
        case tree.Call("cos", (inner,)):
            return _chained("the derivative of cos is -sin", tree.Negation(tree.Call("sin", (inner,))), inner, name)
        case tree.Call("sqrt", (inner,)):
            below = tree.Binary("*", tree.integer(2), node)
            rule = "the derivative of sqrt(u) is 1/(2*sqrt(u))"
            return _chained(rule, tree.Binary("/", tree.integer(1), below), inner, name)
        case tree.Call("ln", (inner,)):
            rule = "the derivative of ln(u) is 1/u"
            return _chained(rule, tree.Binary("/", tree.integer(1), inner), inner, name)
        case _:
            return "by the rules of its parts", _of(node, name)


def _tidy(node: tree.Node) -> tree.Node:
    """Return a product of numbers and powers in its shortest form; another node as it is."""
    try:
        terms = polynomials.polynomial(node)
        return formulas.read_back(lines.polynomial(terms)) if len(terms) == 1 else node
    except limits.MathStopError:
        return node


def _of(node: tree.Node, name: str) -> tree.Node:
    return formulas.read_back(formulas.text(sympy.diff(formulas.build(node), formulas.symbol(name))))


def _power(base: tree.Node, exponent: tree.Node, name: str) -> tuple[str, tree.Node]:
    number = arithmetic.value(exponent)
    check.require(isinstance(number, Fraction), "an exponent is no fraction")
    lower = tree.Binary("^", base, formulas.literal(number - 1)) if number != 2 else base
    return _chained("power rule", tree.Binary("*", formulas.literal(number), lower), base, name)


def _chained(rule: str, outer: tree.Node, inner: tree.Node, name: str) -> tuple[str, tree.Node]:
    """Return the derivative of a function of `inner`, of which `outer` is the derivative by it."""
    if isinstance(inner, tree.Unknown):
        return rule, outer
    return f"{rule}, chain rule", tree.Binary("*", outer, _of(inner, name))


# Integrals


def antiderivative(node: tree.Node, name: str) -> tuple[str, ...]:
    """Return an antiderivative of each term with its rule, where each term has a rule of one line."""
    return lines.kept(lambda: _integrated(node, name))


def between(node: tree.Node, name: str, found: str, bounds: tuple[tree.Node, tree.Node], exact: str) -> tuple[str, ...]:
    """Return the steps of an integral between bounds, of which `found` is the antiderivative and `exact` the value."""

    def make() -> Iterator[str]:
        whole = formulas.read_back(found)
        check.derivative(whole, node, name)
        yield from antiderivative(node, name)
        yield f"F({name}) = {found}"
        names, values = [], []
        for bound in (bounds[1], bounds[0]):
            put = tree.text(tree.substituted(whole, name, bound))
            shown = formulas.text(sympy.expand(formulas.build(formulas.read_back(put))))
            yield f"F({tree.text(bound)}) = {lines.equal(put, shown) if put != shown else shown}"
            names.append(f"F({tree.text(bound)})")
            values.append(shown if shown.isdigit() else f"({shown})")
        yield f"{' - '.join(names)} = {lines.equal(' - '.join(values), exact)}"

    return lines.kept(make)


def _integrated(node: tree.Node, name: str) -> Iterator[str]:
    terms = _terms(node)
    check.require(len(terms) <= _TERMS_MAX, "more terms than are shown")
    for _, term in terms:
        rule, whole = _integral(term, name)
        shown = tree.text(whole)
        _check_slope(formulas.read_back(shown), term, name)
        yield f"an integral of {tree.text(term)} is {shown} ({rule})"


def _integral(node: tree.Node, name: str) -> tuple[str, tree.Node]:
    letter = tree.Unknown(name)
    if not tree.unknowns(node):
        return "constant", _tidy(tree.Binary("*", node, letter))
    match node:
        case tree.Unknown():
            return "power rule", tree.Binary("/", tree.Binary("^", letter, tree.integer(2)), tree.integer(2))
        case tree.Binary("*", factor, rest) if not tree.unknowns(factor):
            rule, whole = _integral(rest, name)
            return f"constant factor, {rule}", _tidy(tree.Binary("*", factor, whole))
        case tree.Binary("/", rest, divisor) if not tree.unknowns(divisor):
            rule, whole = _integral(rest, name)
            return f"constant divisor, {rule}", _tidy(tree.Binary("/", whole, divisor))
        case tree.Binary("^", tree.Unknown(), exponent) if not tree.unknowns(exponent):
            number = arithmetic.value(exponent)
            check.require(isinstance(number, Fraction) and number != -1, "no power rule for it")
            raised = tree.Binary("^", letter, formulas.literal(number + 1))
            return "power rule", tree.Binary("/", raised, formulas.literal(number + 1))
        case tree.Binary("/", top, tree.Unknown()) if not tree.unknowns(top):
            logarithm = tree.Call("ln", (tree.Call("abs", (letter,)),))
            return f"the integral of 1/{name} is ln(abs({name}))", tree.Binary("*", top, logarithm)
        case tree.Binary("^", tree.Constant("e"), tree.Unknown()) | tree.Call("exp", (tree.Unknown(),)):
            return "the exponential is its own derivative", node
        case tree.Call("sin", (tree.Unknown(),)):
            return "the derivative of -cos is sin", tree.Negation(tree.Call("cos", (letter,)))
        case tree.Call("cos", (tree.Unknown(),)):
            return "the derivative of sin is cos", tree.Call("sin", (letter,))
        case _:
            raise limits.UndecidedError("No rule of one line integrates it.")
