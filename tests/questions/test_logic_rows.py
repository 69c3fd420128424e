"""Every development prompt, where the data lies beside the repository: no answer may contradict the key."""

import json
from collections import Counter
from pathlib import Path

import pytest

from council.serving.compute import logic, results

DATA = Path(__file__).parents[3] / "shared" / "data" / "router-dev"


# So many rows of each file are answered at least; a fall is a loss of what could be read.
ANSWERED = {"logic_grid": 40, "zebra_own": 40, "logical_deduction_train": 100, "prontoqa": 80, "proofwriter_train": 70}


def agrees(answer: str, key: str) -> bool:
    if key.startswith("["):
        return bool(json.loads(answer.split("\n", maxsplit=1)[0]) == json.loads(key))
    said, key = answer.lower(), key.lower()
    return said.startswith((f"{key})", f"{key}.", f"{key} "))


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
            right = (
                row["kind"] == "logic" and isinstance(result, results.Solved) and agrees(result.answer, row["answer"])
            )
            if isinstance(result, results.Solved) and not right:
                wrong.append((row["id"], row["answer"], result.answer))
    with capsys.disabled():
        for name, count in counts.items():
            print(f"\n{name}: {dict(count)}", end="")
        print()
    assert not wrong
    assert {name: counts[name]["Solved"] >= least for name, least in ANSWERED.items()} == dict.fromkeys(ANSWERED, True)
