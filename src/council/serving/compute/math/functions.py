"""Functions that the user defines, and formulas with values given for their letters: `If f(x) = 2x^2 - 3, what is f(4)?`"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from council.serving.compute import results
from council.serving.compute.math import (
    algebra,
    arithmetic,
    calculus,
    check,
    evaluate,
    formulas,
    grammar,
    limits,
    requests,
    tree,
    wording,
)

Slots = Mapping[str, str]
_NODES_MAX = 400
_CALLS_MAX = 12
_PLACEHOLDERS = "abcdkmnpqrsu"


@dataclass(frozen=True, slots=True)
class _Function:
    """A function of one letter."""

    letter: str
    body: tree.Node


_DEFINITION = re.compile(r"(?P<name>[fghpqFGHPQ]) ?\( ?(?P<letter>[a-df-hj-np-z]) ?\) ?= ?(?P<body>.+)")


def _functions(text: str) -> dict[str, _Function]:
    """Return the functions that `text` defines, split at `and` and at commas before the next name."""
    found: dict[str, _Function] = {}
    for part in re.split(r"(?:,| and|, and) (?=[fghpqFGHPQ] ?\([a-z]\) ?=)", text.strip().rstrip(",")):
        match = _DEFINITION.fullmatch(part.strip())
        if match is None or match["name"] in found or match["name"] == match["letter"]:
            raise limits.UnreadableError("A function is defined as f(x) = ....")
        body = wording.formula(match["body"].strip())
        if not set(tree.unknowns(body)) <= {match["letter"]}:
            raise limits.UnreadableError("The function has letters besides its own.")
        found[match["name"]] = _Function(match["letter"], body)
    return found


def _ask(slots: Slots) -> wording.Task:
    found = _functions(slots["given"])
    wanted = slots["wanted"]
    node = _applied(wanted, found, [0])
    if set(tree.unknowns(node)) & set(found):
        raise limits.UnreadableError("A function stands without an argument.")
    grammar.check_angles(node)
    if sum(1 for _ in tree.walk(node)) > _NODES_MAX:
        raise limits.TooLargeError(f"The formula would have over {_NODES_MAX} parts. Ask for it in pieces.")
    given = " and ".join(f"{name}({one.letter}) = {tree.text(one.body)}" for name, one in found.items())
    label = re.sub(r"\s+", " ", wanted)
    reading = f"{label}, where {given}"

    def answer() -> results.Solved:
        if tree.unknowns(node):
            return _as_formula(node, label, reading)
        exact, number = evaluate.checked_value(node)
        shown = formulas.with_decimal(exact, number, tree.has_decimals(node))
        return wording.solved(
            reading, f"{label} = {shown}", _value_check(number), exact, f"{label} = {tree.text(node)}"
        )

    return wording.Task(reading, answer)


def _value_check(number: arithmetic.Value) -> str:
    exactly = "with exact fractions" if arithmetic.is_exact(number) else "to 60 digits"
    return f"computed again {exactly} by other code"


def _as_formula(node: tree.Node, label: str, reading: str) -> results.Solved:
    if len(tree.unknowns(node)) != 1:
        raise limits.UnreadableError("The formula has several letters.")
    try:
        solved = algebra.rewrite(requests.Rewrite("expand", node))
    except limits.UndecidedError:
        solved = algebra.rewrite(requests.Rewrite("simplify", node))
    exact = str(solved.detail["exact"])
    note = ", wherever the left side has a value" if solved.answer.endswith("has a value") else ""
    return wording.solved(reading, f"{label} = {exact}{note}", solved.check, exact, f"{label} = {tree.text(node)}")


_CALL = re.compile(r"(?P<name>[A-Za-z])(?P<primes>'{0,2}) ?\(")


def _applied(text: str, found: Mapping[str, _Function], count: list[int]) -> tree.Node:
    """Return the tree of `text` with every call of a defined function carried out. `count` bounds the calls."""
    values: dict[str, tree.Node] = {}
    plain, position = "", 0
    free = [
        letter for letter in _PLACEHOLDERS if letter not in found and not re.search(rf"(?<![A-Za-z]){letter}", text)
    ]
    while match := _next_call(text, position, found):
        count[0] += 1
        if count[0] > _CALLS_MAX or not free:
            raise limits.TooLargeError(
                f"Over {_CALLS_MAX} calls of functions are not carried out. Ask for it in pieces."
            )
        end = _closing(text, match.end())
        argument = _applied(text[match.end() : end], found, count)
        letter = free.pop(0)
        values[letter] = _value(found[match["name"]], len(match["primes"]), argument)
        plain += text[position : match.start()] + letter
        position = end + 1
    if not values and not count[0]:
        raise limits.UnreadableError("No function is applied.")
    plain += text[position:]
    if re.search(r"[a-z]\(", re.sub(r"\b(?:sqrt|abs|sin|cos|tan|ln|exp|cbrt|log_?\d*)\(", "", plain)) and values:
        raise limits.UnreadableError("A letter before parentheses may be a function.")
    node = wording.formula(plain)
    for letter, value in values.items():
        node = tree.substituted(node, letter, value)
    return node


def _next_call(text: str, position: int, found: Mapping[str, _Function]) -> re.Match[str] | None:
    for match in _CALL.finditer(text, position):
        before = text[match.start() - 1 : match.start()]
        if match["name"] in found and not before.isalpha():
            return match
    return None


def _closing(text: str, start: int) -> int:
    depth = 1
    for index in range(start, len(text)):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth == 0:
            return index
    raise limits.UnreadableError("A parenthesis is not closed.")


def _value(function: _Function, primes: int, argument: tree.Node) -> tree.Node:
    body: tree.Node = function.body
    for _ in range(primes):
        body = calculus.slope(body, function.letter)
    return tree.substituted(body, function.letter, argument)


def _at_values(slots: Slots) -> wording.Task:
    """`The value of x^2 + y when x = 3 and y = 2`."""
    values: dict[str, tree.Node] = {}
    for part in re.split(r",? and |, ?", slots["values"]):
        match = re.fullmatch(r"([a-df-hj-np-zA-DF-HJ-NP-Z]) ?= ?(.+)", part.strip())
        if match is None or match[1] in values:
            raise limits.UnreadableError("The values of the letters are given as x = 3 and y = 2.")
        values[match[1]] = wording.number(match[2])[0]
    if any("," in part for part in slots["values"].split(" and ")) and re.search(r"\d,\d", slots["values"]):
        raise limits.UnreadableError("A comma may separate thousands or values.")
    body = wording.formula(slots["e"])
    if set(tree.unknowns(body)) != set(values) or isinstance(body, tree.Unknown):
        raise limits.UnreadableError("The letters of the formula and those with values differ.")
    node: tree.Node = body
    for name, value in values.items():
        node = tree.substituted(node, name, value)
    grammar.check_angles(node)
    given = " and ".join(f"{name} = {tree.text(value)}" for name, value in values.items())
    reading = f"{tree.text(body)} where {given}"

    def answer() -> results.Solved:
        exact, number = evaluate.checked_value(node)
        direct = arithmetic.value(body, {name: arithmetic.value(value) for name, value in values.items()})
        check.require(arithmetic.agree(direct, number), "the two values differ")
        shown = formulas.with_decimal(exact, number, tree.has_decimals(node))
        said = f"{tree.text(body)} = {shown} where {given}"
        return wording.solved(reading, said, _value_check(number), exact, f"{tree.text(node)} = {exact}")

    return wording.Task(reading, answer)


_GIVEN = r"(?P<given>[fghpqFGHPQ] ?\( ?[a-z] ?\) ?= ?.+?)"
_IF = r"(?:if|let|given|given that|suppose|suppose that|for|when|consider)?:? ?"
_FIND = r"(?:what is|what's|find|compute|calculate|evaluate|determine|then what is|then find)"
FRAMES = (
    wording.frame(
        rf"{_IF}(?:the function )?{_GIVEN}[,.;]? (?:then )?{_FIND} "
        r"(?:the value of )?(?P<wanted>.*[fghpqFGHPQ]'{0,2} ?\(.+\).*)",
        _ask,
    ),
    wording.frame(
        rf"{_FIND} (?:the value of )?(?P<wanted>[^=]*[fghpqFGHPQ]'{{0,2}} ?\([^=]+\)[^=]*?)"
        r",? (?:if|when|where|given|given that|for) "
        rf"{_GIVEN[:-2]})",
        _ask,
    ),
    wording.frame(
        r"(?:ASK |evaluate |simplify )?(?:value of |expression )?(?P<e>[^=]+?),? (?:when|if|at|for|where|given|given that) "
        r"(?P<values>[A-Za-z] ?= ?[^=]+(?:(?:,| and|, and) [A-Za-z] ?= ?[^=]+)*)",
        _at_values,
    ),
    wording.frame(
        r"(?:if|when|given|given that|let|for) (?P<values>[A-Za-z] ?= ?[^=]+?(?:(?:,| and|, and) [A-Za-z] ?= ?[^=]+?)*), "
        r"(?:then )?(?:what is|what's|find|compute|calculate|evaluate) (?:the value of )?(?P<e>[^=]+)",
        _at_values,
    ),
)  # fmt: skip
