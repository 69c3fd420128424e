"""Answers given before, in memory, each user's apart. A view that a restart empties; the least used go first."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from council.domain import caching, overrides
from council.kit import recently_used

_Embed = Callable[[Sequence[str]], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    at_s: float
    answer: Mapping[str, Any]
    size_bytes: int


class Shelf:
    """Safe to share between threads. Times are of a monotonic clock, seconds."""

    def __init__(self, settings: caching.CacheConfig, cosine: Callable[[bytes, bytes], float]):
        self._settings = settings
        self._cosine = cosine
        # (user, scope, gist) to the exact questions with that gist; one order of use over all.
        self._kept = recently_used.RecentlyUsed[tuple[str, str, str], dict[str, _Kept]](settings.questions_max)
        self._lock = threading.Lock()

    def find(
        self, user_id: str, scope: str, gist: str, text: str, now_s: float, embed: _Embed | None
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return ("exact" or "semantic", answer); the latter only with `embed`, and where meanings are near enough."""
        with self._lock:
            found = self._kept.get((user_id, scope, gist))
            if found is None:
                return None
            fresh = {key: one for key, one in found.items() if now_s - one.at_s < self._settings.ttl_s}
        if (exact := fresh.get(text)) is not None:
            return "exact", exact.answer
        if embed is None or not fresh:
            return None
        asked, *known = embed([text, *fresh])
        best = max(zip(fresh.values(), known, strict=True), key=lambda pair: self._cosine(asked, pair[1]))
        near = self._cosine(asked, best[1]) >= self._settings.cosine_min
        return ("semantic", {**best[0].answer, "question": best[0].text}) if near else None

    def keep(self, user_id: str, scope: str, gist: str, text: str, answer: Mapping[str, Any], now_s: float) -> None:
        """Keep an answer in place of an older one to the same words."""
        kept = _Kept(text, now_s, answer, len(text) + len(orjson.dumps(answer)))
        with self._lock:
            found = self._kept.pop((user_id, scope, gist)) or {}
            found.pop(text, None)
            while len(found) >= self._settings.wordings_max:
                found.pop(next(iter(found)))
            found[text] = kept
            self._kept.put((user_id, scope, gist), found, sum(one.size_bytes for one in found.values()))

    def clear(self) -> None:
        """Drop every answer."""
        with self._lock:
            self._kept.clear()

    def cap(self, most: overrides.Cap) -> None:
        """Keep no more questions than this, nor than are configured, from now on."""
        with self._lock:
            self._kept.bound(overrides.capped(self._settings.questions_max, most.entries), most.bytes)

    @property
    def size(self) -> tuple[int, int]:
        """How many questions are kept, and how many bytes they and their answers are."""
        return len(self._kept), self._kept.bytes

    def forget(self, user_id: str) -> int:
        """Drop every answer to a user; return how many."""
        with self._lock:
            own = [key for key in self._kept if key[0] == user_id]
            return sum(len(self._kept.pop(key) or ()) for key in own)
