"""Answers given before, in memory, each user's apart. A view that a restart empties; the least used go first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import caching

_Embed = Callable[[Sequence[str]], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    at_s: float
    answer: Mapping[str, Any]


class Shelf:
    """Safe to share between threads. Times are of a monotonic clock, seconds."""

    def __init__(self, settings: caching.CacheConfig, cosine: Callable[[bytes, bytes], float]):
        self._settings = settings
        self._cosine = cosine
        # (user, scope, gist) to the exact questions with that gist; one order of use over all.
        self._kept: OrderedDict[tuple[str, str, str], dict[str, _Kept]] = OrderedDict()
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
            self._kept.move_to_end((user_id, scope, gist))
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
        with self._lock:
            found = self._kept.setdefault((user_id, scope, gist), {})
            found.pop(text, None)
            while len(found) >= self._settings.wordings_max:
                found.pop(next(iter(found)))
            found[text] = _Kept(text, now_s, answer)
            self._kept.move_to_end((user_id, scope, gist))
            while len(self._kept) > self._settings.questions_max:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Drop every answer."""
        with self._lock:
            self._kept.clear()

    def forget(self, user_id: str) -> int:
        """Drop every answer to a user; return how many."""
        with self._lock:
            own = [key for key in self._kept if key[0] == user_id]
            return sum(len(self._kept.pop(key)) for key in own)
