"""The gates while a new generation is tried beside the live one: each decided within seconds, by its bake form. Pure.

Decision 16. What counts was asked for the trial and is marked; nothing is read of other times or of another generation. A gate
that has no bake form, or of which too little was seen, is unknown, and unknown passes nowhere. Once a generation serves, what
it does with the requests of everybody may turn it red as well, and never green.
"""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from council.domain import baking, gates, timeseries
from council.upkeep.gates import embedded, surely

GENERATION = gates.Selector("council_generation_info")
INPUTS = gates.Selector("council_inputs_info")
MEMORY = gates.Selector("council_process_memory_bytes")
# A process that has just begun takes memory for its first requests that it takes for no others.
YOUNG_BYTES = 32 * 1024 * 1024
# What the memory of a request may differ by between two generations without either leaking.
REQUEST_BYTES = 64 * 1024

_Answers = Sequence[baking.Answer]


def measure(gate: gates.Gate, tried: baking.Trial, live: baking.Trial | None) -> gates.Measured:
    """Return what a gate reads of the tried generation, or why nothing.

    `live` None, once there is no other to compare with: then no memory may be grown beyond what a young process takes.
    """
    if gate.not_applicable:
        return gates.Measured(None, reason=gate.not_applicable)
    length_s = tried.until_s - tried.from_s
    if reason := tried.problem or _odd(tried.answers) or _other(tried):
        return gates.Measured(None, window_s=length_s, reason=reason)
    if gate.name in _BY_ANSWERS:
        return _by_answers(gate, _BY_ANSWERS[gate.name], tried)
    if isinstance(gate.form, gates.Count):
        return _at_once(gate, gate.form, tried)
    if isinstance(gate.form, gates.Gauge):
        whole = dataclasses.replace(gate, windows_s=(length_s,), samples_min=gate.bake.samples_min)
        return embedded.measure(whole, tried, tried.until_s)
    if isinstance(gate.form, gates.Slope):
        return _growth(gate, tried, live)
    return gates.Measured(None, window_s=length_s, reason=f"{gate.name} has no form that a bake can decide")


def judge_everybody(gate: gates.Gate, tried: baking.Trial) -> tuple[gates.Verdict, str]:
    """Return the verdict on what a generation has done with the requests of everybody, unmarked, since it serves.

    Of a gate that marked ones decide well it is unknown: what they ask is not what everybody asks, and a model that no marked
    question goes to may fail for all who use it. Of requests too few for the gate it is unknown as well, but where those that
    failed are surely too many.
    """
    if gate.name not in _OF_EVERYBODY or gate.not_applicable:
        return gates.Verdict.UNKNOWN, ""
    whole = dataclasses.replace(gate, windows_s=(tried.until_s - tried.from_s,))
    verdict, told = gates.judge(whole, embedded.measure(whole, tried, tried.until_s))
    if verdict is not gates.Verdict.UNKNOWN:
        return verdict, told
    bad, count = _of_few(gate, tried)
    if surely.beyond(bad, count, surely.share_limit(gate)):
        share = bad / count if gate.comparator is gates.Comparator.BELOW else 1 - bad / count
        few = gates.Measured(share * gate.scale, count, tried.until_s - tried.from_s)
        return gates.Verdict.RED, gates.judge(whole, few)[1]
    return verdict, told


def is_in_doubt(gate: gates.Gate, tried: baking.Trial) -> bool:
    """Return whether of everybody's requests more failed than a gate bears, and too few were seen to be sure of it."""
    if judge_everybody(gate, tried)[0] is not gates.Verdict.UNKNOWN:
        return False
    bad, count = _of_few(gate, tried)
    return count > 0 and bad / count > surely.share_limit(gate)


def _of_few(gate: gates.Gate, tried: baking.Trial) -> tuple[float, float]:
    """Return how many of everybody's requests were bad since the switch, and of how many; nought where that says nothing."""
    if gate.name not in _OF_EVERYBODY or gate.not_applicable or not isinstance(gate.form, gates.Ratio):
        return 0.0, 0.0
    return surely.counted(gate, gate.form, tried, tried.until_s, tried.until_s - tried.from_s)


_OF_EVERYBODY = frozenset({"error_rate"})


def judge(gate: gates.Gate, tried: baking.Trial, live: baking.Trial | None) -> tuple[gates.Verdict, str]:
    """Return the verdict on the tried generation and its reason, in one line."""
    return gates.judge(gate, measure(gate, tried, live))


