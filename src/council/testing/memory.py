"""The memory part of recall inside the calling process, with vectors made of words and no numeric library."""

import collections
import dataclasses
import hashlib
import math
import struct
from collections.abc import Mapping, Sequence

from council.domain import config as config_module
from council.domain import memory
from council.kit import clock as clock_module
from council.serving.memory import keeper as keeper_module
from council.serving.memory import lexical

WIDTH = 64


class WordEmbedder:
    """Implements ports.Embedder: texts that share words are near each other. `texts` counts what was embedded."""

    width = WIDTH

    def __init__(self, digest: str = "words"):
        self.digest = digest
        self.texts = 0
        self.forgotten = 0

    def embed(self, texts: Sequence[str]) -> memory.Embedded:
        """Add up a vector for each content word."""
        self.texts += len(texts)
        tokens = sum(len(text.split()) for text in texts)
        return memory.Embedded(tuple(_vector(text) for text in texts), WIDTH, tokens)

    def embed_beginning(self, text: str, tokens_max: int) -> bytes:
        """Embed the first words."""
        self.texts += 1
        return _vector(" ".join(text.split()[:tokens_max]))

    def forget(self) -> None:
        """Count it; nothing is kept."""
        self.forgotten += 1


def _vector(text: str) -> bytes:
    numbers = [1e-3] * WIDTH
    for word in lexical.content_words(text):
        place = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:2])
        numbers[place % WIDTH] += 1.0 if place & 1 else -1.0
    length = math.sqrt(sum(number * number for number in numbers))
    return struct.pack(f"{WIDTH}f", *(number / length for number in numbers))


class PlainIndex:
    """Implements ports.VectorIndex by comparing all."""

    def __init__(self) -> None:
        self._vectors: dict[int, tuple[float, ...]] = {}

    def add(self, numbers: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Add vectors."""
        self._vectors.update(zip(numbers, map(_numbers, vectors), strict=True))

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove vectors."""
        for number in numbers:
            self._vectors.pop(number, None)

    def search(self, vector: bytes, limit: int) -> list[tuple[int, float]]:
        """Return the nearest."""
        asked = _numbers(vector)
        scored = ((number, _product(asked, held)) for number, held in list(self._vectors.items()))
        return sorted(scored, key=lambda pair: -pair[1])[:limit]

    def similarity(self, vector: bytes, numbers: Sequence[int]) -> list[float]:
        """Return the cosine of each."""
        asked = _numbers(vector)
        return [_product(asked, self._vectors[one]) if one in self._vectors else 0.0 for one in numbers]

    def settle(self) -> None:
        """Return."""

    def __len__(self) -> int:
        return len(self._vectors)


def _numbers(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"{len(vector) // 4}f", vector)


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(one, other, strict=True))))


class InlineMemories:
    """Implements ports.Memories by a keeper in this process."""

    def __init__(self, records: keeper_module.Records, settings: config_module.MemoryConfig, clock: clock_module.Clock):
        self.keeper = keeper_module.Keeper(records, WordEmbedder(), PlainIndex, settings, clock)

    async def remember(self, user_id: str, session_id: str, text: str, request_id: str) -> list[memory.Memory]:
        """Keep what the user said."""
        return self.keeper.remember(user_id, session_id, text, request_id)

    async def recall(self, user_id: str, session_id: str, query: str, limit: int, request_id: str) -> memory.Recalled:
        """Return what is known for a question."""
        return self.keeper.recall(user_id, session_id, query, limit)

    async def search(self, user_id: str, query: str, limit: int, request_id: str) -> list[memory.Found]:
        """Search a user's memories."""
        return self.keeper.search(user_id, query, limit)

    async def entries(
        self, user_id: str, selection: memory.Selection, limit: int, request_id: str
    ) -> list[memory.Memory]:
        """List a user's memories."""
        return self.keeper.entries(user_id, selection, limit)

    async def forget(self, user_id: str, selection: memory.Selection, request_id: str) -> int:
        """Delete a user's memories."""
        return self.keeper.forget(user_id, selection)

    async def correct(self, user_id: str, identifier: str, text: str, request_id: str) -> memory.Memory:
        """Have a memory say something else."""
        return self.keeper.correct(user_id, identifier, text, request_id)

    async def take_in(self, user_id: str, rows: Sequence[memory.Memory], request_id: str) -> int:
        """Import memories."""
        return self.keeper.take_in(user_id, rows)

    async def embed(self, texts: Sequence[str], request_id: str) -> memory.Embedded:
        """Embed texts."""
        return self.keeper.embed(texts)


