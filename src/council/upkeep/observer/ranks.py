"""How rare is a size among all before it? Ranks make one threshold fit every series, whatever its unit and its tails.

Exact for the 256 largest; what is below them is ranked among the 256 newest. A size beyond all others is rarer the farther
it is beyond: an exponential tail is put to the largest fiftieth. Old sizes count half after 20,000 new ones, a quarter after
30,000, so that a series may change for good.
"""

import bisect
import math
from collections import deque
from typing import Any

SURPRISE_MAX = 10.0

_LARGEST = 256
_RECENT = 256
_FORGET = 20_000
_TAIL_SHARE = 50
_TAIL_MIN, _TAIL_MAX = 8, 128
_TAIL_FROM = 40


class Ranks:
    """Takes sizes, none of them below nought, and tells how surprising another one would be. Bounded: 768 figures."""

    __slots__ = ("_count", "_largest", "_newest", "_recent")

    def __init__(self) -> None:
        self._count = 0
        self._largest: list[float] = []
        self._newest: deque[float] = deque()
        self._recent: list[float] = []

    def surprise(self, size: float) -> float:
        """Return minus the logarithm of the share of sizes that were at least as large, from 0 to `SURPRISE_MAX`."""
        largest, count = self._largest, self._count
        place = bisect.bisect_left(largest, size)
        kept = len(largest)
        if place == 0 and count > kept:
            among = len(self._recent)
            share = (among - bisect.bisect_left(self._recent, size) + 1) / (among + 1)
            return -math.log(max(share, (kept + 1) / (count + 1)))
        surprise = math.log((count + 1) / (kept - place + 1))
        if place == kept and count >= _TAIL_FROM:
            surprise = max(surprise, self._beyond(size))
        return min(surprise, SURPRISE_MAX)

    def _beyond(self, size: float) -> float:
        """Return the surprise at a size beyond all others, by the tail that they make."""
        largest = self._largest
        tail = min(max(_TAIL_MIN, self._count // _TAIL_SHARE), _TAIL_MAX)
        foot = largest[-tail]
        scale = (largest[-(tail // 2)] - foot) / math.log(2)
        scale = max(scale, (largest[-1] - foot) / math.log(tail + 1) / 2, 1e-9 * foot, 1e-300)
        return math.log(self._count / tail) + (size - foot) / scale

    def add(self, size: float) -> None:
        """Take one size."""
        largest = self._largest
        if self._count == len(largest) or size >= largest[0]:
            bisect.insort(largest, size)
            if len(largest) > _LARGEST:
                del largest[0]
        recent, newest = self._recent, self._newest
        bisect.insort(recent, size)
        newest.append(size)
        if len(newest) > _RECENT:
            del recent[bisect.bisect_left(recent, newest.popleft())]
        self._count += 1
        if self._count >= _FORGET:
            self._count //= 2
            # Every second one, and of those the largest.
            self._largest = largest[-1::-2][::-1]

    def state(self) -> dict[str, Any]:
        """Return all that it knows, for JSON."""
        return {"count": self._count, "largest": list(self._largest), "newest": list(self._newest)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Ranks":
        """Return the ranks that had this state. ValueError, KeyError or TypeError if none had."""
        ranks = cls()
        ranks._count = int(state["count"])
        ranks._largest = sorted(map(float, state["largest"]))
        ranks._newest = deque(map(float, state["newest"]))
        ranks._recent = sorted(ranks._newest)
        if len(ranks._largest) > _LARGEST or len(ranks._recent) > _RECENT or ranks._count < len(ranks._largest):
            raise ValueError("These ranks hold more than they can.")
        return ranks
