"""Figures over a stretch of time that the digest and the report of figures both tell, each with how many it is of. Pure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from council.domain import digests, evidence
from council.upkeep.observer import autonomy as operating
from council.upkeep.observer import telling

# Of a normal distribution 95 % lie within so many standard deviations.
_SIGMAS = 1.959963984540054
_MICROS = 1_000_000
_LEDGER = "council ledger report --by route"


def cost_per_100(found: evidence.Evidence) -> digests.Measure:
    """Return what a hundred answers cost, US dollars: all that was spent, over the questions that were answered."""
    answered = sum(one.answered for one in found.costs.by_route)
    spent = sum(one.cost_usd_micros for one in found.costs.by_route)
    value = 100 * spent / answered / _MICROS if answered else None
    return _of_ledger(found, "cost per 100 answers", value, "USD", answered)


def local_share(found: evidence.Evidence) -> digests.Measure:
    """Return the share of answered questions that this machine alone answered."""
    answered = sum(one.answered for one in found.costs.by_route)
    local = sum(one.local for one in found.costs.by_route)
    value = min(100.0, 100 * local / answered) if answered else None
    return _of_ledger(found, "local share", value, telling.PERCENT, answered)


def answers(found: evidence.Evidence) -> digests.Measure:
    """Return how many questions were answered."""
    asked = sum(one.requests for one in found.costs.by_route)
    answered = sum(one.answered for one in found.costs.by_route)
    return _of_ledger(found, "answers", None if found.lacks("costs") else answered, telling.COUNT, asked)


def _of_ledger(found: evidence.Evidence, name: str, value: float | None, unit: str, count: int) -> digests.Measure:
    fact = evidence.Fact(name, value, unit, _LEDGER, found.span)
    number = evidence.Fact(f"n of {name}", None if found.lacks("costs") else count, telling.COUNT, _LEDGER, found.span)
    reason = ""
    if value is None:
        reason = found.lacks("costs") or "no question was answered in this time"
    return digests.Measure(name, fact, number, reason)


def latency_p95(found: evidence.Evidence) -> digests.Measure:
    """Return the median, over the span, of the 95th percentile that the gate `latency_p95` saw each minute, milliseconds."""
    history = next((one for one in found.histories if one.gate == "latency_p95"), None)
    values = [value for at_s, value in history.values if found.span.holds(at_s)] if history else []
    query = "council gates latency_p95 --json"
    fact = evidence.Fact("latency p95", statistics.median(values) if values else None, "ms", query, found.span)
    lacking = "" if values else found.lacks("series") or found.lacks("gates")
    count = evidence.Fact("n of latency p95", None if lacking else len(values), telling.COUNT, query, found.span)
    return digests.Measure(
        "latency p95", fact, count, "" if values else lacking or "the gate had no number in this time"
    )


def time_to_detect(found: evidence.Evidence) -> digests.Measure:
    """Return the median time from the first bad verdict to the alert, seconds."""
    return _median(found, "time to detect", [one.detection_s for one in operating.begun(found)])


def time_to_repair(found: evidence.Evidence) -> digests.Measure:
    """Return the median time from the first bad verdict to recovery, of the incidents that are over, seconds."""
    return _median(
        found, "time to repair", [one.repair_s for one in operating.begun(found) if one.repair_s is not None]
    )


def _median(found: evidence.Evidence, name: str, values: Sequence[float]) -> digests.Measure:
    query = "council incidents --json"
    fact = evidence.Fact(name, statistics.median(values) if values else None, telling.DURATION, query, found.span)
    lacking = found.lacks("incidents")
    number = len(values) if values or not lacking else None
    count = evidence.Fact(f"n of {name}", number, telling.COUNT, query, found.span)
    # Of some that are left out it is said beside the figure, too.
    return digests.Measure(name, fact, count, lacking or ("" if values else "there was none in this time"))


def interventions(found: evidence.Evidence) -> digests.Measure:
    """Return how often people had to act themselves."""
    lacking, query = found.lacks("repairs"), "council heal history"
    value = None if lacking else len(found.interventions)
    fact = evidence.Fact("human interventions", value, telling.COUNT, query, found.span)
    count = evidence.Fact(
        "n of human interventions",
        None if lacking else operating.operations(found).whole.count,
        telling.COUNT,
        query,
        found.span,
    )
    return digests.Measure("human interventions", fact, count, lacking)


def autonomy(found: evidence.Evidence) -> digests.Measure:
    """Return the share of operations that needed no person: of incidents, patch decisions and scheduled jobs together."""
    return _autonomy(found, "autonomy", operating.operations(found).whole, lambda alone, count: alone / count)


def autonomy_low(found: evidence.Evidence) -> digests.Measure:
    """Return what autonomy is at least: the lower bound of its 95 % confidence interval."""
    made = _autonomy(found, "autonomy, at least", operating.operations(found).whole, wilson_low)
    return made if made.reason else replace(made, reason="lower bound of its confidence interval")


def autonomy_of(found: evidence.Evidence, kind: str) -> digests.Measure:
    """Return the share of the operations of one kind that needed no person: the many jobs would hide the few incidents."""
    tally = operating.operations(found).kinds[kind]
    return _autonomy(found, f"autonomy of {kind}", tally, lambda alone, count: alone / count)


def _autonomy(
    found: evidence.Evidence, name: str, tally: operating.Tally, share: Callable[[int, int], float]
) -> digests.Measure:
    query, count = "council report kpi --json", tally.count
    lacking = found.lacks("repairs") or found.lacks("incidents") or found.lacks("patches") or found.lacks("jobs")
    value = None if lacking or not count else 100 * share(tally.alone, count)
    fact = evidence.Fact(name, value, telling.PERCENT, query, found.span)
    number = evidence.Fact(f"n of {name}", None if lacking else count, telling.COUNT, query, found.span)
    return digests.Measure(name, fact, number, lacking or ("" if count else "there was no operation in this time"))


def wilson_low(good: int, count: int) -> float:
    """Return the lower bound of the 95 % confidence interval of a share, by Wilson's score (1927), which holds for few, too."""
    share, spread = good / count, _SIGMAS**2 / count
    middle = share + spread / 2
    half = _SIGMAS * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, (middle - half) / (1 + spread))
