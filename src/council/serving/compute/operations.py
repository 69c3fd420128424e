"""What the gateway may ask of the worker, by name."""

import ast
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from council.serving.compute import logic, math, results
from council.serving.compute.code import candidates, examples, judging, reading, search

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


def _ping(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"pong": True}


def _math(payload: Mapping[str, Any]) -> dict[str, Any]:
    return results.to_json(math.solve(str(payload["text"])))


def _logic(payload: Mapping[str, Any]) -> dict[str, Any]:
    return results.to_json(logic.solve(str(payload["text"])))


def _code_read(payload: Mapping[str, Any]) -> dict[str, Any]:
    return reading.read(str(payload["text"])).to_json()


def _code_tests(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Read the tests in a model's words of the functions that its code defines."""
    names = _python_syntax(payload).get("defines", [])
    read = examples.read(str(payload["text"]))
    tests = [dataclasses.asdict(test) for test in read.tests] if read.name in names else []
    return {"name": read.name, "tests": tests, **judging.telling({"tests": tests})}


def _python_syntax(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether a text parses as Python. Parsing runs nothing."""
    try:
        tree = ast.parse(str(payload["code"]))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"parses": False, "reason": str(error)[:200]}
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    return {"parses": True, "defines": names[:50]}


OPERATIONS: Mapping[str, Operation] = {
    "ping": _ping,
    "math.solve": _math,
    "logic.solve": _logic,
    "code.read": _code_read,
    "code.python_syntax": _python_syntax,
    "code.extract": candidates.extract,
    "code.tests": _code_tests,
    "code.judge": judging.judge,
    "code.telling": judging.telling,
    "code.search": search.search,
}
