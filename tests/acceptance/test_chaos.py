"""One whole Council, broken on purpose by the command that a person uses: each fault ends green, or with a person called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import whole
from council.upkeep.chaos import catalogue

_LIMIT_S = 420.0


@pytest.mark.alone
def test_every_fault_of_the_short_form_ends_green_or_with_a_person_called(tmp_path: Path) -> None:
    words = ("--short", "--seed", "3", "--warm-up", "1s", "--calm", "1s", "--limit", "15s", "--rate", "2")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
    command = [sys.executable, "-m", "council", "chaos", "campaign", *words, "--port", str(whole.free_port())]
    done = subprocess.run(
        [*command, "--report", str(tmp_path), "--json"],
        env=environment, capture_output=True, text=True, check=False, timeout=_LIMIT_S,
    )  # fmt: skip
    told = json.loads((tmp_path / "chaos.json").read_text())
    ends = {one["fault"]: one["end"] for one in told["faults"]}
    assert sorted(ends) == sorted(catalogue.SHORT), done.stderr
    assert set(ends.values()) <= {"healed", "withstood", "a person was called"}, done.stderr
    assert ends["tree-killed"] == ends["process-killed"] == "healed"
    found = next(one for one in told["faults"] if one["fault"] == "process-stopped")
    assert found["noticed_by"] and (found["incidents"] or not found["undone"])
    assert "<svg" in (tmp_path / "times.svg").read_text()
