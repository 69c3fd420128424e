"""The PromQL of a gate: the same number, the same conditions, for a Prometheus server.

A gate's expression gives a sample exactly where its verdict is known, so that `absent()` of it means unknown.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from council.domain import gates, watching

# Nothing is said of a service whose last reading is older.
FRESH_S = 60.0
# The step of subqueries over gauges: the interval of scrapes.
STEP_S = 15


def value(gate: gates.Gate) -> str:
    """Return the expression whose one sample is the gate's number; it is empty where the gate is unknown."""
    known = " or on() ".join(f"({_known(gate, window_s)})" for window_s in gate.windows_s)
    whole = f"({known}) and on() ({readable(gate)})"
    for unknown in missing(gate).values():
        whole += f" unless on() ({unknown})"
    if not gate.worst_of_many:
        return whole
    # One part that is bad is enough, whatever cannot be read.
    bad = ">=" if gate.comparator is gates.Comparator.BELOW else "<="
    return f"({whole}) or on() (({known}) {bad} {_number(gate.threshold)})"


def readable(gate: gates.Gate) -> str:
    """Return the expression that has a sample while all services that the gate needs are scraped."""
    return f"min({up(gate)}) == 1 and on() (max(time() - timestamp({up(gate)})) <= {_number(FRESH_S)})"


def up(gate: gates.Gate) -> str:
    """Return the expression of whether each service that the gate needs could be read: 1, or 0."""
    return f"up{{{_of_services(gate)}}}"


def number(gate: gates.Gate, window_s: float) -> str:
    """Return the expression of the bare number over a window, in the gate's unit."""
    return f"{_form(gate, window_s)} * {_number(gate.scale)}" if gate.scale != 1 else _form(gate, window_s)


def samples(gate: gates.Gate, window_s: float) -> str:
    """Return the expression of how many samples stand behind the number."""
    window = duration(window_s)
    match gate.form:
        case gates.Gauge(of=of) | gates.Count(of=of):
            return f"max(count_over_time({_selected(gate, of)}[{window}]))"
        case gates.Ratio(whole=whole):
            return rise(gate, whole, window_s)
        case gates.Quantile(of=of):
            return f"sum(increase({_selected(gate, of, '_count')}[{window}]))"
        case gates.Slope() as slope:
            return f"min(count_over_time({_minima(gate, slope, window_s)}) {_old(gate, slope, window_s)})"


def resets(gate: gates.Gate, window_s: float) -> str:
    """Return the expression that has a sample where a counter of the gate was reset in the window; empty for gauges."""
    window = duration(window_s)
    match gate.form:
        case gates.Ratio(part=part, whole=whole):
            every = [*part, *(one for one in whole if one not in part)]
            return " or ".join(f"resets({_selected(gate, one)}[{window}]) > 0" for one in every)
        case gates.Quantile(of=of):
            return f"resets({_selected(gate, of, '_count')}[{window}]) > 0"
        case _:
            return ""


def age(gate: gates.Gate) -> str:
    """Return the expression of how old the processes are whose counters a gate reads."""
    return f"time() - {_selected(gate, gates.Selector(gates.BEGAN))}"


def missing(gate: gates.Gate) -> Mapping[str, str]:
    """Return expressions that have a sample where the worst of many cannot be known, since one of the many is not, by why.

    `silent`: it is read and tells nothing; `odd`, `none`: no finite number; `young`: its age, where it is too young.
    """
    if not isinstance(gate.form, gates.Gauge | gates.Slope):
        return {}
    of = _selected(gate, gate.form.of)
    found = {"silent": f"{up(gate)} unless on(svc) {of}", "odd": f"{of} unless {_finite(of)}"}
    if isinstance(gate.form, gates.Slope):
        found["young"] = _young(gate, gate.form, gate.windows_s[-1])
    elif gate.form.by:
        found["none"] = f"{of} unless {_finite(f'{of} / {_selected(gate, gate.form.by)}')}"
    return found


def rise(gate: gates.Gate, selectors: Sequence[gates.Selector], window_s: float) -> str:
    """Return the expression of by how much counters rose together; empty where one of them is not told."""
    rises = " + ".join(f"sum(increase({_selected(gate, one)}[{duration(window_s)}]))" for one in selectors)
    return f"({rises})" if len(selectors) > 1 else rises


def duration(seconds: float) -> str:
    """Return a whole number of seconds above zero as Prometheus writes it."""
    assert seconds == int(seconds) and seconds > 0
    whole = int(seconds)
    for unit, length in (("h", 3600), ("m", 60)):
        if whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def _known(gate: gates.Gate, window_s: float) -> str:
    enough = f"{_finite(number(gate, window_s))} and on() ({samples(gate, window_s)} >= {_number(gate.samples_min)})"
    reset = resets(gate, window_s)
    return f"{enough} unless on() ({reset})" if reset else enough


def _finite(expression: str) -> str:
    """Return what leaves out NaN too: it is neither above nor below anything."""
    return f"(({expression}) > -Inf < Inf)"


def _form(gate: gates.Gate, window_s: float) -> str:
    window = duration(window_s)
    match gate.form:
        case gates.Gauge(of=of, by=by, most=most):
            above = f"max_over_time({_selected(gate, of)}[{window}])" if most else _selected(gate, of)
            return f"max({_finite(f'{above} / {_selected(gate, by)}' if by else above)})"
        case gates.Ratio(part=part, whole=whole):
            return f"{rise(gate, part, window_s)} / {rise(gate, whole, window_s)}"
        case gates.Quantile(share=share, of=of):
            rises = f"sum by (le) (increase({_selected(gate, of, '_bucket')}[{window}]))"
            return f"histogram_quantile({_number(share)}, {rises})"
        case gates.Slope() as slope:
            return f"max(deriv({_minima(gate, slope, window_s)}) {_old(gate, slope, window_s)})"
        case gates.Count(of=of):
            return f"max_over_time(sum({_selected(gate, of)})[{window}:{STEP_S}s])"


def _minima(gate: gates.Gate, slope: gates.Slope, window_s: float) -> str:
    bucket = duration(slope.bucket_s)
    return f"min_over_time({_selected(gate, slope.of)}[{bucket}])[{duration(window_s)}:{bucket}]"


def _old(gate: gates.Gate, slope: gates.Slope, window_s: float) -> str:
    return f"and (time() - {_selected(gate, slope.began)} >= {_number(window_s + slope.warm_up_s)})"


def _young(gate: gates.Gate, slope: gates.Slope, window_s: float) -> str:
    return f"time() - {_selected(gate, slope.began)} < {_number(window_s + slope.warm_up_s)}"


def _selected(gate: gates.Gate, selector: gates.Selector, suffix: str = "") -> str:
    services = [] if "svc" in selector.where else [_of_services(gate)]
    matchers = [*_matchers(selector.where, "=", "=~"), *_matchers(selector.without, "!=", "!~"), *services]
    return f"{selector.metric}{suffix}{{{', '.join(matchers)}}}"


def _of_services(gate: gates.Gate) -> str:
    if not gate.services:
        return f'svc!~"|.+{watching.CANARY}"'
    return next(iter(_matchers({"svc": gate.services}, "=", "=~")))


def _matchers(labels: Mapping[str, Sequence[str]], one: str, many: str) -> Iterable[str]:
    for name, among in sorted(labels.items()):
        yield f'{name}{many if len(among) > 1 else one}"{"|".join(among)}"'


def _number(value: float) -> str:
    assert math.isfinite(value)
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
