"""Made memory of processes, for the leak verdict: six kinds that grow or do not, from a seed.

Every kind is a process of some 300 MB looked at every 15 s, or as often as one likes: its noise is another at each look.
What makes it hard is drawn anew for each seed within the ranges written here, so that no rule can fit one figure.
"""

import math
import random
from collections.abc import Callable, Iterator
from typing import Literal, get_args

Kind = Literal["noise", "autocorrelated", "sawtooth", "warm-up", "steps", "daily"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SAMPLE_S = 15.0
MB = 1_000_000
_LEVEL_MB = 300.0
_NOISE_MB = 1.0
# Of load that comes and goes: how much of it is there still after SAMPLE_S, and how far it wanders.
LOAD_KEPT = 0.95
LOAD_SPREAD_MB = (2.0, 4.0)
_DAY_S = 86_400.0

_Shape = Callable[[float], float]


def series(
    kind: Kind,
    seed: int,
    hours: float,
    leak_mb_per_hour: float = 0.0,
    leak_from_s: float = 0.0,
    sample_s: float = SAMPLE_S,
) -> Iterator[tuple[float, int]]:
    """Yield (seconds since the process began, bytes) with a leak from `leak_from_s` on."""
    source = random.Random(f"{kind} {seed}")  # noqa: S311 - must repeat
    shape = _SHAPES[kind](source, hours * 3600, sample_s)
    for step in range(int(hours * 3600 / sample_s) + 1):
        time_s = step * sample_s
        leaked = max(0.0, time_s - leak_from_s) / 3600 * leak_mb_per_hour
        yield time_s, int((_LEVEL_MB + shape(time_s) + leaked) * MB)


def _noise(source: random.Random, _length_s: float, _sample_s: float) -> _Shape:
    return lambda _time_s: source.gauss(0, _NOISE_MB)


def _autocorrelated(source: random.Random, _length_s: float, sample_s: float) -> _Shape:
    """Load that comes and goes: 95 % of it is there after 15 s, and the whole wanders some 3 MB."""
    kept, spread = math.pow(LOAD_KEPT, sample_s / SAMPLE_S), source.uniform(*LOAD_SPREAD_MB)
    level = source.gauss(0, spread)

    def shape(_time_s: float) -> float:
        nonlocal level
        level = kept * level + source.gauss(0, spread * math.sqrt(1 - kept * kept))
        return level

    return shape


def _sawtooth(source: random.Random, _length_s: float, _sample_s: float) -> _Shape:
    """A collector that runs every 1 to 15 minutes and frees 10 to 40 MB."""
    period_s = 60 * math.exp(source.uniform(0, math.log(15)))
    height, phase = source.uniform(10, 40), source.random()
    return lambda time_s: height * ((time_s / period_s + phase) % 1.0) + source.gauss(0, _NOISE_MB)


def _warm_up(source: random.Random, _length_s: float, _sample_s: float) -> _Shape:
    """Caches and pools that fill: 50 to 150 MB, two thirds of it within 5 to 30 minutes, with a spike at the start."""
    height, rise_s = source.uniform(50, 150), 60 * source.uniform(5, 30)
    spike, spike_s = source.uniform(0, 100), source.uniform(30, 240)

    def shape(time_s: float) -> float:
        early = spike * math.sin(math.pi * time_s / spike_s) if time_s < spike_s else 0.0
        return height * (1 - math.exp(-time_s / rise_s)) + early + source.gauss(0, _NOISE_MB)

    return shape


def _steps(source: random.Random, length_s: float, _sample_s: float) -> _Shape:
    """About once an hour the level changes to another one between 0 and 15 MB."""
    changes: list[tuple[float, float]] = [(0.0, source.uniform(0, 15))]
    while changes[-1][0] < length_s:
        changes.append((changes[-1][0] + source.expovariate(1 / 3600), source.uniform(0, 15)))
    changes.reverse()

    def shape(time_s: float) -> float:
        while len(changes) > 1 and changes[-2][0] <= time_s:
            changes.pop()
        return changes[-1][1] + source.gauss(0, _NOISE_MB)

    return shape


def _daily(source: random.Random, _length_s: float, _sample_s: float) -> _Shape:
    """A rhythm of 24 hours that swings 12 to 18 MB to each side, met at any hour of the day."""
    swing, phase = source.uniform(12, 18), source.random()
    return lambda time_s: swing * math.sin(2 * math.pi * (time_s / _DAY_S + phase)) + source.gauss(0, _NOISE_MB)


_SHAPES: dict[Kind, Callable[[random.Random, float, float], _Shape]] = {
    "noise": _noise,
    "autocorrelated": _autocorrelated,
    "sawtooth": _sawtooth,
    "warm-up": _warm_up,
    "steps": _steps,
    "daily": _daily,
}
