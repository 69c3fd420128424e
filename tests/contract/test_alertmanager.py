"""From a number that a service tells to a notice: the generated files in a real Prometheus and a real Alertmanager; and notices
of our own in that Alertmanager.

Intervals are a second in the place of fifteen, so that it takes seconds; the times themselves are tested in test_monitoring.
"""

import contextlib
import dataclasses
import datetime
import http.server
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import rule_cases
import servers
from council.backends.notifier import alertmanager
from council.domain import alerting, errors, incidents, watching
from council.upkeep.monitoring import files

SETTINGS = alerting.AlertsConfig(hold_up_s=1, hold_down_s=2, page_after_s=300, group_s=1)
ARRIVES_S = 30.0


@dataclass
class Told:
    """What the made service tells, and what the made receiver was told."""

    used: float = 60.0
    descriptors: tuple[int, float] = (0, 10.0)
    notices: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    def metrics(self) -> str:
        of_worker = '{sentinel="descriptors",svc="worker"}'
        verdict, value = self.descriptors
        return (
            f'council_disk_used_bytes{{svc="watcher"}} {self.used}\ncouncil_disk_size_bytes{{svc="watcher"}} 100\n'
            f"sentinel_verdict{of_worker} {verdict}\nsentinel_value{of_worker} {value}\n"
        )

    def alerts(self, name: str, status: str) -> list[dict[str, Any]]:
        return [
            alert
            for notice in list(self.notices)
            for alert in notice["alerts"]
            if alert["labels"]["alertname"] == name and alert["status"] == status
        ]


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(made.metrics().encode())

        def do_POST(self) -> None:
            made.notices.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def running(told: Told, home: Path) -> Iterator[None]:
    """Run both servers over the generated files, with what a home has beside them."""
    servers.need("prometheus")
    servers.need("alertmanager")
    folder = home / "monitoring"
    (home / "run").mkdir()
    address = f"127.0.0.1:{told.port}"
    (home / "run" / "targets.json").write_text(json.dumps([{"targets": [address], "labels": {"svc": "watcher"}}]))
    watch = watching.WatchConfig(webhook_url=f"http://{address}/hook")
    made = files.build([rule_cases.GATES["disk_usage"]], rule_cases.SENTINELS, SETTINGS, watch)
    for name in made:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(made[name])
    routes = yaml.safe_load(made["alertmanager.yml"])
    routes["route"]["group_interval"] = "1s"
    for name in ("rules/gates.yml", "rules/services.yml"):
        (folder / name).write_text(made[name].replace("interval: 15s", "interval: 1s"))
    with servers.alertmanager(folder, yaml.safe_dump(routes)) as manager:
        configuration = made["prometheus.yml"].replace("127.0.0.1:9093", manager.url.removeprefix("http://"))
        quick = configuration.replace("interval: 15s", "interval: 1s").replace("timeout: 10s", "timeout: 1s")
        with servers.prometheus(folder, quick):
            yield


def wait_for(holds: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + ARRIVES_S
    while not holds():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)


def test_a_red_gate_is_told_and_so_is_its_end(told: Told, tmp_path: Path) -> None:
    with running(told, tmp_path):
        time.sleep(4)
        assert told.notices == []
        told.used = 90.0
        wait_for(lambda: told.alerts("disk_usage", "firing"), "no notice of the red gate")
        alert = told.alerts("disk_usage", "firing")[0]
        assert (alert["labels"]["severity"], alert["labels"]["gate"]) == ("warning", "disk_usage")
        protects = rule_cases.GATES["disk_usage"].protects
        assert alert["annotations"]["summary"] == f"90 %, must be < 85. It protects: {protects}"
        assert "council doctor" in alert["annotations"]["next_step"]

        told.used = 80.0
        time.sleep(6)
        assert told.alerts("disk_usage", "resolved") == []  # amber ends nothing

        told.used = 60.0
        wait_for(lambda: told.alerts("disk_usage", "resolved"), "no notice of its end")


def test_a_service_without_a_port_is_named_by_its_own_name(told: Told, tmp_path: Path) -> None:
    """The watcher tells of the worker; the alert is about the worker."""
    with running(told, tmp_path):
        told.descriptors = (1, 70.0)
        wait_for(lambda: told.alerts("descriptors", "firing"), "no notice of the descriptors")
        assert told.alerts("descriptors", "firing")[0]["labels"]["svc"] == "worker"
        assert told.alerts("descriptors", "firing")[0]["annotations"]["summary"] == "worker: descriptors at 70 %."


