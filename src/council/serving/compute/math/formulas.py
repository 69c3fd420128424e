"""Trees as SymPy objects, node by node, and SymPy objects as text in our grammar.

SymPy never sees a user's text. What it returns is printed here and read again by the grammar, so a check is always made on
the very text that is shown.
"""

import re
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute.math import arithmetic, grammar, limits, tree


def build(node: tree.Node) -> Any:
    """Return the SymPy expression of `node`, which arithmetic.value or arithmetic.guard must have let pass."""
    match node:
        case tree.Number(number):
            return sympy.Rational(number.numerator, number.denominator)
        case tree.Constant(name):
            return sympy.pi if name == "pi" else sympy.E
        case tree.Unknown(name):
            return symbol(name)
        case tree.Negation(operand):
            return -build(operand)
        case tree.Postfix(operator, operand):
            return _postfix(operator, build(operand))
        case tree.Call(function, arguments):
            return _call(function, [build(argument) for argument in arguments])
        case tree.Binary(operator, left, right):
            return _binary(operator, build(left), build(right))


def symbol(name: str) -> Any:
    """Return the real unknown of that name."""
    return sympy.Symbol(name, real=True)


def _postfix(operator: str, operand: Any) -> Any:
    match operator:
        case "%":
            return operand / 100
        case "degrees":
            return operand * sympy.pi / 180
        case _:
            return sympy.factorial(operand)


_FUNCTIONS = {
    "sqrt": sympy.sqrt,
    "abs": sympy.Abs,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "ln": sympy.log,
    "exp": sympy.exp,
}


def _call(function: str, arguments: list[Any]) -> Any:
    match function:
        case "cbrt":
            first = arguments[0]
            return -sympy.cbrt(-first) if first.is_negative else sympy.cbrt(first)
        case "log":
            return sympy.log(arguments[1], arguments[0])
        case "gcd":
            return sympy.Integer(sympy.igcd(*arguments))
        case "lcm":
            return sympy.Integer(sympy.ilcm(*arguments))
        case _:
            return _FUNCTIONS[function](arguments[0])


def _binary(operator: str, left: Any, right: Any) -> Any:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*" | "of":
            return left * right
        case "/":
            return left / right
        case "mod":
            return sympy.Mod(left, right)
        case _:
            return sympy.Pow(left, right)


_FOREIGN = re.compile(r"\*\*|\b(?:log|Abs|E)\b")
_OURS = {"**": "^", "log": "ln", "Abs": "abs", "E": "e"}


def text(expression: Any) -> str:
    """Return `expression` in our grammar where it has words for it; `read_back` tells."""
    try:
        printed = sympy.sstr(expression.replace(sympy.exp, lambda power: sympy.Pow(sympy.Symbol("e"), power)))
    except ValueError as error:  # Python refuses to print whole numbers of over 4,300 digits
        raise limits.TooLargeError(
            "The result has numbers that are too long to print. Ask with smaller numbers."
        ) from error
    return _FOREIGN.sub(lambda match: _OURS[match.group()], printed)


def read_back(printed: str) -> tree.Node:
    """Return the tree of a text made by `text`."""
    try:
        return grammar.parse_own(printed)
    except limits.UnreadableError as error:
        raise limits.UndecidedError("The result cannot be written in the grammar.") from error


def fraction_text(number: Fraction) -> str:
    """Return a fraction as 3, -3 or 3/4, however long."""
    sign = "-" if number < 0 else ""
    top, bottom = whole_text(abs(number.numerator)), whole_text(number.denominator)
    return f"{sign}{top}" if bottom == "1" else f"{sign}{top}/{bottom}"


def literal(number: Fraction) -> tree.Node:
    """Return a fraction as a tree."""
    top = tree.integer(abs(number.numerator))
    size = top if number.denominator == 1 else tree.Binary("/", top, tree.integer(number.denominator))
    return tree.Negation(size) if number < 0 else size


_CHUNK_DIGITS = 4_000


def whole_text(number: int) -> str:
    """Return the decimal digits of `number` >= 0, in pieces, since Python prints no more than 4,300 at once."""
    pieces: list[str] = []
    while number >= 10**_CHUNK_DIGITS:
        number, rest = divmod(number, 10**_CHUNK_DIGITS)
        pieces.append(str(rest).rjust(_CHUNK_DIGITS, "0"))
    return str(number) + "".join(reversed(pieces))


_DECIMALS_MAX = 12


def decimal_text(number: Fraction) -> str | None:
    """Return `number` as a decimal that is exactly it, or None when that needs more than 12 places."""
    shifted = number * 10**_DECIMALS_MAX
    if shifted.denominator != 1:
        return None
    whole, part = divmod(abs(shifted.numerator), 10**_DECIMALS_MAX)
    places = str(part).rjust(_DECIMALS_MAX, "0").rstrip("0")
    return ("-" if number < 0 else "") + whole_text(whole) + (f".{places}" if places else "")


def about(number: arithmetic.Value) -> str:
    """Return six significant digits of `number`."""
    return str(arithmetic.REAL.nstr(arithmetic.real(number), 6, strip_zeros=True)).removesuffix(".0")


def with_decimal(exact: str, number: arithmetic.Value, prefer_decimal: bool = False) -> str:
    """Return `exact` with what it is as a decimal behind it, unless it is whole."""
    if not isinstance(number, Fraction):
        return f"{exact} (about {about(number)})"
    if number.denominator == 1:
        return exact
    decimal = decimal_text(number)
    if decimal and prefer_decimal:
        return decimal
    return f"{exact} ({decimal})" if decimal else f"{exact} (about {about(number)})"
