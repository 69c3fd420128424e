"""The words of one user's memories: SQLite's FTS5 in memory. A view that is rebuilt at every start."""

import functools
import sqlite3
import threading
from collections.abc import Sequence

from council.serving.memory import lexical

# A word in more memories than this tells them apart too little to be worth ranking them all.
_COMMON = 1_000
_COMMON_KEPT = 10_000
_AGAIN = 1.25


class Phrases:
    """Texts by number, of one user. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = 0
        # By word: whether it was common, and among how many texts.
        self._common: dict[str, tuple[bool, int]] = {}
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.execute(
            "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize='porter unicode61 remove_diacritics 2')"
        )

    def add(self, numbered: Sequence[tuple[int, str]]) -> None:
        """Add texts under numbers that are not there yet."""
        clean = [(number, text.encode("utf-8", "replace").decode()) for number, text in numbered]
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", clean)
            self._database.execute("COMMIT")
            self._size += len(clean)

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove texts; numbers that are not there are passed over."""
        with self._lock:
            self._database.executemany("DELETE FROM words WHERE rowid = ?", [(number,) for number in numbers])

    def search(self, query: str, limit: int) -> list[int]:
        """Return the numbers of the texts that fit the query's content words best."""
        words = _words(query)
        with self._lock:
            rare = [word for word in words if not self._is_common(word)]
            if not rare:
                return []
            match = " OR ".join(f'"{word}"' for word in rare)
            rows = self._database.execute(
                "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?", (match, limit)
            ).fetchall()
        return [row[0] for row in rows]

    def coverage(self, query: str, numbers: Sequence[int]) -> dict[int, float]:
        """Return which share of the query's content words each of these texts holds, 0 where it has none."""
        stems = {_stem(word) for word in _words(query)}
        among = ",".join(str(int(number)) for number in numbers)
        with self._lock:
            statement = f"SELECT rowid, text FROM words WHERE rowid IN ({among})"  # noqa: S608 - integers
            texts = dict(self._database.execute(statement).fetchall()) if stems else {}
        held = {number: {_stem(word) for word in lexical.WORD.findall(text.lower())} for number, text in texts.items()}
        return {number: len(stems & held.get(number, set())) / max(1, len(stems)) for number in numbers}

    def close(self) -> None:
        """Give back the memory."""
        with self._lock:
            self._database.close()

    def _is_common(self, word: str) -> bool:
        """Return whether most searches would drown in this word; looked up anew when there are a quarter more texts."""
        if word in self._common and self._size < self._common[word][1] * _AGAIN:
            return self._common[word][0]
        common = self._count(word) > _COMMON
        if len(self._common) >= _COMMON_KEPT:
            self._common.clear()
        self._common[word] = (common, self._size)
        return common

    def _count(self, word: str) -> int:
        statement = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        found: int = self._database.execute(statement, (f'"{word}"', _COMMON + 1)).fetchone()[0]
        return found


@functools.lru_cache(_COMMON_KEPT)
def _stem(word: str) -> str:
    """Return a word without the commonest endings: enough to tell whether two texts speak of the same."""
    for ending in ("ing", "ies", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _words(query: str) -> list[str]:
    return lexical.content_words(query.encode("utf-8", "replace").decode())
