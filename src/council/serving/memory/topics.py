"""Whether a quote is about what a question asks, and does not merely hold its words. Pure.

Words of a question meet by chance: "How does the ledger work?" in "The work is cancelled, and the ledger row says so". So they
must stand in the headings, or the sentence must begin with one of them, or the heading above it must be nothing but words of
the question, or they must stand side by side.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_HOW_IT_WORKS = re.compile(r"\bhow\b.*\b(?:works?|working|functions?)\W*\Z", re.IGNORECASE | re.DOTALL)
# Their answer is the subject or the object of the sentence, so the order of their words says nothing.
_ASKS_FOR_A_THING = re.compile(r"\W*(?:\w+\W+){0,4}?(?:who|whom|whose|which|what)\b", re.IGNORECASE)
_QUESTION_CHARS_MAX = 400
_CELL_WORDS_MAX = 4
# A sentence that begins with its subject may say other things before what was asked.
_BEGUN_WORDS_MAX = 12
_PRONOUNS = frozenset(("it", "its", "they", "their", "he", "she", "this", "these"))
_PRONOUN_WORDS_MAX = 4
# Words that may stand among those of a question where they stand side by side.
_BETWEEN = 1


@dataclass(frozen=True, slots=True)
class Marked:
    """The words of a text in order, and at which places each word of the question stands, whatever its ending."""

    words: Sequence[str]
    places: Mapping[str, AbstractSet[int]]

    @property
    def hit(self) -> frozenset[int]:
        """The places at which some word of the question stands."""
        return frozenset().union(*self.places.values())


def of_sentence(
    question: str,
    asked: Sequence[str],
    title: Marked,
    above: AbstractSet[str],
    said: Marked,
    carries: Callable[[str], bool],
) -> bool:
    """Say whether a sentence is about the question whose content words are `asked`.

    `title` is the innermost heading, `above` are the words that stand in any heading, and `carries` says whether a word
    carries content.
    """
    # A single word is in too many headings and sentences to tell what is asked about it, unless nothing stands before it there.
    alone = len(asked) == 1
    if len(above) == len(asked) and _is_title(title, carries, 1.0 if alone else 0.5):
        return True
    if _HOW_IT_WORKS.search(question[:_QUESTION_CHARS_MAX]) or not _filled_in(asked, title, said, carries):
        return False
    if (_begins(said, carries, 1 if alone else None) and _within(asked, said, _BEGUN_WORDS_MAX)) or (
        all(said.places.get(word) for word in asked) and len(asked) > 1 and _within(asked, said, len(asked) + _BETWEEN)
    ):
        return True
    return _is_title(title, carries, 1.0) and (
        bool(_ASKS_FOR_A_THING.match(question[:_QUESTION_CHARS_MAX])) or _in_order(asked, title, said)
    )


def of_row(asked: Sequence[str], head: Marked, cells: Sequence[Marked], carries: Callable[[str], bool]) -> bool:
    """Say whether a table's row is about the question: its first cell, its columns' heads, or what fills a short cell.

    `head` holds only the heads of the row's cells that are not empty.
    """
    if not cells or not _begins(cells[0], carries):
        return False
    short = [cell for cell in cells[1:] if len(cell.words) <= _CELL_WORDS_MAX]
    places = (cells[0].places, head.places, *(cell.places for cell in short))
    elsewhere = {word for cell in cells for word in cell.places if cell.places[word]}
    return all(any(found.get(word) for found in places) for word in asked if word in elsewhere)


def _filled_in(asked: Sequence[str], title: Marked, said: Marked, carries: Callable[[str], bool]) -> bool:
    """Say whether the headings may stand for the words that the sentence lacks.

    The innermost one may, if the sentence has what the question begins with; any may whose thing the sentence calls "it".
    """
    lacking = [word for word in asked if not said.places.get(word)]
    if not lacking or any(word in _PRONOUNS for word in said.words[:_PRONOUN_WORDS_MAX]):
        return True
    if asked[0] in lacking and not _is_title(title, carries, 1.0):
        return False
    return all(title.places.get(word) for word in lacking)


def _begins(said: Marked, carries: Callable[[str], bool], before_max: int | None = None) -> bool:
    """Say whether the first word that carries content, numbers aside, is one of the question's, with so few words before it."""
    first = next((place for place, word in enumerate(said.words) if carries(word) and not word[0].isdigit()), None)
    return first is not None and first in said.hit and (before_max is None or first <= before_max)


def _within(asked: Sequence[str], said: Marked, width: int) -> bool:
    """Say whether those words of the question that stand in a sentence all stand within so many words of it."""
    there = [said.places[word] for word in asked if said.places.get(word)]
    return any(all(any(begin <= place < begin + width for place in places) for places in there) for begin in said.hit)


def _is_title(title: Marked, carries: Callable[[str], bool], share_min: float) -> bool:
    """Say whether of the heading's words that carry content so large a share is the question's."""
    content = {place for place, word in enumerate(title.words) if carries(word)}
    return bool(content) and len(content & title.hit) >= share_min * len(content)


def _in_order(asked: Sequence[str], title: Marked, said: Marked) -> bool:
    """Say whether what the heading names comes first in the question: it is about that, and not about what is done to it."""
    named = [place for place, word in enumerate(asked) if title.places.get(word)]
    rest = [place for place, word in enumerate(asked) if said.places.get(word) and not title.places.get(word)]
    return bool(named) and (not rest or min(named) < min(rest))
