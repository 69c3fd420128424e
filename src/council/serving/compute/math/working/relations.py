"""Equations, systems and inequalities: what is done on both sides, the formula of a quadratic, elimination, signs."""

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from council.serving.compute.math import arithmetic, check, formulas, limits, polynomials, requests, tree
from council.serving.compute.math.working import lines

Root = tuple[str, arithmetic.Value]


def equation(
    relation: requests.Relation, name: str, roots: Sequence[Root], left_out: Sequence[Root]
) -> tuple[str, ...]:
    """Return the steps to the real `roots`, of which those `left_out` make a denominator 0."""

    def make() -> Iterator[str]:
        ratio = polynomials.ratio(_difference(relation))
        if ratio.poles:
            row = polynomials.coefficients(ratio.top, name)
            yield f"multiplied by the denominators, on one side: {lines.row_text(row, name)} = 0"
            yield from _from_zero(row, name, sorted([*roots, *left_out], key=lambda root: arithmetic.real(root[1])))
            for text, number in left_out:
                check.require(any(_is_zero(pole, name, number) for pole in ratio.poles), "no denominator is 0 there")
                yield f"{name} = {text} is left out: a denominator is 0 there"
            return
        sides = [polynomials.polynomial(side) for side in (relation.left, relation.right)]
        if max(polynomials.degree(side) for side in sides) <= 1:
            yield from _balanced(relation, name)
            return
        row = polynomials.coefficients(ratio.top, name)
        yield from _gathered(relation, lines.row_text(row, name))
        yield from _from_zero(row, name, roots)

    return lines.kept(make)


def _difference(relation: requests.Relation) -> tree.Node:
    return tree.Binary("-", relation.left, relation.right)


def _gathered(relation: requests.Relation, left: str) -> Iterator[str]:
    """Yield the relation with everything on one side, unless it was written so."""
    if relation.right != tree.integer(0) or formulas.read_back(left) != relation.left:
        yield f"on one side: {left} {relation.operator} 0"


def _is_zero(terms: polynomials.Polynomial, name: str, place: arithmetic.Value) -> bool:
    value = polynomials.at(polynomials.coefficients(terms, name), place)
    return bool(abs(arithmetic.real(value)) < arithmetic.TOLERANCE)


_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}


def _balanced(relation: requests.Relation, name: str) -> Iterator[str]:
    """The same is done on both sides until the unknown stands alone. Each relation is checked against the one as read."""
    decimal = any(tree.has_decimals(side) for side in (relation.left, relation.right))
    sides = [_row(polynomials.polynomial(side), name) for side in (relation.left, relation.right)]
    first = [one - other for one, other in zip(*sides, strict=True)]
    sign, turned = relation.operator, False

    def said(done: str) -> str:
        texts = [lines.row_text(side, name, decimal) for side in sides]
        again = [_row(polynomials.polynomial(formulas.read_back(text)), name) for text in texts]
        apart = [one - other for one, other in zip(*again, strict=True)]
        check.require(_is_multiple(apart, first, None if sign == "=" else turned), "a step does not follow")
        return f"{done}: {texts[0]} {sign} {texts[1]}"

    if [formulas.read_back(lines.row_text(side, name, decimal)) for side in sides] != [relation.left, relation.right]:
        yield said("multiplied out and collected")
    for index, side in ((0, 1), (1, 0)):
        moved = sides[side][index]
        if not moved:
            continue
        shown = lines.polynomial({((name, 1),): abs(moved)} if index == 0 else {(): abs(moved)}, decimal)
        sides = [[one - (moved if place == index else 0) for place, one in enumerate(row)] for row in sides]
        yield said(f"{shown} {'added to' if moved < 0 else 'subtracted from'} both sides")
    factor = sides[0][0]
    if factor in (0, 1):
        return
    sides = [[one / factor for one in row] for row in sides]
    turned = factor < 0 and sign != "="
    sign = _TURNED[sign] if turned else sign
    yield said(f"both sides divided by {lines.number(factor, decimal)}" + (", which turns the sign" if turned else ""))


