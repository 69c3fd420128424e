"""Signals in the text that name a kind of question in so many words: for people to read, and for the head to weigh.

Each signal that is found raises its route's score like independent evidence: 1 - product of (1 - weight). The scores are
features of the trained head, and its reasons; alone they are no probabilities.

A decision has about a millisecond, and a search with a pattern takes up to a tenth of one. So the text is brought to small
letters and taken apart into words once, and a pattern is searched for only where something is that it cannot do without.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from council.domain import answers
from council.serving.wording import manners

# Signals are looked for in so much of a question.
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
class Signal:
    """Something that tells of a route.

    Each text in which it is found holds one of `words` or of `marks`, where there are any. Without a pattern, to hold one is
    enough.
    """

    route: answers.Route
    weight: float
    reason: str
    pattern: re.Pattern[str] | None
    words: frozenset[str]
    marks: tuple[str, ...]

    def found(self, text: str, words: frozenset[str]) -> bool:
        """Return whether it is in a text of small letters, of which `words` are the words."""
        near = not (self.words or self.marks) or not self.words.isdisjoint(words) or self._marked(text)
        return near and (self.pattern is None or self.pattern.search(text) is not None)

    def _marked(self, text: str) -> bool:
        return any(mark in text for mark in self.marks)


def _signal(
    route: answers.Route, weight: float, reason: str, pattern: str, words: str = "", marks: tuple[str, ...] = ()
) -> Signal:
    return Signal(
        route, weight, f"{route}: {reason}", re.compile(pattern, re.MULTILINE), frozenset(words.split()), marks
    )


def _one_of(route: answers.Route, weight: float, reason: str, words: str) -> Signal:
    return Signal(route, weight, f"{route}: {reason}", None, frozenset(words.split()), ())


_MATH, _CODE, _LOGIC, _KNOWLEDGE = answers.Route.MATH, answers.Route.CODE, answers.Route.LOGIC, answers.Route.KNOWLEDGE
ROUTES = (_MATH, _CODE, _LOGIC, _KNOWLEDGE)

# Patterns are of small letters, as the text is by then.
SIGNALS = (
    _signal(_MATH, 0.8, "an operator between numbers", r"\d\s*(?:[-+*/^\u00d7÷·%]|\*\*)\s*[\d(√]"),
    _signal(
        _MATH,
        0.7,
        "an equation or inequality",
        r"(?:\d|\b[a-z]\b|\))\s*(?:=|<=?|>=?|≤|≥)\s*-?(?:\d|\b[a-z]\b|\()",
        marks=("=", "<", ">", "≤", "≥"),
    ),
    _signal(
        _MATH,
        0.5,
        "a power or factorial",
        r"\b[a-z0-9]\s*(?:\^|\*\*|²|³)|\d!",
        marks=("^", "**", "²", "³", "!"),
    ),
    _one_of(
        _MATH,
        0.7,
        "a mathematical verb",
        "solve calculate compute evaluate simplify factor factorise factorize expand differentiate integrate",
    ),
    _signal(
        _MATH,
        0.6,
        "a mathematical noun",
        r"\b(?:derivative|integral|square root|cube root|sqrt|gcd|lcm|prime|factorial|remainder|percent|sine?|cosine?|log)\b",
        "derivative integral root sqrt gcd lcm prime factorial remainder percent sin sine cosin cosine log",
    ),
    _signal(
        _MATH,
        0.6,
        "words for an operation",
        r"\b(?:plus|minus|times|divided by|squared|cubed|half of|third of|sum of)\b",
        "plus minus times divided squared cubed half third sum",
    ),
    _signal(_MATH, 0.6, "a percentage", r"\d\s*(?:%|percent)", marks=("%", "percent")),
    # Such a question names nothing that is counted with, so that only its form tells that it can be computed.
    _signal(
        _MATH,
        0.6,
        "a day told from today",
        r"\b(?:what|which)(?:['’]?s| is| was| will be)? (?:the )?(?:current |(?:today|tomorrow|yesterday)['’]?s )?"
        r"(?:date|day|weekday)(?: of the week)?(?: (?:is|was|will|it|be))*(?: (?:today|tomorrow|yesterday|now))?\W*$",
        "date day weekday",
    ),
    _signal(_MATH, 0.15, "a number", r"\d"),
    _signal(_CODE, 0.8, "a code block", "```", marks=("```",)),
    _signal(
        _CODE,
        0.8,
        "a request to program",
        r"\b(?:write|implement|create|complete|fix|debug|refactor)\b.{0,40}\b(?:function|program|script|code|class|method|regex)\b",
        "write implement create complete fix debug refactor",
    ),
    _signal(
        _CODE,
        0.6,
        "a programming language",
        r"\b(?:python|javascript|typescript|bash|java|rust|golang|c\+\+|sql)\b",
        "python javascript typescript bash java rust golang sql",
        ("c++",),
    ),
    _signal(
        _CODE,
        0.7,
        "code itself",
        r"^[ \t]*(?:def |class |import |from \w+ import|for \w+ in |#include|function )|assert \w+\(",
        "def class import from for function",
        ("#include", "assert "),
    ),
    _signal(
        _CODE,
        0.6,
        "a traceback",
        r"traceback \(most recent call last\)|\b\w+error\b:",
        marks=("traceback (most", "error:"),
    ),
    _signal(
        _LOGIC,
        0.6,
        "a general rule",
        r"\b(?:all|every|each|no|some)\b[\w\s]{1,40}\b(?:are|is)\b",
        "all every each no some",
    ),
    _signal(_LOGIC, 0.6, "a conditional", r"\bif\b.{3,120}\bthen\b|^if .{3,120},", "if"),
    _signal(
        _LOGIC,
        0.6,
        "a comparison between things",
        r"\b(?:\w{2,12}er|more \w+|less \w+) than\b|\b(?:left|right) of\b|\b(?:before|after)\b",
        "than left right before after",
    ),
    _signal(
        _LOGIC,
        0.6,
        "a question of what follows",
        r"\b(?:does it follow|can (?:we|it be) conclude|true, false|is it true that)\b",
        "follow conclude true",
    ),
    _signal(_LOGIC, 0.6, "a sign of logic", r"[\u00ac\u2227\u2228\u2194\u21d4\u2295]"),
    _one_of(_LOGIC, 0.8, "knights and knaves", "knave knaves"),
    _signal(
        _LOGIC,
        0.3,
        "a question of who",
        r"\bwho\b.{0,40}\b(?:first|last|tallest|shortest|oldest|youngest|fastest|slowest)\b",
        "who",
    ),
    _signal(_LOGIC, 0.3, "several sentences before a question", r"\.\s+[a-z][^.?!]*\?\s*$", marks=("?",)),
    _signal(
        _KNOWLEDGE,
        0.3,
        "a yes-or-no question",
        r"^[ \t]*(?:is|are|can|could|does|do|did|may|should|will)\b.*\?\s*$",
        marks=("?",),
    ),
    _signal(_KNOWLEDGE, 0.4, "a question word", r"^[ \t]*(?:what|where|which|when|who|how|why)\b"),
    _signal(
        _KNOWLEDGE,
        0.5,
        "a request for sources",
        r"\b(?:according to|my (?:notes|documents|files|library)|source|cite|quote)\b",
        "according my source cite quote",
    ),
    _one_of(_KNOWLEDGE, 0.5, "Council itself", "council"),
    _signal(
        _KNOWLEDGE,
        0.3,
        "a request to explain",
        r"\b(?:explain|describe|define|tell me about|what does .{1,40} mean)\b",
        "explain describe define tell mean",
    ),
)
_WORD = re.compile(r"\w+")
# What small letters alone leave apart, and what a search that ignores case takes for the same.
_LETTERS = str.maketrans(
    {
        "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}": "i",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "\N{LATIN SMALL LETTER LONG S}": "s",
    }
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
    read = small(text[:CHARS_MAX])
    words = frozenset(_WORD.findall(read))
    doubt: dict[answers.Route, float] = dict.fromkeys(ROUTES, 1.0)
    reasons: list[str] = []
    for signal in SIGNALS:
        if signal.found(read, words):
            doubt[signal.route] *= 1.0 - signal.weight
            reasons.append(signal.reason)
    return Found({route: round(1.0 - left, 3) for route, left in doubt.items()}, tuple(reasons), _asks(text))


def small(text: str) -> str:
    """Return a text in small letters, character by character."""
    return text.lower() if text.isascii() else text.translate(_LETTERS).lower()


def _asks(text: str) -> bool:
    if len(text) > _QUESTION_CHARS_MAX:
        return False
    return _QUESTION.match(manners.without(" ".join(text.split()))) is not None
