"""Whether a quote holds a thing of the kind that a question asks for: a time, a number, a reason. Pure.

A quote that shares a question's words need not answer it: "Why was the mill built?" is not answered by the year. Only kinds
that show in the words are judged.
"""

import re

from council.serving.wording import number_words

_QUOTE_CHARS_MAX = 4_000
_DAYS = "mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|weekends?|weekdays?"
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_NUMBER = rf"\d|\b(?:{'|'.join(number_words.cardinals(1, 90))}|hundred|thousand|twice|half|unlimited)\b"
_TIME = (
    rf"{_NUMBER}|\b(?:{_DAYS}|{_MONTHS}|each|every|once|first|noon|midnight|morning|evening|night|daily|weekly|monthly|yearly|always|never|today|"
    r"yesterday|tomorrow|when|whenever|while|until|till|after|before|during|end|start|beginning|as soon as|if|where)\b"
)
_DATE = rf"\b\d{{4}}\b|\d[./:-]\d|\b(?:{_DAYS}|{_MONTHS}|yesterday|today|century|years? ago|months? ago|weeks? ago)\b"
_LENGTH = (
    rf"(?:{_NUMBER})[ -]?(?:\w+ )?(?:ms|s|h|m|cm|mm|km|"
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|met(?:er|re)s?)\b"
)
_REASON = r"\b(?:because|since|so that|so|therefore|otherwise|lest|else|in order to|cannot|may be|reason|thus|hence|to avoid)\b"
# A name within a sentence, or a word for people. Case counts here.
_WHO = (
    r"(?-i:(?<=[a-z,|&] )[A-Z]\w+)|\b(?:people|persons?|staff|team|desk|everyone|everybody|anyone|anybody|nobody|someone|"
    r"admins?|administrators?|operators?|viewers?|owners?|users?|callers?|whoever|bots?|members?|authors?|colleagues?|you)\b"
)

_KINDS = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(holds, re.IGNORECASE))
    for asked, holds in (
        (r"\bwhy\b", _REASON),
        (r"\bwho(?:m|se)?\b", _WHO),
        (r"\bhow long\b", _LENGTH),
        (r"\bhow (?:many|much|old|often|far|tall|hot|deep|heavy|big|high|fast)\b", _NUMBER),
        (r"\bwhen (?:was|were|did)\b", _DATE),
        (r"\b(?:when|(?:at )?what time|what (?:day|date|year))\b", _TIME),
    )
)


def holds(question: str, quote: str) -> bool:
    """Say whether the quote holds what the question's first question word of a kind known here asks for."""
    found = [(match.start(), needed) for asked, needed in _KINDS if (match := asked.search(question[:400]))]
    return not found or bool(min(found, key=lambda one: one[0])[1].search(quote[:_QUOTE_CHARS_MAX]))
