"""The health gates: what each reads, how it is judged, and what came of it: `gates.yaml`.

A gate's *form* says how a number is made of metrics; there are five (`Gauge`, `Ratio`, `Quantile`, `Slope`, `Count`). Its
`windows_s` are tried from the longest on: the first that holds enough samples and no reset is read, so that a restart makes a
gate unknown for the shortest window alone. Which services must be readable for it stands in `services`.
"""

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

FILE = "gates.yaml"
KEY = "monitoring_gates"
# When a process began, by which an evaluator says how long ago a counter was reset.
BEGAN = "council_process_start_seconds"


class Verdict(enum.StrEnum):
    """What a gate says. Only green passes; what does not apply neither passes nor blocks."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


# A verdict as a number of a metric; what does not apply has none.
LEVELS = {Verdict.GREEN: 0, Verdict.AMBER: 1, Verdict.RED: 2, Verdict.UNKNOWN: 3}


class Comparator(enum.StrEnum):
    """On which side of its threshold a gate is well."""

    BELOW = "<"
    ABOVE = ">"

    def holds(self, value: float, threshold: float) -> bool:
        """Whether a value is on the good side."""
        return value < threshold if self is Comparator.BELOW else value > threshold


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of one metric whose labels are among those named, and not among those left out."""

    metric: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    without: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of the metric is meant."""
        return all(labels.get(name, "") in among for name, among in self.where.items()) and all(
            labels.get(name, "") not in among for name, among in self.without.items()
        )


@dataclass(frozen=True, slots=True)
class Gauge:
    """The worst series of a gauge, of its newest sample or of the window; divided by that of another where one is named."""

    of: Selector
    by: Selector | None = None
    most: bool = False


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much some counters rose, over how much others did. Its samples are what the lower ones rose by."""

    part: tuple[Selector, ...]
    whole: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of what a histogram took in. Its samples are its observations."""

    share: float
    of: Selector


@dataclass(frozen=True, slots=True)
class Slope:
    """The steepest rise of a gauge, by least squares over the minima of buckets, a second. Its samples are buckets.

    Series whose process, by the gauge `began`, is younger than the window and the warm-up together do not count yet.
    """

    of: Selector
    began: Selector
    bucket_s: float = 600.0
    warm_up_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Count:
    """The most at once of a gauge that is summed over its series."""

    of: Selector


Form = Gauge | Ratio | Quantile | Slope | Count


@dataclass(frozen=True, slots=True)
class Bake:
    """How a gate is decided on a new generation within seconds: from `samples_min` at least, in a short window."""

    window_s: float
    samples_min: float
    formula: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of health. `scale` takes the form's number to `unit`; `amber` is where the good side begins to narrow."""

    name: str
    form: Form
    unit: str
    comparator: Comparator
    threshold: float
    amber: float
    windows_s: tuple[float, ...]
    samples_min: float
    services: tuple[str, ...]
    bake: Bake
    no_data: str
    protects: str
    scale: float = 1.0
    playbooks: tuple[str, ...] = ()
    not_applicable: str = ""

    @property
    def window_s(self) -> float:
        """The longest window, seconds."""
        return self.windows_s[0]

    @property
    def worst_of_many(self) -> bool:
        """Whether the number is that of the worst of many series: one that is bad is enough, whatever the others are."""
        return isinstance(self.form, Gauge | Slope)


@dataclass(frozen=True, slots=True)
class Measured:
    """What an evaluator read for a gate. `reason` says why `value` is None; `partial` why it may not be the whole truth."""

    value: float | None
    samples: float = 0.0
    window_s: float = 0.0
    reason: str = ""
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with all that a person needs to believe it. `source` names the evaluator; `since_s` is epoch seconds.

    `cid` is that of the patch that made the generation, None where none did.
    """

    gate: Gate
    verdict: Verdict
    value: float | None
    reason: str
    samples: float
    window_s: float
    source: str
    generation: str
    since_s: float
    cid: str | None = None


def metrics(gate: Gate) -> frozenset[str]:
    """Return the names, in the text form, of what a gate reads."""
    match gate.form:
        case Gauge(of=of, by=by):
            return frozenset({of.metric} if by is None else {of.metric, by.metric})
        case Ratio(part=part, whole=whole):
            return frozenset(one.metric for one in (*part, *whole))
        case Quantile(of=of):
            return frozenset(of.metric + suffix for suffix in ("_bucket", "_count"))
        case Slope(of=of, began=began):
            return frozenset({of.metric, began.metric})
        case Count(of=of):
            return frozenset({of.metric})


def anew(service: str, window_s: float, age_s: float) -> str:
    """Return why a reset leaves a window without a number. `age_s`: how old the service's oldest process is, NaN if unknown."""
    if not 0 <= age_s < window_s:
        return f"{service or 'a service'} began anew within the last {window_s:g} s"
    return (
        f"{service} began anew {age_s:.0f} s ago; known again in {math.ceil(window_s - age_s)} s, given enough samples"
    )


def judge(gate: Gate, measured: Measured) -> tuple[Verdict, str]:
    """Return the verdict of what was measured and its reason, in one line. Pure; no history is taken into account."""
    if gate.not_applicable:
        return Verdict.NOT_APPLICABLE, gate.not_applicable
    value = measured.value
    if value is None or not math.isfinite(value):
        return Verdict.UNKNOWN, measured.reason or "the number is not finite"
    told = f"{value:.4g} {gate.unit}".rstrip() + f", must be {gate.comparator} {gate.threshold:g}"
    bad = not gate.comparator.holds(value, gate.threshold)
    if measured.partial and not (bad and gate.worst_of_many):
        return Verdict.UNKNOWN, measured.partial
    if bad:
        return Verdict.RED, told
    if not gate.comparator.holds(value, gate.amber):
        return Verdict.AMBER, f"{told}; amber from {gate.amber:g}"
    return Verdict.GREEN, told


def loosened(before: Sequence[Gate], after: Sequence[Gate]) -> str | None:
    """Return a gate of `before` that `after` lacks, or with which it lets pass more; None if it only tightens and adds.

    One that names playbooks is not only a hold: its red has the healer act. So a new one is not merely added, and the limit of
    one that is there may come down as far as its amber goes, which may not move: nothing becomes red that was green.

    What is not a limit must be as it was, but for its words: that another window or form is the stricter one nobody can tell.
    """
    kept = {gate.name: gate for gate in after}
    there = {gate.name for gate in before}
    for one in after:
        if one.playbooks and one.name not in there:
            return one.name
    for old in before:
        new = kept.get(old.name)
        if new is None:
            return old.name
        limits = ((new.threshold, old.threshold), (new.amber, old.amber))
        if not all(one == other or old.comparator.holds(one, other) for one, other in limits):
            return old.name
        if old.playbooks and new.amber != old.amber:
            return old.name
        if replace(new, threshold=old.threshold, amber=old.amber, no_data=old.no_data, protects=old.protects) != old:
            return old.name
    return None
