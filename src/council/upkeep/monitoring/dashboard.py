"""Grafana's dashboard "Spiral-Ops": the gates now and over time, leaks, services and alerts.

Gates are asked for now and not over the range: Grafana would show the last number of a gate that is unknown since.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from council.domain import gates, sentinels
from council.upkeep.gates import promql
from council.upkeep.monitoring import rules

UID = "council-spiral-ops"
# The form that Grafana 11 and later read; older ones are brought up to it by Grafana itself.
_SCHEMA = 41
_COLUMNS = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_SERVICE = 'svc=~"$service"'
_UNITS = {"ms": "ms", "%": "percent", "USD": "currencyUSD", "": "short"}
_COLOURS = {
    gates.Verdict.GREEN: "green",
    gates.Verdict.AMBER: "orange",
    gates.Verdict.RED: "red",
    gates.Verdict.UNKNOWN: "text",
}
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}

Panel = dict[str, Any]


def spiral_ops(listed: Sequence[gates.Gate], watched: Sequence[sentinels.Sentinel]) -> Mapping[str, Any]:
    """Return the dashboard for these gates and sentinels."""
    rows = [
        _row("Gates", [(_verdicts(), 24, 2 + len(listed) // 2), *((_gate_now(gate), 4, 5) for gate in listed)]),
        _row("Leak Watch", [*((panel, 8, 8) for panel in _leaks(watched)), (_sentinels(), 24, 8)]),
        _row("Services and alerts", [(_services(), 12, 8), (_alerts(), 12, 8)]),
        _row("Gates over time", [(_gate_then(gate), 8, 7) for gate in listed if not gate.not_applicable]),
    ]
    return {
        "uid": UID,
        "title": "Spiral-Ops",
        "description": "Council's health gates, and what grows in its services.",
        "tags": ["council"],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": promql.duration(rules.INTERVAL_S),
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "panels": list(_placed(rows)),
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        {
            "name": "service",
            "label": "Service",
            "type": "query",
            "datasource": _SOURCE,
            "query": 'label_values(up{svc!=""}, svc)',
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".+",
            "current": {"text": "All", "value": "$__all", "selected": True},
        },
    ]


# Rows and places


def _row(title: str, panels: Sequence[tuple[Panel, int, int]]) -> tuple[str, Sequence[tuple[Panel, int, int]]]:
    return title, panels


def _placed(rows: Sequence[tuple[str, Sequence[tuple[Panel, int, int]]]]) -> Iterator[Panel]:
    """Yield rows and their panels from left to right and down, with ids by place."""
    number, top = 1, 0
    for title, panels in rows:
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": _COLUMNS, "h": 1},
        }
        number, top, left, lowest = number + 1, top + 1, 0, top + 1
        for panel, width, height in panels:
            if left + width > _COLUMNS:
                top, left = lowest, 0
            yield {"id": number, **panel, "gridPos": {"x": left, "y": top, "w": width, "h": height}}
            number, left, lowest = number + 1, left + width, max(lowest, top + height)
        top = lowest


# Panels


def _verdicts() -> Panel:
    return _timeline("Verdicts", rules.VERDICT, "{{gate}}", _levels(), "What each gate says, and said.")


def _levels() -> Mapping[str, Any]:
    return {
        str(level): {"text": str(verdict), "color": _COLOURS[verdict], "index": level}
        for verdict, level in gates.LEVELS.items()
    }


def _sentinels() -> Panel:
    query = (
        f"max by (svc, sentinel) ({rules.SENTINEL_VERDICT}{{{_SERVICE}}}) > 0 < {gates.LEVELS[gates.Verdict.UNKNOWN]}"
    )
    said = "What each sentinel warns of, by service."
    return _timeline("Sentinels", query, "{{svc}} {{sentinel}}", _levels(), said, empty="none warns")


def _services() -> Panel:
    colours = {"0": {"text": "down", "color": "red", "index": 0}, "1": {"text": "up", "color": "green", "index": 1}}
    return _timeline(
        "Services", f"up{{{_SERVICE}}}", "{{svc}}", colours, "Whether each service's metrics could be read."
    )


def _alerts() -> Panel:
    colours = {"1": {"text": "firing", "color": "red", "index": 0}}
    query = 'max by (alertname, severity, svc) (ALERTS{alertstate="firing"})'
    said = "What fires. A gate's alert has no service; the gate names the worst."
    return _timeline("Alerts", query, "{{alertname}} {{svc}} ({{severity}})", colours, said, empty="none fires")


def _timeline(
    title: str, query: str, legend: str, colours: Mapping[str, Any], said: str, *, empty: str = "no data"
) -> Panel:
    return {
        "type": "state-timeline",
        "title": title,
        "description": said,
        "datasource": _SOURCE,
        "targets": [_target(query, legend)],
        "fieldConfig": {
            "defaults": {
                "mappings": [{"type": "value", "options": dict(colours)}],
                "color": {"mode": "thresholds"},
                "noValue": empty,
            },
            "overrides": [],
        },
        "options": {
            "mergeValues": True,
            "showValue": "never",
            "rowHeight": 0.9,
            "alignValue": "left",
            "legend": _LEGEND,
            "tooltip": {"mode": "single", "sort": "none"},
        },
    }


def _gate_now(gate: gates.Gate) -> Panel:
    said = _about(gate)
    if gate.not_applicable:
        content = f"Not applicable: {gate.not_applicable}"
        return {
            "type": "text",
            "title": gate.name,
            "description": said,
            "options": {"mode": "markdown", "content": content},
        }
    return {
        **_stat(gate.name, said, [_target(_value(gate), gate.name, now=True)], empty="unknown"),
        "fieldConfig": _field(_unit(gate.unit), _steps(gate), empty="unknown"),
    }


def _gate_then(gate: gates.Gate) -> Panel:
    lines = {"custom": {"thresholdsStyle": {"mode": "line"}, "spanNulls": False}}
    return _curve(gate.name, _value(gate), gate.name, _unit(gate.unit), _about(gate), _steps(gate), lines)


def _leaks(watched: Sequence[sentinels.Sentinel]) -> Iterator[Panel]:
    """Yield the panels of what grows; the first is of how much room there is."""
    shares = [one.rule for one in watched if isinstance(one.rule, sentinels.Share) and one.signal == "open_fds_total"]
    limits = (shares[0].amber, shares[0].red) if shares else (60.0, 80.0)
    steps = [_step("green", None), _step("orange", limits[0]), _step("red", limits[1])]
    share = f"open_fds_total{{{_SERVICE}}} / fd_soft_limit{{{_SERVICE}}} * 100"
    yield {
        **_stat(
            "FDs Open (%)",
            "Open descriptors, of what each process may open.",
            [_target(share, "{{svc}}", now=True)],
            empty="unknown",
        ),
        "fieldConfig": _field("percent", steps, empty="unknown"),
    }
    heap = f"heap_mb{{{_SERVICE}}}"
    floor = f"deriv(min_over_time({heap}[10m])[4h:10m]) * 3600"
    for title, query, unit, said in (
        ("Heap (MB)", heap, "suffix: MB", "Anonymous memory, in millions of bytes."),
        ("Heap growth (MB/hour)", floor, "suffix: MB/hour", "How fast the floor of memory rises, over four hours."),
        ("FDs Open", f"open_fds_total{{{_SERVICE}}}", "short", "Open descriptors."),
        ("Sockets", f"council_process_sockets{{{_SERVICE}}}", "short", "Open sockets."),
        ("Threads", f"council_process_threads{{{_SERVICE}}}", "short", "Threads."),
        ("Children", f"council_process_children{{{_SERVICE}}}", "short", "Processes that it started."),
        ("Tasks", f"council_process_tasks{{{_SERVICE}}}", "short", "Tasks of the event loop."),
        (
            "GPU memory (MB)",
            f"cuda_alloc_mb{{{_SERVICE}}}",
            "suffix: MB",
            "As the driver counts it, in millions of bytes.",
        ),
    ):
        yield _curve(title, query, "{{svc}}", unit, said, [_step("green", None)], {})


def _stat(title: str, said: str, targets: Sequence[Mapping[str, Any]], *, empty: str) -> Panel:
    return {
        "type": "stat",
        "title": title,
        "description": said,
        "datasource": _SOURCE,
        "targets": list(targets),
        "fieldConfig": _field("short", [_step("green", None)], empty=empty),
        "options": {
            "graphMode": "none",
            "colorMode": "background",
            "textMode": "auto",
            "justifyMode": "auto",
            "orientation": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    }


def _curve(
    title: str,
    query: str,
    legend: str,
    unit: str,
    said: str,
    steps: Sequence[Mapping[str, Any]],
    defaults: Mapping[str, Any],
) -> Panel:
    field = _field(unit, steps, empty="no data")
    field["defaults"] |= defaults
    return {
        "type": "timeseries",
        "title": title,
        "description": said,
        "datasource": _SOURCE,
        "targets": [_target(query, legend)],
        "fieldConfig": field,
        "options": {
            "legend": _LEGEND,
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _target(query: str, legend: str, *, now: bool = False) -> Mapping[str, Any]:
    return {
        "refId": "A",
        "datasource": _SOURCE,
        "expr": query,
        "legendFormat": legend,
        "instant": now,
        "range": not now,
    }


def _field(unit: str, steps: Sequence[Mapping[str, Any]], *, empty: str) -> dict[str, Any]:
    return {
        "defaults": {
            "unit": unit,
            "noValue": empty,
            "thresholds": {"mode": "absolute", "steps": list(steps)},
        },
        "overrides": [],
    }


# Gates


def _value(gate: gates.Gate) -> str:
    return f'{rules.VALUE}{{gate="{gate.name}"}}'


def _steps(gate: gates.Gate) -> Sequence[Mapping[str, Any]]:
    """Return where the colour changes, upwards; the first has no lower end."""
    if gate.comparator is gates.Comparator.BELOW:
        colours, limits = ("green", "orange", "red"), (gate.amber, gate.threshold)
    else:
        colours, limits = ("red", "orange", "green"), (gate.threshold, gate.amber)
    steps = [_step(colours[0], None), _step(colours[1], limits[0]), _step(colours[2], limits[1])]
    return steps if limits[0] != limits[1] else [steps[0], steps[2]]


def _step(colour: str, value: float | None) -> Mapping[str, Any]:
    return {"color": colour, "value": value}


def _unit(unit: str) -> str:
    return _UNITS.get(unit, f"suffix: {unit}")


def _about(gate: gates.Gate) -> str:
    limit = f"{gate.comparator} {gate.threshold:g} {gate.unit}".strip()
    return f"{gate.protects} Must be {limit}; amber from {gate.amber:g}. Unknown: {gate.no_data}"
