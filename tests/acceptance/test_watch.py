"""The watch over a whole Council: true verdicts soon, silence never health, and people are told."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import whole

# Callers on loopback need a token here, and so would the watcher if it had none of its own.
SETTINGS = {
    "COUNCIL_GATEWAY_ANONYMOUS_LOOPBACK": "false",
    "COUNCIL_WATCH_INTERVAL_S": "1",
    "COUNCIL_ALERTS_HOLD_UP_S": "2",
    "COUNCIL_ALERTS_HOLD_DOWN_S": "2",
    "COUNCIL_ALERTS_GROUP_S": "1",
}


@pytest.fixture(scope="module")
def council() -> Iterator[whole.Council]:
    with whole.anew(SETTINGS) as one:
        yield one


def ask(council: whole.Council, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        council.base_url + path,
        headers={"authorization": f"Bearer {council.token}", "content-type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        found: dict[str, Any] = json.load(response)
        return found


def status_of(council: whole.Council, path: str) -> int:
    try:
        ask(council, path)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200


def verdicts(council: whole.Council) -> dict[str, tuple[str, str]]:
    try:
        return {one["name"]: (one["verdict"], one["reason"]) for one in ask(council, "/api/gates")["gates"]}
    except urllib.error.HTTPError as error:
        error.close()
        return {}


def pid_of(council: whole.Council, service: str) -> int:
    return next(row["pid"] for row in council.services() if row["name"] == service)


def notices(council: whole.Council) -> list[dict[str, Any]]:
    file = council.home / "notices" / "notices.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_twelve_gates_have_true_verdicts_soon_after_the_first_traffic(council: whole.Council) -> None:
    for number in range(25):
        message = {"role": "user", "content": f"What is {number + 1}% of 200?"}
        ask(council, "/v1/chat/completions", {"model": "council", "messages": [message]})
    good = {
        "success_rate",
        "local_processing",
        "cost_per_100",
        "error_rate",
        "response_size",
        "fd_usage",
        "concurrent_users",
    }
    # Of the machine, which others may keep busy or fill.
    known = {"latency_p95", "disk_usage"}

    def all_known() -> bool:
        now = {name: verdict for name, (verdict, _) in verdicts(council).items()}
        return (
            len(now) == 12
            and all(now[name] in ("green", "amber") for name in good)
            and all(now[name] in ("green", "amber", "red") for name in known)
        )

    whole.wait_until(all_known, 120, lambda: verdicts(council))
    now = verdicts(council)
    assert now["memory_growth"][0] == "unknown" and now["memory_growth"][1].startswith("warm-up: ")
    shown = council.command("gates")
    assert shown.returncode == (1 if "red" in {verdict for verdict, _ in now.values()} else 0)
    assert all(name in shown.stdout for name in now)
    assert "since_s" in json.loads(council.command("gates", "--json").stdout)[0]


def test_a_service_that_hangs_turns_gates_unknown_and_somebody_is_told_twice(council: whole.Council) -> None:
    pid = pid_of(council, "recall")
    os.kill(pid, signal.SIGSTOP)
    try:
        whole.wait_until(lambda: verdicts(council).get("fd_usage") == ("unknown", "recall cannot be read"), 30)
        whole.wait_until(lambda: any("nobody can read how recall does" in one["title"] for one in notices(council)), 30)
    finally:
        os.kill(pid, signal.SIGCONT)
    whole.wait_until(lambda: verdicts(council).get("fd_usage", ("",))[0] == "green", 30)
    whole.wait_until(lambda: any(one["kind"] == "over" for one in notices(council)), 60)
    (found,) = [one for one in ask(council, "/api/incidents")["incidents"] if "recall" in one["title"]]
    assert found["standing"] == "repaired" and found["detection_s"] < 30


def test_a_watcher_that_was_killed_comes_back_with_its_past_and_meanwhile_nothing_is_green(
    council: whole.Council,
) -> None:
    os.kill(pid_of(council, "watcher"), signal.SIGSTOP)
    assert status_of(council, "/api/gates") == 503
    assert ask(council, "/api/metrics")["gates"] == []
    assert council.command("gates").returncode == 5
    assert "watcher" in ask(council, "/readyz")["degraded"]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid_of(council, "watcher"), signal.SIGKILL)
    whole.wait_until(lambda: len(verdicts(council)) == 12, 60)
    history = ask(council, "/api/gates/fd_usage?hours=1")
    assert [one["verdict"] for one in history["history"]][-2:] == ["unknown", "green"]
    assert history["values"]
    assert "fd_usage must be < 80%" in council.command("gates", "fd_usage").stdout
    assert "There are latency_p95" in council.command("gates", "no_such").stderr


def test_a_process_beside_council_that_runs_out_of_descriptors_is_red_and_an_alert_arrives(
    council: whole.Council,
) -> None:
    perl = 'for(1..1000){open my $f,"<","/dev/null" or last; push @k,$f} sleep 600'
    process = subprocess.Popen(["bash", "-c", f"ulimit -n 1024; exec perl -e '{perl}'"])
    command = [sys.executable, "-m", "council", "sentinel", "--service", "smoke", "--pid", str(process.pid)]
    sentinel = subprocess.Popen(
        [*command, "--sample-s", "1", "--port", str(council.port + 9)],
        env=council.environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        whole.wait_until(lambda: any("smoke runs out of files" in one["title"] for one in notices(council)), 60)
        found = ask(council, "/api/metrics")["findings"]
        assert [one["verdict"] for one in found if (one["service"], one["sentinel"]) == ("smoke", "descriptors")] == [
            "red"
        ]
        assert "red: descriptors of smoke" in council.command("gates").stdout
    finally:
        process.kill()
        process.wait()
    told = sentinel.communicate(timeout=30)[0]
    assert "red (warning): smoke descriptors" in told and "Council's watcher hears of it" in told
    whole.wait_until(lambda: all(one["standing"] != "open" for one in ask(council, "/api/incidents")["incidents"]), 60)
    taken = council.command(
        "sentinel", "--service", "gateway", "--pid", str(os.getpid()), "--port", str(council.port + 9)
    )
    assert taken.returncode == 7 and "Give another `--service`" in taken.stderr


def test_a_stream_of_metrics_does_not_hold_up_a_stop(council: whole.Council) -> None:
    request = urllib.request.Request(
        council.base_url + "/api/metrics",
        headers={"authorization": f"Bearer {council.token}", "accept": "text/event-stream"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        lines = iter(response)
        assert next(lines).startswith(b"id: ")
        # A drain that waited for the stream would take `gateway.drain_s` and cut it.
        council.stop()
        rest = b"".join(lines)
    assert rest.count(b"data: ") >= 1
    council.start()
    assert ask(council, "/livez")["live"]
