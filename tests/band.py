"""The plainest detector: a value far from the median of those before it. For where there is no better one. Pure."""

import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KEPT = 240
_LEAST = 60
_FAR = 8.0
# A median of absolute deviations times this is a standard deviation, of what is normal.
_SCALE = 1.4826


@dataclass(frozen=True, slots=True)
class Read:
    """What it says of a point."""

    score: float
    low: float | None = None
    high: float | None = None
    alarm: str | None = None


class Band:
    """Keeps the last values of a series. After an alarm it is silent until a value was within the band again."""

    def __init__(self, state: Mapping[str, Any] | None = None):
        told = state or {"values": [], "outside": False}
        self._values: deque[float] = deque((float(one) for one in told["values"]), maxlen=_KEPT)
        self._outside = bool(told["outside"])

    def take(self, at_s: float, value: float) -> Read:
        """Take the next point."""
        if len(self._values) < _LEAST:
            self._values.append(value)
            return Read(0.0)
        middle = statistics.median(self._values)
        spread = _SCALE * statistics.median(abs(one - middle) for one in self._values) or abs(middle) * 0.01 or 1e-9
        low, high = middle - _FAR * spread, middle + _FAR * spread
        outside, was_outside = not low <= value <= high, self._outside
        self._values.append(value)
        self._outside = outside
        alarm = "outside" if outside and not was_outside else None
        return Read(min(1.0, abs(value - middle) / (2 * _FAR * spread)), low, high, alarm)

    def state(self) -> dict[str, Any]:
        """Return what it keeps."""
        return {"values": list(self._values), "outside": self._outside}
