"""Signals in the text that name a kind of question in so many words: for people to read, and for the head to weigh.

Each signal that is found raises its route's score like independent evidence: 1 - product of (1 - weight). The scores are
features of the trained head, and its reasons; alone they are no probabilities.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from council.domain import answers
from council.serving.wording import manners

# Signals are looked for in so much of a question: they cost more than all else that the router does.
CHARS_MAX = 1_200


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: a score of 0 to 1 for each of ROUTES, and the names of the signals.

    `asks` says whether the text is one question, whatever polite words or call stand before it. The head does not see it.
    """

    scores: Mapping[answers.Route, float]
    reasons: tuple[str, ...]
    asks: bool = False


@dataclass(frozen=True, slots=True)
class _Signal:
    route: answers.Route
    pattern: re.Pattern[str]
    weight: float
    reason: str


def _signal(route: answers.Route, weight: float, reason: str, pattern: str) -> _Signal:
    return _Signal(route, re.compile(pattern, re.IGNORECASE | re.MULTILINE), weight, reason)


_MATH, _CODE, _LOGIC, _KNOWLEDGE = answers.Route.MATH, answers.Route.CODE, answers.Route.LOGIC, answers.Route.KNOWLEDGE
ROUTES = (_MATH, _CODE, _LOGIC, _KNOWLEDGE)

_SIGNALS = (
    _signal(_MATH, 0.8, "an operator between numbers", r"\d\s*(?:[-+*/^\u00d7÷·%]|\*\*)\s*[\d(√]"),
    _signal(
        _MATH, 0.7, "an equation or inequality", r"(?:\d|\b[a-z]\b|\))\s*(?:=|<=?|>=?|≤|≥)\s*-?(?:\d|\b[a-z]\b|\()"
    ),
    _signal(_MATH, 0.5, "a power or factorial", r"\b[a-z0-9]\s*(?:\^|\*\*|²|³)|\d!"),
    _signal(
        _MATH,
        0.7,
        "a mathematical verb",
        r"\b(?:solve|calculate|compute|evaluate|simplify|factor(?:ise|ize)?|expand|differentiate|integrate)\b",
    ),
    _signal(
        _MATH,
        0.6,
        "a mathematical noun",
        r"\b(?:derivative|integral|square root|cube root|sqrt|gcd|lcm|prime|factorial|remainder|percent|sine?|cosine?|log)\b",
    ),
    _signal(
        _MATH,
        0.6,
        "words for an operation",
        r"\b(?:plus|minus|times|divided by|squared|cubed|half of|third of|sum of)\b",
    ),
    _signal(_MATH, 0.6, "a percentage", r"\d\s*(?:%|percent)"),
    # Such a question names nothing that is counted with, so that only its form tells that it can be computed.
    _signal(
        _MATH,
        0.6,
        "a day told from today",
        r"\b(?:what|which)(?:['’]?s| is| was| will be)? (?:the )?(?:current |(?:today|tomorrow|yesterday)['’]?s )?"
        r"(?:date|day|weekday)(?: of the week)?(?: (?:is|was|will|it|be))*(?: (?:today|tomorrow|yesterday|now))?\W*$",
    ),
    _signal(_MATH, 0.15, "a number", r"\d"),
    _signal(_CODE, 0.8, "a code block", r"```"),
    _signal(
        _CODE,
        0.8,
        "a request to program",
        r"\b(?:write|implement|create|complete|fix|debug|refactor)\b.{0,40}\b(?:function|program|script|code|class|method|regex)\b",
    ),
    _signal(
        _CODE, 0.6, "a programming language", r"\b(?:python|javascript|typescript|bash|java|rust|golang|c\+\+|sql)\b"
    ),
    _signal(
        _CODE,
        0.7,
        "code itself",
        r"^[ \t]*(?:def |class |import |from \w+ import|for \w+ in |#include|function )|assert \w+\(",
    ),
    _signal(_CODE, 0.6, "a traceback", r"Traceback \(most recent call last\)|\b\w+Error\b:"),
    _signal(_LOGIC, 0.6, "a general rule", r"\b(?:all|every|each|no|some)\b[\w\s]{1,40}\b(?:are|is)\b"),
    _signal(_LOGIC, 0.6, "a conditional", r"\bif\b.{3,120}\bthen\b|^if .{3,120},"),
    _signal(
        _LOGIC,
        0.6,
        "a comparison between things",
        r"\b(?:\w{2,12}er|more \w+|less \w+) than\b|\b(?:left|right) of\b|\b(?:before|after)\b",
    ),
    _signal(
        _LOGIC,
        0.6,
        "a question of what follows",
        r"\b(?:does it follow|can (?:we|it be) conclude|true, false|is it true that)\b",
    ),
    _signal(_LOGIC, 0.6, "a sign of logic", r"[\u00ac\u2227\u2228\u2194\u21d4\u2295]"),
    _signal(_LOGIC, 0.8, "knights and knaves", r"\bkna(?:ve|ves)\b"),
    _signal(
        _LOGIC,
        0.3,
        "a question of who",
        r"\bwho\b.{0,40}\b(?:first|last|tallest|shortest|oldest|youngest|fastest|slowest)\b",
    ),
    _signal(_LOGIC, 0.3, "several sentences before a question", r"\.\s+[A-Z][^.?!]*\?\s*$"),
    _signal(
        _KNOWLEDGE, 0.3, "a yes-or-no question", r"^[ \t]*(?:is|are|can|could|does|do|did|may|should|will)\b.*\?\s*$"
    ),
    _signal(_KNOWLEDGE, 0.4, "a question word", r"^[ \t]*(?:what|where|which|when|who|how|why)\b"),
    _signal(
        _KNOWLEDGE,
        0.5,
        "a request for sources",
        r"\b(?:according to|my (?:notes|documents|files|library)|source|cite|quote)\b",
    ),
    _signal(_KNOWLEDGE, 0.5, "Council itself", r"\bcouncil\b"),
    _signal(
        _KNOWLEDGE, 0.3, "a request to explain", r"\b(?:explain|describe|define|tell me about|what does .{1,40} mean)\b"
    ),
)

# What stands before a question's first word, beside manners: "Quick: who ...", "Dear Council, at what time ...".
_QUESTION = re.compile(
    r"(?:[^\n,:;.!?]{1,40}[,:!]\s+)?(?:(?:at|by|for|from|in|of|on|since|to|under|until|with) )?"
    r"(?:what|where|which|when|who|whom|whose|how|why)(?:['\u2019]s)?\b",
    re.IGNORECASE,
)
# A longer text gives facts to reckon with, and no sentence of a document holds all that it says.
_QUESTION_CHARS_MAX = 300


def find(text: str) -> Found:
    """Return the signals of a text. Pure, and linear in at most CHARS_MAX characters of it."""
    doubt: dict[answers.Route, float] = dict.fromkeys(ROUTES, 1.0)
    reasons: list[str] = []
    for signal in _SIGNALS:
        if signal.pattern.search(text[:CHARS_MAX]):
            doubt[signal.route] *= 1.0 - signal.weight
            reasons.append(f"{signal.route}: {signal.reason}")
    return Found({route: round(1.0 - left, 3) for route, left in doubt.items()}, tuple(reasons), _asks(text))


def _asks(text: str) -> bool:
    if len(text) > _QUESTION_CHARS_MAX:
        return False
    return _QUESTION.match(manners.without(" ".join(text.split()))) is not None
