"""Sentences out of facts. A number comes into a text only by way of the fact that it is of, so that each leads back.

`shown` is how people read a fact; `say` puts facts into a text; `strays` finds what a text has that no fact accounts for. A
fact's words may be somebody else's, as a patch's title: they stand in quotation marks, so that they do not pass for ours, and
are never themselves a pattern.
"""

import datetime
import math
import re
from collections.abc import Iterable, Sequence

from council.domain import evidence, incidents, money
from council.kit import shown as kit_shown

TIME, DAY, DURATION, COUNT, PERCENT, BYTES, MONEY = "time", "day", "s", "count", "%", "bytes", "usd_micros"
# Words of ours, or of those who run this machine; and anybody else's, which are shown as such.
WORD, QUOTE = "word", "quote"
WORDS_MAX, QUOTE_CHARS_MAX = 200, 60
_MARKS = str.maketrans('“”„‟«»"`', "'" * 8)
# A number that is no part of a name such as `http_5xx` or `p95`.
_NUMBER = re.compile(r"(?<!\w)[-+−]?\d[\d.,:]*")
_SCALES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def shown(fact: evidence.Fact) -> str:
    """Return how people read a fact; "unknown" where it has no value."""
    value, unit = fact.value, fact.unit
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "unknown"
    if isinstance(value, str) and unit == QUOTE:
        return f"“{incidents.one_line(value, QUOTE_CHARS_MAX).translate(_MARKS)}”"
    if isinstance(value, str):
        return incidents.one_line(value, WORDS_MAX)
    match unit:
        case "time":
            return clock(value)
        case "day":
            return datetime.datetime.fromtimestamp(value, datetime.UTC).strftime("%Y-%m-%d")
        case "s":
            return kit_shown.duration(value)
        case "count":
            return f"{round(value):,}"
        case "bytes":
            return size(value)
        case "usd_micros":
            return "$" + money.dollars(round(value))
        case "USD":
            return f"${decimal(value)}"
        case "%":
            return f"{percent(value)} %"
        case _:
            return f"{decimal(value)} {unit}".rstrip()


def decimal(value: float) -> str:
    """Return a number in four digits, or whole where it has more; never with an exponent for being large."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(value: float) -> str:
    """Return a share in three digits; what is not the whole is never rounded up to it."""
    if 99 <= value < 100:
        return f"{math.floor(100 * value) / 100:.4g}"
    return decimal(value) if abs(value) >= 1000 else f"{value:.3g}"


def clock(at_s: float) -> str:
    """Return a moment, UTC, to the second."""
    return kit_shown.clock(math.floor(at_s) * 1_000_000)


def size(size_bytes: float) -> str:
    """Return bytes in the largest unit of which there is one."""
    for scale, unit in _SCALES:
        if abs(size_bytes) >= scale:
            return f"{decimal(size_bytes / scale)} {unit}"
    return f"{size_bytes:.0f} bytes"


def say(text: str, **facts: evidence.Fact) -> evidence.Sentence:
    """Return a sentence whose `{name}`s are facts as people read them."""
    return evidence.Sentence(text.format_map({name: shown(one) for name, one in facts.items()}), tuple(facts.values()))


def joined(sentences: Iterable[evidence.Sentence], by: str = " ") -> evidence.Sentence:
    """Return several sentences as one."""
    parts = list(sentences)
    facts = tuple(dict.fromkeys(fact for one in parts for fact in one.facts))
    return evidence.Sentence(by.join(one.text for one in parts), facts)


def strays(text: str, facts: Iterable[evidence.Fact]) -> list[str]:
    """Return the numbers of a text that none of the facts accounts for."""
    rest = text
    for told in sorted({shown(one) for one in facts} - {""}, key=len, reverse=True):
        rest = re.sub(rf"(?<!\w){re.escape(told)}(?!\w)", " ", rest)
    return [match.group().rstrip(".,:") for match in _NUMBER.finditer(rest)]


def word(name: str, value: str, query: str, span: evidence.Span) -> evidence.Fact:
    """Return a fact that is a word, as a name or a title."""
    return evidence.Fact(name, value, WORD, query, span)


def quoted(name: str, value: str, query: str, span: evidence.Span) -> evidence.Fact:
    """Return a fact that is anybody's words, as a patch's title: in a sentence they stand in quotation marks, cut short."""
    return evidence.Fact(name, value, QUOTE, query, span)


def moment(name: str, at_s: float, query: str, span: evidence.Span) -> evidence.Fact:
    """Return a fact that is a moment."""
    return evidence.Fact(name, at_s, TIME, query, span)


def listed(words: Sequence[str], most: int = 5) -> str:
    """Return words as a list in a sentence; what is beyond `most` is "and others"."""
    kept = [*words[:most], *(["others"] if len(words) > most else [])]
    return kept[0] if len(kept) == 1 else f"{', '.join(kept[:-1])} and {kept[-1]}" if kept else "none"
