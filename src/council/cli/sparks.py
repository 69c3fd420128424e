"""Numbers over time as one line of bars."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def drawn(values: Sequence[float | None], width: int = 60) -> str:
    """Return a bar for each stretch, that of its highest value; a space where a stretch has none."""
    step = max(1, -(-len(values) // width))
    stretches = [
        max((one for one in values[place : place + step] if one is not None), default=None)
        for place in range(0, len(values), step)
    ]
    known = [one for one in stretches if one is not None]
    low, span = (min(known), (max(known) - min(known)) or 1.0) if known else (0.0, 1.0)
    return "".join(" " if one is None else _BARS[round((one - low) / span * 7)] for one in stretches)
