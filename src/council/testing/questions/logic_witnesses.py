"""Witnesses of whom so many tell the truth, and one may have done something; keyed by trying everything that may be so."""

import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.testing.questions import families

_NAMES = (("A", "B", "C", "D"), ("Ann", "Bob", "Cem", "Dan"), ("Zoey", "Mel", "Peggy", "Ted"))
_COUNTS = ("zero", "one", "two", "three", "four")
_DEEDS = (
    ("broke the vase", "break the vase"),
    ("stole the cake", "steal the cake"),
    ("ate the last cookie", "eat the last cookie"),
    ("took the keys", "take the keys"),
)


@dataclass(frozen=True, slots=True)
class _World:
    """Who did it, and who tells the truth."""

    guilty: str
    true: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Claim:
    text: str
    holds: Callable[[_World], bool]


def _claim(chance: random.Random, names: Sequence[str], speaker: str, deed: tuple[str, str] | None) -> _Claim:
    one, other = chance.sample(names, 2)
    others = [name for name in names if name != speaker]
    liar = chance.choice(others)
    forms = [
        _Claim(chance.choice((f"{liar} is lying", f"{liar} lies")), lambda w: liar not in w.true),
        _Claim(chance.choice((f"{liar} is telling the truth", f"{liar} tells the truth")), lambda w: liar in w.true),
    ]
    if len(others) > 1:
        first, second = chance.sample(others, 2)
        forms += [
            _Claim(f"{first} and {second} are both lying", lambda w: not {first, second} & w.true),
            _Claim(f"{first} lies and {second} tells the truth", lambda w: first not in w.true and second in w.true),
        ]
    if deed:
        past, base = deed
        who, me = ("I", "me") if one == speaker else (one, one)
        forms = [
            *forms[: chance.choice((0, 2))],
            _Claim(chance.choice((f"{who} did it", f"{who} {past}", f"it was {me}")), lambda w: w.guilty == one),
            _Claim(
                chance.choice((f"{who} did not do it", f"{who} didn't {base}", f"it wasn't {me}")),
                lambda w: w.guilty != one,
            ),
            _Claim(f"{one} is innocent" if one != speaker else "I am innocent", lambda w: w.guilty != one),
            _Claim(f"neither {one} nor {other} did it", lambda w: w.guilty not in (one, other)),
            _Claim(
                f"it was either {one} or {other}".replace("either ", "", chance.randrange(2)),
                lambda w: w.guilty in (one, other),
            ),
        ]
    return chance.choice(forms)


def _made(chance: random.Random, *, plain: bool) -> families.Asked:
    names = list((_NAMES[1] if plain else chance.choice(_NAMES))[: chance.randint(2, 4)])
    deed = chance.choice(_DEEDS) if chance.random() < 0.6 else None
    count, kind = chance.randint(1, len(names) - 1), chance.random() < 0.6
    how = "exactly" if chance.random() < 0.8 else chance.choice(("at least", "at most"))
    claims = [_claim(chance, names, name, deed) for name in names]

    def fits(world: _World) -> bool:
        held = len(world.true) if kind else len(names) - len(world.true)
        counted = {"exactly": held == count, "at least": held >= count, "at most": held <= count}[how]
        return counted and all(
            (name in world.true) == claim.holds(world) for name, claim in zip(names, claims, strict=True)
        )

    subsets = [frozenset(some) for size in range(len(names) + 1) for some in itertools.combinations(names, size)]
    worlds = [_World(one, true) for one in (names if deed else [""]) for true in subsets]
    fitting = [world for world in worlds if fits(world)]
    asked = chance.choice(("deed", "deed", "true", "lie") if deed else ("true", "lie"))
    chosen = [
        {
            name
            for name in names
            if {"deed": world.guilty == name, "true": name in world.true, "lie": name not in world.true}[asked]
        }
        for world in fitting
    ]
    certain = set.intersection(*chosen) if chosen else set()
    possible = set().union(*chosen)
    # Of several who lie no one is the answer; and where nothing fits, there is none.
    if not fitting or len(certain) > 1 or (not certain and len(possible) < 2):
        return _made(chance, plain=plain)
    key = json.dumps([sorted(certain), [name for name in names if name in possible]])
    return families.Asked(_worded(chance, names, deed, (how, count, kind), claims, asked, plain=plain), key)


