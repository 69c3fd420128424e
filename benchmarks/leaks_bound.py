"""How often a fast leak is missed where load comes and goes, by a rule that knows all about both: what ours is held against.

It knows the law of the made load, how far it wanders, and the rate of the leak, which nobody knows of a real process. At each
reading it takes the likelihood ratio of a leak that began three minutes ago, the strongest test of that there is, as Neyman and
Pearson show. It is set so that it is wrong in 2 % of healthy processes within four hours.
"""

import itertools
import math
from collections.abc import Callable

import numpy

import figures
from council.testing import leaks as made
from council.upkeep.sentinels import house

RUNS, SEED = 2_000, 120_000
HOURS, FALSE_ALARMS = 4, 0.02
_WITHIN_S = 180.0
_RATES = (120.0, 200.0, 400.0)
# By `council sentinel`, by the watcher, and as samples are kept.
_READ_EACH_S = (house.GLANCE_S, 5.0, made.SAMPLE_S)
_SUBJECT = "autocorrelated, load and leak known"

_Array = numpy.ndarray[tuple[int], numpy.dtype[numpy.float64]]


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    say("leaks_bound: autocorrelated")
    rows = []
    for rate, sample_s in itertools.product(_RATES, _READ_EACH_S):
        head = f"{rate:.0f} MB/h missed after 3 min, read each {sample_s:.0f} s"
        note = f"{100 * FALSE_ALARMS:.0f} % false alarms in {HOURS} h"
        rows.append(figures.share(head, _SUBJECT, missed(rate, sample_s), RUNS, note=note))
    return rows


def missed(mb_per_hour: float, sample_s: float) -> int:
    """Return how many leaks of RUNS the rule has not found after three minutes."""
    source = numpy.random.default_rng(SEED)
    kept = math.pow(made.LOAD_KEPT, sample_s / made.SAMPLE_S)
    readings = int(_WITHIN_S / sample_s)
    # Load is looked at as what it adds anew at each reading, which is noise without memory; so is the leak.
    grown = numpy.arange(1, readings + 1) * (mb_per_hour / 3600 * sample_s)
    leaked = grown - kept * numpy.concatenate(([0.0], grown[:-1]))
    shape = leaked / numpy.linalg.norm(leaked)
    healthy = [_ratios(source.standard_normal(int(HOURS * 3600 / sample_s)), shape).max() for _ in range(RUNS)]
    bound = numpy.quantile(healthy, 1 - FALSE_ALARMS)
    count = 0
    for spread in source.uniform(*made.LOAD_SPREAD_MB, RUNS):
        added = source.standard_normal(2 * readings)
        added[readings:] += leaked / (spread * math.sqrt(1 - kept * kept))
        count += bool(_ratios(added, shape)[1:].max() <= bound)
    return count


def _ratios(added: _Array, shape: _Array) -> _Array:
    """Return the logarithm of the likelihood ratio at each reading, but for its scale and where it begins."""
    return numpy.correlate(added, shape, "valid")


if __name__ == "__main__":
    print(figures.table("leaks_bound", run(print)))
