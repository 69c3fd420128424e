"""Made series with known anomalies, from a seed: six kinds of figures that a service has, eight kinds of what happens to them.

What makes it hard is drawn anew for each seed within the ranges written here. Every series of a kind has the same
circumstances and noise whether something happens to it or not.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["rate", "latency", "sawtooth", "wandering", "bursts", "flat"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Fault = Literal["shift", "spike", "drift", "lost season", "noisier", "stuck", "denser", "dip"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_DAY_S = 86_400.0
_WEEKEND_DAYS = (5, 6)

_Shape = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Made:
    """One series, and from when to when something was wrong with it, in seconds of its own times."""

    times_s: list[float]
    values: list[float]
    wrong_s: list[tuple[float, float]]


def series(kind: Kind, seed: int, rows: int = 4000, step_s: float = 300.0, faults: int = 2) -> Made:
    """Return a series with so many faults, the first of them after a quarter of its rows."""
    source = random.Random(f"{kind} {seed}")  # noqa: S311 - must repeat
    shape = _SHAPES[kind](source, step_s)
    times_s = [_DAY_S * 18_000 + step * step_s for step in range(rows)]
    values = [shape(time_s) for time_s in times_s]
    spread = _spread(values)
    picked = random.Random(f"{kind} {seed} {faults}")  # noqa: S311 - must repeat
    wrong: list[tuple[float, float]] = []
    for place in range(faults):
        share = 0.7 / faults
        start = int(rows * (0.27 + place * share + picked.uniform(0.05, 0.6) * share))
        fault = picked.choice([one for one in FAULTS if kind != "flat" or one not in ("lost season", "stuck")])
        length = _change(values, fault, start, spread, picked, rows)
        wrong.append((times_s[start], times_s[min(rows - 1, start + length - 1)]))
    return Made(times_s, values, wrong)


def _spread(values: list[float]) -> float:
    ordered = sorted(values)
    return max(ordered[int(len(ordered) * 0.9)] - ordered[int(len(ordered) * 0.1)], 1.0)


def _change(values: list[float], fault: Fault, start: int, spread: float, source: random.Random, rows: int) -> int:
    """Do a fault to the values from `start` on and return how many rows it lasts."""
    sign = source.choice((1.0, 1.0, -1.0))
    length = {"spike": source.randint(1, 4), "shift": rows // 6, "drift": rows // 8}.get(fault, rows // 14)
    length = min(length, rows - start)
    middle = sum(values[start : start + length]) / length
    size = spread * source.uniform(0.9, 2.2)
    for place in range(start, start + length):
        match fault:
            case "shift":
                values[place] += sign * size
            case "dip":
                values[place] -= sign * size
            case "spike":
                values[place] += sign * 2.5 * size
            case "drift":
                values[place] += sign * 1.5 * size * (place - start) / length
            case "lost season":
                values[place] = middle + source.gauss(0, spread / 40)
            case "noisier":
                values[place] += source.gauss(0, size)
            case "stuck":
                values[place] = values[start]
            case "denser":
                values[place] += 2 * size if source.random() < 0.12 else 0.0
    return length


def _daily(time_s: float, phase: float) -> float:
    """Nought at night to one at noon, less at weekends."""
    height = 0.55 if int(time_s // _DAY_S) % 7 in _WEEKEND_DAYS else 1.0
    return height * math.pow(max(0.0, math.sin(math.pi * ((time_s / _DAY_S + phase) % 1.0))), 1.5)


def _rate(source: random.Random, _step_s: float) -> _Shape:
    """Requests counted by chance, up to 20 to 300 by day."""
    peak, floor, phase = source.uniform(20, 300), source.uniform(1, 10), source.random()

    def shape(time_s: float) -> float:
        mean = floor + peak * _daily(time_s, phase)
        return max(0.0, round(source.gauss(mean, math.sqrt(mean) * 1.5)))

    return shape


def _latency(source: random.Random, _step_s: float) -> _Shape:
    """Milliseconds with a heavy upper tail, more of them under load."""
    base, load, phase, tail = source.uniform(50, 400), source.uniform(0, 1), source.random(), source.uniform(0.15, 0.5)
    return lambda time_s: base * (1 + load * _daily(time_s, phase)) * math.exp(source.gauss(0, tail))


def _sawtooth(source: random.Random, step_s: float) -> _Shape:
    """What piles up and is given back every 20 to 300 samples."""
    period_s, height, phase = step_s * source.uniform(20, 300), source.uniform(20, 100), source.random()
    return lambda time_s: 300 + height * ((time_s / period_s + phase) % 1.0) + source.gauss(0, height / 25)


def _wandering(source: random.Random, _step_s: float) -> _Shape:
    """A level that comes and goes without a season."""
    kept, noise = source.uniform(0.9, 0.995), source.uniform(0.1, 0.6)
    level = 0.0

    def shape(_time_s: float) -> float:
        nonlocal level
        level = kept * level + source.gauss(0, math.sqrt(1 - kept * kept))
        return 50 + 10 * level + 10 * noise * source.gauss(0, 1)

    return shape


def _bursts(source: random.Random, _step_s: float) -> _Shape:
    """Few most of the time, and bursts of any size that belong to it."""
    mean, often, phase = source.uniform(3, 40), source.uniform(0.005, 0.03), source.random()

    def shape(time_s: float) -> float:
        usual = mean * (0.5 + _daily(time_s, phase))
        burst = mean * source.paretovariate(1.8) if source.random() < often else 0.0
        return max(0.0, round(source.gauss(usual, math.sqrt(usual)) + burst))

    return shape


def _flat(source: random.Random, _step_s: float) -> _Shape:
    """Hardly ever another value."""
    value, often = source.uniform(1, 100), source.choice((0.0, 0.0, 0.01))
    return lambda _time_s: value + (1.0 if source.random() < often else 0.0)


_SHAPES: dict[Kind, Callable[[random.Random, float], _Shape]] = {
    "rate": _rate,
    "latency": _latency,
    "sawtooth": _sawtooth,
    "wandering": _wandering,
    "bursts": _bursts,
    "flat": _flat,
}


def corpus(first_seed: int, each: int = 4) -> Iterator[tuple[str, Made]]:
    """Yield (kind/name, series): of each kind so many, at paces of one, five and sixty minutes, one in four without a fault."""
    for kind in KINDS:
        for place in range(each):
            step_s, rows = ((300.0, 4000), (3600.0, 1600), (60.0, 4000))[place % 3]
            yield f"{kind}/{place}", series(kind, first_seed + place, rows, step_s, (2, 1, 3, 0)[place % 4])
