"""What a formula is once read: a tree of frozen nodes, and the one unambiguous text that shows it.

The text of a tree is itself in the grammar and reads back as the same tree, so the reading that a user sees is exactly
what was computed. No arithmetic here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, never negative; `text` is how it is shown, without separators."""

    value: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """`pi` or `e`."""

    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A single letter."""

    name: str


@dataclass(frozen=True, slots=True)
class Negation:
    """Unary minus; binds looser than a power."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of + - * / ^ mod of; `of` multiplies a percentage or a fraction by what follows."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Postfix:
    """`operator` is ! or % or degrees."""

    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of FUNCTIONS; `log` has its base as first argument."""

    function: str
    arguments: tuple["Node", ...]


Node = Number | Constant | Unknown | Negation | Binary | Postfix | Call

FUNCTIONS = frozenset({"sqrt", "cbrt", "abs", "sin", "cos", "tan", "ln", "exp", "log", "gcd", "lcm"})
ANGLE_FUNCTIONS = frozenset({"sin", "cos", "tan"})


def integer(value: int) -> Number:
    """Return the literal of a whole number >= 0."""
    return Number(Fraction(value), str(value))


def text(node: Node) -> str:
    """Return the text that shows how `node` was read."""
    match node:
        case Number(text=shown) | Constant(name=shown) | Unknown(name=shown):
            return shown
        case Negation(operand):
            return "-" + _wrapped(operand, _strength(operand) < _ATOM)
        case Postfix("degrees", operand):
            return _wrapped(operand, _strength(operand) < _ATOM) + " degrees"
        case Postfix(operator, operand):
            return _wrapped(operand, _strength(operand) < _ATOM) + operator
        case Call("log", (base, argument)):
            return f"log_{text(base)}({text(argument)})"
        case Call(function, arguments):
            return f"{function}({', '.join(text(argument) for argument in arguments)})"
        case Binary():
            return _binary_text(node)


_LOOSE, _SUM, _PRODUCT, _UNARY, _POWER, _POSTFIX, _ATOM = range(7)
_STRENGTHS = {"of": _LOOSE, "mod": _LOOSE, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}


def _strength(node: Node) -> int:
    match node:
        case Binary(operator):
            return _STRENGTHS[operator]
        case Negation():
            return _UNARY
        case Postfix():
            return _POSTFIX
        case _:
            return _ATOM


def _wrapped(node: Node, wrap: bool) -> str:
    return f"({text(node)})" if wrap else text(node)


def _binary_text(node: Binary) -> str:
    left, right = node.left, node.right
    if node.operator in "+-":
        first = _wrapped(left, _strength(left) < _SUM)
        return f"{first} {node.operator} {_wrapped(right, _strength(right) < _PRODUCT or _strength(right) == _UNARY)}"
    if node.operator == "^":
        return f"{_wrapped(left, _strength(left) < _ATOM)}^{_wrapped(right, _strength(right) < _ATOM)}"
    second = _wrapped(right, _strength(right) < _POWER)
    if node.operator in ("of", "mod"):
        ratio = node.operator == "of" and isinstance(left, Binary) and left.operator == "/"
        return f"{_wrapped(left, _strength(left) < _POWER and not ratio)} {node.operator} {second}"
    chain = node.operator == "*" and isinstance(left, Binary) and left.operator == "*"
    power = node.operator == "/" and isinstance(left, Binary) and left.operator == "^"
    return f"{_wrapped(left, power or (_strength(left) < _POWER and not chain))}{node.operator}{second}"


def walk(node: Node) -> Iterator[Node]:
    """Yield `node` and everything under it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(children(current))


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly under `node`, left to right."""
    match node:
        case Negation(operand) | Postfix(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def substituted(node: Node, name: str, value: Node) -> Node:
    """Return `node` with `value` in place of the letter `name`."""
    match node:
        case Unknown(letter):
            return value if letter == name else node
        case Negation(operand):
            return Negation(substituted(operand, name, value))
        case Postfix(operator, operand):
            return Postfix(operator, substituted(operand, name, value))
        case Binary(operator, left, right):
            return Binary(operator, substituted(left, name, value), substituted(right, name, value))
        case Call(function, arguments):
            return Call(function, tuple(substituted(argument, name, value) for argument in arguments))
        case _:
            return node


def unknowns(*nodes: Node) -> list[str]:
    """Return the letters in `nodes`, sorted."""
    return sorted({part.name for node in nodes for part in walk(node) if isinstance(part, Unknown)})


def has_decimals(node: Node) -> bool:
    """Return whether the user wrote decimals or percentages, and so expects a decimal back."""
    return any(
        (isinstance(part, Number) and not part.text.isdigit()) or (isinstance(part, Postfix) and part.operator == "%")
        for part in walk(node)
    )
