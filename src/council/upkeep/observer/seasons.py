"""What is usual at this time of day: a level for each half hour, which follows the days slowly and single bursts hardly at all."""

from typing import Any

DAY_S = 86_400.0
_PARTS = 48
# How much of a level one day makes.
_DAY_WEIGHT = 0.3


class Season:
    """The levels of 48 half hours, in UTC. A half hour that was never seen has none."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[float | None] = [None] * _PARTS

    def level(self, at_s: float) -> float | None:
        """Return what is usual at this time."""
        return self._levels[int(at_s % DAY_S / DAY_S * _PARTS) % _PARTS]

    def learn(self, at_s: float, passed_s: float, value: float, farthest: float) -> None:
        """Take a value that stands for `passed_s` seconds. One farther from the level than `farthest` counts as that far."""
        part = int(at_s % DAY_S / DAY_S * _PARTS) % _PARTS
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
