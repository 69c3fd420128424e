"""Other spellings of the same signs, before any grammar reads them.

Digits stay as they came: look-alikes from other scripts are read by no grammar.
"""

import re

from council.serving.compute.quantities import stops
from council.serving.wording import manners, number_words

TEXT_CHARS_MAX = 1_200

_SPELLINGS = (
    (re.compile(r"\\[()\[\]]|\\[,;!]|~"), " "),
    (re.compile(r"\\([%$#&])"), r"\1"),
    (re.compile(r"\\(?:text|mathrm)\{([^{}]{0,40})\}"), r" \1 "),
    (re.compile(r"\\d?frac\{(\d{1,6})\}\{(\d{1,6})\}"), r"\1/\2"),
    (re.compile(r"\\times\b|\\cdot\b|\N{MULTIPLICATION SIGN}"), " x "),
    (re.compile("[\u00a0\u2007\u2009\u202f]"), " "),
    (re.compile("[\u2212\u2012\u2013]"), "-"),
    (re.compile("[\u2018\u2019\u02bc]"), "'"),
    # The Greek letter mu, for the sign of a millionth: no unit of ours has the letter.
    (re.compile("\u03bc(?=[a-z])"), "\N{MICRO SIGN}"),
    (re.compile("[\u201c\u201d]"), '"'),
    # With a space, since 2 and a half is not 21/2.
    (re.compile("\N{VULGAR FRACTION ONE HALF}"), " 1/2"),
    (re.compile("\N{VULGAR FRACTION ONE QUARTER}"), " 1/4"),
    (re.compile("\N{VULGAR FRACTION THREE QUARTERS}"), " 3/4"),
    (re.compile(r"\s+"), " "),
    (re.compile(r"(?i)\b(what|how|where|who)'s\b"), r"\1 is"),
    (re.compile(r"(?i)\bwhats\b"), "what is"),
)
_MARKS = "?!.=:"


def plain(text: str) -> str:
    """Return `text` in one spelling, without manners and last stop. Raises PassOnError where it is too long or unprintable."""
    if len(text) > TEXT_CHARS_MAX:
        raise stops.PassOnError(f"the text is longer than {TEXT_CHARS_MAX} characters")
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    text = text.strip()
    if not text.isprintable():
        raise stops.PassOnError("it holds signs that cannot be printed")
    if text.endswith(")!"):
        raise stops.PassOnError("the last mark may be of a factorial")
    if text.count("$") == 2:
        text = re.sub(r"(?<!\S)\$(\S[^$]*)(?<=\S)\$(?=[\s?!.,:;]|$)", r"\1", text).strip()
    return number_words.in_digits(manners.without(text, _MARKS))
