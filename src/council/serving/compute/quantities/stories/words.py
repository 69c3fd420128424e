"""Sentences, names and things of a story."""

import re
from fractions import Fraction

from council.serving.compute.quantities import numbers, stops

SENTENCES_MAX = 12
_STOPS = (
    "a an and are as at all away by each equally every few fewer for from get had has have he her here him his how if in into "
    "is it its left less many more most much no none not now of off on one only or other out she some than that the their them "
    "then there they this those to together total two was were what when where which while who will with you your"
)
_STOP = "(?:" + "|".join(_STOPS.split()) + ")"
NOUN = rf"(?!{_STOP}\b)[a-z]+(?:[ -](?!{_STOP}\b)[a-z]+){{0,2}}?"
_NO_NAMES = "i|we|these|any|nobody|someone|every|both|another|half|twice|after|before|later"
NAME = rf"(?!(?:{_STOP}|{_NO_NAMES})\b)[a-z]+"
COUNT = rf"(?:{numbers.COUNT}|an?\b)"
_IRREGULAR = {
    "children": "child", "men": "man", "women": "woman", "people": "person", "mice": "mouse", "geese": "goose",
    "loaves": "loaf", "knives": "knife", "shelves": "shelf", "leaves": "leaf", "boxes": "box", "foxes": "fox", "feet": "foot",
}  # fmt: skip


def sentences(text: str) -> list[str]:
    """Return the sentences in lower case, without their stops; decimals stay whole."""
    parts = re.split(r"(?<=[^\d\s])[.!?](?:\s+|$)|(?<=\d)[.!?](?=\s|$)\s*", text.strip().lower())
    return [part.strip() for part in parts if part.strip()]


def thing(noun: str) -> str:
    """Return one form for singular and plural of a thing, with its adjectives."""
    *before, last = noun.lower().split()
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif re.search(r"(?:s|x|ch|sh)es$", last):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith("ss"):
        last = last[:-1]
    return " ".join((*before, last))


def plural(named: str) -> str:
    """Return the plural of what `thing` returned."""
    *before, last = named.split()
    several = {one: many for many, one in _IRREGULAR.items()}
    if last in several:
        last = several[last]
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "es" if re.search(r"(?:s|x|ch|sh)$", last) else "s"
    return " ".join((*before, last))


def count(text: str) -> Fraction:
    """Return a whole number; `a` is one."""
    if text.strip().lower() in ("a", "an"):
        return Fraction(1)
    return Fraction(numbers.read_count(text))


# Several people may have the same one, and one of several may be oneself.
_SHARED = frozenset(
    (
        "aunt brother child classmate colleague cousin daughter father friend grandparent mother neighbor neighbour parent "
        "pupil relative sibling sister son student teacher teammate uncle"
    ).split()
)


def owned(noun: str) -> str:
    """Return `thing`, unless it is someone whom several people can have at once. Raises PassOnError."""
    named = thing(noun)
    if named.split()[-1] in _SHARED:
        raise stops.PassOnError(f"several people may have the same {named}")
    return named


def check_apart(things: set[str]) -> None:
    """Pass on where one thing may be part of another: they share their last word, or one is named in the other."""
    named = sorted(things)
    for one in named:
        for other in named:
            if one != other and (one.split()[-1] in other.split() or other.split()[-1] in one.split()):
                raise stops.PassOnError(f"{one} may be among {other}")


def strip_openers(sentence: str) -> str:
    """Return a sentence without words of order at its beginning."""
    return re.sub(r"^(?:(?:then|later|after that|afterwards|next|now|finally|also|and),? )+", "", sentence)
