"""A report passes only for what it holds; whatever is odd about it fails."""

import dataclasses
import json
from typing import Any

import pytest

from council.serving.compute.code import examples, judging

TESTS = [dataclasses.asdict(test) for test in examples.read("assert f(1) == [1, 2]\nassert f(2) == 'x'").tests]


def judge(results: Any, nonce: str = "n") -> list[bool]:
    report = json.dumps({"nonce": nonce, "results": results})
    return judging.judge({"tests": TESTS, "report": report, "nonce": "n"})["passed"]


RIGHT = [{"value": ["list", [["whole", "0x1"], ["whole", "0x2"]]]}, {"value": ["text", "x"]}]


def test_right_results_pass() -> None:
    assert judge(RIGHT) == [True, True]


@pytest.mark.parametrize(
    "results",
    [
        [],
        RIGHT[:1],
        RIGHT * 2,
        None,
        "x",
        [1, 2],
        [{"value": ["other", "Anything"]}] * 2,
        [{"value": None}] * 2,
        [{}] * 2,
    ],
)
def test_odd_reports_fail(results: Any) -> None:
    assert judge(results) == [False, False]


def test_a_report_without_its_mark_fails() -> None:
    assert judge(RIGHT, nonce="guessed") == [False, False]
    assert judging.judge({"tests": TESTS, "report": "[" * 100_000, "nonce": "n"})["passed"] == [False, False]


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        ("assert f(1) == 1\nassert f(2) == 4", True),
        ("assert f(1) == 1\nassert f(2) == 1", False),
        ("assert f(1) == None", False),
        ("assert f(1)\nassert f(2)", False),
        ("assert f(1)\nassert not f(2)", True),
        ("assert len(f(1)) == 2\nassert len(f(3)) == 2", True),
    ],
)
def test_tests_that_a_constant_passes_tell_nothing(text: str, telling: bool) -> None:
    tests = [dataclasses.asdict(test) for test in examples.read(text).tests]
    assert judging.telling({"tests": tests})["telling"] is telling
