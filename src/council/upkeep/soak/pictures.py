"""The course of one gate as a picture: its number, its limit, and a band of what it said. As SVG, and as PNG.

The PNG is written here, in a few lines of zlib: no library of pictures is worth its place in a service for this.
"""

import html
import itertools
import math
import struct
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from council.domain import gates
from council.upkeep.soak import letters

WIDTH, HEIGHT = 640, 120
_BAND = 12
_COLOURS = {
    gates.Verdict.GREEN: (42, 127, 63),
    gates.Verdict.AMBER: (224, 152, 30),
    gates.Verdict.RED: (179, 38, 30),
    gates.Verdict.UNKNOWN: (140, 90, 160),
    gates.Verdict.NOT_APPLICABLE: (200, 200, 200),
}
_LINE, _LIMIT, _WARM, _GROUND = (60, 90, 150), (179, 38, 30), (245, 245, 245), (255, 255, 255)
_INK = (40, 40, 40)
# The room left of the SVG's plot for the numbers of its upright axis.
_AXIS = 56
# The room for words around the PNG's plot.
LEFT, TOP, RIGHT, BOTTOM = 116, 26, 8, 24
_SIZE = 2
_LETTER, _LINE_HEIGHT = letters.WIDTH * _SIZE, letters.HEIGHT * _SIZE


@dataclass(frozen=True, slots=True)
class Column:
    """A stretch of time: the highest and the lowest number in it, NaN where there is none, and the worst verdict."""

    high: float
    low: float
    verdict: gates.Verdict


_WORST = (
    gates.Verdict.RED,
    gates.Verdict.UNKNOWN,
    gates.Verdict.AMBER,
    gates.Verdict.GREEN,
    gates.Verdict.NOT_APPLICABLE,
)


def columns(verdicts: Sequence[gates.Verdict], values: Sequence[float], width: int = WIDTH) -> list[Column]:
    """Return what was seen in at most `width` stretches; nothing bad is lost in one."""
    step = max(1, -(-len(verdicts) // width))
    made = []
    for place in range(0, len(verdicts), step):
        numbers = [value for value in values[place : place + step] if math.isfinite(value)]
        worst = min(verdicts[place : place + step], key=_WORST.index)
        made.append(Column(max(numbers, default=math.nan), min(numbers, default=math.nan), worst))
    return made


class _Scale:
    """Where numbers lie: from nought or the least to a little above the limit and the greatest."""

    def __init__(self, seen: Sequence[Column], limit: float, count: int):
        numbers = [value for one in seen for value in (one.low, one.high) if math.isfinite(value)]
        self.low = min([0.0, *numbers])
        self.high = max([limit, *numbers]) * 1.1 or 1.0
        self._count = max(1, count)

    def x(self, place: float) -> float:
        """Return the left edge of a column."""
        return place / self._count * WIDTH

    def y(self, value: float) -> float:
        """Return how far down a number lies."""
        share = (value - self.low) / (self.high - self.low)
        return (1 - share) * (HEIGHT - _BAND - 2)


def svg(title: str, seen: Sequence[Column], must: str, limit: float, warm_up: float, span: str) -> str:
    """Return the picture with words; `must` is the comparator, `warm_up` the share of the time that does not count."""
    scale = _Scale(seen, limit, len(seen))
    lines = "".join(
        f'<polyline points="{points}" fill="none" stroke="{_hex(_LINE)}" stroke-width="1.5"/>'
        for points in _known(seen, scale)
    )
    band, place = "", 0
    # One piece for as long as the verdict holds: many side by side show seams.
    for verdict, run in itertools.groupby(one.verdict for one in seen):
        left, place = place, place + len(list(run))
        band += (
            f'<rect x="{scale.x(left):.2f}" y="{HEIGHT - _BAND}" width="{scale.x(place) - scale.x(left):.2f}" '
            f'height="{_BAND}" fill="{_hex(_COLOURS[verdict])}"/>'
        )
    at = scale.y(limit)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-_AXIS} 0 {_AXIS + WIDTH} {HEIGHT + 16}" '
        f'width="{_AXIS + WIDTH}" role="img" '
        f'font-family="sans-serif" font-size="11"><title>{html.escape(title)}</title>'
        f'<rect width="{WIDTH * warm_up:.1f}" height="{HEIGHT}" fill="{_hex(_WARM)}"/>'
        f'<line x1="0" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_hex(_LIMIT)}" stroke-dasharray="4 3"/>'
        f"{lines}{band}"
        f'<text x="-4" y="10" text-anchor="end">{scale.high:.3g}</text>'
        f'<text x="-4" y="{scale.y(scale.low):.1f}" text-anchor="end">{scale.low:.3g}</text>'
        f'<text x="4" y="{at + 12 if at < HEIGHT / 2 else at - 3:.1f}" fill="{_hex(_LIMIT)}">'
        f"must be {html.escape(must)} {limit:g}</text>"
        f'<text x="2" y="{HEIGHT + 12}">0</text><text x="{WIDTH - 2}" y="{HEIGHT + 12}" text-anchor="end">'
        f"{html.escape(span)}</text></svg>"
    )


