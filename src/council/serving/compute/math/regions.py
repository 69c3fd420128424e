"""Inequalities of one unknown, one or several at once, with absolute values and divisors: the line is cut at every place
where a side may change, and each piece is tried.
"""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    algebra,
    arithmetic,
    check,
    evaluate,
    formulas,
    limits,
    polynomials,
    requests,
    tree,
)

_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ABSOLUTES_MAX = 3
_BORDERS_MAX = 24


@dataclass(frozen=True, slots=True)
class Border:
    """A place where something may change, as it is shown and as a number."""

    text: str
    number: arithmetic.Value


def solve(request: requests.Solve) -> results.Solved:
    """Solve inequalities that must hold at once. Raises UndecidedError where a border is not to be had exactly."""
    relations = request.relations
    name = one_name(relations)
    return answered(relations, name, _borders(relations, name))


def where_equal(relation: requests.Relation, name: str) -> results.Solved:
    """Solve an equation with absolute values that whole ranges may satisfy."""
    both = tuple(dataclasses.replace(relation, operator=sign) for sign in ("<=", ">="))
    return answered(both, name, _borders(both, name), f"{tree.text(relation.left)} = {tree.text(relation.right)}")


def answered(
    relations: Sequence[requests.Relation], name: str, borders: list[Border], shown: str = "", widest: int = 30
) -> results.Solved:
    """Return the answer of relations that hold on whole pieces between `borders`, or on none of them.

    It is tried around each border, and at every half from -`widest` to `widest`.
    """
    shown = shown or " and ".join(f"{tree.text(one.left)} {one.operator} {tree.text(one.right)}" for one in relations)
    reading = f"solve {shown} for {name} over the real numbers"
    numbers = [border.number for border in borders]
    inside = [_hold(relations, name, place) for place in _between(numbers)]
    at_border = [_hold_at(relations, name, border.number) for border in borders]
    pieces = list(_pieces(inside, at_border))
    _confirm(relations, name, borders, pieces, widest)
    exact = _text(pieces, [border.text for border in borders], name)
    if exact != "none" and all(_is_bare(relation) for relation in relations):
        raise limits.UnreadableError("The inequality is solved as it stands.")
    long = _text(pieces, [formulas.with_decimal(border.text, border.number) for border in borders], name)
    said = {"all": f"Every real {name} satisfies it", "none": f"No real {name} satisfies it"}.get(exact, long)
    return evaluate.solved(
        said, reading, "tried on both sides of every border by other code", exact, _intervals(pieces, borders)
    )


def one_name(relations: Sequence[requests.Relation]) -> str:
    """Return the only unknown of inequalities, all of them within what is evaluated."""
    names = tree.unknowns(*(side for relation in relations for side in (relation.left, relation.right)))
    if len(names) != 1 or any(relation.operator not in _HOLDS for relation in relations):
        raise limits.UnreadableError("Inequalities are read with one unknown.")
    for relation in relations:
        arithmetic.guard(relation.left)
        arithmetic.guard(relation.right)
    return names[0]


def _is_bare(relation: requests.Relation) -> bool:
    sides = (relation.left, relation.right)
    return any(isinstance(side, tree.Unknown) for side in sides) and any(not tree.unknowns(side) for side in sides)


def without_absolutes(node: tree.Node) -> Iterator[tree.Node]:
    """Yield `node` with each absolute value replaced by what it holds or its negative, in every combination."""
    found = next((part for part in tree.walk(node) if isinstance(part, tree.Call) and part.function == "abs"), None)
    if found is None:
        yield node
        return
    inner = found.arguments[0]
    for stand_in in (inner, tree.Negation(inner)):
        yield from without_absolutes(replaced(node, found, stand_in))


def absolutes(node: tree.Node) -> list[tree.Node]:
    """Return what stands in absolute values. Raises UndecidedError where they are many or nested."""
    found = [part.arguments[0] for part in tree.walk(node) if isinstance(part, tree.Call) and part.function == "abs"]
    nested = any(isinstance(part, tree.Call) and part.function == "abs" for inner in found for part in tree.walk(inner))
    if len(found) > _ABSOLUTES_MAX or nested:
        raise limits.UndecidedError("The absolute values are too many or nested.")
    return found


def replaced(node: tree.Node, old: tree.Node, new: tree.Node) -> tree.Node:
    """Return `node` with `new` wherever `old` stands."""
    if node == old:
        return new
    match node:
        case tree.Negation(operand):
            return tree.Negation(replaced(operand, old, new))
        case tree.Binary(sign, left, right):
            return tree.Binary(sign, replaced(left, old, new), replaced(right, old, new))
        case tree.Call(function, arguments):
            return tree.Call(function, tuple(replaced(one, old, new) for one in arguments))
        case _:
            return node


def polynomial_of(row: list[Fraction], name: str) -> Any:
    """Return a row of coefficients as SymPy's expression."""
    terms = [sympy.Rational(one.numerator, one.denominator) for one in row]
    return sympy.Poly(terms, formulas.symbol(name)).as_expr()


def _borders(relations: Sequence[requests.Relation], name: str) -> list[Border]:
    rows: list[list[Fraction]] = []
    for relation in relations:
        difference = tree.Binary("-", relation.left, relation.right)
        rows += [polynomials.coefficients(polynomials.polynomial(inner), name) for inner in absolutes(difference)]
        for plain in without_absolutes(difference):
            ratio = polynomials.ratio(plain)
            rows.append(polynomials.coefficients(ratio.top, name))
            rows += [polynomials.coefficients(pole, name) for pole in ratio.poles]
    found: list[Border] = []
    for row in rows:
        if len(row) > 1:
            found += [Border(text, number) for text, number in algebra.real_roots(polynomial_of(row, name), row, name)]
    kept: list[Border] = []
    for border in sorted(found, key=lambda one: arithmetic.real(one.number)):
        if not kept or not arithmetic.agree(kept[-1].number, border.number):
            kept.append(border)
    if len(kept) > _BORDERS_MAX:
        raise limits.TooLargeError("The inequality has too many borders. Ask for it in pieces.")
    for one, other in itertools.pairwise(kept):
        gap = arithmetic.real(other.number) - arithmetic.real(one.number)
        check.require(gap > arithmetic.REAL.mpf(10) ** -12, "two borders are too close to tell apart")
    return kept


