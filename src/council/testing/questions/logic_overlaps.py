"""Two or three overlapping groups: the regions are drawn first, some sums of them are told, one is asked for.

The key is worked out by trying all ways to fill the diagram that agree with what is told, in code of its own.
"""

import functools
import itertools
import json
import random
from collections.abc import Callable, Sequence

from council.domain import answers
from council.testing.questions import families

Filling = dict[frozenset[str], int]

_WORLDS = (
    ("people", "like", ("tea", "coffee", "cocoa")),
    ("students", "play", ("football", "tennis", "chess")),
    ("students", "study", ("French", "German", "Latin")),
    ("tourists", "visited", ("Rome", "Oslo", "Lima")),
    ("members", "own", ("a cat", "a dog", "a horse")),
    ("children", "like", ("apples", "pears", "plums")),
)
_TOTALS = (
    "Of {n} {noun}, ",
    "In a group of {n} {noun}, ",
    "Out of {n} {noun} ",
    "Among {n} {noun}, ",
)


def _regions(things: Sequence[str]) -> list[frozenset[str]]:
    return [frozenset(chosen) for size in range(len(things) + 1) for chosen in itertools.combinations(things, size)]


def _sums(things: Sequence[str], verb: str) -> dict[str, Callable[[frozenset[str]], bool]]:
    """Return what can be told or asked, with which regions it counts."""
    a, b = things[0], things[1]
    found: dict[str, Callable[[frozenset[str]], bool]] = {}
    for thing in things:
        found[f"{verb} {thing}"] = frozenset({thing}).issubset
        found[f"{verb} only {thing}"] = frozenset({thing}).__eq__
    found[f"do not {verb} {a}"] = lambda r: a not in r
    found[f"{verb} {a} but not {b}"] = lambda r: a in r and b not in r
    found[f"{verb} {a} or {b}"] = lambda r: a in r or b in r
    found[f"{verb} either {a} or {b}, but not both"] = lambda r: (a in r) != (b in r)
    if len(things) == 2:
        found[f"{verb} both"] = lambda r: len(r) == 2
        found[f"{verb} both {a} and {b}"] = lambda r: len(r) == 2
        found[f"{verb} neither"] = lambda r: not r
        found[f"{verb} neither {a} nor {b}"] = lambda r: not r
    else:
        found[f"{verb} all three"] = lambda r: len(r) == 3
        found[f"{verb} none of them"] = lambda r: not r
        found[f"{verb} exactly two"] = lambda r: len(r) == 2
        for one, two in itertools.combinations(things, 2):
            found[f"{verb} {one} and {two}"] = frozenset({one, two}).issubset
    found[f"{verb} exactly one"] = lambda r: len(r) == 1
    found[f"{verb} at least one"] = bool
    return found


def _made(chance: random.Random, *, plain: bool) -> families.Asked:
    noun, verb, all_things = _WORLDS[0] if plain else chance.choice(_WORLDS)
    things = all_things[: 2 if chance.random() < 0.6 else 3]
    most = 25 if len(things) == 2 else 6
    filling = {region: chance.randint(0, most) for region in _regions(things)}
    total = sum(filling.values())
    sums = _sums(things, verb)
    told = [f"{verb} {thing}" for thing in things]
    others = [said for said in sums if said not in told]
    usual = [s for s in others if "both" in s or "neither" in s or " and " in s or "all three" in s or "none" in s]
    usual = [said for said in usual if " or " not in said]
    told += chance.sample(usual, chance.randint(1, min(4 if len(things) == 3 else 2, len(usual))))
    counts = {said: sum(n for region, n in filling.items() if sums[said](region)) for said in told}
    if chance.random() < 0.05:
        counts[told[-1]] += chance.randint(1, 40)
    asked = chance.choice([said for said in sums if said not in told])
    possible = _possible(_regions(things), total, [(sums[s], n) for s, n in counts.items()], sums[asked])
    text = chance.choice(_TOTALS[:1] if plain else _TOTALS).format(n=total, noun=noun)
    pieces = [f"{n} {said}" for said, n in counts.items()]
    if not plain and chance.random() < 0.5:
        pieces = [pieces[0], *(piece.replace(f" {verb} ", " ", 1) for piece in pieces[1:])]
    text += f"{', '.join(pieces[:-1])} and {pieces[-1]}. "
    who = chance.choice(("How many", f"How many {noun}", "How many of them"))
    return families.Asked(f"{text}{who} {asked}?", json.dumps(possible))


