"""What turned bad a moment ago: shares and sums of the last seconds, for alerts alone. Decision record 0020.

A gate's windows are minutes long, and a failure of every second question shows in them late. So alerts look at the last
readings as well. A share of few is easily far off, so it counts only where it is surely beyond the gate's limit; and only
while the newest reading is bad too, so that one bad moment is one bad reading, which no alert fires on.
"""

from collections.abc import Callable, Iterable

from council.domain import gates
from council.upkeep.gates import embedded, surely

# Half as much again as the interval between two readings, three intervals, six, and the shortest window of a gate.
WINDOWS_S = (7.5, 15.5, 30.5, 60.5)
# What a window must hold: of a share this many samples, of a sum, which nothing makes sure, so many times what its gate needs.
SAMPLES_MIN = 20
SUM_SAMPLES_TIMES = 4


def reason(gate: gates.Gate, samples: embedded.Samples, now_s: float) -> str:
    """Return what is suddenly bad, in words; "" where nothing is, or the gate's form tells nothing of single moments."""
    counts = _counts_of(gate, samples, now_s)
    if counts is None or not _is_beyond(gate, *counts(WINDOWS_S[0])):
        return ""
    for window_s in WINDOWS_S:
        bad, whole = counts(window_s)
        if whole >= _enough(gate) and _is_surely_beyond(gate, bad, whole):
            told = f"{bad:.0f} of {whole:.0f}" if _is_share(gate) else f"{bad / whole * gate.scale:.4g} {gate.unit}"
            return f"of a sudden: {told} within {window_s:.0f} s"
    return ""


# What rose within so many seconds: the bad part, and the whole.
_Counts = Callable[[float], tuple[float, float]]


def _counts_of(gate: gates.Gate, samples: embedded.Samples, now_s: float) -> _Counts | None:
    """Return what reads a gate's counters over the last seconds; None for a form without any."""
    match gate.form:
        case gates.Ratio() as form:
            return lambda window_s: surely.counted(gate, form, samples, now_s, window_s)
        case gates.Quantile(of=of):
            counted = gates.Selector(f"{of.metric}_count", of.where, of.without)
            edge = _edge(samples, of.metric, gate.threshold / gate.scale, now_s)
            if edge is None:
                return None
            within = gates.Selector(f"{of.metric}_bucket", {**of.where, "le": [edge]}, of.without)

            def slower(window_s: float) -> tuple[float, float]:
                observed = surely.rise(gate, samples, [counted], now_s, window_s)
                return observed - surely.rise(gate, samples, [within], now_s, window_s), observed

            return slower
        case _:
            return None


def _is_share(gate: gates.Gate) -> bool:
    """Whether the bad are some of the whole, and not a sum over a count."""
    match gate.form:
        case gates.Ratio(part=part, whole=whole):
            return {one.metric for one in part} <= {one.metric for one in whole}
        case _:
            return True


def _enough(gate: gates.Gate) -> float:
    return SAMPLES_MIN if _is_share(gate) else SUM_SAMPLES_TIMES * gate.samples_min


def _is_beyond(gate: gates.Gate, bad: float, whole: float) -> bool:
    return whole > 0 and bad / whole > surely.share_limit(gate)


def _is_surely_beyond(gate: gates.Gate, bad: float, whole: float) -> bool:
    """Whether a share is beyond the limit though it is of few."""
    if not _is_share(gate):
        return _is_beyond(gate, bad, whole)
    return surely.beyond(bad, whole, surely.share_limit(gate))


def _edge(samples: embedded.Samples, metric: str, limit: float, now_s: float) -> str | None:
    """Return the least edge of a histogram that is not below a number: what lies above it is surely above the number."""
    edges: Iterable[str] = {
        one.labels.get("le", "") for one in samples.select(f"{metric}_bucket", now_s - WINDOWS_S[-1])
    }
    above = [edge for edge in edges if edge and float(edge) >= limit]
    return min(above, key=float, default=None)
