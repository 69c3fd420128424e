"""Tasks with durations, drawn at random; the key is the earliest end by trying, hour by hour, which tasks to start."""

import functools
import itertools
import random

from council.domain import answers
from council.testing.questions import families

_NAMES = (
    ("A", "B", "C", "D", "E"),
    ("Painting", "Drying", "Cleaning", "Packing", "Shipping"),
    ("Task P", "Task Q", "Task R", "Task S", "Task T"),
)
_LATER = (
    "{later} can only start after {first} is finished.",
    "{first} must be finished before {later} starts.",
    "{later} depends on {first}.",
    "{later} cannot start until {first} is done.",
    "{later} must start after {first}.",
)
_CAPACITY = {
    1: ("Only one task can be done at a time.", "There is only one worker.", "One person does all the tasks."),
    2: ("At most two tasks can be done at the same time.", "There are two workers, who can do one task at a time."),
    9: ("Tasks can be done in parallel.", "Any number of tasks may run at the same time."),
}
_APART = ("{one} and {two} cannot overlap.", "{one} and {two} need the same machine.")
_ASKED = (
    "What is the earliest time by which all tasks can be finished?",
    "How long does it take at least to finish all the tasks?",
    "How soon can everything be done?",
    "What is the shortest total time?",
)

Pairs = tuple[tuple[int, int], ...]


def _earliest(durations: tuple[int, ...], first: Pairs, apart: Pairs, capacity: int) -> int:
    """Return the earliest end, from what is left of each task at each hour."""

    @functools.cache
    def hours(left: tuple[int, ...], running: frozenset[int]) -> int:
        if not any(left):
            return 0
        ready = [
            i for i, hour in enumerate(left)
            if hour and i not in running and not any(later == i and left[one] for one, later in first)
        ]  # fmt: skip
        least = sum(left)
        for size in range(len(ready) + 1):
            for chosen in itertools.combinations(ready, size):
                now = running | set(chosen)
                if not now or len(now) > capacity or any(one in now and two in now for one, two in apart):
                    continue
                after = tuple(hour - (i in now) for i, hour in enumerate(left))
                least = min(least, 1 + hours(after, frozenset(i for i in now if after[i])))
        return least

    return hours(durations, frozenset())


def _made(chance: random.Random, *, plain: bool) -> families.Asked:
    count = chance.randint(2, 4 if plain else 5)
    names = (_NAMES[0] if plain else chance.choice(_NAMES))[:count]
    durations = tuple(chance.randint(1, 5) for _ in names)
    order = chance.sample(range(count), count)
    pairs = [(order[i], order[j]) for i, j in itertools.combinations(range(count), 2)]
    first = tuple(pair for pair in pairs if chance.random() < 0.3)
    apart = tuple(pair for pair in pairs if pair not in first and chance.random() < 0.15)
    capacity = chance.choice(tuple(_CAPACITY))
    unit = "hour" if plain else chance.choice(("hour", "day", "minute"))
    takes = [
        f"{n} takes {_told(chance, d, unit, plain=plain or n == names[0])}"
        for n, d in zip(names, durations, strict=True)
    ]
    if not plain and chance.random() < 0.5:
        told = [f"{', '.join(takes[:-1])} and {takes[-1]}."]
    else:
        told = [f"{one}." for one in takes]
    clues = [
        _LATER[0 if plain else chance.randrange(len(_LATER))].format(first=names[a], later=names[b]) for a, b in first
    ]
    clues += [chance.choice(_APART).format(one=names[a], two=names[b]) for a, b in apart]
    chain = all((a, b) in first for a, b in itertools.pairwise(order))
    if not chain or plain or chance.random() < 0.5:
        clues.append(chance.choice(_CAPACITY[capacity]))
    chance.shuffle(clues)
    end = _earliest(durations, first, apart, capacity)
    if chance.random() < 0.25:
        limit = max(1, end + chance.randint(-2, 2))
        asked, key = f"Can all tasks be finished within {limit} {unit}s?", "Yes." if end <= limit else "No."
    else:
        asked, key = chance.choice(_ASKED), f"{end} {unit}{'s' if end > 1 else ''}."
    return families.Asked(" ".join([*told, *clues, asked]), key)


def _told(chance: random.Random, duration: int, unit: str, *, plain: bool) -> str:
    if unit == "hour" and not plain and chance.random() < 0.2:
        return f"{duration * 60} minutes"
    return f"{duration} {unit}{'s' if duration > 1 else ''}"


def _paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
    return _made(chance, plain=False)


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer opens with the earliest end, or the right yes or no."""
    return answer.startswith(key)


_TWO = "A takes 3 hours. B takes 2 hours. "
_ONE = "Only one task can be done at a time. "
_HOW = "How soon can everything be done?"
_REFUSE = (
    _TWO + _HOW,
    _TWO + _ONE + "How soon can A be done?",
    _TWO + _ONE + "B must start immediately after A. " + _HOW,
    _TWO + _ONE + "B must start an hour after A. " + _HOW,
    _TWO + _ONE + "B may start after A. " + _HOW,
    _TWO + _ONE + "B starts before A ends. " + _HOW,
    _TWO + _ONE + "B must start after A or C. " + _HOW,
    _TWO + _ONE + "B must not start after A. " + _HOW,
    _TWO + _ONE + "There is a break of an hour. " + _HOW,
    _TWO + _ONE + "There are two workers. " + _HOW,
    _TWO + _ONE + "What is the longest time?",
    _TWO + _ONE + "How long does it take at most to finish all the tasks?",
    _TWO + _ONE + "Can all tasks be finished within 2 days?",
    _TWO + "C takes 1 hour. B must start after A. " + _HOW,
    "A takes 1 day. B takes 2 hours. " + _ONE + _HOW,
    "A takes 1 week. B takes 2 days. " + _ONE + _HOW,
    "A takes half an hour. B takes 2 hours. " + _ONE + _HOW,
    _TWO + _ONE + "Can all tasks be finished before 5 hours?",
    "A takes 3 hours. B takes 2 days. " + _ONE + _HOW,
    "A takes about 3 hours. B takes 2 hours. " + _ONE + _HOW,
    "A takes 3 hours. B takes 2 hours longer. " + _ONE + _HOW,
    "A takes 3 hours. B takes 2 to 4 hours. " + _ONE + _HOW,
    "A takes 3 hours. A takes 2 hours. " + _ONE + _HOW,
    "Each task takes 3 hours. B takes 2 hours. " + _ONE + _HOW,
    "A and B takes 3 hours. C takes 2 hours. " + _ONE + _HOW,
    _TWO + "B must start after A. A must start after B. " + _ONE + _HOW,
    _TWO + _ONE + "What is the shortest time needed to finish all three tasks?",
    "There are three tasks: A (3 hours) and B (2 hours). " + _ONE + _HOW,
    "The train takes 3 hours. The bus takes 2 hours. There is one person. How long does it take at least?",
    "Ann takes 3 hours to paint a wall. Bob takes 2 hours. They work together. " + _HOW,
    "A takes 99999 hours. B takes 2 hours. " + _ONE + _HOW,
)

FAMILIES = (
    families.Family(
        "logic schedules: earliest end",
        answers.Route.LOGIC,
        lambda chance: _made(chance, plain=True),
        _paraphrase,
        agrees,
        _REFUSE,
    ),
)
