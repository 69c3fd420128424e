"""Prometheus' rules: each gate's number and verdict as a series, and alerts that behave as Council's own do (record 0019).

An alert fires on red (or amber, where `alerting` says so) and holds until its gate is green: while `ALERTS` says that it
fires, amber and unknown keep it. Unknown fires nothing; that something cannot be seen is `metrics_stale`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from council.domain import alerting, gates, sentinels, watching
from council.upkeep.gates import promql

VALUE = "council:gate:value"
VERDICT = "council:gate:verdict"
# As the watcher tells them of each sentinel and service.
SENTINEL_VALUE = "sentinel_value"
SENTINEL_VERDICT = "sentinel_verdict"
# As the watcher tells them of what the supervisor says.
SERVICE_VERDICT = "council_service_verdict"
SERVICE_CRASHES = "council_service_crashes"
WATCHER = "watcher"

INTERVAL_S = 15
# What the watcher says of leaks has looked back over minutes. It is evaluated more often than it is read, so that it waits
# for no second reading.
LEAKS_INTERVAL_S = 5
# A service that misses one scrape, or is started anew, is not down.
DOWN_S = 2 * INTERVAL_S

Rule = Mapping[str, Any]


def gate_groups(listed: Sequence[gates.Gate], settings: alerting.AlertsConfig) -> Mapping[str, Any]:
    """Return the rules of gates. The alerts of a gate stand behind its number in one group, so that they see the newest."""
    applicable = [gate for gate in listed if not gate.not_applicable]
    rules: list[Rule] = []
    for gate in applicable:
        rules += [*_recordings(gate), *_gate_alerts(gate, settings)]
    return {"groups": [_group("council-gates", rules)]}


def service_groups(
    listed: Sequence[gates.Gate],
    watched: Sequence[sentinels.Sentinel],
    settings: alerting.AlertsConfig,
    crashes_per_hour: int,
) -> Mapping[str, Any]:
    """Return the rules of services: down or hung, ending again and again, not read, and what sentinels say of them."""
    rules = [
        _service_down(settings),
        _watcher_down(settings),
        _crash_loop(settings, crashes_per_hour),
        _metrics_stale(listed, settings),
    ]
    leaks: list[Rule] = []
    for one in watched:
        found = leaks if isinstance(one.rule, sentinels.Leak) else rules
        found += _sentinel(one, settings)
    groups = [_group("council-services", rules)]
    if leaks:
        groups.append(_group("council-leaks", leaks, LEAKS_INTERVAL_S))
    return {"groups": groups}


def _group(name: str, rules: Sequence[Rule], interval_s: float = INTERVAL_S) -> Rule:
    return {"name": name, "interval": promql.duration(interval_s), "rules": list(rules)}


def _recordings(gate: gates.Gate) -> Iterator[Rule]:
    labels = {"gate": gate.name}
    value, worse = _of(VALUE, gate), ">=" if gate.comparator is gates.Comparator.BELOW else "<="
    levels = " + ".join(f"({value} {worse} bool {limit!r})" for limit in (gate.amber, gate.threshold))
    yield {"record": VALUE, "expr": promql.value(gate), "labels": labels}
    yield {
        "record": VERDICT,
        "expr": f"({levels}) or absent({value}) * {gates.LEVELS[gates.Verdict.UNKNOWN]}",
        "labels": labels,
    }


def _gate_alerts(gate: gates.Gate, settings: alerting.AlertsConfig) -> Iterator[Rule]:
    name = alerting.NAMED.get(gate.name, gate.name)
    rule = alerting.rule_of(name, settings)
    verdict = _of(VERDICT, gate)
    red = f"{verdict} == {gates.LEVELS[gates.Verdict.RED]}"
    bad = f"{verdict} > 0 < {gates.LEVELS[gates.Verdict.UNKNOWN]}" if rule.amber_warns else red
    said = (
        f"{_number(gate)} {_plain(gate.unit)}, must be {gate.comparator} {gate.threshold:g}. "
        f"It protects: {_plain(gate.protects)}"
    )
    for severity, expression, after_s in _stages(rule, bad, red):
        firing = f'ALERTS{{alertname="{name}", severity="{severity}", alertstate="firing"}}'
        held = f"{expression} or ({verdict} > 0 and on() {firing})"
        yield _alert(name, held, after_s, rule, {"severity": severity, "gate": gate.name}, said)


def _stages(rule: alerting.Rule, bad: str, red: str) -> Iterator[tuple[str, str, float]]:
    """Yield severity, expression and waiting time; no warning where the page comes as soon."""
    if rule.page_after_s is None or rule.page_after_s > rule.warn_after_s or rule.amber_warns:
        yield "warning", bad, rule.warn_after_s
    if rule.page_after_s is not None:
        yield "page", red, rule.page_after_s


# Live services but for the watcher, of which no more is known than whether it can be read.
_LIVE = f'svc!~"|.+{watching.CANARY}|{WATCHER}"'
# While nobody says what runs, what fires goes on.
_KNOWN = f'up{{svc="{WATCHER}"}} == 1 and on() {SERVICE_VERDICT}{{svc="supervisor"}} == 0'


def _service_down(settings: alerting.AlertsConfig) -> Rule:
    """Return the alert of a service that cannot be read, or of which the supervisor says that it is down or hangs.

    The latter tells of what has no port, and of one process of several.
    """
    rule = alerting.rule_of("service_down", settings)
    told = f"max by (svc, replica) ({SERVICE_VERDICT}{{{_LIVE}}})"
    firing = 'max by (svc, replica) (ALERTS{alertname="service_down", severity="page", alertstate="firing"})'
    expression = (
        f"{told} == {gates.LEVELS[gates.Verdict.RED]} or max by (svc) (up{{{_LIVE}}} == 0) "
        f"or ({told} > 0 and on(svc, replica) {firing}) "
        f"or ({firing} unless on() ({_KNOWN}) unless on(svc, replica) max by (svc) (up) == 1)"
    )
    said = (
        "{{ $labels.svc }}{{ with $labels.replica }}, process {{ . }} of several,{{ end }} does not run, hangs, or does not "
        "answer when Prometheus reads its metrics."
    )
    supervisor = f'{{{{ if eq $labels.svc "supervisor" }}}}{alerting.SUPERVISOR_STEP}{{{{ else }}}}'
    step = f"{supervisor}{alerting.NEXT_STEPS['service_down']}{{{{ end }}}}"
    return _alert("service_down", expression, max(rule.warn_after_s, DOWN_S), rule, {"severity": "page"}, said, step)


def _watcher_down(settings: alerting.AlertsConfig) -> Rule:
    """Return the alert of a watcher that cannot be read though others can; where none can, all others are down as well."""
    name = alerting.WATCHER_DOWN
    rule = alerting.rule_of(name, settings)
    expression = f'absent(up{{svc="{WATCHER}"}} == 1) and on() (max(up{{{_LIVE}}}) == 1)'
    said = "The watcher cannot be read while others can, so nobody judges gates and sentinels or tells people."
    return _alert(name, expression, max(settings.watcher_away_s, DOWN_S), rule, {"severity": "page"}, said)


def _crash_loop(settings: alerting.AlertsConfig, crashes_per_hour: int) -> Rule:
    rule = alerting.rule_of("crash_loop", settings)
    firing = 'max by (svc) (ALERTS{alertname="crash_loop", severity="warning", alertstate="firing"})'
    expression = f"max by (svc) ({SERVICE_CRASHES}) >= {crashes_per_hour} or ({firing} unless on() ({_KNOWN}))"
    number = f"{{{{ with printf `{SERVICE_CRASHES}{{svc=%q}}` $labels.svc | query }}}}{{{{ . | first | value }}}}"
    number += "{{ else }}several{{ end }}"
    said = f"{{{{ $labels.svc }}}} ended {number} times within an hour though nobody asked for it."
    return _alert("crash_loop", expression, rule.warn_after_s, rule, {"severity": "warning"}, said)


def _metrics_stale(listed: Sequence[gates.Gate], settings: alerting.AlertsConfig) -> Rule:
    """Return the alert of what nobody reads: a service that a gate needs has no target, or no scrape came for a minute."""
    rule = alerting.rule_of("metrics_stale", settings)
    named = sorted({name for gate in listed if not gate.not_applicable for name in gate.services} - {WATCHER})
    unread = [f'absent(up{{svc="{name}"}})' for name in named] or ['absent(up{svc!=""})']
    old = f'time() - timestamp(up{{svc!~"|.+{watching.CANARY}"}}) > {promql.FRESH_S:g}'
    said = "Prometheus reads no metrics of {{ with $labels.svc }}{{ . }}{{ else }}Council{{ end }}."
    after_s = max(rule.warn_after_s, promql.FRESH_S)
    return _alert("metrics_stale", " or ".join([old, *unread]), after_s, rule, {"severity": "page"}, said)


def _sentinel(one: sentinels.Sentinel, settings: alerting.AlertsConfig) -> Iterator[Rule]:
    """Yield the alerts of a sentinel, by service. While the watcher tells nothing, what fires goes on."""
    rule = alerting.rule_of(one.name, settings, one.page_after_s)
    verdict = f'max by (svc) ({SENTINEL_VERDICT}{{sentinel="{one.name}"}})'
    red = f"{verdict} == {gates.LEVELS[gates.Verdict.RED]}"
    bad = f"{verdict} > 0 < {gates.LEVELS[gates.Verdict.UNKNOWN]}" if rule.amber_warns else red
    number = f'{{{{ with printf `{SENTINEL_VALUE}{{sentinel="{one.name}",svc=%q}}` $labels.svc | query }}}}'
    number += '{{ . | first | value | printf "%.4g" }}{{ else }}an unknown number of{{ end }}'
    said = f"{{{{ $labels.svc }}}}: {_plain(one.name)} at {number} {_plain(one.unit)}".strip() + "."
    for severity, expression, after_s in _stages(rule, bad, red):
        firing = f'max by (svc) (ALERTS{{alertname="{one.name}", severity="{severity}", alertstate="firing"}})'
        held = (
            f'{expression} or ({verdict} > 0 and on(svc) {firing}) or ({firing} unless on() up{{svc="{WATCHER}"}} == 1)'
        )
        yield _alert(one.name, held, after_s, rule, {"severity": severity}, said, _plain(one.look_next))


def _alert(
    name: str,
    expression: str,
    after_s: float,
    rule: alerting.Rule,
    labels: Mapping[str, str],
    said: str,
    next_step: str = "",
) -> Rule:
    annotations = {"summary": said}
    if step := next_step or alerting.NEXT_STEPS.get(name):
        annotations["next_step"] = step
    return {
        "alert": name,
        "expr": expression,
        "for": span(after_s),
        "keep_firing_for": span(rule.resolve_after_s),
        "labels": dict(labels),
        "annotations": annotations,
    }


def _of(series: str, gate: gates.Gate) -> str:
    return f'{series}{{gate="{gate.name}"}}'


def _number(gate: gates.Gate) -> str:
    """Return the template of a gate's number at the time of the alert."""
    query = f"{{{{ with query `{_of(VALUE, gate)}` }}}}"
    return query + '{{ . | first | value | printf "%.4g" }}{{ else }}Unknown{{ end }}'


def _plain(text: str) -> str:
    """Return text of the blueprint so that Prometheus does not read it as a template."""
    return text.replace("{{", '{{ "{{" }}')


def span(seconds: float) -> str:
    """Return a time of the settings as Prometheus writes it, in whole seconds."""
    return promql.duration(math.ceil(seconds)) if seconds > 0 else "0s"