def _row(terms: polynomials.Polynomial, name: str) -> list[Fraction]:
    return [terms.get(((name, 1),), Fraction(0)), terms.get((), Fraction(0))]


def _is_multiple(one: list[Fraction], other: list[Fraction], negative: bool | None) -> bool:
    """Return whether `one` is `other` times a number that is not 0 and is `negative` or not, or has any sign."""
    pairs = list(zip(one, other, strict=True))
    scale = next((mine / theirs for mine, theirs in pairs if theirs), None)
    if not scale or negative not in (None, scale < 0):
        return False
    return all(mine == scale * theirs for mine, theirs in pairs)


def _from_zero(row: list[Fraction], name: str, roots: Sequence[Root]) -> Iterator[str]:
    """Yield what leads from a polynomial that is zero to its real roots."""
    match len(row):
        case 2:
            yield f"{name} = {lines.equal(f'{lines.wrapped(-row[1])}/{lines.wrapped(row[0])}', roots[0][0])}"
        case 3:
            yield from _quadratic(row, name, roots)
        case _:
            yield from _split(row, name, roots)


def _quadratic(row: list[Fraction], name: str, roots: Sequence[Root]) -> Iterator[str]:
    second, first, last = (lines.wrapped(one) for one in row)
    discriminant = row[1] ** 2 - 4 * row[0] * row[2]
    shown = lines.number(discriminant)
    yield f"discriminant: {lines.equal(f'{first}^2 - 4*{second}*{last}', shown)}"
    if discriminant < 0:
        check.require(not roots, "a root where the discriminant is negative")
        yield "the discriminant is negative, so no real number is a root"
        return
    check.require(len(roots) == (2 if discriminant else 1), "the number of roots differs")
    signs = [""] if not discriminant else [" - ", " + "] if row[0] > 0 else [" + ", " - "]
    for sign, (text, _) in zip(signs, roots, strict=True):
        top = f"({lines.number(-row[1])}{sign}sqrt({shown}))" if sign else lines.wrapped(-row[1])
        yield f"{name} = {lines.equal(f'{top}/(2*{second})', text)}"


def _split(row: list[Fraction], name: str, roots: Sequence[Root]) -> Iterator[str]:
    """Yield a polynomial as a product of what its rational roots split off."""
    rest, factors = row, list[str]()
    for _, root in roots:
        while isinstance(root, Fraction) and len(rest) > 1 and polynomials.at(rest, root) == 0:
            rest = polynomials.divided(rest, [Fraction(1), -root])[0]
            factors.append(f"({lines.row_text([Fraction(1), -root], name)})")
    if not factors:
        raise limits.UndecidedError("No rational root splits the polynomial.")
    if len(rest) > 1:
        factors.append(f"({lines.row_text(rest, name)})")
    elif rest[0] != 1:
        factors.insert(0, lines.wrapped(rest[0]))
    product = "*".join(factors)
    again = polynomials.polynomial(formulas.read_back(product))
    check.require(again == lines.terms_of(row, name), "the product is another polynomial")
    yield f"split by its rational roots: {product} = 0"
    for text, _ in roots:
        yield f"a factor is 0 at {name} = {text}"


# Systems


def system(
    rows: Sequence[Sequence[Fraction]], names: Sequence[str], solution: Sequence[Fraction] | None
) -> tuple[str, ...]:
    """Return the steps of elimination. A row holds a coefficient of each name and then the right side; None: no solution."""
    return lines.kept(lambda: _eliminated([list(row) for row in rows], names, solution))


