"""Recall's caches, each held to what an override allows of it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from council import care_telemetry
from council.domain import overrides
from council.kit import native_heap

_log = logging.getLogger(__name__)


class Cache(Protocol):
    """What can be made smaller while it is used."""

    def cap(self, most: overrides.Cap) -> None:
        """Hold no more than this, nor than is configured, from now on."""

    @property
    def size(self) -> tuple[int, int]:
        """How many entries it holds, and how many bytes they are."""


class Caches:
    """`found` gives each cache by name, None as long as it is not there; `cap_of` says what it may hold."""

    def __init__(self, found: Mapping[str, Callable[[], Cache | None]], cap_of: Callable[[str], overrides.Cap]) -> None:
        self._found = found
        self._cap_of = cap_of
        self._caps = dict.fromkeys(found, overrides.Cap())

    def look(self) -> None:
        """Bring each to what it may hold now, and have the system get back what that frees. From the running event loop."""
        for name, find in self._found.items():
            if (cache := find()) is None:
                continue
            wanted = self._cap_of(name)
            if wanted != self._caps[name]:
                self._change(name, cache, wanted)
            entries, size_bytes = cache.size
            care_telemetry.CACHE_ENTRIES.labels(name).set(entries)
            care_telemetry.CACHE_BYTES.labels(name).set(size_bytes)

    def _change(self, name: str, cache: Cache, wanted: overrides.Cap) -> None:
        before = cache.size
        cache.cap(wanted)
        self._caps[name] = wanted
        told = {"cache": name, "entries": cache.size[0], "bytes": cache.size[1], "bytes_before": before[1]}
        _log.info("a cache has another bound", extra=told)
        if cache.size != before:
            # On a thread: of a large heap it takes longer than others should wait.
            asyncio.get_running_loop().run_in_executor(None, native_heap.give_back)
