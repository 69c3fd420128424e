"""Small pictures of series: a line of bars for a terminal, an SVG for a page. No library of pictures."""

import html

from council.domain import digests
from council.upkeep.observer import telling

WIDTH, HEIGHT = 700, 64
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 40
# What moves by less than this share of itself is drawn as that.
_FLAT_SHARE = 0.25
_LINE, _LIMIT, _RULE, _INK = "#3c5a96", "#b3261e", "#d1d9e0", "#59636e"


def number(value: float, unit: str) -> str:
    """Return a number of a plot for people."""
    told = telling.decimal(float(f"{value:.3g}"))
    return f"${told}" if unit == "USD" else f"{told} {unit}".rstrip()


def ends(one: digests.Plot) -> tuple[str, str, str]:
    """Return the least, the greatest and the last number."""
    values = [value for _, value in one.points]
    return number(min(values), one.unit), number(max(values), one.unit), number(values[-1], one.unit)


def must(one: digests.Plot) -> str:
    """Return the limit for people, "" where there is none."""
    return "" if one.limit is None else f"{one.comparator} {number(one.limit, one.unit)}"


def sparkline(one: digests.Plot) -> str:
    """Return a plot in one line: its bars, and between which numbers they are."""
    values = [value for _, value in one.points]
    step = max(1, -(-len(values) // _COLUMNS))
    pick = max if one.comparator == "<" else min
    shown = [pick(values[place : place + step]) for place in range(0, len(values), step)]
    low, high = min(shown), max(shown)
    width = max(high - low, _FLAT_SHARE * max(abs(low), abs(high)))
    bars = "".join(_BARS[round((value - low) / width * 7)] if width else _BARS[0] for value in shown)
    least, greatest, _ = ends(one)
    limit = f", must be {must(one)}" if one.limit is not None else ""
    return f"{one.name:<17}{bars:<{_COLUMNS}}  {least} to {greatest}{limit}"


def svg(one: digests.Plot) -> str:
    """Return a plot as an SVG that stands in a page: the line, and the limit where it lies near."""
    times, values = [at_s for at_s, _ in one.points], [value for _, value in one.points]
    low, high = min(0.0, *values), max(values)
    if one.limit is not None and one.limit < 4 * max(high, 1e-9):
        high = max(high, one.limit)
    high = high * 1.08 or 1.0
    start_s, width_s = times[0], (times[-1] - times[0]) or 1.0

    def y(value: float) -> float:
        return HEIGHT - 4 - (value - low) / (high - low) * (HEIGHT - 8)

    points = " ".join(f"{(at_s - start_s) / width_s * WIDTH:.1f},{y(value):.1f}" for at_s, value in one.points)
    limit = ""
    if one.limit is not None and one.limit <= high:
        at = y(one.limit)
        limit = f'<line x1="0" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_LIMIT}" stroke-dasharray="4 3"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" height="{HEIGHT}" '
        f'preserveAspectRatio="none"><title>{html.escape(one.name)}</title>'
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT - 4}" y2="{HEIGHT - 4}" stroke="{_RULE}"/>{limit}'
        f'<polyline points="{points}" fill="none" stroke="{_LINE}" stroke-width="1.5" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
