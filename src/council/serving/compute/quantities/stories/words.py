"""Sentences, names and things of a story."""

import re
from fractions import Fraction

from council.serving.compute.quantities import numbers, stops
from council.serving.compute.quantities.stories import kinds
from council.serving.wording import number_words

SENTENCES_MAX = 12
_STOPS = (
    "a about above across after again against ago all almost along already also although always among an and another "
    "any apiece approximately are around as at away back barely be because before behind below beneath beside besides "
    "between beyond billion both but by cannot could couple daily despite did do does double down dozen dozens during "
    "each earlier either equally ever every exactly except few fewer for friday from get gross had half hardly has "
    "have he her here hers him his home how hundred hundreds if in inside instead into is it its just last later "
    "least left less like many maybe me might million mine missing monday more most much must my near nearly neither "
    "never next no none nor not nothing now of off often on once only onto or other others our out outside over pair "
    "past per percent perhaps rarely remaining roughly saturday second seldom several she should since so some "
    "sometimes soon still such sunday than that the their them then there these they this those thousand thousands "
    "through thursday times to today together tomorrow tonight too total toward towards triple tuesday twice under "
    "underneath unless until up upon us usually via was wednesday weekly were what when where which while who whom "
    "whose will with within without would yesterday yet you your"
)
_STOP = "(?:" + "|".join((*_STOPS.split(), *number_words.cardinals(0, 90))) + ")"
# One to three words of which none is a stop. Said once for all three, where a word begins or behind what joins two.
NOUN = rf"(?=[a-z])(?:(?:(?<![a-z])|[ -])(?!{_STOP}\b)[a-z]+){{1,3}}?"
_NO_NAMES = (
    "anybody anyone anything assume boys brothers children classmates cousins eighth even everybody everyone "
    "everything fifth fourth friends girls i imagine kids neighbors neighbours nobody parents people pupils quarter say "
    "sisters sixth somebody someone something strangers students suppose teachers tenth third we whoever"
)
NAME = rf"(?!(?:{_STOP}|{'|'.join(_NO_NAMES.split())})\b)[a-z]+"
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


def owned(noun: str) -> str:
    """Return `thing`, unless it is something or someone that several people can have at once. Raises PassOnError."""
    named = thing(noun)
    if kinds.is_shared(named):
        raise stops.PassOnError(f"several may have the same {named}")
    return named


def check_apart(things: set[str]) -> None:
    """Pass on where the words of one thing are among those of another, as red marbles and marbles. Raises PassOnError."""
    named = sorted(things)
    parts = {one: {thing(word) for word in re.split(r"[ -]", one)} for one in named}
    for one in named:
        for other in named:
            if one != other and (kinds.head(one) in parts[other] or kinds.head(other) in parts[one]):
                raise stops.PassOnError(f"{one} may be among {other}")


def check_kinds(asked: str, others: set[str]) -> None:
    """Pass on where one of `others` may be a kind or a part of what is asked, as roses of flowers. Raises PassOnError."""
    for other in sorted(others - {asked}):
        if not kinds.apart(asked, other):
            raise stops.PassOnError(f"{other} may be among {asked}")


def check_same(name: str, *others: str | None) -> None:
    """Pass on where one of `others` is he or she and known not to be `name`, or another name. Raises PassOnError."""
    said = {other.lower() for other in others if other}
    pronouns = said & {"he", "she"}
    for other in said:
        if other in pronouns:
            clear = len(pronouns) == 1 and kinds.fits(name.lower(), other) is not False
        else:
            clear = other == name.lower() or other == "it" or other.startswith("the ")
        if not clear:
            raise stops.PassOnError(f"{other} may be someone else than {name}")


def strip_openers(sentence: str) -> str:
    """Return a sentence without words of order at its beginning."""
    return re.sub(r"^(?:(?:then|later|after that|afterwards|next|now|finally|also|and),? )+", "", sentence)
