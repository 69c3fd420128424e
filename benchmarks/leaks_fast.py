"""How often the fast rule is right where memory is read more often than each fifteen seconds, on made processes of six kinds.

The watcher reads each five seconds, `council sentinel` each three. The same for fifteen is in the part `leaks`.
"""

import concurrent.futures
import itertools
from collections.abc import Callable

import figures
import leaks
from council.testing import leaks as made
from council.upkeep.sentinels import house

FIRST_SEED = 110_000
HEALTHY, LEAKING = 200, 100
HOURS = 4
# As `watch.interval_s` is shipped.
_WATCHER_S = 5.0


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    rows: list[figures.Row] = []
    with concurrent.futures.ProcessPoolExecutor() as pool:

        def alarmed(kind: made.Kind, runs: int, case: leaks.Case) -> list[bool]:
            seeds = range(FIRST_SEED, FIRST_SEED + runs)
            found = pool.map(leaks.watch, [kind] * runs, seeds, [case] * runs, chunksize=5)
            return [one.fast_s is not None for one in found]

        for kind, sample_s in itertools.product(made.KINDS, (house.GLANCE_S, _WATCHER_S)):
            say(f"leaks_fast: {kind}, each {sample_s:.0f} s")
            found = alarmed(kind, HEALTHY, leaks.Case(HOURS, sample_s=sample_s))
            head = f"false alarms in {HOURS} h, read each {sample_s:.0f} s"
            rows.append(figures.share(head, kind, sum(found), len(found), 0.02))
            for rate in (120.0, 200.0):
                found = alarmed(kind, LEAKING, leaks.Case(3 + 180 / 3600, rate, 3 * 3600, sample_s))
                head = f"{rate:.0f} MB/h missed after 3 min, read each {sample_s:.0f} s"
                rows.append(figures.share(head, kind, len(found) - sum(found), len(found), 0.05))
    return sorted(rows, key=lambda row: row.figure)
