"""What follows from equations: `If x + y = 4 and xy = 3, what is x^2 + y^2?`, also where the letters themselves stay open."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.math import (
    algebra,
    arithmetic,
    check,
    equations,
    evaluate,
    formulas,
    grammar,
    limits,
    polynomials,
    requests,
    tree,
    wording,
)

Slots = Mapping[str, str]
_SOLUTIONS_MAX = 4


def _wanted(slots: Slots) -> wording.Task:
    request = requests.equations(slots["given"])
    wanted = wording.formula(slots["e"])
    relations = request.relations
    if all(isinstance(one.left, tree.Unknown) and not tree.unknowns(one.right) for one in relations):
        raise limits.UnreadableError("The letters have values; nothing is to be solved.")
    if isinstance(wanted, tree.Unknown) and len(relations) == 1:
        raise limits.UnreadableError("An equation and its letter are read as an equation to be solved.")
    names = tree.unknowns(*(side for one in relations for side in (one.left, one.right)))
    if not tree.unknowns(wanted) or not set(tree.unknowns(wanted)) <= set(names):
        raise limits.UnreadableError("What is asked for has other letters than the equations.")
    grammar.check_angles(wanted)
    given = " and ".join(f"{tree.text(one.left)} = {tree.text(one.right)}" for one in relations)
    reading = f"{tree.text(wanted)}, where {given}, over the real numbers"

    def answer() -> results.Solved:
        for side in (side for one in relations for side in (one.left, one.right)):
            arithmetic.guard(side)
        combined = _combined(relations, wanted, names)
        if combined is not None:
            return _said(reading, wanted, [combined], "the equations added up to it, exactly, by other code")
        return _from_solutions(request, wanted, reading)

    return wording.Task(reading, answer)


def _said(
    reading: str, wanted: tree.Node, values: Sequence[Fraction | str], checked: str, *steps: str
) -> results.Solved:
    texts = [one if isinstance(one, str) else formulas.fraction_text(one) for one in values]
    shown = [
        formulas.with_decimal(text, one if isinstance(one, Fraction) else arithmetic.value(formulas.read_back(text)))
        for text, one in zip(texts, values, strict=True)
    ]
    said = f"{tree.text(wanted)} = {' or '.join(shown)}"
    return wording.solved(reading, said, checked, " or ".join(texts), *steps)


def _combined(relations: Sequence[requests.Relation], wanted: tree.Node, names: list[str]) -> Fraction | None:
    """Return the value of `wanted` where multiples of linear equations add up to it: 2x + 2y = 10 gives x + y."""
    try:
        rows = [_row(tree.Binary("-", one.left, one.right), names) for one in relations]
        target = _row(wanted, names)
        columns = [[row[place] for row in rows] + [target[place]] for place in range(len(names))]
        shares = polynomials.linear_solution(columns, len(rows))
    except limits.UndecidedError:
        return None
    if shares is None:
        return None
    total = [
        sum((share * row[place] for share, row in zip(shares, rows, strict=True)), Fraction(0))
        for place in range(len(target))
    ]
    check.require(total[:-1] == target[:-1], "the equations do not add up to it")
    return target[-1] - total[-1]


def _row(node: tree.Node, names: list[str]) -> list[Fraction]:
    """Return the coefficients of the letters and the constant of a linear formula."""
    terms = polynomials.polynomial(node)
    if polynomials.degree(terms) != 1:
        raise limits.UndecidedError("Not linear.")
    return [*(terms.get(((name, 1),), Fraction(0)) for name in names), terms.get((), Fraction(0))]


def _from_solutions(request: requests.Solve, wanted: tree.Node, reading: str) -> results.Solved:
    try:
        solved = algebra.solve(request)
    except (limits.UndecidedError, limits.UnreadableError):
        solved = equations.solve(request)
    exact = str(solved.detail["exact"])
    if exact in ("none", "all"):
        raise limits.UndecidedError("The equations have no real solution, or every value is one.")
    values: list[tuple[str, arithmetic.Value]] = []
    solutions = re.split(r",? or ", exact)
    if len(solutions) > _SOLUTIONS_MAX:
        raise limits.UndecidedError("The equations have too many solutions.")
    for solution in solutions:
        node = wanted
        for part in solution.split(" and "):
            name, _, text = part.partition(" = ")
            node = tree.substituted(node, name, formulas.read_back(text))
        text, number = evaluate.checked_value(node)
        if not any(arithmetic.agree(number, other) for _, other in values):
            values.append((text, number))
    numbers = [number if isinstance(number, Fraction) else text for text, number in values]
    checked = f"{solved.check}; and the value computed again by other code"
    return _said(reading, wanted, numbers, checked, exact)


def _value_of(slots: Slots) -> wording.Task:
    """`If 2x + 3 = 11, what is the value of x?`, `For what value of n is 3^3 - 5 = 4^2 + n?`"""
    request = requests.equations(slots["given"])
    relations, name = request.relations, slots["x"]
    if tree.unknowns(*(side for one in relations for side in (one.left, one.right))) != [name] or len(relations) != 1:
        raise limits.UnreadableError("One equation in the letter asked for is needed.")
    only = relations[0]
    if isinstance(only.left, tree.Unknown) and not tree.unknowns(only.right):
        raise limits.UnreadableError("The letter has its value.")
    reading = f"solve {tree.text(only.left)} = {tree.text(only.right)} for {name} over the real numbers"

    def answer() -> results.Solved:
        try:
            return algebra.solve(request)
        except (limits.UndecidedError, limits.UnreadableError):
            return equations.solve(request)

    return wording.Task(reading, answer)


_GIVEN = r"(?P<given>[^?]*=[^?]*?)"
_ASKED = r"(?:what is|what's|find|compute|calculate|determine|evaluate|then what is|then find)"
_X = r"(?P<x>[A-DF-HJ-NP-Za-df-hj-np-z])"
FRAMES = (
    wording.frame(rf"(?:if|when|given that|given|suppose that|suppose|let) {_GIVEN}[,;.] ?(?:then )?{_ASKED} (?:the value of )?"
                  r"(?P<e>[^=]+)", _wanted),
    wording.frame(rf"{_ASKED} (?:the value of )?(?P<e>[^=]+?),? (?:if|when|given that|given|where) {_GIVEN}", _wanted),
    wording.frame(rf"(?:if|when|given that|given) {_GIVEN}, ?(?:then )?{_ASKED} the (?:value|values) of {_X}", _value_of),
    wording.frame(rf"(?:for|at) (?:what|which) (?:real )?values? of {_X} (?:is|does|do|are) {_GIVEN}", _value_of),
    wording.frame(rf"solve (?:the equation )?for {_X}(?:,|:| in| if| in the equation|, given)? {_GIVEN}", _value_of),
    wording.frame(rf"(?:find|determine) (?:all )?(?:the )?(?:real )?(?:value|values|solutions) (?:of|for) {_X} "
                  rf"(?:such that|so that|for which|that satisfy|that satisfies|if|when|in) {_GIVEN}", _value_of),
)  # fmt: skip
