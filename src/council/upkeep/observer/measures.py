"""Figures over a stretch of time that the digest and the report of figures both tell, each with how many it is of. Pure."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from council.domain import digests, evidence, incidents, repairs
from council.upkeep.observer import telling

_DECIDED = ("applied", "refused", "rolled back")
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


def begun(found: evidence.Evidence) -> list[incidents.Incident]:
    """Return the incidents that began within the span, oldest first."""
    return sorted(
        (one for one in found.incidents if found.span.holds(one.began_us / 1e6)), key=lambda one: one.began_us
    )


def time_to_detect(found: evidence.Evidence) -> digests.Measure:
    """Return the median time from the first bad verdict to the alert, seconds."""
    return _median(found, "time to detect", [one.detection_s for one in begun(found)])


def time_to_repair(found: evidence.Evidence) -> digests.Measure:
    """Return the median time from the first bad verdict to recovery, of the incidents that are over, seconds."""
    return _median(found, "time to repair", [one.repair_s for one in begun(found) if one.repair_s is not None])


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
        "n of human interventions", None if lacking else _operations(found)[0], telling.COUNT, query, found.span
    )
    return digests.Measure("human interventions", fact, count, lacking)


def autonomy(found: evidence.Evidence) -> digests.Measure:
    """Return the share of operations that needed no person: an incident, or a patch that came to its end, is one."""
    return _autonomy(found, "autonomy", lambda alone, count: alone / count)


def autonomy_low(found: evidence.Evidence) -> digests.Measure:
    """Return what autonomy is at least: the lower bound of its 95 % confidence interval."""
    made = _autonomy(found, "autonomy, at least", wilson_low)
    return made if made.reason else replace(made, reason="lower bound of its confidence interval")


def _autonomy(found: evidence.Evidence, name: str, share: Callable[[int, int], float]) -> digests.Measure:
    query = "council report kpi --json"
    lacking = found.lacks("repairs") or found.lacks("incidents") or found.lacks("patches")
    count, needed = _operations(found)
    value = None if lacking or not count else 100 * share(count - needed, count)
    fact = evidence.Fact(name, value, telling.PERCENT, query, found.span)
    number = evidence.Fact(f"n of {name}", None if lacking else count, telling.COUNT, query, found.span)
    return digests.Measure(name, fact, number, lacking or ("" if count else "there was no operation in this time"))


def _operations(found: evidence.Evidence) -> tuple[int, int]:
    """Return how many operations there were, and how many of them needed a person: no more than there were."""
    incidents_begun = begun(found)
    rows = decided(found)
    called = {one.incident_id for one in found.repairs if one.outcome is repairs.Outcome.CALLED}
    alone = (repairs.InterventionKind.OVERRIDE, repairs.InterventionKind.UNFREEZE, repairs.InterventionKind.RESTART)
    needed = sum(one.id in called for one in incidents_begun)
    needed += sum(row.returned_by not in ("", repairs.HEALER) for row in rows)
    needed += sum(one.kind in alone for one in found.interventions)
    count = len(incidents_begun) + len(rows)
    return count, min(count, needed)


def decided(found: evidence.Evidence) -> list[evidence.PatchRow]:
    """Return the patches that came to their end within the span."""
    rows = [row for row in found.patches if row.outcome in _DECIDED and not row.trial]
    return [row for row in rows if found.span.holds(row.ended_s or row.at_s)]


def wilson_low(good: int, count: int) -> float:
    """Return the lower bound of the 95 % confidence interval of a share, by Wilson's score (1927), which holds for few, too."""
    share, spread = good / count, _SIGMAS**2 / count
    middle = share + spread / 2
    half = _SIGMAS * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, (middle - half) / (1 + spread))
