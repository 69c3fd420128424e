"""Conversations of two or three questions of facts, of which the later ones name only another thing or another property.

Keys are those of `knowledge.py`: the package's own code, and a table written down there. Turns stand apart by `followups.TURN`.
"""

import itertools
import random
from collections.abc import Mapping, Sequence

from council.domain import answers
from council.testing.questions import amounts, families, followups, knowledge

_CAPITAL = ("What is the capital of {}?", "capital of {}", "what's the capital city of {}", "What is {}'s capital?")
_CODE = ("What is the two-letter country code of {}?", "2-letter ISO code for {}")
_COUNTRY = ("Which country has the capital {}?",)
_NUMBER = ("What is the atomic number of {}?", "atomic number for {}")
_SYMBOL = ("What is the chemical symbol of {}?", "the element symbol for {}")
_NUMBERED = ("Which element has the atomic number {}?", "which element has atomic number {}")
_LEADS = ("and ", "And ", "what about ", "How about ", "and what about ")
_OF = ("and of ", "And for ", "what about ", "and ")
_ITS = ("and its ", "And the ", "what about its ", "How about the ")
_ENDS = ("?", " ?", "", ".", " please?", ", thanks", "??")


def _others(wordings: Sequence[str], keys: Mapping[str, str], leads: Sequence[str]) -> amounts.Make:
    """Return what asks for one property of several things."""
    names = list(keys)

    def make(chance: random.Random) -> families.Asked:
        wording = chance.choice(wordings)
        drawn = chance.sample(names, chance.choice((2, 2, 3)))
        # Only what is asked "of" a thing can go on with "of".
        after = leads if "of {}" in wording or "for {}" in wording else _LEADS
        turns = [wording.format(drawn[0])]
        for before, name in itertools.pairwise(drawn):
            turns += [f"It is {keys[before]}.", f"{chance.choice(after)}{name}{chance.choice(_ENDS)}"]
        return families.Asked(followups.talk(*turns), keys[drawn[-1]])

    return make


def _properties(
    wordings: Sequence[str], keys: Mapping[str, str], asked: Sequence[str], others: Mapping[str, str]
) -> amounts.Make:
    """Return what asks for one property of a thing, and then for another: one of `asked`, whose keys are `others`."""
    names = sorted(keys.keys() & others.keys())

    def make(chance: random.Random) -> families.Asked:
        name = chance.choice(names)
        first, then = chance.choice(wordings).format(name), f"{chance.choice(_ITS)}{chance.choice(asked)}"
        return families.Asked(
            followups.talk(first, f"It is {keys[name]}.", f"{then}{chance.choice(_ENDS)}"), others[name]
        )

    return make


