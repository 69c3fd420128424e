"""The value of a tree, by our own arithmetic: exact over fractions, 60 digits where a value is irrational.

It guards and it checks. Every step estimates the size of its result before making it, so nothing larger than the bounds is
ever built here, and SymPy is asked only afterwards. And since it shares no code with SymPy, agreement of the two is evidence.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import mpmath

from council.serving.compute.math import limits, tree

# mpmath has no types; an irrational value is one of its floating-point numbers.
Value = Fraction | Any
DIGITS = 60
REAL = mpmath.mp.clone()
REAL.dps = DIGITS
TOLERANCE = REAL.mpf(10) ** -40
_ANGLE_MAX = 10**15
_TINY = REAL.mpf(10) ** -30
_NO_NAMES: Mapping[str, Value] = {}


def value(node: tree.Node, names: Mapping[str, Value] = _NO_NAMES) -> Value:
    """Return the real value of `node` with unknowns taken from `names`. Raises any MathStopError."""
    match node:
        case tree.Number(number):
            return number
        case tree.Constant(name):
            return +REAL.pi if name == "pi" else +REAL.e
        case tree.Unknown(name):
            if name not in names:
                raise limits.UnreadableError(f"The letter {name} has no value.")
            return names[name]
        case tree.Negation(operand):
            return -value(operand, names)
        case tree.Postfix(operator, operand):
            return _postfix(operator, value(operand, names), node)
        case tree.Call(function, arguments):
            return _call(function, [value(argument, names) for argument in arguments], node)
        case tree.Binary(operator, left, right):
            if operator == "^" and left == tree.Constant("e"):
                return _exponential(value(right, names), node)
            return _binary(operator, value(left, names), value(right, names), node)


def is_exact(number: Value) -> bool:
    """Return whether `number` is a fraction, not an approximation."""
    return isinstance(number, Fraction)


def real(number: Value) -> Any:
    """Return `number` in floating point of 60 digits."""
    return REAL.mpf(number.numerator) / number.denominator if isinstance(number, Fraction) else number


def agree(one: Value, other: Value) -> bool:
    """Return whether two values are the same: exactly for fractions, else to 40 digits."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    first, second = real(one), real(other)
    return bool(abs(first - second) <= TOLERANCE * max(1, abs(first), abs(second)))


def digits(number: int) -> int:
    """Return about how many decimal digits `number` has, without writing it down."""
    return number.bit_length() * 30103 // 100_000 + 1


def _binary(operator: str, left: Value, right: Value, node: tree.Node) -> Value:
    match operator:
        case "+" | "-":
            _require_size(_size(left) + _size(right) if is_exact(left) and is_exact(right) else 0, node)
            total = _mixed(left, right)
            return total[0] + total[1] if operator == "+" else total[0] - total[1]
        case "*" | "of":
            _require_size(_size(left) + _size(right) - 4, node)
            pair = _mixed(left, right)
            return pair[0] * pair[1]
        case "/":
            _require_size(_size(left) + _size(right) - 4, node)
            _require_divisor(right, node)
            pair = _mixed(left, right)
            return pair[0] / pair[1]
        case "mod":
            return _remainder(left, right, node)
        case _:
            return power(left, right, node)


def _mixed(left: Value, right: Value) -> tuple[Any, Any]:
    if is_exact(left) and is_exact(right):
        return left, right
    return real(left), real(right)


def _size(number: Value) -> int:
    if isinstance(number, Fraction):
        return max(digits(number.numerator), digits(number.denominator))
    return 0 if number == 0 else abs(int(REAL.mag(number))) * 30103 // 100_000 + 1


def _require_size(estimate: int, node: tree.Node) -> None:
    if estimate <= limits.RESULT_DIGITS_MAX:
        return
    count = f"about {estimate:,}" if estimate < 10**15 else f"over 10^{digits(estimate) - 1:,}"
    raise limits.TooLargeError(
        f"{tree.text(node)[:200]} would have {count} digits; the limit is {limits.RESULT_DIGITS_MAX:,}."
    )


def _require_divisor(number: Value, node: tree.Node) -> None:
    if number == 0 and is_exact(number):
        raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined: division by zero.")
    if not is_exact(number) and abs(number) < _TINY:
        raise limits.UndecidedError("A divisor is too close to zero to tell whether it is zero.")


