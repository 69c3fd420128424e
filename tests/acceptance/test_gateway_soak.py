"""The short form of the gateway's soak: models whose servers fail in every way, callers who leave, the ledger exact."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import whole

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.parametrize("kill", [[], ["--kill"]], ids=["running", "killed"])
def test_faults_upstream_cost_no_answer_and_no_micro_dollar(kill: list[str]):
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        result = Path(folder, "result.json")
        places = ["--home-root", folder, "--port", str(whole.free_port()), "--json", str(result)]
        lane = ["--only", "gateway", "--quick", "--seed", "4711", "--rate", "50", *kill]
        done = subprocess.run(
            [sys.executable, str(SOAK), *lane, *places], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "violations: 0" in done.stdout
        found = json.loads(result.read_text())["ran"]["1"]
    assert found["unfaulted_good"] == found["unfaulted"] > 500
    assert found["ledger"]["exact"] > 500
    assert found["ledger"]["exact_usd_micros"] == found["ledger"]["billed_exact_usd_micros"]
    assert bool(found["recoveries_s"]) == bool(kill)