class PlainRecords:
    """Implements kept_ports.MemoryRecords in a dictionary. `forget` leaves nothing."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[memory.Memory, bytes, str]] = {}
        self.log: list[memory.Change] = []

    def add_memories(
        self,
        rows: Sequence[tuple[memory.Memory, bytes]],
        digest: str,
        superseded: Mapping[str, str] | None = None,
        noted: memory.Noted | None = None,
    ) -> None:
        """Add rows; an id that is there is left as it is."""
        if noted is not None and rows:
            self.note(noted, len(rows))
        for row, vector in rows:
            self.rows.setdefault(row.id, (row, vector, digest))
        for old, new in (superseded or {}).items():
            by = self.rows[new][0]
            row, vector, digest_then = self.rows.get(old, (by, b"", ""))
            if row is not by and row.user_id == by.user_id:
                changed = dataclasses.replace(row, superseded_by=new, superseded_us=by.at_us)
                self.rows[old] = (changed, vector, digest_then)

    def memories(
        self, user_id: str, selection: memory.Selection, limit: int, *, newest_first: bool = False
    ) -> list[memory.Memory]:
        """Return up to `limit` memories by id."""
        chosen = [row for row, _, _ in list(self.rows.values()) if _is_chosen(row, user_id, selection)]
        return sorted(chosen, key=lambda row: row.id, reverse=newest_first)[:limit]

    def facts(self, user_id: str, subject: str, attribute: str) -> list[memory.Memory]:
        """Return the facts about an attribute that hold, newest first."""
        found = [
            row
            for row in self.memories(user_id, memory.Selection(kind=memory.Kind.FACT), len(self.rows))
            if (row.subject, row.attribute, row.superseded_by) == (subject, attribute, "")
        ]
        return sorted(found, key=lambda row: (row.at_us, row.id), reverse=True)

    def vectors(self, user_id: str, before: str, limit: int) -> list[tuple[str, str, bytes, str]]:
        """Return up to `limit` memories, newest first; only older ones than `before`, if any."""
        found = [
            (row.id, row.text, vector, digest)
            for row, vector, digest in list(self.rows.values())
            if row.user_id == user_id and (not before or row.id < before)
        ]
        return sorted(found, reverse=True)[:limit]

    def set_vectors(self, user_id: str, vectors: Sequence[tuple[str, bytes]], digest: str) -> None:
        """Replace vectors by id."""
        for identifier, vector in vectors:
            row = self.rows[identifier][0] if identifier in self.rows else None
            if row is not None and row.user_id == user_id:
                self.rows[identifier] = (row, vector, digest)

    def forget(self, user_id: str, selection: memory.Selection, noted: memory.Noted | None = None) -> list[str]:
        """Delete memories; return their ids."""
        gone = [row.id for row, _, _ in self.rows.values() if _is_chosen(row, user_id, selection)]
        for identifier in gone:
            del self.rows[identifier]
        if noted is not None and gone:
            self.note(noted, len(gone))
        return gone

    def correct(self, row: memory.Memory, vector: bytes, digest: str, at_us: int) -> bool:
        """Replace a row; the log tells of one forgotten and one kept."""
        if row.id not in self.rows or self.rows[row.id][0].user_id != row.user_id:
            return False
        self.rows[row.id] = (row, vector, digest)
        for did in (memory.Did.FORGOT, memory.Did.KEPT):
            self.note(memory.Noted(at_us, row.user_id, did, row.source), 1)
        return True

    def note(self, noted: memory.Noted, count: int) -> None:
        """Note a change."""
        self.log.append(memory.Change(noted.at_us, noted.user_id, noted.did, count, noted.source))

    def changes(self, limit: int) -> list[memory.Change]:
        """Return the newest lines of the change log."""
        return self.log[::-1][:limit]

    def counts(self) -> dict[str, int]:
        """Return how many memories each user has."""
        return dict(collections.Counter(row.user_id for row, _, _ in self.rows.values()))


def _is_chosen(row: memory.Memory, user_id: str, selection: memory.Selection) -> bool:
    return (
        row.user_id == user_id
        and selection.session_id in (None, row.session_id)
        and selection.kind in (None, row.kind)
        and (selection.ids is None or row.id in selection.ids)
        and row.id > selection.after
    )
