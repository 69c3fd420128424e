"""A whole Council judged by a Prometheus over the files that its watcher wrote, which hands incidents to an Alertmanager."""

import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import servers
import whole

# Two evaluations of the rules, fifteen seconds apart, and the time to ask; on a machine that does much else.
KNOWN_S = 120.0


def fetched(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def judged(council: whole.Council) -> dict[str, tuple[str, str, str]]:
    try:
        found = fetched(f"{council.base_url}/api/gates")["gates"]
    except urllib.error.HTTPError as error:
        error.close()
        return {}
    return {one["name"]: (one["verdict"], one["source"], one["reason"]) for one in found}


def ask(council: whole.Council) -> None:
    for number in range(30):
        message = {"role": "user", "content": f"What is {number + 1}% of 300?"}
        fetched(f"{council.base_url}/v1/chat/completions", {"model": "council", "messages": [message]})


def test_a_prometheus_judges_and_its_end_is_told() -> None:
    servers.need("prometheus")
    servers.need("alertmanager")
    address = servers.free_address()
    with tempfile.TemporaryDirectory(prefix="council") as name:
        home, beside = Path(name, ".council"), Path(name, "alertmanager")
        beside.mkdir()
        with servers.alertmanager(beside, "{route: {receiver: none}, receivers: [{name: none}]}\n") as manager:
            settings = {
                "COUNCIL_WATCH_SOURCE": "prometheus",
                "COUNCIL_WATCH_PROMETHEUS_URL": f"http://{address}",
                "COUNCIL_WATCH_ALERTMANAGER_URL": manager.url,
                "COUNCIL_ALERTS_CHANNELS": "log,alertmanager",
                "COUNCIL_ALERTS_GROUP_S": "1",
                "COUNCIL_WATCH_INTERVAL_S": "1",
            }
            with whole.running(home, whole.free_port(), settings) as council:
                folder = home / "monitoring"
                whole.wait_until((folder / "prometheus.yml").exists, 30)
                configuration = (folder / "prometheus.yml").read_text()
                quick = configuration.replace("interval: 15s", "interval: 1s").replace("timeout: 10s", "timeout: 1s")
                with servers.prometheus(folder, quick, address):
                    judges_by_prometheus(council)
                    # Of what has no port as well, and of the supervisor itself, as the rules of services read it.
                    assert {"gateway", "recall", "store", "supervisor", "watcher"} <= running(address)
                whole.wait_until(lambda: f"the Prometheus at http://{address}" in judged(council)["error_rate"][2], 30)
                assert {verdict for verdict, _, _ in judged(council).values()} <= {"unknown", "not applicable"}
                whole.wait_until(lambda: "nobody can read how prometheus does" in told(manager.url), 60)


def judges_by_prometheus(council: whole.Council) -> None:
    whole.wait_until(lambda: judged(council).get("concurrent_users", ("",))[0] == "green", KNOWN_S)
    ask(council)
    for name in ("error_rate", "success_rate", "disk_usage", "fd_usage"):
        whole.wait_until(lambda name=name: judged(council)[name][0] != "unknown", KNOWN_S)  # type: ignore[misc]
    assert judged(council)["success_rate"][:2] == ("green", "prometheus")


def running(address: str) -> set[str]:
    """Return the services that run, as the watcher has told Prometheus; one process alone has no `replica`."""
    query = urllib.parse.quote('council_service_verdict{replica=""} == 0')
    found = fetched(f"http://{address}/api/v1/query?query={query}")["data"]["result"]
    return {one["metric"]["svc"] for one in found}


def told(url: str) -> str:
    return json.dumps([one["annotations"] for one in fetched(f"{url}/api/v2/alerts")])
