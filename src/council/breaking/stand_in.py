"""A service with a fault inside, in a healthy one's place: the same program, with a thread beside it that does the harm.

    python -m council.breaking.stand_in SORT AMOUNT SERVICE --home HOME

The supervisor starts it where `upkeep.chaos.stand_ins` says so, and nobody else does. `memory` keeps AMOUNT MB more a second,
`descriptors` opens AMOUNT a second, `spin` and `deadlock` keep the main thread busy or waiting from a SIGALRM on, `clock` is
AMOUNT seconds ahead, `wrong` says other words than the model does.
"""

import argparse
import contextlib
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from council.domain import home as home_module
from council.services import table
from council.upkeep.chaos import stand_ins

_TICK_S = 0.1
_MB_MAX = 180
_DESCRIPTORS_SHARE = 0.9
_WRONG = "Wrong. "


def main() -> int:
    """Begin the harm, then be the service."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sort", choices=stand_ins.SORTS)
    parser.add_argument("amount", type=float)
    parser.add_argument("service", choices=table.NAMES)
    parser.add_argument("--home", type=Path, required=True)
    given = parser.parse_args()
    _SORTS[given.sort](given.amount)
    return table.run(given.service, home_module.Home(given.home), os.environ)


def _beside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True, name="harm").start()


def _memory(mb_per_s: float) -> None:
    held: list[bytearray] = []

    def work() -> None:
        while sum(map(len, held)) < _MB_MAX << 20:
            # Written to, so that it is resident.
            held.append(bytearray(os.urandom(4096) * max(1, round(mb_per_s * _TICK_S * 256))))
            time.sleep(_TICK_S)

    _beside(work)


def _descriptors(per_s: float) -> None:
    held: list[int] = []
    source = os.open(os.devnull, os.O_RDONLY)

    def work() -> None:
        most = round(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * _DESCRIPTORS_SHARE)
        while (missing := most - len(held)) > 0:
            with contextlib.suppress(OSError):
                held.extend(os.dup(source) for _ in range(min(missing, max(1, round(per_s * _TICK_S)))))
            time.sleep(_TICK_S)

    _beside(work)


def _spin(_: float) -> None:
    def harm(*_: object) -> None:
        while True:
            pass

    signal.signal(signal.SIGALRM, harm)


def _deadlock(_: float) -> None:
    def harm(*_: object) -> None:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

    signal.signal(signal.SIGALRM, harm)


def _clock(ahead_s: float) -> None:
    told_s, told_ns = time.time, time.time_ns
    time.time = lambda: told_s() + ahead_s
    time.time_ns = lambda: told_ns() + round(ahead_s * 1e9)


def _wrong(_: float) -> None:
    """Put other words into what the model says, at the last place that all of it passes."""
    from council.services import model

    say = model._Generation.take

    def take(self: Any, chunk: dict[str, Any]) -> bool:
        for choice in chunk.get("choices", ()):
            delta = choice.get("delta") or {}
            if delta.get("content"):
                delta["content"] = _WRONG
        return say(self, chunk)

    model._Generation.take = take  # type: ignore[method-assign]


_SORTS: dict[str, Callable[[float], None]] = {
    "memory": _memory,
    "descriptors": _descriptors,
    "spin": _spin,
    "deadlock": _deadlock,
    "clock": _clock,
    "wrong": _wrong,
}

if __name__ == "__main__":
    sys.exit(main())