def _possible(
    regions: Sequence[frozenset[str]], total: int, told: Sequence[tuple[Callable[[frozenset[str]], bool], int]],
    asked: Callable[[frozenset[str]], bool],
) -> list[int]:  # fmt: skip
    """Return every value that the sum asked for can have, from which rests each region leaves, the fullest region first."""
    regions = sorted(regions, key=len, reverse=True)
    counted = [[i for i, (test, _) in enumerate(told) if test(region)] for region in regions]

    @functools.cache
    def values(at: int, left: int, needs: tuple[int, ...]) -> frozenset[int]:
        if at == len(regions):
            return frozenset({0}) if left == 0 and not any(needs) else frozenset()
        ends = [i for i in counted[at] if not any(i in later for later in counted[at + 1 :])]
        most = min([left, *(needs[i] for i in counted[at])])
        numbers: Sequence[int] = range(most + 1)
        if ends or at == len(regions) - 1:
            numbers = [n for n in [needs[ends[0]] if ends else left] if n <= most]
        found: set[int] = set()
        for number in numbers:
            after = tuple(n - number if i in counted[at] else n for i, n in enumerate(needs))
            own = number if asked(regions[at]) else 0
            found |= {own + value for value in values(at + 1, left - number, after)}
        return frozenset(found)

    return sorted(values(0, total, tuple(number for _, number in told)))


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer is the one value, or says that there are more; a clash has no right answer."""
    possible = json.loads(key)
    if len(possible) > 1:
        ends = f"anything from {possible[0]} to {possible[-1]} fits"
        whole = len(possible) == possible[-1] - possible[0] + 1
        return answer.startswith("It cannot be determined from what was given") and (not whole or ends in answer)
    return bool(possible) and answer.startswith(f"{possible[0]}.")


_TEA = "Of 30 people, 18 like tea, 15 like coffee and 7 like both. "
_REFUSE = (
    _TEA + "How many women like neither?",
    "Of 40 students, 20 play chess and 15 of them play tennis. How many play only chess?",
    "Of 40 students, 20 play chess. 15 of them play tennis. How many play only chess?",
    "Of 40 students, 20 own a cat, 15 own a black cat. How many own both?",
    "Of 40 people, 20 drink tea, 15 drink green tea. How many drink neither?",
    "Of 40 people, 20 own a pet, 15 own cats. How many own neither?",
    "Of 40 students, 20 play a sport and 15 play tennis. How many play both?",
    "Of 40 students, 20 play chess and 15 play tennis instead. How many play both?",
    "Of 40 students, 20 play chess and 15 play tennis regularly. How many play both?",
    "Of 40 students, 20 play chess and 15 play tennis too. How many play both?",
    "Of 40 students, 20 play chess and 15 play tennis the year after. How many play both?",
    _TEA + "How many like cocoa?",
    _TEA + "How many like either tea or coffee?",
    _TEA + "How many like tea or cocoa?",
    _TEA + "Everyone likes tea or cocoa. How many like neither?",
    "In a class of 30 boys play chess and 15 play tennis. How many play both?",
    "In a class of 30, 18 play chess and 15 of them play tennis. How many play both?",
    _TEA + "How many cups of tea do they drink?",
    _TEA + "How many like tea more than coffee?",
    _TEA + "How many like neither on Sundays?",
    _TEA + "How many liked neither last year?",
    _TEA + "How many like neither, and how many like both?",
    _TEA + "What share likes neither?",
    _TEA + "Five people leave. How many like tea but not coffee?",
    "Of 30 people, 18 smoke. 15 smoke pipes and 7 both. How many do neither?",
    "Of about 30 people, 18 like tea, 15 like coffee and 7 like both. How many like neither?",
    "Of 30 people, at least 18 like tea, 15 like coffee and 7 like both. How many like neither?",
    "Of 30 people, 18 like tea, 15 like coffee and up to 7 like both. How many like neither?",
    "Of 30 people, 60% like tea, 50% like coffee and 7 like both. How many like neither?",
    "Of 30 people, 18 like tea, 15 like coffee and half of them like both. How many like neither?",
    "Of 30 people, 18 like tea, 15 of those like coffee and 7 like both. How many like neither?",
    "Of 30 people, 18 men like tea, 15 women like coffee and 7 like both. How many like neither?",
    "Of 30 people, 18 like tea, 15 hate coffee and 7 like both. How many like neither?",
    "Of 30 people, 18 like tea, 15 like coffee, 12 like cocoa and 7 like both. How many like neither?",
    "Of 30 people, 18 like tea, 35 like coffee and 7 like both. How many like neither?",
    "18 like tea, 15 like coffee and 7 like both. How many like neither?",
    "Of 30 people 18 like tea. Of 20 people 15 like coffee. 7 like both. How many like neither?",
    "Of 30 people, 18 like tea or coffee and 7 like both. How many like neither?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _made(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic overlaps: two or three groups",
        answers.Route.LOGIC,
        lambda chance: _made(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
