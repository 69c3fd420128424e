"""A question that only says what is different from the one before: "What is 17% of 200?", then "and of 300?". Pure.

Both are put together only where a single amount can be meant: the new one has the form of the old one (a number, a percentage,
money, so many of something), no other of that form stands there, and a word between ("of", "by") stands before both. A plain
number without such a word stands only for the only number. Everything else is left as it was said.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from council.domain import answers
from council.serving.wording import manners, number_words

_EARLIER_CHARS_MAX = 160
_CHARS_MAX = 60
# "And of 300?", "and of 400?": so many in a row lead back to a question that says everything.
_CHAIN_MAX = 6

_NUMBER = r"[-\N{MINUS SIGN}]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,9})?"
_AMOUNT = rf"(?P<money>[$\N{{EURO SIGN}}\N{{POUND SIGN}}])?(?P<number>{_NUMBER})(?P<percent>%| %| percent\b)?"
_FOLLOWS = re.compile(
    r"(?P<lead>and|(?:and )?(?:what|how) about)(?: (?P<link>of|from|by|in|on|at|with|after|before|for))? "
    rf"(?P<amount>{_AMOUNT})(?: (?P<unit>(?!instead\b)[a-z]{{1,20}}))?(?: instead)?",
    re.IGNORECASE,
)
# An amount of the earlier question: a word of its own, or alone in brackets. More of a formula is not taken apart.
_HELD = re.compile(rf"(?<![^\s(])(?P<amount>{_AMOUNT})(?=[\s?)]|[.,](?:\s|\Z)|\Z)", re.IGNORECASE)
_ASKS = re.compile(
    r"[-(0-9$\N{EURO SIGN}\N{POUND SIGN}]|(?:what|which|how|is|are|does|do|convert|calculate|compute|evaluate|find|list|round|"
    r"factor|factorise|factorize)\b",
    re.IGNORECASE,
)
# A second sentence or clause, what is given beside the question, a formula, a number in words: another amount may be meant.
_MORE = re.compile(
    r"[.!?;:,]\s|\n|=|\b(?:if|when|where|given|suppose|assuming|let|each|every|per|than|"
    rf"{'|'.join(number_words.cardinals(0, 99))}|hundred|thousand|million|billion|dozen)\b",
    re.IGNORECASE,
)
# Of several numbers: another one may be one more of them.
_TOGETHER = re.compile(
    r"\b(?:sum|total|product|difference|ratio|average|mean|median|mode|range|gcd|lcm|hcf|factor|divisor|multiple|largest|smallest|"
    r"maximum|minimum|max|min|plus|minus|times|and|or|between)\b",
    re.IGNORECASE,
)
# A second change may be meant on top of the first.
_CHANGES = re.compile(
    r"\b(?:off|discount\w*|increas\w*|decreas\w*|reduc\w*|rais\w*|rise\w*|grow\w*|more|less|add\w*|mark\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A whole question, the one before that it was made from, and the messages up to where the user last asked in full."""

    text: str
    earlier: str
    messages: Sequence[answers.Message]


def whole(messages: Sequence[answers.Message]) -> FollowUp | None:
    """Return the question that the last message asks together with the one before it; None where that is not one question."""
    return chained(messages, _follows, _joined)


def chained(
    messages: Sequence[answers.Message],
    follows: Callable[[str, str], bool],
    joined: Callable[[str, str], str | None],
) -> FollowUp | None:
    """Return what the last message asks, led back over those before it that only say what is different.

    `follows` says of a text, and the answer before it, whether it does; `joined` makes one question of a whole one and it.
    """
    turns = [message for message in messages if message.role != "system"]
    chain: list[str] = []
    while len(chain) <= _CHAIN_MAX and [message.role for message in turns[-3:]] == ["user", "assistant", "user"]:
        answered, said = turns[-2].text, turns[-1].text
        # What the answer asks back may be what is meant.
        if "?" in answered or not follows(said, answered):
            break
        chain.append(said)
        turns = turns[:-2]
    if not chain or len(chain) > _CHAIN_MAX:
        return None
    text = earlier = turns[-1].text.strip()
    for said in reversed(chain):
        made = joined(text, said)
        if made is None:
            return None
        text, earlier = made, text
    place = next(place for place, message in enumerate(messages) if message is turns[-1])
    return FollowUp(text, earlier, messages[: place + 1])


def _follows(said: str, answered: str) -> bool:
    match = _FOLLOWS.fullmatch(_plain(said)) if len(said) <= _CHARS_MAX else None
    # What the answer has as a number itself may be what is meant.
    return match is not None and not _stands_in(match["number"], answered)


def _joined(earlier: str, said: str) -> str | None:
    """Return the earlier question with the new amount in the place of the only one that it can be meant for."""
    follows = _FOLLOWS.fullmatch(_plain(said))
    assert follows is not None
    if len(earlier) > _EARLIER_CHARS_MAX:
        return None
    asked = _plain(earlier)
    if _MORE.search(asked) or not _ASKS.match(asked) or _FOLLOWS.fullmatch(asked):
        return None
    held = list(_HELD.finditer(asked))
    if sum(map(str.isnumeric, asked)) != sum(sum(map(str.isnumeric, one["number"])) for one in held):
        return None
    alike = [one for one in held if _form(one) == _form(follows) and _has_unit(asked, one, follows["unit"])]
    if len(alike) != 1 or not _is_meant(asked, alike[0], follows, len(held)):
        return None
    return f"{asked[: alike[0].start()]}{follows['amount']}{asked[alike[0].end() :]}?"


def _is_meant(asked: str, one: "re.Match[str]", follows: "re.Match[str]", amounts: int) -> bool:
    """Say whether the new amount can be meant only for this one, of which there is no other of its form."""
    if _CHANGES.search(asked) and follows["lead"].lower() == "and":
        return False
    if follows["link"] and re.search(rf"\b{follows['link']} \Z", asked[: one.start()], re.IGNORECASE):
        return True
    if follows["link"] and follows["link"].lower() != "for":
        return False
    is_plain = _form(follows) == ("", False) and not follows["unit"]
    return not is_plain or (amounts == 1 and not _TOGETHER.search(asked))


def _plain(text: str) -> str:
    return manners.without(" ".join(text.split()), "?.")


def _form(amount: "re.Match[str]") -> tuple[str, bool]:
    return amount["money"] or "", bool(amount["percent"])


def _has_unit(asked: str, one: "re.Match[str]", unit: str | None) -> bool:
    return not unit or bool(re.match(rf" {re.escape(unit)}(?![\w/^*])", asked[one.end() :], re.IGNORECASE))


def _stands_in(number: str, text: str) -> bool:
    return bool(re.search(rf"(?<![0-9.,]){re.escape(number)}(?![0-9])", text))
