"""A question in the plain form that the corpora's grammars read: one line, without politeness and closing marks. Pure."""

import re
import unicodedata

from council.serving.wording import manners

# No grammar here reads longer questions, and what is longer asks for more than one thing.
_CHARS_MAX = 160
_MARKS = "?!."
_CONTRACTED = re.compile(r"\b(what|who|where)(?:'s|s)(?= )", re.IGNORECASE)
_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u2013": "-", "\u2011": "-"})


def plain(text: str) -> str:
    """Return the question, or nothing if it is too long or of several lines. The case of its letters stays."""
    text = text[: _CHARS_MAX * 4].strip()
    if len(text) > _CHARS_MAX or "\n" in text:
        return ""
    text = " ".join(unicodedata.normalize("NFKC", text).translate(_SAME).split())
    return _CONTRACTED.sub(r"\1 is", manners.without(text, _MARKS)).rstrip(" ,")


def folded(name: str) -> str:
    """Return a name as it is compared: without case, accents, a leading article, quotes, and differences of dash or space."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_SAME).casefold())
    letters = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    words = re.sub(r"[^\w]+", " ", letters.replace("'", "")).split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)