def _eliminated(rows: list[list[Fraction]], names: Sequence[str], solution: Sequence[Fraction] | None) -> Iterator[str]:
    numbered = list(enumerate(rows, 1))
    for label, row in numbered:
        yield f"({label}) {_linear(row, names)}"
    last, done = len(rows), list[tuple[int, list[Fraction]]]()
    for column in range(len(names)):
        place = next((index for index, (_, row) in enumerate(numbered) if row[column]), None)
        if place is None:
            continue
        pivot_label, pivot = numbered.pop(place)
        done.append((pivot_label, pivot))
        for index, (label, row) in enumerate(numbered):
            if not row[column]:
                continue
            factor, last = row[column] / pivot[column], last + 1
            made = [mine - factor * top for mine, top in zip(row, pivot, strict=True)]
            sign = "-" if factor > 0 else "+"
            times = "" if abs(factor) == 1 else f"{lines.wrapped(abs(factor))}*"
            numbered[index] = (last, made)
            yield f"({last}) = ({label}) {sign} {times}({pivot_label}): {_linear(made, names)}"
    if solution is None:
        check.require(any(row[-1] and not any(row[:-1]) for _, row in numbered), "no equation is impossible")
        yield "the last equation cannot hold"
        return
    yield from _put_back(done, names, solution)


def _linear(row: Sequence[Fraction], names: Sequence[str]) -> str:
    terms: polynomials.Polynomial = {((name, 1),): factor for name, factor in zip(names, row, strict=False) if factor}
    return f"{lines.polynomial(terms)} = {lines.number(row[-1])}"


def _put_back(
    done: Sequence[tuple[int, list[Fraction]]], names: Sequence[str], solution: Sequence[Fraction]
) -> Iterator[str]:
    """Yield the unknowns from the last equation on; what is known goes into the one before."""
    for label, row in reversed(done):
        place = next(index for index, factor in enumerate(row) if factor)
        known = [
            (factor, value) for factor, value in zip(row[place + 1 : -1], solution[place + 1 :], strict=True) if factor
        ]
        top = lines.number(row[-1]) + "".join(
            f" - {lines.wrapped(factor)}*{lines.wrapped(value)}" for factor, value in known
        )
        below = "" if row[place] == 1 else f"/{lines.wrapped(row[place])}"
        worked = f"({top}){below}" if known and below else f"{lines.wrapped(row[-1])}{below}" if below else top
        shown = lines.number(solution[place])
        found = lines.equal(worked, shown) if worked != shown else shown
        yield f"from ({label}): {names[place]} = {found}"


# Inequalities


def inequality(
    relation: requests.Relation, name: str, roots: Sequence[Root], regions: Sequence[bool]
) -> tuple[str, ...]:
    """Return the steps: as for an equation where it is linear, else the sign in each of the `regions` between the zeros."""

    def make() -> Iterator[str]:
        terms = polynomials.polynomial(_difference(relation))
        if polynomials.degree(terms) <= 1:
            yield from _balanced(relation, name)
            return
        row = polynomials.coefficients(terms, name)
        left = lines.row_text(row, name)
        yield from _gathered(relation, left)
        yield f"zeros of the left side: {', '.join(f'{name} = {text}' for text, _ in roots) or 'none'}"
        for (where, place), holds in zip(_places(name, roots), regions, strict=True):
            value = polynomials.at(row, place)
            check.require(_holds(value, relation.operator) == holds, "the sign differs")
            put = tree.text(tree.substituted(formulas.read_back(left), name, formulas.literal(place)))
            worked, verdict = lines.equal(put, lines.number(value)), "holds" if holds else "does not hold"
            yield f"{where}, at {name} = {lines.number(place)}: {worked}, {verdict}"

    return lines.kept(make)


def _holds(value: arithmetic.Value, sign: str) -> bool:
    return bool(value < 0 if sign.startswith("<") else value > 0)


def _places(name: str, roots: Sequence[Root]) -> Iterator[tuple[str, Fraction]]:
    """Yield each piece between the zeros in words, with a simple place in it."""
    borders = [arithmetic.real(number) for _, number in roots]
    if not borders:
        yield "everywhere", Fraction(0)
        return
    yield f"{name} < {roots[0][0]}", Fraction(math.ceil(borders[0]) - 1)
    for index, (low, high) in enumerate(itertools.pairwise(borders)):
        near = Fraction(math.floor((low + high) / 2))
        place = near if low < arithmetic.real(near) < high else Fraction(str(float((low + high) / 2)))
        yield f"{roots[index][0]} < {name} < {roots[index + 1][0]}", place
    yield f"{name} > {roots[-1][0]}", Fraction(math.floor(borders[-1]) + 1)
