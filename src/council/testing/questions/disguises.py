"""The same question in other clothes: typing errors, case, politeness, and one multiple-choice form for all kinds.

What a question is about must not change with them. The router is trained with some phrases and options and measured with
others, so each is an argument.
"""

import random
import re
import string
from collections.abc import Sequence

_OPTIONS = re.compile(r"(?:\n[A-E][).] [^\n]*)+\s*\Z")
_NEIGHBOURS = dict(
    zip("qwertyuiopasdfghjklzxcvbnm", "wqwrtyuiopsasdfghjkxzxcvbn", strict=True),
)


def with_typing_errors(chance: random.Random, text: str, share: float = 0.04) -> str:
    """Swap, drop, double or mistype letters of words, about `share` of them. Digits and signs stay: they are the question."""
    made: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if not character.isalpha() or chance.random() > share:
            made.append(character)
            continue
        match chance.randrange(4):
            case 0 if position < len(text) and text[position].isalpha():
                made += [text[position], character]
                position += 1
            case 1:
                pass
            case 2:
                made += [character, character]
            case _:
                made.append(_NEIGHBOURS.get(character.lower(), character))
    return "".join(made)


def in_other_case(chance: random.Random, text: str) -> str:
    """Return the text in lower or upper case, or each word with a capital."""
    return chance.choice((str.lower, str.upper, string.capwords if "\n" not in text else str.lower))(text)


def polite(chance: random.Random, text: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Return the text between polite words."""
    return f"{chance.choice(before)}{text}{chance.choice(after)}"


def multiple_choice(chance: random.Random, text: str, options: Sequence[str]) -> str:
    """Return the question without options of its own, and with four of `options`, which tell nothing of its kind."""
    stem = _OPTIONS.sub("", text).rstrip()
    chosen = chance.sample(list(options), 4)
    return "\n".join([stem, *(f"{letter}) {one}" for letter, one in zip("ABCD", chosen, strict=True))])
