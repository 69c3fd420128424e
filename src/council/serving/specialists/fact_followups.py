"""A question of a fact that only names another thing or property: "What is the capital of Peru?", then "and Chile?". Pure.

Read only after a question whose form names one thing at a known place, and made into a whole question that the packaged sources
must then read as they read the first. Which names there are is theirs to say: no name is guessed here.
"""

import re
from collections.abc import Sequence

from council.domain import answers
from council.serving.specialists import followups
from council.serving.wording import manners

_CHARS_MAX = 80
_EARLIER_CHARS_MAX = 160

_NAME = r"[^\W\d_][\w .,'\N{RIGHT SINGLE QUOTATION MARK}()&-]{0,58}"
_CODE = r"(?:iso (?:country )?codes?|(?:two|three|2|3)[- ]letter (?:iso )?(?:country )?code)"
_PROPERTY = rf"capital(?: city)?|{_CODE}|atomic number|(?:(?:chemical|element) )?symbol"
_LEAD = r"(?:(?:and )?(?:what|how) about|and(?! (?:what|how) about\b))"
_LEANS = re.compile(rf"{_LEAD}\b", re.IGNORECASE)
_FOLLOWS = re.compile(
    rf"{_LEAD} (?:its|the) (?P<property>{_PROPERTY})"
    rf"|{_LEAD}(?P<link> (?:of|for))? (?:(?P<name>{_NAME}?)|(?P<number>[0-9]{{1,3}}))(?: instead)?",
    re.IGNORECASE,
)
# Where a question names its one thing.
_OF = re.compile(rf"(?P<before>.*\b(?P<property>{_PROPERTY}) (?:of|for) )(?!wh)(?P<name>{_NAME})", re.IGNORECASE)
_OWNER = re.compile(
    rf"(?P<before>what is |what's )(?P<name>{_NAME}?)"
    r"(?P<after>['\N{RIGHT SINGLE QUOTATION MARK}]s (?P<property>capital(?: city)?))",
    re.IGNORECASE,
)
_OF_CAPITAL = re.compile(rf"(?P<before>(?:which|what) country has the capital )(?P<name>{_NAME})", re.IGNORECASE)
# "And no?" names no element, and "And No?" does.
_OF_SYMBOL = re.compile(r"(?P<before>.* (?:has|with) (?:the )?(?:chemical )?symbol )(?P<name>[A-Z][a-z]?)")
_SYMBOL = re.compile(r"[A-Z][a-z]?")
_OF_NUMBER = re.compile(r"(?P<before>.* atomic number (?:of )?)(?P<number>[0-9]{1,3})", re.IGNORECASE)


def whole(messages: Sequence[answers.Message]) -> followups.FollowUp | None:
    """Return the question that the last message asks together with the one before it; None where that is not one question."""
    return followups.chained(messages, _follows, _joined)


def leans(messages: Sequence[answers.Message]) -> bool:
    """Say whether the last message goes on from one before it, so that its own few words are not what is asked."""
    said = [message.text for message in messages if message.role == "user"][-2:]
    return len(said) > 1 and len(said[-1]) <= _CHARS_MAX and _LEANS.match(_plain(said[-1])) is not None


def _follows(said: str, answered: str) -> bool:
    match = _FOLLOWS.fullmatch(_plain(said)) if len(said) <= _CHARS_MAX else None
    named = match and (match["name"] or match["number"])
    # What the answer speaks of itself may be asked about in another way.
    return match is not None and not (named and re.search(rf"(?<!\w){re.escape(named)}(?!\w)", answered, re.IGNORECASE))


def _joined(earlier: str, said: str) -> str | None:
    """Return the earlier question with the new name in the place of its own, or the new property asked of its thing."""
    asked, follows = _plain(earlier), _FOLLOWS.fullmatch(_plain(said))
    assert follows is not None
    if len(earlier) > _EARLIER_CHARS_MAX or re.search(r"[?!;:\n]", asked):
        return None
    if follows["number"]:
        numbered = None if follows["link"] else _OF_NUMBER.fullmatch(asked)
        return f"{numbered['before']}{follows['number']}?" if numbered else None
    one = _OF.fullmatch(asked) or _OWNER.fullmatch(asked)
    if follows["property"]:
        return _of_its(follows["property"], one) if one else None
    if one is None and not follows["link"]:
        of_symbol = _OF_SYMBOL.fullmatch(asked) if _SYMBOL.fullmatch(follows["name"]) else None
        one = _OF_CAPITAL.fullmatch(asked) or of_symbol
    return f"{one['before']}{follows['name']}{one.groupdict().get('after') or ''}?" if one else None


def _of_its(asked: str, one: "re.Match[str]") -> str | None:
    """Return what asks for a property of the thing that was asked about; the same property again is no question of it."""
    if asked.lower() == one["property"].lower():
        return None
    # "Symbol" alone may be a planet's.
    named = "chemical symbol" if asked.lower() == "symbol" else asked
    return f"What is the {named} of {one['name']}?"


def _plain(text: str) -> str:
    return manners.without(" ".join(text.split()), "?!.")
