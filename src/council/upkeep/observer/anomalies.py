"""Is a value unusual for this series? One pass, some microseconds a value, bounded memory, no training and no setting to tune.

Three channels look at each value: the hours up to it against what is usual at those times of day, the value against its own
time of day, and its jump from the one before. Each is ranked among all that the channel has seen (`ranks`), so that surprise
means the same for bytes, milliseconds and errors, and the surprises are added. From the sum is taken what is left of the
last surprise, so that an incident is told once, at its first sign. What is as surprising at this time on other days, as what
a clock does, is no alarm.

Made by trials on made series and on other people's labelled ones: docs/adr/0032. How often it is right:
docs/explanation/how-anomalies-are-told.md.
"""

import math
from typing import Any

from council.domain import anomalies
from council.upkeep.observer import ranks, seasons

_VERSION = 1
# The hours up to a value: so many seconds, or so many values where they are fewer.
_HOURS_S = 4 * 3600.0
_HOURS_ROWS = 48
_DAY_S = seasons.DAY_S
# How much each channel counts.
_HOURS, _OWN, _JUMP = 1.0, 0.5, 0.5
# Of the last surprise, what the next one must be above.
_KEPT = 0.8
# What grows so slowly that each value is hardly more surprising than the last must be this much above what was told.
_SLOW = 6.0
# As surprising as an alarm.
_TOLD = 4.75
# A value farther off than so many spreads teaches as if it were this far.
_FARTHEST_SPREADS = 3.0
# After so many usual steps without a value, a difference from the one before is no jump.
_GAP_STEPS = 6.0
# Beyond it a square would overflow; below this share of the value a difference is rounding.
_LARGEST = 1e100
_ROUNDING = 1e-9
# How far a bound of the band gives way to a value beyond it, in spreads.
_BOUND_STEP = 0.5

# The ranks begin anew once a day is known, so that a second one is needed before they are worth as much.
_SURE_AFTER = 2.0

_CHANNELS: tuple[anomalies.Channel, ...] = ("hours", "value", "jump")
_DEFAULTS = anomalies.Settings()
_NOTHING = anomalies.Reading(0.0, None, None, False, None)
# What is kept as it is; the season and the ranks keep themselves.
_FIGURES = (
    "_rows", "_first_s", "_at_s", "_step_s", "_value", "_level", "_spread", "_hours", "_shift", "_above", "_below",
    "_remaining", "_told", "_since_alarm", "_learned",
)  # fmt: skip


