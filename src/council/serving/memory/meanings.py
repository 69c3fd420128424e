"""Searching by meaning where words find too little: when, of which passages, and how both rankings become one. Pure.

What is quoted as an answer stays chosen by words: a passage that is near in meaning need not hold what was asked for. Figures
of both are in record 0017.
"""

import itertools
from collections.abc import Iterable, Sequence

from council.domain import answers
from council.serving.memory import documents, lexical

# Of a passage; more tokens take longer and find no more.
PASSAGE_TOKENS_MAX = 128
# Of a query: 168 of them take 40 ms.
QUERY_TOKENS_MAX = 60
CANDIDATES = lexical.CANDIDATES
# Texts that have nothing to do with each other lie below.
COSINE_MIN = 0.2
# The usual 60 is for rankings of a thousand: of two of twenty it puts whatever is in both first, however far down.
_RANK_OFFSET = 3
READ = 3


def text_of(passage: answers.Passage) -> str:
    """Return what of a passage is embedded: what its words are searched in. The beginning counts."""
    return f"{passage.heading}\n{documents.prose(passage.text)}"


def words_do(passages: Sequence[answers.Passage], coverage_min: float) -> bool:
    """Return whether one of the first passages by words holds so much of the query that its meaning is not asked for."""
    return any(passage.coverage >= coverage_min for passage in passages[:READ])


def fused(by_meaning: Sequence[str], by_words: Sequence[str], offset: int = _RANK_OFFSET) -> list[str]:
    """Return the names of two rankings in one, best first: by the sum of the reciprocals of their places in both."""
    scores: dict[str, float] = {}
    for ranking in (by_meaning, by_words):
        for place, name in enumerate(ranking[:CANDIDATES], 1):
            scores[name] = scores.get(name, 0.0) + 1 / (offset + place)
    # Sorting is stable, so that of equals the nearer in meaning comes first.
    return sorted(scores, key=lambda name: -scores[name])


class Register:
    """Which passages there are, by name, and under which number the vector of each is known."""

    def __init__(self, known_max: int):
        """Hand out numbers for `known_max` passages at most."""
        self._known_max = known_max
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        # In the order in which they came; a dictionary, since they leave from anywhere.
        self._waiting: dict[str, None] = {}
        self._gone: dict[str, None] = {}
        self._aside: set[str] = set()
        self._next = 1

    def change(self, before: Sequence[str], now: Sequence[str]) -> list[int]:
        """Take over what a document's passages were and are; return the numbers that hold no longer.

        What stays as it was keeps its number, so it is not embedded again.
        """
        kept = set(now)
        numbers = [self._leave(name) for name in before if name not in kept]
        for name in now:
            self._gone.pop(name, None)
            if name not in self._numbers and name not in self._aside:
                self._waiting.setdefault(name)
        return [number for number in numbers if number is not None]

    def waiting(self, limit: int) -> list[str]:
        """Return up to `limit` names that wait for a number and may have one."""
        room = min(limit, self._known_max - len(self._numbers))
        return list(itertools.islice(self._waiting, max(0, room)))

    def give(self, names: Iterable[str]) -> dict[str, int]:
        """Return a number for each of these names that still waits."""
        given: dict[str, int] = {}
        for name in names:
            if name in self._waiting:
                del self._waiting[name]
                given[name] = self._numbers[name] = self._next
                self._names[self._next] = name
                self._next += 1
        return given

    def set_aside(self, names: Iterable[str]) -> None:
        """Have these wait no longer, as long as their documents stay as they are: they cannot be embedded."""
        for name in names:
            if name in self._waiting:
                del self._waiting[name]
                self._aside.add(name)

    def name(self, number: int) -> str | None:
        """Return whose vector has this number, None if that is gone."""
        return self._names.get(number)

    def take_gone(self) -> list[str]:
        """Return the names that have gone since the last call and have not come back."""
        gone, self._gone = list(self._gone), {}
        return gone

    def names(self) -> set[str]:
        """Return every passage's name."""
        return {*self._numbers, *self._waiting, *self._aside}

    @property
    def known(self) -> int:
        """How many passages have a number."""
        return len(self._numbers)

    @property
    def aside(self) -> int:
        """How many cannot be embedded."""
        return len(self._aside)

    def __len__(self) -> int:
        return len(self._numbers) + len(self._waiting) + len(self._aside)

    def _leave(self, name: str) -> int | None:
        self._gone[name] = None
        self._waiting.pop(name, None)
        self._aside.discard(name)
        number = self._numbers.pop(name, None)
        if number is not None:
            del self._names[number]
        return number
