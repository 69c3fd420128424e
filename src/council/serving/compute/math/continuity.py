"""Whether a function surely has a value everywhere between two bounds: by intervals that hold every value it can take.

The range between the bounds is cut into pieces until the function has a value on each; where that does not come out, nothing
is said. The ends belong to the range: sqrt(x) is fine from 0 on, ln(x) and 1/x are not.
"""

from fractions import Fraction
from typing import Any

import mpmath

from council.serving.compute.math import arithmetic, limits, tree

_DEPTH_MAX = 12
_PIECES_MAX = 3_000
_INTERVALS = mpmath.iv


class _GapError(Exception):
    """A piece may hold a place without a value."""


def holds(node: tree.Node, name: str, low: arithmetic.Value, high: arithmetic.Value) -> bool:
    """Return whether `node` surely has a value, and no jump, at every `name` from `low` to `high`."""
    first, last = sorted((low, high), key=arithmetic.real)
    waiting, count = [(_bound(first), _bound(last), 0)], 0
    while waiting:
        start, end, depth = waiting.pop()
        count += 1
        try:
            _value(node, name, _INTERVALS.mpf([start.a, end.b]))
        except _GapError:
            if depth >= _DEPTH_MAX or count > _PIECES_MAX:
                return False
            middle = _INTERVALS.mpf(_INTERVALS.mpf([start.a, end.b]).mid)
            waiting += [(start, middle, depth + 1), (middle, end, depth + 1)]
    return True


def _bound(number: arithmetic.Value) -> Any:
    """Return an interval that holds `number`; a whole number is held exactly."""
    if isinstance(number, Fraction):
        return _INTERVALS.mpf(number.numerator) / number.denominator
    near = _INTERVALS.mpf(str(arithmetic.REAL.nstr(number, 40)))
    margin = abs(near) * _INTERVALS.mpf("1e-13")
    return _INTERVALS.mpf([(near - margin).a, (near + margin).b])


def _value(node: tree.Node, name: str, place: Any) -> Any:
    """Return an interval that holds every value of `node` on `place`."""
    if not tree.unknowns(node):
        try:
            return _bound(arithmetic.value(node))
        except limits.MathStopError as error:
            raise _GapError from error
    match node:
        case tree.Unknown():
            return place
        case tree.Negation(operand):
            return -_value(operand, name, place)
        case tree.Binary("^", left, right):
            return _power(left, right, name, place)
        case tree.Binary(operator, left, right):
            return _combined(operator, _value(left, name, place), _value(right, name, place))
        case tree.Call(function, arguments):
            return _called(function, _value(arguments[-1], name, place), node)
        case _:
            raise _GapError


def _combined(operator: str, left: Any, right: Any) -> Any:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" if right.a > 0 or right.b < 0:
            return left / right
        case _:
            raise _GapError


def _power(left: tree.Node, right: tree.Node, name: str, place: Any) -> Any:
    if tree.unknowns(right):
        base = _value(left, name, place)
        if not base.a > 0:
            raise _GapError
        return _INTERVALS.exp(_value(right, name, place) * _INTERVALS.log(base))
    exponent = arithmetic.value(right)
    base = _value(left, name, place)
    if isinstance(exponent, Fraction) and exponent.denominator == 1 and abs(exponent) <= limits.POLYNOMIAL_DEGREE_MAX:
        if exponent > 0:
            return base ** int(exponent)
        if base.a > 0 or base.b < 0:
            return 1 / base ** int(-exponent) if exponent else _INTERVALS.mpf(1)
    elif isinstance(exponent, Fraction) and exponent == Fraction(1, 2) and base.a >= 0:
        return _INTERVALS.sqrt(base)
    elif base.a > 0:
        return _INTERVALS.exp(_bound(exponent) * _INTERVALS.log(base))
    elif base.a >= 0 and base.b > 0 and exponent > 0:  # it rises from 0
        highest = _INTERVALS.exp(_bound(exponent) * _INTERVALS.log(_INTERVALS.mpf(base.b)))
        return _INTERVALS.mpf([0, highest.b])
    raise _GapError


def _called(function: str, inner: Any, node: tree.Call) -> Any:
    match function:
        case "sqrt" if inner.a >= 0:
            return _INTERVALS.sqrt(inner)
        case "ln" if inner.a > 0:
            return _INTERVALS.log(inner)
        case "log" if inner.a > 0:
            return _INTERVALS.log(inner) / _INTERVALS.log(_bound(arithmetic.value(node.arguments[0])))
        case "exp":
            return _INTERVALS.exp(inner)
        case "sin":
            return _INTERVALS.sin(inner)
        case "cos":
            return _INTERVALS.cos(inner)
        case "tan":
            return _combined("/", _INTERVALS.sin(inner), _INTERVALS.cos(inner))
        case "abs":
            return abs(inner)
        case _:
            raise _GapError
