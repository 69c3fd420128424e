"""Runs of tokens: what follows a phrase, what stands on both sides of one, what is integrated between which bounds."""

from council.serving.compute.math import lexer, limits

Tokens = list[lexer.Token]
# What is integrated, its bounds if any, and whether these show where it ends.
Integrand = tuple[Tokens, tuple[Tokens, Tokens] | None, bool]


def starts(found: Tokens, *words: str) -> bool:
    """Return whether `found` begins with these words, in any case."""
    return [token.text.lower() for token in found[: len(words)]] == list(words)


def after(found: Tokens, *phrases: str) -> Tokens | None:
    """Return what follows the first of `phrases` that `found` starts with."""
    for phrase in phrases:
        words = phrase.split()
        if starts(found, *words):
            return found[len(words) :]
    return None


def split(found: Tokens, *words: str) -> tuple[Tokens, Tokens] | None:
    """Return what stands before and after the only occurrence of `words`."""
    places = [index for index in range(len(found)) if starts(found[index:], *words)]
    if len(places) != 1:
        return None
    return found[: places[0]], found[places[0] + len(words) :]


def bounded_first(asked: Tokens) -> Integrand | None:
    """`integral from 0 to 1 of x^2`."""
    rest = after(asked, "integral from", "definite integral from")
    sides = split(rest, "of") if rest is not None else None
    ends = split(sides[0], "to") if sides else None
    return (sides[1], ends, False) if sides and ends else None


def bounded_last(asked: Tokens) -> Integrand | None:
    """Return what is integrated, its bounds if any, and whether these show where it ends."""
    rest = after(asked, "integral of", "definite integral of", "integrate")
    if rest is None:
        rest = after(asked, "antiderivative of", "indefinite integral of")
        return None if rest is None else (rest, None, False)
    for first, second in (("from", "to"), ("between", "and")):
        if sides := split(rest, first):
            ends = split(sides[1], second)
            if ends is None:
                raise limits.UnreadableError("A definite integral needs `from ... to ...`.")
            return sides[0], ends, True
    return rest, None, False
