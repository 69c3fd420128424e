"""`council soak` against a whole Council: real questions, every gate followed, and a report of as long as it ran."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import whole

pytestmark = pytest.mark.whole
ASKED_S = 25


def report(folder: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((folder / "soak.json").read_text())
    return made


def test_a_short_soak_asks_judges_every_gate_and_says_what_it_could_not(served: whole.Council, tmp_path: Path) -> None:
    done = served.command(
        "soak", "--duration", f"{ASKED_S}s", "--warm-up", "15s", "--load", "quick", "--report", str(tmp_path / "r"),
        timeout_s=180,
    )  # fmt: skip
    told = report(tmp_path / "r")
    assert done.returncode == (0 if told["passed"] else 1), done.stderr
    assert told["ran_s"] == pytest.approx(ASKED_S, abs=0.5) and not told["stopped"]
    assert set(told["asked"]) == {"math", "logic", "knowledge"}
    assert sum(counts.get("answered", 0) for counts in told["asked"].values()) > ASKED_S
    outcomes = {one["name"]: one["outcome"] for one in told["gates"]}
    assert len(outcomes) == 12
    assert outcomes["memory_growth"] == "not judged"
    # How fast a busy machine answers is not what is tested; that nothing failed is.
    assert {outcomes[name] for name in ("error_rate", "fd_usage", "concurrent_users", "cost_per_100")} == {"passed"}
    names = {one.name for one in (tmp_path / "r").iterdir()}
    assert {"index.html", "soak.json", "error_rate.png"} <= names
    assert f"ran {ASKED_S} s of {ASKED_S} s" in done.stdout


def test_a_soak_that_is_interrupted_reports_what_it_has_seen_and_does_not_pass(
    served: whole.Council, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "council",
        "soak",
        "--duration",
        "1h",
        "--warm-up",
        "1s",
        "--report",
        str(tmp_path / "r"),
    ]
    soaking = subprocess.Popen(
        command, env=served.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(12)
    soaking.send_signal(signal.SIGINT)
    said, problem = soaking.communicate(timeout=150)
    assert soaking.returncode == 1, problem
    told = report(tmp_path / "r")
    assert told["stopped"] and not told["passed"] and told["ran_s"] < 60 and told["wanted_s"] == 3600
    assert "Stopped before its end: " in said
