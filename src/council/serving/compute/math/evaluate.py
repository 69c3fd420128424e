"""Requests about numbers: the value of an expression, percentages, comparisons, primes and factors."""

from fractions import Fraction
from typing import Any

import sympy

from council.domain import answers
from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, formulas, limits, requests, tree
from council.serving.compute.math.working import operations

_EXACT_CHECK = "computed again with exact fractions by other code"
_NUMERIC_CHECK = "computed again to 60 digits by other code"


def calculate(request: requests.Calculate) -> results.Solved:
    """Return the value of an expression."""
    reading = tree.text(request.expression)
    exact, number = checked_value(request.expression)
    answer = _stated(request.expression, exact, number)
    return solved(answer, reading, _check_of(number), exact, *operations.value(request.expression, exact))


def _stated(node: tree.Node, exact: str, number: arithmetic.Value) -> str:
    """Return a sentence that says what `node` is, without repeating it when it is already in its shortest form."""
    shown = tree.text(node)
    decimal = formulas.decimal_text(number) if isinstance(number, Fraction) else None
    if exact != shown:
        return f"{shown} = {formulas.with_decimal(exact, number, tree.has_decimals(node))}"
    if decimal == shown:
        return shown
    return f"{shown} = {decimal}" if decimal else f"{shown} is about {formulas.about(number)}"


def solved(answer: str, reading: str, checked: str, exact: str, *steps: str) -> results.Solved:
    """Return a result whose check held."""
    detail = {"exact": exact}
    return results.Solved(answer, reading, answers.Level.COMPUTED, checked, (f"I read: {reading}", *steps), detail)


def _check_of(number: arithmetic.Value) -> str:
    return _EXACT_CHECK if isinstance(number, Fraction) else _NUMERIC_CHECK


def checked_value(node: tree.Node) -> tuple[str, arithmetic.Value]:
    """Return the exact value as text and as number, agreed on by SymPy and by our own arithmetic."""
    own = arithmetic.value(node)
    theirs = formulas.build(node)
    return checked(theirs, own, tree.text(node))


def checked(theirs: Any, own: arithmetic.Value, reading: str) -> tuple[str, arithmetic.Value]:
    """Return SymPy's result as text and number if our `own` value of the same thing agrees."""
    if theirs.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise limits.UndefinedError(f"{reading[:200]} is undefined.")
    if not theirs.is_Rational:
        theirs = _tidied(theirs)
    if theirs.is_Rational:
        number = Fraction(int(theirs.p), int(theirs.q))
        check.require(arithmetic.agree(number, own), "the two values differ")
        return formulas.fraction_text(number), number
    check.require(not (isinstance(own, Fraction)), "one of the two values is rational, the other is not")
    check.require(abs(own) > arithmetic.TOLERANCE, "the value is too close to zero to tell")
    shown = formulas.text(theirs)
    again = arithmetic.value(formulas.read_back(shown))
    check.require(arithmetic.agree(again, own), "the two values differ")
    return shown, own


_EXPANDED_EXPONENT_MAX = 6


# Quotients of more logarithms than these take seconds to reduce.
_LOGARITHMS_MAX = 6


def _tidied(expression: Any) -> Any:
    """Return a shorter form where that is cheap to find."""
    if sympy.count_ops(expression) > limits.OPERATIONS_MAX:
        return expression
    powers = [part.exp for part in expression.atoms(sympy.Pow) if part.exp.is_Integer]
    if any(abs(exponent) > _EXPANDED_EXPONENT_MAX for exponent in powers):
        return expression
    tidied = sympy.expand(expression)
    if tidied.has(sympy.log):
        tidied = (
            sympy.cancel(sympy.expand_log(tidied, factor=True))
            if len(tidied.atoms(sympy.log)) <= _LOGARITHMS_MAX
            else sympy.expand_log(tidied)
        )
    forms = (tidied, sympy.radsimp(tidied), expression)
    return min(forms, key=lambda form: (not form.is_Rational, sympy.count_ops(form)))


def percentage(request: requests.Percentage) -> results.Solved:
    """Return how many percent of one number the other is."""
    share = tree.Binary("/", request.part, request.whole)
    node = tree.Binary("*", share, tree.integer(100))
    exact, number = checked_value(node)
    check.require(isinstance(number, Fraction), "a share that is not a fraction")
    part, whole = tree.text(request.part), tree.text(request.whole)
    shown = formulas.with_decimal(exact, number, prefer_decimal=True)
    reading = f"{part} as a percentage of {whole}"
    steps = operations.value(node, exact)
    return solved(f"{part} is {shown}% of {whole}", reading, _EXACT_CHECK, exact, *steps)


