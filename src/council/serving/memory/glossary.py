"""Which of Council's own words a question asks the meaning of. Pure.

"What does verified mean?" can be about Council, and then its glossary knows better than a dictionary. "Define verified" asks
for a definition, and "the word verified" for a word of the language: there the glossary comes after the dictionary, or not at
all.
"""

import re
from collections.abc import Callable

from council.domain import answers
from council.serving.memory import lexical
from council.serving.memory.corpora import asking

_WORD = (
    r"(?:an? |the )?(?:['\"`](?P<quoted{0}>[A-Za-z][A-Za-z -]{{1,40}})['\"`]|(?P<plain{0}>[A-Za-z][A-Za-z -]{{1,40}}?))"
)
_IN_COUNCIL = r"(?: (?:in|for|to|with|by) council)"
_MEANT = re.compile(
    rf"what does {_WORD.format(1)} mean{_IN_COUNCIL}?|what is meant by {_WORD.format(2)}{_IN_COUNCIL}?|"
    rf"(?:what is )?(?:the )?meaning of {_WORD.format(3)}{_IN_COUNCIL}?|"
    rf"(?:define|(?:what is )?(?:the )?definition of) {_WORD.format(4)}{_IN_COUNCIL}",
    re.IGNORECASE,
)
_DEFINED = re.compile(rf"(?:define|(?:what is |give )?(?:the )?definition of) {_WORD.format(1)}", re.IGNORECASE)
# What packaged sources have for a question.
Find = Callable[[str], answers.Passage | None]
_HEADING = "Glossary > "


def meant(index: lexical.LexicalIndex, question: str) -> answers.Passage | None:
    """Return the entry of a word whose meaning is asked, where the question is or can be about Council."""
    return _entry(index, _MEANT.fullmatch(asking.plain(question)))


def defined(index: lexical.LexicalIndex, question: str) -> answers.Passage | None:
    """Return the entry of a word whose definition is asked, for where no dictionary has one."""
    return _entry(index, _DEFINED.fullmatch(asking.plain(question)))


def outright(index: lexical.LexicalIndex, packaged: Find, question: str) -> answers.Passage | None:
    """Return the entry of the glossary or of a packaged source that answers as a whole, or None."""
    return meant(index, question) or packaged(question) or defined(index, question)


def _entry(index: lexical.LexicalIndex, match: "re.Match[str] | None") -> answers.Passage | None:
    if match is None:
        return None
    word = next(text for text in match.groups() if text is not None)
    return index.entry(lexical.GLOSSARY, f"{_HEADING}{word.strip()}")
