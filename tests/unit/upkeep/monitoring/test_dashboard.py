"""Grafana's dashboard, against the model that Grafana publishes; Prometheus answers its queries in the contract tests."""

import copy
import dataclasses
import json
import re
from typing import Any

import prometheus_client
import pytest

import grafana_model
import rule_cases
from council import telemetry
from council.domain import alerting, gates, watching
from council.upkeep.monitoring import files

SHIPPED = tuple(rule_cases.GATES.values())
# What services do not say of themselves: Prometheus itself, and its rules.
_OTHERS = {"up", "ALERTS", "council:gate:value", "council:gate:verdict"}


def dashboard(*listed: gates.Gate) -> dict[str, Any]:
    made = files.build(listed or SHIPPED, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig())
    found: dict[str, Any] = json.loads(made["grafana/spiral-ops-dashboard.json"])
    return found


def panels(title: str, made: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [panel for panel in (made or dashboard())["panels"] if panel["title"] == title]


def test_it_is_a_dashboard_in_grafanas_model() -> None:
    assert grafana_model.problems(dashboard()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("title",), 5),
        (("colour",), "red"),
        (("panels", 1, "gridPos", "w"), "wide"),
        (("panels", 1, "targets", 0, "query"), "up"),
        (("panels", 2, "options", "graphMode"), "pie"),
        (("panels", 2, "fieldConfig", "defaults", "thresholds", "mode"), "relative"),
        (("panels", 2, "fieldConfig", "defaults", "thresholds", "steps", 1, "value"), "60"),
        (("templating", "list", 1, "type"), "question"),
    ],
)
def test_the_model_finds_what_is_wrong(path: tuple[Any, ...], value: Any) -> None:
    made = copy.deepcopy(dashboard())
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert grafana_model.problems(made)


# The options that Grafana's published schema of each kind of panel requires.
_REQUIRED = {
    "stat": {
        "graphMode", "colorMode", "textMode", "justifyMode", "orientation", "wideLayout", "showPercentChange",
        "percentChangeColorMode", "reduceOptions",
    },
    "state-timeline": {"showValue", "rowHeight", "legend", "tooltip"},
    "timeseries": {"legend", "tooltip"},
}  # fmt: skip


def test_every_panel_has_the_options_that_the_schema_of_its_kind_requires() -> None:
    shown = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert {panel["type"] for panel in shown} == _REQUIRED.keys()
    for panel in shown:
        assert panel["options"].keys() >= _REQUIRED[panel["type"]], panel["title"]


def test_no_two_panels_share_a_place_or_an_id() -> None:
    made = dashboard()["panels"]
    assert len({panel["id"] for panel in made}) == len(made)
    taken: set[tuple[int, int]] = set()
    for panel in made:
        place = panel["gridPos"]
        cells = {(place["x"] + across, place["y"] + down) for across in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_panel_of_descriptors_is_as_promised() -> None:
    made = dashboard()
    titles = [panel["title"] for panel in made["panels"]]
    (panel,) = panels("FDs Open (%)", made)
    assert titles.index("FDs Open (%)") == titles.index("Leak Watch") + 1
    assert panel["type"] == "stat"
    (target,) = panel["targets"]
    assert target["expr"] == 'open_fds_total{svc=~"$service"} / fd_soft_limit{svc=~"$service"} * 100'
    assert target["legendFormat"] == "{{svc}}"
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(step["color"], step["value"]) for step in steps] == [("green", None), ("orange", 60), ("red", 80)]


def test_each_gate_is_shown_now_and_over_time_in_its_colours() -> None:
    for gate in SHIPPED:
        now, then = panels(gate.name)
        assert (now["type"], then["type"]) == ("stat", "timeseries")
        assert now["targets"][0]["instant"] is True
        colours = [step["color"] for step in now["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        below = gate.comparator is gates.Comparator.BELOW
        assert colours == (["green", "orange", "red"] if below else ["red", "orange", "green"])


def test_a_gate_that_does_not_apply_says_why() -> None:
    made = dashboard(dataclasses.replace(rule_cases.GATES["gpu_memory"], not_applicable="There is no GPU."))
    (panel,) = panels("gpu_memory", made)
    assert panel["options"]["content"] == "Not applicable: There is no GPU."
    assert grafana_model.problems(made) == []


def test_a_gate_without_an_amber_band_has_two_colours() -> None:
    gate = rule_cases.GATES["fd_usage"]
    (panel, _) = panels("fd_usage", dashboard(dataclasses.replace(gate, amber=gate.threshold)))
    colours = [step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert colours == ["green", "red"]


def test_every_metric_on_it_is_one_that_something_reports() -> None:
    assert telemetry.REQUESTS  # loading it registers what there is
    reported = {
        sample
        for metric in prometheus_client.REGISTRY.collect()
        for sample in (metric.name, f"{metric.name}_total" if metric.type == "counter" else metric.name)
    }
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            found = set(re.findall(r"\b([a-zA-Z_][a-zA-Z0-9_:]*)\{", target["expr"])) or {target["expr"]}
            assert found <= reported | _OTHERS, panel["title"]
