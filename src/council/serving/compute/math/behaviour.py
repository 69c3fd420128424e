"""Calculus beyond first derivatives: higher and partial ones, limits, tangents, Taylor polynomials, integrals with ∫."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    calculus,
    check,
    evaluate,
    formulas,
    grammar,
    lexer,
    limits,
    plane,
    reach,
    requests,
    tree,
    wording,
)

Slots = Mapping[str, str]
_ORDERS = {
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
    "5th": 5,
    "2": 2,
    "3": 3,
    "4": 4,
    "5": 5,
}
_DIFFERENCES = "compared with difference quotients at several places by other code"


def _one_letter(text: str, named: str = "") -> tuple[tree.Node, str]:
    node = wording.formula(text)
    names = tree.unknowns(node)
    if len(names) != 1 or (named and names != [named]):
        raise limits.UnreadableError("A function of one letter is needed.")
    return node, names[0]


def _place(text: str, name: str, node: tree.Node) -> tree.Node:
    """Return the place in `x = 3` or `3`."""
    match = re.fullmatch(r"(?:([a-z]) ?= ?)?(.+)", text)
    if match is None or (match[1] and match[1] != name):
        raise limits.UnreadableError("It is not clear which place is meant.")
    reach.check_place(lexer.tokens(match[2]), bool(match[1]))
    place = wording.formula(match[2])
    if tree.unknowns(place):
        raise limits.UnreadableError("A place is a number.")
    grammar.check_angles(tree.substituted(node, name, place))
    return place


def _higher(slots: Slots) -> wording.Task:
    tokens = lexer.tokens(slots["f"])
    if slots["order"].isdigit():
        reach.check_sign(tokens, "sign of the derivative")
    else:
        reach.check_words(tokens, "word derivative", closed=bool(slots["x"] or slots["at"]))
    node, name = _one_letter(slots["f"], slots["x"])
    order = _ORDERS[slots["order"].lower()]
    place = _place(slots["at"], name, node) if slots["at"] else None
    where = f" at {name} = {tree.text(place)}" if place else ""
    reading = f"derivative {order} of {tree.text(node)} with respect to {name}{where}"

    def answer() -> results.Solved:
        current, steps = node, []
        for turn in range(order):
            current = calculus.slope(current, name)
            steps.append(f"derivative {turn + 1}: {tree.text(current)}")
        if place is None:
            shown = tree.text(current)
            said = f"Derivative {order} of {tree.text(node)} is {shown}"
            return wording.solved(reading, said, _DIFFERENCES, shown, *steps)
        arithmetic.value(node, {name: arithmetic.value(place)})
        exact, number = evaluate.checked_value(tree.substituted(current, name, place))
        said = f"Derivative {order} of {tree.text(node)}{where} is {formulas.with_decimal(exact, number)}"
        return wording.solved(reading, said, _DIFFERENCES, exact, *steps)

    return wording.Task(reading, answer)


def _partial(slots: Slots) -> wording.Task:
    if slots["sign"]:
        reach.check_sign(lexer.tokens(slots["f"]), "sign ∂/∂x")
    node, name = wording.formula(slots["f"]), slots["x"]
    names = tree.unknowns(node)
    if name not in names or len(names) > limits.UNKNOWNS_MAX:
        raise limits.UnreadableError("The function does not have the letter.")
    reading = f"the partial derivative of {tree.text(node)} with respect to {name}"

    def answer() -> results.Solved:
        arithmetic.guard(node)
        built = formulas.build(node)
        check.require(sympy.count_ops(built) <= limits.OPERATIONS_MAX, "the function is too long")
        shown = formulas.text(sympy.diff(built, formulas.symbol(name)))
        again = formulas.read_back(shown)
        for turn in (Fraction(7, 5), Fraction(23, 9), Fraction(11, 13)):
            fixed = [(other, formulas.literal(turn + index)) for index, other in enumerate(names) if other != name]
            one, two = node, again
            for other, value in fixed:
                one, two = tree.substituted(one, other, value), tree.substituted(two, other, value)
            check.derivative(one, two, name)
        said = f"The{reading[3:]} is {shown}"
        return wording.solved(reading, said, _DIFFERENCES, shown)

    return wording.Task(reading, answer)


def _integral(slots: Slots) -> wording.Task:
    name = slots["x"]
    node = wording.formula(slots["f"]) if slots["f"] else tree.integer(1)
    if not set(tree.unknowns(node)) <= {name}:
        raise limits.UnreadableError("The function has letters besides the one of the integral.")
    bounds = None
    if slots["low"]:
        bounds = (wording.formula(slots["low"]), wording.formula(slots["high"]))
        for bound in bounds:
            if tree.unknowns(bound):
                raise limits.UnreadableError("A bound is a number.")
            grammar.check_angles(tree.substituted(node, name, bound))
    request = requests.Integrate(node, name, bounds)
    span = f" from {tree.text(bounds[0])} to {tree.text(bounds[1])}" if bounds else ""
    reading = f"the integral of {tree.text(node)} with respect to {name}{span}"
    return wording.Task(reading, lambda: calculus.integrate(request))


def _tangent(slots: Slots) -> wording.Task:
    node, name = _one_letter(re.sub(r"^(?:y|[fgh] ?\( ?x ?\)) ?= ?", "", slots["f"]), "x")
    place = _place(slots["at"], name, node)
    reading = f"the tangent to y = {tree.text(node)} at {name} = {tree.text(place)}"

    def answer() -> results.Solved:
        where = arithmetic.value(place)
        height = evaluate.checked_value(tree.substituted(node, name, place))[1]
        steep = calculus.slope(node, name)
        slope = evaluate.checked_value(tree.substituted(steep, name, place))[1]
        if not all(isinstance(one, Fraction) for one in (where, height, slope)):
            raise limits.UndecidedError("The tangent is written with fractions only.")
        check.derivative_at(node, name, where, slope)
        exact = f"y = {plane.line_text(slope, height - slope * where, name)}"
        steps = f"slope: {tree.text(steep)} = {formulas.fraction_text(slope)}; height: {formulas.fraction_text(height)}"
        said = f"The tangent is {exact}"
        return wording.solved(reading, said, "the slope measured by a difference quotient, by other code", exact, steps)

    return wording.Task(reading, answer)


_TAYLOR_DEGREE_MAX = 8


def _taylor(slots: Slots) -> wording.Task:
    reach.check_words(lexer.tokens(slots["f"]), "word polynomial", closed=bool(slots["at"]))
    node, name = _one_letter(slots["f"])
    degree = wording.whole(slots["n"], 1)[1]
    if degree > _TAYLOR_DEGREE_MAX:
        raise limits.TooLargeError(
            f"Taylor polynomials are written up to degree {_TAYLOR_DEGREE_MAX}. Ask for a lower degree."
        )
    if not slots["at"] and slots["kind"].lower() != "maclaurin":
        raise limits.UnreadableError("The place of a Taylor polynomial is not said.")
    place = _place(slots["at"], name, node) if slots["at"] else tree.integer(0)
    reading = f"the Taylor polynomial of degree {degree} of {tree.text(node)} about {name} = {tree.text(place)}"

    def answer() -> results.Solved:
        arithmetic.guard(node)
        symbol, built, center = formulas.symbol(name), formulas.build(node), arithmetic.value(place)
        if not isinstance(center, Fraction) or sympy.count_ops(built) > limits.OPERATIONS_MAX // 2:
            raise limits.UndecidedError("The function is too long, or its place is no fraction.")
        terms, current = [], built
        for power in range(degree + 1):
            factor = formulas.text(sympy.simplify(current.subs(symbol, formulas.build(place)) / sympy.factorial(power)))
            if formulas.read_back(factor) != tree.integer(0):
                terms.append(_power_term(factor, name, center, power))
            current = sympy.diff(current, symbol)
        shown = _joined(terms)
        _check_taylor(node, formulas.read_back(shown), name, center, degree)
        said = f"The{reading[3:]} is {shown}"
        return wording.solved(
            reading, said, "it leaves a rest of higher order, measured to 60 digits by other code", shown
        )

    return wording.Task(reading, answer)


def _power_term(factor: str, name: str, center: Fraction, power: int) -> str:
    base = name if center == 0 else f"({name} {'-' if center > 0 else '+'} {formulas.fraction_text(abs(center))})"
    if power == 0:
        return factor
    raised = base if power == 1 else f"{base}^{power}"
    if factor in ("1", "-1"):
        return raised if factor == "1" else f"-{raised}"
    return f"{factor}*{raised}" if re.fullmatch(r"-?[a-z0-9]+", factor) else f"({factor})*{raised}"


def _joined(terms: list[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ") if terms else "0"


def _check_taylor(node: tree.Node, series: tree.Node, name: str, center: Fraction, degree: int) -> None:
    for step in (Fraction(1, 10**5), Fraction(-1, 10**5)):
        where = {name: arithmetic.real(center + step)}
        rest = arithmetic.real(arithmetic.value(node, where)) - arithmetic.real(arithmetic.value(series, where))
        check.require(abs(rest) < abs(arithmetic.real(step)) ** degree / 100, "the rest is not of higher order")


# Limits


def _limit(slots: Slots) -> wording.Task:
    name, target = slots["x"], slots["a"].strip()
    if not slots["said"]:
        reach.check_words(lexer.tokens(slots["f"]), "limit")
    node = wording.formula(slots["f"])
    if not set(tree.unknowns(node)) <= {name}:
        raise limits.UnreadableError("The function has letters besides the one of the limit.")
    side = {"": "", "^+": "+", "^-": "-", "right": "+", "above": "+", "left": "-", "below": "-"}[slots["side"].lower()]
    place = _target(target)
    if slots["said"] and not isinstance(place, str):
        reach.check_place(lexer.tokens(target))
    if not isinstance(place, str):
        _check_angles(tree.substituted(node, name, place))
    elif side:
        raise limits.UnreadableError("Infinity has one side.")
    shown = place if isinstance(place, str) else tree.text(place)
    from_side = {"": "", "+": " from above", "-": " from below"}[side]
    reading = f"the limit of {tree.text(node)} as {name} approaches {shown}{from_side}"
    return wording.Task(reading, lambda: _limit_value(node, name, place, side, reading))


def _check_angles(node: tree.Node) -> None:
    """Refuse sin(30) in a limit, but not sin(1/0): the unit of an angle without a value does not matter."""
    for part in tree.walk(node):
        if isinstance(part, tree.Call) and part.function in tree.ANGLE_FUNCTIONS:
            try:
                arithmetic.value(part.arguments[0])
            except limits.UndefinedError:
                continue
            grammar.check_angles(part)


def _target(text: str) -> tree.Node | str:
    if text in ("infinity", "oo", "positive infinity", "+infinity"):
        return "infinity"
    if text in ("-infinity", "- infinity", "negative infinity", "-oo"):
        return "-infinity"
    place = wording.formula(text)
    if tree.unknowns(place):
        raise limits.UnreadableError("The letter goes to a number or to infinity.")
    return place


def _limit_value(node: tree.Node, name: str, place: tree.Node | str, side: str, reading: str) -> results.Solved:
    arithmetic.guard(node)
    built, symbol = formulas.build(node), formulas.symbol(name)
    if sympy.count_ops(built) > limits.OPERATIONS_MAX // 2 or len(built.atoms(sympy.Function)) > _FUNCTIONS_MAX:
        raise limits.UndecidedError("The function is too long for a limit here.")
    if isinstance(place, str):
        found = {sympy.limit(built, symbol, sympy.oo if place == "infinity" else -sympy.oo)}
        sides = [place]
    else:
        sides = [side] if side else ["+", "-"]
        found = {sympy.simplify(sympy.limit(built, symbol, formulas.build(place), one)) for one in sides}
    if len(found) > 1:
        return _no_limit(node, name, place, sides, reading)
    value = found.pop()
    if value in (sympy.oo, -sympy.oo):
        for one in sides:
            _check_growth(_values_near(node, name, place, one), 1 if value == sympy.oo else -1)
        exact = "infinity" if value == sympy.oo else "-infinity"
        said = f"{reading[:1].upper()}{reading[1:]} is {exact}"
        return wording.solved(reading, said, "the values grow beyond all bounds, by other code", exact)
    if value.has(sympy.AccumBounds, sympy.nan, sympy.zoo, sympy.oo):
        raise limits.UndecidedError("No limit was found.")
    own = arithmetic.value(formulas.read_back(formulas.text(value)))
    for one in sides:
        _check_approach(_values_near(node, name, place, one), own)
    exact, number = evaluate.checked(value, own, reading) if own != 0 else ("0", Fraction(0))
    said = f"{reading[:1].upper()}{reading[1:]} is {formulas.with_decimal(exact, number)}"
    return wording.solved(reading, said, "approached numerically to 60 digits by other code", exact)


_FUNCTIONS_MAX = 4


def _no_limit(node: tree.Node, name: str, place: tree.Node | str, sides: list[str], reading: str) -> results.Solved:
    ends = [_values_near(node, name, place, one)[-1] for one in sides]
    check.require(abs(ends[0] - ends[1]) > arithmetic.REAL.mpf(10) ** -3, "the two sides are close")
    said = f"{reading[:1].upper()}{reading[1:]} does not exist: the two sides differ"
    return wording.solved(reading, said, "approached from both sides by other code", "does not exist")


# Away from whole numbers, at which a power is taken exactly and may be too large.
_OFF = arithmetic.REAL.mpf(1) / 7


def _values_near(node: tree.Node, name: str, place: tree.Node | str, side: str) -> list[Any]:
    """Return values ever nearer to the place, the last three that could be had."""
    found = []
    for exponent in (1, 2, 3, 4, 6, 8, 10, 12, 16, 20):
        far = Fraction(10**exponent)
        if isinstance(place, str):
            where: Any = (arithmetic.real(far) + _OFF) * (1 if place == "infinity" else -1)
        else:
            center = arithmetic.value(place)
            where = arithmetic.real(center) + arithmetic.real(1 / far) * (1 if side == "+" else -1)
        try:
            found.append(arithmetic.real(arithmetic.value(node, {name: where})))
        except limits.MathStopError:
            continue
    check.require(len(found) >= 3, "too few places where the function has a value")
    return found[-3:]


def _check_approach(values: list[Any], value: arithmetic.Value) -> None:
    wanted = arithmetic.real(value)
    errors = [abs(one - wanted) for one in values]
    near = arithmetic.REAL.mpf(10) ** -6 * max(1, abs(wanted))
    check.require(errors[-1] <= near and errors[-1] <= errors[0], "the values do not approach it")


def _check_growth(values: list[Any], sign: int) -> None:
    grown = [one * sign for one in values]
    check.require(grown[0] < grown[1] < grown[2] and grown[2] > 10**4, "the values do not grow")


_RESPECT = r"(?:,? with respect to (?P<x>[a-z]))?"
_AT = r"(?:,? at (?P<at>.+))?"
FRAMES = (
    wording.frame(
        rf"ASK (?P<order>second|third|fourth|fifth|2nd|3rd|4th|5th) derivative of (?P<f>.+?){_RESPECT}{_AT}", _higher
    ),
    wording.frame(r"ASK d\^(?P<order>[2-5])/d(?P<x>[a-z])\^(?P=order) ?(?P<f>.+)(?P<at>)", _higher),
    wording.frame(r"ASK partial derivative of (?P<f>.+?),? with respect to (?P<x>[a-z])(?P<sign>)", _partial),
    wording.frame(r"ASK (?P<sign>∂/∂)(?P<x>[a-z]) ?(?P<f>.+)", _partial),
    wording.frame(r"ASK ∫(?:_\((?P<low>[^∫]+?)\)\^\((?P<high>[^∫]+?)\))? ?(?P<f>[^∫]*?) ?d(?P<x>[a-df-hj-z])", _integral),
    wording.frame(
        r"ASK (?:equation of (?:the )?)?tangent(?: line)? (?:to|of) (?:the )?"
        r"(?:curve |graph of |function )?(?P<f>.+?) "
        r"at (?:the point where )?(?P<at>x ?= ?.+)",
        _tangent,
    ),
    wording.frame(
        r"ASK (?P<kind>taylor|maclaurin) (?:polynomial|expansion) of (?:degree|order) (?P<n>\d+) (?:of|for) (?P<f>.+?)"
        r"(?:,? (?:about|around|at|centered at|centred at) (?P<at>.+))?",
        _taylor,
    ),
    wording.frame(
        r"ASK (?:degree|order)[ -](?P<n>\d+) (?P<kind>taylor|maclaurin) (?:polynomial|expansion) (?:of|for) (?P<f>.+?)"
        r"(?:,? (?:about|around|at|centered at|centred at) (?P<at>.+))?",
        _taylor,
    ),
    wording.frame(r"ASK lim_\((?P<x>[a-z]) ?-> ?(?P<a>[^^]+?)(?P<side>\^[+-])?\) ?(?P<f>.+)(?P<said>)", _limit),
    wording.frame(r"ASK lim(?:it)?(?: as)? (?P<x>[a-z]) ?-> ?(?P<a>-?(?:infinity|\d+|pi))"
        r"(?P<side>\^[+-]|) (?:of )?(?P<f>.+)(?P<said>)", _limit),
    wording.frame(
        r"ASK limit (?P<said>of) (?P<f>.+?),? (?:as|when) (?P<x>[a-z]) (?:approaches|goes to|tends to|->) (?P<a>.+?)"
        r"(?: from (?:the )?(?P<side>left|right|above|below))?",
        _limit,
    ),
)  # fmt: skip
