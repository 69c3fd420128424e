"""A text as understood: premises, one question, and the space of worlds in which both are judged.

Grammars build a `Problem`; solver, checker and wording read it. Nothing here parses or solves.
"""

import contextlib
import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from council.serving.compute.logic import formulas

TEXT_CHARS_MAX = 6_000
SENTENCES_MAX = 80
SENTENCE_CHARS_MAX = 400
NAMES_MAX = 24
ORDER_NAMES_MAX = 9
ATOMS_MAX = 900
GROUPS_MAX = 8
PLACES_MAX = 8
FORMULA_NODES_MAX = 2_000
VARIANTS_MAX = 8


class NotUnderstoodError(Exception):
    """A sentence that the grammar does not cover; `position` counts sentences from 0."""

    def __init__(self, reason: str, position: int = 0):
        super().__init__(reason)
        self.reason = reason
        self.position = position


@contextlib.contextmanager
def located(position: int) -> Iterator[None]:
    """Give the position to whatever is not understood inside."""
    try:
        yield
    except NotUnderstoodError as error:
        raise NotUnderstoodError(error.reason, position) from None


class Ask(enum.Enum):
    """What the question wants."""

    WHETHER = "is the one choice true?"
    WHICH = "which one of the choices is true?"
    ALL = "for each choice, is it true?"


class Style(enum.Enum):
    """How the question was put, and so how the answer opens."""

    YES_NO = "yes or no"
    FOLLOWS = "does it follow"
    TRUTH = "true, false or unknown"
    JSON = "a list of JSON objects"


@dataclass(frozen=True, slots=True)
class Premise:
    """A sentence that is given; `text` is as the user wrote it."""

    text: str
    formula: formulas.Formula


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that may be true, and the words to answer with if it is."""

    answer: str
    formula: formulas.Formula


@dataclass(frozen=True, slots=True)
class Question:
    """`options` maps true, false and unknown to the letter of a multiple-choice line, where there are such lines.

    `lettered` says that the choices themselves are such lines; `backward`, that an order is asked from its back to its front.
    """

    ask: Ask
    style: Style
    choices: tuple[Choice, ...]
    options: dict[str, str] = field(default_factory=dict)
    lettered: bool = False
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What was read.

    `names` are the individuals, or what is put in order. `groups` parts them where several things share a place: each group
    has one name in every place, and `labels` name the places and then each group. Where `placeless`, places only tell rows
    apart, and those of the first group stand fixed. `ordered` says which kind of world is meant. `ends` names the front
    and the back of an order ("tallest", "shortest"). `notes` are the assumptions that the reading makes. `guarded` holds the
    reason, if any, why the words may hide a connection, so that only a definite answer may be given.
    """

    family: str
    premises: tuple[Premise, ...]
    question: Question
    names: tuple[str, ...]
    ordered: bool = False
    ends: tuple[str, str] = ("first", "last")
    notes: tuple[str, ...] = ()
    guarded: str = ""
    closed: bool = True
    groups: tuple[tuple[str, ...], ...] = ()
    labels: tuple[str, ...] = ()
    placeless: bool = False

    @property
    def place_count(self) -> int:
        """How many places an order has."""
        return len(self.groups[0] if self.groups else self.names)

    @property
    def fixed(self) -> dict[str, int]:
        """The places that stand fixed."""
        return {name: place for place, name in enumerate(self.groups[0], start=1)} if self.placeless else {}

    @property
    def formulas(self) -> list[formulas.Formula]:
        """Every formula of premises and question, premises first."""
        return [premise.formula for premise in self.premises] + [choice.formula for choice in self.question.choices]

    @property
    def predicates(self) -> list[str]:
        """The predicates of individuals, in order of appearance."""
        return list(dict.fromkeys(a.predicate for f in self.formulas for a in formulas.atoms(f) if a.subject))

    @property
    def clauses(self) -> list[str]:
        """The whole clauses that are true or false, in order of appearance."""
        return list(dict.fromkeys(a.predicate for f in self.formulas for a in formulas.atoms(f) if not a.subject))

    @property
    def domain(self) -> list[str]:
        """The individuals to consider: the named ones, and one nameless one for each quantifier.

        That many suffice: the formulas are Boolean combinations of closed monadic quantifications without equality, and a
        model stays one when cut down to the named individuals and one witness a quantifier (or blown up by copies).
        """
        if self.ordered:
            return [*self.names]
        quantifiers = sum(
            isinstance(n, formulas.Every | formulas.Some) for f in self.formulas for n in formulas.walk(f)
        )
        witnesses = [f"someone {number}" for number in range(1, quantifiers + 1)]
        return [*self.names, *self._needed(witnesses)]

    def _needed(self, witnesses: list[str]) -> list[str]:
        # Universal premises claim no individual; dropping their witnesses keeps long rule lists small.
        plain = sum(isinstance(premise.formula, formulas.Every) for premise in self.premises)
        kept = witnesses[: len(witnesses) - plain]
        return kept if kept or self.names else witnesses[:1]
