"""What the gateway may ask of the worker, by name."""

import ast
import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import Any

from council.serving.compute import logic, math, quantities, results
from council.serving.compute.code import candidates, examples, judging, reading, search
from council.serving.compute.logic import translation
from council.serving.compute.quantities import programs

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


def _ping(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"pong": True}


def _math(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the symbolic grammar and that of quantities. `today` is a date as YYYY-MM-DD, where relative dates may be read."""
    text, today = str(payload["text"]), payload.get("today")
    symbolic = math.solve(text)
    everyday = quantities.solve(text, datetime.date.fromisoformat(str(today)) if today else None)
    return results.to_json(_one_of(symbolic, everyday))


def _one_of(symbolic: results.Result, everyday: results.Result) -> results.Result:
    """Return the result of the grammar that read the text; what both read must come out the same."""
    if isinstance(symbolic, results.PassedOn):
        unread = everyday == results.PassedOn(quantities.NOT_READ)
        return symbolic if unread and not quantities.knows_word_of(symbolic.reason) else everyday
    if isinstance(everyday, results.PassedOn):
        return symbolic
    if quantities.agree(symbolic, everyday):
        return everyday if _alone_keeps_percent(symbolic, everyday) else symbolic
    return results.PassedOn("two grammars read it, with different answers")


def _alone_keeps_percent(symbolic: results.Result, everyday: results.Result) -> bool:
    """Return whether 5% of 10% is a percentage in one answer only."""
    return (
        isinstance(symbolic, results.Solved)
        and isinstance(everyday, results.Solved)
        and everyday.answer.endswith("%")
        and "%" not in symbolic.answer.rpartition("=")[2]
    )


def _logic(payload: Mapping[str, Any]) -> dict[str, Any]:
    return results.to_json(logic.solve(str(payload["text"])))


def _logic_translated(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Solve what a model made of a puzzle."""
    return results.to_json(translation.solve(str(payload["text"]), str(payload["translation"])))


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
    "logic.translated": _logic_translated,
    "code.read": _code_read,
    "code.python_syntax": _python_syntax,
    "code.extract": candidates.extract,
    "code.tests": _code_tests,
    "code.judge": judging.judge,
    "code.telling": judging.telling,
    "code.search": search.search,
    "code.computes": programs.against,
}
