"""Compares what a candidate gave in the sandbox with what the tests expect. The candidate never sees what is expected."""

import ast
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from council.serving.compute.code import examples

_DEPTH_MAX = 60
_SHOWN_CHARS = 300
_Outcome = tuple[bool | None, str]


class _NotPlainError(Exception):
    """What came back is no plain value."""


def judge(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Say for each of `tests` whether `report`, the text of the harness with this `nonce`, passes it, and what it gave.

    A test is `untold` where the value that came back has ways of its own to be equal, which nobody asks it for.
    """
    tests = [_test(each) for each in payload["tests"]]
    results = _results(str(payload["report"]), str(payload["nonce"]), len(tests))
    outcomes = [_passes(test, result) for test, result in zip(tests, results, strict=True)]
    return {
        "passed": [passed is True for passed, _ in outcomes],
        "untold": [passed is None for passed, _ in outcomes],
        "gave": [gave[:_SHOWN_CHARS] for _, gave in outcomes],
    }


def telling(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether `tests` fail on an empty body and on every constant return, and how many outcomes they tell apart."""
    tests = [_test(each) for each in payload["tests"]]
    constants: list[Any] = [None]
    constants += [ast.literal_eval(test.expected) for test in tests if test.compare in ("equal", "same", "close")]
    constants += [value for test in tests if test.compare == "doctest" for value in _shown(test.expected)]
    constants += [True, False]
    trivial = bool(tests) and any(all(_holds(test, constant) for test in tests) for constant in constants)
    outcomes = {(test.compare in ("raises", "prints", "doctest"), test.expected) for test in tests}
    return {"telling": bool(tests) and not trivial, "outcomes": len(outcomes)}


def _shown(expected: str) -> list[Any]:
    """Return what a doctest's line is the text of, or the line itself: what a function that always gives it would return."""
    try:
        return [ast.literal_eval(expected), expected]
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return [expected]


def _test(each: Mapping[str, Any]) -> examples.Test:
    tolerance = each["tolerance"]
    return examples.Test(
        str(each["call"]),
        str(each["compare"]),
        str(each["expected"]),
        str(each["source"]),
        str(each["wrapper"]),
        (float(tolerance[0]), float(tolerance[1])),
    )


def _results(report: str, nonce: str, count: int) -> Sequence[Mapping[str, Any]]:
    """Return what the report says of each call, or that it says nothing. Whatever is odd about it is a failure."""
    nothing = [{"lost": "the program ended before it gave its results"}] * count
    try:
        made = json.loads(report)
    except (ValueError, RecursionError):
        return nothing
    if not isinstance(made, dict) or made.get("nonce") != nonce:
        return nothing
    results = made.get("results")
    if not isinstance(results, list) or len(results) != count or not all(isinstance(each, dict) for each in results):
        return nothing
    return results


def _passes(test: examples.Test, result: Mapping[str, Any]) -> _Outcome:
    if "lost" in result:
        return False, str(result["lost"])
    if "raised" in result:
        name = str(result["raised"])
        return test.compare == "raises" and name == test.expected, f"{name}: {result.get('message', '')}".rstrip(": ")
    if test.compare == "raises":
        return False, f"no {test.expected}"
    if test.compare == "prints":
        printed = str(result.get("printed", ""))
        return _same_print(printed, ast.literal_eval(test.expected)), f"printed {printed!r}"
    if test.compare == "doctest":
        shown = (str(result.get("printed", "")) + str(result.get("shown", ""))).rstrip("\n")
        return _as_doctest(shown, test.expected), f"shows {shown!r}"
    try:
        value = _value(result.get("value"), 0)
    except _NotPlainError as error:
        return None, str(error)
    return _holds(test, value), repr(value)


def _as_doctest(shown: str, expected: str) -> bool:
    """Compare as doctest does where nobody says otherwise: it takes True for 1 and False for 0."""
    return shown == expected or (shown, expected) in (("True", "1"), ("False", "0"))


def _same_print(printed: str, expected: Any) -> bool:
    wanted = expected if isinstance(expected, str) else str(expected)
    return printed.strip() == wanted.strip()


def _holds(test: examples.Test, value: Any) -> bool:
    if test.compare in ("raises", "prints"):
        return False
    try:
        if test.compare == "truth":
            return bool(value) == (test.expected == "True")
        if test.compare == "doctest":
            return _as_doctest("" if value is None else repr(value), test.expected)
        expected = ast.literal_eval(test.expected)
        if test.compare in ("same", "other"):
            return (type(value) is type(expected) and value == expected) is (test.compare == "same")
        if test.compare == "close":
            relative, absolute = test.tolerance
            return math.isclose(value, expected, rel_tol=relative, abs_tol=absolute)
        return bool(examples.wrapped(test.wrapper, value) == expected) is (test.compare == "equal")
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False


def _value(coded: Any, depth: int) -> Any:
    """Undo the harness's coding of a plain value: a pair of a letter for its type and its content."""
    if depth > _DEPTH_MAX or not isinstance(coded, list) or len(coded) != 2:
        raise _NotPlainError("a value that is too deep or no plain one")
    kind, content = coded
    try:
        match kind:
            case "none" | "bool" | "text":
                return content
            case "whole":
                return int(content, 16)
            case "float":
                return float(content)
            case "complex":
                return complex(float(content[0]), float(content[1]))
            case "bytes":
                return bytes.fromhex(content)
            case "list" | "tuple" | "set":
                items = [_value(each, depth + 1) for each in content]
                return {"list": list, "tuple": tuple, "set": set}[kind](items)
            case "dict":
                return {_value(key, depth + 1): _value(each, depth + 1) for key, each in content}
            case _:
                raise _NotPlainError(f"a value of type {content}"[:_SHOWN_CHARS])
    except (TypeError, ValueError, IndexError) as error:
        raise _NotPlainError("a value that cannot be read") from error
