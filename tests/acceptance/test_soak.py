"""The short form of `make soak`: one Council under mixed load while its processes and its supervisor are killed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import whole

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


def test_half_a_minute_of_kills_loses_no_acknowledged_answer_and_its_digest_tells_of_them_in_numbers_of_the_records():
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        result = Path(folder, "result.json")
        places = ["--home-root", folder, "--port", str(whole.free_port()), "--json", str(result)]
        lane = ["--quick", "--seed", "4711", "--duration", "30"]
        done = subprocess.run(
            [sys.executable, str(SOAK), *lane, *places], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "violations: 0" in done.stdout
        [ran] = json.loads(result.read_text())["ran"].values()
        [digest] = ran["digests"]
        assert digest["numbers"] > 40
        began = digest["text"].partition("Services that began\n")[2].partition("Changes\n")[0]
        # Why one ended is known as long as the supervisor lives, which may be killed last.
        assert all(name in began for name in ("gateway", "model", "watcher"))
