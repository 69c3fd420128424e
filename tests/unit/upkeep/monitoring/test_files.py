"""The monitoring files: what they hold for which gates and settings. The real programs read them in the contract tests."""

import dataclasses
from typing import Any

import yaml

import rule_cases
from council.domain import alerting, gates, watching
from council.upkeep.monitoring import files

SHIPPED = tuple(rule_cases.GATES.values())


def built(*listed: gates.Gate, **watch: str) -> dict[str, Any]:
    made = files.build(listed, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig(**watch))
    return {name: yaml.safe_load(text) for name, text in made.items() if name.endswith(".yml")}


def rules(*listed: gates.Gate, file: str = "rules/gates.yml") -> list[dict[str, Any]]:
    (group,) = built(*listed)[file]["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_each_gate_has_a_number_a_verdict_and_an_alert() -> None:
    made = rules(*SHIPPED)
    for gate in SHIPPED:
        own = [rule for rule in made if rule["labels"]["gate"] == gate.name]
        assert [rule["record"] for rule in own[:2]] == ["council:gate:value", "council:gate:verdict"]
        assert {rule["alert"] for rule in own[2:]} == {alerting.NAMED.get(gate.name, gate.name)}


def test_a_gate_that_does_not_apply_has_no_rules_and_needs_no_service() -> None:
    gate = dataclasses.replace(rule_cases.GATES["gpu_memory"], not_applicable="There is no GPU.")
    assert rules(gate) == []
    stale = next(rule for rule in rules(gate, file="rules/services.yml") if rule["alert"] == "metrics_stale")
    assert "watcher" not in stale["expr"]


def test_what_a_gate_protects_is_no_template() -> None:
    gate = dataclasses.replace(rule_cases.GATES["disk_usage"], protects="{{ query `up` }}")
    for rule in rules(gate)[2:]:
        assert '{{ "{{" }} query' in rule["annotations"]["summary"]


def test_times_come_from_the_settings() -> None:
    settings = alerting.AlertsConfig(hold_up_s=0, page_after_s=90.5, hold_down_s=7200, group_s=600, repeat_s=60)
    made = files.build([rule_cases.GATES["disk_usage"]], rule_cases.SENTINELS, settings, watching.WatchConfig())
    (group,) = yaml.safe_load(made["rules/gates.yml"])["groups"]
    assert [(rule["for"], rule["keep_firing_for"]) for rule in group["rules"][2:]] == [("0s", "2h"), ("91s", "2h")]
    route = yaml.safe_load(made["alertmanager.yml"])["route"]
    assert (route["group_wait"], route["repeat_interval"]) == ("10s", "1m")


def test_an_alertmanager_elsewhere_keeps_its_scheme_and_path() -> None:
    made = built(*SHIPPED, alertmanager_url="https://alerts.example:9443/am/")
    assert made["prometheus.yml"]["alerting"]["alertmanagers"] == [
        {"scheme": "https", "static_configs": [{"targets": ["alerts.example:9443"]}], "path_prefix": "/am/"}
    ]


def test_nobody_is_told_without_an_address_and_the_one_given_with() -> None:
    assert built(*SHIPPED)["alertmanager.yml"]["receivers"] == [{"name": "council"}]
    (receiver,) = built(*SHIPPED, webhook_url="http://127.0.0.1:9/x")["alertmanager.yml"]["receivers"]
    assert receiver["webhook_configs"] == [{"url": "http://127.0.0.1:9/x", "send_resolved": True}]
