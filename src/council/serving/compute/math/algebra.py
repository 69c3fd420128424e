"""Requests with unknowns: rewriting, equations, systems, inequalities. All over the real numbers."""

import itertools
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import arithmetic, check, evaluate, formulas, limits, polynomials, requests, tree
from council.serving.compute.math.working import relations as working

_IDENTITY_CHECK = "both sides multiplied out exactly by other code"


def rewrite(request: requests.Rewrite) -> results.Solved:
    """Simplify, expand or factor."""
    node = request.expression
    if not tree.unknowns(node):
        if request.form == "factor":
            return evaluate.factor(node)
        return evaluate.calculate(requests.Calculate(node))
    arithmetic.guard(node)
    match request.form:
        case "expand":
            return _expanded(node)
        case "factor":
            return _factored(node)
        case _:
            return _simplified(node)


def _expanded(node: tree.Node) -> results.Solved:
    wanted = polynomials.polynomial(node)
    shown = formulas.text(sympy.expand(formulas.build(node)))
    check.require(polynomials.polynomial(formulas.read_back(shown)) == wanted, "the polynomials differ")
    return _equation(node, shown, f"expand {tree.text(node)}", _IDENTITY_CHECK)


def _equation(node: tree.Node, shown: str, reading: str, checked: str, note: str = "") -> results.Solved:
    return evaluate.solved(f"{tree.text(node)} = {shown}{note}", reading, checked, shown)


_FACTOR_DEGREES_MAX = {1: 20, 2: 8, 3: 6}


def _factored(node: tree.Node) -> results.Solved:
    wanted = polynomials.polynomial(node)
    _require_degree(wanted, node)
    result = sympy.factor(formulas.build(node))
    shown = formulas.text(result)
    check.require(polynomials.polynomial(formulas.read_back(shown)) == wanted, "the polynomials differ")
    factors = [(base, times) for base, times in sympy.factor_list(result)[1]]
    for base, _ in factors:
        part = polynomials.polynomial(formulas.read_back(formulas.text(base)))
        check.require(check.is_irreducible(part), "a factor splits further")
    reading = f"factor {tree.text(node)} over the rational numbers"
    checked = "multiplied out again exactly, and each factor shown to split no further, by other code"
    if len(factors) == 1 and factors[0][1] == 1 and polynomials.degree(wanted) > 1:
        return evaluate.solved(f"{shown} does not factor over the rational numbers", reading, checked, shown)
    return _equation(node, shown, reading, checked)


def _require_degree(terms: polynomials.Polynomial, node: tree.Node) -> None:
    highest = _FACTOR_DEGREES_MAX.get(len(tree.unknowns(node)), 0)
    if polynomials.degree(terms) > highest:
        raise limits.TooLargeError(
            f"The degree is over the limit of {highest} for so many unknowns. Ask for a lower degree."
        )


def _simplified(node: tree.Node) -> results.Solved:
    reading = f"simplify {tree.text(node)}"
    try:
        wanted = polynomials.ratio(node)
    except limits.UndecidedError:
        return _simplified_function(node, reading)
    for terms in (wanted.top, wanted.bottom):
        _require_degree(terms, node)
    shown = formulas.text(sympy.cancel(formulas.build(node)))
    found = polynomials.ratio(formulas.read_back(shown))
    same = polynomials.multiply(wanted.top, found.bottom) == polynomials.multiply(found.top, wanted.bottom)
    check.require(same, "the two fractions differ")
    note = ", wherever the left side has a value" if wanted.poles else ""
    return _equation(node, shown, reading, _IDENTITY_CHECK, note)


