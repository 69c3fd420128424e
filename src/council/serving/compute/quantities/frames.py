"""A frame: a whole question as one pattern with typed places, and what to do with what stood in them.

A frame matches the whole text or not at all, so every word is accounted for. In the patterns `<w:amount>` is a place of a kind
below, `<ask>` the words that ask for a value, and the rest is an ordinary expression.
"""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from council.domain import answers
from council.serving.compute import results
from council.serving.compute.quantities import needed, numbers

Match = re.Match[str]


# In the place of what says nothing about a text at length.
_NOTHING = r"\w"


class Pattern:
    """The pattern of a frame, compiled when it first meets a text that has every word without which nothing matches.

    Hardly a question needs more than a few of the hundreds, and to compile all of them would be most of a start of the worker.
    """

    __slots__ = ("_compiled", "_needed", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._needed = needed.clauses(text.replace(numbers.WORD, _NOTHING))
        self._compiled: re.Pattern[str] | None = None

    @property
    def is_compiled(self) -> bool:
        """Whether a text has had every word."""
        return self._compiled is not None

    def fullmatch(self, text: str, start: int = 0) -> Match | None:
        """Match all of `text` from `start` on."""
        compiled = self._for(text)
        return compiled.fullmatch(text, start) if compiled else None

    def match(self, text: str, start: int = 0) -> Match | None:
        """Match at `start`."""
        compiled = self._for(text)
        return compiled.match(text, start) if compiled else None

    def finditer(self, text: str) -> Iterable[Match]:
        """Find every match."""
        compiled = self._for(text)
        return compiled.finditer(text) if compiled else ()

    def _for(self, text: str) -> re.Pattern[str] | None:
        if self._compiled is None and needed.stand_in(_lowered(text), self._needed):
            self._compiled = re.compile(self.text, re.IGNORECASE | re.ASCII)
        return self._compiled


@functools.lru_cache(maxsize=64)
def _lowered(text: str) -> str:
    return text.lower()


@dataclass(frozen=True, slots=True)
class Frame:
    """`answer` gets the match; it raises PassOnError or RefusedError where it has no answer."""

    pattern: Pattern
    answer: Callable[[Match], results.Solved]


_CURRENCY_SIGN = "[$\N{EURO SIGN}\N{POUND SIGN}]"
_CURRENCY_WORD = r"(?:dollars?|euros?|pounds?|usd|eur|gbp)\b"
_MINOR = rf"(?:{_CURRENCY_WORD}|cents?\b)"
KINDS = {
    "number": numbers.NUMBER,
    "count": numbers.COUNT,
    "fraction": numbers.FRACTION,
    "percent": rf"{numbers.NUMBER}\s?(?:%|percent\b|per cent\b)",
    "amount": rf"(?:{_CURRENCY_SIGN}\s?{numbers.NUMBER}|{numbers.NUMBER}(?:\s?{_CURRENCY_SIGN}|\s{_CURRENCY_WORD})?)",
    "money": rf"(?:{_CURRENCY_SIGN}\s?{numbers.NUMBER}|{numbers.NUMBER}(?:\s?{_CURRENCY_SIGN}|\s{_CURRENCY_WORD}))",
    "price": rf"(?:{_CURRENCY_SIGN}\s?{numbers.NUMBER}|{numbers.NUMBER}(?:\s?{_CURRENCY_SIGN}|\s{_MINOR}))",
    "noun": r"[a-z]+(?:[ -][a-z]+){0,2}?",
    "name": r"[a-z]+",
    "list": rf"-?{numbers.NUMBER}(?:(?:\s?[,;]\s?(?:and )?| and | )-?{numbers.NUMBER})*",
}
_ASK = r"(?:(?:what is|calculate|compute|find|work out|how much is|determine|(?:give|show) me|evaluate) (?:the value of )?)?"
_PLACE = re.compile(r"<([a-z]\w*):([a-z]+)>")


def pattern(text: str) -> Pattern:
    """Return the pattern of a frame. A plain parenthesis groups without a number: places have names."""
    text = _PLACE.sub(lambda found: f"(?P<{found[1]}>{KINDS[found[2]]})", text.replace("<ask>", _ASK))
    return Pattern(re.sub(r"(?<!\\)\((?!\?)", "(?:", text))


def frames(answer: Callable[[Match], results.Solved], *texts: str) -> list[Frame]:
    """Return a frame for each way to put the same question."""
    return [Frame(pattern(text), answer) for text in texts]


def read(found: Sequence[Frame], text: str) -> list[tuple[Frame, Match]]:
    """Return every frame that matches the whole of `text`."""
    matched = ((frame, frame.pattern.fullmatch(text)) for frame in found)
    return [(frame, match) for frame, match in matched if match]


def solved(
    answer: str,
    reading: str,
    check: str,
    exact: Fraction | str,
    *steps: str,
    level: answers.Level = answers.Level.COMPUTED,
) -> results.Solved:
    """Return an answer whose check held; `exact` is its value in the form that other grammars are compared in."""
    return results.Solved(answer, reading, level, check, (f"I read: {reading}", *steps), {"exact": str(exact)})
