"""The files for Prometheus and Alertmanager, put to the real watch."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

import rule_cases
import servers
from council.domain import alerting, gates, watching
from council.upkeep.monitoring import files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    # promtool looks whether it is there.
    (home / "secrets").mkdir()
    (home / "secrets" / "metrics.key").write_text("key")
    where = home / "monitoring"
    written(where, list(rule_cases.GATES.values()))
    return where


def written(where: Path, listed: Sequence[gates.Gate]) -> None:
    for name, text in files.build(
        listed, rule_cases.SENTINELS, alerting.AlertsConfig(), watching.WatchConfig()
    ).items():
        file = where / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


# promtool collects garbage for a quarter of its time otherwise.
SPACIOUS = {**os.environ, "GOGC": "400"}


def ran(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, env=SPACIOUS, capture_output=True, text=True, timeout=300, check=False)


def test_promtool_takes_the_configuration_and_its_rules(folder: Path) -> None:
    servers.need("promtool")
    done = ran("promtool", "check", "config", str(folder / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


def test_promtool_finds_nothing_to_mend_in_the_rules(folder: Path) -> None:
    servers.need("promtool")
    done = ran(
        "promtool", "check", "rules", "--lint=all", "--lint-fatal", *(str(one) for one in folder.glob("rules/*"))
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_amtool_takes_the_routes(folder: Path) -> None:
    servers.need("amtool")
    done = ran("amtool", "check-config", str(folder / "alertmanager.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def judged(folder: Path, where: Path, cases: Sequence[rule_cases.Case]) -> "subprocess.CompletedProcess[str]":
    file = where / "cases.yml"
    content = {
        "rule_files": sorted(str(one) for one in folder.glob("rules/*.yml")),
        "evaluation_interval": f"{cases[0].step_s}s",
        "tests": [case.as_test() for case in cases],
    }
    file.write_text(yaml.safe_dump(content, sort_keys=False, width=1_000_000))
    return ran("promtool", "test", "rules", str(file))


def test_every_gate_has_a_case_of_each_verdict_and_five_at_least() -> None:
    for name in rule_cases.GATES:
        found = [case.said[name][0] for case in rule_cases.every() if name in case.said]
        assert {"green", "amber", "red", "unknown"} <= set(found), name
        assert len(found) >= 5, name


@pytest.mark.parametrize("kind", ["levels", "unknowns", "generations", "times", "sentinels", "leaks", "services"])
def test_the_rules_say_of_each_case_what_follows_from_it(kind: str, folder: Path, tmp_path: Path) -> None:
    servers.need("promtool")
    done = judged(folder, tmp_path, list(getattr(rule_cases, kind)()))
    assert done.returncode == 0, done.stdout + done.stderr


def test_growth_over_hours_is_judged(tmp_path: Path) -> None:
    """With the rules of its gate alone, once a minute: five hours of all of them take promtool a minute."""
    servers.need("promtool")
    written(tmp_path, [rule_cases.GATES["memory_growth"]])
    done = judged(tmp_path, tmp_path, list(rule_cases.growth()))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_is_wrong_fails(folder: Path, tmp_path: Path) -> None:
    servers.need("promtool")
    right = next(iter(rule_cases.times()))
    for wrong in (
        dataclasses.replace(right, said={"disk_usage": (gates.Verdict.GREEN, 60.00001)}),
        dataclasses.replace(right, said={"disk_usage": (gates.Verdict.AMBER, 60)}),
        dataclasses.replace(right, firing=frozenset({("disk_usage", "page")})),
    ):
        assert judged(folder, tmp_path, [wrong]).returncode != 0


def test_the_committed_files_are_those_of_the_default_blueprint() -> None:
    done = ran(sys.executable, str(ROOT / "tools" / "monitoring.py"), "--check")
    assert done.returncode == 0, done.stdout + done.stderr
