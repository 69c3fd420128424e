"""Texts of known kind that the router is trained on, written for this repository: forms with places to fill.

    texts(route, count, seed, part)   the same ones for the same seed

Each line of `router_texts/ROUTE.txt` is one way in which people ask, `\\n` in it a line break; what fills its places varies,
and stands in `places.txt`. They stand beside the made questions of `council.testing.questions`, whose generators give more
forms of what the specialists read.
"""

import functools
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from council.domain import answers

_PLACE = re.compile(r"\{(\w+)\}")
_FOLDER = Path(__file__).resolve().with_suffix("")
# Every so manyth form is held back where the head is tried on forms that it has not seen.
HELD_BACK = 8
Part = Literal["fitted", "tried", "never"]


def texts(route: answers.Route, count: int, seed: int, part: Part) -> Iterator[str]:
    """Yield texts of one kind, of the forms of one part."""
    chance = random.Random(f"{route}:{seed}:{part}")
    chosen = [form for place, form in enumerate(forms(route)) if part_of(place) == part]
    for _ in range(count):
        yield filled(chance, chance.choice(chosen))


def part_of(place: int) -> Part:
    """Return what a form is for, by its place in its file.

    Those that are `tried` give the temperature, and are fitted after that. Those that are `never` fitted are shipped, to
    measure on.
    """
    if place % HELD_BACK:
        return "fitted"
    return "never" if place % (2 * HELD_BACK) == 0 else "tried"


def filled(chance: random.Random, form: str) -> str:
    """Return a form with every place filled. Braces that are no place are LaTeX, and stay."""

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in NUMBERS:
            return NUMBERS[name](chance)
        found = places().get(name)
        return filled(chance, chance.choice(found)) if found else match.group()

    return _PLACE.sub(one, form)


NUMBERS: Mapping[str, Callable[[random.Random], str]] = {
    "n": lambda chance: str(chance.randint(2, 99)),
    "big": lambda chance: (
        f"{chance.randint(100, 99_999):,}" if chance.random() < 0.5 else str(chance.randint(100, 9999))
    ),
    "dec": lambda chance: f"{chance.uniform(0.1, 99):.{chance.randint(1, 3)}f}",
    "year": lambda chance: str(chance.randint(1400, 2030)),
    "day": lambda chance: f"{chance.randint(2000, 2030)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
}


@functools.cache
def forms(route: answers.Route) -> Sequence[str]:
    """Return the forms of a kind."""
    lines = (_FOLDER / f"{route}.txt").read_text().splitlines()
    return tuple(line.replace("\\n", "\n") for line in lines if line.strip())


@functools.cache
def places() -> Mapping[str, Sequence[str]]:
    """Return what may fill each place."""
    lines = (_FOLDER / "places.txt").read_text().splitlines()
    return {name: found.split("|") for name, _, found in (line.partition(": ") for line in lines)}
