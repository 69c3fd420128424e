"""Knights and knaves who speak of each other, keyed by trying who may be what."""

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.testing.questions import families

_World = Mapping[str, bool]
_NAMES = (("A", "B", "C", "D"), ("Ann", "Bob", "Cem", "Dan"), ("Zoey", "Mel", "Peggy", "Ted"))
_COUNTS = ("zero", "one", "two", "three", "four")
_ISLANDS = (
    "Knights always tell the truth and knaves always lie. ",
    "A very special island is inhabited only by knights and knaves. Knights always tell the truth, and knaves always lie. ",
    "On an island of knights and knaves, every inhabitant is either a knight or a knave. ",
)


@dataclass(frozen=True, slots=True)
class _Claim:
    text: str
    holds: Callable[[_World], bool]


def _claim(chance: random.Random, names: Sequence[str], speaker: str) -> _Claim:
    first, second = chance.sample([name for name in names if name != speaker] + [speaker], 2)
    count, kind = chance.randint(1, len(names)), chance.random() < 0.5
    noun = "knight" if kind else "knave"
    a, b = ("I" if name == speaker else name for name in (first, second))
    number = f"{_COUNTS[count]} of us {'is a ' + noun if count == 1 else 'are ' + noun + 's'}"

    def held(w: _World) -> int:
        return sum(w[name] == kind for name in names)

    forms = [
        _Claim(f"{a} {'am' if a == 'I' else 'is'} a {noun}", lambda w: w[first] == kind),
        _Claim(f"exactly {number}", lambda w: held(w) == count),
        _Claim(f"at least {number}", lambda w: held(w) >= count),
        _Claim(f"at most {number}", lambda w: held(w) <= count),
        _Claim(f"{a} {'am' if a == 'I' else 'is'} a {noun} or {b} {'am' if b == 'I' else 'is'} a knight",
               lambda w: w[first] == kind or w[second]),
        _Claim(f"neither {first if a == 'I' else a} nor {second if b == 'I' else b} is a {noun}",
               lambda w: w[first] != kind and w[second] != kind),
        _Claim(f"if {a} {'am' if a == 'I' else 'is'} a {noun} then {b} {'am' if b == 'I' else 'is'} a knave",
               lambda w: w[first] != kind or not w[second]),
        _Claim(f"{first} and {second} are the same", lambda w: w[first] == w[second]),
        _Claim(f"{first} and {second} are both {noun}s", lambda w: w[first] == w[second] == kind),
    ]  # fmt: skip
    return chance.choice(forms)


def _made(chance: random.Random, *, plain: bool) -> families.Asked:
    names = list((_NAMES[0] if plain else chance.choice(_NAMES))[: chance.randint(2, 4)])
    while True:
        claims = [(name, _claim(chance, names, name)) for name in names]
        worlds = [
            dict(zip(names, values, strict=True)) for values in itertools.product((True, False), repeat=len(names))
        ]
        fitting = [w for w in worlds if all(w[name] == claim.holds(w) for name, claim in claims)]
        if fitting:
            break
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    island = _ISLANDS[0] if plain else chance.choice(_ISLANDS)
    met = chance.choice(
        (f"You meet {_COUNTS[len(names)]} inhabitants: {listed}. ", f"There are {len(names)} people: {listed}. ")
    )
    said = " ".join(_told(chance, name, claim, plain=plain) for name, claim in claims)
    asked = (
        "Who is what?" if plain else chance.choice(("So who is a knight and who is a knave?", f"What are {listed}?"))
    )
    possible = {name: sorted({world[name] for world in fitting}) for name in names}
    return families.Asked(f"{island}{met}{said} {asked}", json.dumps([len(fitting) == 1, possible]))


def _told(chance: random.Random, name: str, claim: _Claim, *, plain: bool) -> str:
    form = (
        '{n} says: "{t}."' if plain else chance.choice(('{n} says: "{t}."', "{n} says that {t}.", '{n} claims, "{t}".'))
    )
    return form.format(n=name, t=claim.text)


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer tells of each whether they are a knight, a knave, or may be either."""
    single, possible = json.loads(key)
    words = {(True,): "is a knight", (False,): "is a knave", (False, True): "may be either"}
    told = ", ".join(f"{name} {words[tuple(values)]}" for name, values in possible.items())
    opening = "" if single else "It cannot be determined from what was given. "
    return answer.startswith(f"{opening}{told}.")


_ISLAND = _ISLANDS[0]
_REFUSE = (
    _ISLAND + "A says that B is a spy. Who is what?",
    _ISLAND + "A says that B would say that A is a knave. Who is what?",
    _ISLAND + "A says that B says that A is a knave. Is B a knave?",
    _ISLAND + "A says that A says that A is a knave. What is A?",
    _ISLAND + "A says that B says that A is a knave and C is a knight. B says that C is a knave. Who is what?",
    _ISLAND + "A says that B says that C says that A is a knave. What is A?",
    _ISLAND + "A says that most of us are knaves. B says that A is a knave. Who is what?",
    _ISLAND + "A says that exactly five of us are knaves. B says that A is a knave. Who is what?",
    _ISLAND + "A says that about two of us are knaves. B says that A is a knave. Who is what?",
    _ISLAND + "A says that they are both knaves. B says that A is a knave. C says that A is a knight. Who is what?",
    _ISLAND + "A said that B was a knave. B says that A is a knave. Who is what?",
    _ISLAND + "A says nothing. B says that A is a knave. Who is what?",
    _ISLAND + "A is asked whether B is a knave. A says yes. Who is what?",
    _ISLAND + "A sometimes lies. B says that A is a knave. Who is what?",
    "Knights always lie and knaves always tell the truth. A says that B is a knight. Who is what?",
    "Spies sometimes lie. Knights always tell the truth and knaves always lie. A says that B is a knave. Who is what?",
    _ISLAND + "A says that I am a knave or B. Who is what?",
    _ISLAND + "A says that he is a knave and B is a knight. Who is what?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _made(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic knights: who is what",
        answers.Route.LOGIC,
        lambda chance: _made(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
