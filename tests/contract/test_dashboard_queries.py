"""Every query of Grafana's dashboard returns data from a real Prometheus over the rules and what a Council tells."""

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import rule_cases
import servers
from council.domain import alerting, watching
from council.upkeep.monitoring import files

MADE = files.build(
    tuple(rule_cases.GATES.values()),
    rule_cases.SENTINELS,
    alerting.AlertsConfig(),
    watching.WatchConfig(),
)
PANELS = [panel for panel in json.loads(MADE["grafana/spiral-ops-dashboard.json"])["panels"] if panel.get("targets")]
_RECORDED_S = 600


def told() -> rule_cases.World:
    """Return five hours of a Council that is well, and one alert as Prometheus would keep it."""
    world = rule_cases.healthy(rule_cases.LONG_STEPS)
    flat = rule_cases.level((1, rule_cases.LONG_STEPS))
    for service in rule_cases.SERVICES:
        of = f'svc="{service}", instance="{service}:1"'
        world[f'{rule_cases.BEGAN}{{svc="{service}"}}'] = rule_cases.level((0, rule_cases.LONG_STEPS))
        world |= {
            f"{metric}{{{of}}}": flat
            for metric in (
                "heap_mb", "open_fds_total", "fd_soft_limit", "cuda_alloc_mb", "council_process_sockets",
                "council_process_threads", "council_process_children", "council_process_tasks",
            )
        }  # fmt: skip
    world['sentinel_verdict{svc="recall", sentinel="sockets", instance="watcher:1"}'] = flat
    world['ALERTS{alertname="disk_usage", alertstate="firing", gate="disk_usage", severity="page"}'] = flat
    return world


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    """A real server over what was told and what the rules make of it; yields its address, and the last moment."""
    servers.need("promtool")
    servers.need("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    end_s = time.time() // 60 * 60 - 3600
    (folder / "told.txt").write_text("".join(rule_cases.open_metrics(told(), end_s, rule_cases.LONG_STEP_S)))
    tsdb("create-blocks-from", "openmetrics", str(folder / "told.txt"), str(folder / "data"))
    (folder / "rules.yml").write_text(MADE["rules/gates.yml"])
    with servers.prometheus(folder, "global: {scrape_interval: 15s}\n") as server:
        span = [f"--start={end_s - _RECORDED_S:.0f}", f"--end={end_s:.0f}", "--eval-interval=15s"]
        made = f"--output-dir={folder / 'made'}"
        tsdb("create-blocks-from", "rules", *span, f"--url={server.url}", made, str(folder / "rules.yml"))
        server.stop()
        for block in (folder / "made").iterdir():
            shutil.move(block, folder / "data")
        server.start()
        yield server.url, end_s


def tsdb(*words: str) -> None:
    done = subprocess.run(["promtool", "tsdb", *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def asked(url: str, path: str, **fields: str) -> Any:
    body = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(f"{url}/api/v1/{path}", body, timeout=30) as reply:
        return json.load(reply)["data"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['id']} {panel['title']}")
def test_a_panel_shows_something(panel: dict[str, Any], prometheus: tuple[str, float]) -> None:
    url, end_s = prometheus
    for target in panel["targets"]:
        query = target["expr"].replace("$service", ".+")
        if target["instant"]:
            found = asked(url, "query", query=query, time=f"{end_s:.0f}")
        else:
            span = {"start": f"{end_s - 300:.0f}", "end": f"{end_s:.0f}", "step": "15"}
            found = asked(url, "query_range", query=query, **span)
        assert found["result"], query


def test_the_variable_lists_the_services(prometheus: tuple[str, float]) -> None:
    url, end_s = prometheus
    body = urllib.parse.urlencode({"match[]": 'up{svc!=""}', "start": f"{end_s - 60:.0f}", "end": f"{end_s:.0f}"})
    with urllib.request.urlopen(f"{url}/api/v1/label/svc/values?{body}", timeout=30) as reply:
        assert json.load(reply)["data"] == sorted(rule_cases.SERVICES)
