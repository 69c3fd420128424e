"""What is usual at this time of day: for each half hour a level, and how surprising it was on other days.

Both follow the days slowly; a single burst moves the level hardly at all. Times are UTC.
"""

from typing import Any

DAY_S = 86_400.0
_PARTS = 48
# How much of what is usual one day makes.
_DAY_WEIGHT = 0.3


def _part(at_s: float) -> int:
    return int(at_s % DAY_S / DAY_S * _PARTS) % _PARTS


class Season:
    """The levels of 48 half hours. A half hour that was never seen has none."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[float | None] = [None] * _PARTS

    def level(self, at_s: float) -> float | None:
        """Return what is usual at this time."""
        return self._levels[_part(at_s)]

    def learn(self, at_s: float, passed_s: float, value: float, farthest: float) -> None:
        """Take a value that stands for `passed_s` seconds. One farther from the level than `farthest` counts as that far."""
        part = _part(at_s)
        level = self._levels[part]
        if level is None:
            self._levels[part] = value
            return
        weight = _DAY_WEIGHT * min(1.0, passed_s * _PARTS / DAY_S)
        self._levels[part] = level + weight * max(-farthest, min(farthest, value - level))

    def state(self) -> list[float | None]:
        """Return all that it knows, for JSON."""
        return list(self._levels)

    @classmethod
    def from_state(cls, state: list[Any]) -> "Season":
        """Return the season that had this state. ValueError or TypeError if none had."""
        if len(state) != _PARTS:
            raise ValueError(f"A season has {_PARTS} levels.")
        season = cls()
        season._levels = [None if level is None else float(level) for level in state]
        return season


class Peaks:
    """The greatest surprise of each half hour, as it was on the days before, so that what a clock does every day is no news."""

    __slots__ = ("_now", "_peak", "_usual")

    def __init__(self) -> None:
        self._usual = [0.0] * _PARTS
        self._now = 0
        self._peak = 0.0

    def usual(self, at_s: float, surprise: float) -> float:
        """Take a surprise and return the greatest that is usual within half an hour of this time of day."""
        part, usual = _part(at_s), self._usual
        if part != self._now:
            usual[self._now] += _DAY_WEIGHT * (self._peak - usual[self._now])
            self._now, self._peak = part, 0.0
        self._peak = max(self._peak, surprise)
        return max(usual[part - 1], usual[part], usual[(part + 1) % _PARTS])

    def state(self) -> dict[str, Any]:
        """Return all that it knows, for JSON."""
        return {"usual": list(self._usual), "now": self._now, "peak": self._peak}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Peaks":
        """Return the peaks that had this state. ValueError, KeyError or TypeError if none had."""
        peaks = cls()
        peaks._usual = [float(usual) for usual in state["usual"]]
        peaks._now, peaks._peak = int(state["now"]), float(state["peak"])
        if len(peaks._usual) != _PARTS or not 0 <= peaks._now < _PARTS:
            raise ValueError(f"A season has {_PARTS} peaks.")
        return peaks