_REFUSE = (
    # What no source holds, or a thing that it does not know.
    followups.talk("What is the capital of Peru?", "Lima", "and its population?"),
    followups.talk("What is the capital of Peru?", "Lima", "and its mayor?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Atlantis?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Texas?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Georgia?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Bolivia?"),
    followups.talk("What is the capital of Peru?", "Lima", "and gold?"),
    followups.talk("What is the capital of Peru?", "Lima", "and its symbol?"),
    followups.talk("What is the capital of Peru?", "Lima", "and its atomic number?"),
    followups.talk("What is the atomic number of gold?", "79", "and Peru?"),
    followups.talk("What is the atomic number of gold?", "79", "and water?"),
    followups.talk("What is the atomic number of gold?", "79", "and its capital?"),
    followups.talk("What is the atomic number of gold?", "79", "and its mass?"),
    followups.talk("What is the symbol of gold?", "Au", "and mercury?"),
    # More than one thing, or one with a condition.
    followups.talk("What is the capital of Peru?", "Lima", "and Chile and Brazil?"),
    followups.talk("What is the capital of Peru?", "Lima", "and of Chile or Brazil?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Chile in 1800?"),
    followups.talk("What is the capital of Peru?", "Lima", "and in Chile?"),
    followups.talk("What is the capital of Peru?", "Lima", "and not Chile?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Chile's population?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Chile's neighbour?"),
    followups.talk("What is the capital of Peru?", "Lima", "and north of Chile?"),
    followups.talk("What is the capital of Peru?", "Lima", "and Chile? Why?"),
    # No follow-up at all.
    followups.talk("What is the capital of Peru?", "Lima", "and then?"),
    followups.talk("What is the capital of Peru?", "Lima", "and you?"),
    followups.talk("What is the capital of Peru?", "Lima", "and why?"),
    followups.talk("What is the capital of Peru?", "Lima", "and what?"),
    followups.talk("What is the capital of Peru?", "Lima", "and that?"),
    followups.talk("What is the capital of Peru?", "Lima", "and 5?"),
    followups.talk("What is the capital of Peru?", "Lima", "Chile?"),
    followups.talk("What is the capital of Peru?", "Lima", "I like Chile"),
    followups.talk("Which element has the symbol Fe?", "Iron", "and no?"),
    followups.talk("Which element has the symbol Fe?", "Iron", "and in?"),
    followups.talk("Which element has the symbol Fe?", "Iron", "and of Au?"),
    followups.talk("Which element has the atomic number 79?", "Gold", "and 119?"),
    followups.talk("Which element has the atomic number 79?", "Gold", "and 0?"),
    followups.talk("Which element has the atomic number 79?", "Gold", "and of 80?"),
    followups.talk("Which element has the atomic number 79?", "Gold", "and plus 1?"),
    followups.talk("Which country has the capital Lima?", "Peru", "and Chile?"),
    followups.talk("Which country has the capital Lima?", "Peru", "and of Santiago?"),
    # The question before is another one, or says more.
    followups.talk("Who is the president of Peru?", "I do not know.", "and of Chile?"),
    followups.talk("What is the largest city of Peru?", "Lima", "and of Chile?"),
    followups.talk("What was the capital of Peru in 1500?", "Cusco", "and of Chile?"),
    followups.talk("Is Lima the capital of Peru?", "Yes", "and of Chile?"),
    followups.talk("What is the capital of Peru and the symbol of gold?", "Lima and Au", "and of Chile?"),
    followups.talk("What is the capital of Peru? And its area?", "Lima", "and of Chile?"),
    followups.talk("What is the capital gain of Peru?", "None", "and of Chile?"),
    followups.talk("What is the capital of Atlantis?", "None", "and of Chile?"),
    followups.talk("What is the capital of Bolivia?", "None", "and of Chile?"),
    followups.talk("and of Peru?", "Lima", "and of Chile?"),
    # The answer asks back, or speaks of the thing itself.
    followups.talk("What is the capital of Peru?", "Lima. Did you mean another?", "and of Chile?"),
    followups.talk("What is the capital of Peru?", "Lima. Peru borders Chile.", "and Chile?"),
    # Something else was said between, or before.
    followups.talk("What is the capital of Peru?", "Lima", "I was in Cusco.", "Nice", "and of Chile?"),
    followups.talk("Let us pretend that cities are animals.", "Fine", "What is the capital of Peru?", "Lima", "and Chile?"),
)  # fmt: skip


def made(_seed: int = 0) -> list[families.Family]:
    """Return the families, the same for every seed. Reads the package of countries, so not at import."""
    countries = knowledge.countries()
    elements = [row.split() for row in knowledge.ELEMENTS.split(", ")]
    capitals = {one["name"]: one["capital"] for one in countries}
    codes = {one["name"]: one["two"] for one in countries}
    numbers, symbols = {name: number for name, _, number in elements}, {name: symbol for name, symbol, _ in elements}
    makes = {
        "capitals": _others(_CAPITAL, capitals, _OF),
        "codes": _others(_CODE, codes, _OF),
        "countries": _others(_COUNTRY, {capital: name for name, capital in capitals.items()}, _LEADS),
        "atomic numbers": _others(_NUMBER, numbers, _OF),
        "symbols": _others(_SYMBOL, symbols, _OF),
        "elements": _others(_NUMBERED, {number: name for name, number in numbers.items()}, _LEADS),
        "capital, then code": _properties(_CAPITAL, capitals, ("two-letter code", "2-letter ISO code"), codes),
        "code, then capital": _properties(_CODE, codes, ("capital", "capital city"), capitals),
        "number, then symbol": _properties(_NUMBER, numbers, ("symbol", "chemical symbol"), symbols),
        "symbol, then number": _properties(_SYMBOL, symbols, ("atomic number",), numbers),
    }
    return [
        families.Family(
            f"knowledge followups: {name}", answers.Route.KNOWLEDGE, make, followups.spaced, knowledge.agrees,
            () if place else _REFUSE, frozenset({answers.Level.QUOTED}),
        )
        for place, (name, make) in enumerate(makes.items())
    ]  # fmt: skip
