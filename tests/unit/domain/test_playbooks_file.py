"""Playbooks are read strictly, and names that there are none of are refused with those that there are."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from council.domain import alerting, errors, gates_file, playbooks, playbooks_file, sentinels_file

CONFIG = Path(__file__).parents[3] / "config"
SHIPPED: dict[str, Any] = yaml.safe_load((CONFIG / "playbooks.yaml").read_text())
GATES: dict[str, Any] = yaml.safe_load((CONFIG / "gates.yaml").read_text())
SENTINELS: dict[str, Any] = yaml.safe_load((CONFIG / "sentinels.yaml").read_text())


def book(found: dict[str, Any] = SHIPPED) -> playbooks.Book:
    return playbooks.book(playbooks_file.build(found), gates_file.build(GATES, GATES), sentinels_file.build(SENTINELS))


def test_what_is_shipped_is_whole_and_uses_every_action() -> None:
    found = book().playbooks.values()
    assert {one.action for one in found} == set(playbooks.Action) - {playbooks.Action.CALL}
    known = {*alerting.NEXT_STEPS, *alerting.SENTINELS}
    assert {name for one in found for name in one.triggers} <= known


def test_each_alert_that_is_a_page_at_once_has_a_playbook_and_each_chain_ends_with_a_person() -> None:
    found = book()
    for alert in ("service_down", "metrics_stale", "crash_loop", "watcher_down", "http_5xx", "latency", "success_rate"):
        chain = found.chain(alert, labelled=alert not in found.of_gates)
        assert len(chain) > 1 and chain[-1] == playbooks.CALL and len(chain) == len(set(chain))


def test_a_gate_names_its_playbooks_in_their_order_and_its_budget_alerts_do_not_use_them() -> None:
    found = book()
    assert found.chain("latency", labelled=False) == ["rollback", "restart", "scale", "shed", "call a person"]
    assert found.chain("spend", labelled=False)[0] == "rate limit"
    assert found.chain("spend", labelled=True) == []
    assert found.components["latency"] == "gateway" and "disk_usage" not in found.components


def test_a_sentinel_may_name_playbooks_of_its_own() -> None:
    file = copy.deepcopy(SENTINELS)
    file["sentinels"]["memory"]["playbooks"] = ["restart", "call a person"]
    (rule, *_) = sentinels_file.build(file)
    made = playbooks.book(playbooks_file.build(SHIPPED), (), (rule,))
    assert made.chain("memory", labelled=True) == ["restart", "call a person"]


def test_chains_that_lead_in_a_circle_end_with_a_call() -> None:
    file = copy.deepcopy(SHIPPED)
    file["playbooks"]["restart"]["then"] = "rollback"
    chain = book(file).chain("service_down", labelled=True)
    assert chain == ["put settings back", "rollback", "restart", "call a person"]


def wrong(name: str, **values: Any) -> str:
    file = copy.deepcopy(SHIPPED)
    file["playbooks"][name] |= values
    with pytest.raises(errors.ConfigError) as caught:
        book(file)
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("restart", {"action": "reboot"}, "must be one of restart, drain and restart"),
        ("restart", {"action": "call a person"}, "name that as what comes next"),
        ("restart", {"then": "pray"}, "Name one of put settings back"),
        ("restart", {"more": 1}, "Unknown key"),
        ("restart", {"needs": {"states": ["sad"]}}, "may hold starting"),
        ("restart", {"needs": {"changed": 1}}, "true or false"),
        ("restart", {"verified": {"by": "hope", "within_s": 5}}, "must be one of ready"),
        ("restart", {"verified": {"by": "ready", "within_s": 9999}}, "at most 3600"),
        ("restart", {"touches": ""}, "say it in a sentence"),
        ("restart", {"hourly_max": -1}, "at least 0"),
        ("restart", {"holds_s": 5}, "puts no override"),
        ("restart", {"triggers": ["Bad Name"]}, "names alerts"),
        ("restart", {"component": "../x"}, "must name a service"),
        ("scale", {"values": {"gateway": "2"}}, "they are found out"),
        ("scale", {"component": "gateway"}, "in any case"),
        ("shed", {"values": {}}, "needs `values`"),
        ("shed", {"values": {"*": "101"}}, "no value of an override"),
        ("shed", {"values": {"/api/status": "5"}}, "no target of an override"),
        ("shed", {"holds_s": 86_401}, "at most 86400"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(name: str, values: dict[str, Any], said: str) -> None:
    message = wrong(name, **values)
    assert said in message and (name in message or "pray" in message)


def test_a_name_that_there_is_none_of_is_refused_with_those_that_there_are() -> None:
    file = copy.deepcopy(SHIPPED)
    del file["playbooks"]["scale"]
    with pytest.raises(errors.ConfigError, match=r"latency_p95.playbooks.*'scale'.*rollback, restart.*call a person"):
        book(file)
    for bad in ({"a": 1, "playbooks": {}}, {"playbooks": []}, {}):
        with pytest.raises(errors.ConfigError):
            playbooks_file.build(bad)
    with pytest.raises(errors.ConfigError, match="always there"):
        playbooks_file.build({"playbooks": {"call a person": {}}})
