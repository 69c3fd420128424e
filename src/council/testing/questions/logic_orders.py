"""Orders in all their worlds: ages, prices, finishing places, places in a row, keyed by trying every order of at most six."""

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.testing.questions import families

Order = Sequence[str]

_NUMBERS = ("", "", "two", "three", "four", "five", "six")
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth")
_PREAMBLE = (
    "The following paragraphs each describe a set of {n} objects arranged in a fixed order. "
    "The statements are logically consistent within each paragraph.\n\n"
)


@dataclass(frozen=True, slots=True)
class _World:
    """One way to put things in order; the front of an order is the first of `superlatives` and `comparatives`.

    `head` lists what there is; `place` words a place from the front, `last` one from the back, both with {s} for the subject.
    """

    head: str
    names: Sequence[str]
    comparatives: tuple[Sequence[str], Sequence[str]]
    place: Callable[[int, int], Sequence[str]]
    who: Callable[[int, int], Sequence[str]]
    plural: bool = False


def _superlative(front: str, back: str) -> Callable[[int, int], Sequence[str]]:
    def place(at: int, count: int) -> Sequence[str]:
        found = [f"the {'' if at == 1 else _ORDINALS[at] + '-'}{front}"]
        behind = count + 1 - at
        return [*found, f"the {'' if behind == 1 else _ORDINALS[behind] + '-'}{back}"]

    return place


def _row_place(at: int, count: int) -> Sequence[str]:
    found = [f"the {_ORDINALS[at]} from the left", f"the {_ORDINALS[count + 1 - at]} from the right"]
    return [*found, *(["the leftmost", "leftmost"] if at == 1 else []), *(["the rightmost"] if at == count else [])]


def _queue_place(at: int, count: int) -> Sequence[str]:
    if at == count:
        return ["last in line", "at the back of the queue"]
    return [f"{_ORDINALS[at]} in line", *(["at the front"] if at == 1 else [])]


def _race_place(at: int, count: int) -> Sequence[str]:
    found = [_ORDINALS[at]]
    behind = count + 1 - at
    if behind == 1:
        return [*found, "last"]
    return [*found, f"{_ORDINALS[behind]}-to-last", f"{_ORDINALS[behind]} to last"]


def _asked_of_race(at: int, count: int) -> Sequence[str]:
    found = [f"Who {verb} {said}" for said in _race_place(at, count) for verb in ("finished", "was", "came in")]
    return [*found, *(["Who won", "Who won the race"] if at == 1 else [])]


def _asked_of_queue(at: int, count: int) -> Sequence[str]:
    behind = ["last"] if at == count else ["second to last"] if at == count - 1 and at > 1 else []
    return [f"Who is {said}" for said in (*_queue_place(at, count), _ORDINALS[at], *behind)]


def _asked(places: Callable[[int, int], Sequence[str]], verb: str) -> Callable[[int, int], Sequence[str]]:
    return lambda at, count: [f"{verb} {said}" for said in places(at, count)]


