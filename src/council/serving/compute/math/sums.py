"""Sums: finite ones with bounds, with dots, of sequences; closed forms of polynomials; infinite ones that are provable."""

import itertools
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    check,
    evaluate,
    formulas,
    lexer,
    limits,
    polynomials,
    reach,
    tree,
    wording,
)

Slots = Mapping[str, str]
_TERMS_MAX = 2_000
_BOUND_MAX = 10**15
_DEGREE_MAX = 8
_SPARE_LETTERS = "kmnjpq"


def _sum(slots: Slots) -> wording.Task:
    letter, body_text, high_text = slots["i"], slots["body"], slots["high"]
    if letter in "iI":  # the letter is bound, so another may stand for it
        letter = next(
            one for one in _SPARE_LETTERS if not re.search(rf"(?<![A-Za-z]){one}(?![A-Za-z])", body_text + high_text)
        )
        body_text = re.sub(r"(?<![A-Za-z])i(?![A-Za-z])", letter, body_text)
    if not slots["said"]:
        reach.check_sign(lexer.tokens(body_text), "sum")
    else:
        reach.check_place(lexer.tokens(high_text))
    body = wording.formula(body_text)
    low = wording.whole(slots["low"])[1]
    if not set(tree.unknowns(body)) <= {letter}:
        raise limits.UnreadableError("The terms have letters besides the one that counts.")
    if high_text in ("infinity", "oo", "inf"):
        return _infinite(body, letter, low)
    if re.fullmatch("[a-z]", high_text) and high_text not in ("e", "i", letter):
        return _closed_form(body, letter, low, high_text)
    return _finite(body, letter, low, wording.whole(high_text)[1])


def _finite(body: tree.Node, letter: str, low: int, high: int) -> wording.Task:
    reading = f"the sum of {tree.text(body)} for {letter} = {low} to {high}"
    if high < low:
        raise limits.UnreadableError("The sum has no terms.")

    def answer() -> results.Solved:
        arithmetic.guard(body)
        try:
            row = polynomials.coefficients(polynomials.polynomial(body), letter)
        except limits.UndecidedError:
            row = None
        if row is not None and len(row) <= _DEGREE_MAX + 1:
            value = _polynomial_sum(row, low, high)
            checked = "by differences, and by the closed form of other code"
            again = sympy.summation(_built(row, letter), (formulas.symbol(letter), low, high))
            check.require(Fraction(int(again.p), int(again.q)) == value, "the two ways differ")
        else:
            value, checked = (
                _added(body, letter, low, high),
                "added term by term, twice by separate code: other code agrees",
            )
        exact = formulas.fraction_text(value)
        said = f"{reading[:1].upper()}{reading[1:]} is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, checked, exact, _first_terms(body, letter, low, high))

    return wording.Task(reading, answer)


def _first_terms(body: tree.Node, letter: str, low: int, high: int) -> str:
    shown = [
        tree.text(tree.substituted(body, letter, tree.integer(place))) for place in range(low, min(high, low + 2) + 1)
    ]
    return " + ".join(f"({one})" if " " in one else one for one in shown) + (" + ..." if high > low + 2 else "")


def _built(row: list[Fraction], letter: str) -> Any:
    return sympy.Poly(
        [sympy.Rational(one.numerator, one.denominator) for one in row] or [0], formulas.symbol(letter)
    ).as_expr()


def _polynomial_sum(row: list[Fraction], low: int, high: int) -> Fraction:
    """Return the sum of a polynomial's values by Newton's forward differences; `high` may be large."""
    if high > _BOUND_MAX:
        raise limits.TooLargeError(f"A sum is taken up to {_BOUND_MAX:,}. Ask for fewer terms.")
    values = [polynomials.at(row, Fraction(low + step)) for step in range(len(row) + 1)]
    total, count, choose = Fraction(0), high - low + 1, Fraction(1)
    for step in range(len(values)):
        choose = choose * (count - step) / (step + 1)
        total += values[0] * choose
        values = [after - before for before, after in itertools.pairwise(values)]
        if not values:
            break
    return total


def _added(body: tree.Node, letter: str, low: int, high: int) -> Fraction:
    if high - low >= _TERMS_MAX:
        raise limits.TooLargeError(f"A sum of over {_TERMS_MAX:,} terms is not added here. Ask for fewer terms.")
    total, theirs = Fraction(0), sympy.Integer(0)
    for place in range(low, high + 1):
        term = arithmetic.value(body, {letter: Fraction(place)})
        if not isinstance(term, Fraction):
            raise limits.UndecidedError("The terms are not fractions.")
        total += term
        if arithmetic.digits(total.denominator) > limits.SYMBOLIC_DIGITS_MAX:
            raise limits.TooLargeError(
                f"The sum would have over {limits.SYMBOLIC_DIGITS_MAX:,} digits. Ask for fewer terms."
            )
        theirs += formulas.build(tree.substituted(body, letter, tree.integer(place)))
    check.require(theirs.is_Rational and Fraction(int(theirs.p), int(theirs.q)) == total, "the two ways differ")
    return total


