"""Reads propositional formulas in symbols, LaTeX or words into the tree of `formulas`, by recursive descent.

Where people differ on what binds closer, the reader asks for brackets by not understanding: "p or q and r" in words, chains
of arrows, "xor" beside another joint. Not binds closest, then and, or, arrow, double arrow.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from council.serving.compute.logic import formulas, problems

TOKENS_MAX = 400
DEPTH_MAX = 40
VARIABLES_MAX = 26
_SPELLINGS = {
    "not": (r"\lnot", r"\neg", "¬", "~", "!", "not"),
    "and": (r"\land", r"\wedge", "∧", "&&", "&", "/\\", "and"),
    "or": (r"\lor", r"\vee", "\u2228", "||", "|", "\\/", "or"),
    "xor": (r"\oplus", "⊕", "xor"),
    "iff": (r"\leftrightarrow", r"\Leftrightarrow", r"\iff", "<->", "<=>", "↔", "⇔", "≡", "iff"),
    "implies": (r"\rightarrow", r"\Rightarrow", r"\implies", r"\to", "->", "=>", "→", "⇒", "⊃", "implies"),
    "(": ("(", "[", r"\left("),
    ")": (")", "]", r"\right)"),
}
_WORDY = frozenset({"and", "or", "not", "xor", "iff", "implies"})
_TABLE = {spelling: kind for kind, spellings in _SPELLINGS.items() for spelling in spellings}
_SIGNS = sorted((s for s in _TABLE if not s[-1].isalpha()), key=len, reverse=True)
_TOKEN = re.compile(rf"\s*({'|'.join(map(re.escape, _SIGNS))}|\\[a-zA-Z]+|[A-Za-z]\w*)")
_VARIABLE = re.compile(r"[A-Za-z](?:_?\d{1,2})?")
_PHRASES = (
    (re.compile(r"\bif and only if\b", re.IGNORECASE), " iff "),
    (re.compile(r"\bit is not (?:the case|true) that\b", re.IGNORECASE), " not "),
    (re.compile(r"\b(?:exclusive or|exclusive-or)\b", re.IGNORECASE), " xor "),
)


def read(text: str) -> formulas.Formula:
    """Return the formula, or raise NotUnderstoodError."""
    tokens = _tokens(text)
    return _Parser(tokens).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    """Return (kind, spelling) pairs; a variable has the kind "variable"."""
    for pattern, said in _PHRASES:
        text = pattern.sub(said, text)
    text = re.sub(r"\$|\\[()]", " ", text).rstrip()
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match or len(found) >= TOKENS_MAX:
            raise _not_understood(text[position:])
        spelling, position = match[1], match.end()
        kind = _TABLE.get(spelling if not spelling.isalpha() or len(spelling) == 1 else spelling.lower())
        if spelling == "v" and found and found[-1][0] in ("variable", ")"):
            kind = "or"
        if kind is None and not _VARIABLE.fullmatch(spelling):
            raise _not_understood(spelling)
        found.append((kind or "variable", spelling))
    return found


@dataclass(frozen=True, slots=True)
class _Read:
    """A formula and the joint at its top: "" where nothing can be misread, else the kind and whether it was a word."""

    formula: formulas.Formula
    joint: str = ""
    worded: bool = False


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, str]]):
        self._tokens = [*tokens, ("end", "")]
        self._at = 0

    def whole(self) -> formulas.Formula:
        formula = self._arrows(0).formula
        if self._kind() != "end":
            raise _not_understood(self._tokens[self._at][1])
        variables = {atom.predicate for atom in formulas.atoms(formula)}
        if len(variables) > VARIABLES_MAX or len({v.lower() for v in variables}) < len(variables):
            raise problems.NotUnderstoodError("it has too many variables, or one in two cases")
        return formula

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _take(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _arrows(self, depth: int) -> _Read:
        """Read implications on each side of at most one double arrow."""
        left = self._arrow(depth)
        if self._kind() != "iff":
            return left
        self._take()
        right = self._arrow(depth)
        if self._kind() == "iff":
            raise problems.NotUnderstoodError("a chain of arrows needs brackets")
        # Not exactly one of them: unlike two arrows this holds each side once, so that nesting does not double the size.
        return _Read(formulas.Not(formulas.Exactly(1, _sides(left, right))), "iff")

    def _arrow(self, depth: int) -> _Read:
        left = self._either(depth)
        if self._kind() != "implies":
            return left
        self._take()
        right = self._either(depth)
        if self._kind() == "implies":
            raise problems.NotUnderstoodError("a chain of arrows needs brackets")
        return _Read(formulas.Implies(*_sides(left, right)), "implies")

    def _either(self, depth: int) -> _Read:
        parts, kinds, worded = [self._both(depth)], set(), False
        while self._kind() in ("or", "xor"):
            kind, spelling = self._take()
            kinds.add(kind)
            worded |= spelling.lower() in _WORDY
            parts.append(self._both(depth))
        if not kinds:
            return parts[0]
        mixed = [part for part in parts if part.joint == "and"]
        if ("xor" in kinds and (mixed or len(parts) > 2)) or (mixed and (worded or any(part.worded for part in mixed))):
            raise problems.NotUnderstoodError("it can be read in two ways; put brackets")
        found = tuple(part.formula for part in parts)
        return _Read(formulas.Exactly(1, found) if "xor" in kinds else formulas.Or(found), "or", worded)

    def _both(self, depth: int) -> _Read:
        parts, worded = [self._unary(depth)], False
        while self._kind() == "and":
            worded |= self._take()[1].lower() in _WORDY
            parts.append(self._unary(depth))
        return _Read(formulas.And(tuple(parts)), "and", worded) if len(parts) > 1 else _Read(parts[0])

    def _unary(self, depth: int) -> formulas.Formula:
        if depth > DEPTH_MAX:
            raise problems.NotUnderstoodError("its brackets are too deep")
        kind, spelling = self._take()
        match kind:
            case "not":
                return formulas.Not(self._unary(depth + 1))
            case "(":
                inner = self._arrows(depth + 1)
                if self._take()[0] != ")":
                    raise problems.NotUnderstoodError("a bracket is not closed")
                return inner.formula
            case "variable":
                return formulas.Atom(spelling, formulas.CLAUSE)
            case _:
                raise _not_understood(spelling or "a formula that ends early")


def _sides(left: _Read, right: _Read) -> tuple[formulas.Formula, formulas.Formula]:
    """Return both sides of an arrow; "p -> q and r" in words may end its arrow before the and."""
    if left.worded or right.worded:
        raise problems.NotUnderstoodError("it can be read in two ways; put brackets")
    return left.formula, right.formula


def _not_understood(text: str) -> problems.NotUnderstoodError:
    return problems.NotUnderstoodError(f"I do not read {text if len(text) <= 30 else text[:30] + '...'!r} in a formula")