_OLD = _superlative("oldest", "newest")
_DEAR = _superlative("most expensive", "cheapest")
_TALL = _superlative("tallest", "shortest")
_WORLDS: Mapping[str, _World] = {
    "cars": _World(
        "In an antique car show, there are {n} vehicles: {list}. ",
        ("the tractor", "the minivan", "the hatchback", "the limousine", "the truck", "the convertible", "the bus"),
        (("is older than {o}",), ("is newer than {o}",)), _OLD, _asked(_OLD, "Which is"),
    ),
    "fruit": _World(
        "A fruit stand sells {n} fruits: {list}. ",
        ("the kiwis", "the plums", "the apples", "the loquats", "the mangoes", "the pears", "the oranges"),
        (("are more expensive than {o}", "cost more than {o}"),
         ("cost less than {o}", "are less expensive than {o}", "are cheaper than {o}")), _DEAR,
        _asked(_DEAR, "Which are"), plural=True,
    ),
    "golf": _World(
        "In a golf tournament, there were {n} golfers: {list}. ",
        ("Ana", "Eve", "Rob", "Mel", "Joe", "Amy", "Dan"),
        (("finished above {o}", "finished before {o}"), ("finished below {o}", "finished after {o}")), _race_place,
        _asked_of_race,
    ),
    "birds": _World(
        "On a branch, there are {n} birds: {list}. ",
        ("the owl", "the raven", "the robin", "the falcon", "the crow", "the quail", "the hawk"),
        (("is to the left of {o}",), ("is to the right of {o}",)), _row_place, _asked(_row_place, "Which is"),
    ),
    "queue": _World(
        "There are {n} people standing in a line: {list}. ",
        ("Ann", "Bob", "Cem", "Dan", "Eve", "Fay", "Gus"),
        (("is in front of {o}", "is ahead of {o}"), ("is behind {o}",)), _queue_place, _asked_of_queue,
    ),
    "people": _World(
        "There are {n} people: {list}. ",
        ("Ann", "Bob", "Cem", "Dan", "Eve", "Fay", "Gus"),
        (("is taller than {o}",), ("is shorter than {o}",)), _TALL, _asked(_TALL, "Who is"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    holds: Callable[[Order], bool]


def _sentence(chance: random.Random, world: _World, names: Sequence[str]) -> _Said:
    """Return a statement about an order of the names."""
    first, second = chance.sample(list(names), 2)
    if chance.random() < 0.55:
        front = chance.random() < 0.5
        text = f"{first} {chance.choice(world.comparatives[0 if front else 1]).format(o=second)}"
        return _Said(_capital(text), lambda w: (w.index(first) < w.index(second)) == front)
    at = chance.randint(1, len(names))
    text = f"{first} {_be(world)}{chance.choice(world.place(at, len(names)))}"
    return _Said(_capital(text), lambda w: w[at - 1] == first)


def _be(world: _World) -> str:
    return "finished " if world.place is _race_place else "are " if world.plural else "is "


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _listed(world: _World, names: Sequence[str]) -> str:
    shown = [n if not n.startswith("the ") else n[4:] if world.plural else f"{_article(n[4:])} {n[4:]}" for n in names]
    return f"{', '.join(shown[:-1])}, and {shown[-1]}"


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _made(chance: random.Random, *, plain: bool) -> families.Asked:
    world = _WORLDS["birds"] if plain and chance.random() < 0.3 else chance.choice(list(_WORLDS.values()))
    names = chance.sample(world.names, chance.randint(3, 6))
    hidden = chance.sample(names, len(names))
    said: list[_Said] = []
    false_allowed = chance.random() < 0.06
    while len(said) < len(names) - 1 + chance.randint(-1, 1):
        sentence = _sentence(chance, world, names)
        if (sentence.holds(hidden) or (false_allowed and said)) and sentence.text not in [s.text for s in said]:
            said.append(sentence)
    fitting = [order for order in itertools.permutations(names) if all(s.holds(order) for s in said)]
    head = world.head.format(n=_NUMBERS[len(names)], list=_listed(world, names))
    text = head + " ".join(f"{s.text}." for s in said)
    if plain or chance.random() < 0.3:
        text = _PREAMBLE.format(n=_NUMBERS[len(names)]) + text
    at = chance.randint(1, len(names))
    kind = chance.random()
    if kind < 0.4 and len({order[at - 1] for order in fitting}) == 1:
        return _lettered(chance, world, names, fitting, text, at)
    if kind < 0.7:
        asked = chance.choice(world.who(at, len(names)))
        return families.Asked(f"{text} {asked}?", json.dumps(sorted({_bare(order[at - 1]) for order in fitting})))
    goal = _sentence(chance, world, names)
    truths = {goal.holds(order) for order in fitting}
    key = ["clash"] if not truths else ["open"] if len(truths) == 2 else ["Yes."] if truths == {True} else ["No."]
    return families.Asked(f"{text} Is it true that {_lower(goal.text)}?", json.dumps(key))


def _bare(name: str) -> str:
    return name.removeprefix("the ").lower()


def _lower(text: str) -> str:
    return text[0].lower() + text[1:] if text.startswith("The ") else text


def _lettered(
    chance: random.Random, world: _World, names: Sequence[str], fitting: Sequence[Order], text: str, at: int
) -> families.Asked:
    place = chance.choice(world.place(at, len(names)))
    lines = [f"{letter}) {_capital(name)} {_be(world)}{place}." for letter, name in zip("ABCDEFG", names, strict=False)]
    key = json.dumps([f"{'ABCDEFG'[names.index(fitting[0][at - 1])]})"])
    return families.Asked(f"{text}\nWhich of the following is true?\n" + "\n".join(lines), key)


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer opens with the one possibility, or names all of them; a clash has no right answer."""
    possible = json.loads(key)
    opening = "It cannot be determined from what was given. "
    if possible == ["open"]:
        return answer.startswith(opening)
    if possible == ["clash"] or not possible:
        return False
    if len(possible) == 1:
        said = answer if possible[0].endswith((".", ")")) else _bare(answer[0].lower() + answer[1:])
        return said.startswith(possible[0] if said is answer else f"{possible[0]}.")
    named = answer.removeprefix(f"{opening}It could be ").split(".")[0].split(" or ")
    return answer.startswith(opening) and sorted(_bare(name[0].lower() + name[1:]) for name in named) == possible


_PEOPLE = "There are three people: Ann, Bob, and Cem. "
_REFUSE = (
    _PEOPLE + "Ann is taller than Bob. Bob is taller than Cem. Who is first?",
    _PEOPLE + "Ann is left of Bob. Bob is left of Cem. Who is second to last?",
    _PEOPLE + "Ann is left of Bob. Bob is left of Cem. Who won?",
    _PEOPLE + "Ann was first-to-last. Bob finished before Cem. Who won?",
    _PEOPLE + "Ann was first in the heat. Bob finished before Cem. Who won?",
    _PEOPLE + "Ann finished before Bob. Bob finished before Cem. Who nearly won?",
    _PEOPLE + "Ann finished before Bob. Bob finished before Cem. Who won the second race?",
    "Ann is left of Bob. Bob is left of Cem. Cem is left of Dan. Who is in the middle?",
    "There are 4 people standing in a line. Ann is in front of Bob. Bob is in front of Cem. Who is last?",
    "At least three people stand in a line. Ann is in front of Bob. Bob is in front of Cem. Who is last?",
    "Three people stand in a line: Ann and Bob. Ann is in front of Bob. Who is last?",
    "Three people stand in a line. Ann is left of Bob. Bob is left of Cem. Who is first in line?",
    _PEOPLE + "Ann is taller than Bob. Bob is not taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is taller than Bob. Bob is older than Cem. Who is the tallest?",
    _PEOPLE + "Ann is much taller than Bob. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is at least as tall as Bob. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann was taller than Bob. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is taller than Dan. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is taller than Bob. Bob is taller than Ann. Who is the tallest?",
    _PEOPLE + "Ann is probably taller than Bob. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is taller than Bob. Bob is taller than Cem. Who is the heaviest?",
    _PEOPLE + "Ann is taller than Bob. Bob is taller than Cem. By how much is Ann taller than Cem?",
    _PEOPLE + "Ann is taller than Bob. Bob is taller than Cem. Who is the tallest woman?",
    _PEOPLE + "Ann says she is taller than Bob. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is taller than Bob or Cem. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "If Ann is taller than Bob, then Cem is the tallest. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is as tall as Bob. Bob is taller than Cem. Who is the tallest?",
    _PEOPLE + "Ann is two inches taller than Bob. Bob is taller than Cem. Who is two inches taller?",
    "There are four people: Ann, Bob, and Cem. Ann is taller than Bob. Bob is taller than Cem. Who is the shortest?",
    "Ann and Bob are taller than Cem. Who is the tallest?",
    "The oldest man is Tom. Ann is older than Bob. Who is the oldest?",
    "Ann finished first in the first race. Bob finished first in the second race. Who finished first?",
    "Ann finished before Bob. Bob arrived before Cem. Who finished first?",
)


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _made(chance, plain=False)


FAMILIES = (
    families.Family(
        "logic orders: all worlds",
        answers.Route.LOGIC,
        lambda chance: _made(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