def _closed_form(body: tree.Node, letter: str, low: int, name: str) -> wording.Task:
    reading = f"the sum of {tree.text(body)} for {letter} = {low} to {name}"

    def answer() -> results.Solved:
        arithmetic.guard(body)
        row = polynomials.coefficients(polynomials.polynomial(body), letter)
        if len(row) > _DEGREE_MAX + 1:
            raise limits.TooLargeError(f"The degree is over the limit of {_DEGREE_MAX}. Ask for a lower degree.")
        found = sympy.factor(
            sympy.summation(_built(row, letter), (formulas.symbol(letter), low, formulas.symbol(name)))
        )
        shown = formulas.text(found)
        again = polynomials.coefficients(polynomials.polynomial(formulas.read_back(shown)), name)
        for high in range(low, low + len(row) + 3):
            total = sum((polynomials.at(row, Fraction(place)) for place in range(low, high + 1)), Fraction(0))
            check.require(polynomials.at(again, Fraction(high)) == total, "the closed form gives something else")
        check.require(len(again) <= len(row) + 1, "the closed form has too high a degree")
        said = f"{reading[:1].upper()}{reading[1:]} is {shown}"
        checked = "added up by other code for more upper bounds than its degree"
        return wording.solved(reading, said, checked, shown)

    return wording.Task(reading, answer)


