"""Questions about one fact of several things: "List the capitals of France, Spain and Italy".

Keys are those of `knowledge.py`, one line a thing. Who asks spreads them first, as the router does.
"""

import random
from collections.abc import Mapping, Sequence

from council.domain import answers
from council.testing.questions import families, knowledge

_BEFORE = (
    "",
    "",
    "List ",
    "list ",
    "Name ",
    "What are ",
    "what are ",
    "Please list ",
    "Can you tell me ",
    "Quick: list ",
)
_AFTER = ("", "?", ".", " ?", " please", ", thanks", "!")
_CAPITALS = ("the capitals of", "the capital cities of", "capitals of")
_NUMBERS = ("the atomic numbers of", "the atomic numbers for", "atomic numbers of")
_SYMBOLS = ("the chemical symbols of", "the chemical symbols for", "the element symbols for")
_CODES = ("the two-letter country codes of", "the 2-letter country codes for")

_REFUSE = (
    "List the capitals of France, Spain and Italy in 1980.",
    "List the largest cities of France, Spain and Italy.",
    "List the capitals of France, Spain and Italy and their mayors.",
    "List the capitals of the neighbours of France and Spain.",
    "List the capitals of France, Spain or Italy.",
    "List what are not the capitals of France and Spain.",
    "Which is the largest of the capitals of France and Spain?",
    "How many of the capitals of France and Spain begin with P?",
    "List the capitals of Atlantis and Eldorado.",
    "List the capitals of Texas and Ohio.",
    "List the capitals of Korea and Congo.",
    "List the capitals of Georgia and Bolivia.",
    "List the atomic numbers of water and salt.",
    "List the chemical symbols of peace and love.",
    "List the capital gains of France and Spain.",
    "List the atomic masses of iron and gold.",
)


def _family(name: str, wordings: Sequence[str], keys: Mapping[str, str], refuse: Sequence[str] = ()) -> families.Family:
    names = list(keys)

    def make(chance: random.Random) -> families.Asked:
        drawn = chance.sample(names, chance.randint(2, 5))
        joint = chance.choice((" and ", " and ", " & ", ", and "))
        said = f"{', '.join(drawn[:-1])}{joint}{drawn[-1]}"
        return families.Asked(f"{chance.choice(wordings)} {said}", "\n".join(keys[one] for one in drawn))

    def paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
        text = chance.choice((str, str.lower, str))(asked.text).replace(" ", chance.choice((" ", "  ")))
        return families.Asked(f"{chance.choice(_BEFORE)}{text}{chance.choice(_AFTER)}", asked.key)

    levels = frozenset({answers.Level.QUOTED})
    return families.Family(
        f"knowledge: lists of {name}", answers.Route.KNOWLEDGE, make, paraphrase, _agrees, refuse, levels
    )


def _agrees(answer: str, key: str) -> bool:
    said, keys = answer.split("\n"), key.split("\n")
    return len(said) == len(keys) and all(map(knowledge.agrees, said, keys))


def _is_one_name(name: str) -> bool:
    # Of a list's names none holds its own commas, and of a former country's both halves are countries now.
    return not {",", "("} & set(name) and name != "Serbia and Montenegro"


def made(_seed: int = 0) -> list[families.Family]:
    """Return the families, the same for every seed. Reads the package of countries, so not at import."""
    countries = [one for one in knowledge.countries() if _is_one_name(one["name"])]
    elements = [tuple(row.split()) for row in knowledge.ELEMENTS.split(", ")]
    return [
        _family("capitals", _CAPITALS, {one["name"]: one["capital"] for one in countries}, _REFUSE),
        _family("codes", _CODES, {one["name"]: one["two"] for one in countries}),
        _family("atomic numbers", _NUMBERS, {name: number for name, _, number in elements}),
        _family("symbols", _SYMBOLS, {name: symbol for name, symbol, _ in elements}),
    ]
