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
    rf"{_NUMBER}|\b(?:{_DAYS}|{_MONTHS}|each|every|once|first|noon|midnight|dawn|dusk|sunrise|sunset|morning|evening|night|daily|weekly|monthly|yearly|always|never|today|"
    r"yesterday|tomorrow|when|whenever|while|until|till|after|before|during|end|start|beginning|as soon as|if|where)\b"
)
_DATE = rf"\b\d{{4}}\b|\d[./:-]\d|\b(?:{_DAYS}|{_MONTHS}|yesterday|today|century|years? ago|months? ago|weeks? ago)\b"
_LENGTH = (
    rf"(?:{_NUMBER})[ -]?(?:\w+ )?(?:ms|s|h|m|cm|mm|km|"
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|met(?:er|re)s?)\b"
)
_REASON = (
    r"(?<!says )(?<!say )(?<!said )(?<!do )(?<!does )\bso\b|\b(?:because|since|so that|therefore|otherwise|lest|else|"
    r"in order to|cannot|may be|reason|thus|hence|to avoid)\b"
)
_PLACE = (
    r"/|\b(?:in|at|on|by|behind|beside|besides|under|over|near|next|to|from|into|inside|outside|between|within|here|there|above|"
    r"below|through|along|around|opposite)\b"
)
# A name within a sentence, or a word for people. Case counts here.
_WHO = (
    r"(?-i:(?<=[a-z,|&] )[A-Z][a-z]\w*)|\b(?:people|persons?|staff|team|desk|everyone|everybody|anyone|anybody|nobody|someone|"
    r"admins?|administrators?|operators?|viewers?|owners?|users?|callers?|whoever|bots?|members?|authors?|colleagues?|you)\b"
)

_NOT = re.compile(
    r"\b(?:not|never|no|none|nothing|nobody|without|neither|nor|cannot)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_STEM_CHARS = 6
_HOW_MANY = re.compile(r"\bhow many (\w{2,40})", re.IGNORECASE)

_KINDS = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(holds, re.IGNORECASE))
    for asked, holds in (
        (r"\bwhy\b", _REASON),
        (r"\bwho(?:m|se)?\b", _WHO),
        (r"\bwhere\b", _PLACE),
        (r"\bhow long\b", _LENGTH),
        (r"\bhow (?:many|much|old|often|far|tall|hot|deep|heavy|big|high|fast)\b", _NUMBER),
        (r"\bwhen (?:was|were|did)\b", _DATE),
        (r"\b(?:when|(?:at )?what time|what day|(?:what|which) (?:date|year))\b", _TIME),
    )
)


def holds(question: str, quote: str) -> bool:
    """Say whether the quote holds what the question's first question word of a kind known here asks for."""
    if not _counts(question[:400], quote[:_QUOTE_CHARS_MAX]):
        return False
    quote = _of_columns(question[:400].lower(), quote[:_QUOTE_CHARS_MAX])
    found = [(match.start(), needed) for asked, needed in _KINDS if (match := asked.search(question[:400]))]
    return not found or bool(min(found, key=lambda one: one[0])[1].search(quote[:_QUOTE_CHARS_MAX]))


def _of_columns(question: str, quote: str) -> str:
    """Return of a table's row the cells of the columns that the question names, all else as it is."""
    lines = quote.splitlines()
    if len(lines) < 3 or not lines[0].startswith("|") or not lines[2].startswith("|"):
        return quote
    asked = {word[:_STEM_CHARS] for word in re.findall(r"\w{4,}", question)}
    cells = [line.strip().strip("|").split("|") for line in (lines[0], "\n".join(lines[2:]))]
    named = [
        cell
        for head, cell in zip(*cells, strict=False)
        if any(word[:_STEM_CHARS] in asked for word in re.findall(r"\w{4,}", head.lower()))
    ]
    return "".join(f"| {cell.strip()} " for cell in named) or quote


def denies(text: str) -> bool:
    """Say whether a text denies something: what is asked with a "not" is not answered without one."""
    return bool(_NOT.search(text[:_QUOTE_CHARS_MAX]))


def _counts(question: str, quote: str) -> bool:
    """Say whether a quote holds a number of what "how many" asks for; in a table the number stands apart from its name."""
    asked = _HOW_MANY.search(question)
    if not asked or quote.startswith("|"):
        return True
    stem = re.escape(asked[1][: max(3, len(asked[1]) - 3)])
    return bool(re.search(rf"(?:{_NUMBER})\w*(?:[.,]\d+)*[\s-]+(?:[\w-]+\s+){{0,2}}{stem}", quote, re.IGNORECASE))
