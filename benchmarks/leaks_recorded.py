"""The fast rule on memory of real services under changing load, with and without a leak that is added to it.

`recorded_memory.json` is the anonymous memory, in millions of bytes each three seconds, of gateway, recall and sandboxd of one
Council over 43 minutes, while questions of many kinds came in bursts, steadily and not at all. It is played three times over,
each time from where it ended; a leak is added at places in the second and third time.
"""

import copy
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import figures
from council.upkeep.sentinels import leak

RECORDED = Path(__file__).resolve().parent / "recorded_memory.json"
STEP_S = 3.0
PLACES = 100
SEED = 100_000
_WITHIN_S = 180.0


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    rows: list[figures.Row] = []
    for service, once_mb in json.loads(RECORDED.read_text()).items():
        say(f"leaks_recorded: {service}")
        sizes_mb = [size + times * (once_mb[-1] - once_mb[0]) for times in range(3) for size in once_mb]
        # Read each three seconds, as `council sentinel` does, and each fifteen.
        for every in (1, 5):
            rows += _of(service, sizes_mb[::every], len(once_mb) // every, STEP_S * every)
    return sorted(rows, key=lambda row: row.figure)


def _of(service: str, sizes_mb: Sequence[float], first: int, step_s: float) -> list[figures.Row]:
    source = random.Random(SEED)
    places = set(source.sample(range(first, len(sizes_mb) - int(_WITHIN_S / step_s) - 1), PLACES))
    # The first two minutes are left out of the recording, and the process is taken for an old one, which is the harder case.
    watched, alarms, was_fast = leak.LeakWatch(leak.WARM_UP_S), 0, False
    missed = dict.fromkeys((110.0, 120.0, 200.0), 0)
    for place, size_mb in enumerate(sizes_mb):
        if place in places:
            after = sizes_mb[place : place + int(_WITHIN_S / step_s) + 1]
            for rate in missed:
                missed[rate] += not _finds(copy.deepcopy(watched), after, rate, place * step_s, step_s)
        watched.add(place * step_s, round(size_mb * leak.MB))
        is_fast = watched.judge().verdict == "fast leak"
        alarms, was_fast = alarms + (is_fast and not was_fast), is_fast
    read = f"read each {step_s:.0f} s"
    return [
        figures.Row(f"false alarms of the fast rule, {read}", service, alarms, "alarms", 0, len(sizes_mb)),
        *(
            figures.share(f"{rate:.0f} MB/h missed after 3 min, {read}", service, count, PLACES, 0.05)
            for rate, count in missed.items()
        ),
    ]


def _finds(watched: leak.LeakWatch, sizes_mb: Sequence[float], rate: float, from_s: float, step_s: float) -> bool:
    for place, size_mb in enumerate(sizes_mb):
        leaked_mb = place * step_s / 3600 * rate
        watched.add(from_s + place * step_s, round((size_mb + leaked_mb) * leak.MB))
        if watched.judge().verdict == "fast leak":
            return True
    return False