def _simplified_function(node: tree.Node, reading: str) -> results.Solved:
    expression = formulas.build(node)
    check.require(sympy.count_ops(expression) <= limits.OPERATIONS_MAX // 2, "the formula is too long to simplify")
    shown = formulas.text(sympy.simplify(expression))
    check.require(shown != tree.text(node), "no simpler form was found")
    check.same_function(node, formulas.read_back(shown))
    gaps = any(isinstance(part, tree.Call) and part.function not in ("sin", "cos", "exp") for part in tree.walk(node))
    gaps = gaps or any(isinstance(part, tree.Binary) and part.operator in "/^" for part in tree.walk(node))
    note = ", wherever the left side has a value" if gaps else ""
    return _equation(node, shown, reading, "both sides have the same value at several places, by other code", note)


def solve(request: requests.Solve) -> results.Solved:
    """Solve one equation or inequality in one unknown, or linear equations in up to three."""
    relations = request.relations
    sides = [side for relation in relations for side in (relation.left, relation.right)]
    names = tree.unknowns(*sides)
    if not names or len(names) > limits.UNKNOWNS_MAX:
        raise limits.UnreadableError(f"Equations are read with one to {limits.UNKNOWNS_MAX} unknowns.")
    for side in sides:
        arithmetic.guard(side)
    reading = " and ".join(f"{tree.text(item.left)} {item.operator} {tree.text(item.right)}" for item in relations)
    if len(relations) == 1 and len(names) == 1:
        if relations[0].operator == "=":
            return _solve_equation(relations[0], names[0], f"solve {reading} for {names[0]} over the real numbers")
        return _solve_inequality(relations[0], names[0], f"solve {reading} for {names[0]} over the real numbers")
    if len(relations) == 1 and request.name and relations[0].operator == "=":
        return _rearranged(relations[0], request.name, f"solve {reading} for {request.name}")
    if any(relation.operator != "=" for relation in relations) or len(names) < 2:
        raise limits.UnreadableError("Several relations are read only as linear equations in several unknowns.")
    return _solve_system(relations, names, f"solve {reading} for {', '.join(names)}")


def _difference(relation: requests.Relation) -> tree.Node:
    return tree.Binary("-", relation.left, relation.right)


_ROOTS_CHECK = "each solution put into the equation, and the number of roots confirmed numerically, by other code"


def _solve_equation(relation: requests.Relation, name: str, reading: str) -> results.Solved:
    difference = polynomials.ratio(_difference(relation))
    row = polynomials.coefficients(difference.top, name)
    poles = [polynomials.coefficients(pole, name) for pole in difference.poles]
    if len(row) <= 1:
        if row:
            steps = working.equation(relation, name, [], [])
            answer = f"No {name} satisfies it: there is no solution"
            return evaluate.solved(answer, reading, _IDENTITY_CHECK, "none", *steps)
        check.require(not poles, "an identity with gaps")
        return evaluate.solved(f"Every {name} satisfies it", reading, _IDENTITY_CHECK, "all")
    kept: list[tuple[str, arithmetic.Value]] = []
    left_out: list[tuple[str, arithmetic.Value]] = []
    for text, root in real_roots(formulas.build(_difference(relation)), row, name):
        (left_out if any(_vanishes(pole, root) for pole in poles) else kept).append((text, root))
    steps = working.equation(relation, name, kept, left_out)
    if not kept:
        return evaluate.solved(f"{_sides(relation)} has no real solution", reading, _ROOTS_CHECK, "none", *steps)
    answer = " or ".join(f"{name} = {formulas.with_decimal(text, root)}" for text, root in kept)
    exact = " or ".join(f"{name} = {text}" for text, _ in kept)
    return evaluate.solved(answer, reading, _ROOTS_CHECK, exact, *steps)


def _sides(relation: requests.Relation) -> str:
    return f"{tree.text(relation.left)} {relation.operator} {tree.text(relation.right)}"


def _vanishes(row: list[Fraction], place: arithmetic.Value) -> bool:
    found = polynomials.at(row, place)
    if isinstance(found, Fraction):
        return found == 0
    check.require(abs(found) > arithmetic.TOLERANCE, "a solution may be where a divisor is zero")
    return False


def real_roots(expression: Any, row: list[Fraction], name: str) -> list[tuple[str, arithmetic.Value]]:
    """Return the distinct real roots as text and number, ascending, checked to be all there are."""
    if len(row) - 1 > limits.EQUATION_DEGREE_MAX:
        raise limits.TooLargeError(
            f"The degree is over the limit of {limits.EQUATION_DEGREE_MAX}. Ask for a lower degree."
        )
    numerator = sympy.Poly(sympy.fraction(sympy.together(expression))[0], formulas.symbol(name))
    found = sympy.roots(numerator, cubics=False, quartics=False)
    check.require(sum(found.values()) == numerator.degree(), "not every root can be written down exactly")
    kept: list[tuple[str, arithmetic.Value]] = []
    for root in found:
        if root.has(sympy.I):
            continue
        text = formulas.text(root)
        number = arithmetic.value(formulas.read_back(text))
        kept.append((text, number))
    kept.sort(key=lambda pair: arithmetic.real(pair[1]))
    check.all_real_roots(row, [number for _, number in kept], len(found))
    return kept


def _rearranged(relation: requests.Relation, name: str, reading: str) -> results.Solved:
    """Solve an equation with further letters for one that it holds to the first power."""
    ratio = polynomials.ratio(_difference(relation))
    slope, rest = polynomials.split_linear(ratio.top, name)
    shown = formulas.text(sympy.cancel(-_built(rest) / _built(slope)))
    try:
        left = polynomials.ratio(tree.substituted(_difference(relation), name, formulas.read_back(shown)))
    except limits.UndefinedError as error:
        raise limits.UndecidedError("A side has no value where the equation would hold.") from error
    check.require(not left.top, "the solution does not satisfy the equation")
    divisors = [formulas.text(sympy.factor(sign * _built(slope))) for sign in (1, -1)]
    conditions = [] if set(slope) == {()} else [f"{min(divisors, key=lambda text: text.startswith('-'))} is not 0"]
    conditions += ["both sides have a value"] if ratio.poles else []
    note = f", where {' and '.join(conditions)}" if conditions else ""
    checked = "put into the equation exactly by other code"
    return evaluate.solved(f"{name} = {shown}{note}", reading, checked, f"{name} = {shown}")


def _built(terms: polynomials.Polynomial) -> Any:
    """Return a polynomial as SymPy's expression."""
    total = sympy.Integer(0)
    for monomial, coefficient in terms.items():
        powers = (formulas.symbol(letter) ** power for letter, power in monomial)
        total += sympy.Mul(sympy.Rational(coefficient.numerator, coefficient.denominator), *powers)
    return total


def _solve_system(relations: tuple[requests.Relation, ...], names: list[str], reading: str) -> results.Solved:
    rows = []
    for relation in relations:
        terms = polynomials.polynomial(_difference(relation))
        if polynomials.degree(terms) > 1:
            raise limits.UndecidedError("Only linear equations in several unknowns are solved.")
        rows.append([terms.get(((name, 1),), Fraction(0)) for name in names] + [-terms.get((), Fraction(0))])
    if (rank := polynomials.rank([row[:-1] for row in rows])) < len(names) and rank == polynomials.rank(rows):
        return _family(relations, names, len(names) - rank, reading)
    own = polynomials.linear_solution(rows, len(names))
    symbols = [formulas.symbol(name) for name in names]
    theirs = sympy.linsolve([formulas.build(_difference(relation)) for relation in relations], symbols)
    if own is None:
        check.require(theirs == sympy.S.EmptySet, "the two solutions differ")
        answer = "The equations contradict each other: there is no solution"
        steps = working.system(rows, names, None)
        return evaluate.solved(answer, reading, "eliminated again exactly by other code", "none", *steps)
    check.require(isinstance(theirs, sympy.FiniteSet) and len(theirs) == 1, "the two solutions differ")
    found = [Fraction(int(number.p), int(number.q)) for number in next(iter(theirs))]
    check.require(found == own, "the two solutions differ")
    for row in rows:
        total = sum((factor * number for factor, number in zip(row, found, strict=False)), Fraction(0))
        check.require(total == row[-1], "the solution does not satisfy an equation")
    pairs = [(name, formulas.fraction_text(number), number) for name, number in zip(names, found, strict=True)]
    answer = " and ".join(f"{name} = {formulas.with_decimal(text, number)}" for name, text, number in pairs)
    exact = " and ".join(f"{name} = {text}" for name, text, _ in pairs)
    checked = "eliminated again and put into each equation exactly by other code"
    return evaluate.solved(answer, reading, checked, exact, *working.system(rows, names, found))


def _family(relations: tuple[requests.Relation, ...], names: list[str], free: int, reading: str) -> results.Solved:
    """Linear equations with more than one solution: some unknowns by the others, which are free."""
    symbols = [formulas.symbol(name) for name in names]
    theirs = sympy.linsolve([formulas.build(_difference(relation)) for relation in relations], symbols)
    found = dict(zip(names, next(iter(theirs)), strict=True))
    others = [name for name in names if found[name] == formulas.symbol(name)]
    bound = {name: formulas.text(found[name]) for name in names if name not in others}
    check.require(len(others) == free, "the count of free unknowns differs")
    for relation in relations:
        node: tree.Node = _difference(relation)
        for name, shown in bound.items():
            node = tree.substituted(node, name, formulas.read_back(shown))
        check.require(not polynomials.polynomial(node), "the solutions do not satisfy an equation")
    exact = " and ".join(f"{name} = {shown}" for name, shown in bound.items())
    answer = f"There are infinitely many solutions: {exact}, for any real {' and '.join(others)}"
    return evaluate.solved(answer, reading, "put into each equation and counted by elimination, by other code", exact)


_HOLDS: dict[str, Callable[[arithmetic.Value, int], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _solve_inequality(relation: requests.Relation, name: str, reading: str) -> results.Solved:
    row = polynomials.coefficients(polynomials.polynomial(_difference(relation)), name)
    holds = _HOLDS[relation.operator]
    roots = real_roots(formulas.build(_difference(relation)), row, name) if len(row) > 1 else []
    borders = [number for _, number in roots]
    regions = [bool(holds(polynomials.at(row, place), 0)) for place in _places_between(borders)]
    closed = relation.operator in ("<=", ">=")
    pieces = _pieces(regions, closed)

    def truth(place: arithmetic.Value) -> bool:
        left = arithmetic.value(relation.left, {name: place})
        return bool(holds(arithmetic.real(left) - arithmetic.real(arithmetic.value(relation.right, {name: place})), 0))

    def contains(place: arithmetic.Value) -> bool:
        return any(_inside(place, piece, borders, closed) for piece in pieces)

    check.membership(truth, contains, borders)
    exact = _set_text(pieces, [text for text, _ in roots], name, closed)
    shown = _set_text(pieces, [formulas.with_decimal(text, number) for text, number in roots], name, closed)
    answer = {"all": f"Every real {name} satisfies it", "none": f"No real {name} satisfies it"}.get(exact, shown)
    steps = working.inequality(relation, name, roots, regions)
    return evaluate.solved(answer, reading, "tried on both sides of every border by other code", exact, *steps)


def _places_between(borders: list[arithmetic.Value]) -> list[arithmetic.Value]:
    if not borders:
        return [Fraction(0)]
    real = [arithmetic.real(border) for border in borders]
    inner = [(low + high) / 2 for low, high in itertools.pairwise(real)]
    return [real[0] - 1, *inner, real[-1] + 1]


# A piece is (index of its lower border or -1, index of its upper border or the count of borders); equal for a single place.
Piece = tuple[int, int]


def _pieces(regions: list[bool], closed: bool) -> list[Piece]:
    pieces: list[Piece] = []
    for index, inside in enumerate(regions):
        if inside and pieces and pieces[-1][1] == index - 1 and closed:
            pieces[-1] = (pieces[-1][0], index)
        elif inside:
            pieces.append((index - 1, index))
        elif closed and index < len(regions) - 1 and not regions[index + 1]:
            pieces.append((index, index))
    return pieces


def _inside(place: arithmetic.Value, piece: Piece, borders: list[arithmetic.Value], closed: bool) -> bool:
    number = arithmetic.real(place)
    low = arithmetic.real(borders[piece[0]]) if piece[0] >= 0 else -arithmetic.REAL.inf
    high = arithmetic.real(borders[piece[1]]) if piece[1] < len(borders) else arithmetic.REAL.inf
    return bool(low <= number <= high if closed else low < number < high)


def _set_text(pieces: list[Piece], borders: list[str], name: str, closed: bool) -> str:
    if not pieces:
        return "none"
    if pieces == [(-1, len(borders))]:
        return "all"
    less, more = ("<=", ">=") if closed else ("<", ">")
    texts = []
    for low, high in pieces:
        if low == high:
            texts.append(f"{name} = {borders[low]}")
        elif low < 0:
            texts.append(f"{name} {less} {borders[high]}")
        elif high == len(borders):
            texts.append(f"{name} {more} {borders[low]}")
        else:
            texts.append(f"{borders[low]} {less} {name} {less} {borders[high]}")
    return " or ".join(texts)
