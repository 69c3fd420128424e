"""The syntax tree that every grammar produces and every solver and checker consumes.

A formula speaks either about a valuation (`Atom`s are true or false) or about places of names, best first (`Ahead`, `Next`,
`At`, `Apart`). Quantifiers are monadic and closed, so a quantified formula never holds another one.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

VARIABLE = "?"
CLAUSE = ""


@dataclass(frozen=True, slots=True)
class Atom:
    """`subject` does what `predicate` says ("is mortal"). The subject is a name, VARIABLE, or CLAUSE for a whole clause."""

    predicate: str
    subject: str


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    part: "Formula"


@dataclass(frozen=True, slots=True)
class And:
    """Conjunction."""

    parts: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Inclusive disjunction."""

    parts: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Implies:
    """Material implication."""

    condition: "Formula"
    consequence: "Formula"


@dataclass(frozen=True, slots=True)
class Exactly:
    """Exactly `count` of the parts hold."""

    count: int
    parts: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Every:
    """The body holds of every individual in place of VARIABLE."""

    body: "Formula"


@dataclass(frozen=True, slots=True)
class Some:
    """The body holds of at least one individual in place of VARIABLE."""

    body: "Formula"


@dataclass(frozen=True, slots=True)
class Ahead:
    """`first` comes somewhere before `second` in the order."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Next:
    """`first` comes directly before `second` in the order."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class At:
    """`name` has the place `place`, counted from 1 at the front of the order."""

    name: str
    place: int


@dataclass(frozen=True, slots=True)
class Apart:
    """The place of `second` less the place of `first` is one of `distances`: 0 is together, -1 and 1 are next to each other."""

    first: str
    second: str
    distances: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Words that can be meant in more than one way; an answer must hold under each of them."""

    options: "tuple[Formula, ...]"


Formula = Atom | Not | And | Or | Implies | Exactly | Every | Some | Ahead | Next | At | Apart | Ambiguous


def conjunction(parts: "list[Formula] | tuple[Formula, ...]") -> Formula:
    """Return the parts joined by and, without a needless node around a single one."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def iff(left: Formula, right: Formula) -> Formula:
    """Return: both or neither."""
    return And((Implies(left, right), Implies(right, left)))


def children(formula: Formula) -> tuple[Formula, ...]:
    """Return the direct parts of a formula."""
    match formula:
        case And(parts) | Or(parts) | Exactly(_, parts) | Ambiguous(parts):
            return parts
        case Implies(condition, consequence):
            return (condition, consequence)
        case Not(part) | Every(part) | Some(part):
            return (part,)
        case _:
            return ()


def rebuilt(formula: Formula, parts: tuple[Formula, ...]) -> Formula:
    """Return a formula of the same kind over other parts."""
    match formula:
        case And():
            return And(parts)
        case Or():
            return Or(parts)
        case Exactly(count, _):
            return Exactly(count, parts)
        case Ambiguous():
            return Ambiguous(parts)
        case Implies():
            return Implies(parts[0], parts[1])
        case Not():
            return Not(parts[0])
        case Every():
            return Every(parts[0])
        case Some():
            return Some(parts[0])
        case _:
            return formula


def map_atoms(formula: Formula, change: Callable[[Atom], Atom]) -> Formula:
    """Return the formula with each atom replaced."""
    if isinstance(formula, Atom):
        return change(formula)
    return rebuilt(formula, tuple(map_atoms(part, change) for part in children(formula)))


def walk(formula: Formula) -> Iterator[Formula]:
    """Yield the formula and everything below it."""
    yield formula
    for part in children(formula):
        yield from walk(part)


def atoms(formula: Formula) -> Iterator[Atom]:
    """Yield every atom, as often as it occurs."""
    return (node for node in walk(formula) if isinstance(node, Atom))


def meanings(formula: Formula) -> list[Formula]:
    """Return every formula without `Ambiguous` that this one can be taken for."""
    if isinstance(formula, Ambiguous):
        return [meaning for option in formula.options for meaning in meanings(option)]
    found = [meanings(part) for part in children(formula)]
    return [rebuilt(formula, parts) for parts in itertools.product(*found)]


def meaning_count(formula: Formula) -> int:
    """Return how many `meanings` there are, without making them."""
    counts = [meaning_count(part) for part in children(formula)]
    if isinstance(formula, Ambiguous):
        return sum(counts)
    total = 1
    for count in counts:
        total *= count
    return total
