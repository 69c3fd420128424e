"""Decides where a question goes: the order of specialists to try, the probabilities behind it, and the reasons.

Pure: text in, decision out. The strict specialists pass on what they do not read, so which is first matters less than that
none is left out that could answer: each is tried whose probability is above a floor, or for which the text has a signal. A
question is looked up in the sources whatever it seems to be about, since nobody but they know what the owner put there.
The code specialist asks the model and never passes on; it is tried last, and only where its probability is the best.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from council.domain import answering, answers
from council.serving.router import features, head, languages, parts, signals

# Of a text whose vector is asked for, so many words from its beginning and its end: about 60 tokens at most.
_VECTOR_WORDS = (22, 14)
_VECTOR_CHARS = 240
# A strict specialist is tried when its signals reach this, whatever the head says.
_SIGNALS_FROM = 0.25
# Signals of code this strong make up for a head that is in doubt, down to this probability.
_CODE_SIGNALS_FROM, _CODE_DOUBT_FROM = 0.6, 0.1
# Without any signal of code it must be this likely, or the programmer's prompt would meet whatever begins with "create".
_CODE_BLIND_FROM = 0.95
# Nor may words that a passage shares with what is no question be taken for an answer to it.
_QUOTED_BLIND_FROM = 0.25
# What a question that follows on takes from the one before.
_BEFORE_SHARE = 0.7
_FOLLOWS_WORDS_MAX = 8
_BACK_MAX = 6

_CODE, _KNOWLEDGE, _GENERAL = answers.Route.CODE, answers.Route.KNOWLEDGE, answers.Route.GENERAL
STRICT = (answers.Route.MATH, answers.Route.LOGIC, _KNOWLEDGE)

_FOLLOWS = re.compile(
    r"^(?:and|or|but|now|then|ok(?:ay)?,?|so)\b(?! (?:now )?(?:write|tell|explain|please))|^(?:what|how) about\b"
    r"|^and (?:of|for|in)\b|^(?:the )?same (?:for|with)\b|^(?:what )?if (?:it|that)\b|^instead\b"
    r"|^(?:please )?(?:run|execute|test|try) (?:it|this|that)\b|^does (?:it|this) pass\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The specialists to try, best first, general last; `probabilities` and `reasons` explain the order.

    `parts` are the questions that the text is made of, where it is several.
    """

    order: tuple[answers.Route, ...]
    probabilities: Mapping[answers.Route, float]
    reasons: tuple[str, ...]
    parts: tuple[str, ...] = ()
    sure: bool = True


def choose(messages: Sequence[answers.Message], settings: answering.RouterConfig, weights: head.Head) -> Decision:
    """Return where the last thing that the user said should go. Linear in a bounded number of characters."""
    said = [message.text for message in messages if message.role == "user"][-_BACK_MAX:]
    text = said[-1] if said else ""
    language = languages.other_than_english(text)
    found = signals.find(text)
    probabilities = weights.probabilities(features.of(text, found))
    reasons = list(found.reasons)
    if language:
        reasons.append(f"general: in another language than the specialists read ({language})")
        return Decision((_KNOWLEDGE, _GENERAL), probabilities, tuple(reasons))
    if len(said) > 1 and follows_on(text):
        before = next((one for one in reversed(said[:-1]) if not follows_on(one)), said[0])
        earlier = weights.probabilities(features.of(before))
        probabilities = {
            route: _BEFORE_SHARE * earlier[route] + (1 - _BEFORE_SHARE) * own for route, own in probabilities.items()
        }
        # "Run it" is about code without a sign of it.
        hints = signals.find(before)
        found = dataclasses.replace(
            found,
            scores={route: max(own, _BEFORE_SHARE * hints.scores[route]) for route, own in found.scores.items()},
            asks=found.asks or hints.asks,
        )
        reasons.append(f"{best(probabilities)}: follows on what was asked before")
    return decided(probabilities, found, reasons, settings, parts.split(text) if settings.split else ())


def decided(
    probabilities: Mapping[answers.Route, float],
    found: signals.Found,
    reasons: Sequence[str],
    settings: answering.RouterConfig,
    split: tuple[str, ...] = (),
) -> Decision:
    """Return the decision that probabilities and signals give."""
    tried_from = {**dict.fromkeys(STRICT, settings.try_from), _KNOWLEDGE: max(settings.try_from, _QUOTED_BLIND_FROM)}
    strict = [
        route
        for route in STRICT
        if probabilities[route] >= tried_from[route]
        or found.scores[route] >= _SIGNALS_FROM
        or (route is _KNOWLEDGE and found.asks)
    ]
    order = sorted(strict, key=lambda route: -probabilities[route])
    code_from = settings.code_from if found.scores[_CODE] else max(settings.code_from, _CODE_BLIND_FROM)
    likely = probabilities[_CODE] >= max(probabilities[_GENERAL], code_from)
    if likely or (found.scores[_CODE] >= _CODE_SIGNALS_FROM and probabilities[_CODE] >= _CODE_DOUBT_FROM):
        order.append(_CODE)
    top = best(probabilities)
    shown = (f"{top}: probability {probabilities[top]:.2f}", *reasons)
    return Decision((*order, _GENERAL), dict(probabilities), shown, split, probabilities[top] >= settings.unsure_below)


def refined(
    decision: Decision, text: str, vector: Sequence[float], settings: answering.RouterConfig, weights: head.Head
) -> Decision:
    """Return a decision after a look at the text's vector."""
    probabilities = weights.with_vector(decision.probabilities, vector)
    reasons = (*decision.reasons[1:], "its meaning was looked at as well")
    return decided(probabilities, signals.find(text), reasons, settings, decision.parts)


def best(probabilities: Mapping[answers.Route, float]) -> answers.Route:
    """Return the likeliest route."""
    return max(probabilities, key=lambda route: probabilities[route])


def follows_on(text: str) -> bool:
    """Return whether a text only says how it differs from what was asked before, as "and of 300?" does."""
    stripped = text.strip()
    return (
        len(stripped.split(maxsplit=_FOLLOWS_WORDS_MAX)) <= _FOLLOWS_WORDS_MAX and _FOLLOWS.match(stripped) is not None
    )


def first_words(text: str) -> str:
    """Return what of a text goes to the embedding model: about 60 tokens, from both of its ends."""
    words = features.clipped(text).split()
    first, last = _VECTOR_WORDS
    if len(words) > first + last:
        words = [*words[:first], *words[-last:]]
    kept = " ".join(words)
    return kept if len(kept) <= _VECTOR_CHARS else f"{kept[: _VECTOR_CHARS // 2]} {kept[-_VECTOR_CHARS // 2 :]}"
