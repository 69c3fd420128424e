"""Takes a program out of a model's words, and says by reading it what speaks against it."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from council.kit import fences
from council.serving.compute.code import purity

_TEXT_CHARS_MAX = 60_000
_KEPT = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
# Values as small as these stand in many right programs.
_SMALL_WHOLE = 20
_SMALL_TEXT_CHARS = 3


def extract(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions in `text`, whether `name` is among them, and what keeps their success from being verified."""
    text = str(payload["text"])[:_TEXT_CHARS_MAX]
    blocks = fences.python_blocks(text)
    tree = None
    for source in ("\n\n".join(blocks), *blocks, text if not blocks else ""):
        tree = _parsed(source)
        if tree is not None and (not payload["name"] or payload["name"] in _defined(tree)):
            break
    if tree is None:
        return {"code": "", "defines": False, "against": "there is no Python in the answer that parses"}
    tree.body = [node for node in tree.body if isinstance(node, _KEPT)]
    code = ast.unparse(tree)
    names = _defined(tree)
    name = str(payload["name"]) or (names[-1] if names else "")
    against = purity.impurity(code)
    if not against and _repeats(tree, payload["tests"]):
        against = "it holds the results of your tests"
    return {"code": code, "defines": name in names, "name": name, "against": against}


def _parsed(source: str) -> ast.Module | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if tree.body else None


def _defined(tree: ast.Module) -> list[str]:
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def _repeats(tree: ast.Module, tests: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a program holds an input or result of the tests that is too special to stand there by chance."""
    special = set()
    for test in tests:
        special.add(str(test["expected"]))
        call = ast.parse(str(test["call"]), mode="eval").body
        if isinstance(call, ast.Call):
            special |= {ast.unparse(argument) for argument in call.args}
            if len(call.args) > 1:
                special.add(f"({', '.join(ast.unparse(argument) for argument in call.args)})")
    special = {each for each in special if _is_special(each)}
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.UnaryOp)
        if literal and ast.unparse(node) in special and not _is_docstring(tree, node):
            return True
        if isinstance(node, ast.Compare) and _compares_inputs(node, tests):
            return True
    return False


def _compares_inputs(node: ast.Compare, tests: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether an equality asks for the whole input of one test, small as it may be."""
    if not all(isinstance(operator, ast.Eq | ast.In) for operator in node.ops):
        return False
    sides = {ast.unparse(side) for side in (node.left, *node.comparators)}
    inputs = set()
    for test in tests:
        call = ast.parse(str(test["call"]), mode="eval").body
        if isinstance(call, ast.Call) and len(call.args) == 1:
            inputs.add(ast.unparse(call.args[0]))
    return bool(sides & (inputs - {"0", "1", "2", "''", "[]", "()", "{}", "None", "True", "False"}))


def _is_special(source: str) -> bool:
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    match value:
        case bool() | None:
            return False
        case int() | float():
            return abs(value) > _SMALL_WHOLE
        case str() | bytes():
            return len(value) > _SMALL_TEXT_CHARS
        case _:
            return bool(value)


def _is_docstring(tree: ast.Module, node: ast.AST) -> bool:
    return any(isinstance(each, ast.Expr) and each.value is node for each in ast.walk(tree))
