"""Questions about countries, elements and Python's library, with keys by another way than the corpora take.

The keys of countries come out of the `countryinfo` package's own code, which the corpora never run; those of elements are
written down here; those of Python come from `pydoc`.
"""

import collections
import importlib
import pydoc
import random
from collections.abc import Sequence
from typing import Any

from council.domain import answers
from council.testing.questions import families

_BEFORE = ("", "", "please tell me ", "Can you tell me ", "hey, ", "hi council, ", "I'd like to know ", "quick: ")
_AFTER = ("", "?", "??", " ?", " please", ", thanks", ".", "  ")

_CAPITAL = (
    "what is the capital of {}",
    "capital of {}",
    "what's the capital city of {}",
    "the capital of {}",
    "name the capital of {}",
    "what is {}'s capital",
    "which city is the capital of {}",
)
_COUNTRY = (
    "which country has the capital {}",
    "{} is the capital of which country",
    "what country has {} as its capital",
    "of which country is {} the capital",
    "what is {} the capital of",
)
_CODE = ("what is the two-letter country code of {}", "2-letter ISO code for {}", "the two-letter code of {}")
_NUMBER = ("what is the atomic number of {}", "atomic number of {}", "what's the atomic number for {}")
_SYMBOL = ("what is the chemical symbol for {}", "chemical symbol of {}", "what's the element symbol for {}")
_NUMBERED = ("which element has atomic number {}", "what is the element with the atomic number {}")
_PYTHON = (
    "what does {} do",
    "what does python's {} do",
    "explain {}",
    "what is {} in python",
    "what does the {} method do",
)

ELEMENTS = (
    "hydrogen H 1, helium He 2, lithium Li 3, carbon C 6, nitrogen N 7, oxygen O 8, fluorine F 9, neon Ne 10, "
    "sodium Na 11, magnesium Mg 12, silicon Si 14, phosphorus P 15, chlorine Cl 17, argon Ar 18, potassium K "
    "19, calcium Ca 20, iron Fe 26, nickel Ni 28, copper Cu 29, zinc Zn 30, arsenic As 33, bromine Br 35, "
    "krypton Kr 36, silver Ag 47, tin Sn 50, iodine I 53, xenon Xe 54, barium Ba 56, tungsten W 74, platinum "
    "Pt 78, gold Au 79, lead Pb 82, radon Rn 86, radium Ra 88, thorium Th 90, uranium U 92, plutonium Pu 94, "
    "einsteinium Es 99, oganesson Og 118, mercury Hg 80, antimony Sb 51, cobalt Co 27"
)
# No single capital can be told of these, or their names mean two things.
_UNCLEAR = (
    "Georgia",
    "South Africa",
    "Bolivia",
    "Israel",
    "Palestine",
    "Kazakhstan",
    "Sri Lanka",
    "Burundi",
    "Congo",
    "Korea",
    "Atlantis",
    "Washington",
    "Europe",
    "Texas",
)
_REFUSE_COUNTRIES = (
    *(f"What is the capital of {name}?" for name in _UNCLEAR),
    "What was the capital of Germany in 1980?",
    "What is the capital of Peru and Chile?",
    "What is the capital of Peru not called?",
    "What is the largest city of Peru?",
    "What is the capital of the state of Peru, Indiana?",
    "What is the capital of Peru's neighbour?",
    "Why is Lima the capital of Peru?",
    "Is Lima the capital of Peru?",
    "Which country has the capital Kingston?",
    "Which country has the capital Jerusalem?",
    "Which country has the capital City of Victoria?",
    "Which country had the capital Bonn?",
    "What is the capital of Peru?\nWhat is the capital of Chile?",
    "What is the capital gain of Peru?",
)
_REFUSE_ELEMENTS = (
    "What is the symbol for mercury?",
    "What is the symbol for peace?",
    "What is the atomic number of water?",
    "What is the atomic number of gold plus one?",
    "Which element has atomic number 0?",
    "Which element has atomic number 119?",
    "Which element has atomic number 1.5?",
    "Which element has the symbol Xx?",
    "What is the atomic mass of iron?",
    "What is the chemical symbol for water?",
)
_REFUSE_PYTHON = (
    "what does split do",
    "what does foo.bar do",
    "what does os.environ.get do",
    "what does str._x do",
    "what does str.__class__.__subclasses__ do",
    "what does subprocess.os.system do",
    "what does antigravity.fly do",
    "what does str.split not do",
    "what does str.split do in ruby",
    "what is math.pi",
)