def _infinite(body: tree.Node, letter: str, low: int) -> wording.Task:
    reading = f"the sum of {tree.text(body)} for {letter} = {low} to infinity"

    def answer() -> results.Solved:
        arithmetic.guard(body)
        symbol, built = formulas.symbol(letter), formulas.build(body)
        check.require(sympy.count_ops(built) <= limits.OPERATIONS_MAX // 2, "the terms are too long")
        ratio = sympy.powsimp(sympy.simplify(built.subs(symbol, symbol + 1) / built))
        if ratio.is_Rational:
            return _geometric(body, letter, low, Fraction(int(ratio.p), int(ratio.q)), reading)
        terms = polynomials.ratio(body)
        if polynomials.degree(terms.bottom) < polynomials.degree(terms.top) + 2:
            raise limits.UndecidedError("Whether the sum converges is not decided here.")
        found = sympy.summation(built, (symbol, low, sympy.oo))
        shown = formulas.text(found)
        own = arithmetic.value(formulas.read_back(shown))
        exact, number = evaluate.checked(found, own, reading)
        measured = arithmetic.REAL.nsum(lambda place: _term(body, letter, place), [low, arithmetic.REAL.inf])
        check.require(
            abs(measured - arithmetic.real(number)) < arithmetic.REAL.mpf(10) ** -15, "summed numerically it differs"
        )
        said = f"{reading[:1].upper()}{reading[1:]} is {formulas.with_decimal(exact, number)}"
        return wording.solved(reading, said, "summed numerically by other code", exact)

    return wording.Task(reading, answer)


def _term(body: tree.Node, letter: str, place: Any) -> Any:
    return arithmetic.real(arithmetic.value(body, {letter: Fraction(int(place))}))


def _geometric(body: tree.Node, letter: str, low: int, ratio: Fraction, reading: str) -> results.Solved:
    first = arithmetic.value(body, {letter: Fraction(low)})
    check.require(isinstance(first, Fraction) and first != 0, "the first term")
    term = first
    for place in range(low, low + 8):
        value = arithmetic.value(body, {letter: Fraction(place)})
        check.require(value == term, "the terms have no constant ratio")
        term = term * ratio
    return _geometric_sum(first, ratio, reading)


def _geometric_sum(first: Fraction, ratio: Fraction, reading: str) -> results.Solved:
    if abs(ratio) >= 1:
        raise limits.UndefinedError(
            f"The sum diverges: each term is {formulas.fraction_text(ratio)} times the one before."
        )
    value = first / (1 - ratio)
    rest = value
    for _ in range(5):
        rest -= first
        first *= ratio
        check.require(abs(rest) <= abs(value), "the rest does not shrink")
    check.require(rest == value * ratio**5, "the rest is not the sum of the remaining terms")
    exact = formulas.fraction_text(value)
    said = f"{reading[:1].upper()}{reading[1:]} is {formulas.with_decimal(exact, value)}"
    step = f"first term / (1 - ratio), with the ratio {formulas.fraction_text(ratio)}"
    return wording.solved(reading, said, "the rest after five terms confirmed exactly by other code", exact, step)


# Sequences


def _terms(text: str) -> list[Fraction]:
    if re.search(r"\d,\d", text):
        raise limits.UnreadableError("A comma may separate thousands or terms.")
    return [wording.number(part)[1] for part in wording.split(text.rstrip(", "))]


def _step(terms: list[Fraction], kind: str) -> Fraction:
    """Return the common difference or ratio of at least three terms."""
    if len(terms) < 3:
        raise limits.UnreadableError("At least three terms are needed.")
    if kind == "arithmetic":
        steps = {after - before for before, after in itertools.pairwise(terms)}
    elif 0 in terms:
        raise limits.UnreadableError("A geometric sequence has no zero.")
    else:
        steps = {after / before for before, after in itertools.pairwise(terms)}
    if len(steps) != 1:
        raise limits.UnreadableError(f"The terms are not {kind}.")
    return steps.pop()


def _place(text: str) -> int:
    digits = re.fullmatch(r"(\d{1,9})(?:st|nd|rd|th)?", text.lower())
    if digits is None or int(digits[1]) < 1:
        raise limits.UnreadableError("A place in a sequence is a whole number from 1 on.")
    return int(digits[1])


def _given(slots: Slots) -> tuple[Fraction, Fraction, str, str]:
    kind = slots["kind"].lower()
    if slots["terms"]:
        terms = _terms(slots["terms"])
        first, step = terms[0], _step(terms, kind)
    else:
        first, step = wording.number(slots["first"])[1], wording.number(slots["step"])[1]
        if slots["word"] and (slots["word"].lower() == "difference") != (kind == "arithmetic"):
            raise limits.UnreadableError("An arithmetic sequence has a difference, a geometric one a ratio.")
    name = "difference" if kind == "arithmetic" else "ratio"
    label = f"{formulas.fraction_text(first)} and common {name} {formulas.fraction_text(step)}"
    return first, step, kind, f"the {kind} sequence with first term {label}"


def _nth_term(slots: Slots) -> wording.Task:
    first, step, kind, label = _given(slots)
    place = _place(slots["n"])
    reading = f"term {place} of {label}"

    def answer() -> results.Solved:
        node = _term_node(first, step, kind, place)
        exact, value = evaluate.checked_value(node)
        if place <= _TERMS_MAX:
            current = first
            for _ in range(place - 1):
                current = current + step if kind == "arithmetic" else current * step
            check.require(current == value, "the two ways differ")
        said = f"Term {place} is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "computed again by other code", exact, f"{tree.text(node)} = {exact}")

    return wording.Task(reading, answer)


def _term_node(first: Fraction, step: Fraction, kind: str, place: int) -> tree.Node:
    start, change, count = formulas.literal(first), formulas.literal(step), tree.integer(place - 1)
    if kind == "arithmetic":
        return tree.Binary("+", start, tree.Binary("*", count, change))
    return start if place == 1 else tree.Binary("*", start, tree.Binary("^", change, count))


def _sum_of_terms(slots: Slots) -> wording.Task:
    first, step, kind, label = _given(slots)
    if slots["infinite"]:
        if kind != "geometric":
            raise limits.UnreadableError("An infinite sum is read of geometric sequences.")
        reading = f"the sum of all terms of {label}"
        return wording.Task(reading, lambda: _geometric_sum(first, step, reading))
    count = _place(slots["n"])
    reading = f"the sum of the first {count} terms of {label}"

    def answer() -> results.Solved:
        if count > _TERMS_MAX and kind == "geometric":
            raise limits.TooLargeError(f"A geometric sum is taken of up to {_TERMS_MAX:,} terms. Ask for fewer terms.")
        if kind == "arithmetic":
            value = count * (2 * first + (count - 1) * step) / 2
        else:
            value = count * first if step == 1 else first * (step**count - 1) / (step - 1)
        if count <= _TERMS_MAX:
            total, current = Fraction(0), first
            for _ in range(count):
                total += current
                current = current + step if kind == "arithmetic" else current * step
            check.require(total == value, "added term by term it differs")
        exact = formulas.fraction_text(value)
        said = f"{reading[:1].upper()}{reading[1:]} is {formulas.with_decimal(exact, value)}"
        return wording.solved(reading, said, "added term by term by other code", exact)

    return wording.Task(reading, answer)


def _dots(slots: Slots) -> wording.Task:
    """1 + 2 + 3 + ... + 100: read where the first terms leave only one kind of sequence that reaches the last."""
    pieces = [part.strip() for part in re.split(r" ?\+ ?", slots["terms"])]
    terms = [wording.whole(part)[1] for part in pieces]
    last = wording.whole(slots["last"])[1]
    readings = []
    if len(terms) >= 3 or (len(terms) == 2 and terms[1] - terms[0] == 1 and terms[0] < 2):
        steps = {after - before for before, after in itertools.pairwise(terms)}
        step = steps.pop() if len(steps) == 1 else 0
        if step > 0 and (last - terms[0]) % step == 0 and last > terms[-1]:
            readings.append(("arithmetic", step, (last - terms[0]) // step + 1))
        powers = [terms[0]]
        ratio = terms[1] // terms[0] if terms[0] and terms[1] % terms[0] == 0 else 0
        while ratio > 1 and powers[-1] < last and len(powers) < 400:
            powers.append(powers[-1] * ratio)
        if powers[-1] == last and powers[: len(terms)] == terms:
            readings.append(("geometric", ratio, len(powers)))
    if len(readings) != 1:
        raise limits.UnreadableError("It is not clear how the sum goes on.")
    kind, step, count = readings[0]
    common = "difference" if kind == "arithmetic" else "ratio"
    task = _sum_of_terms({
        "kind": kind, "terms": "", "first": str(terms[0]), "step": str(step), "word": common, "infinite": "", "n": str(count)
    })  # fmt: skip
    return wording.Task(f"{' + '.join(map(str, terms))} + ... + {last}: {task.reading}", task.answer)


def _first_numbers(slots: Slots) -> wording.Task:
    count = _place(slots["n"])
    kind = slots["kind"].lower().replace("positive ", "")
    body = {"integers": "k", "whole numbers": "k", "natural numbers": "k", "odd numbers": "2*k - 1", "odd integers": "2*k - 1",
            "even numbers": "2*k", "even integers": "2*k"}[kind]  # fmt: skip
    power = {"squares of the": "^2", "cubes of the": "^3", "": ""}[slots["power"].lower()]
    return _finite(wording.formula(f"({body}){power}" if power else body), "k", 1, count)


def _range(slots: Slots) -> wording.Task:
    return _finite(wording.formula("k"), "k", wording.whole(slots["a"])[1], wording.whole(slots["b"])[1])


_TERMS = r"(?P<terms>[^.…A-Za-z]+?)(?:,? ?(?:\.\.\.|…))?"
_PAIR = (
    r"(?:with|whose) (?:a )?first term (?:is |of )?(?P<first>\S+)"
    r" and (?:a )?(?:common )?(?P<word>difference|ratio) (?:is |of )?(?P<step>\S+)"
)
_SEQUENCE = (
    r"(?:the |an? )?(?P<infinite>infinite )?(?P<kind>arithmetic|geometric) (?:sequence|series|progression):? "
    rf"(?:{_TERMS}|{_PAIR})"
)
FRAMES = (
    wording.frame(r"ASK ∑_\((?P<i>[a-z]) ?= ?(?P<low>[^()]+)\)\^\((?P<high>[^()]+)\) ?(?P<body>.+)(?P<said>)", _sum),
    wording.frame(
        r"ASK (?P<said>sum) (?:of )?(?P<body>.+?),? "
        r"(?:for|from|as) (?P<i>[a-z]) ?(?:=|goes from) ?(?P<low>\S+) to (?P<high>.+)", _sum
    ),
    wording.frame(
        r"ASK sum of (?:the )?(?P<power>squares of the |cubes of the )?first (?P<n>\d+) "
        r"(?P<kind>positive integers|positive whole numbers|natural numbers|odd numbers|positive odd (?:numbers|integers)|"
        r"positive even (?:numbers|integers))",
        _first_numbers,
    ),
    wording.frame(
        r"ASK sum of (?:all )?(?:the )?(?:integers|whole numbers|numbers|natural numbers) "
        r"from (?P<a>\S+) to (?P<b>\S+?)(?:,? inclusive)?", _range
    ),
    wording.frame(r"ASK (?:sum (?:of )?)?(?P<terms>\d+(?: ?\+ ?\d+)+) ?\+ ?(?:\.\.\.|…) ?\+ ?(?P<last>\d+)(?: ?=)?", _dots),
    wording.frame(rf"ASK (?P<n>\S+) term (?:of|in) {_SEQUENCE}", _nth_term),
    wording.frame(rf"ASK sum (?:of )?(?:the )?(?:first (?P<n>\d+) terms|all (?:the )?terms) of {_SEQUENCE}", _sum_of_terms),
    wording.frame(rf"ASK sum of {_SEQUENCE}", lambda slots: _sum_of_terms({**slots, "n": "0"})),
)  # fmt: skip