def _worded(
    chance: random.Random, names: Sequence[str], deed: tuple[str, str] | None, count: tuple[str, int, bool],
    claims: Sequence[_Claim], asked: str, *, plain: bool,
) -> str:  # fmt: skip
    how, number, kind = count
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    truth = ("tells the truth" if number == 1 else "tell the truth", "is lying" if number == 1 else "are lying")[
        not kind
    ]
    them = "them" if plain else chance.choice(("them", listed, f"the {_COUNTS[len(names)]}"))
    counted = f"{how} {_COUNTS[number]} of {them} {truth}"
    counted = counted[0].upper() + counted[1:]
    sentences = [f"One of {listed} {deed[0]}."] if deed else []
    form = '{n} says: "{t}."' if plain else chance.choice(('{n} says: "{t}."', "{n} says that {t}.", "{n} said {t}."))
    sentences += [form.format(n=name, t=claim.text) for name, claim in zip(names, claims, strict=True)]
    sentences.insert(len(sentences) if plain else chance.choice((len(sentences), 1 if deed else 0)), f"{counted}.")
    question = {
        "deed": f"Who {deed[0] if deed and chance.random() < 0.5 else 'did it'}?",
        "true": chance.choice(
            ("Who tells the truth?", "Who is telling the truth?", "Which of them is telling the truth?")
        ),
        "lie": chance.choice(("Who is lying?", "Who lies?")),
    }[asked]
    return " ".join((*sentences, question))


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer names the one who is certain, or all who may be."""
    certain, possible = json.loads(key)
    if certain:
        return answer.startswith(f"{certain[0]}. ")
    return answer.startswith(f"It cannot be determined from what was given. It could be {' or '.join(possible)}.")


_DEED = "One of Ann, Bob and Cem broke the vase. "
_SAID = "Ann says Bob did it. Bob says Cem did it. Cem says Bob lies. "
_ONE = "Exactly one of them tells the truth. "
_REFUSE = (
    _DEED + _SAID + "Who did it?",
    _DEED + _SAID + "One of them always lies. Who did it?",
    _DEED + _SAID + "About one of them tells the truth. Who did it?",
    _DEED + _SAID + "Most of them tell the truth. Who did it?",
    _DEED + _SAID + "Exactly one of Ann and Bob tells the truth. Who did it?",
    _DEED + _SAID + "Exactly one of the boys tells the truth. Who did it?",
    _DEED + _SAID + "Exactly one of the four tells the truth. Who did it?",
    _DEED + _SAID + "Exactly four of them tell the truth. Who did it?",
    _DEED + _SAID + "Exactly one of them tells the truth and the other one lies. Who did it?",
    _DEED + _SAID + "Exactly one of them sometimes tells the truth. Who did it?",
    _DEED + _SAID + _ONE + "Exactly one of them is lying. Who did it?",
    _DEED + _SAID + _ONE + "Who broke the plate?",
    _DEED + _SAID + _ONE + "Who saw it?",
    _DEED + _SAID + _ONE + "Why did Bob do it?",
    _DEED + _SAID + _ONE + "Did Dan do it?",
    _DEED + _SAID + _ONE + "Cem has a dog. Who did it?",
    _DEED + _SAID + "Ann says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob did it. Bob says Cem did it. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob did it. Bob says Cem did it. Cem says nothing. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob did it. Bob says Ann said he did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says he did it. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says Dan did it. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob took it. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob saw it. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann thinks Bob did it. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob and Cem did it. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    _DEED + "Ann says Bob did it or lies. Bob says Cem did it. Cem says Bob lies. " + _ONE + "Who did it?",
    "At least one of Ann, Bob and Cem broke the vase. " + _SAID + _ONE + "Who did it?",
    "Two of Ann, Bob and Cem broke the vase. " + _SAID + _ONE + "Who did it?",
    "One of Ann and Bob broke the vase. " + _SAID + _ONE + "Who did it?",
    "One of the boys broke the vase. " + _SAID + _ONE + "Who did it?",
    "One of Ann, Bob and Cem did not break the vase. " + _SAID + _ONE + "Who did it?",
    "One of Ann, Bob and Cem broke the vase. One of them ate the cake. " + _SAID + _ONE + "Who did it?",
    _SAID + _ONE + "Who did it?",
    "Ann says Bob lies. Bob says Ann lies. Exactly one of them usually tells the truth. Who tells the truth?",
    "Ann says Bob will lie. Bob says Ann lies. Exactly one of them tells the truth. Who tells the truth?",
    "Ann says Bob always lies. Bob says Ann lies. Exactly one of them tells the truth. Who tells the truth?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _made(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic witnesses: who did it, who tells the truth",
        answers.Route.LOGIC,
        lambda chance: _made(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
