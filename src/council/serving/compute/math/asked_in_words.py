"""Single operations asked in words: `subtract 5 from 9`, `Is 2^10 > 1000?`, `round 3.14159 to 2 decimal places`.

An operand is one number, one power or one pair of parentheses: words reach no further. What lies half way between two
rounded numbers is passed on, since people round it up, away from zero or to the even one.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from council.serving.compute import results
from council.serving.compute.math import (
    arithmetic,
    check,
    clarity,
    evaluate,
    formulas,
    grammar,
    lexer,
    limits,
    requests,
    tree,
    wording,
)

Slots = Mapping[str, str]


def _operand(text: str) -> tree.Node:
    """Return one number, power, literal fraction or group."""
    node = grammar.parse(lexer.tokens(text))
    literal = isinstance(node, tree.Binary) and all(isinstance(part, tree.Number) for part in tree.children(node))
    tight = literal and isinstance(node, tree.Binary) and node.operator == "/" and " " not in text
    if isinstance(node, tree.Binary) and node.operator != "^" and not tight and not wording.is_wrapped(text):
        raise limits.UnreadableError("It is not clear how far the words reach; use parentheses.")
    if tree.unknowns(node) or clarity.has_percentage(node):
        raise limits.UnreadableError("A number is needed, without letters and percentages.")
    return node


def _task(node: tree.Node) -> wording.Task:
    return wording.Task(tree.text(node), lambda: evaluate.calculate(requests.Calculate(node)))


def _operation(sign: str, swapped: bool = False) -> Callable[[Slots], wording.Task]:
    def make(slots: Slots) -> wording.Task:
        one, two = _operand(slots["a"]), _operand(slots["b"])
        return _task(tree.Binary(sign, *((two, one) if swapped else (one, two))))

    return make


def _reciprocal(slots: Slots) -> wording.Task:
    return _task(tree.Binary("/", tree.integer(1), _operand(slots["a"])))


# Questions for yes or no

_RELATIONS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "=": ("=", operator.eq), "equal to": ("=", operator.eq), "the same as": ("=", operator.eq),
    ">": (">", operator.gt), "<": ("<", operator.lt), ">=": (">=", operator.ge), "<=": ("<=", operator.le),
    "≥": (">=", operator.ge), "≤": ("<=", operator.le), "greater than": (">", operator.gt), "more than": (">", operator.gt),
    "larger than": (">", operator.gt), "bigger than": (">", operator.gt), "less than": ("<", operator.lt),
    "smaller than": ("<", operator.lt),
}  # fmt: skip


def _relation(slots: Slots) -> wording.Task:
    sign, holds = _RELATIONS[slots["sign"].lower()]
    left, right = (grammar.parse(lexer.tokens(slots[name])) for name in "ab")
    if tree.unknowns(left, right) or any(clarity.has_percentage(side) for side in (left, right)):
        raise limits.UnreadableError("Two numbers are compared, without letters and percentages.")
    if any(isinstance(side, tree.Binary) and side.operator == "mod" for side in (left, right)):
        raise limits.UnreadableError("With mod a relation may be one of remainders or a congruence.")
    reading = f"is {tree.text(left)} {sign} {tree.text(right)}"

    def answer() -> results.Solved:
        (one_text, one), (two_text, two) = evaluate.checked_value(left), evaluate.checked_value(right)
        if isinstance(one, Fraction) and isinstance(two, Fraction):
            true = holds(one, two)
            checked = "computed again with exact fractions by other code"
        else:
            check.require(not arithmetic.agree(one, two), "the two are too close to tell")
            true = holds(arithmetic.real(one), arithmetic.real(two))
            checked = "computed again to 60 digits by other code"
        sides = ((left, one_text, one), (right, two_text, two))
        shown = [_shown(*side) for side in sides if not isinstance(side[0], tree.Number)]
        why = f": {' and '.join(shown)}" if shown else ""
        said = f"Yes, {reading[3:]}{why}" if true else f"No, {reading[3:]} does not hold{why}"
        return wording.solved(reading, said, checked, "yes" if true else "no")

    return wording.Task(reading, answer)


def _shown(side: tree.Node, exact: str, value: arithmetic.Value) -> str:
    text = tree.text(side)
    if text == exact:
        return f"{text} is about {formulas.about(value)}" if not isinstance(value, Fraction) else text
    return f"{text} = {formulas.with_decimal(exact, value, tree.has_decimals(side))}"


# Whole numbers near a number

_NEAREST = {
    "whole number": 0, "integer": 0, "ten": -1, "hundred": -2, "thousand": -3, "ten thousand": -4, "million": -6,
    "tenth": 1, "hundredth": 2, "thousandth": 3,
}  # fmt: skip
_PLACES_MAX = 30


def _rounded(slots: Slots) -> wording.Task:
    node = _operand(slots["a"])
    places = _NEAREST[slots["unit"].lower()] if slots["unit"] else int(wording.whole(slots["n"])[1])
    if places > _PLACES_MAX:
        raise limits.TooLargeError(f"Numbers are rounded to at most {_PLACES_MAX} places. Ask for fewer places.")
    to = f"the nearest {slots['unit'].lower()}" if slots["unit"] else f"{places} decimal place{'s' * (places != 1)}"
    reading = f"{tree.text(node)} rounded to {to}"

    def answer() -> results.Solved:
        value, unit = evaluate.checked_value(node)[1], Fraction(10) ** -places
        scaled = value / unit if isinstance(value, Fraction) else Fraction(str(arithmetic.real(value))) / unit
        if abs(scaled - math.floor(scaled) - Fraction(1, 2)) < Fraction(1, 10**15):
            raise limits.UndecidedError("The number lies half way: people round it up, or to the even one.")
        steps = math.floor(scaled + Fraction(1, 2))
        near = steps * unit
        apart = abs(arithmetic.real(value) - arithmetic.real(near))
        check.require(apart <= arithmetic.real(unit / 2), "a nearer number ends in the same place")
        shown = _with_places(near, places)
        return wording.solved(
            reading, f"{reading} is {shown}", "no further away than half a place, by other code", shown
        )

    return wording.Task(reading, answer)


def _with_places(number: Fraction, places: int) -> str:
    if places <= 0:
        return str(int(number))
    digits = str(abs(int(number * 10**places))).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _whole_beside(slots: Slots) -> wording.Task:
    node, low = _operand(slots["a"]), slots["what"].lower().startswith("floor")
    name = "floor" if low else "ceiling"
    reading = f"the {name} of {tree.text(node)}"

    def answer() -> results.Solved:
        value = evaluate.checked_value(node)[1]
        if not isinstance(value, Fraction):
            raise limits.UndecidedError("The floor and the ceiling are taken of fractions only.")
        whole = math.floor(value) if low else math.ceil(value)
        check.require(0 <= (value - whole if low else whole - value) < 1, "another whole number is nearer")
        said = f"The {reading[4:]} is {whole}"
        return wording.solved(reading, said, "less than 1 away on the right side, exactly", str(whole))

    return wording.Task(reading, answer)


# The largest and the smallest of a list

_ITEMS_MAX = 100


def _extreme(slots: Slots) -> wording.Task:
    text = slots["list"]
    if re.search(r"\d,\d{3}(?!\d)", text) or (re.search(r"\d,\d", text) and re.search(r", | and |;", text)):
        raise limits.UnreadableError("A comma in a list may be of thousands, of decimals or between items.")
    parts = wording.split(re.sub(r",? and ", ", ", text))
    if not 2 <= len(parts) <= _ITEMS_MAX:
        raise limits.UnreadableError(f"A list of 2 to {_ITEMS_MAX} numbers is needed.")
    nodes = [wording.number(part) for part in parts]
    largest = slots["what"].lower().startswith(("max", "larg", "great", "big", "high"))
    name = "largest" if largest else "smallest"
    reading = f"the {name} of {', '.join(tree.text(node) for node, _ in nodes)}"

    def answer() -> results.Solved:
        node, value = (max if largest else min)(nodes, key=lambda pair: pair[1])
        check.require(all((value >= one) if largest else (value <= one) for _, one in nodes), "another is beyond it")
        said = f"The {reading[4:]} is {tree.text(node)}"
        return wording.solved(reading, said, "compared with each, as exact fractions", formulas.fraction_text(value))

    return wording.Task(reading, answer)


_WHAT = r"(?P<what>max(?:imum)?|largest|greatest|biggest|highest|min(?:imum)?|smallest|lowest|least)"
_UNITS = "|".join(sorted(_NEAREST, key=len, reverse=True))
_TO = rf"to (?:the nearest (?P<unit>{_UNITS})|(?P<n>\d+|one|two|three|four) (?:decimal places?|decimals|d\.?p\.?|places?))"
_COUNTED = r"\d+|one|two|three|four|five|six|seven|eight|nine|ten"
_TO_PLACES = rf"(?:(?:correct|accurate) )?to (?P<n>{_COUNTED}) (?:decimal places?|decimals?|d\.?p\.?)"
_SIGNS = "|".join(sorted(map(re.escape, _RELATIONS), key=len, reverse=True))
FRAMES = (
    wording.frame(r"ASK ?subtract (?P<a>.+) from (?P<b>.+)", _operation("-", swapped=True)),
    wording.frame(r"ASK ?add (?P<a>.+) (?:and|to) (?P<b>.+)", _operation("+")),
    wording.frame(r"ASK ?multiply (?P<a>.+) (?:by|with|and) (?P<b>.+)", _operation("*")),
    wording.frame(r"ASK ?divide (?P<a>.+) by (?P<b>.+)", _operation("/")),
    wording.frame(r"ASK (?P<a>.+) increased by (?P<b>.+)", _operation("+")),
    wording.frame(r"ASK (?P<a>.+) (?:decreased|reduced) by (?P<b>.+)", _operation("-")),
    wording.frame(r"ASK (?P<a>(?:(?!is ).)+) more than (?P<b>.+)", _operation("+", swapped=True)),
    wording.frame(r"(?:what is|what's|find|calculate) (?P<a>.+) less than (?P<b>.+)", _operation("-", swapped=True)),
    wording.frame(r"ASK reciprocal of (?P<a>.+)", _reciprocal),
    wording.frame(rf"is (?P<a>[^=<>≤≥]+?) ?(?P<sign>{_SIGNS}) ?(?P<b>[^=<>≤≥]+)", _relation),
    wording.frame(rf"ASK ?round (?P<a>.+) {_TO}", _rounded),
    wording.frame(rf"ASK ?(?P<a>.+?),? {_TO_PLACES}(?P<unit>)", _rounded),
    wording.frame(rf"ASK (?P<a>.+),? round(?:ed)? {_TO}", _rounded),
    wording.frame(r"ASK (?P<what>floor|ceil(?:ing)?)(?: of |(?= ?\())(?P<a>.+)", _whole_beside),
    wording.frame(rf"ASK {_WHAT}(?: number| value)? (?:of|in|among)(?: the numbers)?:? (?P<list>[^()]+)", _extreme),
    wording.frame(rf"ASK {_WHAT} ?\((?P<list>[^()]+)\)", _extreme),
)  # fmt: skip