# Notices of our own


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Alertmanager with the generated routes; yields its address."""
    servers.need("alertmanager")
    made = files.build([], (), alerting.AlertsConfig(), watching.WatchConfig())
    with servers.alertmanager(tmp_path_factory.mktemp("alertmanager"), made["alertmanager.yml"]) as server:
        yield server.url


def notice(incident: str, kind: incidents.NoticeKind, severity: incidents.Severity) -> incidents.Notice:
    return incidents.Notice(
        "notice",
        int(time.time() * 1e6),
        kind,
        incident,
        severity,
        f"{kind}: latency",
        "Line one — ü.\n  `Do` {{ this }}.",
    )


def fires(url: str, incident: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts?active=true", timeout=5) as reply:
        return [alert for alert in json.load(reply) if alert["labels"].get("incident", "") == incident]


def test_an_incident_is_one_alert_that_fires_until_it_is_over(manager: str) -> None:
    channel = alertmanager.AlertmanagerNotifier(manager, 3600.0, 5.0)
    channel.send(notice("one", incidents.NoticeKind.BEGAN, incidents.Severity.WARNING))
    (alert,) = fires(manager, "one")
    assert alert["labels"] == {"alertname": "council_incident", "incident": "one", "severity": "warning"}
    assert alert["annotations"] == {"summary": "began: latency", "description": "Line one — ü.\n  `Do` {{ this }}."}
    left_s = datetime.datetime.fromisoformat(alert["endsAt"]).timestamp() - time.time()
    assert left_s == pytest.approx(4200, abs=30)

    channel.send(notice("one", incidents.NoticeKind.GREW, incidents.Severity.PAGE))
    assert [one["labels"]["severity"] for one in fires(manager, "one")] == ["page"]
    channel.send(notice("one", incidents.NoticeKind.STILL, incidents.Severity.PAGE))
    assert [one["annotations"]["summary"] for one in fires(manager, "one")] == ["still: latency"]
    channel.send(notice("one", incidents.NoticeKind.OVER, incidents.Severity.PAGE))
    assert fires(manager, "one") == []


def test_incidents_are_apart(manager: str) -> None:
    channel = alertmanager.AlertmanagerNotifier(manager, 3600.0, 5.0)
    for name in ("two", "three"):
        channel.send(notice(name, incidents.NoticeKind.BEGAN, incidents.Severity.PAGE))
    channel.send(notice("two", incidents.NoticeKind.OVER, incidents.Severity.PAGE))
    assert (len(fires(manager, "two")), len(fires(manager, "three"))) == (0, 1)


def test_a_trial_ends_by_itself(manager: str) -> None:
    alertmanager.AlertmanagerNotifier(manager, 3600.0, 5.0).send(
        notice("", incidents.NoticeKind.TEST, incidents.Severity.WARNING)
    )
    (alert,) = [one for one in fires(manager, "") if one["labels"]["alertname"] == "council_test"]
    assert datetime.datetime.fromisoformat(alert["endsAt"]).timestamp() < time.time() + 61


def test_what_is_not_taken_says_so_and_shows_no_password(manager: str) -> None:
    told = notice("four", incidents.NoticeKind.BEGAN, incidents.Severity.PAGE)
    place = manager.removeprefix("http://")
    for url, said in (
        ("http://ann:s3cret@127.0.0.1:9", "127.0.0.1:9 cannot be reached"),
        (f"http://ann:s3cret@{place}/elsewhere", "refused the notice"),
        ("nowhere", "nowhere cannot be reached"),
    ):
        with pytest.raises(errors.NotifyError) as raised:
            alertmanager.AlertmanagerNotifier(url, 3600.0, 5.0).send(told)
        assert said in raised.value.message
        assert "`watch.alertmanager_url`" in raised.value.message
        assert "s3cret" not in f"{raised.value.message} {raised.value.detail}"
    assert fires(manager, "four") == []


@pytest.mark.alone
def test_a_server_that_is_silent_is_waited_for_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began_s = time.monotonic()
        with pytest.raises(errors.NotifyError, match=r"did not take the notice within 0\.3 s"):
            alertmanager.AlertmanagerNotifier(url, 3600.0, 0.3).send(
                notice("five", incidents.NoticeKind.BEGAN, incidents.Severity.PAGE)
            )
        assert time.monotonic() - began_s < 2


def test_what_says_the_same_with_less_is_held_back(manager: str) -> None:
    """A warning by its page, the gate of descriptors by the service that is short of them, silence by what is down."""
    told = [
        ("descriptors", "page", "worker", False),
        ("descriptors", "warning", "worker", True),
        ("descriptors", "warning", "recall", False),
        ("fd_usage", "page", "", True),
        ("service_down", "page", "model", False),
        ("metrics_stale", "page", "model", True),
        ("metrics_stale", "page", "gateway", False),
        ("disk_usage", "warning", "", False),
    ]
    alerts = [
        {"labels": {"alertname": name, "severity": severity, **({"svc": svc} if svc else {})}}
        for name, severity, svc, _ in told
    ]
    body = json.dumps(alerts).encode()
    request = urllib.request.Request(f"{manager}/api/v2/alerts", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()

    def held_back() -> list[tuple[str, str, str, bool]]:
        with urllib.request.urlopen(f"{manager}/api/v2/alerts", timeout=5) as reply:
            found = [(one["labels"], bool(one["status"]["inhibitedBy"])) for one in json.load(reply)]
        return [
            (labels["alertname"], labels["severity"], labels.get("svc", ""), held)
            for labels, held in found
            if "incident" not in labels and labels["alertname"] != "council_test"
        ]

    wait_for(lambda: sorted(held_back()) == sorted(told), "not held back as it should be")


def test_a_digest_is_no_alert_and_a_gate_that_stays_red_is_one_that_ends_by_itself() -> None:
    nobody = alertmanager.AlertmanagerNotifier("http://127.0.0.1:9", 600.0, 1.0)
    told = incidents.Notice(
        "n", 1_790_000_000_000_000, incidents.NoticeKind.DIGEST, "", incidents.Severity.WARNING, "t", "x"
    )
    nobody.send(told)
    (alert,) = nobody._alerts(dataclasses.replace(told, kind=incidents.NoticeKind.ESCALATED, incident_id="01I"))
    assert alert["labels"] == {"alertname": "council_escalated", "incident": "01I", "severity": "warning"}
    assert alert["startsAt"] < alert["endsAt"]
