"""Equations beyond quotients of polynomials: absolute values, one square root; and systems with one equation of degree two."""

from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    algebra,
    arithmetic,
    check,
    circular,
    evaluate,
    exponentials,
    formulas,
    limits,
    polynomials,
    regions,
    requests,
    tree,
)

Root = tuple[str, arithmetic.Value]
_ROOTS_CHECK = "every candidate put into the equation as it was read, by other code"


def solve(request: requests.Solve) -> results.Solved:
    """Solve what `algebra.solve` cannot. Raises UndecidedError for the rest."""
    relations = request.relations
    if any(relation.operator != "=" for relation in relations):
        if len(relations) == 1 and exponentials.sites(_difference(relations[0])):
            return exponentials.compare(relations[0])
        return regions.solve(request)
    sides = [side for relation in relations for side in (relation.left, relation.right)]
    names = tree.unknowns(*sides)
    for side in sides:
        arithmetic.guard(side)
    if len(relations) == 1 and len(names) == 1:
        return _solve_one(relations[0], names[0])
    if len(relations) == 2 and len(names) == 2:
        return _solve_pair(relations, names)
    raise limits.UndecidedError("Such equations are not solved here.")


def _difference(relation: requests.Relation) -> tree.Node:
    return tree.Binary("-", relation.left, relation.right)


def _shown(relation: requests.Relation) -> str:
    return f"{tree.text(relation.left)} {relation.operator} {tree.text(relation.right)}"


def _solve_one(relation: requests.Relation, name: str) -> results.Solved:
    reading = f"solve {_shown(relation)} for {name} over the real numbers"
    if exponentials.sites(_difference(relation)):
        return exponentials.solve(relation, name, reading)
    if circular.sites(_difference(relation)):
        return circular.solve(relation, name, reading)
    kept: list[Root] = []
    for row in _candidate_rows(_difference(relation), name):
        if not row:
            return regions.where_equal(relation, name)
        if len(row) < 2:
            continue
        for text, number in algebra.real_roots(regions.polynomial_of(row, name), row, name):
            if _satisfies(relation, {name: number}) and not any(arithmetic.agree(number, other) for _, other in kept):
                kept.append((text, number))
    kept.sort(key=lambda root: arithmetic.real(root[1]))
    if not kept:
        return evaluate.solved(f"{_shown(relation)} has no real solution", reading, _ROOTS_CHECK, "none")
    said = " or ".join(f"{name} = {formulas.with_decimal(text, number)}" for text, number in kept)
    return evaluate.solved(said, reading, _ROOTS_CHECK, " or ".join(f"{name} = {text}" for text, _ in kept))


def _candidate_rows(difference: tree.Node, name: str) -> list[list[Fraction]]:
    """Return polynomials among whose roots every solution is."""
    roots = {part for part in tree.walk(difference) if _is_root(part)}
    inner = regions.absolutes(difference)
    if roots and inner:
        raise limits.UndecidedError("Roots beside absolute values are not solved here.")
    if inner:
        plain = [polynomials.ratio(one) for one in regions.without_absolutes(difference)]
        return [polynomials.coefficients(one.top, name) for one in plain]
    if len(roots) == 1:
        return [_squared(difference, roots.pop(), name)]
    raise limits.UndecidedError("Not an equation that is solved here.")


def _is_root(node: tree.Node) -> bool:
    return isinstance(node, tree.Call) and node.function == "sqrt" and bool(tree.unknowns(node))


_STAND_IN = "s"


