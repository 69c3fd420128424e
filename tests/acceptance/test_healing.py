"""A service of a running Council is stopped, and nobody does anything about it."""

import json
import os
import signal
import urllib.request
from typing import Any

import whole

SETTINGS = {
    "COUNCIL_SUPERVISOR_SILENT_S": "8",
    "COUNCIL_WATCH_INTERVAL_S": "1",
    "COUNCIL_ALERTS_HOLD_UP_S": "2",
    "COUNCIL_ALERTS_HOLD_DOWN_S": "3",
    "COUNCIL_HEALING_LOOK_S": "1",
}


def read(council: whole.Council, *arguments: str) -> Any:
    done = council.command(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def row(council: whole.Council, service: str) -> dict[str, Any]:
    return next(one for one in council.services() if one["name"] == service)


def mended(council: whole.Council) -> list[dict[str, Any]]:
    """Return the repairs of recall that helped; a busy machine may have others hang for a while."""
    return [
        one for one in read(council, "heal", "history") if (one["component"], one["outcome"]) == ("recall", "helped")
    ]


def test_a_service_that_was_stopped_is_repaired_and_history_lineage_and_timeline_tell_it() -> None:
    with whole.anew(SETTINGS) as council:
        stopped = row(council, "recall")["pid"]
        os.kill(stopped, signal.SIGSTOP)
        whole.wait_until(lambda: bool(mended(council)), 180)
        repair = mended(council)[-1]
        assert repair["playbook"] == "restart" and repair["by"] == "healer"
        assert any("recall" in line for line in repair["evidence"])
        assert row(council, "recall")["pid"] != stopped

        def steps() -> list[str]:
            return [one["step"] for one in read(council, "lineage", "list") if one.get("id") == repair["id"]]

        whole.wait_until(lambda: steps() == ["ended", "began"], 60)
        assert council.command("lineage", "verify").returncode == 0
        timeline = read(council, "incidents", "show", repair["incident_id"])["timeline"]
        texts = [one["text"] for one in timeline]
        assert "repair: restart of recall" in texts
        assert any(text.startswith("repair: restart of recall: helped") for text in texts)
        asked = urllib.request.Request(
            f"{council.base_url}/api/repairs", headers={"authorization": f"Bearer {council.token}"}
        )
        told = json.loads(urllib.request.urlopen(asked, timeout=30).read())["repairs"]
        assert repair["id"] in [one["id"] for one in told]
        assert council.command("heal", "plan").returncode == 0
