"""What the watcher cannot say of itself, or of one process among several, people hear all the same."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

import whole

SETTINGS = {
    "COUNCIL_GATEWAY_WORKERS": "2",
    "COUNCIL_SUPERVISOR_SILENT_S": "4",
    "COUNCIL_SUPERVISOR_BACKOFF_CEILING_S": "1",
    "COUNCIL_WATCH_INTERVAL_S": "1",
    "COUNCIL_ALERTS_HOLD_UP_S": "2",
    "COUNCIL_ALERTS_HOLD_DOWN_S": "2",
    "COUNCIL_ALERTS_GROUP_S": "1",
    "COUNCIL_ALERTS_WATCHER_AWAY_S": "8",
    # What people are told is looked at here, and not what is done about it.
    "COUNCIL_HEALING_ON": "false",
}


@pytest.fixture(scope="module")
def council() -> Iterator[whole.Council]:
    with whole.anew(SETTINGS) as one:
        yield one


def row_of(council: whole.Council, service: str) -> dict[str, Any]:
    return next(row for row in council.services() if row["name"] == service)


def notices(council: whole.Council, about: str) -> list[dict[str, Any]]:
    file = council.home / "notices" / "notices.jsonl"
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [one for one in found if about in one["title"]]


def kinds(council: whole.Council, about: str) -> list[str]:
    return [one["kind"] for one in notices(council, about)]


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_one_hung_worker_of_two_is_an_alert_though_the_other_answers(council: whole.Council) -> None:
    with stopped(row_of(council, "gateway:1")["pid"]):
        whole.wait_until(lambda: bool(notices(council, "gateway 1 does not work")), 40)
        assert row_of(council, "gateway:1")["state"] == "hung"
        assert row_of(council, "gateway")["state"] == "ready"
    whole.wait_until(lambda: "over" in kinds(council, "gateway 1 does not work"), 40)
    (began, *_) = notices(council, "gateway 1 does not work")
    assert "it is hung: it has not stirred for" in began["text"]


def test_a_service_that_crashes_now_and_then_is_an_alert_and_a_restart_that_was_asked_for_is_none(
    council: whole.Council,
) -> None:
    for _ in range(2):
        before = row_of(council, "recall")
        os.kill(before["pid"], signal.SIGKILL)
        whole.wait_until(lambda was=before: row_of(council, "recall")["restarts"] > was["restarts"], 30)  # type: ignore[misc]
        whole.wait_until(lambda: row_of(council, "recall")["state"] == "ready", 30)
    assert row_of(council, "recall")["crashes"] == 2
    assert notices(council, "recall ends again and again") == []
    os.kill(row_of(council, "recall")["pid"], signal.SIGKILL)
    whole.wait_until(lambda: bool(notices(council, "recall ends again and again")), 30)
    (told,) = notices(council, "recall ends again and again")
    assert "it ended 3 times unasked within an hour, last: stopped by signal 9" in told["text"]


def test_people_hear_once_of_a_watcher_that_hangs_and_again_when_it_goes_on(council: whole.Council) -> None:
    with stopped(row_of(council, "watcher")["pid"]):
        whole.wait_until(lambda: bool(notices(council, "nothing is watched")), 60)
    (began,) = notices(council, "nothing is watched")
    assert began["title"] == "Page: nothing is watched" and began["kind"] == "began"
    assert "it hangs: it has not stirred for" in began["text"] and "`kill -9`" in began["text"]
    whole.wait_until(lambda: kinds(council, "nothing is watched") == ["began", "over"], 60)
    assert "nothing is watched: resolved" in council.command("incidents", "show", began["incident_id"]).stdout


def test_people_hear_why_a_watcher_cannot_start_once_and_that_it_runs_again(council: whole.Council) -> None:
    before = len(notices(council, "nothing is watched"))
    row = row_of(council, "watcher")
    file = council.home / "generations" / row["generation"] / "gates.yaml"
    good = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(b"monitoring_gates:\n  latency_p95: {limit: soon}\n")
    os.kill(row["pid"], signal.SIGKILL)
    whole.wait_until(lambda: len(notices(council, "nothing is watched")) > before, 60)
    restarts = row_of(council, "watcher")["restarts"]
    whole.wait_until(lambda: row_of(council, "watcher")["restarts"] >= restarts + 3, 60)
    file.write_bytes(good)
    whole.wait_until(lambda: kinds(council, "nothing is watched")[before:] == ["began", "over"], 60)
    told = notices(council, "nothing is watched")[before]
    assert "it does not get ready: ended with status 4: `monitoring_gates.latency_p95` needs a limit" in told["text"]
    assert "`council doctor` says what is wrong in gates.yaml" in told["text"]
