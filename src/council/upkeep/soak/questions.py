"""The questions of a soak: forms with numbers and names drawn anew, so that no cache answers them all."""

import random
from collections.abc import Mapping, Sequence

_FORMS: Mapping[str, Sequence[str]] = {
    "math": (
        "What is {a} * {b}?",
        "What is {c}% of {a}?",
        "Solve {c}x + {a} = {b}",
        "What is the derivative of x^{c} + {a}x?",
        "How many minutes are {c} hours?",
        "What is the average of {a}, {b} and {c}?",
    ),
    "logic": (
        "All {x} are animals. No animals are stones. Is it true that no {x} are stones?",
        "{n} is taller than {m}. {m} is taller than {o}. Who is the tallest?",
        "If it rains, {n} stays at home. It rains. Does {n} stay at home?",
    ),
    "knowledge": (
        "What does verified mean?",
        "What is the capital of {land}?",
        "What is a generation in Council?",
    ),
    "code": ("Write a Python function that returns the sum of the first {c} even numbers.",),
    "general": ("Write one sentence about {x}.", "Say something kind to {n} in a few words."),
}
_KINDS = ("whales", "otters", "bats", "seals", "herons", "foxes")
_NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn")
_LANDS = ("France", "Japan", "Kenya", "Peru", "Norway", "Canada")


def draw(chance: random.Random, mix: Mapping[str, int]) -> tuple[str, str]:
    """Return a kind, as often as the mix says, and a question of it."""
    kind = chance.choices(list(mix), list(mix.values()))[0]
    first, second, third = chance.sample(_NAMES, 3)
    text = chance.choice(_FORMS[kind]).format(
        a=chance.randrange(100, 10**5),
        b=chance.randrange(100, 10**5),
        c=chance.randrange(2, 60),
        x=chance.choice(_KINDS),
        n=first,
        m=second,
        o=third,
        land=chance.choice(_LANDS),
    )
    return kind, text