def _between(borders: list[arithmetic.Value]) -> list[Fraction]:
    """Return a fraction in every piece of the line."""
    if not borders:
        return [Fraction(0)]
    near = [_fraction(border) for border in borders]
    inner = [(low + high) / 2 for low, high in itertools.pairwise(near)]
    return [near[0] - 1, *inner, near[-1] + 1]


def _fraction(number: arithmetic.Value) -> Fraction:
    if isinstance(number, Fraction):
        return number
    scale = 10**30
    return Fraction(int(arithmetic.REAL.nint(number * scale)), scale)


def _hold(relations: Sequence[requests.Relation], name: str, place: arithmetic.Value) -> bool:
    """Return whether all hold at a place; where a side has no value, none does."""
    try:
        return all(
            _HOLDS[one.operator](
                arithmetic.real(arithmetic.value(one.left, {name: place})),
                arithmetic.real(arithmetic.value(one.right, {name: place})),
            )
            for one in relations
        )
    except limits.UndefinedError:
        return False


def _hold_at(relations: Sequence[requests.Relation], name: str, place: arithmetic.Value) -> bool:
    """Return whether all hold at a border, exactly where it is a fraction, else by how close the sides are."""
    for one in relations:
        try:
            left, right = (arithmetic.value(side, {name: place}) for side in (one.left, one.right))
        except limits.UndefinedError:
            return False
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            if not _HOLDS[one.operator](left, right):
                return False
        elif arithmetic.agree(left, right):
            if one.operator not in ("<=", ">="):
                return False
        elif not _HOLDS[one.operator](arithmetic.real(left), arithmetic.real(right)):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Piece:
    """From border `low` to border `high`, -1 and the number of borders for infinity; and whether the ends belong to it."""

    low: int
    high: int
    with_low: bool
    with_high: bool


def _pieces(inside: list[bool], at_border: list[bool]) -> Iterator[Piece]:
    """Join neighbouring parts that belong to the solution."""
    start: tuple[int, bool] | None = None
    for index, here in enumerate(inside):
        if here and start is None:
            start = (index - 1, index > 0 and at_border[index - 1])
        if index == len(at_border):
            break
        border, after = at_border[index], inside[index + 1]
        if here and start is not None and not (border and after):
            yield Piece(start[0], index, start[1], border)
            start = None
        elif border and not here and not after:
            yield Piece(index, index, with_low=True, with_high=True)
    if start is not None:
        yield Piece(start[0], len(at_border), start[1], with_high=False)


def _contains(pieces: Sequence[Piece], numbers: Sequence[arithmetic.Value], place: arithmetic.Value) -> bool:
    real = [arithmetic.real(number) for number in numbers]
    where = arithmetic.real(place)
    for piece in pieces:
        above = piece.low < 0 or real[piece.low] < where or (piece.with_low and real[piece.low] == where)
        below = piece.high == len(real) or where < real[piece.high] or (piece.with_high and where == real[piece.high])
        if above and below:
            return True
    return False


def _confirm(
    relations: Sequence[requests.Relation], name: str, borders: list[Border], pieces: list[Piece], widest: int
) -> None:
    numbers = [border.number for border in borders]
    holds = functools.partial(_hold, relations, name)
    exact = [number for number in numbers if not arithmetic.is_exact(number)]
    places: list[Fraction] = [Fraction(number, 2) + Fraction(1, 7) for number in range(-2 * widest, 2 * widest + 1)]
    step = Fraction(1, 10**6)
    for number in numbers:
        near = _fraction(number)
        places += [near - step, near + step, near * 2 + 1]
    for place in places:
        if any(arithmetic.agree(place, number) for number in exact):
            continue
        if not any(place == number for number in numbers):
            check.require(holds(place) == _contains(pieces, numbers, place), "a place is on the wrong side")


def _text(pieces: Sequence[Piece], texts: Sequence[str], name: str) -> str:
    if not pieces:
        return "none"
    found = []
    for piece in pieces:
        low = f"{texts[piece.low]} {'<=' if piece.with_low else '<'} " if piece.low >= 0 else ""
        if piece.low == piece.high:
            found.append(f"{name} = {texts[piece.low]}")
        elif piece.high < len(texts) and not low:
            found.append(f"{name} {'<=' if piece.with_high else '<'} {texts[piece.high]}")
        elif piece.high < len(texts):
            found.append(f"{low}{name} {'<=' if piece.with_high else '<'} {texts[piece.high]}")
        elif low:
            found.append(f"{name} {'>=' if piece.with_low else '>'} {texts[piece.low]}")
        else:
            return "all"
    return " or ".join(found)


def _intervals(pieces: Sequence[Piece], borders: Sequence[Border]) -> str:
    """Return the solution as intervals, for the steps."""
    shown = []
    for piece in pieces:
        low = "(-infinity" if piece.low < 0 else f"{'[' if piece.with_low else '('}{borders[piece.low].text}"
        high = (
            "infinity)"
            if piece.high == len(borders)
            else f"{borders[piece.high].text}{']' if piece.with_high else ')'}"
        )
        shown.append(f"{low}, {high}")
    return f"as intervals: {' or '.join(shown)}" if shown else "as intervals: none"
