"""A report passes only for what it holds; whatever is odd about it fails."""

import dataclasses
import doctest
import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from council.serving.compute.code import examples, judging
from council.serving.specialists import code_harness

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


CODE = """
import collections

class Never(list):
    def __eq__(self, other):
        return False

class Plain(list):
    pass

class Shown(dict):
    def __repr__(self):
        return "{}"

Pair = collections.namedtuple("Pair", "a b")

VALUES = [
    None, True, False, 0, 1, 1.0, -0.0, "1", "a", "'", [], [1], (1,), {}, {1: 2}, set(), {1}, frozenset({1}), b"a",
    bytearray(b"a"), Never(), Plain([1]), Shown(), Pair(1, 2), collections.Counter("a"), collections.OrderedDict({1: 2}),
    float("nan"), float("inf"), object(), [True], [1.0], 10**30, 1j,
]

def f(number):
    return VALUES[number]

def g(number):
    print("told")
    return VALUES[number]
"""
EXPECTED = ("None", "True", "False", "0", "1", "1.0", "-0.0", "'1'", "'a'", '"a"', '"\'"', "[]", "[1]", "[1.0]", "[True]",
            "(1,)", "(1, 2)", "{}", "{1: 2}", "{'a': 1}", "b'a'", "frozenset({1})", "10**30", "1e30", "1j", "told")  # fmt: skip
FORMS = ("assert f({n}) == {e}", "assert {e} == f({n})", "assert f({n}) != {e}", "assert not f({n}) == {e}",
         "assert f({n}) is {e}", "assert f({n}) is not {e}", "assert f({n})", "assert not f({n})", "assert len(f({n})) == {e}",
         "assert set(f({n})) == {e}", ">>> f({n})\n{e}\n", ">>> print(f({n}))\n{e}\n", ">>> g({n})\n{e}\n")  # fmt: skip


def holds(source: str, space: dict[str, Any]) -> bool:
    """Say what Python itself says of a test."""
    if source.startswith(">>>"):
        made = doctest.DocTestParser().get_doctest(source, space, "one", None, 0)
        return doctest.DocTestRunner(verbose=False).run(made, out=lambda _: None).failed == 0
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            exec(source, space)
    except Exception:
        return False
    return True


@pytest.mark.long
def test_a_test_passes_just_where_python_says_so(tmp_path: Path) -> None:
    space: dict[str, Any] = {}
    exec(CODE, space)
    sources, tests = [], []
    for form in FORMS:
        for number in range(len(space["VALUES"])):
            for expected in EXPECTED:
                source = form.format(n=number, e=expected)
                read = examples.read(source)
                if read.tests and source not in sources:
                    sources.append(source)
                    tests.append(dataclasses.asdict(read.tests[0]))
    asked = {"nonce": "n", "code": CODE, "calls": [test["call"] for test in tests]}
    subprocess.run(
        [sys.executable, code_harness.__file__], input=json.dumps(asked).encode(), cwd=tmp_path, check=True, timeout=60
    )
    report = (tmp_path / "council-results.json").read_text()
    judged = judging.judge({"tests": tests, "report": report, "nonce": "n"})
    truth = [holds(source, space) for source in sources]
    wrong = [
        (source, passed, gave)
        for source, passed, untold, gave, true in zip(
            sources, judged["passed"], judged["untold"], judged["gave"], truth, strict=True
        )
        if not untold and passed is not true
    ]
    assert not wrong
    assert len(tests) > 5000 and sum(truth) > 300 and sum(judged["untold"]) < len(tests) / 4
