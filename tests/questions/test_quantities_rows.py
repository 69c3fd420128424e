"""No wrong answer over the shared development prompts, where they are at hand, whatever kind they are of."""

import json
import pathlib

import pytest

from council.serving.compute import quantities, results

FOLDER = pathlib.Path(__file__).parents[3] / "shared" / "data" / "router-dev"


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared development prompts are not at hand")
def test_no_development_prompt_gets_a_wrong_answer() -> None:
    wrong, solved = [], 0
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            result = quantities.solve(row["prompt"])
            if not isinstance(result, results.Solved):
                continue
            solved += 1
            if row["kind"] != "math" or result.detail["exact"] != row["answer"]:
                wrong.append((row["prompt"], row["answer"], result.answer))
    print(f"{solved} development prompts solved")
    assert not wrong
    assert solved >= 50
