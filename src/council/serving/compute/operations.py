"""What the gateway may ask of the worker, by name."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from council.serving.compute import logic, math, results

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


def _ping(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"pong": True}


def _math(payload: Mapping[str, Any]) -> dict[str, Any]:
    return results.to_json(math.solve(str(payload["text"])))


def _logic(payload: Mapping[str, Any]) -> dict[str, Any]:
    return results.to_json(logic.solve(str(payload["text"])))


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
    "code.python_syntax": _python_syntax,
}
