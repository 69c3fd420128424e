"""No wrong answer over the shared development prompts, where they are at hand."""

import json
import pathlib
from fractions import Fraction

import pytest

from council.serving.compute import math, results

FOLDER = pathlib.Path(__file__).parents[6] / "shared" / "data" / "router-dev"


def _rows() -> list[dict[str, str]]:
    return [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in _lines(path)]


def _lines(path: pathlib.Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared development prompts are not at hand")
def test_no_development_prompt_gets_a_wrong_answer() -> None:
    rows = _rows()
    solved, wrong = 0, []
    for row in rows:
        result = math.solve(row["prompt"])
        if isinstance(result, results.PassedOn):
            continue
        solved += isinstance(result, results.Solved)
        right = row["kind"] == "math" and isinstance(result, results.Solved)
        if not right or _normalised(result.detail["exact"]) != _normalised(row["answer"]):
            wrong.append((row["prompt"], row["answer"], result))
    print(f"{solved} of {len(rows)} development prompts solved")
    assert not wrong
    assert solved


def _normalised(answer: str) -> str | Fraction:
    plain = answer.replace(",", "").replace("$", "").strip()
    try:
        return Fraction(plain)
    except ValueError:
        return plain
