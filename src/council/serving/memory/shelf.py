"""One user's memories, ready to be searched: vectors and words under numbers of their own. A view of the records.

Each user has a shelf of their own, so a search cannot meet anybody else's memories.
"""

import collections
import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from council import ports
from council.serving.memory import phrases

_RESULTS_KEPT = 256


class Shelf:
    """Ids with what is needed to find them, and results until something changes. Filled from the records by its user."""

    def __init__(self, index: ports.VectorIndex):
        self._complete = False
        self._index = index
        self._phrases = phrases.Phrases()
        self._ids: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._next = 1
        self._version = 0
        self._results: collections.OrderedDict[Hashable, Any] = collections.OrderedDict()
        self._lock = threading.Lock()

    def add(self, rows: Sequence[tuple[str, str, bytes]]) -> None:
        """Add memories as id, text and vector; those that are there already are passed over."""
        with self._lock:
            new = {identifier: (text, vector) for identifier, text, vector in rows if identifier not in self._numbers}
            numbers = list(range(self._next, self._next + len(new)))
            self._next += len(new)
            self._index.add(numbers, [vector for _, vector in new.values()])
            self._phrases.add([(number, text) for number, (text, _) in zip(numbers, new.values(), strict=True)])
            for number, identifier in zip(numbers, new, strict=True):
                self._ids[number], self._numbers[identifier] = identifier, number
            self._changed()

    def remove(self, ids: Sequence[str]) -> None:
        """Remove memories; those that are not there are passed over."""
        with self._lock:
            numbers = [self._numbers.pop(identifier) for identifier in ids if identifier in self._numbers]
            for number in numbers:
                del self._ids[number]
            self._index.remove(numbers)
            self._phrases.remove(numbers)
            self._changed()

    def search(self, query: str, vector: Callable[[str], bytes], limit: int) -> list[tuple[str, float, float]]:
        """Return ids with cosine and coverage of the query's words: the `limit` nearest by either, in no order."""
        asked = vector(query)
        by_word = self._phrases.search(query, limit)
        found = dict(self._index.search(asked, limit))
        missing = [number for number in by_word if number not in found]
        found.update(zip(missing, self._index.similarity(asked, missing), strict=True))
        covered = self._phrases.coverage(query, list(found))
        with self._lock:
            return [
                (self._ids[number], cosine, covered[number]) for number, cosine in found.items() if number in self._ids
            ]

    @property
    def complete(self) -> bool:
        """Whether all that the records hold of this user is on it."""
        return self._complete

    @complete.setter
    def complete(self, value: bool) -> None:
        with self._lock:
            self._complete = value
            self._changed()

    @property
    def version(self) -> int:
        """Another number after each change."""
        return self._version

    def kept(self, key: Hashable) -> Any:
        """Return the result of an earlier question, None if there is none or something has changed since."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def keep(self, key: Hashable, version: int, result: Any) -> None:
        """Keep a result that was found while the shelf had this version."""
        with self._lock:
            if version == self._version:
                self._results[key] = result
                if len(self._results) > _RESULTS_KEPT:
                    self._results.popitem(last=False)

    def settle(self) -> None:
        """Let the vector index rearrange itself."""
        self._index.settle()

    def close(self) -> None:
        """Give back the memory."""
        self._phrases.close()

    def __len__(self) -> int:
        return len(self._ids)

    def _changed(self) -> None:
        self._version += 1
        self._results.clear()
