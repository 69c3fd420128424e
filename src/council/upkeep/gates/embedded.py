"""The number of a gate, from the watcher's own samples: the same conditions in the same order as `promql.py` puts them."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from council.domain import gates, timeseries, watching
from council.upkeep.gates import promql, windows

# The metric that a scrape leaves of itself: 1 where the service could be read.
UP = gates.Selector("up")


_Identity = tuple[tuple[str, str], ...]


class Samples(Protocol):
    """Where series are looked up."""

    def select(self, metric: str, start_s: float) -> Iterable[timeseries.Series]:
        """Return the series of a metric that have samples at or after a time, those before it left out."""


def measure(gate: gates.Gate, samples: Samples, now_s: float) -> gates.Measured:
    """Return what a gate's form reads at a time. Pure but for the look-ups; costs the samples of the longest window."""
    read = _Reading(gate, samples, now_s)
    partial = read.unreadable()
    tried = []
    anew = gates.Measured(None)
    for window_s in gate.windows_s:
        if reset := read.reset(window_s):
            anew = gates.Measured(None, 0.0, window_s, reset)
            continue
        found = read.number(window_s)
        if found.value is not None:
            return dataclasses.replace(found, partial=partial or found.partial)
        tried.append(found)
    # The longest window tells best what is missing; where each holds a reset, the shortest is the first to be rid of it.
    last = next((one for one in tried if one.samples), tried[0] if tried else anew)
    return gates.Measured(None, last.samples, last.window_s, partial or last.reason)


def since(gate: gates.Gate, samples: Samples, start_s: float, now_s: float) -> gates.Verdict:
    """Return what a gate says of the time from a moment on alone, as far as it looks back at all.

    Unknown where too little was seen since then, and of a gate whose number is that of now, which needs no such look.
    """
    length_s = now_s - start_s
    if not isinstance(gate.form, gates.Ratio | gates.Quantile) or not 0 < length_s < gate.window_s:
        return gates.Verdict.UNKNOWN
    late = dataclasses.replace(gate, windows_s=(length_s,))
    return gates.judge(late, measure(late, samples, now_s))[0]


