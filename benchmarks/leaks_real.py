"""The fast rule on a real Python process that answers made requests, with and without a leak, on a clock that runs faster.

The process serves a random number of requests for each three seconds of its clock: it takes JSON apart, keeps some of it in a
cache of bounded length, makes cycles that only the collector frees, and keeps what leaks in small and large pieces for good.
What is read is its anonymous memory, as the kernel counts it. Only the time between two reads is not real.
"""

import concurrent.futures
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import figures
from council.kit import reading
from council.upkeep.sentinels import house, leak

FIRST_SEED = 80_000
RUNS_HEALTHY, HOURS_HEALTHY = 20, 4.0
RUNS_LEAKING, HOURS_BEFORE = 25, 1.5
_PROCESS = """
import collections, json, random, sys
source = random.Random(int(sys.argv[1]))
cache, kept = collections.OrderedDict(), []
owed = 0.0
for line in sys.stdin:
    for _ in range(source.choice((0, 0, 1, 2, 3, 8))):
        items = [{"id": source.random(), "text": "x" * source.randint(1, 300)} for _ in range(source.randint(1, 120))]
        answer = json.loads(json.dumps(items))
        if source.random() < 0.3:
            cache[source.randint(0, 400)] = answer
            while len(cache) > 200:
                cache.popitem(last=False)
        cycle = {"answer": answer}
        cycle["self"] = cycle
    owed += float(line)
    while owed > 0:
        size = source.choice((100, 500, 3_000, 20_000))
        kept.append(bytearray(size))
        owed -= size + 80
    print(flush=True)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Whether the rule alarmed before the leak began, and within three minutes of it; without a leak, in all the time."""

    early: bool
    in_time: bool


def watch(seed: int, hours: float, leak_mb_per_hour: float, leak_from_s: float) -> Run:
    """Watch one process; a leak is looked at for three minutes."""
    watched = leak.LeakWatch()
    early, in_time, steps = False, False, int(hours * 3600 / house.GLANCE_S)
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin and child.stdout
        who = reading.identity(child.pid)
        assert who is not None
        for step in range(steps + 1):
            time_s = step * house.GLANCE_S
            leaks = leak_mb_per_hour * 1e6 * house.GLANCE_S / 3600 if leak_from_s < time_s else 0.0
            child.stdin.write(f"{leaks}\n".encode())
            child.stdin.flush()
            child.stdout.readline()
            size = reading.heap_bytes(who)
            assert isinstance(size, int)
            watched.add(time_s, size)
            if watched.judge().verdict == "fast leak":
                early, in_time = early or time_s <= leak_from_s, in_time or time_s > leak_from_s
    return Run(early, in_time)


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    say(f"leaks_real: {RUNS_HEALTHY} healthy processes")
    healthy = _all(RUNS_HEALTHY, HOURS_HEALTHY, 0.0, 0.0)
    rows = [
        _share(f"false alarms in {HOURS_HEALTHY:.0f} h: fast rule", [one.early or one.in_time for one in healthy], 0.02)
    ]
    for rate in (110.0, 200.0):
        say(f"leaks_real: {rate:.0f} MB/h")
        found = _all(RUNS_LEAKING, HOURS_BEFORE + 180 / 3600, rate, HOURS_BEFORE * 3600)
        rows.append(_share(f"{rate:.0f} MB/h missed after 3 min", [not one.in_time for one in found], 0.05))
    return rows


def _share(figure: str, found: Sequence[bool], target: float) -> figures.Row:
    return figures.share(figure, "a real Python process", sum(found), len(found), target)


def _all(runs: int, hours: float, rate: float, from_s: float) -> list[Run]:
    # Threads: the work is in the children, which are watched from outside.
    with concurrent.futures.ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 2)) as pool:
        return list(pool.map(lambda place: watch(FIRST_SEED + place, hours, rate, from_s), range(runs)))
