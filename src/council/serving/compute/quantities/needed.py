"""Words without which a pattern matches nothing, read from the pattern: a text that lacks them need not be tried. Pure.

A clause is a set of words or phrases, in lower case, of which one must stand in the text. What is not understood asks for
nothing.
"""

import re
from collections.abc import Iterator, Sequence

Clause = tuple[str, ...]

# An escape, a class, a group's begin with its kind, a quantifier, letters of which none is quantified, or one character.
_TOKEN = re.compile(
    r"\\.|\[\^?\]?[^\]]*\]|\((?:\?(?:P<\w+>|P=\w+|<?[=!]|:|[a-z]+:))?|\{[^}]*\}\??|[?*+][?+]?|[a-z ]+(?![a-z ?*+{])|.",
    re.DOTALL,
)
# Looking ahead or back, up to two groups deep. It asks for nothing, and may be long.
_LOOK = re.compile(r"\(\?<?[=!](?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_PLAIN = re.compile("[a-z ]+")
_LOOKING = ("(?=", "(?!", "(?<=", "(?<!", "(?P=")
_ALTERNATIVES_MAX = 12


def clauses(pattern: str) -> tuple[Clause, ...]:
    """Return what every text must have that `pattern` matches, whatever its case."""
    tokens = _TOKEN.findall(_LOOK.sub(r"\\b", pattern))
    found, end = _branches(tokens, 0)
    assert end == len(tokens), "a parenthesis is not closed"
    # What tells most comes first: few words, and long ones.
    return tuple(sorted(found, key=lambda clause: (len(clause), -len(clause[0]))))


def stand_in(lowered: str, wanted: Sequence[Clause]) -> bool:
    """Return whether a text in lower case has a word of each clause."""
    for clause in wanted:
        for word in clause:
            if word in lowered:
                break
        else:
            return False
    return True


def _branches(tokens: Sequence[str], at: int) -> tuple[list[Clause], int]:
    """Read up to the parenthesis that closes; return the clauses and where it stands."""
    branches = []
    while True:
        found, at = _sequence(tokens, at)
        branches.append(found)
        if at == len(tokens) or tokens[at] == ")":
            break
        at += 1
    return (branches[0] if len(branches) == 1 else list(_any_of(branches))), at


def _any_of(branches: Sequence[Sequence[Clause]]) -> Iterator[Clause]:
    """Yield the one clause of several branches: the most telling one of each; none where a branch has none."""
    if all(branches):
        words = {word for branch in branches for word in max(branch, key=lambda clause: min(map(len, clause)))}
        if len(words) <= _ALTERNATIVES_MAX:
            yield tuple(sorted(words))


def _sequence(tokens: Sequence[str], at: int) -> tuple[list[Clause], int]:
    """Read up to the bar or the parenthesis that ends a branch."""
    found: list[Clause] = []
    run = ""
    while at < len(tokens) and tokens[at] not in "|)":
        token, inside = tokens[at], list[Clause]()
        if token[0] == "(":
            inside, at = _branches(tokens, at + 1)
            inside = [] if token.startswith(_LOOKING) else inside
        quantifier = tokens[at + 1] if at + 1 < len(tokens) else ""
        quantified = quantifier[:1] in ("?", "*", "+", "{") and len(quantifier) > 0
        if _PLAIN.fullmatch(token) and not quantified:
            run += token
        else:
            found += _clause(run)
            run = ""
            found += inside if not quantified or quantifier[0] == "+" else []
        at += 2 if quantified else 1
    return found + _clause(run), at


def _clause(run: str) -> list[Clause]:
    return [(run,)] if run.strip() else []