def _remainder(left: Value, right: Value, node: tree.Node) -> Value:
    if right == 0 and is_exact(right):
        raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined: division by zero.")
    if not (_is_whole(left) and _is_whole(right)) or left < 0 or right < 0:
        raise limits.UnreadableError("Remainders of negative or broken numbers follow several conventions.")
    return Fraction(int(left) % int(right))


def _is_whole(number: Value) -> bool:
    return isinstance(number, Fraction) and number.denominator == 1


def power(base: Value, exponent: Value, node: tree.Node) -> Value:
    """Return base^exponent over the reals."""
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        return _whole_power(base, int(exponent), node)
    if base == 0 and is_exact(base):
        if exponent > 0:
            return Fraction(0)
        raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined: division by zero.")
    if _is_whole(exponent):
        if exponent < 0:
            _require_divisor(base, node)
        if abs(exponent) > limits.SYMBOLIC_EXPONENT_MAX:
            raise limits.TooLargeError(
                f"The exponent in {tree.text(node)[:200]} is over the limit for such a base. Ask for a smaller one."
            )
        _require_size(_size(base) * abs(int(exponent)), node)
        return base ** int(exponent)
    if base < 0:
        if isinstance(exponent, Fraction) and exponent.denominator % 2 == 0 and is_exact(base):
            raise limits.UndefinedError(f"{tree.text(node)[:200]} has no real value.")
        raise limits.UnreadableError("A broken power of a negative number follows several conventions.")
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        return _root(base, exponent, node)
    _require_divisor(base, node)
    return _exponential(real(exponent) * REAL.log(real(base)), node)


