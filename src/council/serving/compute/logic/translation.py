"""A puzzle in the words of a model: read only if it says no less and no more than the user's, as far as that can be seen.

A translation that keeps every name, number, denial and most words can still be wrong, so nothing here is ever verified. Where
it leaves the answer open or contradicts itself, the likelier reason is the translation, and it is passed on.
"""

import dataclasses
import re

from council.domain import answers
from council.serving.compute import logic, results
from council.serving.compute.logic import problems, words
from council.serving.wording import number_words

_WORD = re.compile(r"[^\W\d_]+|\d+")
_NUMBERS = {**number_words.cardinals(2, 90), **number_words.ordinals(2, 12)}
_DENIALS = frozenset("not no never neither nor none nobody nothing unless cannot without".split())
_OPEN = re.compile(r"cannot be determined|both are possible|\bunknown\b|does not follow", re.IGNORECASE)
_NEW_WORDS_MAX = 0.4
_LONGER_MAX = 3


def solve(text: str, translation: str) -> results.Result:
    """Answer the translation of a text; self-tested at most. PassedOn says what speaks against the translation."""
    try:
        said, told = words.normal(text), words.normal(translation)
    except problems.NotUnderstoodError as error:
        return results.PassedOn(error.reason)
    if reason := _against(said, told):
        return results.PassedOn(f"the translation is not of this puzzle: {reason}")
    result = logic.solve(translation)
    if isinstance(result, results.PassedOn):
        return results.PassedOn(f"the translation was not understood either: {result.reason}")
    if isinstance(result, results.Refused) or _OPEN.search(result.answer):
        return results.PassedOn("the translation leaves the answer open or contradicts itself")
    detail = {**result.detail, "translation": translation}
    check = f"{result.check.rstrip('.')}, all of it for a model's translation, which nothing checked but its names and numbers"
    reading = f"A model put it so:\n{translation.strip()}\n{result.reading}"
    return dataclasses.replace(result, reading=reading, level=answers.Level.SELF_TESTED, check=check, detail=detail)


def _against(said: str, told: str) -> str:
    """Return what shows that one text is not the other in simpler words."""
    if len(told) > _LONGER_MAX * len(said) + 200:
        return "it is much longer"
    if lost := _names(said) - _stems(told):
        return f"it leaves out {min(lost)!r}"
    if added := _names(told) - _stems(said):
        return f"it adds {min(added)!r}"
    if _numbers(said) != _numbers(told):
        return "its numbers are others"
    # "Nobody" and "not anyone" deny alike, so only whether there is any denial can be compared.
    if bool(_DENIALS & _lower(said)) != bool(_DENIALS & _lower(told)):
        return "only one of the two denies something"
    new = _stems(told) - _stems(said)
    if len(new) > _NEW_WORDS_MAX * len(_stems(told)):
        return "most of its words are others"
    return ""


def _names(text: str) -> frozenset[str]:
    """Return the stems of words with a capital, also those that only open a sentence: they may be names."""
    lower = {word for word in _WORD.findall(text) if word.islower()}
    capitals = {word.lower() for word in _WORD.findall(text) if word[0].isupper()}
    return frozenset(words.stem(word) for word in capitals - lower - words.FUNCTION_WORDS)


def _stems(text: str) -> frozenset[str]:
    return frozenset(words.stem(word) for word in _lower(text) - words.FUNCTION_WORDS if not word.isdigit())


def _lower(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))


def _numbers(text: str) -> frozenset[int]:
    """Return the numbers from two on; "one" and "first" are as often no numbers."""
    found = {int(word) for word in re.findall(r"\d{1,9}", text)} | {_NUMBERS[w] for w in _lower(text) & set(_NUMBERS)}
    return frozenset(number for number in found if number > 1)
