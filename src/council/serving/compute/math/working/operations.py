"""Arithmetic, one operation after the other in the order in which it is read."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from council.serving.compute.math import arithmetic, check, formulas, tree
from council.serving.compute.math.working import lines


def value(node: tree.Node, exact: str) -> tuple[str, ...]:
    """Return the steps from an expression to its value, whose text is `exact`."""
    return lines.kept(lambda: _worked(node, exact))


def formula(text: str, result: Fraction) -> tuple[str, ...]:
    """Return the steps from an expression in the grammar, made of what was read, to the `result` that was found."""

    def make() -> Iterator[str]:
        node = formulas.read_back(lines.bounded(text))
        check.require(arithmetic.value(node) == result, "the formula has another value")
        return _worked(node, lines.number(result, tree.has_decimals(node)))

    return lines.kept(make)


def euclid(one: int, other: int) -> Iterator[str]:
    """Yield the divisions with remainder that lead to the greatest common divisor of two whole numbers above 0."""
    large, small = max(one, other), min(one, other)
    while small:
        yield division(large, small)
        large, small = small, large % small


def division(number: int, divisor: int) -> str:
    """Return `number` as a multiple of `divisor` and a remainder."""
    return lines.equal(str(number), f"{number // divisor}*{divisor} + {number % divisor}")


@dataclass(frozen=True, slots=True)
class _Step:
    """What a node becomes, by forms between, and lines that show why."""

    after: tuple[tree.Node, ...]
    because: tuple[str, ...] = ()


def _worked(node: tree.Node, exact: str) -> Iterator[str]:
    lines.bounded(tree.text(node))
    goal = arithmetic.value(node)
    decimal = tree.has_decimals(node)
    one_by_one = list(_reduced(node, decimal, every=False))
    steps = one_by_one if len(one_by_one) <= lines.LINES_MAX else list(_reduced(node, decimal, every=True))
    shown = [tree.text(node)]
    for step in steps:
        yield from step.because
        for after in step.after:
            text = _text(after)
            if text != shown[-1]:
                check.require(arithmetic.agree(lines.value_of(text), goal), "a step does not follow")
                yield f"{shown[-1]} = {text}"
                shown.append(text)
    if steps and shown[-1] != exact and not lines.is_settled(steps[-1].after[-1]):
        yield lines.equal(shown[-1], exact)


def _text(node: tree.Node) -> str:
    """Return the text of a node: of minus a fraction as answers show it."""
    if lines.is_settled(node) and isinstance(node, tree.Negation):
        return "-" + tree.text(node.operand)
    return tree.text(node)


def _reduced(node: tree.Node, decimal: bool, every: bool) -> Iterator[_Step]:
    """Yield the steps; with `every`, each does every operation that can be done."""
    current: tree.Node = node
    for _ in range(lines.LINES_MAX + 1):
        step = _all_at_once(current, decimal) if every else _first(current, decimal)
        if step is None:
            return
        yield step
        current = step.after[-1]


def _first(node: tree.Node, decimal: bool) -> _Step | None:
    """Return the first operation of `node` in the order of reading, or None where nothing can be computed exactly."""
    if lines.is_settled(node):
        return None
    for index, part in enumerate(tree.children(node)):
        found = _first(part, decimal)
        if found is not None:
            return _Step(tuple(_with(node, index, one) for one in found.after), found.because)
    return _operation(node, decimal)


def _all_at_once(node: tree.Node, decimal: bool) -> _Step | None:
    if lines.is_settled(node):
        return None
    changed, because = node, list[str]()
    for index, part in enumerate(tree.children(node)):
        found = _all_at_once(part, decimal)
        if found is not None:
            changed = _with(changed, index, found.after[-1])
            because.extend(found.because)
    return _Step((changed,), tuple(because)) if changed != node else _operation(node, decimal)


def _with(node: tree.Node, index: int, part: tree.Node) -> tree.Node:
    """Return `node` with another child at `index`."""
    match node:
        case tree.Negation():
            return tree.Negation(part)
        case tree.Postfix(operator):
            return tree.Postfix(operator, part)
        case tree.Binary("of", tree.Postfix(), right) if index == 0:
            return tree.Binary("*", part, right)
        case tree.Binary(operator, left, right):
            return tree.Binary(operator, part, right) if index == 0 else tree.Binary(operator, left, part)
        case tree.Call(function, arguments):
            return tree.Call(function, (*arguments[:index], part, *arguments[index + 1 :]))
        case _:
            raise AssertionError("a node without parts")


def _operation(node: tree.Node, decimal: bool) -> _Step | None:
    """Return what one operation on settled numbers gives; None where that is no fraction."""
    parts = tree.children(node)
    if not parts or not all(lines.is_settled(part) for part in parts):
        return None
    numbers = [arithmetic.value(part) for part in parts]
    result = arithmetic.value(node)
    if not isinstance(result, Fraction):
        return None
    between, because = _between(node, numbers, decimal)
    return _Step((*between, _literal(result, decimal)), because)


def _literal(number: Fraction, decimal: bool) -> tree.Node:
    shown = formulas.decimal_text(abs(number)) if decimal else None
    if shown is None:
        return formulas.literal(number)
    size = tree.Number(abs(number), shown)
    return tree.Negation(size) if number < 0 else size


_FACTORS_MAX = 6
_FACTORIAL_MAX = 8


def _between(node: tree.Node, numbers: list[Fraction], decimal: bool) -> tuple[tuple[tree.Node, ...], tuple[str, ...]]:
    """Return the forms between an operation and its result, and the lines that explain it."""
    match node:
        case tree.Binary("+" | "-" as sign) if not decimal:
            return _common_denominator(sign, numbers), ()
        case tree.Binary("/") if not decimal and any(one.denominator > 1 for one in numbers) and numbers[1]:
            return (tree.Binary("*", formulas.literal(numbers[0]), formulas.literal(1 / numbers[1])),), ()
        case tree.Binary("^") if 1 < numbers[1] <= _FACTORS_MAX and numbers[1].denominator == 1:
            return (_product([node.left] * int(numbers[1])),), ()
        case tree.Binary("mod"):
            return (), (division(int(numbers[0]), int(numbers[1])),)
        case tree.Postfix("!") if 1 < numbers[0] <= _FACTORIAL_MAX:
            return (_product([tree.integer(one) for one in range(int(numbers[0]), 0, -1)]),), ()
        case tree.Call("gcd" | "lcm" as function):
            return (), tuple(_common(function, [int(one) for one in numbers]))
        case _:
            return (), ()


def _common_denominator(sign: str, numbers: list[Fraction]) -> tuple[tree.Node, ...]:
    below = math.lcm(*(one.denominator for one in numbers))
    if all(one.denominator == below for one in numbers):
        return ()
    return (tree.Binary(sign, *(_over(one, below) for one in numbers)),)


def _over(number: Fraction, below: int) -> tree.Node:
    """Return a fraction with the denominator `below`, not in lowest terms."""
    size = tree.Binary("/", tree.integer(abs(number.numerator) * (below // number.denominator)), tree.integer(below))
    return tree.Negation(size) if number < 0 else size


def _product(factors: list[tree.Node]) -> tree.Node:
    made = factors[0]
    for factor in factors[1:]:
        made = tree.Binary("*", made, factor)
    return made


def _common(function: str, numbers: list[int]) -> Iterator[str]:
    """Yield Euclid's divisions pair by pair, and for a multiple what the divisor makes of it."""
    made = numbers[0]
    for number in numbers[1:]:
        yield from euclid(made, number)
        divisor = math.gcd(made, number)
        if function == "gcd":
            made = divisor
            continue
        multiple = made // divisor * number
        yield lines.equal(f"lcm({made}, {number})", f"{made}*{number}/{divisor}")
        made = multiple
