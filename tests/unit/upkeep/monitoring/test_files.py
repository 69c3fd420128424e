"""The monitoring files: what they hold for which gates and settings. The real programs read them in the contract tests."""

import dataclasses
import datetime
import json
import logging
import re
from typing import Any

import yaml

import rule_cases
from council.domain import alerting, gates, watching
from council.kit import json_logs
from council.upkeep.monitoring import files

SHIPPED = tuple(rule_cases.GATES.values())


def built(*listed: gates.Gate, **watch: str) -> dict[str, Any]:
    made = files.build(listed, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig(**watch))
    return {name: yaml.safe_load(text) for name, text in made.items() if name.endswith(".yml")}


def rules(*listed: gates.Gate, file: str = "rules/gates.yml") -> list[dict[str, Any]]:
    return [rule for group in built(*listed)[file]["groups"] for rule in group["rules"]]


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


def test_what_is_said_of_leaks_is_looked_at_more_often_than_it_is_read() -> None:
    services, leaks = built(*SHIPPED)["rules/services.yml"]["groups"]
    assert (services["interval"], leaks["interval"]) == ("15s", "5s")
    assert {rule["alert"] for rule in leaks["rules"]} == {"memory", "gpu_drip"}


def test_without_sentinels_of_leaks_there_is_no_empty_group_of_theirs() -> None:
    made = files.build(SHIPPED, (), alerting.AlertsConfig(), watching.WatchConfig())
    (group,) = yaml.safe_load(made["rules/services.yml"])["groups"]
    assert group["name"] == "council-services"


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


# Logs


def test_every_part_of_the_log_shipper_that_is_named_is_there() -> None:
    text = files.build(SHIPPED, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig())["logs.alloy"]
    made = {f"{kind}.{name}" for kind, name in re.findall(r'^([a-z._]+) "([a-z]+)" \{$', text, re.MULTILINE)}
    named = set(re.findall(r"\b((?:local|loki)\.[a-z_.]+)\.(?:targets|receiver)\b", text))
    assert made == named | {"loki.source.file.council"}
    assert text.count("{") == text.count("}")
    assert '"http://127.0.0.1:3100/loki/api/v1/push"' in text


def test_the_log_shipper_reads_fields_that_logs_have() -> None:
    text = files.build(SHIPPED, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig())["logs.alloy"]
    (given,) = re.findall(r"expressions = \{(.*)\}", text)
    fields = {path or name for name, path in re.findall(r'(\w+) = "(\w*)"', given)}
    record = logging.LogRecord("council.x", logging.INFO, "", 0, "said", (), None)
    token = json_logs.request_id.set("request-1")
    line = json.loads(json_logs.Formatter("gateway", 0).format(record))
    json_logs.request_id.reset(token)
    assert fields == {"ts", "level", "service", "request_id"}
    assert fields <= line.keys()
    assert datetime.datetime.fromisoformat(line["ts"]).tzinfo is not None


def test_loki_listens_where_the_settings_say_and_keeps_a_week() -> None:
    made = built(*SHIPPED, loki_url="http://127.0.0.1:3199")["loki.yml"]
    assert made["server"]["http_listen_port"] == 3199
    assert {made["server"][f"{kind}_listen_address"] for kind in ("http", "grpc")} == {"127.0.0.1"}
    assert made["limits_config"]["retention_period"] == "168h"
    assert made["compactor"]["retention_enabled"] is True


def test_grafana_finds_both_servers_and_the_dashboard() -> None:
    made = files.build(
        SHIPPED, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig(prometheus_url="http://a:1/$x")
    )
    sources = yaml.safe_load(made["grafana/provisioning/datasources/council.yaml"])["datasources"]
    assert [(one["type"], one["url"]) for one in sources] == [
        ("prometheus", "http://a:1/$$x"),
        ("loki", "http://127.0.0.1:3100"),
    ]
    (provider,) = yaml.safe_load(made["grafana/provisioning/dashboards/council.yaml"])["providers"]
    assert provider["options"]["path"] == "$COUNCIL_HOME/monitoring/grafana"


def test_no_file_holds_a_name_or_a_password_of_an_address() -> None:
    urls = {f"{name}_url": f"https://me:sesame@{name}.test/x" for name in ("prometheus", "alertmanager", "loki")}
    made = files.build(SHIPPED, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig(**urls))
    assert not [path for path, text in made.items() if "sesame" in text]
    told = yaml.safe_load(made["prometheus.yml"])["alerting"]["alertmanagers"]
    assert told == [{"scheme": "https", "static_configs": [{"targets": ["alertmanager.test"]}], "path_prefix": "/x"}]
    assert "https://loki.test/x/loki/api/v1/push" in made["logs.alloy"]
