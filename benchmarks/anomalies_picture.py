"""The picture of docs/explanation/how-anomalies-are-told.md: a made series a kind, its band, what is wrong, the alarms."""

from council.testing import anomalies as made
from council.upkeep.observer import anomalies

# Chosen for being one of each; not looked at for what it shows.
SEED = 70_001
_WIDTH, _HEIGHT, _GAP = 620, 120, 34
_DAYS_SHOWN = (3, 12)
_ROWS, _STEP_S = 3600, 300.0


def picture() -> str:
    """Return an SVG with nine days of each kind of series, three days after its first value."""
    width, height = _WIDTH + 2 * _GAP, len(made.KINDS) * (_HEIGHT + _GAP) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for row, kind in enumerate(made.KINDS):
        parts += _panel(kind, _GAP, _GAP + row * (_HEIGHT + _GAP))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(kind: made.Kind, left: int, top: int) -> list[str]:
    series, detector = made.series(kind, SEED, _ROWS, _STEP_S, 2), anomalies.Detector()
    readings = [detector.take(at_s, value) for at_s, value in zip(series.times_s, series.values, strict=True)]
    begin_s, end_s = (series.times_s[0] + day * 86_400 for day in _DAYS_SHOWN)
    shown = [place for place, at_s in enumerate(series.times_s) if begin_s <= at_s <= end_s]
    low, high = (edge(series.values[place] for place in shown) for edge in (min, max))
    height = (high - low) or 1.0

    def x(at_s: float) -> float:
        return round(left + (min(end_s, max(begin_s, at_s)) - begin_s) / (end_s - begin_s) * _WIDTH, 1)

    def y(value: float) -> float:
        return round(top + 4 + (high - min(high, max(low, value))) / height * (_HEIGHT - 8), 1)

    # Of each five values the least and the greatest, so that no spike is left out.
    fives = (shown[first : first + 5] for first in range(0, len(shown), 5))
    drawn = (
        place for five in fives for place in sorted(edge(five, key=series.values.__getitem__) for edge in (min, max))
    )
    line = " ".join(f"{x(series.times_s[place])},{y(series.values[place])}" for place in drawn)
    edges = [(x(series.times_s[place]), readings[place].low, readings[place].high) for place in shown[::6]]
    bands = [(across, bottom, top_) for across, bottom, top_ in edges if bottom is not None and top_ is not None]
    band = " ".join(f"{across},{y(upper)}" for across, _, upper in bands)
    band += " " + " ".join(f"{across},{y(lower)}" for across, lower, _ in reversed(bands))
    alarms = [one.alarm for one in readings if one.alarm and begin_s <= one.alarm.at_s <= end_s]
    bars = [(x(start), max(1.5, x(end) - x(start))) for start, end in series.wrong_s if start < end_s and end > begin_s]
    return [
        f'<text x="{left}" y="{top - 6}">{kind}: wrong in {len(bars)} places, alarms: {len(alarms)}</text>',
        *(f'<rect x="{bar}" y="{top}" width="{wide}" height="{_HEIGHT}" fill="#f6d9d6"/>' for bar, wide in bars),
        f'<polygon points="{band}" fill="#d6e4d8"/>',
        f'<polyline points="{line}" fill="none" stroke="#5b7aa8" stroke-width="0.7"/>',
        *(f'<circle cx="{x(one.at_s)}" cy="{y(one.value)}" r="4" fill="none" stroke="#b3261e" stroke-width="1.5"/>'
          for one in alarms),
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#bbb"/>',
    ]  # fmt: skip
