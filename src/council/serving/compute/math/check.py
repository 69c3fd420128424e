"""Independent checks of what SymPy said. They use only the user's tree, the printed answer read again, and our own arithmetic.

A check that does not hold, or cannot be made, raises UndecidedError, and the question is passed on: no answer is given on
SymPy's word alone.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from council.serving.compute.math import arithmetic, limits, polynomials, tree

Value = arithmetic.Value
_PLACES = tuple(Fraction(number, 97) for number in (36, -81, 125, -184, 263, 11, -7, 320, -410, 560, 1033, -960))
_PLACES_MIN = 4
_STEP = Fraction(1, 10**14)
_NEGLIGIBLE = arithmetic.REAL.mpf(10) ** -25
_NUMERIC_TOLERANCE = arithmetic.REAL.mpf(10) ** -15


def require(held: bool, what: str) -> None:
    """Raise UndecidedError unless the check `held`."""
    if not held:
        raise limits.UndecidedError(f"The independent check did not hold: {what}.")


def is_prime(number: int) -> bool:
    """Return whether `number` is prime. Raises UndecidedError above PRIME_BELOW for what looks prime."""
    if number < 2:
        return False
    for base in _BASES:
        if number % base == 0:
            return number == base
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in _BASES:
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    require(number < limits.PRIME_BELOW, "a number this large can be shown composite but not prime")
    return True


_BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


def is_irreducible(factor: polynomials.Polynomial) -> bool:
    """Return whether a factor splits no further over the rationals. Raises UndecidedError where we cannot tell."""
    degree = polynomials.degree(factor)
    if degree <= 1:
        return True
    names = {name for monomial in factor for name, _ in monomial}
    require(len(names) == 1 and degree <= 3, "whether a factor splits further is beyond it")
    row = polynomials.coefficients(factor, names.pop())
    scale = math.lcm(*(number.denominator for number in row))
    whole = [int(number * scale) for number in row]
    if degree == 2:
        discriminant = whole[1] ** 2 - 4 * whole[0] * whole[2]
        return discriminant < 0 or arithmetic.whole_root(discriminant, 2) is None
    for root in polynomials.all_roots(row):
        nearest = Fraction(int(arithmetic.REAL.nint(arithmetic.REAL.re(root) * whole[0])), whole[0])
        if polynomials.at(row, nearest) == 0:
            return False
    return True


def same_function(one: tree.Node, other: tree.Node) -> None:
    """Require that two formulas have the same value at several places, wherever the first has one."""
    names = tree.unknowns(one, other)
    defined = 0
    for index in range(len(_PLACES)):
        place = {name: _PLACES[(index + 5 * turn) % len(_PLACES)] for turn, name in enumerate(names)}
        left = _value_or_none(one, place)
        if left is None:
            continue
        right = _value_or_none(other, place)
        require(right is not None and arithmetic.agree(left, right), "the values differ at a place")
        defined += 1
    require(defined >= _PLACES_MIN, "too few places where the formula has a value")


def derivative(function: tree.Node, slope: tree.Node, name: str, everywhere: bool = False) -> None:
    """Require that `slope` is the difference quotient of `function` at several places.

    With `everywhere`, `function` must have a value wherever `slope` has one.
    """
    defined = 0
    for place in _PLACES:
        steep = _value_or_none(slope, {name: place})
        measured = _difference_quotient(function, name, place)
        if steep is None or measured is None:
            require(not (everywhere and steep is not None), "the integral has no value where the function has one")
            require(measured is None, "the derivative has no value where the function is smooth")
            continue
        require(_close(steep, measured), "the difference quotient differs at a place")
        defined += 1
    require(defined >= _PLACES_MIN, "too few places where the formula has a value")


def derivative_at(function: tree.Node, name: str, place: Value, slope: Value) -> None:
    """Require that `slope` is the difference quotient of `function` at `place`."""
    measured = _difference_quotient(function, name, place)
    require(measured is not None and _close(slope, measured), "the difference quotient differs")


def _difference_quotient(function: tree.Node, name: str, place: Value) -> Value | None:
    step = arithmetic.real(_STEP)
    low, high = (
        _value_or_none(function, {name: arithmetic.real(place) - step}),
        _value_or_none(function, {name: arithmetic.real(place) + step}),
    )
    if low is None or high is None:
        return None
    return (arithmetic.real(high) - arithmetic.real(low)) / (2 * step)


def _close(one: Value, other: Value) -> bool:
    first, second = arithmetic.real(one), arithmetic.real(other)
    return bool(abs(first - second) <= _NUMERIC_TOLERANCE * max(1, abs(first), abs(second)))


def _value_or_none(node: tree.Node, names: dict[str, Value]) -> Value | None:
    try:
        return arithmetic.value(node, names)
    except limits.MathStopError:
        return None


def area(function: tree.Node, name: str, bounds: tuple[Value, Value], result: Value) -> None:
    """Require that numerical integration gives `result`. The function must be known to be continuous between the bounds."""
    low, high = (arithmetic.real(bound) for bound in bounds)

    def at(place: Any) -> Any:
        try:
            return arithmetic.real(arithmetic.value(function, {name: place}))
        except limits.UndecidedError:  # too close to a border to tell; what a continuous function adds there is nothing
            require(min(abs(place - low), abs(place - high)) < _NEGLIGIBLE, "a place has no value that could be told")
            return arithmetic.REAL.mpf(0)

    require(max(abs(low), abs(high)) <= 1000, "the bounds are too far out for numerical integration")
    measured = arithmetic.REAL.quad(at, [low, high], maxdegree=7)
    require(_close(result, measured), "numerical integration gives something else")


def all_real_roots(row: list[Fraction], found: Sequence[Value], count: int) -> None:
    """Require that `found` are all real roots, ascending, and that SymPy's `count` of distinct complex roots is right too."""
    known = polynomials.all_roots(row)
    real = sorted(root.real for root in known if abs(root.imag) < _NUMERIC_TOLERANCE)
    require(len(known) == count, "the number of roots differs")
    require(len(real) == len(found), "the number of real roots differs")
    for root, shown in zip(real, found, strict=True):
        require(_close(shown, root), "a root differs")
        if isinstance(shown, Fraction):
            require(polynomials.at(row, shown) == 0, "a solution does not satisfy the equation")
    for lower, upper in itertools.pairwise(real):
        require(upper - lower > _NUMERIC_TOLERANCE * 1000, "two roots are too close to tell apart")


def membership(holds: Callable[[Value], bool], contains: Callable[[Value], bool], borders: Sequence[Value]) -> None:
    """Require that a solution set `contains` exactly the places where the inequality `holds`, around every border."""
    places: list[Value] = [Fraction(number, 2) for number in range(-60, 61)]
    near = arithmetic.real(Fraction(1, 10**6))
    for border in borders:
        number = arithmetic.real(border)
        places += [number - near, number + near, number * 2 + 1]
        if isinstance(border, Fraction):
            places.append(border)
    for place in places:
        if any(not arithmetic.is_exact(border) and arithmetic.agree(place, border) for border in borders):
            continue
        require(holds(place) == contains(place), "a place is on the wrong side")
