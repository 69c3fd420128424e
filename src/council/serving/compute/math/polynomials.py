"""Polynomials and their quotients over the fractions, by our own arithmetic: what equations and rewritings are checked with."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from council.serving.compute.math import arithmetic, limits, tree

# Letters with their powers, sorted by letter; the empty one belongs to the constant term.
Monomial = tuple[tuple[str, int], ...]
Polynomial = Mapping[Monomial, Fraction]
ZERO: Polynomial = {}
ONE: Polynomial = {(): Fraction(1)}


@dataclass(frozen=True, slots=True)
class Ratio:
    """`top` over `bottom`; it has a value wherever none of `poles` is zero."""

    top: Polynomial
    bottom: Polynomial
    poles: tuple[Polynomial, ...] = ()


def ratio(node: tree.Node) -> Ratio:
    """Return `node` as a quotient of polynomials. Raises UndecidedError when it is none."""
    if not tree.unknowns(node):
        number = arithmetic.value(node)
        if not isinstance(number, Fraction):
            raise limits.UndecidedError("An irrational coefficient is beyond the exact check.")
        return Ratio(constant(number), ONE)
    match node:
        case tree.Unknown(name):
            return Ratio({((name, 1),): Fraction(1)}, ONE)
        case tree.Negation(operand):
            inner = ratio(operand)
            return Ratio(_scaled(inner.top, Fraction(-1)), inner.bottom, inner.poles)
        case tree.Binary("^", left, right) if not tree.unknowns(right):
            return _raised(ratio(left), arithmetic.value(right))
        case tree.Binary(operator, left, right) if operator in ("+", "-", "*", "/", "of"):
            return _combined(operator, ratio(left), ratio(right))
        case _:
            raise limits.UndecidedError("Not a quotient of polynomials, which is all the exact check reads.")


def polynomial(node: tree.Node) -> Polynomial:
    """Return `node` as a polynomial. Raises UndecidedError when it is none."""
    found = ratio(node)
    if found.poles:
        raise limits.UndecidedError("Not a polynomial, which is all the exact check reads.")
    return _scaled(found.top, 1 / found.bottom[()])


def constant(number: Fraction) -> Polynomial:
    """Return the polynomial that is `number` everywhere."""
    return {(): number} if number else ZERO


def _combined(operator: str, left: Ratio, right: Ratio) -> Ratio:
    poles = left.poles + right.poles
    match operator:
        case "*" | "of":
            return Ratio(multiply(left.top, right.top), multiply(left.bottom, right.bottom), poles)
        case "/":
            if not right.top:
                raise limits.UndefinedError("The formula divides by zero everywhere.")
            if degree(right.top):
                poles = (*poles, right.top)
            return Ratio(multiply(left.top, right.bottom), multiply(left.bottom, right.top), poles)
    sign = Fraction(1 if operator == "+" else -1)
    if left.bottom == right.bottom:
        return Ratio(add(left.top, _scaled(right.top, sign)), left.bottom, poles)
    top = add(multiply(left.top, right.bottom), _scaled(multiply(right.top, left.bottom), sign))
    return Ratio(top, multiply(left.bottom, right.bottom), poles)


def _raised(base: Ratio, exponent: arithmetic.Value) -> Ratio:
    if not isinstance(exponent, Fraction) or exponent.denominator != 1:
        raise limits.UndecidedError("Not a quotient of polynomials, which is all the exact check reads.")
    count = int(exponent)
    if abs(count) > limits.POLYNOMIAL_DEGREE_MAX:
        raise limits.TooLargeError(
            f"A power of an unknown is over the limit of {limits.POLYNOMIAL_DEGREE_MAX}. Ask for a lower degree."
        )
    if count == 0:
        raise limits.UndecidedError("A power of zero hides where its base is zero.")
    if count < 0:
        base = _combined("/", Ratio(ONE, ONE), base)
    top, bottom = ONE, ONE
    for _ in range(abs(count)):
        top, bottom = multiply(top, base.top), multiply(bottom, base.bottom)
    return Ratio(top, bottom, base.poles)


def add(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return left + right."""
    total = dict(left)
    for monomial, coefficient in right.items():
        total[monomial] = total.get(monomial, Fraction(0)) + coefficient
    return _bounded(total)


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return left * right. Raises TooLargeError over the bounds on degree, terms and digits."""
    if degree(left) + degree(right) > limits.POLYNOMIAL_DEGREE_MAX:
        raise limits.TooLargeError(
            f"The degree is over the limit of {limits.POLYNOMIAL_DEGREE_MAX}. Ask for a lower degree."
        )
    total: dict[Monomial, Fraction] = {}
    for (one, first), (two, second) in itertools.product(left.items(), right.items()):
        powers = dict(one)
        for name, exponent in two:
            powers[name] = powers.get(name, 0) + exponent
        monomial = tuple(sorted(powers.items()))
        total[monomial] = total.get(monomial, Fraction(0)) + first * second
    return _bounded(total)


def _scaled(terms: Polynomial, factor: Fraction) -> Polynomial:
    return {monomial: coefficient * factor for monomial, coefficient in terms.items()}


def _bounded(terms: dict[Monomial, Fraction]) -> Polynomial:
    kept = {monomial: coefficient for monomial, coefficient in terms.items() if coefficient}
    if len(kept) > limits.POLYNOMIAL_TERMS_MAX:
        raise limits.TooLargeError(
            f"The polynomial has over {limits.POLYNOMIAL_TERMS_MAX} terms, the limit. Ask for a shorter one."
        )
    for coefficient in kept.values():
        if arithmetic.digits(coefficient.numerator) + arithmetic.digits(coefficient.denominator) > (
            limits.SYMBOLIC_DIGITS_MAX * 2
        ):
            raise limits.TooLargeError(
                f"A coefficient has over {limits.SYMBOLIC_DIGITS_MAX:,} digits, the limit. Ask with smaller numbers."
            )
    return kept


def degree(terms: Polynomial) -> int:
    """Return the total degree; 0 for a constant and for zero."""
    return max((sum(exponent for _, exponent in monomial) for monomial in terms), default=0)


def coefficients(terms: Polynomial, name: str) -> list[Fraction]:
    """Return the coefficients of a polynomial in `name` alone, highest power first; [] for zero."""
    if not terms:
        return []
    found = [Fraction(0)] * (degree(terms) + 1)
    for monomial, coefficient in terms.items():
        assert all(letter == name for letter, _ in monomial), "a polynomial in one letter"
        found[degree(terms) - sum(exponent for _, exponent in monomial)] = coefficient
    return found


def split_linear(terms: Polynomial, name: str) -> tuple[Polynomial, Polynomial]:
    """Return the two polynomials without `name` of which the first times `name` plus the second is `terms`."""
    slope: dict[Monomial, Fraction] = {}
    rest: dict[Monomial, Fraction] = {}
    for monomial, coefficient in terms.items():
        powers = dict(monomial)
        power = powers.pop(name, 0)
        if power > 1:
            raise limits.UndecidedError("Only equations with the first power of the letter are rearranged.")
        (slope if power else rest)[tuple(sorted(powers.items()))] = coefficient
    if not slope:
        raise limits.UndecidedError("The letter cancels out.")
    return slope, rest


def at(row: list[Fraction], place: arithmetic.Value) -> arithmetic.Value:
    """Return the value of a polynomial, given by its coefficients, at `place`."""
    total: arithmetic.Value = Fraction(0)
    for coefficient in row:
        if isinstance(place, Fraction):
            total = total * place + coefficient
        else:
            total = arithmetic.real(total) * place + arithmetic.real(coefficient)
    return total


def square_free(row: list[Fraction]) -> list[Fraction]:
    """Return the polynomial that has each root of `row` once."""
    slope = [number * (len(row) - 1 - index) for index, number in enumerate(row[:-1])]
    return divided(row, _common(row, slope))[0]


def _common(one: list[Fraction], other: list[Fraction]) -> list[Fraction]:
    while any(other):
        one, other = other, divided(one, other)[1]
    return [number / one[0] for number in one]


def divided(top: list[Fraction], bottom: list[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    """Return quotient and remainder of two rows of coefficients; `bottom` starts with another number than 0."""
    rest, result = list(top), []
    while len(rest) >= len(bottom):
        factor = rest[0] / bottom[0]
        result.append(factor)
        for index, number in enumerate(bottom):
            rest[index] -= factor * number
        rest.pop(0)
    while rest and not rest[0]:
        rest.pop(0)
    return result, rest


def all_roots(row: list[Fraction]) -> list[arithmetic.Value]:
    """Return the distinct complex roots, found numerically; raises UndecidedError when they do not settle."""
    simple = square_free(row)
    if len(simple) < 2:
        return []
    numbers = [arithmetic.real(number) for number in simple]
    try:
        return list(arithmetic.REAL.polyroots(numbers, maxsteps=200, extraprec=400))
    except arithmetic.REAL.NoConvergence as error:
        raise limits.UndecidedError("The roots could not be checked numerically.") from error


def rank(rows: list[list[Fraction]]) -> int:
    """Return the number of linearly independent rows."""
    left, found = [list(row) for row in rows], 0
    while left:
        row = left.pop()
        column = next((index for index, number in enumerate(row) if number), None)
        if column is None:
            continue
        found += 1
        left = [
            [mine - other[column] / row[column] * top for mine, top in zip(other, row, strict=True)] for other in left
        ]
    return found


def linear_solution(rows: list[list[Fraction]], count: int) -> list[Fraction] | None:
    """Return the one solution of linear equations, or None when there is none.

    A row holds `count` coefficients and then the constant on the other side. Raises UndecidedError when there are many.
    """
    matrix = [list(row) for row in rows]
    done = 0
    for column in range(count):
        pivot = next((index for index in range(done, len(matrix)) if matrix[index][column]), None)
        if pivot is None:
            continue
        matrix[done], matrix[pivot] = matrix[pivot], matrix[done]
        matrix[done] = [number / matrix[done][column] for number in matrix[done]]
        for index, row in enumerate(matrix):
            if index != done and row[column]:
                matrix[index] = [mine - row[column] * top for mine, top in zip(row, matrix[done], strict=True)]
        done += 1
    if any(row[count] for row in matrix[done:]):
        return None
    if done < count:
        raise limits.UndecidedError("The equations have more than one solution.")
    return [row[count] for row in matrix[:count]]