def countries() -> list[dict[str, Any]]:
    """Return name, capital and two-letter code of each country that the package has once, as its own code tells them."""
    package: Any = importlib.import_module("countryinfo")
    found = []
    for name in sorted(package.CountryInfo("Peru").all()):
        country = package.CountryInfo(name)
        capital, codes = country.capital(), country.iso()
        if isinstance(capital, str) and capital:
            found.append({"name": country.name(), "capital": capital, "two": codes["alpha2"]})
    # The package has some countries twice, under an old name as well.
    often = collections.Counter(one["two"] for one in found)
    return [one for one in found if often[one["two"]] == 1]


def _family(
    name: str, wordings: Sequence[str], pairs: Sequence[tuple[str, str]], refuse: Sequence[str], keep_case: bool = False
) -> families.Family:
    def make(chance: random.Random) -> families.Asked:
        about, key = chance.choice(pairs)
        return families.Asked(chance.choice(wordings).format(about), key)

    def paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
        text = asked.text if keep_case else chance.choice((str, str.lower, str.upper, str))(asked.text)
        text = text.replace("'", chance.choice(("'", "\u2019"))).replace(" ", chance.choice((" ", "  ", "\u00a0")))
        return families.Asked(chance.choice(_BEFORE) + text + chance.choice(_AFTER), asked.key)

    route, levels = answers.Route.KNOWLEDGE, frozenset({answers.Level.QUOTED})
    return families.Family(f"knowledge: {name}", route, make, paraphrase, agrees, refuse, levels)


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer ends in the key, its full stop aside, or, for longer keys, begins with its first line."""
    first = key.partition("\n")[0]
    return answer.casefold().rstrip(".").endswith(key.casefold().rstrip(".")) or (len(first) > 12 and first in answer)


def _documented() -> list[tuple[str, str]]:
    found = []
    for path in (
        *(f"str.{name}" for name in dir(str) if not name.startswith("_")),
        *(f"list.{name}" for name in dir(list) if not name.startswith("_")),
        *(f"dict.{name}" for name in dir(dict) if not name.startswith("_")),
        *(f"os.path.{name}" for name in ("join", "exists", "basename", "abspath", "splitext")),
        *(f"math.{name}" for name in ("gcd", "floor", "hypot", "isclose", "prod")),
        *(f"itertools.{name}" for name in ("chain", "count", "cycle", "product")),
    ):
        text = pydoc.getdoc(pydoc.locate(path))
        if len(text.partition("\n")[0]) > 12:
            found.append((path, text.partition("\n")[0]))
    return found


def made(_seed: int = 0) -> list[families.Family]:
    """Return the families, the same for every seed. Reads the package of countries, so not at import."""
    found = countries()
    elements = [tuple(row.split()) for row in ELEMENTS.split(", ")]
    return [
        _family("capitals", _CAPITAL, [(one["name"], one["capital"]) for one in found], _REFUSE_COUNTRIES),
        _family("countries of capitals", _COUNTRY, [(one["capital"], one["name"]) for one in found], _REFUSE_COUNTRIES),
        _family("codes of countries", _CODE, [(one["name"], one["two"]) for one in found], _REFUSE_COUNTRIES),
        _family("atomic numbers", _NUMBER, [(name, number) for name, _, number in elements], _REFUSE_ELEMENTS),
        _family("symbols", _SYMBOL, [(name, symbol) for name, symbol, _ in elements], _REFUSE_ELEMENTS),
        _family("elements by number", _NUMBERED, [(number, name) for name, _, number in elements], _REFUSE_ELEMENTS),
        _family("Python's library", _PYTHON, _documented(), _REFUSE_PYTHON, keep_case=True),
    ]