def _known(seen: Sequence[Column], scale: _Scale) -> Iterator[str]:
    """Yield the points of each stretch of columns that have a number; where there is none the line breaks."""
    for known, run in itertools.groupby(enumerate(seen), lambda one: math.isfinite(one[1].high)):
        if known:
            stretch = [(place, scale.y(one.high)) for place, one in run]
            edges = [*stretch, (stretch[-1][0] + 1, stretch[-1][1])]
            yield " ".join(f"{scale.x(place):.1f},{height:.1f}" for place, height in edges)


def png(title: str, seen: Sequence[Column], must: str, limit: float, warm_up: float, span: str) -> bytes:
    """Return the same, with the numbers of its upright axis and the colours of its band in words."""
    scale = _Scale(seen, limit, len(seen))
    ground = bytes(_GROUND)
    plot = _plot(seen, scale, limit, warm_up)
    rows = [bytearray(ground * (LEFT + WIDTH + RIGHT)) for _ in range(TOP + HEIGHT + BOTTOM)]
    for y, row in enumerate(plot):
        rows[TOP + y][3 * LEFT : 3 * (LEFT + WIDTH)] = row
    named = _name_colours(rows, {one.verdict for one in seen})
    _write(rows, title[: (named - _LETTER) // _LETTER], 4, 4, _INK)
    for value in (scale.high, scale.low):
        told = f"{value:.3g}"
        y = min(TOP + round(scale.y(value)), TOP + HEIGHT - _BAND - _LINE_HEIGHT)
        _write(rows, told, LEFT - 4 - len(told) * _LETTER, y, _INK)
    at = TOP + round(scale.y(limit))
    _write(
        rows, f"must be {must} {limit:g}", LEFT + 4, at + 4 if at < TOP + HEIGHT / 2 else at - 2 - _LINE_HEIGHT, _LIMIT
    )
    below = TOP + HEIGHT + 5
    _write(rows, "0", LEFT, below, _INK)
    middle = "time, grey: warm-up" if warm_up else "time"
    _write(rows, middle, LEFT + (WIDTH - len(middle) * _LETTER) // 2, below, _INK)
    _write(rows, span, LEFT + WIDTH - len(span) * _LETTER, below, _INK)
    return _encoded(rows)


def _name_colours(rows: Sequence[bytearray], said: Collection[gates.Verdict]) -> int:
    """Write the names of what the band says beside their colours, at the upper right; return where they begin."""
    x = LEFT + WIDTH
    for verdict in reversed([one for one in _COLOURS if one in said]):
        x -= len(verdict) * _LETTER
        _write(rows, verdict, x, 4, _INK)
        x -= _LINE_HEIGHT
        for place in range(_BAND * _BAND):
            _dot(rows, x + place % _BAND, 6 + place // _BAND, _COLOURS[verdict])
        x -= _LETTER
    return x


def _write(rows: Sequence[bytearray], text: str, left: int, top: int, colour: tuple[int, int, int]) -> None:
    for x, y in letters.dots(text, _SIZE):
        _dot(rows, left + x, top + y, colour)


def _plot(seen: Sequence[Column], scale: _Scale, limit: float, warm_up: float) -> list[bytearray]:
    """Return the rows of the plot without words."""
    rows = [bytearray(bytes(_WARM) * round(WIDTH * warm_up) + bytes(_GROUND) * (WIDTH - round(WIDTH * warm_up)))
            for _ in range(HEIGHT)]  # fmt: skip
    at = round(scale.y(limit))
    before: int | None = None
    for x in range(WIDTH):
        if x % 7 < 4:
            _dot(rows, x, at, _LIMIT)
        one = seen[min(len(seen) - 1, x * len(seen) // WIDTH)] if seen else None
        if one is None:
            continue
        for y in range(HEIGHT - _BAND, HEIGHT):
            _dot(rows, x, y, _COLOURS[one.verdict])
        if math.isfinite(one.high):
            top, bottom = round(scale.y(one.high)), round(scale.y(one.low))
            # From the column before on, so that a jump is part of the line.
            joined = top if before is None else before
            for y in range(min(top, joined), max(bottom, top + 1, joined) + 1):
                _dot(rows, x, y, _LINE)
            before = top
        else:
            before = None
    return rows


def _dot(rows: Sequence[bytearray], x: int, y: int, colour: tuple[int, int, int]) -> None:
    if 0 <= y < len(rows) and 0 <= 3 * x < len(rows[y]):
        rows[y][3 * x : 3 * x + 3] = bytes(colour)


def _encoded(rows: Sequence[bytearray]) -> bytes:
    """Return rows of three bytes a dot as a PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(row) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + bytes(colour).hex()