class _Reading:
    """One gate at one moment."""

    def __init__(self, gate: gates.Gate, samples: Samples, now_s: float):
        self._gate, self._samples, self._now_s = gate, samples, now_s

    def unreadable(self) -> str:
        """Return why a service that the gate needs cannot be read, "" if all can."""
        # What is watched no more has ended, as it has for Prometheus.
        found = {
            one.labels.get("svc", ""): newest
            for one in self._series(UP, self._now_s - timeseries.LOOKBACK_S)
            if (newest := one.last(self._now_s)) is not None
        }
        for name in self._gate.services or sorted(found):
            newest = found.get(name)
            if newest is None:
                return f"{name} is not watched"
            if not newest[1]:
                return f"{name} cannot be read"
            if self._now_s - newest[0] > promql.FRESH_S:
                return f"{name} was last read {self._now_s - newest[0]:.0f} s ago"
        return "" if found else "no service is watched"

    def reset(self, window_s: float) -> str:
        """Return which service began anew within a window, so that its counters cannot be read over it; "" if none did."""
        start_s = self._now_s - window_s
        for selector in _counters(self._gate.form):
            for one in self._series(selector, start_s):
                if windows.resets(one.within(start_s, self._now_s)):
                    service = one.labels.get("svc", "")
                    return gates.anew(service, window_s, self._age_s(service))
        return ""

    def number(self, window_s: float) -> gates.Measured:
        """Return the number over one window, or why there is none."""
        match self._gate.form:
            case gates.Gauge() as form:
                return self._gauge(form, window_s)
            case gates.Ratio() as form:
                return self._ratio(form, window_s)
            case gates.Quantile() as form:
                return self._quantile(form, window_s)
            case gates.Slope() as form:
                return self._slope(form, window_s)
            case gates.Count() as form:
                return self._count(form, window_s)

    def _gauge(self, form: gates.Gauge, window_s: float) -> gates.Measured:
        start_s = self._now_s - window_s
        under = self._newest(form.by) if form.by else {}
        numbers, counted, unknown = [], 0, self._silent(form.of)
        for one in self._series(form.of, min(start_s, self._back_s)):
            inside, newest = one.within(start_s, self._now_s), one.last(self._now_s)
            counted = max(counted, len(inside))
            if newest is None and not (form.most and inside):
                continue
            values = [value for _, value in inside] if form.most and inside else [newest[1]] if newest else []
            value = max(values)
            if form.by:
                value = value / below if (below := under.get(_identity(one))) else math.nan
            if math.isfinite(value):
                numbers.append(value)
            elif newest is not None:
                unknown = unknown or f"{one.labels.get('svc', form.of.metric)} gives no finite {form.of.metric}"
        return self._told(max(numbers, default=None), counted, window_s, form.of.metric, unknown)

    def _ratio(self, form: gates.Ratio, window_s: float) -> gates.Measured:
        part, whole = self._rise(form.part, window_s), self._rise(form.whole, window_s)
        if part is None or whole is None:
            missing = next(one for one in (*form.part, *form.whole) if self._rise([one], window_s) is None)
            return gates.Measured(None, 0.0, window_s, f"nothing is told of {missing.metric}")
        return self._told(part / whole if whole else math.nan, whole, window_s, form.whole[0].metric)

    def _quantile(self, form: gates.Quantile, window_s: float) -> gates.Measured:
        counted = _suffixed(form.of, "_count")
        start_s = self._now_s - window_s
        buckets: dict[float, float] = {}
        for one in self._series(_suffixed(form.of, "_bucket"), start_s):
            risen = windows.increase(one.within(start_s, self._now_s), start_s, self._now_s)
            if risen is not None:
                edge = float(one.labels["le"])
                buckets[edge] = buckets.get(edge, 0.0) + risen
        value = windows.quantile(form.share, buckets) if buckets else None
        return self._told(value, self._rise([counted], window_s) or 0.0, window_s, form.of.metric)

    def _slope(self, form: gates.Slope, window_s: float) -> gates.Measured:
        began = self._newest(form.began)
        start_s = self._now_s - window_s
        rises, counts = [], []
        for one in self._series(form.of, start_s - form.bucket_s):
            start = began.get(_identity(one))
            if start is None or self._now_s - start < window_s + form.warm_up_s:
                continue
            points = windows.minima(one, start_s, self._now_s, form.bucket_s)
            if points:
                counts.append(len(points))
            if (rise := windows.slope(points)) is not None:
                rises.append(rise)
        left_s = (
            self._gate.windows_s[-1] + form.warm_up_s - min((self._now_s - at for at in began.values()), default=0.0)
        )
        young = f"warm-up: {math.ceil(left_s / 60)} minutes left" if left_s > 0 else ""
        unknown = self._silent(form.of) or young
        found = self._told(max(rises, default=None), min(counts, default=0), window_s, form.of.metric, unknown)
        return found if found.value is not None else dataclasses.replace(found, reason=unknown or found.reason)

    def _count(self, form: gates.Count, window_s: float) -> gates.Measured:
        start_s, step_s = self._now_s - window_s, promql.STEP_S
        series = list(self._series(form.of, start_s - timeseries.LOOKBACK_S))
        sums: list[float] = []
        at = math.ceil(start_s / step_s) * step_s
        while at <= self._now_s:
            now = [newest[1] for one in series if (newest := one.last(at)) is not None]
            sums += [sum(now)] if now else []
            at += step_s
        counted = max((len(one.within(start_s, self._now_s)) for one in series), default=0)
        return self._told(max(sums, default=None), counted, window_s, form.of.metric)

    def _age_s(self, service: str) -> float:
        """Return how old a service is by its oldest process, which a restart of one of several leaves alone; NaN if unknown."""
        began = self._newest(gates.Selector(gates.BEGAN, {"svc": (service,)}))
        return self._now_s - min(began.values(), default=math.nan)

    @property
    def _back_s(self) -> float:
        return self._now_s - timeseries.LOOKBACK_S

    def _newest(self, selector: gates.Selector) -> dict[_Identity, float]:
        series = self._series(selector, self._back_s)
        return {_identity(one): newest[1] for one in series if (newest := one.last(self._now_s)) is not None}

    def _silent(self, selector: gates.Selector) -> str:
        """Return which service is read and tells nothing of a gauge, or nothing finite; "" if there is none."""
        told = {dict(labels).get("svc", ""): value for labels, value in self._newest(selector).items()}
        for labels in self._newest(UP):
            service = dict(labels).get("svc", "")
            if not math.isfinite(told.get(service, math.nan)):
                problem = "gives no finite" if service in told else "tells nothing of"
                return f"{service} {problem} {selector.metric}"
        return ""

    def _told(
        self, value: float | None, counted: float, window_s: float, metric: str, partial: str = ""
    ) -> gates.Measured:
        """Return the number in the gate's unit if enough stands behind it."""
        if value is None and not counted:
            return gates.Measured(None, 0.0, window_s, f"nothing is told of {metric}")
        if counted < self._gate.samples_min:
            needed = f"{counted:.0f} of the {self._gate.samples_min:g} samples needed came in {window_s:g} s"
            return gates.Measured(None, counted, window_s, partial or needed)
        if value is None or not math.isfinite(value):
            return gates.Measured(None, counted, window_s, partial or f"{metric} gives no finite number")
        return gates.Measured(value * self._gate.scale, counted, window_s, partial=partial)

    def _rise(self, selectors: Sequence[gates.Selector], window_s: float) -> float | None:
        """Return by how much counters rose together; None where one of them is not told."""
        start_s = self._now_s - window_s
        total = 0.0
        for selector in selectors:
            rises = [
                risen
                for one in self._series(selector, start_s)
                if (risen := windows.increase(one.within(start_s, self._now_s), start_s, self._now_s)) is not None
            ]
            if not rises:
                return None
            total += sum(rises)
        return total

    def _series(self, selector: gates.Selector, start_s: float) -> Iterable[timeseries.Series]:
        meant = _services(self._gate)
        for one in self._samples.select(selector.metric, start_s):
            if selector.takes(one.labels) and ("svc" in selector.where or meant(one.labels.get("svc", ""))):
                yield one


def _services(gate: gates.Gate) -> Callable[[str], bool]:
    if gate.services:
        return lambda name: name in gate.services
    return lambda name: bool(name) and not name.endswith(watching.CANARY)


def _counters(form: gates.Form) -> Sequence[gates.Selector]:
    """Return the counters whose reset leaves a window without a number."""
    match form:
        case gates.Ratio(part=part, whole=whole):
            return [*part, *whole]
        case gates.Quantile(of=of):
            return [_suffixed(of, "_count")]
        case _:
            return []


def _suffixed(selector: gates.Selector, suffix: str) -> gates.Selector:
    return gates.Selector(selector.metric + suffix, selector.where, selector.without)


def _identity(series: timeseries.Series) -> _Identity:
    return tuple(sorted(series.labels.items()))
