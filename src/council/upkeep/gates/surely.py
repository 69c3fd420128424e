"""Whether so few are surely too many: shares of counters over a short time, by the lower bound of Wilson's interval. Pure.

A share of few is easily far off. What follows at once from a verdict, as an alert or a patch that is taken back, goes by what
is sure of it instead.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

from council.domain import gates, timeseries
from council.upkeep.gates import embedded

# Of the bad there must be so many: a question whose provider fails is tried three times, and one question is no proof.
BAD_MIN = 4
# One-sided, 99.5 %.
_Z = 2.58


def beyond(bad: float, whole: float, limit: float) -> bool:
    """Whether a share is beyond a limit though it is of few."""
    if bad < BAD_MIN or whole <= 0:
        return False
    share, square = min(1.0, bad / whole), _Z**2
    half = _Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    return (share + square / (2 * whole) - half) / (1 + square / whole) > limit


def share_limit(gate: gates.Gate) -> float:
    """Return the greatest share of the bad that a gate bears, which is of a form that has one."""
    if isinstance(gate.form, gates.Quantile):
        return 1 - gate.form.share
    limit = gate.threshold / gate.scale
    return limit if gate.comparator is gates.Comparator.BELOW else 1 - limit


def counted(
    gate: gates.Gate, form: gates.Ratio, samples: embedded.Samples, now_s: float, window_s: float
) -> tuple[float, float]:
    """Return how many were bad between the readings of a window, and of how many."""
    rose, of = (rise(gate, samples, one, now_s, window_s) for one in (form.part, form.whole))
    return (rose, of) if gate.comparator is gates.Comparator.BELOW else (of - rose, of)


def rise(
    gate: gates.Gate, samples: embedded.Samples, selectors: Sequence[gates.Selector], now_s: float, window_s: float
) -> float:
    """Return by how much counters rose between the readings of a window. What one had before a reset is left out."""
    start_s = now_s - window_s
    return sum(
        max(0.0, after - before)
        for selector in selectors
        for series in _series(gate, samples, selector, start_s)
        for (_, before), (_, after) in itertools.pairwise(series.within(start_s, now_s))
    )


def _series(
    gate: gates.Gate, samples: embedded.Samples, selector: gates.Selector, start_s: float
) -> Iterator[timeseries.Series]:
    for one in samples.select(selector.metric, start_s):
        if selector.takes(one.labels) and (not gate.services or one.labels.get("svc", "") in gate.services):
            yield one
