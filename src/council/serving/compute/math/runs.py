"""Runs of tokens: what follows a phrase, what stands on both sides of one, what is integrated between which bounds."""

from council.serving.compute.math import arithmetic, grammar, lexer, limits, reach, tree

DIFFERENTIALS = ("dx", "dy", "dz")
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
    if not sides or not ends:
        return None
    wrapped = reach.group_end(sides[1]) == len(sides[1])
    if not wrapped and any(token.text in ("plus", "minus") for token in sides[1]):
        raise limits.UnreadableError(
            "What is said behind it may belong to the integral or to the answer; use parentheses."
        )
    return sides[1], ends, False


def _check_ascending(word: str, ends: tuple[Tokens, Tokens]) -> None:
    """Raise UnreadableError for `between 3 and 0`, which some integrate from 0."""
    if word != "between":
        return
    low, high = (grammar.parse(end[:-1] if end and end[-1].text in DIFFERENTIALS else end) for end in ends)
    if tree.unknowns(low, high):
        return
    if arithmetic.real(arithmetic.value(low)) > arithmetic.real(arithmetic.value(high)):
        raise limits.UnreadableError("Between a higher and a lower bound may mean either way; say from ... to ...")


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
            _check_ascending(first, ends)
            return sides[0], ends, True
    return rest, None, False
