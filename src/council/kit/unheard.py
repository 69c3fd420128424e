"""Counting apart: what stands in for a Prometheus metric where what happens must not be in it."""

import collections
import contextlib
from typing import Any


class Apart:
    """What one request of a trial would have counted; nobody but `count` ever sees it."""

    def __init__(self) -> None:
        self._counts: collections.Counter[tuple[Any, ...]] = collections.Counter()

    def count(self, metric: Any, *labels: str) -> int:
        """Return by how much a counter would be higher."""
        return self._counts[metric, *labels]

    def take(self, metric: Any, labels: tuple[str, ...]) -> "_Unheard":
        """Return what takes the place of a metric's child."""
        return _Unheard(self._counts, (metric, *labels))


class _Unheard:
    """Takes what a counter, gauge or histogram takes, and keeps the sum of what is counted."""

    def __init__(self, counts: "collections.Counter[tuple[Any, ...]]", key: tuple[Any, ...]):
        self._counts = counts
        self._key = key

    def inc(self, amount: float = 1) -> None:
        self._counts[self._key] += int(amount)

    def dec(self, amount: float = 1) -> None: ...

    def set(self, value: float) -> None: ...

    def observe(self, amount: float) -> None: ...

    def time(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()
