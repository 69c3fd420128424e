"""The short form of the sandbox's soak: mixed jobs through one Council while the sandbox's front and zygote are killed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import whole

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


def test_kills_of_front_and_zygote_lose_no_job_and_leave_nothing_behind():
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        result = Path(folder, "result.json")
        places = ["--home-root", folder, "--port", str(whole.free_port()), "--json", str(result)]
        lane = ["--only", "sandbox", "--quick", "--seed", "4711", "--jobs", "100"]
        done = subprocess.run(
            [sys.executable, str(SOAK), *lane, *places], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "violations: 0" in done.stdout
        (found,) = json.loads(result.read_text())["ran"]["1"]["lanes"]
    assert found["answers"] >= 100
    assert all(len(found["recoveries_s"][name]) >= 2 for name in ("sandboxd", "zygote"))
