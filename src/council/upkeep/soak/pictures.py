"""The course of one gate as a picture: its number, its limit, and a band of what it said. As SVG with words, as PNG without.

The PNG is written here, in a few lines of zlib: no library of pictures is worth its place in a service for this.
"""

import html
import itertools
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from council.domain import gates

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
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + 16}" width="{WIDTH}" role="img" '
        f'font-family="sans-serif" font-size="11"><title>{html.escape(title)}</title>'
        f'<rect width="{WIDTH * warm_up:.1f}" height="{HEIGHT}" fill="{_hex(_WARM)}"/>'
        f'<line x1="0" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="{_hex(_LIMIT)}" stroke-dasharray="4 3"/>'
        f"{lines}{band}"
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


def png(seen: Sequence[Column], limit: float, warm_up: float) -> bytes:
    """Return the same without words."""
    scale = _Scale(seen, limit, len(seen))
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
    return _encoded(rows)


def _dot(rows: Sequence[bytearray], x: int, y: int, colour: tuple[int, int, int]) -> None:
    if 0 <= y < HEIGHT:
        rows[y][3 * x : 3 * x + 3] = bytes(colour)


def _encoded(rows: Sequence[bytearray]) -> bytes:
    """Return rows of three bytes a dot as a PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", WIDTH, len(rows), 8, 2, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(row) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + bytes(colour).hex()