def judge_answers(gate: gates.Gate, tried: baking.Trial) -> gates.Verdict:
    """Return what the answers alone say of a gate, unknown where it does not go by answers.

    Never enough to pass; but a generation that answers so badly is bad, whatever else of it could not be seen.
    """
    form = None if gate.not_applicable or _odd(tried.answers) else _BY_ANSWERS.get(gate.name)
    return gates.Verdict.UNKNOWN if form is None else gates.judge(gate, _by_answers(gate, form, tried))[0]


def judge_last(gate: gates.Gate, tried: baking.Trial) -> tuple[gates.Verdict, int]:
    """Return the verdict on the newest marked requests, and how many of them failed in a row; unknown where these are too few.

    What stops after thousands of good answers is not to be carried by them: as many as the gate needs in a bake, each of them
    failed, are a sample of their own. Never green.
    """
    if gate.name not in _OF_EVERYBODY or gate.not_applicable or _odd(tried.answers):
        return gates.Verdict.UNKNOWN, 0
    failed = len(list(itertools.takewhile(_failed, reversed(tried.answers))))
    return (gates.Verdict.RED if failed >= gate.bake.samples_min else gates.Verdict.UNKNOWN), failed


def worse(tried: baking.Trial, live: baking.Trial, margins: baking.Margins) -> Sequence[str]:
    """Return in what the tried generation does worse than the live one, beyond the margins; both were asked the same.

    What cannot be compared is among it: a generation passes only where there is nothing.
    """
    count = len(tried.answers)
    if not count or count != len(live.answers):
        return [f"{count} requests of the tried generation cannot be compared with {len(live.answers)} of the live one"]
    found = []
    for what, share, points in (
        ("answered", _answered, margins.answered_points),
        ("right", lambda one: one.right is True, margins.right_points),
    ):
        new, old = (_percent(sum(map(share, one.answers)), count) for one in (tried, live))
        if new < old - points:
            found.append(f"{new:.1f} % {what}, {old:.1f} % by the live generation")
    waits = [[one.latency_s for one in trial.answers if _answered(one)] for trial in (tried, live)]
    if all(waits):
        new_s, old_s = map(statistics.median, waits)
        if new_s > old_s * margins.latency_ratio and new_s - old_s > margins.latency_s:
            found.append(f"answers take {new_s:.2f} s in the median, {old_s:.2f} s by the live generation")
    new_cost, old_cost = (sum(one.worst_usd_micros for one in trial.answers) for trial in (tried, live))
    if new_cost > old_cost * margins.cost_ratio:
        found.append(f"could cost ${new_cost / 1e6:.6f}, ${old_cost / 1e6:.6f} by the live generation")
    return found


def _odd(answers: _Answers) -> str:
    for one in answers:
        figures = (one.latency_s, one.text_bytes, one.worst_usd_micros, one.calls, one.calls_failed)
        if not all(math.isfinite(figure) and figure >= 0 for figure in figures):
            return "a figure of a marked request is no number that can be"
    return ""


def _other(tried: baking.Trial) -> str:
    """Return who else than the tried generation was seen, or that it was not seen; "" if all is as it must be."""
    for one in tried.answers:
        if one.generation and one.generation != tried.generation:
            return f"a request was answered by generation {one.generation[:12]}, which is not the one that is tried"
    told = _told(tried, GENERATION)
    for series in told:
        if series.labels.get("generation") != tried.generation:
            return f"{series.labels.get('svc', 'a service')} runs another generation than the one that is tried"
    return _old_inputs(tried) if told else "no service says that it runs the generation that is tried"


def _old_inputs(tried: baking.Trial) -> str:
    """Return which service began with other files than the tried generation has for it, or does not say; "" if none.

    A service that no patch touched is told its new name and goes on: the name alone does not say what it runs.
    """
    told = _told(tried, INPUTS)
    silent = tried.inputs.keys() - {series.labels.get("svc") for series in told}
    if silent:
        return f"{min(silent)} does not say which files it began with"
    for series in told:
        service = series.labels.get("svc", "")
        if service in tried.inputs and series.labels.get("digest") != tried.inputs[service]:
            return f"{service} began with the files of another generation than the one that is tried"
    return ""


def _told(tried: baking.Trial, selector: gates.Selector) -> list[timeseries.Series]:
    return [
        one
        for one in tried.select(selector.metric, tried.from_s)
        if (newest := one.last(tried.until_s)) is not None and newest[1] == 1
    ]


def _by_answers(gate: gates.Gate, form: "_Form", tried: baking.Trial) -> gates.Measured:
    length_s = tried.until_s - tried.from_s
    counted = [one for one in tried.answers if form.takes(one)]
    samples = form.weight(counted)
    if samples < gate.bake.samples_min:
        needed = f"{samples:g} of the {gate.bake.samples_min:g} {form.unit} needed were seen in {length_s:.0f} s"
        return gates.Measured(None, samples, length_s, needed)
    return gates.Measured(form.number(counted), samples, length_s)


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """How a gate's number, in its unit, is made of answers; `weight` is how many samples they are."""

    number: Callable[[_Answers], float]
    takes: Callable[[baking.Answer], bool] = lambda _: True
    weight: Callable[[_Answers], float] = len
    unit: str = "marked requests"


