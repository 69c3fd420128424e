"""Whether probabilities mean what they say: what was said against what was right, in tenths, in figures and as a picture."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

_BINS = 10
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


def error(bins: Bins) -> float:
    """Return the expected calibration error: how far off what was said is, on average over all answers."""
    return sum(count * abs(said - right) for said, right, count in bins) / sum(count for _, _, count in bins)


def brier(pairs: Sequence[tuple[float, bool]]) -> float:
    """Return the mean squared distance of what was said from what was so."""
    return statistics.mean((said - right) ** 2 for said, right in pairs)


def draw(place: Path, across: str, curves: Mapping[str, Bins]) -> None:
    """Write the reliability diagram as SVG. `across` says what the probability is of."""
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
    for (name, bins), colour in zip(curves.items(), _COLOURS, strict=False):
        points = " ".join(place(said, right) for said, right, _ in bins)
        parts.append(f'<polyline points="{points}" stroke="{colour}" fill="none" stroke-width="2"/>')
        for said, right, count in bins:
            across, up = place(said, right).split(",")
            parts.append(
                f'<circle cx="{across}" cy="{up}" r="{2 + count**0.5 / 6:.1f}" fill="{colour}" fill-opacity=".5"/>'
            )
        row = edge + 20 + 18 * list(curves).index(name)
        parts.append(f'<text x="{edge + 12}" y="{row}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
