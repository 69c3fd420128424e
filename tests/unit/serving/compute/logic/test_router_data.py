"""Every development prompt, where the data lies beside the repository: no answer may contradict the key."""

import json
from collections import Counter
from pathlib import Path

import pytest

from council.serving.compute import logic, results

DATA = Path(__file__).parents[6] / "shared" / "data" / "router-dev"


def test_no_answer_contradicts_the_key_of_the_development_data(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(DATA.glob("*.jsonl"))
    if not files:
        pytest.skip("the development data is not beside the repository")
    counts: dict[str, Counter[str]] = {}
    wrong = []
    for file in files:
        count = counts.setdefault(file.stem, Counter())
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            result = logic.solve(row["prompt"])
            count[type(result).__name__] += 1
            if isinstance(result, results.Solved):
                said, key = result.answer.lower(), row["answer"].lower()
                if row["kind"] != "logic" or not said.startswith((f"{key})", f"{key}.", f"{key} ")):
                    wrong.append((row["id"], row["answer"], result.answer))
    with capsys.disabled():
        for name, count in counts.items():
            print(f"\n{name}: {dict(count)}", end="")
        print()
    assert not wrong
