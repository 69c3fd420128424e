"""Whole clauses joined by or, but not both, only if, unless and counts of two, keyed by trying every assignment.

Where people take a sentence in two ways (either ... or, only if, unless), a question is kept only if the answer is the same
under each of them.
"""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.testing.questions import families

_World = Mapping[str, bool]
_Holds = Callable[[_World], bool]

# A subject, what is said of it, its denial, and the question.
_CLAUSES: Sequence[Sequence[tuple[str, str, str]]] = (
    (("Ann is guilty", "Ann is not guilty", "Is Ann guilty"), ("Bob is guilty", "Bob is not guilty", "Is Bob guilty"),
     ("Cem is guilty", "Cem is not guilty", "Is Cem guilty"), ("Dan is guilty", "Dan is not guilty", "Is Dan guilty")),
    (("it rains", "it does not rain", "Does it rain"), ("the road is wet", "the road is not wet", "Is the road wet"),
     ("Tom walks", "Tom does not walk", "Does Tom walk"), ("the lamp is on", "the lamp is not on", "Is the lamp on")),
    (("P", "not P", "Is P true"), ("Q", "not Q", "Is Q true"), ("R", "not R", "Is R true"), ("S", "not S", "Is S true")),
    (("the butler is guilty", "the butler is not guilty", "Is the butler guilty"),
     ("the cook is guilty", "the cook is not guilty", "Is the cook guilty"),
     ("the driver is guilty", "the driver is not guilty", "Is the driver guilty")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence and when it holds, in each way that people take it."""

    text: str
    ways: Sequence[_Holds]


def _joined(chance: random.Random, first: str, second: str) -> _Said:
    def one(w: _World) -> bool:
        return w[first] != w[second]

    def some(w: _World) -> bool:
        return w[first] or w[second]

    def not_both(w: _World) -> bool:
        return not (w[first] and w[second])

    forms: list[_Said] = [
        _Said(f"Either {first} or {second}, but not both", (one,)),
        _Said(f"{first} or {second}, but not both", (one,)),
        _Said(f"Either {first} or {second}", (some, one)),
        _Said(f"Not both {first} and {second}", (not_both,)),
        _Said(f"It is not the case that both {first} and {second}", (not_both,)),
        _Said(f"{first} only if {second}", (lambda w: not w[first] or w[second], lambda w: w[first] == w[second])),
        _Said(f"{first} unless {second}", (some, one)),
        _Said(f"Unless {second}, {first}", (some, one)),
        _Said(f"If {first}, then {second}", (lambda w: not w[first] or w[second],)),
        _Said(f"{first} if and only if {second}", (lambda w: w[first] == w[second],)),
    ]
    if first.endswith(" is guilty") and second.endswith(" is guilty"):
        a, b = first.removesuffix(" is guilty"), second.removesuffix(" is guilty")
        forms += [
            _Said(f"Either {a} or {b} is guilty, but not both", (one,)),
            _Said(f"Either {a} or {b} is guilty", (some, one)),
            _Said(f"Exactly one of {a} and {b} is guilty", (one,)),
            _Said(f"Only one of {a} and {b} is guilty", (one,)),
            _Said(f"At most one of {a} and {b} is guilty", (not_both,)),
            _Said(f"At least one of {a} and {b} is guilty", (some,)),
            _Said(f"{a} and {b} are not both guilty", (not_both,)),
            _Said(f"Neither {a} nor {b} is guilty", (lambda w: not w[first] and not w[second],)),
        ]
    return chance.choice(forms)


def _known(clause: str, denied: str, *, so: bool) -> _Said:
    return _Said(clause if so else denied, (lambda w: w[clause] == so,))


def _verdicts(names: Sequence[str], said: Sequence[_Said], goal: str) -> set[str]:
    """Return what the goal is under every combination of the ways: yes, no, open, or clash where nothing fits."""
    worlds = [dict(zip(names, values, strict=True)) for values in itertools.product((True, False), repeat=len(names))]
    found = set()
    for ways in itertools.product(*(one.ways for one in said)):
        truths = {world[goal] for world in worlds if all(holds(world) for holds in ways)}
        found.add("clash" if not truths else "open" if len(truths) == 2 else "yes" if truths == {True} else "no")
    return found


def _made(chance: random.Random, *, plain: bool) -> families.Asked:
    while True:
        clauses = _CLAUSES[0] if plain else chance.choice(_CLAUSES)
        clauses = chance.sample(clauses, chance.randint(2, min(3, len(clauses))))
        denied = {clause: negation for clause, negation, _ in clauses}
        names = list(denied)
        said = [_joined(chance, *chance.sample(names, 2)) for _ in range(len(names) - 1)]
        fact = chance.choice(names)
        said.append(_known(fact, denied[fact], so=chance.random() < 0.5))
        goal, _, question = chance.choice(clauses)
        verdicts = _verdicts(names, said, goal)
        if len(verdicts) == 1 and verdicts <= {"yes", "no"} and goal != fact:
            break
    chance.shuffle(said)
    text = " ".join(f"{one.text[0].upper()}{one.text[1:]}." for one in said)
    return families.Asked(f"{text} {question}?", verdicts.pop())


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer opens with the yes or no of the key."""
    return answer.startswith(f"{key.capitalize()}.")


_REFUSE = (
    "It is not true that P unless Q. Not Q. P?",
    "It is not the case that P only if Q. Not P. Q?",
    "It is not the case that P if Q. P?",
    "If P unless Q, then R. P. R?",
    "P or Q but not both if R. R. P. Q?",
    "P unless Q only if R. P. Q?",
    "It is not the case that P or Q, but not both. P. Q?",
    "Not P or Q, but not both. P. Q?",
    "Either Ann or Bob is guilty. Ann is guilty. Is Bob guilty?",
    "Ann is guilty unless Bob is guilty. Bob is guilty. Is Ann guilty?",
    "Ann is guilty only if Bob is guilty. Bob is guilty. Is Ann guilty?",
    "Either Ann or Bob is probably guilty, but not both. Ann is guilty. Is Bob guilty?",
    "Either Ann or Bob or Cem is guilty, but not both. Ann is guilty. Is Bob guilty?",
    "Either Ann or Bob was guilty, but not both. Ann is guilty. Is Bob guilty?",
    "Ann or Bob is guilty if Cem is guilty, but not both. Cem is guilty. Ann is guilty. Is Bob guilty?",
    "Not both Ann and Bob are guilty or Cem is guilty. Ann is guilty. Is Bob guilty?",
    "Exactly one of Ann, Bob and Cem is guilty. Ann is guilty. Is Dan guilty?",
    "Exactly one of Ann and Bob is guilty or rich. Ann is guilty. Is Bob guilty?",
    "Most of Ann and Bob is guilty. Ann is guilty. Is Bob guilty?",
    "Ann and Bob are both guilty unless Cem is guilty. Cem is guilty. Is Ann guilty?",
    "Ann is guilty or Bob is guilty and Cem is guilty, but not both. Ann is guilty. Is Bob guilty?",
    "Ann is guilty only if Bob is guilty or Cem is guilty and Dan is guilty. Ann is guilty. Is Bob guilty?",
    "Either Ann or Bob is guilty, but not both. Ann is suspected. Is Bob guilty?",
    "Either she or Bob is guilty, but not both. Ann is guilty. Is Bob guilty?",
    "Exactly one of P and Q is true. P. Q?",
    "P only if Q. Q. P?",
    "P unless Q. Q. P?",
    "Ann is guilty unless Bob. Bob is guilty. Is Ann guilty?",
    "Either Ann is guilty or Bob, but not both, is guilty. Ann is guilty. Is Bob guilty?",
    "Either Ann or Bob is not guilty, but not both. Ann is guilty. Is Bob guilty?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _made(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic clauses: joined in words",
        answers.Route.LOGIC,
        lambda chance: _made(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
