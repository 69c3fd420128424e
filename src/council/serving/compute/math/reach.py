"""How far the words and signs of calculus reach: a user's own brackets end what they apply to.

`derivative of x^2 + 3x` is read as of all that follows; after `derivative of (x^2) + 3x` people differ. The sign d/dx binds
like a factor: behind it a sum without brackets is not read, and of `d/dx (x^2) + 3x` only the brackets are derived.
"""

from collections.abc import Sequence

from council.serving.compute.math import lexer, limits, phrases

_UNCLEAR = "It is not clear how far the {} reaches; put all of it in parentheses."
_SUMS = frozenset({"+", "-"})
_PRODUCTS = frozenset({"*", "x", "/"})


def group_end(tokens: Sequence[lexer.Token]) -> int:
    """Return the place behind the parentheses that `tokens` start with, or 0 where they start with none."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return index + 1 if index else 0
    return 0


def unclear(what: str) -> limits.UnreadableError:
    """Return the error for words or a sign, `what`, of which nobody can say how far they reach."""
    return limits.UnreadableError(_UNCLEAR.format(what))


def check_words(tokens: list[lexer.Token], what: str, closed: bool = False) -> None:
    """Raise UnreadableError where words in front of `tokens` may apply to the first part alone.

    `closed` says that a word behind them, as in `with respect to x`, shows where they end.
    """
    if closed:
        return
    merged = phrases.merged(tokens)
    end = group_end(merged)
    after_brackets = 0 < end < len(merged) and merged[end].text in _SUMS
    if after_brackets or any(token.spoken and token.text in _PRODUCTS for token in _outside(merged)):
        raise unclear(what)


def check_sign(tokens: list[lexer.Token], what: str) -> None:
    """Raise UnreadableError where a sign in front of `tokens` may apply to the first part alone."""
    merged = phrases.merged(tokens)
    if _is_sum(_outside(merged)) or 0 < group_end(merged) < len(merged):
        raise unclear(what)


def check_place(tokens: list[lexer.Token], named: bool = False) -> None:
    """Raise UnreadableError for the last place or bound of a question, where what is behind it may be added to the answer.

    Where the place is `named`, as in x = 2 + 1, signs belong to it; words may not.
    """
    merged = phrases.merged(tokens)
    outside = _outside(merged)
    said = any(token.spoken and token.text in _SUMS | _PRODUCTS for token in outside)
    times = any(token.kind == "operator" and token.text in ("*", "x") for token in outside)
    signed = _is_sum(outside) or (times and all(token.text != "pi" for token in outside))
    if said or (signed and not named):
        raise limits.UnreadableError("What stands behind the place may belong to it or to the answer; use parentheses.")


def _is_sum(outside: Sequence[lexer.Token]) -> bool:
    """Return whether a + or - stands between two operands."""
    return any(
        token.kind == "operator" and token.text in _SUMS and index and outside[index - 1].text not in ("^", *_PRODUCTS)
        for index, token in enumerate(outside)
    )


def _outside(tokens: Sequence[lexer.Token]) -> list[lexer.Token]:
    """Return the tokens that stand outside of parentheses, and each closing one."""
    found, depth = [], 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            found.append(token)
    return found
