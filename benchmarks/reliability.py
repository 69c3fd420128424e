"""Whether probabilities mean what they say: what was said against what was right, in tenths, in figures and as a picture."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import figures

_BINS = 10
# A share of fewer answers says nothing; in the picture they are drawn with their neighbours.
_COUNT_MIN = 10
_COLOURS = ("#c60", "#06c", "#080", "#a0a")

Bins = Sequence[tuple[float, float, int]]


def binned(pairs: Sequence[tuple[float, bool]]) -> Bins:
    """Return, for each tenth of the scale that holds any, what was said on average, what was right, and how many."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for said, right in pairs:
        bins.setdefault(min(_BINS - 1, int(said * _BINS)), []).append((said, right))
    return [
        (statistics.mean(said for said, _ in one), statistics.mean(right for _, right in one), len(one))
        for _, one in sorted(bins.items())
    ]


def gathered(bins: Bins) -> Bins:
    """Return the bins with those of few answers put together with the next, and the last of them with the one before."""
    made: list[tuple[float, float, int]] = []
    for one in bins:
        if made and made[-1][2] < _COUNT_MIN:
            made[-1] = _together(made[-1], one)
        else:
            made.append(one)
    if len(made) > 1 and made[-1][2] < _COUNT_MIN:
        last = made.pop()
        made[-1] = _together(made[-1], last)
    return made


def _together(one: tuple[float, float, int], other: tuple[float, float, int]) -> tuple[float, float, int]:
    count = one[2] + other[2]
    said, right = ((one[place] * one[2] + other[place] * other[2]) / count for place in (0, 1))
    return said, right, count


def error(bins: Bins) -> float:
    """Return the expected calibration error: how far off what was said is, on average over all answers."""
    return sum(count * abs(said - right) for said, right, count in bins) / sum(count for _, _, count in bins)


def brier(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the mean squared distance of what was said from what was so."""
    return statistics.mean((said - right) ** 2 for said, right in pairs)


def draw(place: Path, across: str, curves: Mapping[str, Bins]) -> None:
    """Write the reliability diagram as SVG. `across` says what the probability is of.

    Each point is a share of ten answers or more, with the 95 % bounds of Wilson's interval and how many they are.
    """
    place.parent.mkdir(exist_ok=True)
    place.write_text(_diagram(across, curves))


def _diagram(across_text: str, curves: Mapping[str, Bins]) -> str:
    """Return the reliability diagram: what was said against what was right; on the diagonal they agree."""
    side, edge = 400, 50

    def place(said: float, right: float) -> str:
        return f"{edge + said * side:.0f},{edge + (1 - right) * side:.0f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side + 2 * edge}" height="{side + 2 * edge}" font-family="sans-serif"'
        ' font-size="13"><rect width="100%" height="100%" fill="white"/>',
        f'<polyline points="{place(0, 0)} {place(1, 1)}" stroke="#bbb" fill="none"/>',
        f'<rect x="{edge}" y="{edge}" width="{side}" height="{side}" stroke="#444" fill="none"/>',
        f'<text x="{edge + side / 2}" y="{side + 2 * edge - 12}" text-anchor="middle">{across_text}</text>',
        f'<text transform="translate(16 {edge + side / 2}) rotate(-90)" text-anchor="middle">share that was right</text>',
    ]
    for step in range(0, 11, 2):
        across, up = place(step / 10, 0).split(","), place(0, step / 10).split(",")
        parts.append(f'<text x="{across[0]}" y="{int(across[1]) + 16}" text-anchor="middle">{step / 10}</text>')
        parts.append(f'<text x="{int(up[0]) - 6}" y="{int(up[1]) + 4}" text-anchor="end">{step / 10}</text>')
    for number, ((name, bins), colour) in enumerate(zip(curves.items(), _COLOURS, strict=False)):
        drawn = gathered(bins)
        points = " ".join(place(said, right) for said, right, _ in drawn)
        parts.append(f'<polyline points="{points}" stroke="{colour}" fill="none" stroke-width="1.5"/>')
        for said, right, count in drawn:
            low, high = (place(said, bound).split(",")[1] for bound in figures.wilson(round(right * count), count))
            across, up = place(said, right).split(",")
            bar = f'x1="{across}" x2="{across}" y1="{low}" y2="{high}"'
            # To the right of one curve and to the left of the next, so that counts of neighbours do not meet.
            beside = (-6, 14, "end") if number % 2 else (6, -6, "start")
            where = f'x="{int(across) + beside[0]}" y="{int(up) + beside[1]}" text-anchor="{beside[2]}"'
            parts += [
                f'<line {bar} stroke="{colour}" stroke-opacity=".5" stroke-width="3"/>',
                f'<circle cx="{across}" cy="{up}" r="4" fill="{colour}"/>',
                f'<text {where} font-size="10" fill="{colour}">{count}</text>',
            ]
        parts.append(f'<text x="{edge + 12}" y="{edge + 20 + 18 * number}" fill="{colour}">{name}</text>')
    last = edge + 20 + 18 * len(curves)
    parts.append(
        f'<text x="{edge + 12}" y="{last}" fill="#666" font-size="11">bars: 95 % bounds; numbers: answers</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"
