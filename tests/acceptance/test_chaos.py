"""One whole Council, broken on purpose by the command that a person uses: each fault ends green, or with a person called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import whole
from council.upkeep.chaos import catalogue

# Some two minutes on two quiet cores.
_LIMIT_S = 540.0
_END_S = 120.0


def test_every_fault_of_the_short_form_ends_green_or_with_a_person_called(tmp_path: Path) -> None:
    words = ("--short", "--seed", "3", "--warm-up", "1s", "--calm", "1s", "--limit", "60s", "--rate", "2")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
    command = [sys.executable, "-m", "council", "chaos", "campaign", *words, "--port", str(whole.free_port())]
    said = _said([*command, "--report", str(tmp_path)], environment)
    told = json.loads((tmp_path / "chaos.json").read_text())
    ends = {one["fault"]: one["end"] for one in told["faults"]}
    assert sorted(ends) == sorted(catalogue.SHORT), said
    assert set(ends.values()) <= {"healed", "withstood", "a person was called"}, said
    assert ends["tree-killed"] == ends["process-killed"] == "healed"
    found = next(one for one in told["faults"] if one["fault"] == "process-stopped")
    assert found["noticed_by"] and (found["incidents"] or not found["undone"])
    assert "<svg" in (tmp_path / "times.svg").read_text()


def _said(command: list[str], environment: dict[str, str]) -> str:
    """Return what a command printed. One that takes too long is asked to end, so that nothing of its own is left."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as one:
        try:
            return one.communicate(timeout=_LIMIT_S)[0]
        except subprocess.TimeoutExpired:
            one.terminate()
            return one.communicate(timeout=_END_S)[0]
