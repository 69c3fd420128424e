"""Formulas that two people could read differently, although the grammar has a rule for them: they are passed on.

Spacing that goes against the rules of precedence (2+3 * 4, 10 / 1/2), words mixed into products ("10 divided by 1/2",
"2 plus 3 times 4", "2 times 3 squared"), 16^1/2, 1/2%, and 3√8, which may be a cube root.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy

from council.serving.compute.math import lexer, limits, tree

_STRENGTHS = {"+": 1, "-": 1, "*": 2, "x": 2, "/": 2, "^": 3, "to the power of": 3}
_SEPARATORS = frozenset({",", "and", "of", "mod"})
_POWER_WORDS = frozenset({"squared", "cubed", "factorial"})
_NOTHING = lexer.Token("end", "", 0, 0)


@dataclass(frozen=True, slots=True)
class _Sign:
    """An operator between two operands, or a sign before one (`unary`), and whether it touches both of its neighbours."""

    token: lexer.Token
    tight: bool
    unary: bool

    @property
    def strength(self) -> int:
        return _STRENGTHS[self.token.text]


def check_tokens(tokens: list[lexer.Token]) -> None:
    """Raise UnreadableError if the words and spaces of a formula leave its reading open."""
    for level in _levels(tokens):
        _check_spoken_powers(level)
        signs = [sign for sign in level if not sign.unary]
        _check_spacing(signs)
        _check_divisions(signs)
        _check_words(signs)
    for index in range(len(tokens)):
        _check_exponent(tokens, index)
        _check_power_word(tokens, index)
        _check_degree_of_root(tokens, index)


def check_percentages(node: tree.Node) -> None:
    """Raise UnreadableError if a percentage is a divisor: 1/2% may be half a percent."""
    for part in tree.walk(node):
        if isinstance(part, tree.Binary) and part.operator == "/" and has_percentage(part.right):
            raise limits.UnreadableError("It is not clear what the percent sign belongs to; use parentheses.")


def has_percentage(node: tree.Node) -> bool:
    """Return whether a percentage stands in `node` other than as a part `of` something."""
    if isinstance(node, tree.Postfix) and node.operator == "%":
        return True
    parts = tree.children(node)
    if isinstance(node, tree.Binary) and node.operator == "of":
        parts = (node.right,)
    return any(has_percentage(part) for part in parts)


def _levels(tokens: list[lexer.Token]) -> Iterator[list[_Sign]]:
    """Yield the operators that stand side by side, one list for each pair of parentheses and each part between words."""
    open_levels: list[list[_Sign]] = [[]]
    for index, token in enumerate(tokens):
        if token.text == "(":
            open_levels.append([])
        elif token.text == ")" and len(open_levels) > 1:
            yield open_levels.pop()
        elif token.text in _SEPARATORS:
            yield open_levels.pop()
            open_levels.append([])
        elif token.kind == "operator" and (token.text in _STRENGTHS or token.text == "negative"):
            open_levels[-1].append(_sign(tokens, index))
    yield from open_levels


def _sign(tokens: list[lexer.Token], index: int) -> _Sign:
    token, before, after = tokens[index], _at(tokens, index - 1), _at(tokens, index + 1)
    operator_before = before.kind == "operator" and before.text not in (")", "%", "!", "°")
    unary = token.text == "negative" or index == 0 or operator_before or before.kind in ("prefix", "fraction", "list")
    return _Sign(token, not token.spoken and before.end == token.start and token.end == after.start, unary)


def _at(tokens: list[lexer.Token], index: int) -> lexer.Token:
    return tokens[index] if 0 <= index < len(tokens) else _NOTHING


def _check_spacing(signs: list[_Sign]) -> None:
    """What is written close together is meant as one operand: where the rules would take it apart, nothing is read."""
    for index, sign in enumerate(signs):
        if sign.tight:
            continue
        before = [one.strength for one in _run(reversed(signs[:index]))]
        after = [one.strength for one in _run(iter(signs[index + 1 :]))]
        from_left = sign.token.text in ("-", "/")
        if min([*before, *after], default=9) < sign.strength or (from_left and sign.strength in after):
            raise limits.UnreadableError("The spaces group the formula in another way than the rules do.")


def _run(signs: Iterator[_Sign]) -> Iterator[_Sign]:
    for sign in signs:
        if not sign.tight:
            return
        yield sign


def _check_divisions(signs: list[_Sign]) -> None:
    """After `divided by` a product, and after the sign of division a ratio, may be one operand."""
    said = signed = False
    for sign in signs:
        if sign.strength == 1:
            said = signed = False
        if sign.strength != 2:
            continue
        division = sign.token.text == "/"
        if said or (signed and division and not sign.token.obelus):
            raise limits.UnreadableError("It is not clear how far the words of a division reach; use parentheses.")
        said = division and sign.token.spoken
        signed = signed or (division and sign.token.obelus)


def _check_words(signs: list[_Sign]) -> None:
    said = any(sign.strength == 2 and sign.token.spoken for sign in signs)
    if said and any(sign.strength == 1 for sign in signs):
        raise limits.UnreadableError("A product in words beside a sum can be read in two ways; use parentheses.")


def _check_spoken_powers(level: list[_Sign]) -> None:
    if any(sign.token.text == "to the power of" for sign in level[1:]):
        raise limits.UnreadableError("It is not clear how far the words of a power reach; use parentheses.")


def _check_exponent(tokens: list[lexer.Token], index: int) -> None:
    """16^1/2 may be a root; 2^10/2 and x^2/x are quotients."""
    slash, top, bottom = _at(tokens, index), _at(tokens, index - 1), _at(tokens, index + 1)
    if slash.text != "/" or top.kind not in ("number", "name") or top.end != slash.start:
        return
    sign = index - 3 if _at(tokens, index - 2).text in ("-", "negative") else index - 2
    quotient = bottom.kind == "number" or (bottom.kind == "name" and top.kind == "name")
    if _at(tokens, sign).text != "^" or not quotient:
        return
    whole = top.kind == "number" and bottom.value and Fraction(top.value, bottom.value).denominator == 1
    if not whole or sign != index - 2:
        raise limits.UnreadableError("It is not clear where the exponent ends; use parentheses.")


def _check_power_word(tokens: list[lexer.Token], index: int) -> None:
    """`2 times 3 squared` and 2^3² are not clear; `3 squared plus 4 squared` is."""
    token, before = _at(tokens, index), _at(tokens, index - 2)
    if token.kind == "superscript" and before.text == "^":
        raise limits.UnreadableError("A power of a power needs parentheses.")
    if token.kind != "postfix" or token.text not in _POWER_WORDS or before.text not in _STRENGTHS:
        return
    if _at(tokens, index - 3).text not in _POWER_WORDS:
        raise limits.UnreadableError("It is not clear how far the words of a power reach; use parentheses.")


def _check_degree_of_root(tokens: list[lexer.Token], index: int) -> None:
    """3√8 may be the cube root of 8, whose small 3 was lost on the way here; 3√2 is a product."""
    before, root, after = _at(tokens, index - 1), _at(tokens, index), _at(tokens, index + 1)
    if root.text != "√" or before.kind != "number" or before.value < 3 or before.value.denominator != 1:
        return
    if after.text == "(" and _at(tokens, index + 3).text == ")":
        after = _at(tokens, index + 2)
    if after.kind != "number" or after.value < 1 or after.value.denominator != 1:
        return
    if sympy.integer_nthroot(int(after.value), int(before.value))[1]:
        raise limits.UnreadableError(
            "The number before the root sign may be a factor or the degree of the root; write 3*√(8)."
        )


_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}([-/])\d{1,2}\1\d{2,4}", re.ASCII)
_TELEPHONE = re.compile(r"\d{3}-\d{4}|(\d+-){2,}\d{3,}", re.ASCII)
_IDIOMS = frozenset({"9/11", "24/7", "50/50", "20/20", "7/11", "4x4", "2x4"})


def refuse_labels(text: str, bare: bool) -> None:
    """Raise UnreadableError for 12/25/24, 555-1234 and 24/7."""
    if _DATE.fullmatch(text) or (bare and _TELEPHONE.fullmatch(text)) or text in _IDIOMS:
        raise limits.UnreadableError("This may be a date, a number to call or a name.")


def refuse_bare(expression: tree.Node, asked: bool) -> None:
    """Raise UnreadableError where nothing is left to compute: a number, or a fraction with no question around it."""
    while isinstance(expression, tree.Negation | tree.Postfix) and getattr(expression, "operator", "%") == "%":
        expression = expression.operand
    if isinstance(expression, tree.Number | tree.Constant) or (not asked and _is_reduced(expression)):
        raise limits.UnreadableError("A bare number asks for nothing.")


def _is_reduced(expression: tree.Node) -> bool:
    """Return whether an expression is a fraction in lowest terms: with no question around it nothing is left to compute."""
    if not (isinstance(expression, tree.Binary) and expression.operator == "/"):
        return False
    parts = [part.value for part in (expression.left, expression.right) if isinstance(part, tree.Number)]
    return len(parts) == 2 and 0 not in parts and (parts[0] / parts[1]).numerator == parts[0] and parts[1] != 1