def compare(request: requests.Compare) -> results.Solved:
    """Return which of two numbers is larger or smaller."""
    left, right = tree.text(request.left), tree.text(request.right)
    word = "larger" if request.larger else "smaller"
    reading = f"which is {word}: {left} or {right}"
    (left_exact, first), (right_exact, second) = checked_value(request.left), checked_value(request.right)
    shown = [_stated(request.left, left_exact, first), _stated(request.right, right_exact, second)]
    if arithmetic.agree(first, second):
        check.require(isinstance(first, Fraction) and isinstance(second, Fraction), "the two are too close to tell")
        return solved(f"They are equal: {shown[0]} and {shown[1]}", reading, _check_of(first), "equal")
    first_wins = (arithmetic.real(first) > arithmetic.real(second)) == request.larger
    if isinstance(first, Fraction) and isinstance(second, Fraction):
        first_wins = (first > second) == request.larger
    winner = left if first_wins else right
    answer = f"{winner} is {word}: {shown[0]} and {shown[1]}"
    return solved(answer, reading, _check_of(first), winner)


_PRIME_DIGITS_MAX = 300


def prime(request: requests.Prime) -> results.Solved:
    """Return whether a number is prime."""
    reading = f"is {tree.text(request.expression)} a prime number"
    number = _whole(request.expression)
    if arithmetic.digits(number) > _PRIME_DIGITS_MAX:
        raise limits.TooLargeError(
            f"Numbers of over {_PRIME_DIGITS_MAX} digits are not tested for being prime. Ask for a smaller number."
        )
    verdict = check.is_prime(number)
    check.require(verdict == bool(sympy.isprime(number)), "the two tests differ")
    shown = tree.text(request.expression)
    if verdict:
        return solved(f"{shown} is a prime number", reading, "two separate primality tests agree", "yes")
    reason = ""
    if number > 3 and arithmetic.digits(number) <= limits.FACTOR_DIGITS_MAX:
        reason = f": {formulas.whole_text(number)} = {_checked_factors(number)}"
    return solved(f"{shown} is not a prime number{reason}", reading, "two separate primality tests agree", "no")


def factor(expression: tree.Node) -> results.Solved:
    """Return the prime factors of a whole number."""
    number = _whole(expression)
    shown = tree.text(expression)
    reading = f"the prime factors of {shown}"
    if number < 2:
        raise limits.UnreadableError("Only whole numbers above 1 have prime factors.")
    written = _checked_factors(number)
    answer = f"{shown} is a prime number" if written == str(number) else f"{shown} = {written}"
    return solved(answer, reading, "multiplied out again, and each factor shown to be prime by other code", written)


def _whole(expression: tree.Node) -> int:
    number = checked_value(expression)[1]
    if not isinstance(number, Fraction) or number.denominator != 1 or number < 0:
        raise limits.UnreadableError("Only whole numbers that are not negative are prime or not.")
    return int(number)


def _checked_factors(number: int) -> str:
    """Return the prime factorisation of `number` > 1 as text in our grammar."""
    if arithmetic.digits(number) > limits.FACTOR_INPUT_DIGITS_MAX:
        raise limits.TooLargeError(
            f"A number of {arithmetic.digits(number):,} digits is too large to factor here; "
            f"the limit is {limits.FACTOR_INPUT_DIGITS_MAX}."
        )
    found = sympy.factorint(number, limit=limits.TRIAL_DIVISOR_MAX, use_rho=False, use_pm1=False, use_ecm=False)
    large = {int(base) for base in found if arithmetic.digits(int(base)) > limits.FACTOR_DIGITS_MAX}
    if any(not sympy.isprime(base) for base in large):
        raise limits.TooLargeError(
            f"A number of {arithmetic.digits(number):,} digits is too large to factor here; "
            f"what is left after small factors may have {limits.FACTOR_DIGITS_MAX} digits."
        )
    complete: dict[int, int] = {}
    for base, exponent in found.items():
        parts = {base: 1} if int(base) in large else sympy.factorint(base)
        for prime_factor, times in parts.items():
            complete[int(prime_factor)] = complete.get(int(prime_factor), 0) + int(times) * int(exponent)
    written = " * ".join(
        f"{base}^{exponent}" if exponent > 1 else str(base) for base, exponent in sorted(complete.items())
    )
    check.require(arithmetic.value(formulas.read_back(written)) == number, "the factors multiply to something else")
    check.require(all(check.is_prime(base) for base in complete), "a factor is not prime")
    return written
