"""All that a Prometheus knows of a gate, asked for in one expression, and what its answer says.

`promql.value` is the verdict's number and nothing more. Why there is none, and what stands behind one that there is, takes
parts beside it; each has a label `part`, and every part is one row a service at most. The reasons are those of `embedded.py`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from council.domain import gates
from council.upkeep.gates import promql

# A row of an answer: its labels and its number.
Row = tuple[Mapping[str, str], float]

_PART = "part"
# Of a service with several processes the worst one counts.
_LEAST = frozenset({"up", "young"})


def expression(gate: gates.Gate) -> str:
    """Return the expression of all parts of a gate."""
    return " or ".join(
        f'label_replace({"min" if name in _LEAST else "max"} by (svc) ({expression}), "{_PART}", "{name}", "", "")'
        for name, expression in _parts(gate)
    )


def measured(gate: gates.Gate, rows: Sequence[Row]) -> gates.Measured:
    """Return what an answer to `expression` says."""
    return _Answer(gate, rows).measured()


def _parts(gate: gates.Gate) -> Iterator[tuple[str, str]]:
    yield "value", promql.value(gate)
    yield "up", promql.up(gate)
    yield "age", f"time() - timestamp({promql.up(gate)})"
    yield from promql.missing(gate).items()
    if promql.resets(gate, gate.windows_s[-1]):
        yield "lived", promql.age(gate)
    for place, window_s in enumerate(gate.windows_s):
        yield f"samples_{place}", promql.samples(gate, window_s)
        if reset := promql.resets(gate, window_s):
            yield f"reset_{place}", reset
        for number, selector in enumerate(_rising(gate)):
            yield f"rise_{place}_{number}", promql.rise(gate, [selector], window_s)


def _rising(gate: gates.Gate) -> Sequence[gates.Selector]:
    """Return the counters without each of which a gate has no number."""
    return (*gate.form.part, *gate.form.whole) if isinstance(gate.form, gates.Ratio) else ()


class _Answer:
    """What was answered for one gate: part -> service -> number."""

    def __init__(self, gate: gates.Gate, rows: Sequence[Row]):
        self._gate = gate
        self._parts: dict[str, dict[str, float]] = {}
        for labels, number in rows:
            self._parts.setdefault(labels.get(_PART, ""), {})[labels.get("svc", "")] = number

    def measured(self) -> gates.Measured:
        """Return the number with what stands behind it, or why there is none."""
        tried = [self._window(place) for place in range(len(self._gate.windows_s))]
        number = self._parts.get("value", {}).get("")
        if number is not None and math.isfinite(number):
            behind = next((one for one in tried if not one.reason), tried[0])
            return gates.Measured(number, behind.samples, behind.window_s)
        # The longest window tells best what is missing; where each holds a reset, the shortest is the first to be rid of it.
        whole = [one for place, one in enumerate(tried) if f"reset_{place}" not in self._parts]
        last = next((one for one in tried if one.samples), whole[0] if whole else tried[-1])
        unreadable = self._unreadable()
        reason = unreadable or self._of_one(last) or last.reason or f"{self._metric} gives no finite number"
        return gates.Measured(None, last.samples, last.window_s, reason, unreadable)

    @property
    def _metric(self) -> str:
        form = self._gate.form
        return form.whole[0].metric if isinstance(form, gates.Ratio) else form.of.metric

    def _unreadable(self) -> str:
        """Return why a service that the gate needs cannot be read, "" if all can."""
        up, ages = self._parts.get("up", {}), self._parts.get("age", {})
        for name in self._gate.services or sorted(up):
            if name not in up:
                return f"{name} is not watched"
            if not up[name]:
                return f"{name} cannot be read"
            if ages.get(name, math.inf) > promql.FRESH_S:
                return f"{name} was last read {ages.get(name, math.inf):.0f} s ago"
        return "" if up else "no service is watched"

    def _of_one(self, tried: gates.Measured) -> str:
        """Return which of many is not known, for a gate that judges the worst of them."""
        if not self._gate.worst_of_many or (isinstance(self._gate.form, gates.Gauge) and not tried.samples):
            return ""
        for part, said in (("odd", "gives no finite"), ("silent", "tells nothing of"), ("none", "gives no finite")):
            for service in sorted(self._parts.get(part, {})):
                return f"{service} {said} {self._metric}"
        if young := self._parts.get("young", {}):
            assert isinstance(self._gate.form, gates.Slope)
            left_s = self._gate.windows_s[-1] + self._gate.form.warm_up_s - min(young.values())
            return f"warm-up: {math.ceil(left_s / 60)} minutes left"
        return ""

    def _window(self, place: int) -> gates.Measured:
        """Return a window's samples, and why it has no number; no reason where nothing stands in its way."""
        window_s = self._gate.windows_s[place]
        for service in sorted(self._parts.get(f"reset_{place}", {})):
            age_s = self._parts.get("lived", {}).get(service, math.nan)
            return gates.Measured(None, 0.0, window_s, gates.anew(service, window_s, age_s))
        for number, selector in enumerate(_rising(self._gate)):
            if f"rise_{place}_{number}" not in self._parts:
                return gates.Measured(None, 0.0, window_s, f"nothing is told of {selector.metric}")
        counted = self._parts.get(f"samples_{place}", {}).get("", 0.0)
        if not counted and f"samples_{place}" not in self._parts:
            return gates.Measured(None, 0.0, window_s, f"nothing is told of {self._metric}")
        if counted < self._gate.samples_min:
            needed = f"{counted:.0f} of the {self._gate.samples_min:g} samples needed came in {window_s:g} s"
            return gates.Measured(None, counted, window_s, needed)
        return gates.Measured(None, counted, window_s)
