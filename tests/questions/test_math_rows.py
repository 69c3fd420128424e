"""No wrong answer over the shared development prompts, where they are at hand."""

import json
import pathlib
import re
from fractions import Fraction

import pytest

from council.serving.compute import math, results
from council.serving.compute.math import arithmetic, grammar, limits, notation

FOLDER = pathlib.Path(__file__).parents[3] / "shared" / "data" / "router-dev"


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
        if not right or not _same(result.detail["exact"], row["answer"]):
            wrong.append((row["prompt"], row["answer"], result))
    print(f"{solved} of {len(rows)} development prompts solved")
    assert not wrong
    assert solved


def _same(exact: str, key: str) -> bool:
    """Compare the two as numbers, matrices of numbers, or formulas at two places; whatever does not compare is not the same."""
    exact = re.sub(r" \(mod \d+\)$", "", exact)
    if exact.rsplit(" = ", maxsplit=1)[-1].replace(" ", "") == key.replace(" ", ""):
        return True
    try:
        ours, theirs = (_values(text) for text in (exact.rsplit(" = ", maxsplit=1)[-1], _key(key)))
    except limits.MathStopError:
        return False
    return len(ours) == len(theirs) and all(arithmetic.agree(one, two) for one, two in zip(ours, theirs, strict=True))


def _key(key: str) -> str:
    wide = re.sub(r"_\d$", "", key).replace(",\\!", "").replace("\\sec x", "/\\cos x")
    return notation.plain(f"${wide.strip()}$")


def _values(text: str) -> list[arithmetic.Value]:
    parts = text.strip("[] ").replace("], [", ", ").split(", ")
    nodes = [grammar.parse_own(part) for part in parts]
    places = [{name: Fraction(ord(name), turn) for name in "abcdknxyz"} for turn in (31, 57)]
    return [arithmetic.value(node, place) for node in nodes for place in places]
