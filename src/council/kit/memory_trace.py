"""Which lines of this process's Python code keep memory, found by tracing what is allocated for a short time.

Tracing makes every allocation several times as dear, so it is only ever on for as long as this function runs. It sees what
Python allocates from its begin on: not what was there before, and not what a native library takes for itself.
"""

import signal
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# By which a process that listens for it is asked for a trace.
SIGNAL = signal.SIGUSR2
LINES_MAX = 10
# In each half. What grows by less says nothing in so short a time.
_GROWN_BYTES_MIN = 1024
# What tracing itself may take; looking at it all stops the process for about as many tens of milliseconds as there are MB.
_TRACES_BYTES_MAX = 32_000_000
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Line:
    """One line that allocated more than was freed again, in both halves of the time. `path` begins at its package."""

    path: str
    number: int
    kept_bytes: int
    kept_blocks: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The lines that kept most, and what all lines kept together. `is_short`: traces took too much memory to go on."""

    lines: tuple[Line, ...]
    kept_bytes: int
    took_s: float
    is_short: bool


def trace(wall_s: float, now_s: Callable[[], float], sleep: Callable[[float], None]) -> Trace | None:
    """Trace for `wall_s`, or until traces take too much memory. None if somebody else traces already; theirs stays on."""
    if tracemalloc.is_tracing():
        return None
    tracemalloc.start(1)
    try:
        began_s = now_s()
        is_short = _wait(began_s + wall_s / 2, _TRACES_BYTES_MAX // 2, now_s, sleep)
        middle = _kept()
        is_short |= _wait(began_s + wall_s, _TRACES_BYTES_MAX, now_s, sleep)
        end = _kept()
        took_s = now_s() - began_s
    finally:
        tracemalloc.stop()
    # A cache that was filled once grew in one half alone. What grows for ever grew in both.
    grown = {
        place: min(middle[place][0], size - middle[place][0]) for place, (size, _) in end.items() if place in middle
    }
    first = sorted((place for place in grown if grown[place] >= _GROWN_BYTES_MIN), key=lambda place: -grown[place])[
        :LINES_MAX
    ]
    lines = tuple(Line(_from_package(path), number, *end[path, number]) for path, number in first)
    return Trace(lines, sum(size for size, _ in end.values()), took_s, is_short)


def _wait(until_s: float, bytes_max: int, now_s: Callable[[], float], sleep: Callable[[float], None]) -> bool:
    """Wait, and return whether it had to end before its time."""
    while (left_s := until_s - now_s()) > 0:
        if tracemalloc.get_tracemalloc_memory() > bytes_max:
            return True
        sleep(min(left_s, _LOOK_S))
    return False


def _kept() -> dict[tuple[str, int], tuple[int, int]]:
    """Return bytes and blocks by file and line."""
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
    return {
        (one.traceback[0].filename, one.traceback[0].lineno): (one.size, one.count)
        for one in snapshot.statistics("lineno")
    }


def _from_package(path: str) -> str:
    """Return a path from the folder on that code is imported from, since where that lies says nothing."""
    for folder in sorted(filter(None, sys.path), key=len, reverse=True):
        if Path(path).is_relative_to(folder):
            return str(Path(path).relative_to(folder))
    return path