class Detector:
    """Takes the values of one series as they come. Counters are given as rates. Not safe for two threads."""

    __slots__ = (
        "_above", "_at_s", "_below", "_fading", "_first_s", "_hours", "_learned", "_level", "_peaks", "_ranks",
        "_remaining", "_rows", "_season", "_settings", "_shift", "_since_alarm", "_spread", "_step_s", "_told",
        "_value",
    )  # fmt: skip

    def __init__(self, settings: anomalies.Settings = _DEFAULTS):
        self._settings = settings
        self._season = seasons.Season()
        self._peaks = seasons.Peaks()
        self._ranks = ranks.Ranks(), ranks.Ranks(), ranks.Ranks()
        self._fading = math.exp(-1 / settings.quiet_rows)
        self._rows = 0
        self._first_s = self._at_s = self._step_s = 0.0
        self._value = self._level = self._spread = 0.0
        self._hours = self._shift = 0.0
        self._above = self._below = 0.0
        self._remaining = self._told = 0.0
        self._since_alarm = settings.event_rows
        self._learned = False

    def take(self, at_s: float, value: float) -> anomalies.Reading:
        """Return what is to be said of a value at a Unix time. One that is no number or no later than the last is left out."""
        rows = self._rows
        if not math.isfinite(value) or not math.isfinite(at_s) or (rows and at_s <= self._at_s):
            return self._nothing()
        value = max(-_LARGEST, min(_LARGEST, value))
        if not rows:
            return self._begin(at_s, value)
        passed_s = at_s - self._at_s
        known = self._season.level(at_s)
        expected = self._level if known is None else known
        off = value - expected
        if abs(off) <= _ROUNDING * abs(value):
            off = 0.0
        jump = value - self._value
        if passed_s > _GAP_STEPS * self._step_s or abs(jump) <= _ROUNDING * abs(value):
            jump = 0.0
        self._hours -= math.expm1(-max(passed_s / _HOURS_S, 1 / _HOURS_ROWS)) * (off - self._hours)
        surprises = self._surprises(abs(self._hours), abs(off), abs(jump))
        settings = self._settings
        useful = rows >= settings.useful_rows and at_s - self._first_s >= settings.useful_after_s
        total = sum(surprises)
        new = self._news(total) if useful else 0.0
        low, high = self._band(expected, useful)
        self._learn(at_s, passed_s, value, expected, off)
        score = _score(new)
        alarm = None
        if useful and self._is_alarm(new, total - self._peaks.usual(at_s, total)):
            side: anomalies.Side = "above" if off > 0 else "below"
            channel = _CHANNELS[surprises.index(max(surprises))]
            alarm = anomalies.Anomaly(at_s, value, expected, side, channel, score)
        return anomalies.Reading(score, low, high, self._learned, alarm)

    def _begin(self, at_s: float, value: float) -> anomalies.Reading:
        self._rows = 1
        self._first_s = self._at_s = at_s
        self._value = self._level = value
        self._season.learn(at_s, 0.0, value, math.inf)
        return _NOTHING

    def _nothing(self) -> anomalies.Reading:
        """Return what is to be said of a value that was left out."""
        settings = self._settings
        if self._rows <= settings.useful_rows or self._at_s - self._first_s < settings.useful_after_s:
            return _NOTHING
        known = self._season.level(self._at_s)
        low, high = self._band(self._level if known is None else known, useful=True)
        return anomalies.Reading(0.0, low, high, self._learned, None)

    def _surprises(self, hours: float, own: float, jump: float) -> tuple[float, float, float]:
        """Rank the size in each channel among those before it, and take it."""
        of_hours, of_own, of_jump = self._ranks
        surprises = _HOURS * of_hours.surprise(hours), _OWN * of_own.surprise(own), _JUMP * of_jump.surprise(jump)
        of_hours.add(hours)
        of_own.add(own)
        of_jump.add(jump)
        return surprises

    def _news(self, surprise: float) -> float:
        """Return a surprise less what is left of the last one, or of the last that was told where it grew slowly since."""
        self._remaining *= self._fading
        self._told *= self._fading
        new = max(surprise - _KEPT * self._remaining, surprise - self._told - _SLOW)
        self._remaining = max(self._remaining, surprise)
        if new >= _TOLD:
            self._told = max(self._told, surprise)
        return new

    def _is_alarm(self, new: float, unlike_other_days: float) -> bool:
        """Tell whether to raise an alarm for this much surprise, of which so much is not usual at this time of day."""
        settings = self._settings
        sure = self._at_s - self._first_s >= _SURE_AFTER * settings.learned_after_s
        asked = settings.alarm_score if sure else settings.early_alarm_score
        self._since_alarm += 1
        if self._since_alarm <= settings.event_rows or _score(min(new, unlike_other_days)) < asked:
            return False
        self._since_alarm = 0
        return True

    def _band(self, expected: float, useful: bool) -> tuple[float | None, float | None]:
        if not useful:
            return None, None
        middle = expected + self._shift
        return middle - self._below, middle + self._above

    def _learn(self, at_s: float, passed_s: float, value: float, expected: float, off: float) -> None:
        """Let the value count for what is usual."""
        self._rows += 1
        newest = max(-math.expm1(-passed_s / _DAY_S), 1 / self._rows)
        around = off - self._shift
        spread = self._spread
        # Each bound gives way at once to a value beyond it, and closes in so slowly that the share outside is as asked.
        share = self._settings.outside_share / 2
        step = _BOUND_STEP * max(spread, newest * abs(around))
        self._above = max(0.0, self._above + step * ((around > self._above) - share))
        self._below = max(0.0, self._below + step * ((-around > self._below) - share))
        self._season.learn(at_s, passed_s, value, _FARTHEST_SPREADS * spread if spread else abs(off))
        self._level += newest * (value - self._level)
        self._shift += newest * (around)
        self._spread += newest * (abs(off) - spread)
        self._step_s += max(newest, 0.01) * (passed_s - self._step_s)
        self._at_s, self._value = at_s, value
        if not self._learned and at_s - self._first_s >= self._settings.learned_after_s:
            # On the first day all was far from a season that nobody knew, which must not be the measure of the next days.
            self._learned = True
            self._ranks = ranks.Ranks(), ranks.Ranks(), self._ranks[-1]

    def state(self) -> dict[str, Any]:
        """Return all that it knows, for JSON: some thirty kilobytes at most, however long the series."""
        return {
            "version": _VERSION,
            "figures": {name: getattr(self, name) for name in _FIGURES},
            "season": self._season.state(),
            "peaks": self._peaks.state(),
            "ranks": [channel.state() for channel in self._ranks],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], settings: anomalies.Settings = _DEFAULTS) -> "Detector":
        """Return the detector that had this state. ValueError if none of this version had: begin anew then."""
        detector = cls(settings)
        try:
            if state["version"] != _VERSION or len(state["ranks"]) != len(_CHANNELS):
                raise ValueError(f"This is no state of version {_VERSION}.")
            for name in _FIGURES:
                setattr(detector, name, type(getattr(detector, name))(state["figures"][name]))
            detector._season = seasons.Season.from_state(state["season"])
            detector._peaks = seasons.Peaks.from_state(state["peaks"])
            first, second, third = (ranks.Ranks.from_state(channel) for channel in state["ranks"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("This is no state of a detector.") from error
        detector._ranks = first, second, third
        return detector


def _score(surprise: float) -> float:
    """Return how seldom chance alone makes a sum of two surprises this large (Fisher), as one less that share."""
    return 1.0 - (1.0 + surprise) * math.exp(-surprise) if surprise > 0 else 0.0
