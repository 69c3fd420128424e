"""All 256 forms of the syllogism in traditional wordings, keyed by trying which of the eight regions of three kinds are empty.

A form that is valid only if its kinds have members must be said to depend on that.
"""

import itertools
import random
from collections.abc import Iterator, Sequence

from council.domain import answers
from council.testing.questions import families

_Region = tuple[bool, bool, bool]
_REGIONS: Sequence[_Region] = tuple(itertools.product((False, True), (False, True), (False, True)))
_SUBJECT, _MIDDLE, _PREDICATE = range(3)
_FIGURES = (
    ((_MIDDLE, _PREDICATE), (_SUBJECT, _MIDDLE)),
    ((_PREDICATE, _MIDDLE), (_SUBJECT, _MIDDLE)),
    ((_MIDDLE, _PREDICATE), (_MIDDLE, _SUBJECT)),
    ((_PREDICATE, _MIDDLE), (_MIDDLE, _SUBJECT)),
)
_TERMS = (
    ("poets", "dreamers", "sailors", "bakers", "lawyers", "wizards", "gardeners", "pilots", "fencers", "drummers"),
    ("wugs", "daxes", "blickets", "toves", "borogoves", "zorps", "fenns", "quibs", "morfs", "glips"),
    ("A", "B", "C", "P", "Q", "R"),
)
_WORDINGS = {
    "A": ("All {a} are {b}", "All {a} are {b}"),
    "E": ("No {a} are {b}", "None of the {a} are {b}", "There are no {a} that are {b}",
          "It is false that some {a} are {b}"),
    "I": ("Some {a} are {b}", "There are {a} that are {b}", "It is not true that no {a} are {b}"),
    "O": ("Some {a} are not {b}", "Not all {a} are {b}", "It is not the case that all {a} are {b}"),
}  # fmt: skip
_ASKED = (
    "{premises}. Therefore, {conclusion}. Is this argument valid?",
    "{premises}. Does it follow that {conclusion}?",
    "{premises}. Can we conclude that {conclusion}?",
    "Is the following syllogism valid? {premises}. Therefore {conclusion}.",
    "Premise 1: {first}.\nPremise 2: {second}.\nConclusion: {conclusion}.\nValid or invalid?",
    "{premises}. Hence {conclusion}. Is that a valid syllogism?",
    "Major premise: {first}. Minor premise: {second}. Conclusion: {conclusion}. Is this valid?",
    "{premises}. Does it necessarily follow that {conclusion}?",
    "{premises}. Does it logically follow that {conclusion}?",
)


def _holds(kind: str, first: int, second: int, inhabited: frozenset[_Region]) -> bool:
    both = any(region[first] and region[second] for region in inhabited)
    only = any(region[first] and not region[second] for region in inhabited)
    return {"A": not only, "E": not both, "I": both, "O": only}[kind]


def _worlds(*, members: bool) -> Iterator[frozenset[_Region]]:
    for chosen in itertools.product((False, True), repeat=len(_REGIONS)):
        inhabited = frozenset(region for region, there in zip(_REGIONS, chosen, strict=True) if there)
        if not members or all(any(region[term] for region in inhabited) for term in range(3)):
            yield inhabited


def verdict(moods: str, figure: int, *, members: bool) -> str:
    """Return yes, no or open for the form, with or without members of every kind; "clash" where the premises cannot hold."""
    (a, b), (c, d) = _FIGURES[figure]
    fitting = [
        world for world in _worlds(members=members) if _holds(moods[0], a, b, world) and _holds(moods[1], c, d, world)
    ]
    truths = {_holds(moods[2], _SUBJECT, _PREDICATE, world) for world in fitting}
    return {0: "clash", 2: "open"}.get(len(truths)) or ("yes" if truths == {True} else "no")


_KEYS = {
    ("".join(moods), figure): tuple(verdict("".join(moods), figure, members=members) for members in (False, True))
    for moods in itertools.product("AEIO", repeat=3)
    for figure in range(4)
}


def _asked(chance: random.Random, *, plain: bool) -> families.Asked:
    moods, figure = chance.choice(list(_KEYS))
    letters = chance.random() < 0.2
    terms = chance.sample(_TERMS[2] if letters else chance.choice(_TERMS[:2]), 3)
    said = []
    for mood, (first, second) in zip(moods, (*_FIGURES[figure], (_SUBJECT, _PREDICATE)), strict=True):
        wording = _WORDINGS[mood][0] if plain or letters else chance.choice(_WORDINGS[mood])
        said.append(wording.format(a=terms[first], b=terms[second]))
    conclusion = said[2][0].lower() + said[2][1:]
    form = _ASKED[0] if plain else chance.choice(_ASKED)
    text = form.format(premises=f"{said[0]}. {said[1]}", first=said[0], second=said[1], conclusion=conclusion)
    return families.Asked(text, " ".join(_KEYS[moods, figure]))


def agrees(answer: str, key: str) -> bool:
    """Say whether an answer gives the modern verdict, and names the condition where the traditional one differs."""
    modern, traditional = key.split()
    unless = "unless every kind spoken of has a member" in answer
    if modern == "open":
        right = answer.startswith("No, it does not follow") and "opposite follows. Both" not in answer
        return right and unless == (traditional in ("yes", "no"))
    return answer.startswith({"yes": "Yes, it follows", "no": "No, the opposite follows"}[modern])


_REFUSE = (
    "Most poets are sailors. All sailors are bakers. Therefore, most poets are bakers. Is this argument valid?",
    "Few poets are sailors. All sailors are bakers. Does it follow that few poets are bakers?",
    "All poets are probably sailors. All sailors are bakers. Therefore, all poets are bakers. Is this argument valid?",
    "All poets were sailors. All sailors are bakers. Therefore, all poets are bakers. Is this argument valid?",
    "All poets are sailors. All sailors are bakers. Therefore, all poets are bakers. Is this argument sound?",
    "All poets are sailors. All sailors are bakers. Therefore, all poets are bakers. Is the conclusion true?",
    "All poets are sailors and all sailors are bakers or poets. Does it follow that all poets are bakers?",
    "All poets admire sailors. All sailors are bakers. Does it follow that all poets admire bakers?",
    "Sailors are numerous. Tom is a sailor. Does it follow that Tom is numerous?",
    "Almost all poets are sailors. Tom is a poet. Does it follow that Tom is a sailor?",
    "All poets are sailors. Does it follow that all sailors?",
    "All big poets are sailors. Tom is a poet. Does it follow that Tom is not a sailor? And is Tom big?",
    "All poets are former sailors. Does it follow that all poets are sailors?",
    "Five poets are sailors. All sailors are bakers. Does it follow that five poets are bakers?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _asked(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic syllogisms: all forms",
        answers.Route.LOGIC,
        lambda chance: _asked(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