def _squared(difference: tree.Node, root: tree.Node, name: str) -> list[Fraction]:
    """A + B sqrt(P) = 0 needs A^2 = B^2 P; what that adds fails when it is put into the equation."""
    assert isinstance(root, tree.Call)
    if name == _STAND_IN:
        raise limits.UndecidedError("The letter s is used.")
    terms = polynomials.polynomial(regions.replaced(difference, root, tree.Unknown(_STAND_IN)))
    plain: dict[polynomials.Monomial, Fraction] = {}
    beside: dict[polynomials.Monomial, Fraction] = {}
    for monomial, coefficient in terms.items():
        powers = dict(monomial)
        power = powers.pop(_STAND_IN, 0)
        if power > 1:
            raise limits.UndecidedError("A power of the root is not solved here.")
        (beside if power else plain)[tuple(sorted(powers.items()))] = coefficient
    under = polynomials.polynomial(root.arguments[0])
    left, right = polynomials.multiply(plain, plain), polynomials.multiply(polynomials.multiply(beside, beside), under)
    negative = polynomials.multiply(right, polynomials.constant(Fraction(-1)))
    return polynomials.coefficients(polynomials.add(left, negative), name)


def _satisfies(relation: requests.Relation, place: dict[str, arithmetic.Value]) -> bool:
    """Return whether an equation holds at a place; raises UndecidedError where that cannot be told."""
    try:
        left, right = (arithmetic.value(side, place) for side in (relation.left, relation.right))
    except limits.UndefinedError:
        return False
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    if arithmetic.agree(left, right):
        return True
    apart = abs(arithmetic.real(left) - arithmetic.real(right))
    check.require(apart > arithmetic.REAL.mpf(10) ** -15, "whether a candidate is a solution is too close to tell")
    return False


# Two equations


def _solve_pair(relations: tuple[requests.Relation, ...], names: list[str]) -> results.Solved:
    """One equation is linear: what it says of one unknown goes into the other equation."""
    reading = (
        f"solve {' and '.join(_shown(one) for one in relations)} for {names[0]} and {names[1]} over the real numbers"
    )
    terms = [polynomials.polynomial(_difference(one)) for one in relations]
    for index in (0, 1):
        if polynomials.degree(terms[index]) == 1:
            found = _substituted(terms[index], _difference(relations[1 - index]), names)
            break
    else:
        raise limits.UndecidedError("One of the two equations must be linear.")
    pairs = []
    for texts, numbers in found:
        place = dict(zip(names, numbers, strict=True))
        check.require(all(_satisfies(one, place) for one in relations), "a solution does not satisfy an equation")
        pairs.append((texts, numbers))
    checked = "each pair put into both equations, and all roots of what is left confirmed numerically, by other code"
    if not pairs:
        return evaluate.solved("There is no real solution", reading, checked, "none")
    said = ", or ".join(
        " and ".join(
            f"{name} = {formulas.with_decimal(text, number)}" for name, text, number in zip(names, *pair, strict=True)
        )
        for pair in pairs
    )
    exact = ", or ".join(
        " and ".join(f"{name} = {text}" for name, text in zip(names, texts, strict=True)) for texts, _ in pairs
    )
    return evaluate.solved(said, reading, checked, exact)


def _substituted(
    linear: polynomials.Polynomial, other: tree.Node, names: list[str]
) -> list[tuple[list[str], list[Any]]]:
    """Return the pairs in the order of `names`."""
    gone = names[1] if linear.get(((names[1], 1),)) else names[0]
    kept = names[0] if gone == names[1] else names[1]
    divisor = linear[((gone, 1),)]
    slope, start = -linear.get(((kept, 1),), Fraction(0)) / divisor, -linear.get((), Fraction(0)) / divisor
    line = tree.Binary("+", tree.Binary("*", formulas.literal(slope), tree.Unknown(kept)), formulas.literal(start))
    row = polynomials.coefficients(polynomials.polynomial(tree.substituted(other, gone, line)), kept)
    if not row:
        raise limits.UndecidedError("The equations have more than one solution.")
    pairs = []
    if len(row) < 2:
        return []
    for text, number in algebra.real_roots(regions.polynomial_of(row, kept), row, kept):
        value = sympy.expand(formulas.build(tree.substituted(line, kept, formulas.read_back(text))))
        second = formulas.text(value)
        both = {kept: (text, number), gone: (second, arithmetic.value(formulas.read_back(second)))}
        pairs.append(([both[name][0] for name in names], [both[name][1] for name in names]))
    return pairs