def _slowest_in_twenty(values: Sequence[float]) -> float:
    """Return the nearest-rank p95: of few the worst."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole


def _answered(one: baking.Answer) -> bool:
    return one.ending is baking.Ending.ANSWERED


def _failed(one: baking.Answer) -> bool:
    return one.ending in (baking.Ending.ERROR, baking.Ending.TIMEOUT)


_BY_ANSWERS: Mapping[str, _Form] = {
    "latency_p95": _Form(lambda all_: 1000 * _slowest_in_twenty([one.latency_s for one in all_]), _answered),
    "success_rate": _Form(lambda all_: _percent(sum(map(_answered, all_)), len(all_))),
    "local_processing": _Form(lambda all_: _percent(sum(not one.paid for one in all_), len(all_)), _answered),
    "cost_per_100": _Form(lambda all_: 1e-4 * sum(one.worst_usd_micros for one in all_) / len(all_)),
    "error_rate": _Form(lambda all_: _percent(sum(map(_failed, all_)), len(all_))),
    "response_size": _Form(lambda all_: _slowest_in_twenty([one.text_bytes for one in all_]) / 1024, _answered),
    "network_errors": _Form(
        lambda all_: _percent(sum(one.calls_failed for one in all_), sum(one.calls for one in all_)),
        weight=lambda all_: sum(one.calls for one in all_),
        unit="calls",
    ),
}


def _at_once(gate: gates.Gate, form: gates.Count, tried: baking.Trial) -> gates.Measured:
    """Return the most at once, at the times of the readings: the steps of a subquery are too far apart for a bake."""
    length_s = tried.until_s - tried.from_s
    series = [
        one
        for one in tried.select(form.of.metric, tried.from_s)
        if form.of.takes(one.labels) and (not gate.services or one.labels.get("svc") in gate.services)
    ]
    points = [one.within(tried.from_s, tried.until_s) for one in series]
    counted = max(map(len, points), default=0)
    if counted < gate.bake.samples_min:
        needed = f"{counted} of the {gate.bake.samples_min:g} readings needed were seen in {length_s:.0f} s"
        return gates.Measured(None, counted, length_s, needed)
    sums = [
        sum(newest[1] for one in series if (newest := one.last(at_s)) is not None)
        for at_s in sorted({at_s for each in points for at_s, _ in each})
    ]
    if any(one.last(tried.until_s) is None for one in series) or not all(
        math.isfinite(one) and one >= 0 for one in sums
    ):
        return gates.Measured(None, counted, length_s, f"{form.of.metric} gives no finite number")
    return gates.Measured(max(sums) * gate.scale, counted, length_s)


def _growth(gate: gates.Gate, tried: baking.Trial, live: baking.Trial | None) -> gates.Measured:
    """Return memory grown a request beyond that of the live generation, as MB an hour at one request a second.

    Nought where it is not beyond what a young process, and the measure itself, account for.
    """
    length_s = tried.until_s - tried.from_s
    requests = len(tried.answers)
    if requests < gate.bake.samples_min:
        needed = f"{requests} of the {gate.bake.samples_min:g} marked requests needed were seen in {length_s:.0f} s"
        return gates.Measured(None, requests, length_s, needed)
    grown, before = _grown(tried), 0.0 if live is None else _grown(live)
    if grown is None or before is None or (live is not None and not live.answers):
        which = "tried" if grown is None else "live"
        return gates.Measured(
            None, requests, length_s, f"the memory of the {which} generation was not seen over the bake"
        )
    a_request = max(0.0, grown - YOUNG_BYTES) / requests - max(0.0, before) / (len(live.answers) if live else 1)
    return gates.Measured(a_request * 3600 / 1e6 if a_request > REQUEST_BYTES else 0.0, requests, length_s)


def _grown(trial: baking.Trial) -> float | None:
    """Return by how much the service that grew most did, bytes; None where one was not seen twice, or told no number.

    Only of services that tell of themselves: what the watcher tells of the others, once a minute, may begin within a bake.
    """
    rises = []
    for one in trial.select(MEMORY.metric, trial.from_s):
        if one.labels.get("svc") not in trial.inputs:
            continue
        points = one.within(trial.from_s, trial.until_s)
        if len(points) < 2 or not all(math.isfinite(value) and value >= 0 for _, value in points):
            return None
        rises.append(points[-1][1] - points[0][1])
    return max(rises, default=None)