def _whole_power(base: Fraction, exponent: int, node: tree.Node) -> Fraction:
    if base == 0 and exponent == 0:
        raise limits.UndefinedError("0^0 is undefined here: some conventions set it to 1, others leave it open.")
    if base == 0 and exponent < 0:
        raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined: division by zero.")
    if abs(base) == 1:
        return Fraction(-1 if base < 0 and exponent % 2 else 1)
    if base == 0:
        return base
    largest = max(abs(base.numerator), base.denominator)
    logarithm = math.floor(math.log10(largest) * 10**9)
    _require_size(abs(exponent) * logarithm // 10**9 + 1, node)
    return Fraction(base**exponent)


def _root(base: Fraction, exponent: Fraction, node: tree.Node) -> Value:
    """Return base^exponent for base > 0 and a broken exponent, exactly where the root is rational."""
    index = exponent.denominator
    if index > limits.ROOT_INDEX_MAX:
        if _size(base) > limits.RADICAND_DIGITS_MAX:
            raise limits.TooLargeError(
                f"The number under a root has over {limits.RADICAND_DIGITS_MAX} digits. Ask for a smaller one."
            )
        return _exponential(real(exponent) * REAL.log(real(base)), node)
    top, bottom = whole_root(base.numerator, index), whole_root(base.denominator, index)
    if top is not None and bottom is not None:
        return _whole_power(Fraction(top, bottom), exponent.numerator, node)
    if _size(base) > limits.RADICAND_DIGITS_MAX:
        raise limits.TooLargeError(
            f"The number under a root has over {limits.RADICAND_DIGITS_MAX} digits. Ask for a smaller one."
        )
    if abs(exponent.numerator) > limits.SYMBOLIC_EXPONENT_MAX:
        raise limits.TooLargeError(
            f"The exponent in {tree.text(node)[:200]} is over the limit for such a base. Ask for a smaller one."
        )
    return _exponential(real(exponent) * REAL.log(real(base)), node)


def whole_root(number: int, index: int) -> int | None:
    """Return the whole `index`-th root of `number` >= 0, or None when there is none."""
    if index == 2:
        root = math.isqrt(number)
        return root if root * root == number else None
    low, high = 0, 1 << (number.bit_length() // index + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**index <= number else (low, middle - 1)
    return low if low**index == number else None


def _exponential(exponent: Value, node: tree.Node) -> Value:
    if exponent == 0:
        return Fraction(1)
    number = real(exponent)
    _require_size(int(abs(number)) * 43430 // 100_000 + 1, node)
    return REAL.exp(number)


def _postfix(operator: str, number: Value, node: tree.Node) -> Value:
    if operator == "%":
        return number / 100
    if operator == "degrees":
        return real(number) * REAL.pi / 180
    if not _is_whole(number):
        raise limits.UnreadableError("A factorial is read of whole numbers only.")
    count = int(number)
    if count < 0:
        raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined: no factorial of a negative number.")
    if count > 10:
        logarithm = math.floor(math.log10(count) * 10**9)
        _require_size(count * (logarithm - 434_294_482) // 10**9 + 1, node)
    return Fraction(math.factorial(count))


def _call(function: str, arguments: list[Value], node: tree.Node) -> Value:
    first = arguments[0]
    match function:
        case "sqrt":
            _require_sign(first, node)
            return power(first, Fraction(1, 2), node)
        case "cbrt":
            root = power(abs(first), Fraction(1, 3), node)
            return -root if first < 0 else root
        case "abs":
            return abs(first)
        case "exp":
            return _exponential(first, node)
        case "ln":
            return _logarithm(first, node)
        case "log":
            if first == 1 or arguments[1] == 0:
                raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined.")
            return real(_logarithm(arguments[1], node)) / real(_logarithm(first, node))
        case "gcd" | "lcm":
            return _common(function, arguments, node)
        case _:
            return _angle(function, first, node)


def _require_sign(number: Value, node: tree.Node) -> None:
    if not is_exact(number) and abs(number) < _TINY:
        raise limits.UndecidedError("A number under a root is too close to zero to tell its sign.")
    if number < 0:
        raise limits.UndefinedError(f"{tree.text(node)[:200]} has no real value.")


def _logarithm(number: Value, node: tree.Node) -> Value:
    if number == 1 and is_exact(number):
        return Fraction(0)
    if not is_exact(number) and abs(number) < _TINY:
        raise limits.UndecidedError("The number in a logarithm is too close to zero to tell its sign.")
    if number <= 0:
        raise limits.UndefinedError(f"{tree.text(node)[:200]} has no real value.")
    if _size(number) > limits.RADICAND_DIGITS_MAX:
        raise limits.TooLargeError(
            f"The number in a logarithm has over {limits.RADICAND_DIGITS_MAX} digits. Ask for a smaller one."
        )
    return REAL.log(real(number))


def _common(function: str, arguments: list[Value], node: tree.Node) -> Value:
    if not all(_is_whole(argument) and argument > 0 for argument in arguments):
        raise limits.UnreadableError("Common divisors and multiples are read of positive whole numbers only.")
    if function == "gcd":
        return Fraction(math.gcd(*(int(argument) for argument in arguments)))
    _require_size(sum(_size(argument) for argument in arguments) - 2 * len(arguments), node)
    return Fraction(math.lcm(*(int(argument) for argument in arguments)))


def _angle(function: str, angle: Value, node: tree.Node) -> Value:
    if angle == 0:
        return Fraction(1) if function == "cos" else Fraction(0)
    if abs(angle) > _ANGLE_MAX:
        raise limits.TooLargeError("An angle is too large. Ask for a smaller one.")
    number = real(angle)
    if function == "sin":
        return REAL.sin(number)
    if function == "cos":
        return REAL.cos(number)
    if abs(REAL.cos(number)) < TOLERANCE:
        raise limits.UndefinedError(f"{tree.text(node)[:200]} is undefined.")
    return REAL.tan(number)


def guard(node: tree.Node) -> None:
    """Raise what `value` would raise in any part of `node` that has no unknown, and refuse huge powers of one that has."""
    if not tree.unknowns(node):
        number = value(node)
        if _size(number) > limits.SYMBOLIC_DIGITS_MAX:
            raise limits.TooLargeError(
                f"A number beside an unknown has over {limits.SYMBOLIC_DIGITS_MAX:,} digits. Ask for a smaller one."
            )
        return
    for child in tree.children(node):
        guard(child)
    if isinstance(node, tree.Binary) and node.operator == "^" and not tree.unknowns(node.right):
        exponent = value(node.right)
        if abs(exponent) > limits.SYMBOLIC_EXPONENT_MAX:
            raise limits.TooLargeError(
                f"The exponent in {tree.text(node)[:200]} is over the limit. Ask for a smaller one."
            )
    if isinstance(node, tree.Call) and node.function not in _SYMBOLIC_FUNCTIONS:
        raise limits.UnreadableError(f"{node.function} is read of numbers only.")
    if isinstance(node, tree.Postfix) or (isinstance(node, tree.Binary) and node.operator == "mod"):
        raise limits.UnreadableError("A remainder, percentage or factorial is read of numbers only.")


_SYMBOLIC_FUNCTIONS = frozenset({"sqrt", "abs", "sin", "cos", "tan", "ln", "exp", "log"})
